package okta_test

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"sidegate.example/sidegate/flows"
	"sidegate.example/sidegate/flows/okta"
)

const pollURL = "/idp/idx/authenticators/poll"

func browser(t testing.TB, agent string) flows.ClientContext {
	t.Helper()
	cc, err := flows.NewClientContext("203.0.113.7", agent, "de, en;q=0.5", "device-1")
	if err != nil {
		t.Fatal(err)
	}
	return cc
}

// org is a server and a client of it.
func org(t *testing.T, h http.HandlerFunc, change ...func(*okta.Config)) (*okta.Client, *httptest.Server) {
	t.Helper()
	srv := httptest.NewServer(h)
	t.Cleanup(srv.Close)
	cfg := okta.Config{Org: srv.URL}
	for _, f := range change {
		f(&cfg)
	}
	c, err := okta.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return c, srv
}

func wantReason(t *testing.T, err error, want flows.Reason) *flows.Error {
	t.Helper()
	failed := new(flows.Error)
	if !errors.As(err, &failed) || failed.Reason != want {
		t.Fatalf("the error is %v, want reason %s", err, want)
	}
	return failed
}

// S73: one value of each header, the User-Agent as the browser sent it, no header of ours and no chunks.
func TestContextOfACall(t *testing.T) {
	var got *http.Request
	var body []byte
	c, _ := org(t, func(_ http.ResponseWriter, r *http.Request) {
		got = r
		body, _ = io.ReadAll(r.Body)
	})
	const agent = "Weird/1.0 (ünïcode; \"quotes\")"
	_, err := c.Do(t.Context(), browser(t, agent+"\r\nX-Forwarded-For: 6.6.6.6"), okta.Request{
		URL: pollURL, ContentType: "application/json", Authorization: "SSWS x", Body: []byte(`{"a":1}`),
	})
	if err != nil {
		t.Fatal(err)
	}
	want := http.Header{
		"X-Forwarded-For":            {"203.0.113.7"},
		"User-Agent":                 {agent + "X-Forwarded-For: 6.6.6.6"},
		"X-Okta-User-Agent-Extended": {agent + "X-Forwarded-For: 6.6.6.6"},
		"Accept-Language":            {"de, en;q=0.5"},
		"X-Device-Token":             {"device-1"},
		"Accept":                     {"application/json"},
		"Accept-Encoding":            {"gzip"},
		"Content-Type":               {"application/json"},
		"Content-Length":             {"7"},
		"Authorization":              {"SSWS x"},
	}
	if !reflect.DeepEqual(got.Header, want) {
		t.Errorf("the header is %v\nwant %v", got.Header, want)
	}
	if got.Method != "POST" || string(body) != `{"a":1}` || got.TransferEncoding != nil {
		t.Errorf("%s %q %v", got.Method, body, got.TransferEncoding)
	}
}

func TestZeroContextSendsNothing(t *testing.T) {
	var calls atomic.Int32
	c, _ := org(t, func(http.ResponseWriter, *http.Request) { calls.Add(1) })
	_, err := c.Do(t.Context(), flows.ClientContext{}, okta.Request{URL: pollURL})
	wantReason(t, err, flows.ReasonMisconfigured)
	if !errors.Is(err, flows.ErrNoClientContext) || calls.Load() != 0 {
		t.Errorf("%v after %d calls", err, calls.Load())
	}
}

