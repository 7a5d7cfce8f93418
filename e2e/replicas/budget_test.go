package replicas

import (
	"fmt"
	"strings"
	"testing"
)

// verified is how many codes Okta was asked about, by the Factors API.
func (w *world) verified() (n int) {
	for _, q := range w.org.Requests() {
		if strings.HasSuffix(q.Path, "/verify") && strings.Contains(q.Body, "passCode") {
			n++
		}
	}
	return n
}

// S63: wrong codes are counted for the person over three replicas, new sign-ins, other addresses, and the death of one of the replicas; the right
// one comes too late. Okta's own lock is not reached.
func TestWrongCodesAreCountedOverReplicas_S63(t *testing.T) {
	w := newRedisWorld(t, setup{}, durable...)
	pat := w.join("pat")
	for n := range 11 {
		b := w.browserFrom(paySite, fmt.Sprintf("192.0.2.%d", n+1))
		if n == 2 {
			w.all[1].kill()
			w.all[1].start()
		}
		p := b.open("/").identify(pat)
		if p.shown() == "step/choose" && p.choice("totp") != "" {
			p = p.choose("totp")
		}
		if p.shown() == "step/code" {
			p = p.typeCode(pat.wrongCode())
		}
		if p.shown() == "app" {
			t.Fatal("in with a wrong code")
		}
	}
	if n := w.verified(); n != 3 {
		t.Errorf("Okta was asked about %d codes, want 3", n)
	}
	b := w.browser(paySite)
	p := b.open("/").identify(pat)
	if p.shown() == "step/choose" && p.choice("totp") != "" {
		p = p.choose("totp")
	}
	if p.shown() == "step/code" {
		p = p.typeCode(pat.code())
	}
	if p.shown() == "app" {
		t.Error("the right code let somebody in after eleven wrong ones")
	}
	if n := w.verified(); n > 4 {
		t.Errorf("Okta was asked about %d codes", n)
	}
	b = w.browser(paySite)
	b.signIn(w.join("quinn"), "/") // somebody else
}

// S78: pushes are counted for the person over three replicas and the death of one.
func TestPushesAreCountedOverReplicas_S78(t *testing.T) {
	w := newRedisWorld(t, setup{}, durable...)
	pat := w.join("pat")
	for n := range 20 {
		if n == 2 {
			w.all[2].kill()
			w.all[2].start()
		}
		p := w.browser(paySite).on(w.all[n%3]).open("/").identify(pat)
		if p.choice("push") != "" {
			p.choose("push")
		}
	}
	if n := pat.pushed(); n != 3 {
		t.Errorf("%d pushes in 20 sign-ins on three replicas, want 3", n)
	}
}
