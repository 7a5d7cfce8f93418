package gateway

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"sidegate.example/sidegate/flows"
	"sidegate.example/sidegate/gateway/identity"
)

// blocked asserts that nothing of the upstream came back and that it saw nothing.
func blocked(t *testing.T, w *world, a answer) {
	t.Helper()
	if a.StatusCode < 400 || strings.Contains(a.body, "SECRET") || len(w.upstream()) != 0 {
		t.Errorf("not blocked: %d, upstream hits %d, body %q", a.StatusCode, len(w.upstream()), a.body)
	}
}

func TestAnonymousNavigationGetsThePageInPlace_S56(t *testing.T) {
	w := newWorld(t, straight())
	for _, method := range []string{"GET", "HEAD", "POST", "PUT", "DELETE"} {
		r := w.browser(t).request(method, protected, "")
		r.Header.Set("Accept", "text/html")
		a := w.browser(t).do(r)
		blocked(t, w, a)
		if a.StatusCode != 401 || a.Header.Get("Location") != "" || a.Header.Get("WWW-Authenticate") != "okta_mfa" {
			t.Errorf("%s: %d, Location %q, WWW-Authenticate %q", method, a.StatusCode, a.Header.Get("Location"), a.Header.Get("WWW-Authenticate"))
		}
		if method != "HEAD" && !strings.HasPrefix(a.shows(), "signin") {
			t.Errorf("%s shows %q", method, a.shows())
		}
	}
	if w.flow.total() != 0 {
		t.Errorf("an anonymous visitor cost %d calls to Okta", w.flow.total())
	}
}

func TestAnonymousAPIGetsAProblemDocument(t *testing.T) {
	w := newWorld(t, straight())
	b := w.browser(t)
	r := b.request("GET", protected, "")
	r.Header.Set("Sec-Fetch-Mode", "cors")
	a := b.do(r)
	blocked(t, w, a)
	var d problemDocument
	if err := json.Unmarshal([]byte(a.body), &d); err != nil {
		t.Fatal(err)
	}
	if a.StatusCode != 401 || a.Header.Get("Content-Type") != "application/problem+json" || d.Status != 401 || d.Title != "Unauthorized" {
		t.Errorf("%d %s %+v", a.StatusCode, a.Header.Get("Content-Type"), d)
	}
	if len(a.Cookies()) != 0 {
		t.Errorf("an API client was given cookies: %v", a.Cookies())
	}
}

func TestSignInReachesTheUpstreamWithIdentityAndWithoutOurCookies(t *testing.T) {
	w := newWorld(t, straight())
	b := w.browser(t)
	b.signIn()
	r := b.request("GET", "/app", "")
	r.Header.Set("Remote_User", "admin")
	r.Header.Set("Remote-Groups", "admins")
	r.AddCookie(&http.Cookie{Name: "app", Value: "1"})
	if a := b.do(r); a.StatusCode != 200 || a.body != "SECRET PAYROLL" {
		t.Fatalf("%d %q", a.StatusCode, a.body)
	}
	hits := w.upstream()
	h := hits[len(hits)-1].Header
	if h.Get("Remote-User") != "bob" || h.Get("Remote-Name") != "Bob" || h.Get("Remote-Email") != "bob@example.com" || h.Get("Cookie") != "app=1" {
		t.Errorf("upstream saw %v", h)
	}
	if len(h["Remote-Groups"]) != 0 || len(h["Remote_user"]) != 0 {
		t.Errorf("spoofed headers reached the upstream: %v", h)
	}
	for i, c := range w.flow.ctxs {
		if c.Addr().String() != clientIP || c.UserAgent() != agent {
			t.Errorf("call %s went out for %s %q", w.flow.calls[i], c.Addr(), c.UserAgent())
		}
	}
}

func TestSessionCookieAttributes(t *testing.T) {
	w := newWorld(t, straight())
	b := w.browser(t)
	b.begin()
	b.push()
	a := b.waitFor(func(a answer) bool { return a.StatusCode == http.StatusSeeOther })
	for _, c := range a.Cookies() {
		if !c.Secure || !c.HttpOnly || c.SameSite != http.SameSiteLaxMode || c.Path != "/" || c.Domain != "" || !strings.HasPrefix(c.Name, "__Host-") {
			t.Errorf("cookie %+v", c)
		}
		if c.Name == DefaultCookieName && len(c.Value) > 350 {
			t.Errorf("an ordinary session takes %d bytes, budget 350", len(c.Value))
		}
	}
}

