package e2e

import (
	"strings"
	"testing"
)

// everyWay runs a test with page script and without, both at once: each mostly waits for a poll.
func everyWay(t *testing.T, test func(t *testing.T, b *browser, shot func(p *tab, name string)), args ...string) {
	for name, noJS := range map[string]bool{"script": false, "no script": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBrowser(t, startDemo(t, args...))
			b.noJS = noJS
			prefix := strings.ReplaceAll(name, " ", "-") + "-"
			test(t, b, func(p *tab, name string) { p.shot(prefix + name) })
		})
	}
}

// The main road: password, push, approved; and what each party saw.
func TestPushApproved(t *testing.T) {
	everyWay(t, func(t *testing.T, b *browser, shot func(*tab, string)) {
		pat := b.d.person("pat")
		p := b.tab()
		p.open("/report?month=5")
		shot(p, "signin")
		p.identify(pat.Login, pat.Password)
		p.see(onChoose)
		shot(p, "choose")
		if got := b.d.pushes(pat); len(got) != 0 {
			t.Fatalf("S79: a push was sent before anybody asked for it: %+v", got)
		}
		if got := p.text("#context"); !strings.Contains(got, browserAddress) || !strings.Contains(got, browserShown) {
			t.Errorf("before the push the page said %q, want %q and %q in it", got, browserShown, browserAddress)
		}
		p.choose("push")
		p.see(onWait)
		shot(p, "push-wait")

		phone := b.phone(pat)
		shown := phone.text(card)
		for _, want := range []string{browserAddress, browserShown} {
			if !strings.Contains(shown, want) {
				t.Errorf("the phone showed %q, want %q in it", shown, want)
			}
		}
		shot(phone, "phone-push")
		phone.click(card + " button[name=approve]")
		p.admitted(pat, "/report?month=5")
		shot(p, "app")

		pushes := b.d.pushes(pat)
		if len(pushes) != 1 || pushes[0].State != "approved" || pushes[0].UserAgent != browserAgent {
			t.Errorf("pushes were %+v, want one, approved, with the browser's agent", pushes)
		}
	})
}

// A denial is told, and no phone rings again for a while (S78); another way is open.
func TestPushDenied(t *testing.T) {
	everyWay(t, func(t *testing.T, b *browser, shot func(*tab, string)) {
		pat := b.d.person("pat")
		p := b.tab()
		p.askPush(pat, "/")
		phone := b.phone(pat)
		phone.click(card + " button[name=deny]")
		p.see(onDenied + "[data-reason=denied_on_phone]")
		shot(p, "denied")
		if p.has(onApp) {
			t.Error("the app showed beside the denial")
		}
		p.press(resend)
		p.see("main [role=alert]")
		shot(p, "denied-pause")
		p.press("button[data-factor=push]")
		p.see("main [role=alert]")
		if got := b.d.pushes(pat); len(got) != 1 {
			t.Errorf("%d pushes were sent, want the one that was denied", len(got))
		}
		p.choose("totp")
		p.see(onCode)
		p.code(b.d.totp(pat))
		p.admitted(pat, "/")
	})
}

// Two tabs of one browser wait on one push; both get in, each to its own page.
func TestTwoTabsOnePush(t *testing.T) {
	everyWay(t, func(t *testing.T, b *browser, _ func(*tab, string)) {
		pat := b.d.person("pat")
		first, second := b.tab(), b.tab()
		first.askPush(pat, "/first")
		second.open("/second")
		second.see(onWait)
		phone := b.phone(pat)
		phone.click(card + " button[name=approve]")
		first.admitted(pat, "/first")
		second.admitted(pat, "/second")
		if got := b.d.pushes(pat); len(got) != 1 {
			t.Errorf("%d pushes were sent for two tabs, want 1", len(got))
		}
	})
}
