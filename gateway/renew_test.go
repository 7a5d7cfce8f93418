package gateway

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"sidegate.example/sidegate/flows"
)

// renewer is a flow that can tell who may still be signed in.
type renewer struct {
	*script
	mu     sync.Mutex
	asked  []string
	active bool
	err    error
}

func (r *renewer) Active(_ context.Context, c flows.ClientContext, subject string) (bool, error) {
	r.record("active", c)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.asked = append(r.asked, subject)
	return r.active, r.err
}

func (r *renewer) say(active bool, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.active, r.err = active, err
}

func (r *renewer) times() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.asked)
}

// renewing is a world whose flow is asked, and a request with bob's session, last used so long ago.
func renewing(t *testing.T) (*world, *renewer, func(seen time.Duration) *http.Request) {
	t.Helper()
	flow := &renewer{script: straight(), active: true}
	w := newWorld(t, flow.script, func(c *Config) { c.Flow = flow })
	x := exchange{Gate: w.gate, policy: w.gate.cfg.Policy, r: w.browser(t).request("GET", protected, ""), site: siteOf(w.browser(t).request("GET", "/", ""))}
	claims := claimsOf(bob())
	claims.IssuedAt, claims.ExpiresAt = time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
	return w, flow, func(seen time.Duration) *http.Request {
		claims.SeenAt = time.Now().Add(-seen)
		cookie, err := x.newSession(claims)
		if err != nil {
			t.Fatal(err)
		}
		r := w.browser(t).request("GET", protected, "")
		r.Header.Set("Sec-Fetch-Mode", "navigate")
		r.AddCookie(&http.Cookie{Name: DefaultCookieName, Value: cookie})
		return r
	}
}

func prolonged(a answer) bool {
	for _, c := range a.Cookies() {
		if c.Name == DefaultCookieName && c.MaxAge >= 0 {
			return true
		}
	}
	return false
}

// A session is prolonged only for who is active at Okta, and Okta is asked once for each step, not for each request.
func TestRenewalAsksOncePerStep(t *testing.T) {
	w, flow, request := renewing(t)
	if a := w.browser(t).do(request(time.Minute)); a.StatusCode != 200 || flow.times() != 0 {
		t.Errorf("a session that need not be prolonged: %d, asked %d times", a.StatusCode, flow.times())
	}
	for range 3 { // a client that does not keep the new cookie
		if a := w.browser(t).do(request(30 * time.Minute)); a.StatusCode != 200 || !prolonged(a) {
			t.Errorf("%d, prolonged %v", a.StatusCode, prolonged(a))
		}
	}
	if flow.times() != 1 || flow.asked[0] != "00u1" {
		t.Errorf("asked for %v, want 00u1 once", flow.asked)
	}
	if c := flow.ctxs[len(flow.ctxs)-1]; c.Addr().String() != clientIP || c.UserAgent() != agent {
		t.Errorf("Okta was told %s %q", c.Addr(), c.UserAgent())
	}
}

// S54: who is suspended is out at the next renewal, with every copy of the cookie, and finds the sign-in page.
func TestRenewalOfASuspendedPerson_S54(t *testing.T) {
	w, flow, request := renewing(t)
	flow.say(false, nil)
	due, fresh := request(30*time.Minute), request(0)
	a := w.browser(t).do(due)
	blocked(t, w, a)
	if a.StatusCode != 401 || a.shows() != "signin identify" || prolonged(a) {
		t.Errorf("%d %q", a.StatusCode, a.shows())
	}
	if log := w.logs.String(); !strings.Contains(log, "session ended") || !strings.Contains(log, "user=bob") {
		t.Error("the log does not say so")
	}
	if a := w.browser(t).do(fresh); a.StatusCode != 401 {
		t.Errorf("a newer copy of the cookie: %d", a.StatusCode)
	}
}

// S77: while Okta does not answer, live sessions go on, are not prolonged, and wait for no second call.
func TestRenewalWhileOktaIsDown_S77(t *testing.T) {
	w, flow, request := renewing(t)
	flow.say(false, &flows.Error{Reason: flows.ReasonUnavailable, Err: errors.New("down")})
	for range 3 {
		if a := w.browser(t).do(request(30 * time.Minute)); a.StatusCode != 200 || prolonged(a) {
			t.Errorf("%d, prolonged %v", a.StatusCode, prolonged(a))
		}
	}
	if flow.times() != 1 {
		t.Errorf("asked %d times, want once in %s", flow.times(), renewalPause)
	}
	flow.say(false, nil)
	w.gate.renewAfter.Store(0) // the pause is over
	if a := w.browser(t).do(request(30 * time.Minute)); a.StatusCode != 401 {
		t.Errorf("after the outage a suspended person gets %d", a.StatusCode)
	}
}
