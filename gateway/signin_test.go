package gateway

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"sidegate.example/sidegate/flows"
	"sidegate.example/sidegate/gateway/identity"
	"sidegate.example/sidegate/gateway/session"
)

func claimsOf(id *identity.Identity) session.Claims {
	return session.Claims{ID: session.NewID(), Identity: *id}
}

func httpRequest(method, target string, header http.Header) *http.Request {
	r := httptest.NewRequest(method, target, nil)
	r.Header.Set("Accept", "text/html")
	for k, v := range header {
		r.Header[k] = v
	}
	return r
}

// record runs one request through the gate without a server.
func record(w *world, r *http.Request, f Facts) *http.Response {
	rec := httptest.NewRecorder()
	if w.gate.Handle(rec, r, f).Allowed() {
		rec.WriteHeader(http.StatusOK)
	}
	return rec.Result()
}

// S46: an id that the browser brought is never adopted, and gains nothing when the person gets in.
func TestFixation_S46(t *testing.T) {
	w := newWorld(t, straight())
	victim, attacker := w.browser(t), w.browser(t)
	planted := newID()
	u, _ := url.Parse(w.URL)
	for _, b := range []*browser{victim, attacker} {
		b.Jar.SetCookies(u, []*http.Cookie{{Name: DefaultCookieName + "_signin", Value: planted, Path: "/", Secure: true}})
	}
	session := victim.signIn()
	if session.Value == planted {
		t.Fatal("the session took the planted id")
	}
	blocked401(t, attacker.get(protected))
	if attacker.cookie(DefaultCookieName) != nil {
		t.Error("the planted id became a session")
	}
}

func blocked401(t *testing.T, a answer) {
	t.Helper()
	if a.StatusCode != 401 || strings.Contains(a.body, "SECRET") {
		t.Errorf("not blocked: %d", a.StatusCode)
	}
}

// S79: only a POST that carries our form makes Okta do anything.
func TestOnlyAGestureReachesOkta_S79(t *testing.T) {
	w := newWorld(t, straight())
	b := w.browser(t)
	b.begin()
	for _, method := range []string{"GET", "HEAD"} {
		for _, path := range []string{protected, "/_mfa/identify", "/_mfa/answer", "/_mfa/cancel", "/_mfa/signed-out"} {
			r := b.request(method, path, "")
			r.Header.Set("Accept", "text/html")
			r.Header.Set("Sec-Purpose", "prefetch")
			b.do(r)
		}
	}
	if n := w.flow.count("start"); n != 1 || w.flow.total() != 1 {
		t.Errorf("calls to Okta: %v", w.flow.calls)
	}
}

// S75: the number is in the body of the browser that began the sign-in and nowhere else.
func TestNumberIsShownToItsBrowserOnly_S75(t *testing.T) {
	flow := straight()
	flow.next = func(flows.Answer) (flows.Step, error) { return numberStep, nil }
	flow.poll = func() (flows.Step, error) { return numberStep, nil }
	w := newWorld(t, flow)
	b := w.browser(t)
	b.begin()
	b.push()
	page := b.get(protected)
	if !strings.Contains(page.body, `id="number"`) || !strings.Contains(page.body, "nr-73-nr") || page.Header.Get("Cache-Control") != "no-store" {
		t.Fatalf("no number in the page:\n%s", page.body)
	}
	other := w.browser(t).get(protected)
	stranger := w.browser(t)
	events := stranger.do(stranger.request("GET", "/_mfa/events?seq=2", ""))
	if strings.Contains(other.body, `id="number"`) || events.StatusCode != 403 {
		t.Errorf("a stranger saw the number, or could listen (%d)", events.StatusCode)
	}
	if strings.Contains(w.logs.String(), "nr-73-nr") {
		t.Errorf("the number is in the log:\n%s", w.logs)
	}
}

