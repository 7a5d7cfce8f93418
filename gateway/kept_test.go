package gateway

import (
	"bytes"
	"crypto/tls"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"sidegate.example/sidegate/flows"
	"sidegate.example/sidegate/gateway/identity"
	"sidegate.example/sidegate/gateway/store"
)

const payment = "to=carol&amount=100&note=%C3%A4%26%3D"

// send posts like a form of the site's own pages, changed.
func (b *browser) send(method, path, body string, change ...func(*http.Request)) answer {
	b.t.Helper()
	r := b.request(method, path, body)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Origin", b.w.URL)
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	r.Header.Set("Sec-Fetch-Mode", "navigate")
	r.Header.Set("Sec-Fetch-Dest", "document")
	for _, f := range change {
		f(r)
	}
	return b.do(r)
}

// signInAt goes from a sign-in page all the way in, to where it leads.
func (b *browser) signInAt(page answer) answer {
	b.t.Helper()
	a := b.post("/_mfa/identify", url.Values{"csrf": {page.csrf(b.t)}, "f.identifier": {"bob"}, "f.password": {"pw"}})
	path := a.Header.Get("Location")
	b.post("/_mfa/answer", url.Values{"csrf": {b.get(path).csrf(b.t)}, "choice": {"push"}})
	for range 2000 {
		if a := b.get(path); a.StatusCode != http.StatusUnauthorized && a.StatusCode != http.StatusSeeOther {
			return a
		}
	}
	b.t.Fatalf("never came in at %s", path)
	return answer{}
}

var resumeInput = regexp.MustCompile(`<form id="resume" method="post" action="([^"]+)">\s*<input type="hidden" name="_mfa_resume" value="([^"]+)">`)

// confirm presses "Send it now" on the page.
func (b *browser) confirm(page answer, change ...func(*http.Request)) answer {
	b.t.Helper()
	m := resumeInput.FindStringSubmatch(page.body)
	if m == nil {
		b.t.Fatalf("nothing to confirm: %d %s\n%s", page.StatusCode, page.shows(), page.body)
	}
	return b.send("POST", strings.ReplaceAll(m[1], "&amp;", "&"), "_mfa_resume="+url.QueryEscape(m[2]), change...)
}

// last is the latest request that the upstream saw, with its body.
func (w *world) last(t *testing.T) (*http.Request, string) {
	t.Helper()
	hits := w.upstream()
	if len(hits) == 0 {
		t.Fatal("nothing reached the upstream")
	}
	r := hits[len(hits)-1]
	body, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return r, string(body)
}

// S55: a form that ran into the sign-in reaches the upstream after it, once, when its person says so, as it was: method, path and
// query, body, type and length. Our own token does not.
func TestS55FormIsKeptAcrossTheSignIn(t *testing.T) {
	const asJSON = "application/json; charset=utf-8"
	for _, c := range []struct{ method, contentType, body string }{
		{"POST", "application/x-www-form-urlencoded", payment}, {"PUT", asJSON, `{"to": "carol"}`}, {"PATCH", asJSON, "not even JSON"},
		{"POST", "application/x-www-form-urlencoded; charset=iso-8859-1", "note=\xe4"}, {"POST", asJSON, ""}, {"POST", "application/x-www-form-urlencoded", strings.Repeat("x", maxKept)},
	} {
		w := newWorld(t, straight())
		b := w.browser(t)
		typed := func(r *http.Request) { r.Header.Set("Content-Type", c.contentType) }
		page := b.send(c.method, "/transfer?a=1&b=%20x", c.body, typed)
		if page.StatusCode != 401 || page.shows() != "signin identify" || !strings.Contains(page.body, "What you were sending is kept.") {
			t.Fatalf("%s: %d %s\n%s", c.method, page.StatusCode, page.shows(), page.body)
		}
		page = b.signInAt(page)
		if page.StatusCode != 200 || page.shows() != "resume" || !strings.Contains(page.body, c.method+" 127.0.0.1/transfer?a=1&amp;b=%20x") || len(w.upstream()) != 0 {
			t.Fatalf("the page that asks: %d %s\n%s", page.StatusCode, page.shows(), page.body)
		}
		if a := b.confirm(page); a.StatusCode != 200 || a.body != "SECRET PAYROLL" {
			t.Fatalf("confirmed: %d %s", a.StatusCode, a.shows())
		}
		r, body := w.last(t)
		if r.Method != c.method || r.URL.RequestURI() != "/transfer?a=1&b=%20x" || body != c.body || r.Header.Get("Content-Type") != c.contentType ||
			r.ContentLength != int64(len(c.body)) || r.Header.Get("Content-Length") != "" && r.Header.Get("Content-Length") != strconv.Itoa(len(c.body)) ||
			r.Header.Get("Remote-User") != "bob" || strings.Contains(r.Header.Get("Cookie"), "okta_mfa") {
			t.Errorf("the upstream saw %s %s, %q, %v", r.Method, r.URL, body, r.Header)
		}
		if a := b.confirm(page); a.StatusCode != http.StatusGone || a.shows() != "error not_kept" || len(w.upstream()) != 1 {
			t.Errorf("a second click: %d %s", a.StatusCode, a.shows())
		}
	}
}

