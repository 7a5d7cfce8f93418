package e2e

import (
	"fmt"
	"strings"
)

// The pages' hooks (ui): where a sign-in stands.
const (
	onSignIn  = "main[data-view=signin]"
	onChoose  = "main[data-view=step][data-kind=choose]"
	onCode    = "main[data-view=step][data-kind=code]"
	onWait    = "main[data-view=step][data-kind=wait]"
	onForm    = "main[data-view=step][data-kind=form]"
	onDenied  = "main[data-view=step][data-kind=denied]"
	onError   = "main[data-view=error]"
	onSignOut = "main[data-view=signout]"
	onEnd     = "main[data-view=signedout]"
	onApp     = "#who"

	loginField    = `input[name="f.identifier"]`
	passwordField = `input[name="f.password"]`
	codeField     = `#answer input[name^="f."]`
	primary       = "main form button.primary"
	resend        = "[data-choice-kind=resend]"
)

// signIn opens a page of the site and sends the first form.
func (p *tab) signIn(who person, path string) {
	p.t.Helper()
	p.open(path)
	p.identify(who.Login, who.Password)
}

func (p *tab) identify(login, password string) {
	p.t.Helper()
	p.fill(loginField, login)
	p.fill(passwordField, password)
	p.click(primary)
}

// askPush brings a person to the page that waits for the phone.
func (p *tab) askPush(who person, path string) {
	p.t.Helper()
	p.signIn(who, path)
	p.choose("push")
	p.see(onWait)
}

// choose picks a factor.
func (p *tab) choose(factor string) {
	p.t.Helper()
	p.see(onChoose)
	p.click("button[data-factor=" + factor + "]")
}

// askCode brings a person to the page that asks for a code.
func (p *tab) askCode(who person, path string) {
	p.t.Helper()
	p.signIn(who, path)
	p.until("the list of factors or the code", fmt.Sprintf("!!document.querySelector(%q) || !!document.querySelector(%q)",
		"button[data-factor=totp]", codeField))
	if p.has("button[data-factor=totp]") {
		p.click("button[data-factor=totp]")
	}
	p.see(onCode)
}

// code sends a code.
func (p *tab) code(code string) {
	p.t.Helper()
	p.fill(codeField, code)
	p.click(primary)
}

// wrongCode is a code of the right shape that is not the given one.
func wrongCode(right string) string {
	return strings.Map(func(r rune) rune { return '0' + (r-'0'+5)%10 }, right)
}

// phone opens a person's phone in a tab of the same browser.
func (b *browser) phone(who person) *tab {
	b.t.Helper()
	p := b.localTab()
	p.open(who.Phone)
	return p
}

// card is the newest push on the phone.
const card = "article[data-push-id]"

// headers are the request headers that the upstream printed on its page.
func (p *tab) headers() map[string]string {
	p.t.Helper()
	p.see(onApp)
	return eval[map[string]string](p, `Object.fromEntries(Array.from(
		document.querySelectorAll("#headers tr"), tr => [tr.dataset.header, tr.cells[1].innerText]))`)
}

// admitted waits for the upstream's page and checks what reached it: who it is, and no cookie of ours.
func (p *tab) admitted(who person, path string) {
	p.t.Helper()
	p.see(onApp)
	h := p.headers()
	if got := h["Remote-User"]; got != who.Login {
		p.t.Errorf("the upstream saw Remote-User %q, want %q", got, who.Login)
	}
	if got := h["Remote-Email"]; got != who.Login {
		p.t.Errorf("the upstream saw Remote-Email %q, want %q", got, who.Login)
	}
	for name, value := range h {
		if strings.Contains(value, "__Host-") || strings.Contains(value, "okta_mfa") {
			p.t.Errorf("the upstream saw a cookie of the gate's: %s: %s", name, value)
		}
	}
	if got, want := p.text("#request"), "GET "+path; got != want {
		p.t.Errorf("the upstream saw %q, want %q: the page that was asked for", got, want)
	}
}
