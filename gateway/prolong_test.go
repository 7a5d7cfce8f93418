package gateway

import (
	"encoding/json"
	"net/http"
	"net/url"
	"testing"
	"time"
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
