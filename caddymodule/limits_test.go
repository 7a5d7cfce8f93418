package caddymodule

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2"

	"sidegate.example/sidegate/oktasim"
)

// bothEngines is one server with a site of each engine: 127.0.0.1 through the Identity Engine, localhost through factors.
func (w *world) bothEngines() string {
	return `@payroll host localhost
	handle @payroll {
		` + strings.ReplaceAll(w.factorsSite("factors push totp"), "\n", "\n\t\t") + `
	}
	handle {
		` + strings.ReplaceAll(w.simulated(), "\n", "\n\t\t") + `
	}`
}

// inBoth is the world of the tests below: each step in another browser, on the site of the other engine, after a reload.
func inBoth(t *testing.T) (next func() *browser, sim *oktasim.Org) {
	t.Helper()
	w, sim := newFactors(t)
	js := adapt(t, w.caddyfile("http://:"+freePort(t), w.bothEngines()))
	addr := w.run(js)
	n := 0
	return func() *browser {
		t.Helper()
		if err := caddy.Load(js, true); err != nil {
			t.Fatal(err)
		}
		site := addr
		if n++; n%2 == 0 {
			site = strings.Replace(addr, "127.0.0.1", "localhost", 1)
		}
		return w.browser(site)
	}, sim
}

// pick presses the button of a factor.
func (b *browser) pick(factor string, at answer) answer {
	b.w.t.Helper()
	_, button, ok := strings.Cut(at.body, `data-factor="`+factor+`"`)
	if !ok || button == "" {
		b.w.t.Fatalf("no button for %s:\n%s", factor, at.body)
	}
	before := at.body[:len(at.body)-len(button)]
	value := before[strings.LastIndex(before, `name="choice" value="`)+len(`name="choice" value="`):]
	value, _, _ = strings.Cut(value, `"`)
	b.submit("/_mfa/answer", url.Values{"csrf": {find(b.w.t, csrfInput, at)}, "choice": {value}})
	return b.get("/payroll")
}

// S63: wrong codes of one person are counted over both engines and over reloads: Okta judges three, and then none, the right one
// included.
func TestS63CodesOverSitesAndReloads(t *testing.T) {
	next, sim := inBoth(t)
	judged := func() (n int) {
		for _, q := range sim.Requests() {
			if strings.HasSuffix(q.Path, "/verify") || q.Path == "/idp/idx/challenge/answer" {
				n++
			}
		}
		return n
	}
	for i := range 4 {
		b := next()
		at := b.signIn("bob", nil)
		if i == 3 {
			if at = b.pick("totp", at); !strings.Contains(at.body, `data-reason="too_many"`) {
				t.Errorf("after three wrong codes the page is %s", shown(at))
			}
			break
		}
		at = b.pick("totp", at)
		b.do(http.MethodPost, "/_mfa/answer", url.Values{"csrf": {find(t, csrfInput, at)}, find(t, codeInput, at): {"000000"}})
	}
	if n := judged(); n != 3 {
		t.Errorf("Okta judged %d codes, want 3", n)
	}
}

// S78: so are pushes.
func TestS78PushesOverSitesAndReloads(t *testing.T) {
	next, sim := inBoth(t)
	for range 6 {
		b := next()
		b.pick("push", b.signIn("bob", nil))
	}
	if n := len(sim.Pushes("bob")); n != 3 {
		t.Errorf("%d pushes were sent, want 3", n)
	}
}

// S78: and a denial on one site leaves the phone in peace on the other.
func TestS78DenialOverSitesAndReloads(t *testing.T) {
	next, sim := inBoth(t)
	b := next()
	b.pick("push", b.signIn("bob", nil))
	if err := sim.Deny(sim.Pushes("bob")[0].ID); err != nil {
		t.Fatal(err)
	}
	for at := b.get("/payroll"); !strings.Contains(at.body, `data-reason="denied_on_phone"`); at = b.get("/payroll") {
		if t.Context().Err() != nil {
			t.Fatal("the denial never showed")
		}
	}
	for range 3 {
		b := next()
		if at := b.pick("push", b.signIn("bob", nil)); !strings.Contains(at.body, `role="alert"`) {
			t.Errorf("the page does not say why there is no push: %s", shown(at))
		}
	}
	if n := len(sim.Pushes("bob")); n != 1 {
		t.Errorf("%d pushes were sent, want the one that was denied", n)
	}
}

// The limits that an operator sets are those of the Identity Engine too.
func TestLimitsOfTheIdentityEngine(t *testing.T) {
	for option, want := range map[string]int{"": 3, "limit pushes 1": 1, "limit pushes 4": 4} {
		t.Run(option, func(t *testing.T) {
			w, sim := newFactors(t)
			addr := w.start(w.site(option))
			for range 5 {
				b := w.browser(addr)
				b.pick("push", b.signIn("bob", nil))
			}
			if n := len(sim.Pushes("bob")); n != want {
				t.Errorf("%d pushes, want %d", n, want)
			}
		})
	}
}
