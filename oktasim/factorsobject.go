package oktasim

import (
	"strings"

	"github.com/pquerna/otp/totp"
	"rsc.io/qr"
)

// The shapes of factors on the wire (factors-api.md §3.2, §4.2, §4.3), with the oddities of Okta's examples.

// factorURL is the factor's own.
func (x *exchange) factorURL(a *account, f *factor) string {
	return x.cfg.URL + "/api/v1/users/" + a.id + "/factors/" + f.id
}

// factorObject is a factor by itself.
func (x *exchange) factorObject(a *account, f *factor) map[string]any {
	url := x.factorURL(a, f)
	links := map[string]any{"self": link(url, "GET", "DELETE"), "user": link(x.cfg.URL + "/api/v1/users/" + a.id)}
	out := map[string]any{
		"id": f.id, "factorType": f.typ, "provider": f.provider, "vendorName": f.vendorName(), "status": f.status, "_links": links,
	}
	if f.profile != nil {
		out["profile"] = f.profile
	}
	if f.typ != factorEmail { // Okta's examples of e-mail factors have neither
		out["created"], out["lastUpdated"] = f.since(), f.since()
	}
	switch {
	case f.status == factorPending:
		x.pendingObject(a, f, out, links)
	case f.typ == factorFastPass: // nothing can verify it here
	default:
		links["verify"] = link(url+"/verify", "POST")
	}
	if f.typ == factorQuestion {
		links["questions"] = link(x.cfg.URL + "/api/v1/users/" + a.id + "/factors/questions")
	}
	return out
}

// listedFactor is a factor in a list, whose links are not complete: a question has none to verify it, and one that is
// pending names its next step. The shared secret is there all the same.
func (x *exchange) listedFactor(a *account, f *factor) map[string]any {
	out := x.factorObject(a, f)
	links := out["_links"].(map[string]any)
	if f.typ == factorQuestion {
		delete(links, "verify")
	}
	if f.typ == factorSMS {
		delete(out, "vendorName") // as in old data
	}
	if activate, ok := links["activate"].(map[string]any); ok {
		delete(links, "activate")
		activate["name"] = "activate"
		links["next"] = activate
	}
	return out
}

func (k *factorKind) vendorName() string {
	if k.vendor != "" {
		return k.vendor
	}
	return k.provider
}

func (f *factor) since() string {
	if f.made.IsZero() {
		return apiEpoch
	}
	return apiTime(f.made)
}

// pendingObject adds what leads on.
func (x *exchange) pendingObject(a *account, f *factor, out, links map[string]any) {
	url := x.factorURL(a, f)
	links["activate"] = link(url+"/lifecycle/activate", "POST")
	qrcode := map[string]any{"href": url + "/qr/" + f.link, "type": "image/png"}
	switch f.typ {
	case factorPush:
		delete(links, "activate")
		links["poll"] = link(url+"/lifecycle/activate/poll", "POST")
		out["_embedded"] = map[string]any{"activation": x.waitingObject(a, f, "")}
	case factorTOTP:
		activation := map[string]any{"timeStep": 30, "sharedSecret": unpaddedBase32.EncodeToString(f.secret), "encoding": "base32", "keyLength": 6}
		embedded := map[string]any{"activation": activation}
		if f.provider == "GOOGLE" {
			activation["keyLength"] = 16
			activation["_links"] = map[string]any{"qrcode": qrcode}
		} else {
			embedded["_links"] = map[string]any{"qrcode": qrcode} // one level up
		}
		out["_embedded"] = embedded
	case factorSMS, factorCall, factorEmail:
		resend := link(url+"/resend", "POST")
		resend["name"] = f.typ
		links["resend"] = []any{resend}
	case factorWebAuthn:
		out["_embedded"] = map[string]any{"activation": x.creationOptions(a, f)}
	}
}

// waitingObject is the activation of a push that waits for the phone; poll, when it is not "", is where to ask.
func (x *exchange) waitingObject(a *account, f *factor, poll string) map[string]any {
	url := x.factorURL(a, f)
	var send []any
	for _, way := range []string{"email", "sms"} {
		l := link(url+"/lifecycle/activate/"+way, "POST")
		l["name"] = way
		send = append(send, l)
	}
	links := map[string]any{"send": send, "qrcode": map[string]any{"href": url + "/qr/" + f.link, "type": "image/png"}}
	if poll != "" {
		links["poll"] = link(poll, "POST")
	}
	return map[string]any{"expiresAt": apiTime(f.expires), "factorResult": "WAITING", "_links": links}
}

// qrText is what the phone reads off the factor's QR code.
func (x *exchange) qrText(a *account, f *factor) string {
	if f.typ == factorPush {
		return x.qrContent(f.link)
	}
	k, err := totp.Generate(totp.GenerateOpts{Issuer: orgName, AccountName: a.Login, Secret: f.secret})
	if err != nil {
		panic(err) // issuer and login are there
	}
	return k.URL()
}

// qrPNG is a QR code as an image, large enough for a camera.
func qrPNG(content string) []byte {
	code, err := qr.Encode(content, qr.M)
	if err != nil {
		panic(err) // the texts are short
	}
	code.Scale = 5
	return code.PNG()
}

// serveQR answers the URL of a QR code. It needs no credentials: its path is the secret, for as long as the factor waits.
func (o *Org) serveQR(x *exchange) {
	text := o.pendingQRText(x)
	if text == "" {
		x.answer(apiNotFound(strings.TrimPrefix(x.r.URL.Path, "/"), "QrCode"))
		return
	}
	x.header.Set("Content-Type", "image/png")
	x.setBody(qrPNG(text))
}

func (o *Org) pendingQRText(x *exchange) string {
	o.mu.Lock()
	defer o.mu.Unlock()
	a, rep := o.byID(x)
	if rep != nil {
		return ""
	}
	f := a.findFactor(&x.cfg.Policy.Factors, x.r.PathValue("factor"))
	if f == nil || f.link == "" || f.link != x.r.PathValue("secret") || !x.now.Before(f.expires) {
		return ""
	}
	return x.qrText(a, f)
}
