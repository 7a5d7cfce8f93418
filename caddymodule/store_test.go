package caddymodule

import (
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"
	dto "github.com/prometheus/client_model/go"

	"sidegate.example/sidegate/gateway/store/storetest"
	"sidegate.example/sidegate/oktasim"
)

const testRingSecret = "ring-" + canary + "-0123456789abcdef0123456789"

// shared makes the sites of w share a store at that address.
func (w *world) shared(address string) {
	w.t.Setenv("SIDEGATE_TEST_RING_SECRET", testRingSecret)
	w.defaults = "store redis {\n\t\t\taddress " + address + "\n\t\t\tkey_ring_secret {env.SIDEGATE_TEST_RING_SECRET}\n\t\t}"
}

// dump is everything that whoever reads the Redis can see.
func dump(s *storetest.Server) (keys []string, all string) {
	keys = strings.Fields(s.CLI("keys", "*"))
	for _, key := range keys {
		all += key + "\n"
		switch kind := strings.TrimSpace(s.CLI("type", key)); kind {
		case "string":
			all += s.CLI("get", key)
		case "hash":
			all += s.CLI("hgetall", key)
		case "zset":
			all += s.CLI("zrange", key, "0", "-1")
		default:
			all += "unknown type " + kind
		}
	}
	return keys, all
}

// Whoever reads the Redis learns no state handle, no secret and nobody's name, neither from values nor from names.
func TestStoreRedisTellsNothing(t *testing.T) {
	server := storetest.Redis(t)
	w, sim := newFactors(t)
	w.shared(server.Addr)
	b := w.browser(w.start(w.factorsSite("number_challenge never")))
	b.waitAtPush()
	keys, pending := dump(server)
	approve(t, sim)
	b.arrive()
	_, after := dump(server)
	b.submit("/_mfa/signout", url.Values{"csrf": {find(t, csrfInput, b.get("/_mfa/signout"))}})
	_, out := dump(server)
	for kind, want := range map[string]string{"a sign-in": "sidegate:signin:{", "a budget": "sidegate:budget:{", "the key ring": "sidegate:{keyring}"} {
		if !strings.Contains(strings.Join(keys, "\n"), want) {
			t.Errorf("the Redis does not hold %s: %q", kind, keys)
		}
	}
	if !strings.Contains(out, "sidegate:{revocations}") {
		t.Error("the Redis does not hold the revocation")
	}
	all := strings.ToLower(pending + after + out)
	for _, secret := range []string{"bob", "pixel 7", "mozilla", "127.0.0.1", "00u", "proofs", "nextpoll", "useragent", "statetoken", "statehandle",
		apiToken, password, sim.Pushes("bob")[0].ID, canary} {
		if strings.Contains(all, strings.ToLower(secret)) {
			t.Errorf("the Redis tells %.40q", secret)
		}
	}
	for _, cookie := range b.cookies {
		if len(cookie) > 8 && strings.Contains(all, strings.ToLower(cookie)) {
			t.Error("the Redis tells a cookie")
		}
	}
}

// Without its store Caddy starts, and nobody gets in before it is known who has signed out elsewhere, nor can sign in,
// which is said. It counts (S49).
func TestCaddyStartsWithoutItsStore(t *testing.T) {
	w := newWorld(t)
	w.shared("127.0.0.1:" + storetest.FreePort(t))
	b := w.browser(w.start(w.gated()))
	live := w.browser(b.addr)
	live.cookies["__Host-okta_mfa"] = strings.TrimPrefix(w.cookie("127.0.0.1", bob()), "__Host-okta_mfa=")
	if a := live.get("/payroll"); a.StatusCode != http.StatusServiceUnavailable || strings.Contains(a.body, upstreamBody) {
		t.Errorf("who may have signed out elsewhere gets %d: %s", a.StatusCode, a.body)
	}
	page := b.get("/payroll")
	a := b.do(http.MethodPost, "/_mfa/identify", url.Values{"csrf": {find(t, csrfInput, page)}, "f.identifier": {"bob"}, "f.password": {password}})
	if a.StatusCode != http.StatusServiceUnavailable || a.Header.Get("Retry-After") == "" || !strings.Contains(a.body, "Sign-in is not possible right now") {
		t.Errorf("%d, Retry-After %q: %s", a.StatusCode, a.Header.Get("Retry-After"), a.body)
	}
	w.orgHits.none(t, "a sign-in that cannot be kept")
	var m dto.Metric
	if err := metrics.storeErrors.WithLabelValues("key_ring").Write(&m); err != nil || m.GetCounter().GetValue() < 1 {
		t.Errorf("%v failures of the key ring were counted, %v", m.GetCounter().GetValue(), err)
	}
}

// S62: a sign-out that the store does not take is not said to be one, and it counts as a revocation that failed.
func TestSignOutThatFailsCounts_S62(t *testing.T) {
	server := storetest.Redis(t)
	w := newWorld(t)
	w.shared(server.Addr)
	b := w.browser(w.start(w.gated()))
	b.cookies["__Host-okta_mfa"] = strings.TrimPrefix(w.cookie("127.0.0.1", bob()), "__Host-okta_mfa=")
	page := b.get("/_mfa/signout")
	csrf := find(t, csrfInput, page)
	failures := func() float64 {
		var m dto.Metric
		if err := metrics.storeErrors.WithLabelValues("revocation").Write(&m); err != nil {
			t.Fatal(err)
		}
		return m.GetCounter().GetValue()
	}
	server.Kill()
	before := failures()
	a := b.do(http.MethodPost, "/_mfa/signout", url.Values{"csrf": {csrf}})
	if a.StatusCode != http.StatusServiceUnavailable || !strings.Contains(a.body, `data-problem="not_everywhere"`) {
		t.Errorf("%d %s", a.StatusCode, shown(a))
	}
	if after := failures(); after <= before {
		t.Errorf("%v revocations have failed, %v before", after, before)
	}
}

