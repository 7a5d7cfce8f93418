package gateway

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"sidegate.example/sidegate/flows"
	"sidegate.example/sidegate/gateway/session"
	"sidegate.example/sidegate/gateway/store"
)

// S61: only what a person does prolongs a session: a page that polls is not a person.
func TestOnlyAPersonProlongs_S61(t *testing.T) {
	w, flow, request := renewing(t)
	chromium := []string{`"Not:A-Brand";v="8", "Chromium";v="156"`}
	for name, c := range map[string]struct {
		header http.Header
		want   bool
	}{
		"a navigation":                   {http.Header{"Sec-Fetch-Mode": {"navigate"}, "Sec-Fetch-Dest": {"document"}}, true},
		"a navigation in a frame":        {http.Header{"Sec-Fetch-Mode": {"navigate"}, "Sec-Fetch-Dest": {"iframe"}}, true},
		"a click":                        {http.Header{"Sec-Fetch-Mode": {"navigate"}, "Sec-Fetch-User": {"?1"}}, true},
		"Chromium's click":               {http.Header{"Sec-Fetch-Mode": {"navigate"}, "Sec-Fetch-User": {"?1"}, "Sec-Ch-Ua": chromium}, true},
		"Chromium's <meta refresh>":      {http.Header{"Sec-Fetch-Mode": {"navigate"}, "Sec-Fetch-Dest": {"document"}, "Sec-Ch-Ua": chromium}, false},
		"fetch":                          {http.Header{"Sec-Fetch-Mode": {"cors"}, "Sec-Fetch-Dest": {"empty"}, "Accept": {"text/html"}}, false},
		"an event stream":                {http.Header{"Sec-Fetch-Mode": {"cors"}, "Accept": {"text/event-stream"}}, false},
		"a WebSocket":                    {http.Header{"Sec-Fetch-Mode": {"websocket"}}, false},
		"a picture":                      {http.Header{"Sec-Fetch-Mode": {"no-cors"}, "Sec-Fetch-Dest": {"image"}}, false},
		"a page fetched in advance":      {http.Header{"Sec-Fetch-Mode": {"navigate"}, "Sec-Purpose": {"prefetch;prerender"}}, false},
		"an old browser's page":          {http.Header{"Accept": {"text/html,*/*;q=0.8"}}, true},
		"an old browser's XHR":           {http.Header{"Accept": {"*/*"}}, false},
		"an old browser's jQuery":        {http.Header{"Accept": {"text/html, */*"}, "X-Requested-With": {"XMLHttpRequest"}}, false},
		"a program that says nothing":    {http.Header{}, false},
		"an old page fetched in advance": {http.Header{"Accept": {"text/html"}, "Purpose": {"prefetch"}}, false},
	} {
		t.Run(name, func(t *testing.T) {
			r := request(30 * time.Minute)
			cookie := r.Header["Cookie"]
			r.Header = c.header
			r.Header["Cookie"] = cookie
			asked := flow.times()
			a := w.browser(t).do(r)
			if a.StatusCode != 200 || prolonged(a) != c.want || !c.want && flow.times() != asked {
				t.Errorf("%d, prolonged %t, Okta was asked: %t", a.StatusCode, prolonged(a), flow.times() != asked)
			}
		})
	}
}

// told is the document of /_mfa/session.
func told(t *testing.T, a answer) (d struct {
	User     string
	Now      time.Time
	IdleEnds time.Time `json:"idle_ends"`
	Ends     time.Time
}) {
	t.Helper()
	if err := json.Unmarshal([]byte(a.body), &d); err != nil {
		t.Fatalf("%d %v\n%s", a.StatusCode, err, a.body)
	}
	return d
}

// S61: a page can warn of the end without putting it off, and stay signed in when its person wants to, never beyond the
// absolute end.
func TestSessionEndpoint_S61(t *testing.T) {
	w, _, request := renewing(t)
	ask := func(method string, header http.Header) (answer, time.Duration) {
		r := request(30 * time.Minute)
		cookie := r.Header["Cookie"]
		r.Method, r.URL.Path, r.URL.RawQuery, r.Header = method, "/_mfa/session", "", header.Clone()
		r.Header["Cookie"] = cookie
		a := w.browser(t).do(r)
		if a.StatusCode != 200 {
			return a, 0
		}
		d := told(t, a)
		if left := d.Ends.Sub(d.Now); d.User != "bob" || left < 59*time.Minute || left > time.Hour || a.Header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s", a.body)
		}
		return a, d.IdleEnds.Sub(d.Now)
	}
	a, left := ask("GET", http.Header{"Sec-Fetch-Mode": {"navigate"}})
	if left < 29*time.Minute || left > 30*time.Minute || prolonged(a) {
		t.Errorf("to ask: %d, ends in %s, prolonged %t", a.StatusCode, left, prolonged(a))
	}
	own := http.Header{"Origin": {w.URL}, "Sec-Fetch-Site": {"same-origin"}, "X-Requested-With": {"fetch"}}
	a, left = ask("POST", own)
	if left < 59*time.Minute || !prolonged(a) {
		t.Errorf("to stay: %d, ends in %s, prolonged %t", a.StatusCode, left, prolonged(a))
	}
	if a, _ := ask("PUT", own); a.StatusCode != http.StatusMethodNotAllowed {
		t.Errorf("PUT: %d", a.StatusCode)
	}
	for _, method := range []string{"GET", "POST"} {
		r := w.browser(t).request(method, "/_mfa/session", "")
		r.Header = own.Clone()
		if a := w.browser(t).do(r); a.StatusCode != http.StatusUnauthorized {
			t.Errorf("%s without a session: %d", method, a.StatusCode)
		}
	}
}