// S03, S04, S24-S26: no header of the client decides anything.
func TestClientHeadersDecideNothing_S03_S04_S12_S21_S24_S25_S26(t *testing.T) {
	w := newWorld(t, straight())
	for name, values := range map[string][]string{
		"X-Forwarded-Uri": {"/healthz", "/_mfa/assets/x"}, "X-Original-Url": {"/healthz"}, "X-Rewrite-Url": {"/_mfa/signed-out"}, "X-Original-Method": {"OPTIONS"},
		"X-Http-Method-Override": {"OPTIONS"}, "User-Agent": {"GoogleHC/1.0", "kube-probe/1.30", "ELB-HealthChecker/2.0"},
		"X-Forwarded-Host": {"evil.test"}, "X-Forwarded-Proto": {"http", "javascript"}, "Forwarded": {"host=evil.test;proto=http"},
		"X-Forwarded-Prefix": {"//evil.test"}, "X-Forwarded-Port": {"1"}, "Remote-User": {"admin"}, "Authorization": {"Bearer x"},
	} {
		for _, v := range values {
			r := w.browser(t).request("GET", "/admin", "")
			r.Header.Set("Accept", "text/html")
			r.Header.Set(name, v)
			a := w.browser(t).do(r)
			blocked(t, w, a)
			if a.StatusCode != 401 || strings.Contains(a.body, "evil.test") || strings.Contains(a.body, "javascript:") {
				t.Errorf("%s: %s: %d\n%s", name, v, a.StatusCode, a.body)
			}
			for _, c := range a.Cookies() {
				if !c.Secure {
					t.Errorf("%s: %s: cookie %s is not Secure", name, v, c.Name)
				}
			}
		}
	}
}

// S05, S09, S10, S15: our own routes end at a segment boundary, and nothing under them reaches the upstream.
func TestOwnRoutesAreExact_S05_S09_S10_S15(t *testing.T) {
	w := newWorld(t, straight())
	for path, status := range map[string]int{
		"/_mfax": 401, "/_mfa.bak": 401, "/_MFA/signed-out": 401, "/x/../_mfa/signed-out": 401, "//_mfa/signed-out": 401, "/%5fmfax": 401, "/%5FMFA/signed-out": 401, "/_mf%61": 404, "/_mf%C5%BFa": 401, "/_mfa%5csigned-out": 401,
		"/_mfa": 404, "/_mfa/": 404, "/_mfa/../admin": 404, "/_mfa/..%2fadmin": 404, "/_mfa/%2e%2e/admin": 404, "/_mfa/..;/admin": 404, "/_mfa/assets/../../admin": 404,
		"/_mfa/assets/..%5cadmin": 404, "/_mfa/signed-out/x": 404, "/_mfa//signed-out": 404, "/_mfa/SIGNED-OUT": 404, "/_mfa/%00": 404, "/_mfa/signed-out": 200,
	} {
		b := w.browser(t)
		r := b.request("GET", "/", "")
		u, err := url.Parse(w.URL)
		if err != nil {
			t.Fatal(err)
		}
		u.Opaque = path
		if strings.HasPrefix(path, "//") {
			u.Opaque = "//" + u.Host + path
		}
		r.URL = u
		r.Header.Set("Accept", "text/html")
		a := b.do(r)
		if a.StatusCode != status || len(w.upstream()) != 0 {
			t.Errorf("%s: %d, want %d; upstream hits %d", path, a.StatusCode, status, len(w.upstream()))
		}
	}
}

// S13: a session is good for its own policy, site and keys only.
func TestSessionOfAnotherPolicyOrSiteIsChallenged_S13(t *testing.T) {
	cookie := newWorld(t, straight()).browser(t).signIn2(t)
	for name, change := range map[string]func(*Config){
		"policy": func(c *Config) { c.Policy = "other" },
		"cookie": func(c *Config) { c.CookieName = "__Host-other" },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, straight(), change)
			r := w.browser(t).request("GET", protected, "")
			c := *cookie
			c.Name = w.gate.cookies.session
			r.AddCookie(&c)
			blocked(t, w, w.browser(t).do(r))
		})
	}
	t.Run("site", func(t *testing.T) {
		w := newWorld(t, straight())
		r := w.browser(t).request("GET", protected, "")
		r.Host = "other.example"
		r.AddCookie(cookie)
		blocked(t, w, w.browser(t).do(r))
	})
	t.Run("same again", func(t *testing.T) {
		w := newWorld(t, straight())
		r := w.browser(t).request("GET", protected, "")
		r.AddCookie(cookie)
		if a := w.browser(t).do(r); a.StatusCode != 200 {
			t.Fatalf("the control was refused: %d", a.StatusCode)
		}
	})
}