// Two tabs that wait for one push both get in, with one session.
func TestTwoTabsBothGetIn(t *testing.T) {
	var approved atomic.Bool
	flow := straight()
	flow.poll = func() (flows.Step, error) {
		if approved.Load() {
			return doneStep, nil
		}
		return waitStep, nil
	}
	w := newWorld(t, flow)
	b := w.browser(t)
	b.begin()
	b.push()
	id := b.cookie(DefaultCookieName + "_signin")
	approved.Store(true)
	first := b.waitFor(func(a answer) bool { return a.StatusCode == http.StatusSeeOther })
	// The second tab's request left before the first tab's answer arrived: it still has the old cookie.
	r := w.browser(t).request("GET", "/other", "")
	r.AddCookie(&http.Cookie{Name: id.Name, Value: id.Value})
	r.Header.Set("Accept", "text/html")
	second := w.browser(t).do(r)
	if second.StatusCode != http.StatusSeeOther || second.Header.Get("Location") != "/other" {
		t.Fatalf("second tab: %d to %q", second.StatusCode, second.Header.Get("Location"))
	}
	if a, b := setCookie(first, DefaultCookieName), setCookie(second, DefaultCookieName); a == "" || a != b {
		t.Errorf("two sessions: %q and %q", a, b)
	}
}

func setCookie(a answer, name string) string {
	for _, c := range a.Cookies() {
		if c.Name == name {
			return c.Value
		}
	}
	return ""
}

// S77: whatever goes wrong at Okta, nobody new gets in, the page says so, and who is in stays in.
func TestOktaTrouble_S77(t *testing.T) {
	for reason, want := range map[flows.Reason]struct {
		status int
		shows  string
	}{
		flows.ReasonUnavailable:   {503, "error unavailable"},
		flows.ReasonRateLimited:   {503, "error rate_limited"},
		flows.ReasonMalformed:     {502, "error malformed"},
		flows.ReasonMisconfigured: {500, "error misconfigured"},
		flows.ReasonExpired:       {403, "error stale"},
		flows.ReasonBadAnswer:     {400, "error bad_request"},
	} {
		t.Run(string(reason), func(t *testing.T) {
			flow := straight()
			w := newWorld(t, flow)
			in := w.browser(t)
			in.signIn()
			flow.start = func(flows.Answer) (flows.Step, error) {
				return flows.Step{}, &flows.Error{Reason: reason, RetryAfter: 90 * time.Second, Err: errors.New("E0000047")}
			}
			b := w.browser(t)
			a := b.post("/_mfa/identify", url.Values{"csrf": {b.get(protected).csrf(t)}, "f.identifier": {"bob"}, "f.password": {"hunter2"}})
			if a.StatusCode != want.status || a.shows() != want.shows || a.Header.Get("Retry-After") != "90" || !strings.Contains(a.body, `href="/payroll?month=11"`) {
				t.Errorf("%d %q Retry-After %q\n%s", a.StatusCode, a.shows(), a.Header.Get("Retry-After"), a.body)
			}
			if strings.Contains(a.body, "E0000047") || strings.Contains(w.logs.String(), "hunter2") {
				t.Error("the page shows Okta's error, or the log a password")
			}
			blocked401(t, b.get(protected))
			if a := in.get(protected); a.StatusCode != 200 {
				t.Errorf("a live session was refused: %d", a.StatusCode)
			}
		})
	}
}

// A refusal of credentials takes a whole number of seconds, however long Okta took to say no.
func TestRefusalIsPadded(t *testing.T) {
	for _, okta := range []time.Duration{0, 130 * time.Millisecond, 999 * time.Millisecond, 1300 * time.Millisecond} {
		synctest.Test(t, func(t *testing.T) {
			flow := straight()
			flow.start = func(flows.Answer) (flows.Step, error) { time.Sleep(okta); return wrongStep, nil }
			w := &world{flow: flow, logs: &lockedBuffer{}}
			state := NewState()
			defer state.Close()
			var err error
			if w.gate, err = New(Config{Flow: flow, Engine: "e", State: state, Policy: "p", Keys: keys(t)}); err != nil {
				t.Fatal(err)
			}
			page := record(w, httpRequest("GET", "https://app.example.com/", nil), Facts{ClientIP: clientIP, Secure: true})
			body, err := io.ReadAll(page.Body)
			if err != nil {
				t.Fatal(err)
			}
			form := url.Values{"csrf": {answer{page, string(body)}.csrf(t)}, "f.identifier": {"bob"}, "f.password": {"x"}}
			r := httptest.NewRequest("POST", "https://app.example.com/_mfa/identify", strings.NewReader(form.Encode()))
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			r.AddCookie(page.Cookies()[0])
			began := time.Now()
			resp := record(w, r, Facts{ClientIP: clientIP, Secure: true})
			took := time.Since(began)
			if resp.StatusCode != 303 || took%refusalFloor != 0 || took <= okta || took > okta+refusalFloor {
				t.Errorf("okta took %s, the refusal %s (status %d)", okta, took, resp.StatusCode)
			}
		})
	}
}

