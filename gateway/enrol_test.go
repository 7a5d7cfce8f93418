package gateway

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"sidegate.example/sidegate/flows"
	"sidegate.example/sidegate/gateway/identity"
)

const (
	qrSecret  = "KRUGKIDTMVRXEZLU"
	qrBytes   = "\x89PNG\r\n\x1a\nqr-of-bob"
	qrSentTo  = "bob@private.example"
	linkToken = "tok-3n_of.mail"
)

// unfinished are the steps that stand between a password and a session while something is set up, changed or recovered.
func unfinished() map[string]flows.Step {
	wait := &flows.Wait{Interval: time.Hour}
	return map[string]flows.Step{
		"what to set up": {Kind: flows.KindChoose, Enrolling: true, Choices: []flows.Choice{{ID: "enroll-push", Kind: flows.ChoiceEnroll, Factor: identity.Push}}},
		"QR code": {Kind: flows.KindWait, Enrolling: true, Factor: identity.Push, Wait: wait,
			Setup: &flows.Setup{Channel: flows.ChannelQR, QR: []byte(qrBytes), SentTo: qrSentTo}},
		"secret to type": {Kind: flows.KindCode, Enrolling: true, Factor: identity.GoogleOTP, Fields: []flows.Field{{Name: "passcode"}},
			Setup: &flows.Setup{QR: []byte(qrBytes), Secret: qrSecret}},
		"address":          {Kind: flows.KindForm, Enrolling: true, Topic: flows.TopicAddress, Fields: []flows.Field{{Name: "email", Required: true}}},
		"phone number":     {Kind: flows.KindForm, Enrolling: true, Topic: flows.TopicPhone, Fields: []flows.Field{{Name: "phoneNumber"}}},
		"passkey":          {Kind: flows.KindWebAuthn, Enrolling: true, Factor: identity.WebAuthn, WebAuthn: &flows.WebAuthn{Create: true, Options: []byte(`{}`)}},
		"mailed code":      {Kind: flows.KindCode, Factor: identity.Email, Fields: []flows.Field{{Name: "passcode"}}, Wait: wait, LinkState: "st4te"},
		"expired password": {Kind: flows.KindForm, Factor: identity.Password, Topic: flows.TopicPasswordExpired, Fields: []flows.Field{{Name: "p", Secret: true}}},
		"recovery":         {Kind: flows.KindForm, Topic: flows.TopicResetPassword, Fields: []flows.Field{{Name: "p", Secret: true}}},
		"recovered":        {Kind: flows.KindDenied, Denied: &flows.Denied{Reason: flows.DeniedRestored, Final: true}},
		"may not set up":   {Kind: flows.KindDenied, Denied: &flows.Denied{Reason: flows.DeniedEnrollment, Final: true}},
	}
}

// S47: however far a sign-in has got while something is set up or recovered, its cookie opens nothing: not the site, not
// whoami, not as the session's cookie.
func TestHalfAnEnrolmentIsNothing_S47(t *testing.T) {
	for name, step := range unfinished() {
		t.Run(name, func(t *testing.T) {
			flow := straight()
			flow.start = func(flows.Answer) (flows.Step, error) { return step, nil }
			flow.poll = func() (flows.Step, error) { return step, nil }
			w := newWorld(t, flow)
			b := w.browser(t)
			b.begin()
			for _, path := range []string{"/", protected, "/_mfa/whoami"} {
				blocked401(t, b.get(path))
			}
			c := b.cookie(DefaultCookieName + "_signin")
			r := b.request("GET", protected, "")
			r.AddCookie(&http.Cookie{Name: DefaultCookieName, Value: c.Value})
			blocked401(t, b.do(r))
			if b.cookie(DefaultCookieName) != nil || len(w.upstream()) != 0 {
				t.Errorf("a session was made, or %d requests got through", len(w.upstream()))
			}
		})
	}
}

// S75, S76: what sets a phone up is on the page of the browser that began, which nothing may store, and nowhere else: no
// log, no URL, no header, no other browser, no whoami.
func TestSetUpIsShownToItsBrowserOnly_S75_S76(t *testing.T) {
	for _, name := range []string{"QR code", "secret to type"} {
		t.Run(name, func(t *testing.T) {
			step := unfinished()[name]
			flow := straight()
			flow.start = func(flows.Answer) (flows.Step, error) { return step, nil }
			flow.poll = func() (flows.Step, error) { return step, nil }
			w := newWorld(t, flow)
			b := w.browser(t)
			b.begin()
			page := b.get(protected)
			const picture = "iVBORw0KGgpxci1vZi1ib2I" // qrBytes in base64
			if typed := step.Setup.Secret != ""; typed && !strings.Contains(page.body, "KRUG KIDT") {
				t.Fatalf("no secret to type on the page:\n%s", page.body)
			}
			if !strings.Contains(page.body, picture) || page.Header.Get("Cache-Control") != "no-store" || page.Header.Get("Referrer-Policy") == "" {
				t.Fatalf("%v\n%s", page.Header, page.body)
			}
			stranger := w.browser(t)
			everywhere := []string{w.logs.String(), stranger.get(protected).body, stranger.get("/_mfa/whoami").body, b.get("/_mfa/whoami").body, page.Request.URL.String()}
			events := stranger.do(stranger.request("GET", "/_mfa/events?seq=1", ""))
			if events.StatusCode != http.StatusForbidden {
				t.Errorf("a stranger may listen: %d", events.StatusCode)
			}
			everywhere = append(everywhere, events.body, w.logs.String())
			for key, values := range page.Header {
				everywhere = append(everywhere, key+": "+strings.Join(values, ","))
			}
			for _, text := range everywhere {
				for _, secret := range []string{picture, qrSecret, "KRUG KIDT", qrSentTo} {
					if strings.Contains(text, secret) {
						t.Errorf("%q is in %.300q", secret, text)
					}
				}
			}
		})
	}
}