func (b *browser) signIn2(t *testing.T) *http.Cookie {
	t.Helper()
	c := b.signIn()
	return &http.Cookie{Name: c.Name, Value: c.Value}
}

// S49: a broken cookie is no cookie, alone or beside a good one.
func TestBrokenCookies_S49_S50(t *testing.T) {
	w := newWorld(t, straight())
	good := w.browser(t).signIn2(t)
	hits := len(w.upstream())
	broken := map[string]string{"empty": "", "garbage": "x", "truncated": good.Value[:len(good.Value)-2], "flipped": flip(good.Value), "long": strings.Repeat("A", 100<<10), "dots": "a.b.c"}
	for name, value := range broken {
		t.Run(name, func(t *testing.T) {
			r, _ := http.NewRequestWithContext(t.Context(), "GET", w.URL+protected, nil)
			r.Header.Set("Cookie", DefaultCookieName+"="+value)
			a := w.browser(t).do(r)
			if a.StatusCode != 401 || len(w.upstream()) != hits {
				t.Errorf("%d", a.StatusCode)
			}
			for _, line := range []string{DefaultCookieName + "=" + value + "; " + good.String(), good.String() + "; " + DefaultCookieName + "=" + value} {
				r.Header.Set("Cookie", line)
				if a := w.browser(t).do(r); a.StatusCode != 200 {
					t.Errorf("a good cookie beside a broken one: %d", a.StatusCode)
				}
			}
			hits = len(w.upstream())
		})
	}
	r, _ := http.NewRequestWithContext(t.Context(), "GET", w.URL+protected, nil)
	r.Header.Set("Cookie", strings.Repeat(DefaultCookieName+"=x; ", 10000)+good.String())
	if a := w.browser(t).do(r); a.StatusCode != 401 {
		t.Errorf("after %d bad cookies: %d", maxSessionCookies, a.StatusCode)
	}
}

func flip(s string) string {
	b := []byte(s)
	b[len(b)/2] ^= 1
	return string(b)
}

// S61: using a session does not prolong it beyond its lifetime; leaving it alone ends it sooner.
func TestLifetimes_S61(t *testing.T) {
	w := newWorld(t, straight())
	now := time.Now()
	x := exchange{Gate: w.gate, policy: w.gate.cfg.Policy, r: w.browser(t).request("GET", protected, ""), site: siteOf(w.browser(t).request("GET", "/", ""))}
	for _, tt := range []struct {
		name              string
		issued, seen, end time.Duration // before now, before now, after now
		want              int
	}{
		{"fresh", 0, 0, time.Hour, 200},
		{"idle, just", time.Hour, 59 * time.Minute, time.Hour, 200},
		{"idle too long", 2 * time.Hour, 61 * time.Minute, time.Hour, 401},
		{"busy but too old", 12 * time.Hour, 0, -time.Second, 401},
	} {
		t.Run(tt.name, func(t *testing.T) {
			claims := claimsOf(bob())
			claims.IssuedAt, claims.SeenAt, claims.ExpiresAt = now.Add(-tt.issued), now.Add(-tt.seen), now.Add(tt.end)
			cookie, err := x.newSession(claims)
			if err != nil {
				t.Fatal(err)
			}
			r := w.browser(t).request("GET", protected, "")
			r.Header.Set("Sec-Fetch-Mode", "navigate")
			r.AddCookie(&http.Cookie{Name: DefaultCookieName, Value: cookie})
			a := w.browser(t).do(r)
			if a.StatusCode != tt.want {
				t.Errorf("%d, want %d", a.StatusCode, tt.want)
			}
			prolonged := false
			for _, c := range a.Cookies() {
				if c.Name == DefaultCookieName {
					prolonged = true
				}
			}
			if want := tt.name == "idle, just"; prolonged != want {
				t.Errorf("cookie issued again: %v, want %v", prolonged, want)
			}
		})
	}
}

