package caddymodule

import (
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2"

	"sidegate.example/sidegate/gateway/store/storetest"
	"sidegate.example/sidegate/oktasim"
)

// rotation is a site whose replicas share a Redis, each started afresh with its cookie_secret.
type rotation struct {
	*world
	redis *storetest.Server
}

// replica ends the one before and starts one with these secrets, of which it may have some.
func (r *rotation) replica(secrets ...string) (addr string) {
	r.t.Helper()
	if err := caddy.Stop(); err != nil {
		r.t.Fatal(err)
	}
	var placeholders []string
	for _, name := range secrets {
		r.t.Setenv("SIDEGATE_TEST_"+name, strings.Repeat(name+"-", 16))
		placeholders = append(placeholders, "{env.SIDEGATE_TEST_"+name+"}")
	}
	text := strings.Replace(r.caddyfile("http://:0", r.site("scopes openid profile email groups")), "{env.SIDEGATE_TEST_COOKIE_SECRET}", strings.Join(placeholders, " "), 1)
	return r.run(adapt(r.t, text))
}

// at is the same browser, copied, at another replica.
func (b *browser) at(addr string) *browser {
	c := *b
	c.addr, c.cookies = addr, maps.Clone(b.cookies)
	return &c
}

// sees is what comes of a request of b: how many groups the upstream is told, or the status.
func (r *rotation) sees(b *browser) string {
	r.t.Helper()
	r.up.mu.Lock()
	r.up.hits = nil
	r.up.mu.Unlock()
	if a := b.get("/payroll"); a.StatusCode != http.StatusOK {
		return fmt.Sprint(a.StatusCode)
	}
	return fmt.Sprintf("%d groups", strings.Count(r.up.take(r.t).Header.Get("Remote-Groups"), ",")+1)
}

// S45, S49: nothing in the store depends on cookie_secret: while it is rotated over replicas, sessions by reference, sign-ins in progress,
// counts and revocations stay. Nobody signs in again where each replica knows the new secret before any seals with it.
func TestCookieSecretRotates_S45(t *testing.T) {
	w, sim := newSimulated(t, func(c *oktasim.Config) {
		for i := range 500 {
			c.Users[0].Groups = append(c.Users[0].Groups, fmt.Sprintf("CN=app-%03d", i))
		}
	})
	r := &rotation{w, storetest.Redis(t)}
	w.shared(r.redis.Addr)
	count := func(class string) (names, entries int) {
		t.Helper()
		for _, key := range strings.Fields(r.redis.CLI("keys", "sidegate:"+class+":{*")) {
			var n int
			if class == "budget" {
				if !strings.HasSuffix(key, "}") {
					continue // what was taken back
				}
				if _, err := fmt.Sscan(r.redis.CLI("zcard", key), &n); err != nil {
					t.Fatal(err)
				}
			}
			names, entries = names+1, entries+n
		}
		return names, entries
	}

	first := r.replica("OLD")
	b, gone, waiting := w.browser(first), w.browser(first), w.browser(first)
	for _, b := range []*browser{b, gone} {
		b.waitAtPush()
		approve(t, sim)
		b.arrive()
	}
	signedOut := gone.at(first)
	gone.submit("/_mfa/signout", url.Values{"csrf": {find(t, csrfInput, gone.get("/_mfa/signout"))}})
	waiting.waitAtPush()
	documents, _ := count("session")
	budgets, sent := count("budget")

	second := r.replica("OLD", "NEW")
	if got := r.sees(b.at(second)); got != "500 groups" {
		t.Errorf("a replica that knows the new secret: %s", got)
	}
	third := r.replica("NEW", "OLD")
	b = b.at(third)
	before := b.at(third)
	b.header.Set("X-Requested-With", "fetch")
	b.header.Set("Sec-Fetch-Site", "same-origin")
	if a := b.do(http.MethodPost, "/_mfa/session", nil); a.StatusCode != http.StatusOK || b.cookies["__Host-okta_mfa"] == before.cookies["__Host-okta_mfa"] {
		t.Fatalf("the session is not prolonged: %d", a.StatusCode)
	}
	waiting = waiting.at(third)
	approve(t, sim)
	waiting.arrive()
	w.browser(third).waitAtPush()
	if names, now := count("budget"); names != budgets || now != sent {
		t.Errorf("%d counters with %d entries, %d with %d before: a push was answered, another one sent", names, now, budgets, sent)
	}
	for _, c := range []struct {
		secrets string
		who     *browser
		want    string
	}{
		{"NEW OLD", b, "500 groups"},
		{"NEW OLD", before, "500 groups"},
		{"NEW OLD", signedOut, "401"},
		{"OLD NEW", b, "500 groups"},
		{"OLD NEW", signedOut, "401"},
		{"OLD", b, "401"}, // which is why each has to know it first
		{"NEW", b, "500 groups"},
		{"NEW", before, "401"},
	} {
		if got := r.sees(c.who.at(r.replica(strings.Fields(c.secrets)...))); got != c.want {
			t.Errorf("cookie_secret %s: %s, want %s", c.secrets, got, c.want)
		}
	}
	if now, _ := count("session"); now != documents+1 {
		t.Errorf("%d documents of sessions, want %d and that of one more sign-in", now, documents)
	}
}

// A key ring that cannot be read, because key_ring_secret is another one, is not made anew: nobody is let in by a replica that cannot
// read what is revoked, and by one with a new ring neither, before the Redis is given over to it.
func TestAnotherKeyRingSecret_S45(t *testing.T) {
	w, sim := newSimulated(t)
	r := &rotation{w, storetest.Redis(t)}
	w.shared(r.redis.Addr)
	b := w.browser(r.replica("OLD"))
	b.waitAtPush()
	approve(t, sim)
	b.arrive()
	t.Setenv("SIDEGATE_TEST_RING_SECRET", strings.Repeat("another-", 8))
	addr := r.replica("OLD")
	if got := r.sees(b.at(addr)); got != "503" {
		t.Errorf("under another secret: %s", got)
	}
	r.redis.CLI("del", "sidegate:{keyring}")
	addr = r.replica("OLD")
	if got := r.sees(b.at(addr)); got != "503" {
		t.Errorf("with a new ring: %s", got)
	}
	r.redis.CLI("del", "sidegate:{ring}")
	addr = r.replica("OLD")
	if got := r.sees(b.at(addr)); got != "1 groups" {
		t.Errorf("with a new ring, and a Redis that is its own: %s", got)
	}
}
