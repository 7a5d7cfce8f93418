package widget

import (
	"bytes"
	"encoding/base64"
	"errors"
	"image/png"
	"slices"
	"strings"
	"testing"

	"github.com/makiuchi-d/gozxing"
	"github.com/makiuchi-d/gozxing/qrcode"

	"sidegate.example/sidegate/oktasim"
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
	// The picture is the code and nothing else; told so, the reader does not miss one in 700 as in a photograph.
	pure := map[gozxing.DecodeHintType]any{gozxing.DecodeHintType_PURE_BARCODE: true}
	code, err := qrcode.NewQRCodeReader().Decode(bitmap, pure)
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

// channel leaves the page for another way to set Okta Verify up.
func (p *tab) channel(name string) {
	p.t.Helper()
	p.click(".switch-channel-link")
	p.click("input[data-se-name='authenticator.channel'][value=" + name + "]")
	p.click(submit)
}

// From the QR code to a link by e-mail, on to one by text message, and back to e-mail, where it is finished.
func TestEnrolByLink(t *testing.T) {
	s := startSite(t)
	p := s.open(t)
	p.login(newcomer)
	p.choose("okta_verify")
	old := p.qr()

	p.channel("email")
	p.fill("input[name=email]", "nils@private.example")
	p.click(submit)
	p.see(".email-info")
	first := s.mail(t, newcomer, "email", "nils@private.example")

	p.channel("sms")
	p.fill("select[name=country]", "US")
	p.fill("input[name=phoneNumber]", "2015550123")
	p.click(submit)
	p.see(".sms-info")
	s.mail(t, newcomer, "sms", "+12015550123")

	p.channel("email")
	p.fill("input[name=email]", "nils@other.example")
	p.click(submit)
	p.see(".email-info")
	for what, err := range map[string]error{"QR code": s.org.ScanQR(newcomer, old), "link": s.org.OpenLink(first.Link)} {
		if !errors.Is(err, oktasim.ErrNoLink) {
			t.Errorf("the %s of before was taken (%v)", what, err)
		}
	}
	check(t, s.org.OpenLink(s.mail(t, newcomer, "email", "nils@other.example").Link))
	p.wantSignedIn(newcomer, "pwd", "mfa", "okta_verify")
	wantSetUp(t, s, newcomer, "okta_verify")
}

func TestEnrolSecurityQuestion(t *testing.T) {
	const answer = "input[name='credentials.answer']"
	user := oktasim.User{
		Login: "ask@sidegate.example", Email: "ask@sidegate.example", Password: oktasim.DefaultPassword, Require: []string{"security_question"},
	}
	for name, define := range map[string]func(p *tab){
		"listed": func(p *tab) {
			p.fill("select[name='credentials.questionKey']", "favorite_vacation_location")
			p.fill(answer, "sea")
			p.click(submit)
			p.wantAlert("The security question answer must be at least 4 characters in length")
			p.fill(answer, "seaside")
			p.submitAgain()
		},
		"own": func(p *tab) {
			p.click("input[data-se-name=sub_schema_local_credentials][value='1']")
			p.fill("input[name='credentials.question']", "What is the gate for?")
			p.fill(answer, "payroll")
			p.click(submit)
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := startSite(t, user)
			p := s.open(t)
			p.login(user.Login)
			p.choose("security_question")
			p.see(answer)
			define(p)
			p.wantSignedIn(user.Login, "pwd", "mfa", "kba")
			wantSetUp(t, s, user.Login, "security_question")
		})
	}
}