// S47: half a sign-in is worth nothing anywhere.
func TestHalfASignInIsNothing_S47(t *testing.T) {
	flow := straight()
	flow.poll = func() (flows.Step, error) { return waitStep, nil }
	w := newWorld(t, flow)
	b := w.browser(t)
	b.begin()
	b.push()
	for _, path := range []string{"/", protected, "/_mfa/whoami"} {
		blocked(t, w, b.get(path))
	}
	c := b.cookie(DefaultCookieName + "_signin")
	r := b.request("GET", protected, "")
	r.AddCookie(&http.Cookie{Name: DefaultCookieName, Value: c.Value})
	blocked(t, w, b.do(r))
}

// S71: a flow that ends without a second factor makes no session, whatever it says.
func TestNoSecondFactorNoSession_S71(t *testing.T) {
	for name, id := range map[string]identity.Identity{
		"no proof":      {Subject: "00u1", Login: "bob"},
		"password only": {Subject: "00u1", Login: "bob", Proofs: []identity.Proof{{Factor: identity.Password, At: time.Now()}}},
		"no subject":    {Login: "bob", Proofs: []identity.Proof{{Factor: identity.Push, At: time.Now()}}},
	} {
		t.Run(name, func(t *testing.T) {
			flow := straight()
			flow.start = func(flows.Answer) (flows.Step, error) { return flows.Step{Kind: flows.KindDone, Identity: &id}, nil }
			w := newWorld(t, flow)
			b := w.browser(t)
			b.begin()
			blocked(t, w, b.get(protected))
			if b.cookie(DefaultCookieName) != nil {
				t.Error("a session was made")
			}
		})
	}
}

func TestPlainHTTPIsRefusedExceptOnLoopback(t *testing.T) {
	w := newWorld(t, straight())
	for host, want := range map[string]int{"app.example.com": 403, "localhost:8080": 401, "127.0.0.1:8080": 401} {
		r := httpRequest("GET", "http://"+host+"/", nil)
		rec := record(w, r, Facts{ClientIP: clientIP})
		if rec.StatusCode != want {
			t.Errorf("%s: %d, want %d", host, rec.StatusCode, want)
		}
	}
}

// S06: whatever the path, the gate and the upstream read one and the same URL, and without a session it goes nowhere.
func FuzzPathIsReadOnce_S06(f *testing.F) {
	for _, p := range []string{"/", "/admin", "/_mfa/../admin", "/x/..%2fadmin//y;a", "/%2e%2e/%61dmin", "//admin", "/a\\b", "/\x00", "/_mfa"} {
		f.Add(p, "a=b")
	}
	state := NewState()
	f.Cleanup(state.Close)
	g, err := New(Config{Flow: straight(), Engine: "e", State: state, Policy: "p", Keys: keys(f), Headers: DefaultHeaders})
	if err != nil {
		f.Fatal(err)
	}
	now := time.Now()
	x := exchange{Gate: g, policy: g.cfg.Policy, r: httpRequest("GET", "https://app.example.com/", nil), site: "app.example.com"}
	claims := claimsOf(bob())
	claims.IssuedAt, claims.SeenAt, claims.ExpiresAt = now, now, now.Add(time.Hour)
	cookie, err := x.newSession(claims)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, path, query string) {
		r := httpRequest("GET", "https://app.example.com/", nil)
		r.URL = &url.URL{Path: path, RawQuery: query}
		before := *r.URL
		if out := g.Handle(httptest.NewRecorder(), r, Facts{ClientIP: clientIP, Secure: true}); out.Allowed() {
			t.Fatalf("%q went on without a session", path)
		}
		r.Header.Set("Cookie", DefaultCookieName+"="+cookie)
		out := g.Handle(httptest.NewRecorder(), r, Facts{ClientIP: clientIP, Secure: true})
		if own := path == "/_mfa" || strings.HasPrefix(path, "/_mfa/"); out.Allowed() == own {
			t.Errorf("%q: allowed %v, own route %v", path, out.Allowed(), own)
		}
		if *r.URL != before {
			t.Errorf("the gate changed the URL from %v to %v", before, *r.URL)
		}
	})
}
