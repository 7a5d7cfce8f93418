package caddymodule

import (
	"crypto/tls"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

const page = "Accept: text/html"

// TestChallengeCarriesNothingOfTheUpstream (S56): for every method and protocol version a stranger gets the gate's
// answer and no byte more.
func TestChallengeCarriesNothingOfTheUpstream(t *testing.T) {
	w := newWorld(t)
	addr := w.start(w.gated())
	for _, method := range []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND", "get"} {
		for _, accept := range []string{page, "Accept: application/json", "Accept: */*"} {
			a := raw(t, addr, method+" /payroll HTTP/1.1\nHost: "+addr+"\nContent-Length: 0\n"+accept)
			w.blocked(method+" "+accept, a)
			if method == "HEAD" && a.body != "" {
				t.Errorf("HEAD has a body: %q", a.body)
			}
			if got := a.Header.Get("Cache-Control"); got != "no-store" {
				t.Errorf("%s %s: Cache-Control %q, want no-store", method, accept, got)
			}
		}
	}
	w.blocked("HTTP/1.0", raw(t, addr, "GET /payroll HTTP/1.0\nHost: "+addr))
	w.blocked("WebSocket", get(t, addr, "/ws", "Connection: Upgrade", "Upgrade: websocket",
		"Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="))
	w.orgHits.none(t, "a stranger")
}

// TestChallengeOverHTTP2 (S56): the same over TLS and HTTP/2.
func TestChallengeOverHTTP2(t *testing.T) {
	w := newWorld(t)
	w.global = "skip_install_trust"
	port := freePort(t)
	addr := w.run(adapt(t, w.caddyfile("https://app.test:"+port, "tls internal\n\t"+w.gated())))
	waitForCertificate(t, addr)
	client := &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{
		ForceAttemptHTTP2: true,
		TLSClientConfig:   &tls.Config{ServerName: "app.test", InsecureSkipVerify: true}, //nolint:gosec // Caddy's throw-away CA
	}}
	defer client.CloseIdleConnections()
	for _, method := range []string{"GET", "HEAD", "POST", "OPTIONS"} {
		req, err := http.NewRequestWithContext(t.Context(), method, "https://"+addr+"/payroll", nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Host = "app.test:" + port
		req.Header.Set("Accept", "text/html")
		resp, err := client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil || resp.ProtoMajor != 2 {
			t.Fatalf("%s: %v, HTTP/%d", method, err, resp.ProtoMajor)
		}
		w.blocked(method, answer{resp, string(body)})
	}
	// S14: the name in the TLS handshake does not open another site's host.
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://"+addr+"/payroll", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Host = "other.test"
	resp, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	w.up.none(t, "another Host than the SNI")
}

// waitForCertificate returns when Caddy, which makes it in the background, can shake hands.
func waitForCertificate(t *testing.T, addr string) {
	t.Helper()
	var err error
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); {
		var conn *tls.Conn
		conn, err = tls.Dial("tcp", addr, &tls.Config{ServerName: "app.test", InsecureSkipVerify: true}) //nolint:gosec // as above
		if err == nil {
			conn.Close()
			return
		}
	}
	t.Fatalf("no handshake: %v", err)
}

// TestDenialIsNoError (T1): in a JSON subroute with error routes of its own, a handler that denies by an error
// lets the request go on to the rest of the chain.
func TestDenialIsNoError(t *testing.T) {
	w := newWorld(t)
	js := adapt(t, w.caddyfile("http://:0", w.gated()))
	var config map[string]any
	if err := json.Unmarshal(js, &config); err != nil {
		t.Fatal(err)
	}
	servers := config["apps"].(map[string]any)["http"].(map[string]any)["servers"].(map[string]any)
	server := servers["srv0"].(map[string]any)
	server["routes"] = []any{
		map[string]any{"handle": []any{map[string]any{
			"handler": "subroute",
			"routes":  []any{map[string]any{"handle": []any{map[string]any{"handler": "okta_mfa"}}}},
			"errors": map[string]any{"routes": []any{map[string]any{
				"match":  []any{map[string]any{"path": []any{"/never"}}},
				"handle": []any{map[string]any{"handler": "static_response"}},
			}}},
		}}},
		map[string]any{"handle": []any{map[string]any{
			"handler": "reverse_proxy", "upstreams": []any{map[string]any{"dial": w.up.Listener.Addr().String()}},
		}}},
	}
	js, err := json.Marshal(config)
	if err != nil {
		t.Fatal(err)
	}
	addr := w.run(js)
	w.blocked("a stranger's page", get(t, addr, "/payroll", page))
	w.blocked("a stranger's call", get(t, addr, "/payroll"))
	a := get(t, addr, "/payroll", "Cookie: "+w.cookie("127.0.0.1", bob()))
	if a.StatusCode != 200 || a.body != upstreamBody {
		t.Errorf("bob: %d %q", a.StatusCode, a.body)
	}
}