// S39: a page of another site cannot keep somebody's session alive.
func TestStaySignedInIsNotForged_S39(t *testing.T) {
	w, flow, request := renewing(t)
	for name, header := range map[string]http.Header{
		"another site":               {"Origin": {"https://evil.example"}, "Sec-Fetch-Site": {"cross-site"}, "X-Requested-With": {"x"}},
		"a sibling":                  {"Origin": {w.URL}, "Sec-Fetch-Site": {"same-site"}, "X-Requested-With": {"x"}},
		"an old browser elsewhere":   {"Origin": {"https://evil.example"}, "X-Requested-With": {"x"}},
		"no origin":                  {"X-Requested-With": {"x"}},
		"a form":                     {"Origin": {w.URL}, "Sec-Fetch-Site": {"same-origin"}, "Content-Type": {"application/x-www-form-urlencoded"}},
		"a form of an opaque origin": {"Origin": {"null"}, "X-Requested-With": {"x"}},
	} {
		r := request(30 * time.Minute)
		cookie := r.Header["Cookie"]
		r.Method, r.URL, r.Header = "POST", &url.URL{Scheme: r.URL.Scheme, Host: r.URL.Host, Path: "/_mfa/session"}, header
		r.Header["Cookie"] = cookie
		if a := w.browser(t).do(r); a.StatusCode != http.StatusForbidden || prolonged(a) || flow.times() != 0 {
			t.Errorf("%s: %d, prolonged %t", name, a.StatusCode, prolonged(a))
		}
	}
}

// S57, S61: whom a recheck puts into more groups than fit into a cookie is signed in for as long as they do something, like anybody else,
// with all of the groups, on a replica that has not seen the cookie too. A store that cannot take the groups is tried again at the next
// click, and one that has lost the session's document has it again, with the name of the family.
func TestRecheckedIntoManyGroupsIsProlonged_S57_S61(t *testing.T) {
	for name, family := range map[string]session.ID{"one site": {}, "of a family": session.NewID()} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				state := NewState()
				defer state.Close()
				turns := &turnstile{Turns: state.memory.Turns}
				state.memory.Turns = turns
				many := append([]string{"staff"}, crowd(200)...)
				flow := &oracle{script: straight(), says: flows.Standing{Subject: "00u1", Active: true, Groups: many}}
				r := newRechecking(t, state, flow, func(c *Config) { c.IdleTimeout = time.Hour })
				r.family = family
				r.enter()
				_, opened, _ := r.opened()
				if err := state.documents.Delete(t.Context(), store.Sessions, opened.Handle); err != nil {
					t.Fatal(err)
				}
				for n := range 40 { // a click each five minutes
					time.Sleep(5 * time.Minute)
					turns.shut.Store(n < 7)
					req, w := r.request(), httptest.NewRecorder()
					req.Header.Set("Sec-Fetch-Mode", "navigate")
					if !r.Handle(w, req, Facts{ClientIP: clientIP, Secure: true}).Allowed() {
						t.Fatalf("out after %d minutes: %d", 5*(n+1), w.Code)
					}
					synctest.Wait()
					for _, c := range w.Result().Cookies() {
						r.cookie = c
					}
				}
				if len(r.cookie.Value) > session.MaxCookie {
					t.Errorf("the cookie has %d bytes", len(r.cookie.Value))
				}
				replica := newRechecking(t, state, flow)
				replica.cookie = r.cookie
				if status, groups := replica.ask(); status != http.StatusOK || strings.Count(groups, "app-") != 200 || !strings.HasPrefix(groups, "staff,") {
					t.Errorf("another replica: %d, %d groups", status, strings.Count(groups, "app-"))
				}
				list, err := state.Sessions(t.Context(), func(*SessionInfo) bool { return true })
				if err != nil || len(list) != 1 || list[0].Login != "bob" {
					t.Errorf("%+v, %v", list, err)
				}
				if err := state.Revoke(t.Context(), store.Revocation{Session: opened.Handle, Until: opened.ExpiresAt}); err != nil {
					t.Fatal(err)
				}
				opened.Handle = "another site's"
				if state.revocations.Revoked("", opened) != (opened.Kin != "") {
					t.Error("its family lives on")
				}
			})
		})
	}
}
