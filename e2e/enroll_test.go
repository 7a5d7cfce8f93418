package e2e

import (
	"bytes"
	"encoding/base64"
	"image/png"
	"net/http"
	"strings"
	"testing"

	"github.com/makiuchi-d/gozxing"
	"github.com/makiuchi-d/gozxing/qrcode"
)

const (
	onSetUp    = "main[data-kind=wait][data-enrolling]"
	onEnroll   = "main[data-kind=choose][data-enrolling]"
	emailField = `#answer input[type=email]`
	telField   = `#answer input[type=tel]`
)

// prove gives the code of one factor that was chosen from the list.
func (p *tab) prove(factor string, code func() string) {
	p.t.Helper()
	p.see("main[data-kind=code][data-factor=" + factor + "]")
	p.code(code())
}

// mailed chooses e-mail and types the code that came.
func (p *tab) mailed(who person) {
	p.t.Helper()
	p.choose("email")
	p.see("main[data-kind=code][data-factor=email]")
	p.code(p.b.d.newestMail(who).Code)
}

// qr reads the QR code off the page, as a phone would.
func (p *tab) qr() string {
	p.t.Helper()
	p.see("#qr")
	src := eval[string](p, `document.querySelector("#qr").src`)
	data, ok := strings.CutPrefix(src, "data:image/png;base64,")
	raw, err := base64.StdEncoding.DecodeString(data)
	if !ok || err != nil {
		p.t.Fatalf("the QR code is %.60q", src)
	}
	img, err := png.Decode(bytes.NewReader(raw))
	if err != nil {
		p.t.Fatal(err)
	}
	bitmap, err := gozxing.NewBinaryBitmapFromImage(img)
	if err != nil {
		p.t.Fatal(err)
	}
	// The picture is the code and nothing else; told so, the reader does not miss one in 700 as in a photograph.
	pure := map[gozxing.DecodeHintType]any{gozxing.DecodeHintType_PURE_BARCODE: true}
	read, err := qrcode.NewQRCodeReader().Decode(bitmap, pure)
	if err != nil {
		p.t.Fatalf("no phone can read the QR code: %v", err)
	}
	return read.GetText()
}

// follow opens a mailed link in a browser of its own and presses its button.
func (b *browser) follow(link string) {
	b.t.Helper()
	p := b.localTab()
	p.open(link)
	p.click("#confirm")
	p.see("#done")
}

// As the demo has it, from nothing and by hand: a new person takes the code out of the inbox, sets Okta Verify up by QR
// code with the phone, signs out, and comes back with a push.
func TestNewPersonSetsUpOktaVerifyByQR(t *testing.T) {
	everyWay(t, func(t *testing.T, b *browser, shot func(*tab, string)) {
		ned := b.d.person("ned")
		p := b.tab()
		p.signIn(ned, "/sheet")
		p.choose("email")
		p.see("main[data-kind=code][data-factor=email]")
		phone := b.phone(ned)
		phone.click("#inbox")
		phone.see(".mailcode")
		shot(phone, "phone-inbox")
		p.code(phone.text(".mailcode"))
		p.see(onEnroll)
		shot(p, "enroll-choose")
		if p.has(onApp) {
			t.Fatal("somebody got in before Okta was done")
		}
		p.click("[data-choice-kind=enroll][data-factor=push]")
		p.see(onSetUp)
		shot(p, "enroll-qr")
		content := p.qr()
		if !strings.HasPrefix(content, "oktaverify://") {
			t.Fatalf("the QR code says %q", content)
		}
		phone.open(ned.Phone)
		shot(phone, "phone-scan")
		phone.click("#scan")
		p.admitted(ned, "/sheet")

		p.click("#leave")
		p.click(primary)
		p.see(onEnd)
		p.askPush(ned, "/sheet")
		phone.open(ned.Phone)
		phone.click(card + " button[name=approve]")
		p.admitted(ned, "/sheet")
	})
}

// Okta Verify by a link: from the QR code to e-mail, on to a text message, and there it is finished.
func TestOktaVerifyByLinks(t *testing.T) {
	everyWay(t, func(t *testing.T, b *browser, shot func(*tab, string)) {
		ned := b.d.person("ned")
		p := b.tab()
		p.signIn(ned, "/")
		p.mailed(ned)
		p.click("[data-choice-kind=enroll][data-factor=push]")
		p.see(onSetUp)
		old := p.qr()

		p.click("button[value=channel-email]")
		p.see("main[data-topic=address]")
		shot(p, "enroll-address")
		p.fill(emailField, "ned@private.example")
		p.press(primary)
		p.see(onSetUp)
		shot(p, "enroll-link-sent")
		first := b.d.newestMail(ned)
		if first.Channel != "email" || first.To != "ned@private.example" {
			t.Fatalf("sent %+v", first)
		}
		if !strings.Contains(p.text("main"), "ned@private.example") {
			t.Error("the page does not say where the link went")
		}

		p.click("button[value=channel-sms]")
		p.see("main[data-topic=address]")
		p.fill(telField, "12")
		p.press(primary)
		p.see("main[data-topic=address] [role=alert]")
		p.fill(telField, "+15555550123")
		p.press(primary)
		p.see(onSetUp)
		text := b.d.newestMail(ned)
		if text.Channel != "sms" || text.To != "+15555550123" || text.Link == first.Link {
			t.Fatalf("sent %+v", text)
		}
		if status := b.d.tryScan(ned, old); status != http.StatusGone {
			t.Errorf("the QR code of before is answered %d, want 410", status)
		}
		b.follow(text.Link)
		p.admitted(ned, "/")
	})
}