// What is changed in place counts as changed: a file of authorities makes another client, as a password does, of the same store;
// the key ring's secret and the prefix make it another store.
func TestStoreChangedInPlace(t *testing.T) {
	ca, _ := certificate(t)
	password := writeFile(t, "hunter2", 0o600)
	settings := StoreSettings{Kind: storeRedis, Address: []string{"127.0.0.1:1"}, Password: "{file." + password + "}", TLS: StoreTLS{CA: ca}}
	join := func(s StoreSettings) *storeClient {
		t.Helper()
		a := &App{Store: s}
		client, _, err := a.joinStore(nil)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := a.Cleanup(); err != nil {
				t.Error(err)
			}
		})
		return client
	}
	first := join(settings)
	if join(settings) != first {
		t.Error("nothing has changed, and the client is another")
	}
	rewrite := func(path, text string) {
		t.Helper()
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile(ca)
	if err != nil {
		t.Fatal(err)
	}
	rewrite(ca, string(text)+"renewed\n")
	second := join(settings)
	rewrite(password, "hunter3")
	third := join(settings)
	if second == first || third == second {
		t.Error("a file has changed, and the client is the same")
	}
	if place := first.Store().Place; place == "" || second.Store().Place != place || third.Store().Place != place {
		t.Error("a reload makes another store of it")
	}
	settings.KeyPrefix = "other:"
	if join(settings).Store().Place == first.Store().Place {
		t.Error("another prefix is the same store")
	}
}

// A reload that brings another password of the same Redis leaves sign-ins under way where all replicas see them: what is cancelled
// afterwards is gone there too.
func TestReloadWithAnotherPassword(t *testing.T) {
	server := storetest.Redis(t, "--user", "default", "on", "nopass", "~*", "&*", "+@all", "--user", "sidegate", "on", ">one", "~*", "&*", "+@all")
	password := writeFile(t, "one", 0o600)
	w, _ := newSimulated(t)
	w.shared(server.Addr + "\n\t\t\tusername sidegate\n\t\t\tpassword {file." + password + "}")
	address := "http://:" + freePort(t)
	b := w.browser(w.run(adapt(t, w.caddyfile(address, w.simulated()))))
	page := b.waitAtPush()
	kept := func() bool { return strings.Contains(server.CLI("keys", "*"), "sidegate:signin:") }
	if !kept() {
		t.Fatal("the sign-in is not in the store")
	}
	server.CLI("acl", "setuser", "sidegate", "resetpass", ">two")
	if err := os.WriteFile(password, []byte("two"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := caddy.Load(adapt(t, w.caddyfile(address, w.simulated())), true); err != nil {
		t.Fatal(err)
	}
	b.submit("/_mfa/cancel", url.Values{"csrf": {find(t, csrfInput, page)}})
	storetest.Eventually(t, "the sign-in is over for all", func() bool { return !kept() })
}

// A Redis that takes connections and does not answer, with calls to it under way, keeps Caddy from stopping no longer than a
// moment.
func TestStopWithAStoreThatHangs(t *testing.T) {
	proxy := storetest.NewProxy(t, storetest.Redis(t).Addr)
	w, sim := newSimulated(t)
	w.shared(proxy.Addr)
	b := w.browser(w.start(w.simulated()))
	b.waitAtPush()
	sim.Inject(oktasim.Fault{Kind: "hang", Times: -1})
	before := len(sim.Requests())
	storetest.Eventually(t, "a poll that has the turn in the store", func() bool {
		all := sim.Requests()
		return len(all) > before && all[len(all)-1].Status == 0
	})
	proxy.Hang.Store(true)
	sim.ClearFaults()
	storetest.Eventually(t, "what came of the poll is on its way", proxy.Asked.Load)
	began := time.Now()
	if err := caddy.Stop(); err != nil {
		t.Fatal(err)
	}
	if took := time.Since(began); took > 4*time.Second {
		t.Errorf("Caddy stopped after %v", took)
	}
}

// A reload that brings a store, and one that takes it away again, leave nobody behind; the client of a store outlives one
// that changes something else.
func TestReloadToAnotherStore(t *testing.T) {
	server := storetest.Redis(t)
	w, sim := newSimulated(t)
	address := "http://:" + freePort(t)
	b := w.browser(w.run(adapt(t, w.caddyfile(address, w.simulated()))))
	b.waitAtPush()
	w.shared(server.Addr)
	load := func() {
		t.Helper()
		if err := caddy.Load(adapt(t, w.caddyfile(address, w.simulated())), true); err != nil {
			t.Fatal(err)
		}
	}
	load()
	if page := b.get("/payroll"); !strings.Contains(page.body, "data-events=") {
		t.Fatalf("after the reload: %d\n%s", page.StatusCode, page.body)
	}
	other := w.browser(b.addr)
	other.waitAtPush()
	w.global = "grace_period 1s"
	load()
	clients := 0
	storeClients.Range(func(any, any) bool { clients++; return true })
	if clients != 1 {
		t.Errorf("%d clients, want 1", clients)
	}
	if err := sim.Approve(sim.Pushes("bob")[0].ID); err != nil {
		t.Fatal(err)
	}
	if a := b.arrive(); a.body != upstreamBody {
		t.Errorf("who began before the store: %q", a.body)
	}
	w.defaults = ""
	load()
	approve(t, sim)
	if a := other.arrive(); a.body != upstreamBody {
		t.Errorf("who began with the store: %q", a.body)
	}
}