// S69: no href leads off the org, and no answer does.
func TestForeignHrefsAndRedirects(t *testing.T) {
	var calls, sent atomic.Int32
	evil := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { calls.Add(1) }))
	defer evil.Close()
	c, srv := org(t, func(w http.ResponseWriter, r *http.Request) {
		sent.Add(1)
		http.Redirect(w, r, evil.URL, http.StatusFound)
	})
	host := strings.TrimPrefix(srv.URL, "http://")
	for _, href := range []string{
		"", evil.URL + pollURL, "https://" + host + pollURL, "http://evil.example" + pollURL, "//evil.example/x",
		"///evil.example/x", "http://u:p@" + host + pollURL, "http://" + host + "@evil.example/x", srv.URL + "0" + pollURL,
		srv.URL, "idp/idx", "javascript:alert(1)", "http:idp", "mailto:a@b", "/\\evil.example", "\\\\evil.example/", "http://" + host + "\\@evil.example/",
		"/x#f", "ftp://" + host + "/x", "/a\nb", "/%zz", "http://" + host + ".evil.example/", "http://[::1/x",
	} {
		_, err := c.Do(t.Context(), browser(t, "t"), okta.Request{URL: href})
		failed := wantReason(t, err, flows.ReasonMalformed)
		if strings.Contains(failed.Error(), "evil") {
			t.Errorf("%q: the error tells the href: %v", href, failed)
		}
	}
	if sent.Load() != 0 {
		t.Errorf("%d foreign hrefs were sent to the org", sent.Load())
	}
	for _, href := range []string{pollURL, srv.URL + pollURL, strings.ToUpper(srv.URL[:4]) + srv.URL[4:] + pollURL + "?a=b"} {
		_, err := c.Do(t.Context(), browser(t, "t"), okta.Request{URL: href, Authorization: "SSWS secret"})
		wantReason(t, err, flows.ReasonMalformed) // the redirect
	}
	if calls.Load() != 0 {
		t.Errorf("the other origin was called %d times", calls.Load())
	}
}

// S68: an answer is capped in size, also after decompression, and in time.
func TestAnswersWithoutEnd(t *testing.T) {
	chunk := bytes.Repeat([]byte("a"), 64<<10)
	endless := func(w http.ResponseWriter, r *http.Request) {
		for r.Context().Err() == nil {
			if _, err := w.Write(chunk); err != nil {
				return
			}
		}
	}
	bomb := func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Encoding", "gzip")
		z := gzip.NewWriter(w)
		for range 512 { // 32 MiB
			if _, err := z.Write(chunk); err != nil {
				return
			}
		}
		_ = z.Close()
	}
	full := func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(bytes.Repeat(chunk, 16)) }
	for name, h := range map[string]http.HandlerFunc{"endless": endless, "gzip bomb": bomb} {
		c, _ := org(t, h)
		_, err := c.Do(t.Context(), browser(t, "t"), okta.Request{URL: pollURL})
		if failed := wantReason(t, err, flows.ReasonMalformed); !strings.Contains(failed.Error(), "1 MiB") {
			t.Errorf("%s: %v", name, failed)
		}
	}
	c, _ := org(t, full)
	res, err := c.Do(t.Context(), browser(t, "t"), okta.Request{URL: pollURL})
	if err != nil || len(res.Body) != 1<<20 {
		t.Fatalf("a body of exactly 1 MiB: %v", err)
	}

	drip := func(w http.ResponseWriter, r *http.Request) {
		_, _ = w.Write([]byte("{"))
		w.(http.Flusher).Flush()
		<-r.Context().Done()
	}
	c, _ = org(t, drip, func(cfg *okta.Config) { cfg.Timeout = 30 * time.Millisecond })
	_, err = c.Do(t.Context(), browser(t, "t"), okta.Request{URL: pollURL})
	wantReason(t, err, flows.ReasonUnavailable)
}

// S77, and what an error may tell: endpoint, status, code and id.
func TestStatusesThatAreNoAnswer(t *testing.T) {
	for _, c := range []struct {
		status int
		body   string
		reason flows.Reason
		text   string
	}{
		{500, `{"message":"private"}`, flows.ReasonUnavailable, "okta: unavailable: token: HTTP 500"},
		{502, `<html>private`, flows.ReasonUnavailable, "okta: unavailable: token: HTTP 502"},
		{503, `{"errorCode":"E0000010","errorId":"oae-1_x","errorSummary":"private"}`, flows.ReasonUnavailable,
			"okta: unavailable: token: HTTP 503 E0000010, errorId oae-1_x"},
		{500, `{"errorCode":"private stuff","errorId":"<b>"}`, flows.ReasonUnavailable, "okta: unavailable: token: HTTP 500"},
		{429, `{"error":"invalid_grant","error_description":"private"}`, flows.ReasonRateLimited,
			"okta: rate_limited: token: HTTP 429 invalid_grant"},
		{301, ``, flows.ReasonMalformed, "okta: malformed: token: the answer is a redirect, which is not followed"},
	} {
		client, _ := org(t, func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(c.status)
			_, _ = w.Write([]byte(c.body))
		})
		_, err := client.Do(t.Context(), browser(t, "t"), okta.Request{URL: "/oauth2/v1/token?code=private"})
		if wantReason(t, err, c.reason).Error() != c.text {
			t.Errorf("%d: %q\nwant %q", c.status, err, c.text)
		}
	}
	client, _ := org(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Location", "pri:vate://%")
		w.WriteHeader(http.StatusFound)
	})
	_, err := client.Do(t.Context(), browser(t, "t"), okta.Request{URL: pollURL})
	if wantReason(t, err, flows.ReasonMalformed); strings.Contains(err.Error(), "vate") {
		t.Errorf("the error tells the location: %v", err)
	}
	client, srv := org(t, nil)
	srv.Close()
	_, err = client.Do(t.Context(), browser(t, "t"), okta.Request{URL: "/oauth2/v1/token?code=private"})
	if wantReason(t, err, flows.ReasonUnavailable); strings.Contains(err.Error(), "private") {
		t.Errorf("the error tells the query: %v", err)
	}
	client, _ = org(t, func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusUnauthorized)
		_, _ = w.Write([]byte(`{"errorCode":"E0000011"}`))
	})
	res, err := client.Do(t.Context(), browser(t, "t"), okta.Request{URL: pollURL})
	if err != nil || res.Status != 401 || res.Code() != "E0000011" || res.Endpoint != "poll" {
		t.Errorf("%+v %v", res, err)
	}
}

