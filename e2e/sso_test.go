package e2e

import (
	"strings"
	"testing"
)

// One sign-in for two sites, each with a cookie of its own (S58), and one way out (S44). It begins at the site where nobody signs in:
// the browser is sent to the other one and comes back to the page that was asked for, with a code and with a push.
func TestOneSignInForTwoSites(t *testing.T) {
	everyWay(t, func(t *testing.T, b *browser, shot func(*tab, string)) {
		tom := b.d.person("tom")
		p := b.tab()
		p.askCode(tom, b.d.Wiki+"/page?id=7")
		if at := eval[string](p, "location.href"); !strings.HasPrefix(at, b.d.Site+"/_mfa/sso?for=") {
			t.Errorf("the sign-in is at %s", at)
		}
		shot(p, "sso-code")
		p.code(b.d.totp(tom))
		p.admitted(tom, "/page?id=7")
		if at := eval[string](p, "location.href"); at != b.d.Wiki+"/page?id=7" {
			t.Errorf("after the sign-in the browser is at %s", at)
		}
		shot(p, "sso-wiki")
		p.open("/report")
		p.admitted(tom, "/report")

		p.click("#leave")
		p.see(onSignOut)
		shot(p, "sso-signout")
		if list := p.text("ul.sessions"); !strings.Contains(list, "wiki.localhost") {
			t.Errorf("the list of sessions is %q", list)
		}
		p.click(primary)
		p.see(onEnd)
		p.open(b.d.Wiki + "/page")
		p.see(onSignIn)

		pat := b.d.person("pat")
		other := newBrowser(t, b.d)
		other.noJS = b.noJS
		q := other.tab()
		q.askPush(pat, b.d.Wiki+"/push")
		other.phone(pat).click(card + " button[name=approve]")
		q.admitted(pat, "/push")
		if at := eval[string](q, "location.href"); at != b.d.Wiki+"/push" {
			t.Errorf("after the push the browser is at %s", at)
		}
	})
}
