package identityengine

import (
	"bytes"
	"encoding/base64"
	"net/url"
	"slices"
	"strings"

	"sidegate.example/sidegate/flows"
	"sidegate.example/sidegate/gateway/identity"
)

// maxQR bounds a QR code; recorded ones have 2 KB.
const maxQR = 64 << 10

// channelChoice is another way to bring Okta Verify's account to the phone.
type channelChoice struct {
	Channel flows.Channel `json:"c"`
	Move    move          `json:"m"`
}

// enroll reads the form that proves or defines a new authenticator (§4.2).
func (r reader) enroll(p *page, f *form) bool {
	at := r.doc.current(f)
	credentials := find(f.fields, "credentials")
	if credentials == nil {
		return false
	}
	k, known := r.kind(at)
	if known && len(k.methods) == 0 {
		return false
	}
	p.enrolling, p.factor, p.device = true, r.currentFactor(at), at.detail()
	switch {
	case at.key == "webauthn":
		return r.makeCredential(p, f, credentials, at)
	case at.isPassword():
		return r.describe(p, f, flows.TopicNewPassword)
	case p.factor == identity.SecurityQuestion:
		return r.describe(p, f, flows.TopicQuestion)
	}
	input := onlyInput(credentials.form)
	if input == nil || asksMore(credentials.form) {
		return r.describe(p, f, flows.TopicOther)
	}
	p.ask, p.setup = askCode, r.setup(at)
	p.answerBy(r.move(f, nil), credentials, input)
	r.sideActions(p, at)
	return true
}

// asksMore reports whether a form comes with a value that a person may want to change, such as the user name of a
// token (§6.7).
func asksMore(fields []field) bool {
	return slices.ContainsFunc(fields, func(f field) bool {
		return f.literal != nil && f.mutable && f.visible && f.label != "" && len(f.options) == 0
	})
}

// enrollPoll waits for the phone that sets Okta Verify up (§5.4). One for a card that is held to a device (NFC) cannot
// be served.
func (r reader) enrollPoll(p *page, f *form) bool {
	at := r.doc.current(f)
	if at.key != "" && !at.isOktaVerify() && !at.isCustomApp() {
		return false
	}
	p.ask, p.main, p.enrolling = askWait, r.move(f, nil), true
	p.factor, p.interval = identity.Push, refresh(f.refresh)
	if at.isCustomApp() {
		p.factor = identity.CustomPush
	}
	if p.setup = r.setup(at); p.setup == nil {
		p.setup = &flows.Setup{}
	}
	p.channels = r.channels(p.setup.Channel)
	if again := action(at.node, "resend"); again != nil {
		p.resend = r.move(again, nil)
	}
	return true
}

// channels are the other ways that Okta offers for this account.
func (r reader) channels(current flows.Channel) []channelChoice {
	var out []channelChoice
	for _, f := range r.doc.forms {
		if f.name != "select-enrollment-channel" {
			continue
		}
		outer, base := find(f.fields, "authenticator"), r.move(f, nil)
		if outer == nil || base == nil {
			return nil
		}
		list := find(outer.form, channelField)
		if list == nil {
			return nil
		}
		for _, o := range list.options[:min(len(list.options), maxFactors)] {
			c := flows.Channel(node{o.literal}.text())
			if c == current || !knownChannel(c) {
				continue
			}
			out = append(out, channelChoice{c, chosen(base, outer.name, outer.form, map[string]any{channelField: string(c)})})
		}
	}
	return out
}

func knownChannel(c flows.Channel) bool {
	switch c {
	case flows.ChannelQR, flows.ChannelEmail, flows.ChannelSMS, flows.ChannelSameDevice, flows.ChannelBootstrap:
		return true
	}
	return false
}

// setup is what the document holds for the phone; nil when nothing.
func (r reader) setup(at authenticator) *flows.Setup {
	data := at.node.get("contextualData")
	s := &flows.Setup{
		QR:     picture(data.get("qrcode").get("href").text()),
		Secret: sharedSecret(data.get("sharedSecret").text()),
	}
	if c := flows.Channel(data.get("selectedChannel").text()); knownChannel(c) {
		s.Channel = c
	}
	for _, name := range []string{"email", "phoneNumber"} {
		if s.SentTo == "" {
			s.SentTo = shorten(data.get(name).text())
		}
	}
	if same := data.get("samedevice"); same.v != nil {
		s.Channel = flows.ChannelSameDevice
		for _, name := range []string{"setupOVUrl", "downloadHref"} {
			if link := same.get(name).text(); s.Link == "" && r.showable(link) {
				s.Link = link
			}
		}
	}
	if boot := data.get("devicebootstrap"); boot.v != nil {
		s.Channel = flows.ChannelBootstrap
		s.Devices = deviceNames(boot.get("enrolledDevices"))
	}
	switch {
	case s.Channel == "" && s.QR != nil:
		s.Channel = flows.ChannelQR
	case s.Channel == "" && s.Secret == "":
		return nil
	}
	return s
}

func deviceNames(n node) []string {
	if one := n.text(); one != "" {
		return []string{shorten(one)}
	}
	var out []string
	for _, d := range n.items() {
		if name := d.text(); name != "" && len(out) < maxFactors {
			out = append(out, shorten(name))
		}
	}
	return out
}

var pngSignature = []byte("\x89PNG\r\n\x1a\n")

// picture decodes a PNG in a data URI; nil for anything else.
func picture(href string) []byte {
	data, ok := strings.CutPrefix(href, "data:image/png;base64,")
	if !ok || len(data) > maxQR {
		return nil
	}
	b, err := base64.StdEncoding.DecodeString(data)
	if err != nil || !bytes.HasPrefix(b, pngSignature) {
		return nil
	}
	return b
}

// sharedSecret is base32, as it is typed into an app; "" for anything else.
func sharedSecret(s string) string {
	if len(s) > 256 || strings.ContainsFunc(s, func(c rune) bool {
		return (c < 'A' || c > 'Z') && (c < 'a' || c > 'z') && (c < '2' || c > '7') && c != '='
	}) {
		return ""
	}
	return s
}

// stores are where Okta Verify is to be had.
var stores = map[string]bool{"apps.apple.com": true, "play.google.com": true}

// showable reports whether a page may link there: the org itself or a store, nothing else that an answer could name.
func (r reader) showable(link string) bool {
	u, err := url.Parse(link)
	if err != nil || u.Scheme != "https" || u.User != nil || len(link) > maxText {
		return false
	}
	if stores[u.Host] {
		return true
	}
	_, err = r.local(link)
	return err == nil
}

// mayEnroll reports whether this sign-in has proved enough for a new factor. Whoever knows a password alone must not
// be able to make a phone of theirs the second factor (immunity S76).
func (a *attempt) mayEnroll() bool {
	e := &a.engine.enroll
	switch {
	case e.Never:
		return false
	case e.OktaPolicy, a.state.Vouched:
		return true
	case slices.ContainsFunc(a.state.Proofs, func(p proof) bool { return p.Factor != identity.Password && p.Factor != identity.SecurityQuestion }):
		return true // an answer can be known to whoever knows the password
	}
	for _, network := range e.Networks {
		if network.Contains(a.cc.Addr()) {
			return true
		}
	}
	return false
}