// TestErrorRoutesGetNoClaimOfTheClient (T2, S28): handle_errors is not behind the gate. A denial does not get there,
// and after an upstream's failure it sees the identity of the session and no cookie of ours.
func TestErrorRoutesGetNoClaimOfTheClient(t *testing.T) {
	w := newWorld(t)
	dead := "127.0.0.1:" + freePort(t)
	addr := w.start("okta_mfa\n\treverse_proxy " + dead + "\n\thandle_errors {\n\t\treverse_proxy " + w.up.Listener.Addr().String() + "\n\t}")
	spoof := []string{"Remote-User: admin", "Remote-Groups: admins", "Remote_User: admin"}
	w.blocked("a stranger with a claim", get(t, addr, "/payroll", spoof...))
	w.blocked("a stranger with a claim and a broken cookie", get(t, addr, "/payroll", append(spoof, "Cookie: __Host-okta_mfa=x.y")...))

	who := bob()
	who.Groups = nil
	cookie := w.cookie("127.0.0.1", who)
	get(t, addr, "/payroll", append(spoof, "Cookie: "+cookie+"; app=1; __Host-okta_mfa_signin=a; __Host-okta_mfa_device=b")...)
	r := w.up.take(t)
	if got := r.Header["Remote-User"]; len(got) != 1 || got[0] != "bob" {
		t.Errorf("Remote-User %q, want bob alone", got)
	}
	if got, ok := r.Header["Remote-Groups"]; ok {
		t.Errorf("Remote-Groups %q, want none", got)
	}
	if got := r.Header.Get("Cookie"); got != "app=1" {
		t.Errorf("Cookie %q, want the application's alone", got)
	}
}

// TestPathsOfTheClientDoNotMatter (S03, S05, S26): nothing is let through for its path or for what a header says
// the path is.
func TestPathsOfTheClientDoNotMatter(t *testing.T) {
	w := newWorld(t)
	addr := w.start(w.gated())
	for _, path := range []string{
		"/", "//admin", "/./admin", "/x/../admin", "/%2e%2e/admin", "/x/..%2fadmin", "/x/..%5cadmin", "/x/..;/admin",
		"/_mfax", "/_MFA/assets/../admin", "/_mfa;/x", "/admin;/_mfa/", "/favicon.ico", "/robots.txt",
		"/.well-known/acme-challenge/x", "/healthz", "/%00", "/?/_mfa/events", "/#/_mfa/events",
	} {
		a := get(t, addr, path, "X-Forwarded-Uri: /_mfa/events", "X-Original-URL: /healthz", "X-Rewrite-URL: /healthz",
			"X-Original-Method: OPTIONS", "X-Forwarded-Prefix: //evil", "X-Forwarded-Port: 1")
		if a.StatusCode == http.StatusBadRequest { // the server in front refused to parse it
			w.up.none(t, path)
			continue
		}
		w.blocked(path, a)
		if strings.Contains(a.body+a.Header.Get("Location"), "evil") {
			t.Errorf("%s: a forwarded prefix got into the answer", path)
		}
	}
	for _, path := range []string{"/_mfa/../admin", "/_mfa/%2e%2e/admin", "/_mfa/..%2fadmin", "/_mfa%2f..%2fadmin", "/_mfa//admin", "/_mfa", "/_mfa/", "/%5fmfa/admin"} {
		a := get(t, addr, path)
		if a.StatusCode != http.StatusNotFound && a.StatusCode != http.StatusUnauthorized {
			t.Errorf("%s: status %d, want 404 or 401", path, a.StatusCode)
		}
		w.up.none(t, path)
	}
}

// TestHealthCheckersAreNobody (S04): no User-Agent opens anything.
func TestHealthCheckersAreNobody(t *testing.T) {
	w := newWorld(t)
	addr := w.start(w.gated())
	for _, agent := range []string{"GoogleHC/1.0", "kube-probe/1.30", "ELB-HealthChecker/2.0", ""} {
		w.blocked(agent, get(t, addr, "/admin", "User-Agent: "+agent))
	}
}

// TestHostSpellings (S08): every spelling of a host is the same site with the same policy.
func TestHostSpellings(t *testing.T) {
	w := newWorld(t)
	addr := w.start(w.gated())
	_, port, err := net.SplitHostPort(addr)
	if err != nil {
		t.Fatal(err)
	}
	cookie := w.cookie("app.example.com", bob())
	for _, host := range []string{"app.example.com", "APP.Example.COM", "app.example.com.", "App.example.com.:" + port, "app.example.com:443"} {
		w.blocked(host, raw(t, addr, "GET /admin HTTP/1.1\nHost: "+host))
		a := raw(t, addr, "GET /admin HTTP/1.1\nHost: "+host+"\nCookie: "+cookie)
		if a.StatusCode != 200 {
			t.Errorf("bob at %s: status %d, want 200", host, a.StatusCode)
			continue
		}
		w.up.take(t)
	}
	for _, host := range []string{"example.com", "evil-app.example.com", "app.example.com.evil.test", "127.0.0.1"} {
		w.blocked("bob's cookie at "+host, raw(t, addr, "GET /admin HTTP/1.1\nHost: "+host+"\nCookie: "+cookie))
	}
	a := raw(t, addr, "GET http://other.test/admin HTTP/1.1\nHost: app.example.com\nCookie: "+cookie)
	w.blocked("absolute form for another host", a)
}

// TestRewrittenPaths (S11): a path that Caddy strips or rewrites in front of the gate opens nothing, and the gate's
// own routes are told by the URL that the browser asked for.
func TestRewrittenPaths(t *testing.T) {
	w := newWorld(t)
	up := w.up.Listener.Addr().String()
	for name, site := range map[string]string{
		"handle_path":      "handle_path /app/* {\n\t\tokta_mfa\n\t\treverse_proxy " + up + "\n\t}",
		"uri strip_prefix": "uri strip_prefix /app\n\tokta_mfa\n\treverse_proxy " + up,
		"rewrite":          "rewrite /app/* /_mfa/events\n\tokta_mfa\n\treverse_proxy " + up,
	} {
		t.Run(name, func(t *testing.T) {
			addr := w.start(site)
			for _, path := range []string{"/app/admin", "/app/x/%2e%2e/admin", "/app//admin", "/app/_mfa/whoami", "/app/_mfa/assets/x"} {
				a := get(t, addr, path, page)
				w.blocked(path, a)
			}
		})
	}
}
