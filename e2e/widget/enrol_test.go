package widget

import (
	"bytes"
	"encoding/base64"
	"image/png"
	"slices"
	"strings"
	"testing"

	"github.com/makiuchi-d/gozxing"
	"github.com/makiuchi-d/gozxing/qrcode"
)

// newcomer has a password and nothing else, so that Okta has them set Okta Verify up.
const newcomer = "nophone@sidegate.example"

// qr reads the QR code off the page, as a phone would.
func (p *tab) qr() string {
	p.t.Helper()
	data, ok := strings.CutPrefix(p.read("img.qrcode", "e.src"), "data:image/png;base64,")
	raw, err := base64.StdEncoding.DecodeString(data)
	if !ok || err != nil {
		p.failf("the QR code is no PNG: %v", err)
	}
	img, err := png.Decode(bytes.NewReader(raw))
	check(p.t, err)
	bitmap, err := gozxing.NewBinaryBitmapFromImage(img)
	check(p.t, err)
	code, err := qrcode.NewQRCodeReader().Decode(bitmap, nil)
	if err != nil {
		p.failf("no phone can read the QR code: %v", err)
	}
	return code.GetText()
}

func wantSetUp(t *testing.T, s *site, user, key string) {
	t.Helper()
	if got := s.org.Authenticators(user); !slices.Contains(got, key) {
		t.Errorf("%s has %v, want %s among them", user, got, key)
	}
}

func TestEnrolByQR(t *testing.T) {
	s := startSite(t)
	p := s.open(t)
	p.login(newcomer)
	p.choose("okta_verify")
	check(t, s.org.ScanQR(newcomer, p.qr()))
	p.wantSignedIn(newcomer, "pwd", "mfa", "okta_verify")
	wantSetUp(t, s, newcomer, "okta_verify")
}
