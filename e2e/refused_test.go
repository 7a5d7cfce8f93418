package e2e

import (
	"regexp"
	"testing"
)

// A locked account gets no further, and is told so only after the right password.
func TestLocked(t *testing.T) {
	everyWay(t, func(t *testing.T, b *browser, shot func(*tab, string)) {
		p := b.tab()
		p.signIn(b.d.person("lou"), "/")
		p.see(onDenied + "[data-reason=locked]")
		shot(p, "locked")
		if p.has(onApp) {
			t.Error("the app showed to a locked account")
		}
	})
}

// varying are the parts of a page that differ from one request to the next, and the login that was typed.
var varying = regexp.MustCompile(`value="[^"]*"|nonce="[^"]*"|[a-z.]+@example\.com`)

// An unknown user and a wrong password give the same page.
func TestUnknownUserReadsLikeWrongPassword(t *testing.T) {
	d := startDemo(t)
	page := func(login, shot string) string {
		p := newBrowser(t, d).tab()
		p.open("/")
		p.identify(login, "not-the-password")
		p.see("main [role=alert]")
		p.shot(shot)
		return varying.ReplaceAllString(eval[string](p, "document.documentElement.outerHTML"), "…")
	}
	unknown := page("nobody@example.com", "unknown-user")
	wrong := page(d.person("pat").Login, "wrong-password")
	if unknown != wrong {
		t.Errorf("the pages differ:\n--- unknown user\n%s\n--- wrong password\n%s", unknown, wrong)
	}
}
