package replicas

import (
	"net/http"
	"testing"
)

// S47: the cookies of a sign-in that is not over, copied, open nothing: not after the password, and not while the phone rings.
func TestHalfASignInIsNothing_S47(t *testing.T) {
	w := newWorld(t, setup{replicas: 1})
	pat := w.join("pat")
	b := w.browser(mainSite)
	opensNothing := func(when string) {
		t.Helper()
		for _, path := range []string{"/", "/report", "/_mfa/whoami", "/_mfa/auth", "/_mfa/session", "/stream"} {
			if p := b.copied().open(path); p.status >= 200 && p.status < 300 {
				t.Errorf("%s: %s is %s", when, path, p)
			}
		}
		if hits := w.app.received(); len(hits) > 0 {
			t.Errorf("%s: the app received %v", when, hits)
		}
	}
	p := b.open("/report").identify(pat)
	opensNothing("after the password")
	p.choose("push").want("step/wait")
	opensNothing("while the phone rings")
	if err := pat.approve(); err != nil {
		t.Fatal(err)
	}
	if err := b.arrive("/report").in(pat); err != nil {
		t.Error(err)
	}
	if p := w.browser(mainSite).open("/report"); p.status != http.StatusUnauthorized {
		t.Errorf("a stranger gets %s", p)
	}
}