// S76, S27: a mailed link is a button and no gesture; its token goes to Okta by that button alone, and into no log, no
// header and no address.
func TestMailedLinkIsNoGesture_S76(t *testing.T) {
	var got flows.Answer
	flow := straight()
	flow.start = func(a flows.Answer) (flows.Step, error) {
		got = a
		return unfinished()["recovery"], nil
	}
	w := newWorld(t, flow, func(c *Config) { c.Recover, c.Activate = true, true })
	for route, field := range map[string]string{"/activate": flows.FieldActivationToken, "/recover": flows.FieldRecoveryToken} {
		b := w.browser(t)
		page := b.get("/_mfa" + route + "?token=" + linkToken)
		if page.StatusCode != http.StatusOK || flow.total() != 0 {
			t.Fatalf("%s: %d, calls %v", route, page.StatusCode, flow.calls)
		}
		a := b.post("/_mfa/identify", url.Values{"csrf": {page.csrf(t)}, "f." + field: {linkToken}})
		if a.StatusCode != http.StatusSeeOther || a.Header.Get("Location") != "/" || got.Values[field] != linkToken {
			t.Errorf("%s: %d to %q, the flow got %+v", route, a.StatusCode, a.Header.Get("Location"), got)
		}
		blocked(t, w, b.get("/"))
		flow.calls = nil
	}
	if strings.Contains(w.logs.String(), linkToken) {
		t.Errorf("the token is in the log:\n%s", w.logs)
	}
}

// S38: a mailed code has a button only in the browser whose sign-in the link is of, and else is shown, to be typed there; what
// is no code is not shown.
func TestMailedCode_S38(t *testing.T) {
	asks := unfinished()["mailed code"]
	foreign := asks
	foreign.LinkState = ""
	for name, c := range map[string]struct {
		step          flows.Step
		query         string
		shown, button bool
	}{
		"of this sign-in":    {asks, "otp=12345678&state=st4te", true, true},
		"letters":            {asks, "otp=aB3dE6gH9j&state=st4te", true, true},
		"of another sign-in": {asks, "otp=12345678&state=other", true, false},
		"of none":            {asks, "otp=12345678", true, false},
		"not mailed by Okta": {foreign, "otp=12345678&state=", true, false},
		"asked for no code":  {unfinished()["recovery"], "otp=12345678&state=st4te", true, false},
		"words":              {asks, "otp=call-555&state=st4te", false, false},
		"markup":             {asks, "otp=%3Cb%3Ex%3C%2Fb%3E&state=st4te", false, false},
		"foreign digits":     {asks, "otp=%D9%A1%D9%A2%D9%A3%D9%A4&state=st4te", false, false},
		"too short":          {asks, "otp=12345&state=st4te", false, false},
		"too long":           {asks, "otp=12345678901&state=st4te", false, false},
	} {
		t.Run(name, func(t *testing.T) {
			flow := straight()
			flow.start = func(flows.Answer) (flows.Step, error) { return c.step, nil }
			w := newWorld(t, flow)
			b := w.browser(t)
			b.begin()
			page := b.get("/_mfa/email?" + c.query)
			query, err := url.ParseQuery(c.query)
			if err != nil {
				t.Fatal(err)
			}
			if want := map[bool]int{true: http.StatusOK, false: http.StatusNotFound}[c.shown]; page.StatusCode != want {
				t.Errorf("status %d, want %d", page.StatusCode, want)
			}
			if shown := strings.Contains(page.body, query.Get("otp")); shown != c.shown {
				t.Errorf("shown: %v, want %v:\n%s", shown, c.shown, page.body)
			}
			if button := strings.Contains(page.body, `name="f.passcode"`); button != c.button {
				t.Errorf("a button: %v, want %v:\n%s", button, c.button, page.body)
			}
		})
	}
}

// What the operator did not switch on is not there: no button, no page.
func TestSelfServiceIsOptIn(t *testing.T) {
	for _, on := range []bool{false, true} {
		w := newWorld(t, straight(), func(c *Config) { c.Recover, c.Unlock, c.Activate, c.RememberMe = on, on, on, on })
		b := w.browser(t)
		page := b.get(protected).body
		for _, button := range []string{`value="recover"`, `value="unlock"`, `name="f.rememberMe"`} {
			if strings.Contains(page, button) != on {
				t.Errorf("%s on the first page: %v, want %v", button, !on, on)
			}
		}
		for _, route := range []string{"/_mfa/activate?token=t", "/_mfa/recover?token=t"} {
			if got := b.get(route).StatusCode; (got == http.StatusOK) != on || !on && got != http.StatusNotFound {
				t.Errorf("%s: %d with the option %v", route, got, on)
			}
		}
	}
}
