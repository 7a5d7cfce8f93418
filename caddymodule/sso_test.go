package caddymodule

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"sidegate.example/sidegate/gateway/session"
)

// sso sends a person who is signed in at the first site to the second and in, in a real Caddy, and nothing of the way there is in
// the access log (S27, S33).
func TestSSOOption(t *testing.T) {
	for _, on := range []bool{true, false} {
		w := newWorld(t)
		port := freePort(t)
		accounts, wiki := "accounts.localhost:"+port, "wiki.localhost:"+port
		log := filepath.Join(w.storage, "log")
		option := "sso off"
		if on {
			option = "sso http://" + accounts + " http://" + wiki
		}
		site := "log\n\tokta_mfa {\n\t\t" + option + "\n\t}\n\treverse_proxy " + w.up.Listener.Addr().String()
		addr := w.run(adapt(t, strings.Replace(w.caddyfile("http://"+accounts+", http://"+wiki, site), "output discard", "output file "+log, 1)))
		visit := func(host, path, cookies string) answer {
			t.Helper()
			a := raw(t, addr, "GET "+path+" HTTP/1.1\nHost: "+host+"\nAccept: text/html\nUser-Agent: "+agent+"\nCookie: "+cookies)
			return a
		}
		a := visit(wiki, "/page?id=1", "")
		if !on {
			if a.StatusCode != http.StatusUnauthorized {
				t.Errorf("%s: %d, want 401", option, a.StatusCode)
			}
			continue
		}
		to, found := strings.CutPrefix(a.Header.Get("Location"), "http://"+accounts)
		if a.StatusCode != http.StatusSeeOther || !found {
			t.Fatalf("%d to %q", a.StatusCode, a.Header.Get("Location"))
		}
		waiting := strings.Split(a.Header.Get("Set-Cookie"), ";")[0]
		a = visit(accounts, to, w.cookie("accounts.localhost", bob()))
		back, found := strings.CutPrefix(a.Header.Get("Location"), "http://"+wiki)
		if a.StatusCode != http.StatusSeeOther || !found {
			t.Fatalf("%d to %q\n%s", a.StatusCode, a.Header.Get("Location"), a.body)
		}
		a = visit(wiki, back, waiting)
		if a.StatusCode != http.StatusSeeOther || a.Header.Get("Location") != "/page?id=1" {
			t.Fatalf("%d to %q\n%s", a.StatusCode, a.Header.Get("Location"), a.body)
		}
		if a = visit(wiki, "/page?id=1", strings.Split(a.Header.Get("Set-Cookie"), ";")[0]); a.StatusCode != http.StatusOK {
			t.Errorf("with the new session: %d", a.StatusCode)
		}
		only(t, w.up.take(t).Header, "Remote-User", "bob")
		text, err := os.ReadFile(log)
		if err != nil {
			t.Fatal(err)
		}
		for what, secret := range map[string]string{"request": to, "code": back} {
			_, value, _ := strings.Cut(secret, "=")
			if len(value) < 20 || strings.Contains(string(text), value) {
				t.Errorf("the %s %.30q is in the log", what, value)
			}
		}
		if !strings.Contains(string(text), "/page?id=1") {
			t.Error("the log has no line of the page itself")
		}
	}
}

// cookie_domain makes the session cookie one of the domain's hosts, with the name that browsers want then; by default it is the
// host's own (S58).
func TestCookieDomainOption(t *testing.T) {
	for option, want := range map[string]struct{ name, domain string }{
		"title Wiki":                {"__Host-okta_mfa", ""},
		"cookie_domain example.com": {"__Secure-okta_mfa", "example.com"},
		"cookie_domain example.com\n\t\tcookie_name __Secure-apps": {"__Secure-apps", "example.com"},
	} {
		w := newWorld(t)
		addr := w.start(w.behind(option))
		ring, err := session.RingFromSecrets([]string{testCookieSecret})
		if err != nil {
			t.Fatal(err)
		}
		site := "wiki.example.com"
		if want.domain != "" {
			site = "\x00" + want.domain
		}
		now := time.Now()
		cookie, err := session.NewCodec(session.Static(ring), nil).Seal(t.Context(), session.Binding{Cookie: want.name, Site: site, Policy: w.policy()},
			session.Claims{ID: session.NewID(), Identity: bob(), IssuedAt: now, SeenAt: now.Add(-30 * time.Minute), ExpiresAt: now.Add(time.Hour)})
		if err != nil {
			t.Fatal(err)
		}
		a := raw(t, addr, "GET /page HTTP/1.1\nHost: wiki.example.com\nSec-Fetch-Mode: navigate\nSec-Fetch-Dest: document\nSec-Fetch-User: ?1\nX-Forwarded-Proto: https\nCookie: "+want.name+"="+cookie)
		if a.StatusCode != http.StatusOK || len(a.Cookies()) != 1 {
			t.Fatalf("%s: %d, cookies %v", option, a.StatusCode, a.Cookies())
		}
		if c := a.Cookies()[0]; c.Name != want.name || c.Domain != want.domain {
			t.Errorf("%s: the cookie is prolonged as %s", option, c)
		}
		w.up.take(t)
	}
}
