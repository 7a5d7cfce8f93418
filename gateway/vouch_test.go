package gateway

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"

	"sidegate.example/sidegate/gateway/identity"
	"sidegate.example/sidegate/gateway/session"
	"sidegate.example/sidegate/gateway/upstream"
)

func asserting(c *Config) { c.Headers.Assertion = DefaultAssertionHeader }

// asserted is what the assertion of a request says, checked with the keys that the site publishes to everybody.
func (w *world) asserted(t *testing.T, r *http.Request) map[string]any {
	t.Helper()
	page := w.browser(t).get("/_mfa/jwks.json")
	var set jose.JSONWebKeySet
	if err := json.Unmarshal([]byte(page.body), &set); err != nil || page.StatusCode != http.StatusOK {
		t.Fatalf("jwks.json: %d, %v\n%s", page.StatusCode, err, page.body)
	}
	tokens := r.Header.Values(DefaultAssertionHeader)
	if len(tokens) != 1 {
		t.Fatalf("%d assertions, want 1", len(tokens))
	}
	jws, err := jose.ParseSigned(tokens[0], []jose.SignatureAlgorithm{jose.ES256})
	if err != nil {
		t.Fatal(err)
	}
	payload, err := jws.Verify(set)
	if err != nil {
		t.Fatal(err)
	}
	claims := map[string]any{}
	if err := json.Unmarshal(payload, &claims); err != nil {
		t.Fatal(err)
	}
	return claims
}

// Each request that goes on carries its own assertion, whatever the client sends under its name (S16, S20).
func TestAssertionIsOfThisRequest(t *testing.T) {
	w := newWorld(t, straight(), asserting)
	b := w.browser(t)
	b.signIn()
	r := b.request("POST", "/trans%66er/1?to=eve", "")
	r.Header.Set("Remote_Assertion", "forged")
	r.Header.Set("Remote-Assertion", "forged")
	r.Header.Set("Connection", "close, Remote-Assertion")
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	if a := b.do(r); a.StatusCode != http.StatusOK {
		t.Fatalf("status %d", a.StatusCode)
	}
	hits := w.upstream()
	hit := hits[len(hits)-1]
	if hit.Header.Get("Remote_Assertion") != "" || strings.Contains(hit.Header.Get("Connection"), "Assertion") {
		t.Errorf("headers %v", hit.Header)
	}
	got := w.asserted(t, hit)
	site := strings.ToLower(w.URL)
	for name, want := range map[string]any{"iss": site + "/_mfa", "aud": site, "htm": "POST", "htu": site + "/trans%66er/1", "sub": "00u1", "preferred_username": "bob"} {
		if got[name] != want {
			t.Errorf("%s is %v, want %v", name, got[name], want)
		}
	}
	if life := got["exp"].(float64) - got["iat"].(float64); life != 60 {
		t.Errorf("it lives for %v s, want 60", life)
	}
}

// S59: an assertion opens nothing of ours, wherever it is put.
func TestS59AssertionIsNoSession(t *testing.T) {
	w := newWorld(t, straight(), asserting)
	b := w.browser(t)
	cookie := b.signIn().Value
	hits := w.upstream()
	token := hits[len(hits)-1].Header.Get(DefaultAssertionHeader)
	if len(strings.Split(token, ".")) != 3 {
		t.Fatalf("no assertion: %q", token)
	}
	reached := len(hits)
	for name, change := range map[string]func(*http.Request){
		"cookie":         func(r *http.Request) { r.Header.Set("Cookie", DefaultCookieName+"="+token) },
		"sign-in cookie": func(r *http.Request) { r.Header.Set("Cookie", DefaultCookieName+"_signin="+token) },
		"bearer":         func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+token) },
		"its own header": func(r *http.Request) { r.Header.Set(DefaultAssertionHeader, token) },
		"query":          func(r *http.Request) { r.URL.RawQuery = "assertion=" + token + "&token=" + token },
		"session as it":  func(r *http.Request) { r.Header.Set(DefaultAssertionHeader, cookie) },
	} {
		for _, path := range []string{protected, "/_mfa/whoami"} {
			r := w.browser(t).request("GET", path, "")
			change(r)
			if a := w.browser(t).do(r); a.StatusCode != http.StatusUnauthorized {
				t.Errorf("%s at %s: status %d, want 401", name, path, a.StatusCode)
			}
		}
		r := w.browser(t).request("POST", "/_mfa/signout", url.Values{"csrf": {token}}.Encode())
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		change(r)
		if a := w.browser(t).do(r); a.StatusCode != http.StatusSeeOther || a.Header.Get("Set-Cookie") != "" {
			t.Errorf("%s at sign-out: status %d, Set-Cookie %q", name, a.StatusCode, a.Header.Get("Set-Cookie"))
		}
	}
	if n := len(w.upstream()); n != reached {
		t.Errorf("%d requests reached the upstream", n-reached)
	}
	if a := b.get(protected); a.StatusCode != http.StatusOK {
		t.Errorf("the session has ended: status %d", a.StatusCode)
	}
}