// By e-mail link to the end, sent a second time on the way.
func TestOktaVerifyByEmailLink(t *testing.T) {
	everyWay(t, func(t *testing.T, b *browser, shot func(*tab, string)) {
		ned := b.d.person("ned")
		p := b.tab()
		p.signIn(ned, "/")
		p.mailed(ned)
		p.click("[data-choice-kind=enroll][data-factor=push]")
		p.click("button[value=channel-email]")
		p.fill(emailField, "ned@private.example")
		p.press(primary)
		p.see(onSetUp)
		first := b.d.newestMail(ned)
		p.press(resend)
		second := b.d.newestMail(ned)
		if second.Link == first.Link {
			t.Fatal("nothing was sent again")
		}
		b.follow(second.Link)
		p.admitted(ned, "/")
	})
}

// After the code of the app, Okta wants more: a phone number, Google Authenticator, a question, an e-mail address.
func TestRequiredEnrolments(t *testing.T) {
	everyWay(t, func(t *testing.T, b *browser, shot func(*tab, string)) {
		sue := b.d.person("sue")
		p := b.tab()
		p.askCode(sue, "/")
		p.code(b.d.totp(sue))

		p.click("[data-choice-kind=enroll][data-factor=sms]")
		p.see("main[data-topic=phone]")
		shot(p, "enroll-phone")
		p.fill(telField, "12345678")
		p.pick("#answer select", "0")
		p.press(primary)
		p.see("main[data-topic=phone] [role=alert]")
		p.fill(telField, "+15555550199")
		p.pick("#answer select", "0")
		p.press(primary)
		p.prove("sms", func() string { return b.d.newestMail(sue).Code })

		p.click("[data-choice-kind=enroll][data-factor=google_otp]")
		p.see("main[data-factor=google_otp]")
		shot(p, "enroll-google")
		if got := p.qr(); !strings.Contains(got, "secret="+strings.ReplaceAll(p.text("#secret"), " ", "")) {
			t.Errorf("the QR code says %q, and the key to type is another", got)
		}
		p.fill(codeField, wrongCode(b.d.codes(sue).Google))
		p.press(primary)
		p.see("main[data-factor=google_otp] [role=alert]")
		p.see("#qr")
		p.prove("google_otp", func() string { return b.d.codes(sue).Google })

		p.click("[data-choice-kind=enroll][data-factor=security_question]")
		p.see("main[data-topic=question]")
		shot(p, "enroll-question")
		p.click("input[type=radio][value='1']")
		p.fill(`input[name="f.credentials.1.question"]`, "What is the gate for?")
		p.fill(`input[name="f.credentials.1.answer"]`, "no")
		p.press(primary)
		p.see("main[data-topic=question] [role=alert]")
		p.click("input[type=radio][value='1']")
		p.fill(`input[name="f.credentials.1.question"]`, "What is the gate for?")
		p.fill(`input[name="f.credentials.1.answer"]`, "payroll")
		p.press(primary)

		p.click("[data-choice-kind=enroll][data-factor=email]")
		p.prove("email", func() string { return b.d.newestMail(sue).Code })
		p.admitted(sue, "/")
		p.leave()

		p.signIn(sue, "/again")
		p.choose("security_question")
		p.see("main[data-factor=security_question]")
		if got := p.text("main"); !strings.Contains(got, "What is the gate for?") {
			t.Errorf("the page does not ask their own question: %q", got)
		}
		p.code("payroll")
		p.admitted(sue, "/again")
	})
}

// An expired password is changed on the way in, and what is optional can be left.
func TestExpiredPasswordAndOptionalEnrolment(t *testing.T) {
	everyWay(t, func(t *testing.T, b *browser, shot func(*tab, string)) {
		exa := b.d.person("exa")
		p := b.tab()
		p.signIn(exa, "/")
		p.see("main[data-topic=password_expired]")
		shot(p, "password-expired")
		passwords := func(first, second string) {
			p.fill(`input[name="f.credentials.passcode"]`, first)
			p.fill(`input[name="f.confirm"]`, second)
			p.press(primary)
		}
		passwords("new-Passw0rd", "another-Passw0rd")
		p.see("main[data-topic=password_expired] [aria-invalid=true]")
		passwords("short", "short")
		p.see("main[data-topic=password_expired] [aria-invalid=true]")
		passwords("new-Passw0rd", "new-Passw0rd")
		p.choose("totp")
		p.code(b.d.totp(exa))
		p.see(onEnroll)
		p.click("[data-choice-kind=skip]")
		p.admitted(exa, "/")
	})
}
