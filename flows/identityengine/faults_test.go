package identityengine_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"sidegate.example/sidegate/flows"
	"sidegate.example/sidegate/flows/identityengine"
	"sidegate.example/sidegate/flows/okta"
	"sidegate.example/sidegate/gateway/identity"
	"sidegate.example/sidegate/gateway/store"
	"sidegate.example/sidegate/oktasim"
)

const pollPath = "/idp/idx/authenticators/poll"

// S73 and design §7.3: every single call to Okta carries the browser's context, the fetch of keys included.
func TestEveryCallCarriesTheBrowsersContext(t *testing.T) {
	b := newBench(t, func(s *settings) {
		s.sim.Policy = oktasim.Policy{IdentifierFirst: true, ThinIDToken: true}
	})
	b.pushed(pushUser)
	b.choose("resend")
	if err := b.org.Approve(b.push(pushUser).ID); err != nil {
		t.Fatal(err)
	}
	b.poll()
	b.wantDone(pushUser, "Paula Push", identity.Password, identity.Push)
	b.pushed(pushUser)
	if err := b.engine.Cancel(t.Context(), b.cc, b.state); err != nil {
		t.Fatal(err)
	}
	want := map[string]string{
		"X-Forwarded-For": address, "User-Agent": agent, "X-Okta-User-Agent-Extended": agent,
		"Accept-Language": languages, "X-Device-Token": deviceToken,
	}
	seen := map[string]bool{}
	for _, r := range b.org.Requests() {
		seen[r.Path] = true
		for name, value := range want {
			if got := r.Header.Values(name); len(got) != 1 || got[0] != value {
				t.Errorf("%s: %s is %q, want exactly %q", r.Path, name, got, value)
			}
		}
		if r.Header.Get("Cookie") != "" || r.Header.Get("Transfer-Encoding") != "" {
			t.Errorf("%s: header %v", r.Path, r.Header)
		}
		if r.Method == http.MethodPost && r.Header.Get("Content-Length") == "0" {
			t.Errorf("%s: empty POST", r.Path)
		}
	}
	for _, p := range []string{
		"/oauth2/default/v1/interact", "/idp/idx/introspect", "/idp/idx/identify", "/idp/idx/challenge/answer",
		"/idp/idx/challenge", pollPath, "/idp/idx/cancel", "/oauth2/default/v1/token", "/oauth2/default/v1/keys",
		"/oauth2/default/.well-known/openid-configuration", "/oauth2/default/v1/userinfo",
	} {
		if !seen[p] {
			t.Errorf("%s was not called: %v", p, seen)
		}
	}
}

func TestZeroContextIsRefused(t *testing.T) {
	b := newBench(t)
	b.pushed(pushUser)
	before := len(b.org.Requests())
	var zero flows.ClientContext
	values := map[string]string{flows.FieldIdentifier: pushUser}
	_, _, err := b.engine.Start(t.Context(), zero, redirectURI, flows.Answer{Values: values})
	wantReason(t, err, flows.ReasonMisconfigured)
	_, _, err = b.engine.Poll(t.Context(), zero, b.state)
	wantReason(t, err, flows.ReasonMisconfigured)
	_, _, err = b.engine.Advance(t.Context(), zero, b.state, flows.Answer{Choice: "resend"})
	wantReason(t, err, flows.ReasonMisconfigured)
	wantReason(t, b.engine.Cancel(t.Context(), zero, b.state), flows.ReasonMisconfigured)
	if n := len(b.org.Requests()); n != before {
		t.Errorf("%d calls were made for nobody", n-before)
	}
}