// Without the option there is neither an assertion nor a list of keys, and still nobody's own arrives.
func TestAssertionIsOffByDefault(t *testing.T) {
	w := newWorld(t, straight())
	b := w.browser(t)
	b.signIn()
	r := b.request("GET", "/", "")
	r.Header.Set("remote_assertion", "forged")
	b.do(r)
	hits := w.upstream()
	for name := range hits[len(hits)-1].Header {
		if foldEqual(name, "remote-assertion") {
			t.Errorf("the upstream saw %s", name)
		}
	}
	if a := b.get("/_mfa/jwks.json"); a.StatusCode != http.StatusNotFound {
		t.Errorf("jwks.json: %d, want 404", a.StatusCode)
	}
}

func TestKeySetIsPublic(t *testing.T) {
	w := newWorld(t, straight(), asserting, func(c *Config) { c.PersonKnown = true })
	a := w.browser(t).get("/_mfa/jwks.json")
	if a.StatusCode != http.StatusOK || a.Header.Get("Cache-Control") != "public, max-age=300" || a.Header.Get("Content-Type") != "application/jwk-set+json" ||
		a.Header.Get("Set-Cookie") != "" || strings.Contains(a.body, `"d"`) {
		t.Errorf("status %d, headers %v\n%s", a.StatusCode, a.Header, a.body)
	}
}

// S08: all spellings of a host are one audience, and another port is another one.
func TestS08AudienceHasOneSpelling(t *testing.T) {
	for host, want := range map[string]string{
		"app.example.com": "https://app.example.com", "APP.Example.COM:443": "https://app.example.com", "app.example.com.": "https://app.example.com",
		"app.example.com.:443": "https://app.example.com", "app.example.com:8443": "https://app.example.com:8443", "[2001:DB8::1]:443": "https://[2001:db8::1]",
		"[2001:db8::1]": "https://[2001:db8::1]", "app.example.com:80": "https://app.example.com:80", "app.example.com:": "https://app.example.com",
	} {
		r := &http.Request{Host: host}
		x := exchange{r: r, site: siteOf(r), facts: Facts{Secure: true}}
		if got := x.audience(); got != want {
			t.Errorf("%s: audience %s, want %s", host, got, want)
		}
	}
	r := &http.Request{Host: "localhost:80"}
	if got := (&exchange{r: r, site: siteOf(r)}).audience(); got != "http://localhost" {
		t.Errorf("plain http: %s", got)
	}
}

// upstream_cookie: the upstream gets the cookie that we sign, the app's own cookies, and neither the client's forgery nor ours.
func TestUpstreamCookie(t *testing.T) {
	cookie, err := upstream.NewCookie("app_user", secret)
	if err != nil {
		t.Fatal(err)
	}
	w := newWorld(t, straight(), func(c *Config) { c.UpstreamCookie = cookie })
	b := w.browser(t)
	own := b.signIn()
	r := b.request("GET", "/", "")
	r.Header.Set("Cookie", "app_user=forged; theme=dark; "+own.Name+"="+own.Value+"; APP.USER=forged")
	b.Jar = nil
	if a := b.do(r); a.StatusCode != http.StatusOK {
		t.Fatalf("status %d", a.StatusCode)
	}
	hits := w.upstream()
	hit := hits[len(hits)-1]
	who, err := cookie.Read(hit, strings.ToLower(w.URL))
	if err != nil || who.Username != "bob" || who.Subject != "00u1" {
		t.Errorf("the cookie says %+v, %v", who, err)
	}
	if line := hit.Header.Get("Cookie"); !strings.HasSuffix(line, "; theme=dark") || strings.Contains(line, "forged") || strings.Contains(line, own.Value) {
		t.Errorf("Cookie: %s", line)
	}
	// What the app is sent opens nothing here (S59).
	s := b.request("GET", protected, "")
	s.Header.Set("Cookie", DefaultCookieName+"="+strings.TrimPrefix(strings.Split(hit.Header.Get("Cookie"), ";")[0], "app_user="))
	if a := b.do(s); a.StatusCode != http.StatusUnauthorized {
		t.Errorf("the app's cookie is a session: status %d", a.StatusCode)
	}
}

