package e2e

import (
	"strings"
	"testing"
)

// S44, S60: whoever left a browser signed in somewhere ends it from another one.
func TestSignOutEverywhereFromAnotherBrowser(t *testing.T) {
	everyWay(t, func(t *testing.T, b *browser, shot func(*tab, string)) {
		pat := b.d.person("pat")
		enter := func(p *tab) {
			p.askPush(pat, "/")
			phone := b.phone(pat)
			phone.click(card + " button[name=approve]")
			p.admitted(pat, "/")
		}
		forgotten := newBrowser(t, b.d)
		forgotten.noJS = b.noJS
		there, here := forgotten.tab(), b.tab()
		enter(there)
		enter(here)
		here.click("#leave")
		here.see(onSignOut)
		shot(here, "signout-everywhere")
		here.fits("signout-everywhere")
		if list := here.text("ul.sessions"); strings.Count(list, browserAddress) != 2 || strings.Count(list, "This session") != 1 {
			t.Errorf("the list of sessions is %q", list)
		}
		here.click("main form button[value=everywhere]")
		here.see(onEnd)
		there.open("/")
		there.see(onSignIn)
		here.open("/")
		here.see(onSignIn)
	})
}