// S34, S35, S36, S38, S43: what looks like a placeholder, a template or markup stays text.
func TestHostileTextsStayText_S34_S36_S38_S43(t *testing.T) {
	const evil = `"><svg onload=alert(1)>{env.OKTA_TOKEN}{{.}}{file./etc/passwd}`
	flow := straight()
	flow.start = func(a flows.Answer) (flows.Step, error) {
		s := chooseStep
		s.Person = a.Values["identifier"]
		return s, nil
	}
	w := newWorld(t, flow)
	b := w.browser(t)
	b.post("/_mfa/identify", url.Values{"csrf": {b.get(protected).csrf(t)}, "f.identifier": {evil}, "f.password": {"x"}})
	quotes := b.request("GET", "/report?q='%22;alert(1)//</script>%E2%80%A8", "")
	quotes.Header.Set("Accept", "text/html")
	if a := w.browser(t).do(quotes); strings.Contains(a.body, "</script>%E2%80%A8") || strings.Contains(a.body, "alert(1)") {
		t.Errorf("the address is in the page:\n%s", a.body)
	}
	r := b.request("GET", "/?error=Call+555&message=Call+555&rd=javascript:alert(1)", "")
	r.Header.Set("Accept", "text/html")
	r.Header.Set("Accept-Language", `"><script>alert(1)</script>`)
	r.Header.Set("Referer", "javascript:alert(1)")
	r.Header.Set("User-Agent", evil)
	a := b.do(r)
	for _, bad := range []string{"<svg onload", "<script>alert", "Call 555", "Call+555&m", `href="javascript:`} {
		if strings.Contains(a.body, bad) {
			t.Errorf("%q is in the page:\n%s", bad, a.body)
		}
	}
	if !strings.Contains(a.body, "{env.OKTA_TOKEN}") || !strings.Contains(a.body, `<html lang="en"`) {
		t.Errorf("the name is not shown as typed, or the language is not en:\n%s", a.body)
	}
}

// Where the phone shows the gateway, no page may tell people to refuse what does not show their browser.
func TestPushContextOfTheGateway(t *testing.T) {
	for _, gateway := range []bool{false, true} {
		w := newWorld(t, straight(), func(c *Config) { c.PushShowsGateway = gateway })
		b := w.browser(t)
		first := b.get(protected)
		b.begin()
		for _, page := range []answer{first, b.get(protected)} {
			if promised := strings.Contains(page.body, clientIP); promised == gateway {
				t.Errorf("PushShowsGateway %v: the page promises the browser's address: %v", gateway, promised)
			}
		}
	}
}

// S42: every answer of the gate, whatever it is, forbids framing and caching.
func TestEveryAnswerIsGuarded_S42(t *testing.T) {
	w := newWorld(t, straight())
	b := w.browser(t)
	page := b.get(protected)
	answers := map[string]answer{
		"page": page, "404": b.get("/_mfa/nothing"), "405": b.post("/_mfa/whoami", nil), "signed out": b.get("/_mfa/signed-out"),
		"problem": b.do(b.request("GET", protected, "")), "forged": b.post("/_mfa/identify", nil), "events": b.get("/_mfa/events?seq=1"),
		"redirect": b.post("/_mfa/identify", url.Values{"csrf": {page.csrf(t)}, "f.identifier": {"bob"}}),
	}
	for name, a := range answers {
		for header, want := range map[string]string{"X-Frame-Options": "DENY", "X-Content-Type-Options": "nosniff", "Cache-Control": "no-store"} {
			if a.Header.Get(header) != want {
				t.Errorf("%s (%d): %s = %q", name, a.StatusCode, header, a.Header.Get(header))
			}
		}
		if !strings.Contains(a.Header.Get("Content-Security-Policy"), "frame-ancestors 'none'") {
			t.Errorf("%s: CSP %q", name, a.Header.Get("Content-Security-Policy"))
		}
	}
}

