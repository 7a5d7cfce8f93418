package caddymodule

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	goruntime "runtime"
	"runtime/debug"
	"strings"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
)

// A browser holds, for as long as it waits, all the stack that its request's goroutine has ever needed.

// TestWhoWaitsIsFewCallsDeep: what the gate calls is over when the waiting begins.
func TestWhoWaitsIsFewCallsDeep(t *testing.T) {
	w, _ := newSimulated(t)
	b := w.browser(w.run(adapt(t, w.caddyfile("http://:"+freePort(t), w.simulated()))))
	b.stream(b.waitAtPush())
	calls := waiting()
	if !strings.Contains(calls, "caddymodule.(*Handler).ServeHTTP(") || strings.Contains(calls, "caddymodule.(*Handler).ask(") {
		t.Errorf("the browser waits in\n%s", calls)
	}
}

// TestAnotherSpellingOfAStreamWaitsToo: which one is aside is seen by what the browser wrote.
func TestAnotherSpellingOfAStreamWaitsToo(t *testing.T) {
	w, _ := newSimulated(t)
	b := w.browser(w.run(adapt(t, w.caddyfile("http://:"+freePort(t), w.simulated()))))
	page := b.waitAtPush()
	page.body = strings.Replace(page.body, "/_mfa/events", "/_mf%61/events", 1)
	b.stream(page)
	if calls := waiting(); !strings.Contains(calls, "caddymodule.(*Handler).ServeHTTP(") {
		t.Errorf("the browser waits in\n%s", calls)
	}
}

// TestStreamsAreOpenedAside: and it never was on that goroutine.
func TestStreamsAreOpenedAside(t *testing.T) {
	h := benchHandler(t)
	for path, aside := range map[string]bool{"/_mfa/events?seq=1": true, "/": false} {
		w := &callers{ResponseRecorder: httptest.NewRecorder()}
		r := caddyhttp.PrepareRequest(httptest.NewRequest(http.MethodGet, path, nil), caddy.NewReplacer(), w, &caddyhttp.Server{})
		if err := h.ServeHTTP(w, r, nil); err != nil {
			t.Fatal(err)
		}
		if w.calls == "" || strings.Contains(w.calls, "caddymodule.(*Handler).ServeHTTP(") == aside {
			t.Errorf("%s was answered with %d in\n%s", path, w.Code, w.calls)
		}
	}
}

// callers notes who writes an answer.
type callers struct {
	*httptest.ResponseRecorder
	calls string
}

func (c *callers) WriteHeader(status int) {
	c.calls = string(debug.Stack())
	c.ResponseRecorder.WriteHeader(status)
}

// waiting is the calls of the goroutine of a stream that waits; "" when none comes to be.
func waiting() string {
	all := make([]byte, 1<<20)
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); {
		for calls := range bytes.SplitSeq(all[:goruntime.Stack(all, true)], []byte("\n\n")) {
			if bytes.Contains(calls, []byte("gateway.(*stream).follow(")) {
				return string(calls)
			}
		}
	}
	return ""
}