// S55: what is not kept is challenged all the same, without a crash, and the page says that it is lost.
func TestS55WhatIsNotKept(t *testing.T) {
	header := func(name string, values ...string) func(*http.Request) {
		return func(r *http.Request) { r.Header[name] = values }
	}
	big := strings.Repeat("x", maxKept+1)
	for name, c := range map[string]struct {
		method, body string
		change       func(*http.Request)
	}{
		"no Content-Type":    {"POST", payment, header("Content-Type")},
		"empty Content-Type": {"POST", payment, header("Content-Type", "")},
		"two Content-Types":  {"POST", payment, header("Content-Type", "application/json", "text/plain")},
		"no body, no type":   {"POST", "", header("Content-Type")},
		"multipart":          {"POST", "--x\r\n", header("Content-Type", "multipart/form-data; boundary=x")},
		"text":               {"POST", payment, header("Content-Type", "text/plain")},
		"compressed":         {"POST", payment, header("Content-Encoding", "gzip")},
		"chunked":            {"POST", payment, func(r *http.Request) { r.ContentLength, r.TransferEncoding = -1, []string{"chunked"} }},
		"over the limit":     {"POST", big, nil},
		"cross-site":         {"POST", payment, header("Sec-Fetch-Site", "cross-site")},
		"same-site":          {"POST", payment, header("Sec-Fetch-Site", "same-site")},
		"of another origin":  {"POST", payment, header("Origin", "https://evil.test")},
		"of no origin":       {"POST", payment, header("Origin", "null")},
		"of an old browser":  {"POST", payment, func(r *http.Request) { delete(r.Header, "Origin"); delete(r.Header, "Sec-Fetch-Site") }},
		"DELETE":             {"DELETE", payment, nil},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, straight())
			b := w.browser(t)
			change := c.change
			if change == nil {
				change = func(*http.Request) {}
			}
			a := b.send(c.method, "/transfer", c.body, change)
			blocked(t, w, a)
			if a.StatusCode != 401 || !strings.Contains(a.body, "What you were sending was not kept.") || b.cookie(DefaultCookieName+"_kept") != nil {
				t.Errorf("%d, kept: %v\n%s", a.StatusCode, b.cookie(DefaultCookieName+"_kept"), a.body)
			}
			for range w.gate.cfg.State.documents.All(t.Context(), store.Posts) {
				t.Error("it was kept")
			}
		})
	}
}

// S55: a body that is announced and never comes, or is too large to be read, is neither waited for nor asked for.
func TestS55BodyIsNotAskedFor(t *testing.T) {
	w := newWorld(t, straight())
	for name, head := range map[string]string{"100 MB": "Content-Length: 104857600", "Expect": "Content-Length: 20\r\nExpect: 100-continue"} {
		secure, err := tls.Dial("tcp", w.Listener.Addr().String(), w.Client().Transport.(*http.Transport).TLSClientConfig)
		if err != nil {
			t.Fatal(err)
		}
		host := strings.TrimPrefix(w.URL, "https://")
		_, err = io.WriteString(secure, "POST /transfer HTTP/1.1\r\nHost: "+host+"\r\nOrigin: "+w.URL+"\r\nAccept: text/html\r\nConnection: close\r\nContent-Type: application/json\r\n"+head+"\r\n\r\n")
		if err != nil {
			t.Fatal(err)
		}
		var answer bytes.Buffer
		if _, err := io.Copy(&answer, secure); err != nil && answer.Len() == 0 {
			t.Fatal(err)
		}
		if !strings.HasPrefix(answer.String(), "HTTP/1.1 401") || !strings.Contains(answer.String(), "was not kept") {
			t.Errorf("%s: %.200s", name, answer.String())
		}
		secure.Close()
	}
}