// S41, S44: no GET ends a session; a POST ends it for every copy of the cookie.
func TestSignOut_S41_S44(t *testing.T) {
	w := newWorld(t, straight())
	b := w.browser(t)
	copied := b.signIn2(t)
	page := b.get("/_mfa/signout")
	if page.StatusCode != 200 || page.shows() != "signout" || b.get(protected).StatusCode != 200 {
		t.Fatalf("GET: %d %q, and the session must live", page.StatusCode, page.shows())
	}
	a := b.post("/_mfa/signout", url.Values{"csrf": {page.csrf(t)}})
	if a.StatusCode != 303 || a.Header.Get("Location") != "/_mfa/signed-out" || b.cookie(DefaultCookieName) != nil {
		t.Fatalf("POST: %d to %q", a.StatusCode, a.Header.Get("Location"))
	}
	if a := b.get("/_mfa/signed-out"); a.shows() != "signedout" {
		t.Errorf("shows %q", a.shows())
	}
	r := w.browser(t).request("GET", protected, "")
	r.AddCookie(copied)
	blocked401(t, w.browser(t).do(r))
}

// S29: whoami tells the app's page who is in, and nothing that could be used.
func TestWhoami_S29(t *testing.T) {
	w := newWorld(t, straight())
	b := w.browser(t)
	cookie := b.signIn()
	a := b.get("/_mfa/whoami")
	if a.StatusCode != 200 || !strings.Contains(a.body, `"user":"bob"`) || !strings.Contains(a.body, `"factors":["password","push"]`) {
		t.Errorf("%d %s", a.StatusCode, a.body)
	}
	if strings.Contains(a.body, cookie.Value) || strings.Contains(a.body, "00u1") {
		t.Errorf("whoami tells too much: %s", a.body)
	}
	blocked401(t, w.browser(t).get("/_mfa/whoami"))
}

// S27: nothing that opens anything is in the log, at debug level.
func TestNoSecretInTheLog_S27(t *testing.T) {
	w := newWorld(t, straight())
	b := w.browser(t)
	page := b.get(protected)
	csrf := page.csrf(t)
	b.post("/_mfa/identify", url.Values{"csrf": {csrf}, "f.identifier": {"bob"}, "f.password": {"hunter2"}})
	id := b.cookie(DefaultCookieName + "_signin").Value
	b.push()
	b.waitFor(func(a answer) bool { return a.StatusCode == http.StatusOK })
	session := b.cookie(DefaultCookieName).Value
	log := w.logs.String()
	if !strings.Contains(log, "signed in") {
		t.Fatalf("no audit line:\n%s", log)
	}
	for name, s := range map[string]string{"password": "hunter2", "csrf": csrf, "sign-in id": id, "session": session, "key": secret} {
		if strings.Contains(log, s) {
			t.Errorf("the %s is in the log:\n%s", name, log)
		}
	}
}

// S53: no key, no sessions, no forms; the gate says so and stays shut.
func TestWithoutAKeyTheGateStaysShut_S53(t *testing.T) {
	if _, err := New(Config{Flow: straight(), Engine: "e", State: NewState(), Policy: "p"}); err == nil {
		t.Error("a gate without keys was made")
	}
	w := newWorld(t, straight(), func(c *Config) { c.Keys = session.NewKeeper(session.Rotation{}) })
	b := w.browser(t)
	if a := b.get(protected); a.StatusCode != 503 || a.shows() != "error starting" || a.Header.Get("Retry-After") == "" {
		t.Errorf("%d %q", a.StatusCode, a.shows())
	}
	r := b.request("GET", protected, "")
	r.AddCookie(&http.Cookie{Name: DefaultCookieName, Value: "x.y"})
	if a := b.do(r); a.StatusCode != 503 || a.Header.Get("Content-Type") != "application/problem+json" {
		t.Errorf("%d %q", a.StatusCode, a.Header.Get("Content-Type"))
	}
	if len(w.upstream()) != 0 {
		t.Error("the upstream was reached")
	}
}

// A page that asks for the user name alone takes nothing else.
func TestIdentifierFirstTakesNoPassword(t *testing.T) {
	var got map[string]string
	flow := straight()
	flow.start = func(a flows.Answer) (flows.Step, error) { got = a.Values; return chooseStep, nil }
	w := newWorld(t, flow, func(c *Config) { c.IdentifierFirst = true })
	b := w.browser(t)
	if page := b.get(protected); strings.Contains(page.body, "f.password") {
		t.Error("the page asks for a password")
	}
	b.begin()
	if len(got) != 1 || got["identifier"] != "bob" {
		t.Errorf("the flow got %v", got)
	}
}
