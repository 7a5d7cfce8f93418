package caddymodule

import (
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2"
	dto "github.com/prometheus/client_model/go"
)

// TestReloadInTheMiddleOfAPush (T5, T11, S70): a good reload and a failed one both keep the sign-in; the stream ends
// at the good one, so that the browser comes to the new configuration; the person gets in.
func TestReloadInTheMiddleOfAPush(t *testing.T) {
	w, sim := newSimulated(t)
	address := "http://:" + freePort(t)
	b := w.browser(w.run(adapt(t, w.caddyfile(address, w.simulated()))))
	page := b.waitAtPush()
	body := b.stream(page)

	bad := strings.Replace(w.caddyfile(address, w.simulated()), "{env.SIDEGATE_TEST_CLIENT_SECRET}", "{file."+filepath.Join(w.storage, "gone")+"}", 1)
	if err := caddy.Load(adapt(t, bad), true); err == nil || !strings.Contains(err.Error(), "okta_mfa: client_secret: {file.") {
		t.Fatalf("a reload without the secret's file: %v", err)
	}
	if n := references(runtimeKey); n != 1 {
		t.Errorf("%d users of the state after a failed reload, want 1", n)
	}
	if page := b.get("/payroll"); !strings.Contains(page.body, "data-events=") {
		t.Fatalf("after a failed reload the sign-in is gone: %d\n%s", page.StatusCode, page.body)
	}

	retitled := strings.Replace(w.caddyfile(address, w.simulated()), "min_poll_interval", "title Reloaded\n\t\tmin_poll_interval", 1)
	if err := caddy.Load(adapt(t, retitled), true); err != nil {
		t.Fatal(err)
	}
	if rest, err := io.ReadAll(body); err != nil || strings.Contains(string(rest), "event:") {
		t.Errorf("the old configuration's stream: %q, %v; want its end", rest, err)
	}
	page = b.get("/payroll")
	if !strings.Contains(page.body, "data-events=") || !strings.Contains(page.body, "Reloaded") {
		t.Fatalf("after the reload: %d\n%s", page.StatusCode, page.body)
	}
	if n := references(runtimeKey); n != 1 {
		t.Errorf("%d users of the state after a reload, want 1", n)
	}
	if n := len(sim.Pushes("bob")); n != 1 {
		t.Errorf("%d pushes were sent, want 1", n)
	}
	approve(t, sim)
	if a := b.arrive(); a.body != upstreamBody {
		t.Errorf("body %q", a.body)
	}
	only(t, w.up.take(t).Header, "Remote-User", "bob")
}

// TestReloadKeepsSessionsAndSignOuts: a session lives on in the new configuration, and one that was ended stays so.
func TestReloadKeepsSessionsAndSignOuts(t *testing.T) {
	w, sim := newSimulated(t)
	address := "http://:" + freePort(t)
	js := adapt(t, w.caddyfile(address, w.simulated()))
	b := w.browser(w.run(js))
	b.waitAtPush()
	approve(t, sim)
	b.arrive()
	session := b.cookie()
	if err := caddy.Load(js, true); err != nil {
		t.Fatal(err)
	}
	if a := b.get("/payroll"); a.StatusCode != http.StatusOK {
		t.Errorf("after a reload: %d", a.StatusCode)
	}
	b.submit("/_mfa/signout", map[string][]string{"csrf": {find(t, csrfInput, b.get("/_mfa/signout"))}})
	if err := caddy.Load(js, true); err != nil {
		t.Fatal(err)
	}
	a := get(t, b.addr, "/payroll", "Cookie: "+session)
	if a.StatusCode != http.StatusUnauthorized {
		t.Errorf("an ended session after a reload: %d, want 401", a.StatusCode)
	}
}

// TestKeyRingInStorage (S53): without cookie_secret the keys are made in Caddy's storage on first use,
// readable by Caddy's user alone, and a session survives a restart.
func TestKeyRingInStorage(t *testing.T) {
	w, sim := newSimulated(t)
	text := strings.Replace(w.caddyfile("http://:"+freePort(t), w.simulated()), "cookie_secret {env.SIDEGATE_TEST_COOKIE_SECRET}", "", 1)
	js := adapt(t, text)
	b := w.browser(w.run(js))
	ring := filepath.Join(w.storage, "data", "okta_mfa", "keyring.json")
	if _, err := os.Stat(ring); !os.IsNotExist(err) {
		t.Errorf("before the first request: %v, want no file", err)
	}
	b.waitAtPush()
	approve(t, sim)
	b.arrive()
	info, err := os.Stat(ring)
	if err != nil {
		t.Fatal(err)
	}
	if mode := info.Mode().Perm(); mode != fs.FileMode(0o600) {
		t.Errorf("mode %o, want 600", mode)
	}
	if err := caddy.Stop(); err != nil {
		t.Fatal(err)
	}
	if n := references(runtimeKey); n != 0 {
		t.Errorf("%d users of the state after the end", n)
	}
	if err := caddy.Load(js, true); err != nil {
		t.Fatal(err)
	}
	if a := b.get("/payroll"); a.StatusCode != http.StatusOK {
		t.Errorf("after a restart: %d, want 200", a.StatusCode)
	}
}