// S68, S69, S77: whatever a poll meets, nobody is signed in, and the push can still be approved.
func TestPollSurvivesFaults(t *testing.T) {
	for _, c := range []struct {
		name  string
		fault oktasim.Fault
		want  flows.Reason
	}{
		{"500", oktasim.Fault{Kind: "status", Status: 500}, flows.ReasonUnavailable},
		{"503 html", oktasim.Fault{Kind: "status", Status: 503, Body: "<html>"}, flows.ReasonUnavailable},
		{"429", oktasim.Fault{Kind: "status", Status: 429}, flows.ReasonRateLimited},
		{"429 as a document", oktasim.Fault{Kind: "status", Status: 429, Body: tooMany}, flows.ReasonRateLimited},
		{"200 as a document", oktasim.Fault{Kind: "body", Body: tooMany}, flows.ReasonRateLimited},
		{"html", oktasim.Fault{Kind: "body", Body: "<html>"}, flows.ReasonUnavailable},
		{"empty", oktasim.Fault{Kind: "body", Body: ""}, flows.ReasonUnavailable},
		{"wrong JSON", oktasim.Fault{Kind: "body", Body: `{"status":"SUCCESS"}`}, flows.ReasonUnavailable},
		{"list", oktasim.Fault{Kind: "body", Body: `[]`}, flows.ReasonUnavailable},
		{"truncated", oktasim.Fault{Kind: "truncate"}, flows.ReasonUnavailable},
		{"oversize", oktasim.Fault{Kind: "oversize"}, flows.ReasonMalformed},
		{"gzip bomb", oktasim.Fault{Kind: "gzip_bomb"}, flows.ReasonMalformed},
		{"redirect", oktasim.Fault{Kind: "redirect"}, flows.ReasonMalformed},
		{"foreign href", oktasim.Fault{Kind: "foreign_href"}, flows.ReasonMalformed},
		{"hang", oktasim.Fault{Kind: "hang"}, flows.ReasonUnavailable},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newBench(t)
			b.later(-100 * time.Second) // so that the token at the end is not from the future
			p := b.pushed(pushUser)
			c.fault.Path = pollPath
			b.org.Inject(c.fault)
			b.later(4 * time.Second)
			ctx := t.Context()
			if c.fault.Kind == "hang" {
				var cancel context.CancelFunc
				ctx, cancel = context.WithTimeout(ctx, 20*time.Millisecond)
				defer cancel()
			}
			s, _, err := b.engine.Poll(ctx, b.cc, b.state)
			failed := wantReason(t, err, c.want)
			if !bytes.Equal(s, b.state) {
				t.Errorf("the state was replaced by %s", s)
			}
			if c.want == flows.ReasonRateLimited && failed.RetryAfter < time.Second {
				t.Errorf("RetryAfter is %v", failed.RetryAfter)
			}
			for _, private := range []string{"02", redirectURI, "evil.example", "html"} {
				if strings.Contains(err.Error(), private) {
					t.Errorf("the error tells %q: %v", private, err)
				}
			}
			b.org.ClearFaults()
			if err := b.org.Approve(p.ID); err != nil {
				t.Fatal(err)
			}
			b.pollAgain()
			b.wantDone(pushUser, "Paula Push", identity.Password, identity.Push)
		})
	}
}

// pollAgain polls as the gateway does: it waits when told to, and takes an answer that could not be had for none.
// The simulator may still be writing the answer that nobody reads.
func (b *bench) pollAgain() {
	b.Helper()
	for range 2000 {
		_, step, err := b.engine.Poll(b.Context(), b.cc, b.state)
		if failed := new(flows.Error); errors.As(err, &failed) {
			b.later(min(failed.RetryAfter, 65*time.Second))
			continue
		}
		if step.Kind == flows.KindWait {
			continue // it met the call that nobody reads
		}
		b.step = step
		return
	}
	b.Fatal("the poll never came through")
}

const (
	tooMany    = `{"version":"1.0.0","messages":{"type":"array","value":[{"message":"x","i18n":{"key":"tooManyRequests"},"class":"ERROR"}]}}`
	badRequest = `{"version":"1.0.0","messages":{"type":"array","value":[{"message":"Bad request","i18n":{"key":"E0000020"},"class":"ERROR"}]}}`
)

// S77: an Okta that is not there, or is somebody else, signs nobody in.
func TestOktaNotThere(t *testing.T) {
	start := func(t *testing.T, e *identityengine.Engine) error {
		_, _, err := e.Start(t.Context(), browser(t), redirectURI, flows.Answer{Values: map[string]string{"identifier": "joe"}})
		return err
	}
	engine := func(t *testing.T, url string) *identityengine.Engine {
		client, err := okta.New(okta.Config{Org: url})
		if err != nil {
			t.Fatal(err)
		}
		e, err := identityengine.New(identityengine.Config{Issuer: url, ClientID: "c", ClientSecret: "s", Client: client, Budget: new(store.Counters)})
		if err != nil {
			t.Fatal(err)
		}
		return e
	}
	gone := httptest.NewServer(nil)
	gone.Close()
	wantReason(t, start(t, engine(t, gone.URL)), flows.ReasonUnavailable)

	var asked atomic.Int32
	stranger := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		asked.Add(1)
		_, _ = w.Write([]byte(`{"interaction_handle":"h"}`))
	}))
	stranger.Config.ErrorLog = log.New(io.Discard, "", 0)
	stranger.StartTLS()
	defer stranger.Close()
	wantReason(t, start(t, engine(t, stranger.URL)), flows.ReasonUnavailable)
	if asked.Load() != 0 {
		t.Error("a server with an unknown certificate was sent something")
	}
}