func TestCookiesAreNotKept(t *testing.T) {
	var cookies []string
	c, _ := org(t, func(w http.ResponseWriter, r *http.Request) {
		cookies = append(cookies, r.Header.Get("Cookie"))
		http.SetCookie(w, &http.Cookie{Name: "sid", Value: "x", Path: "/"})
	})
	for range 2 {
		if _, err := c.Do(t.Context(), browser(t, "t"), okta.Request{URL: pollURL}); err != nil {
			t.Fatal(err)
		}
	}
	if !reflect.DeepEqual(cookies, []string{"", ""}) {
		t.Errorf("cookies %q", cookies)
	}
}

func TestObserveHasAClosedSet(t *testing.T) {
	var seen []string
	client, srv := org(t, func(http.ResponseWriter, *http.Request) {}, func(cfg *okta.Config) {
		cfg.Observe = func(endpoint string, status int, took time.Duration) {
			if took <= 0 {
				t.Errorf("%s took %v", endpoint, took)
			}
			seen = append(seen, endpoint+" "+strconv.Itoa(status))
		}
	})
	for _, path := range []string{
		"/oauth2/v1/interact", "/oauth2/default/v1/token", "/oauth2/v1/keys", "/oauth2/default/v1/userinfo",
		"/.well-known/openid-configuration", "/oauth2/default/.well-known/openid-configuration", "/idp/idx/introspect",
		"/idp/idx/identify", "/idp/idx/challenge", "/idp/idx/challenge/answer", "/idp/idx/challenge/poll",
		"/idp/idx/challenge/resend", "/idp/idx/authenticators/poll", "/idp/idx/authenticators/poll/cancel", "/idp/idx/poll",
		"/idp/idx/cancel", "/idp/idx/skip", "/idp/idx/keep-me-signed-in", "/api/v1/authn", "/api/v1/users/00u/factors",
		"/api/v1/users/00u/factors/opf/verify", "/api/v1/users/joe", "/api/v1/authn/factors/opf/verify", "/api/v1/authn/cancel",
		"/api/v1/users/00u/factors/opf/transactions/v2mst.x-Y", "/api/v1/users/00u/factors/catalog", "/api/v1/users/00u/groups",
		"/api/v1/users/00u/factors/opf/lifecycle/activate", "/api/v1/users/00u/factors/opf/lifecycle/activate/poll",
		"/api/v1/users/00u/factors/opf/resend", "/api/v1/users/00u/factors/opf/qr/00x", "/idp/idx/" + strings.Repeat("x", 100), "/poll",
	} {
		if _, err := client.Do(t.Context(), browser(t, "t"), okta.Request{URL: path}); err != nil {
			t.Fatal(err)
		}
	}
	srv.Close()
	_, _ = client.Do(t.Context(), browser(t, "t"), okta.Request{URL: pollURL})
	want := strings.Fields(`interact token keys userinfo metadata metadata introspect identify challenge answer poll resend poll
		probe_cancel poll cancel skip keep_me_signed_in authn factors factor_verify users
		authn_verify authn factor_poll factors groups factor_activate factor_enroll_poll factor_resend factors other other`)
	for i, name := range want {
		want[i] = name + " 200"
	}
	want = append(want, "poll 0")
	if !reflect.DeepEqual(seen, want) {
		t.Errorf("observed %q\nwant %q", seen, want)
	}
}

