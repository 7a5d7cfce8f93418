package e2e

import "testing"

// The app behind the gate goes on as it was: its own cookie comes and goes, and its forms work.
func TestTheAppKeepsItsCookieAndItsForms(t *testing.T) {
	b := newBrowser(t, startDemo(t))
	tom := b.d.person("tom")
	p := b.tab()
	p.askCode(tom, "/sheet")
	p.code(b.d.totp(tom))
	p.admitted(tom, "/sheet")
	if got := p.headers()["Cookie"]; got != "" {
		t.Errorf("the app got cookies %q before it had set one", got)
	}
	p.open("/sheet")
	if got := p.headers()["Cookie"]; got != "legacy_visits=1" {
		t.Errorf("the app got cookies %q, want its own alone", got)
	}
	p.fill("#note", "8 hours & <b>")
	p.click("#note-form button")
	if got := p.text("#received"); got != "8 hours & <b>" {
		t.Errorf("the app received %q by POST", got)
	}
	if got := p.headers()["Remote-User"]; got != tom.Login {
		t.Errorf("the POST was by %q, want %q", got, tom.Login)
	}
}
