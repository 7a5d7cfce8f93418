package e2e

import (
	"testing"

	"sidegate.example/sidegate/oktasim"
)

// A mailed link may lead to the gate instead of Okta. In the browser that signs in a button sends its code; anywhere
// else the code is shown to be typed, and nothing happens by itself: programs that look at mail open links too.
func TestMailedLinkLeadsToTheGate(t *testing.T) {
	everyWay(t, func(t *testing.T, b *browser, shot func(*tab, string)) {
		b.d.policy(map[string]any{"email_link": b.d.Site + "/_mfa/email"})
		max := b.d.person("max")
		p := b.tab()
		p.signIn(max, "/")
		p.choose("email")
		p.see("main[data-kind=code][data-factor=email]")
		mail := b.d.newestMail(max)

		elsewhere := newBrowser(t, b.d)
		elsewhere.noJS = b.noJS
		other := elsewhere.tab()
		other.open(mail.Link)
		shot(other, "mailed-elsewhere")
		if got := other.text("#mailed-code"); got != mail.Code || other.has("form") {
			t.Errorf("another browser is shown %q, want the code %q and no form", got, mail.Code)
		}
		same := b.tab()
		same.open(mail.Link)
		same.see("main[data-view=mailed]")
		shot(same, "mailed")
		if p.open("/"); p.has(onApp) {
			t.Fatal("a link that was only opened let somebody in")
		}
		same.click(primary)
		same.admitted(max, "/")
		if got := same.headers()["Referer"]; got != b.d.Site+"/" {
			t.Errorf("S27: the upstream saw Referer %q, want the origin alone", got)
		}
	})
}

// A phone that is called, a listed question and an email address are set up; the link in the email ends the last step.
func TestSetUpByCallListAndLink(t *testing.T) {
	everyWay(t, func(t *testing.T, b *browser, shot func(*tab, string)) {
		lea := b.d.join("lea", oktasim.User{Device: "Pixel 4", Methods: []string{"totp"}, Require: []string{"phone_number", "security_question", "okta_email"}})
		p := b.tab()
		p.askCode(lea, "/")
		p.code(b.d.totp(lea))
		p.click("[data-choice-kind=enroll][data-factor=sms]")
		p.see("main[data-topic=phone]")
		p.fill(telField, "+15555550188")
		p.pick("#answer select", "1")
		p.press(primary)
		p.see("main[data-kind=code][data-factor=voice]")
		call := b.d.newestMail(lea)
		if call.Channel != "voice" || call.To != "+15555550188" {
			t.Fatalf("sent %+v", call)
		}
		p.code(call.Code)

		p.click("[data-choice-kind=enroll][data-factor=security_question]")
		p.see("main[data-topic=question]")
		p.click("input[type=radio][value='0']")
		p.pick(`select[name="f.credentials.0.questionKey"]`, "0")
		p.fill(`input[name="f.credentials.0.answer"]`, "liver again")
		p.press(primary)

		p.click("[data-choice-kind=enroll][data-factor=email]")
		p.see("main[data-kind=code][data-factor=email]")
		b.follow(b.d.newestMail(lea).Link)
		p.opened()
		p.admitted(lea, "/")
		p.leave()

		p.signIn(lea, "/again")
		p.choose("security_question")
		p.code("liver again")
		p.admitted(lea, "/again")
	})
}

// opened says, where no script listens, that the mailed link was opened: until Okta has been asked.
func (p *tab) opened() {
	p.t.Helper()
	for p.b.noJS && !p.has(onApp) {
		p.press("#opened")
	}
}