// Where Okta refuses the app, the operator has to act; where it refuses the place, the person is told.
func TestInteractRefusals(t *testing.T) {
	for _, c := range []struct {
		status int
		body   string
		want   flows.Reason
	}{
		{400, `{"error":"unauthorized_client","error_description":"hidden"}`, flows.ReasonMisconfigured},
		{401, `{"error":"invalid_client"}`, flows.ReasonMisconfigured},
		{400, `{"error":"access_denied"}`, flows.ReasonMisconfigured},
		{400, `{"error":"temporarily_unavailable"}`, flows.ReasonUnavailable},
		{400, `{"errorCode":"E0000047"}`, flows.ReasonRateLimited},
		{200, `{}`, flows.ReasonMalformed},
		{200, `{"interaction_handle":7e999}`, flows.ReasonMalformed},
		{404, `not here`, flows.ReasonMalformed},
	} {
		b := newBench(t)
		b.org.Inject(oktasim.Fault{Path: "/v1/interact", Kind: "body", Status: c.status, Body: c.body})
		_, _, err := b.engine.Start(t.Context(), b.cc, redirectURI, flows.Answer{Values: map[string]string{"identifier": pushUser}})
		if c.want == flows.ReasonMalformed && c.body == `{"interaction_handle":7e999}` {
			// Any text will do as a handle, and introspect refuses it.
			if err != nil {
				wantReason(t, err, flows.ReasonMalformed)
			}
			continue
		}
		if failed := wantReason(t, err, c.want); strings.Contains(failed.Error(), "hidden") {
			t.Errorf("the error tells the body: %v", failed)
		}
	}
	b := newBench(t)
	b.org.Inject(oktasim.Fault{Path: "/v1/interact", Kind: "body", Status: 403, Body: `{"error":"access_denied"}`})
	b.start(pushUser, password)
	b.wantDenied(flows.DeniedPolicy, true)
	b.wantCause("interact: HTTP 403 access_denied; look for a network zone")
	b.org.Inject(oktasim.Fault{Path: "/idp/idx/identify", Kind: "body", Status: 403, Body: "<html>"})
	b.start(pushUser, password)
	b.wantDenied(flows.DeniedPolicy, true)
	b.wantCause("identify: HTTP 403; look for a network zone")
}

func TestExpiredTransaction(t *testing.T) {
	b := newBench(t, func(s *settings) { s.sim.StateLifetime = time.Minute })
	b.pushed(pushUser)
	b.later(2 * time.Minute)
	b.poll()
	b.wantDenied(flows.DeniedExpired, true)
}

// The rate limit that Okta announces is kept before it has to be enforced, and polls leave room for people.
func TestRateLimitIsKept(t *testing.T) {
	b := newBench(t, func(s *settings) { s.sim.RateLimit = 10 })
	b.pushed(pushUser)
	polls := 0
	for ; polls < 20; polls++ {
		b.later(4 * time.Second)
		_, _, err := b.engine.Poll(t.Context(), b.cc, b.state)
		if err != nil {
			failed := wantReason(t, err, flows.ReasonRateLimited)
			if failed.RetryAfter <= 0 || failed.RetryAfter > time.Minute {
				t.Errorf("RetryAfter is %v", failed.RetryAfter)
			}
			break
		}
	}
	if n := b.called(pollPath); polls != 9 || n != 9 {
		t.Errorf("%d polls passed and %d were sent, want 9: the tenth is kept for people", polls, n)
	}
	b.later(time.Minute)
	b.take(b.engine.Poll(t.Context(), b.cc, b.state))
	b.want(flows.KindWait)
}

// A document of a hostile or broken Okta that leads elsewhere is not followed at any step (S69).
func TestForeignHrefIsNotFollowed(t *testing.T) {
	for _, at := range []string{"/idp/idx/introspect", "/idp/idx/identify", "/idp/idx/challenge"} {
		b := newBench(t)
		b.org.Inject(oktasim.Fault{Path: at, Kind: "foreign_href"})
		values := map[string]string{flows.FieldIdentifier: pushUser, flows.FieldPassword: password}
		s, step, err := b.engine.Start(t.Context(), b.cc, redirectURI, flows.Answer{Values: values})
		if at == "/idp/idx/challenge" {
			if err != nil || step.Kind != flows.KindChoose {
				t.Fatalf("%v %v", step, err)
			}
			_, _, err = b.engine.Advance(t.Context(), b.cc, s, flows.Answer{Choice: "push"})
		}
		wantReason(t, err, flows.ReasonMalformed)
	}
}
