package e2e

import (
	"strings"
	"testing"
)

const (
	onResume    = "main[data-view=resume]"
	transferred = "#paid"
)

// transfer fills the app's form and sends it.
func (p *tab) transfer(to, amount string) {
	p.t.Helper()
	p.fill("#to", to)
	p.fill("#amount", amount)
	p.click("#transfer-form button")
}

// sheet is a tab at the app's form, of a person who signed in by a code, which is not enough to send it.
func (b *browser) sheet(who person) *tab {
	b.t.Helper()
	p := b.tab()
	p.askCode(who, b.d.Payroll+"/sheet")
	p.code(b.d.totp(who))
	p.admitted(who, "/sheet")
	return p
}

// challenged sends the form, which runs into a step-up.
func (p *tab) challenged(amount string) {
	p.t.Helper()
	p.transfer("carol", amount)
	p.see(onSignIn + " #why")
}

// A transfer runs into a step-up: the page says why, asks for the number challenge alone, and then what was typed is sent, once and
// after a click. Whoever cancels is back where they were, and a second transfer soon after is asked for nothing.
func TestStepUpKeepsTheForm(t *testing.T) {
	everyWay(t, func(t *testing.T, b *browser, shot func(*tab, string)) {
		nia := b.d.person("nia")
		p := b.sheet(nia)
		p.challenged("100")
		shot(p, "stepup")
		if p.has(loginField) || p.has(passwordField) || p.has(onApp) {
			t.Error("the page asks who it is")
		}
		if text := p.text("main"); !strings.Contains(text, "is kept") || !strings.Contains(text, nia.Login) {
			t.Errorf("the page is %q", text)
		}
		p.click("#back")
		p.see(onApp)
		if got := p.text("#request"); got != "GET /sheet" {
			t.Errorf("cancel leads to %q", got)
		}

		p.challenged("100 & <b>")
		p.press(primary)
		p.see(onChoose)
		shot(p, "stepup-choose")
		if p.has("button[data-factor=totp]") {
			t.Error("a code is offered, which is not enough")
		}
		p.choose("push")
		p.see(onWait)
		shot(p, "stepup-wait")
		p.approvedOn(b.phone(nia))
		p.see(onResume)
		shot(p, "stepup-resume")
		if text := p.text("#request"); !strings.HasPrefix(text, "POST ") || !strings.HasSuffix(text, "/transfer") {
			t.Errorf("the page asks about %q", text)
		}
		p.click("#resume button")
		p.see(transferred)
		if got := p.text(transferred); got != "100 & <b> to carol" {
			t.Errorf("the app received %q", got)
		}
		if h := p.headers(); h["Remote-User"] != nia.Login || !strings.HasPrefix(h["Content-Type"], "application/x-www-form-urlencoded") || strings.Contains(h["Cookie"], "okta_mfa") {
			t.Errorf("the app saw %v", h)
		}

		p.transfer("dave", "5")
		p.until("the second transfer", `document.querySelector("`+transferred+`")?.textContent === "5 to dave"`)
	})
}

// Who has nothing that is strong enough is told so, and goes on as before.
func TestStepUpWithoutTheFactor(t *testing.T) {
	everyWay(t, func(t *testing.T, b *browser, shot func(*tab, string)) {
		p := b.sheet(b.d.person("tom"))
		p.challenged("100")
		p.press(primary)
		p.see(onDenied + "[data-reason=step_up]")
		shot(p, "stepup-denied")
		p.click("#back")
		p.see(onApp)
		if p.has(transferred) {
			t.Error("it was transferred")
		}
	})
}

// Who is signed in and may not enter is told so and can sign out; the rest of the site is open as before.
func TestForbidden(t *testing.T) {
	everyWay(t, func(t *testing.T, b *browser, shot func(*tab, string)) {
		tom := b.d.person("tom")
		p := b.tab()
		p.vault(tom, "/vault")
		p.press(primary)
		p.see(onCode)
		p.code(b.d.totp(tom))
		p.admitted(tom, "/vault")
		p.open(b.d.Vault + "/admin/keys")
		p.see("main[data-view=forbidden]")
		shot(p, "forbidden")
		if text := p.text("main"); !strings.Contains(text, "You may not open this") || p.has(onApp) {
			t.Errorf("the page is %q", text)
		}
		p.fits("forbidden")
		p.open(b.d.Vault + "//%61dmin/keys")
		p.see("main[data-view=forbidden]")
		p.click("#other")
		p.see(onSignOut)
	})
}

// The pages of a step-up on a phone's width and on a desk, light and dark.
func TestStepUpPagesFit(t *testing.T) {
	b := newBrowser(t, startDemo(t))
	nia := b.d.person("nia")
	p := b.sheet(nia)
	p.challenged("100")
	p.fits("stepup")
	p.press(primary)
	p.choose("push")
	p.approvedOn(b.phone(nia))
	p.see(onResume)
	p.fits("resume")
}