// S57: who has more groups than fit into the app's cookie gets a page that sends them to the operator, whom the log tells what to write, and
// the app is asked nothing; with that written they are in.
func TestUpstreamCookieOfFiveHundredGroups_S57(t *testing.T) {
	cookie, err := upstream.NewCookie("app_user", secret)
	if err != nil {
		t.Fatal(err)
	}
	flow := straight()
	flow.poll = doneAs(func(who *identity.Identity) { who.Groups = crowd(500) })
	w := newWorld(t, flow, func(c *Config) { c.UpstreamCookie = cookie })
	b := w.browser(t)
	b.begin()
	b.push()
	b.waitFor(func(answer) bool { return b.cookie(DefaultCookieName) != nil })
	if a := b.get(protected); a.StatusCode != http.StatusInternalServerError || a.shows() != "error misconfigured" || a.Header.Get("Retry-After") != "" {
		t.Errorf("%d %s", a.StatusCode, a.shows())
	}
	r := b.request("GET", protected, "")
	r.Header.Set("Sec-Fetch-Mode", "cors")
	if a := b.do(r); a.StatusCode != http.StatusInternalServerError || !strings.Contains(a.body, "all of your groups") {
		t.Errorf("fetch: %d %s", a.StatusCode, a.body)
	}
	if n := len(w.upstream()); n != 0 {
		t.Errorf("%d requests reached the app", n)
	}
	if logs := w.logs.String(); !strings.Contains(logs, "write groups with those that the app needs") || !strings.Contains(logs, "user=bob") || !strings.Contains(logs, "groups=500") {
		t.Errorf("the operator does not hear of it:\n%s", logs)
	}
	w = newWorld(t, flow, func(c *Config) { c.UpstreamCookie, c.Groups = cookie, []string{"CN=app-00*"} })
	w.browser(t).signIn()
	who, err := cookie.Read(w.upstream()[0], strings.ToLower(w.URL))
	if err != nil || len(who.Groups) != 10 {
		t.Errorf("%+v, %v", who, err)
	}
}

func TestUpstreamCookieIsNotOurs(t *testing.T) {
	for _, name := range []string{"__Host-okta_mfa", "__host-OKTA_MFA", "__Host-okta_mfa_signin", "__Host-okta.mfa_device"} {
		cookie, err := upstream.NewCookie(name, secret)
		if err != nil {
			t.Fatal(err)
		}
		state := NewState()
		defer state.Close()
		if _, err := New(Config{Flow: straight(), Engine: "e", State: state, Policy: "p", Keys: keys(t), UpstreamCookie: cookie}); err == nil ||
			!strings.Contains(err.Error(), "upstream_cookie has the name of the gate's own cookie") {
			t.Errorf("%s was taken: %v", name, err)
		}
	}
}

// A gate whose keys are gone lets nobody in without what the upstream relies on.
func TestNoAssertionNoRequest(t *testing.T) {
	w := newWorld(t, straight(), asserting)
	b := w.browser(t)
	b.signIn()
	reached := len(w.upstream())
	var err error
	if w.gate.signer, err = upstream.NewSigner(brokenKeys{}, upstream.ES256); err != nil {
		t.Fatal(err)
	}
	if a := b.get(protected); a.StatusCode != http.StatusServiceUnavailable || len(w.upstream()) != reached {
		t.Errorf("status %d, %d requests went on", a.StatusCode, len(w.upstream())-reached)
	}
}

type brokenKeys struct{}

func (brokenKeys) Ring(context.Context) (*session.Ring, error) { return nil, errors.New("no keys") }