func TestNew(t *testing.T) {
	for in, want := range map[string]string{
		"https://acme.okta.com": "https://acme.okta.com", "https://ACME.okta.com:443/": "https://acme.okta.com",
		"http://localhost:3000": "http://localhost:3000", "http://127.0.0.1:1": "http://127.0.0.1:1", "http://[::1]:80": "http://[::1]",
	} {
		c, err := okta.New(okta.Config{Org: in})
		if err != nil || c.Origin() != want {
			t.Errorf("%s: %v", in, err)
		}
	}
	for _, in := range []string{
		"", "acme.okta.com", "http://acme.okta.com", "http://127.0.0.1.evil.example", "ftp://acme.okta.com", "https://",
		"https://u:hunter2@acme.okta.com", "https://acme.okta.com/x", "https://acme.okta.com?q", "https://acme.okta.com#f", "https:acme",
	} {
		_, err := okta.New(okta.Config{Org: in})
		if err == nil || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: %v", in, err)
		}
	}
	if _, err := okta.New(okta.Config{Org: "https://acme.okta.com", Timeout: -1}); err == nil {
		t.Error("a negative timeout is accepted")
	}
}

// Whatever an href is, what is left of it is a rooted path on the org, or nothing.
func FuzzLocal(f *testing.F) {
	for _, s := range []string{"/a", "https://acme.okta.com/idp?x=y", "//evil", "https://acme.okta.com:443/%2f%2fx", "/..//x", "http:/x"} {
		f.Add(s)
	}
	c, err := okta.New(okta.Config{Org: "https://acme.okta.com"})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, href string) {
		local, err := c.Local(href)
		if err != nil {
			return
		}
		req, err := http.NewRequest(http.MethodPost, c.Origin()+local, nil)
		if err != nil {
			return // refused before anything is sent
		}
		if req.URL.Scheme != "https" || req.URL.Host != "acme.okta.com" || req.URL.User != nil || !strings.HasPrefix(local, "/") || strings.HasPrefix(local, "//") {
			t.Fatalf("%q became %q", href, local)
		}
		if again, err := c.Local(local); err != nil || again != local {
			t.Fatalf("%q became %q and then %q, %v", href, local, again, err)
		}
	})
}

// Memory that is used again holds nothing of the answer before, and is given back also by a call that fails.
func TestAnswersIntoOneBuffer(t *testing.T) {
	answers := []string{"a long first answer", "short", "", strings.Repeat("x", 1<<20+1), "last"}
	calls := 0
	c, _ := org(t, func(w http.ResponseWriter, _ *http.Request) {
		calls++
		_, _ = io.WriteString(w, answers[calls-1])
	})
	into := new(bytes.Buffer)
	for _, want := range answers {
		res, err := c.Do(t.Context(), browser(t, "a"), okta.Request{URL: pollURL + "?a=%2F", Into: into})
		if len(want) > 1<<20 {
			wantReason(t, err, flows.ReasonMalformed)
			continue
		}
		if err != nil || string(res.Body) != want || into.String() != want {
			t.Fatalf("the body is %q, %v, want %q", res.Body, err, want)
		}
	}
}

// What of an href goes on the wire is its path and query as they were spelt, on the org's own host.
func TestPathAndQueryAreSentAsSpelt(t *testing.T) {
	got := ""
	c, srv := org(t, func(_ http.ResponseWriter, r *http.Request) { got = r.Host + " " + r.RequestURI })
	host := strings.TrimPrefix(srv.URL, "http://")
	for href, want := range map[string]string{
		"/a%2Fb/c?d=e%20f&g=h+i":     "/a%2Fb/c?d=e%20f&g=h+i",
		"/a b/ä":                     "/a%20b/%C3%A4",
		"/a?":                        "/a",
		"HTTP://" + host + "/x/../y": "/x/../y",
	} {
		if _, err := c.Do(t.Context(), browser(t, "a"), okta.Request{URL: href}); err != nil || got != host+" "+want {
			t.Errorf("%s was sent as %q, %v, want %q", href, got, err, want)
		}
	}
}