// TestBrokenKeyRingKeepsTheGateShut (S49, S53): keys that cannot be read are no keys: nobody gets in, and none are
// made up.
func TestBrokenKeyRingKeepsTheGateShut(t *testing.T) {
	w := newWorld(t)
	cookie := w.cookie("127.0.0.1", bob())
	ring := filepath.Join(w.storage, "data", "okta_mfa", "keyring.json")
	if err := os.MkdirAll(filepath.Dir(ring), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(ring, []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	text := strings.Replace(w.caddyfile("http://:0", w.gated()), "cookie_secret {env.SIDEGATE_TEST_COOKIE_SECRET}", "", 1)
	addr := w.run(adapt(t, text))
	for _, header := range []string{page, "Cookie: " + cookie} {
		if a := get(t, addr, "/payroll", header); a.StatusCode != http.StatusServiceUnavailable {
			t.Errorf("%.20s: status %d, want 503", header, a.StatusCode)
		}
	}
	w.up.none(t, "a broken key ring")
	if now, err := os.ReadFile(ring); err != nil || string(now) != "{" {
		t.Errorf("the key ring was changed to %q, %v", now, err)
	}
}

// TestOktaSeesTheBrowsersAddressAlone (S22, S23): what an untrusted client says about its address goes nowhere;
// a trusted proxy's last word counts.
func TestOktaSeesTheBrowsersAddressAlone(t *testing.T) {
	const trust = "trusted_proxies static 127.0.0.0/8\n\t\ttrusted_proxies_strict"
	for name, test := range map[string]struct{ server, want string }{
		"from anybody":         {"", "127.0.0.1"},
		"from a trusted proxy": {trust, "203.0.113.7"},
	} {
		t.Run(name, func(t *testing.T) {
			w, sim := newSimulated(t)
			w.server = test.server
			b := w.browser(w.start(w.simulated()))
			b.header.Set("X-Forwarded-For", "1.3.3.4, 203.0.113.7")
			for _, h := range []string{"X-Real-IP", "CF-Connecting-IP", "True-Client-IP", "X-Client-IP"} {
				b.header.Set(h, "1.3.3.4")
			}
			b.header.Set("Forwarded", "for=1.3.3.4")
			b.waitAtPush()
			push := approve(t, sim)
			b.arrive()
			if push.Address != test.want || push.UserAgent != agent {
				t.Errorf("the phone shows %s, %s", push.Address, push.UserAgent)
			}
			for _, r := range sim.Requests() {
				xff := r.Header["X-Forwarded-For"]
				if strings.Contains(r.Path, "/v1/keys") && xff == nil {
					continue // asked for everybody, not for one browser
				}
				if len(xff) != 1 || xff[0] != test.want {
					t.Errorf("%s %s: X-Forwarded-For %q, want %s alone", r.Method, r.Path, xff, test.want)
				}
				if r.Header.Get("Forwarded") != "" || r.Header.Get("X-Real-IP") != "" || r.Header.Get("Cookie") != "" {
					t.Errorf("%s %s: the browser's own headers reached Okta", r.Method, r.Path)
				}
			}
		})
	}
}

// TestMetricsOutliveReloads: two handlers share the collectors, the counts go on over a reload, and a scrape
// sees them.
func TestMetricsOutliveReloads(t *testing.T) {
	w := newWorld(t)
	up := w.up.Listener.Addr().String()
	site := "handle /a* {\n\t\tokta_mfa\n\t\treverse_proxy " + up + "\n\t}\n\thandle {\n\t\tokta_mfa\n\t\treverse_proxy " + up + "\n\t}"
	js := adapt(t, w.caddyfile("http://:"+freePort(t), site))
	addr := w.run(js)
	before := challenged(t)
	get(t, addr, "/a")
	get(t, addr, "/b")
	if err := caddy.Load(js, true); err != nil {
		t.Fatal(err)
	}
	get(t, addr, "/a")
	if got := challenged(t) - before; got != 3 {
		t.Errorf("%v challenges counted, want 3", got)
	}
	if text := w.admin("/metrics"); !strings.Contains(text, `caddy_okta_mfa_decisions_total{decision="challenged"}`) {
		t.Error("the admin API's metrics do not have ours")
	}
}

// challenged is how many requests this process has challenged.
func challenged(t *testing.T) float64 {
	t.Helper()
	var m dto.Metric
	if err := metrics.decisions.WithLabelValues("challenged").Write(&m); err != nil {
		t.Fatal(err)
	}
	return m.GetCounter().GetValue()
}
