package e2e

import "testing"

// S45: in the demo, an admin's "Clear user sessions" at Okta signs the person out of every site, by Universal Logout, and nobody
// else.
func TestAdminClearsUserSessions_S45(t *testing.T) {
	b := newBrowser(t, startDemo(t))
	tom, pat := b.d.person("tom"), b.d.person("pat")
	p := b.tab()
	p.askCode(tom, "/report")
	p.code(b.d.totp(tom))
	p.admitted(tom, "/report")
	p.open(b.d.Wiki + "/page")
	p.admitted(tom, "/page")
	other := newBrowser(t, b.d)
	q := other.tab()
	q.askPush(pat, "/report")
	other.phone(pat).click(card + " button[name=approve]")
	q.admitted(pat, "/report")

	okta := b.localTab()
	okta.open(b.d.Phone)
	okta.shot("clear-user-sessions")
	okta.press("button[data-clear='" + tom.Login + "']")
	okta.see("ul.phones")
	p.open(b.d.Wiki + "/page")
	p.see(onSignIn)
	p.open(b.d.Site + "/report")
	p.see(onSignIn)
	q.open("/report")
	q.admitted(pat, "/report")
}