// Calls of programs are not kept: they get the problem document, as ever.
func TestS55CallsAreNotKept(t *testing.T) {
	w := newWorld(t, straight())
	b := w.browser(t)
	a := b.send("POST", "/transfer", "{}", func(r *http.Request) {
		r.Header.Set("Sec-Fetch-Mode", "cors")
		r.Header.Set("Content-Type", "application/json")
	})
	blocked(t, w, a)
	if a.Header.Get("Content-Type") != "application/problem+json" || len(a.Cookies()) != 0 {
		t.Errorf("%d %v", a.StatusCode, a.Header)
	}
}

// S55: with a step-up the form is kept too; who cancels discards it, and nobody has lost the session.
func TestS55FormIsKeptAcrossAStepUp(t *testing.T) {
	flow := rising()
	w := newWorld(t, flow, transfers(t))
	b := w.browser(t)
	b.signIn()
	reached := len(w.upstream())
	flow.poll = doneAs(numbered)
	page := b.send("POST", "/transfer", payment, func(r *http.Request) { r.Header.Set("Referer", w.URL+"/payments") })
	if page.StatusCode != 401 || !strings.Contains(page.body, `id="why"`) || !strings.Contains(page.body, "is kept") || !strings.Contains(page.body, `href="/payments"`) {
		t.Fatalf("%d %s\n%s", page.StatusCode, page.shows(), page.body)
	}
	a := b.post("/_mfa/identify", url.Values{"csrf": {page.csrf(t)}})
	if a.Header.Get("Location") != "/_mfa/resume" {
		t.Fatalf("%d to %q", a.StatusCode, a.Header.Get("Location"))
	}
	page = b.get("/_mfa/resume")
	if !strings.Contains(page.body, "number that you tap") {
		t.Errorf("the step does not say why:\n%s", page.body)
	}
	b.post("/_mfa/answer", url.Values{"csrf": {page.csrf(t)}, "choice": {"push"}})
	b.waitForAt("/_mfa/resume", func(a answer) bool { page = a; return a.shows() == "resume" })
	if len(w.upstream()) != reached {
		t.Error("it was sent before anybody confirmed it")
	}
	if a := b.confirm(page); a.StatusCode != 200 {
		t.Fatalf("confirmed: %d %s", a.StatusCode, a.shows())
	}
	if r, body := w.last(t); r.Method != "POST" || r.URL.Path != "/transfer" || body != payment {
		t.Errorf("the upstream saw %s %s %q", r.Method, r.URL, body)
	}

	b = w.browser(t)
	flow.poll = func() (flows.Step, error) { return doneStep, nil }
	b.signIn()
	flow.poll = func() (flows.Step, error) { return waitStep, nil }
	b.post("/_mfa/identify", url.Values{"csrf": {b.send("POST", "/transfer", payment).csrf(t)}})
	a = b.post("/_mfa/cancel", url.Values{"csrf": {b.get("/_mfa/resume").csrf(t)}})
	if a.Header.Get("Location") != "/" || b.cookie(DefaultCookieName+"_kept") != nil || b.get(protected).StatusCode != 200 {
		t.Errorf("cancelled: to %q", a.Header.Get("Location"))
	}
}

