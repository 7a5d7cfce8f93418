package e2e

import (
	"strings"
	"testing"
)

// Each factor beside Okta Verify: a wrong answer is told and may be corrected, the right one lets in.
func TestEachFactor(t *testing.T) {
	codes := map[string]func(d *demo, who person) string{
		"email":        func(d *demo, who person) string { return d.newestMail(who).Code },
		"sms":          func(d *demo, who person) string { return d.newestMail(who).Code },
		"voice":        func(d *demo, who person) string { return d.newestMail(who).Code },
		"google_otp":   func(d *demo, who person) string { return d.codes(who).Google },
		"hardware_otp": func(d *demo, who person) string { return d.codes(who).Token },
	}
	everyWay(t, func(t *testing.T, b *browser, shot func(*tab, string)) {
		max := b.d.person("max")
		p := b.tab()
		for factor, code := range codes {
			p.signIn(max, "/"+factor)
			p.see(onChoose)
			shot(p, "choose-many")
			p.click("button[data-factor=" + factor + "]")
			p.see("main[data-kind=code][data-factor=" + factor + "]")
			shot(p, "code-"+factor)
			p.fill(codeField, wrongCode(code(b.d, max)))
			p.press(primary)
			p.see("main[data-kind=code] [role=alert]")
			if p.has(onApp) {
				t.Fatalf("%s: a wrong code let somebody in", factor)
			}
			p.code(code(b.d, max))
			p.admitted(max, "/"+factor)
			p.leave()
		}

		p.signIn(max, "/question")
		p.choose("security_question")
		p.see("main[data-factor=security_question]")
		if got := p.text("main"); !strings.Contains(got, "What is the food you least liked as a child?") {
			t.Errorf("the page does not ask the question: %q", got)
		}
		shot(p, "question")
		p.fill(codeField, "spinach")
		p.press(primary)
		p.see("main[data-factor=security_question] [role=alert]")
		p.code("liver")
		p.admitted(max, "/question")
	})
}

// leave signs out.
func (p *tab) leave() {
	p.t.Helper()
	p.click("#leave")
	p.click(primary)
	p.see(onEnd)
}

// The link in the e-mail does as well as the code beside it, while the page keeps what is typed.
func TestEmailLinkEndsTheWait(t *testing.T) {
	everyWay(t, func(t *testing.T, b *browser, shot func(*tab, string)) {
		max := b.d.person("max")
		p := b.tab()
		p.signIn(max, "/")
		p.choose("email")
		p.see("main[data-kind=code][data-factor=email]")
		p.fill(codeField, "12")
		b.follow(b.d.newestMail(max).Link)
		if b.noJS {
			if got := eval[string](p, `document.querySelector("#answer input[name^='f.']").value`); got != "12" {
				t.Errorf("the page lost what was typed: %q", got)
			}
		}
		p.opened()
		p.admitted(max, "/")
	})
}

// A forgotten password: the e-mail proves who it is, but not that they may enter: the second factor still follows.
func TestForgottenPassword(t *testing.T) {
	everyWay(t, func(t *testing.T, b *browser, shot func(*tab, string)) {
		max := b.d.person("max")
		p := b.tab()
		p.open("/")
		p.click("[data-choice-kind=recover]")
		p.see("main[data-topic=recover]")
		shot(p, "recover")
		p.fill(loginField, max.Login)
		p.click(primary)
		p.mailed(max)
		p.see("main[data-topic=reset_password]")
		shot(p, "reset-password")
		p.fill(`input[name="f.credentials.passcode"]`, "changed-Passw0rd")
		p.fill(`input[name="f.confirm"]`, "changed-Passw0rd")
		p.click(primary)
		p.see(onChoose)
		if p.has(onApp) {
			t.Fatal("S71: recovery let somebody in")
		}
		p.choose("google_otp")
		p.prove("google_otp", func() string { return b.d.codes(max).Google })
		p.admitted(max, "/")
		p.leave()
		p.signIn(person{Login: max.Login, Password: "changed-Passw0rd"}, "/")
		p.see(onChoose)
	})
}
