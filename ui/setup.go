package ui

import (
	"encoding/base64"
	"html/template"
	"strings"

	"sidegate.example/sidegate/flows"
)

// setup is flows.Setup as the templates see it.
type setup struct {
	Channel flows.Channel
	// QR is a data URI of a picture that the engine has checked.
	QR template.URL
	// Secret is in groups of four, as people type it; Plain is for the button that copies it.
	Secret, Plain string
	Link, SentTo  string
	Devices       []string
}

func newSetup(s *flows.Setup) *setup {
	if s == nil {
		return nil
	}
	out := &setup{Channel: s.Channel, Plain: s.Secret, Secret: inGroups(s.Secret), SentTo: s.SentTo, Devices: s.Devices}
	if len(s.QR) > 0 {
		out.QR = template.URL("data:image/png;base64," + base64.StdEncoding.EncodeToString(s.QR))
	}
	if strings.HasPrefix(s.Link, "https://") {
		out.Link = s.Link
	}
	return out
}

func inGroups(s string) string {
	var b strings.Builder
	for i := range len(s) {
		if i > 0 && i%4 == 0 {
			b.WriteByte(' ')
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

// webAuthn is flows.WebAuthn as the templates see it.
type webAuthn struct {
	Create  bool
	Options string
	// Foreign is set when the key belongs to another site, so that no browser would use it here.
	Foreign bool
	RPID    string
}

func newWebAuthn(w *flows.WebAuthn, host string) *webAuthn {
	if w == nil {
		return nil
	}
	rp := strings.ToLower(w.RPID)
	return &webAuthn{
		Create: w.Create, Options: string(w.Options), RPID: rp,
		Foreign: rp != "" && host != rp && !strings.HasSuffix(host, "."+rp),
	}
}