// S55: whose the form is: of the session that it came with, also one that is over, and of nobody else; of a browser whose person
// nobody knew; never of another site or browser, and never by another page.
func TestS55NeverForAnotherUser(t *testing.T) {
	flow := straight()
	eve := func(who *identity.Identity) { who.Subject, who.Login, who.Name = "00u2", "eve", "Eve" }
	w := newWorld(t, flow, func(c *Config) { c.IdleTimeout = time.Minute })
	b := w.browser(t)
	b.signIn()
	opened := b.claims()
	opened.SeenAt = opened.SeenAt.Add(-2 * time.Minute)
	idle, err := w.gate.codec.Seal(t.Context(), w.binding(t), opened)
	if err != nil {
		t.Fatal(err)
	}
	b.Jar.SetCookies(mustURL(t, w.URL), []*http.Cookie{{Name: DefaultCookieName, Value: idle, Path: "/", Secure: true}})
	reached := len(w.upstream())
	flow.poll = doneAs(eve)
	a := b.signInAt(b.send("POST", "/transfer", payment))
	if a.StatusCode != http.StatusGone || a.shows() != "error not_kept" || len(w.upstream()) != reached || b.cookie(DefaultCookieName+"_kept") != nil {
		t.Errorf("eve: %d %s", a.StatusCode, a.shows())
	}
	if a := b.get("/_mfa/resume"); a.StatusCode != http.StatusGone {
		t.Errorf("once more: %d", a.StatusCode)
	}

	// The session changes between the page and the click.
	flow.poll = func() (flows.Step, error) { return doneStep, nil }
	b = w.browser(t)
	page := b.signInAt(b.send("POST", "/transfer", payment))
	other := w.browser(t)
	flow.poll = doneAs(eve)
	session := other.signIn()
	reached = len(w.upstream())
	mine := b.cookie(DefaultCookieName)
	b.Jar.SetCookies(mustURL(t, w.URL), []*http.Cookie{{Name: DefaultCookieName, Value: session.Value, Path: "/", Secure: true}})
	if a := b.confirm(page); a.StatusCode != http.StatusSeeOther || a.Header.Get("Location") != "/_mfa/resume" || len(w.upstream()) != reached {
		t.Errorf("with the session of another: %d", a.StatusCode)
	}
	b.Jar.SetCookies(mustURL(t, w.URL), []*http.Cookie{{Name: DefaultCookieName, Value: mine.Value, Path: "/", Secure: true}})
	for name, c := range map[string]struct {
		change func(*http.Request)
		want   int
	}{
		"cross-site":     {func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "cross-site") }, http.StatusForbidden},
		"another origin": {func(r *http.Request) { r.Header.Set("Origin", "https://evil.test") }, http.StatusForbidden},
		"another token": {func(r *http.Request) {
			r.Body, r.ContentLength = io.NopCloser(strings.NewReader(resumeField+"=x.y")), int64(len(resumeField)+4)
		}, http.StatusSeeOther},
	} {
		if a := b.confirm(page, c.change); a.StatusCode != c.want || len(w.upstream()) != reached {
			t.Errorf("%s: %d", name, a.StatusCode)
		}
	}
	if a := b.confirm(page, func(r *http.Request) { r.URL.Path = "/elsewhere" }); a.StatusCode != http.StatusGone || len(w.upstream()) != reached {
		t.Errorf("to another address: %d", a.StatusCode)
	}
}

// What else a browser sends while something is kept goes on as it is, to the byte.
func TestS55OtherFormsAreLeftAlone(t *testing.T) {
	w := newWorld(t, straight())
	b := w.browser(t)
	page := b.signInAt(b.send("POST", "/transfer", payment))
	for _, body := range []string{"", "a", "_mfa_resume", "_mfa_resumed=1&x=2", "x=1&_mfa_resume=2", strings.Repeat("y=1&", 10_000)} {
		if a := b.send("POST", "/other", body); a.StatusCode != 200 {
			t.Fatalf("%.20q: %d", body, a.StatusCode)
		}
		if _, got := w.last(t); got != body {
			t.Errorf("%.40q became %.40q", body, got)
		}
	}
	a := b.post("/_mfa/resume", url.Values{"csrf": {page.csrf(t)}})
	if a.StatusCode != http.StatusSeeOther || b.cookie(DefaultCookieName+"_kept") != nil {
		t.Errorf("discarded: %d", a.StatusCode)
	}
	for range w.gate.cfg.State.documents.All(t.Context(), store.Posts) {
		t.Error("it is still kept")
	}
}

// One address can have only so much kept, and not for long.
func TestS55KeepingIsBounded(t *testing.T) {
	w := newWorld(t, straight())
	for i := range keptPerAddress + 1 {
		b := w.browser(t)
		b.send("POST", "/transfer", payment)
		if got := b.cookie(DefaultCookieName+"_kept") != nil; got != (i < keptPerAddress) {
			t.Fatalf("form %d is kept: %t", i+1, got)
		}
	}
	synctest.Test(t, func(t *testing.T) {
		m := new(store.Memory)
		for i := range 2000 {
			if err := m.Put(t.Context(), store.Posts, strconv.Itoa(i), make([]byte, 64<<10), keptFor); err != nil {
				t.Fatal(err)
			}
		}
		n := 0
		for range m.All(t.Context(), store.Posts) {
			n++
		}
		if n != 1024 {
			t.Errorf("%d documents of 64 KB are kept", n)
		}
		if _, err := m.Get(t.Context(), store.Posts, "1999"); err != nil {
			t.Error("the newest made room")
		}
		time.Sleep(keptFor)
		if _, err := m.Get(t.Context(), store.Posts, "1999"); err == nil {
			t.Error("it is kept for ever")
		}
	})
}
