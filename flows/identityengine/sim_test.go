package identityengine_test

import (
	"errors"
	"fmt"
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

const (
	redirectURI = "https://legacy.example/_mfa/callback"
	clientID    = "0oasidegate"
	secret      = "s+cr&t%=\"1"
	address     = "203.0.113.7"
	agent       = "Mozilla/5.0 (X11; Linux) Täst/1.0"
	languages   = "pt-BR,pt;q=0.9"
	deviceToken = "tok_0123456789"
	password    = oktasim.DefaultPassword
)

// bench is an engine against a simulated org. The clock stands until a test moves it.
type bench struct {
	testing.TB
	org    *oktasim.Org
	srv    *httptest.Server
	clock  atomic.Int64
	engine *identityengine.Engine
	budget *store.Counters
	cc     flows.ClientContext
	state  flows.State
	step   flows.Step
}

func (b *bench) now() time.Time { return time.Unix(0, b.clock.Load()) }

func (b *bench) later(d time.Duration) { b.clock.Add(int64(d)) }

type settings struct {
	sim    oktasim.Config
	engine identityengine.Config
	issuer string // path; default the custom server
	okta   okta.Config
}

func newBench(t testing.TB, change ...func(*settings)) *bench {
	t.Helper()
	b := &bench{TB: t}
	b.clock.Store(time.Now().UnixNano())
	var handler atomic.Value
	b.srv = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		handler.Load().(http.Handler).ServeHTTP(w, r)
	}))
	t.Cleanup(b.srv.Close)
	s := settings{issuer: "/oauth2/default"}
	s.sim = oktasim.Config{
		URL: b.srv.URL, Users: oktasim.DefaultUsers(), Now: b.now,
		Clients: []oktasim.Client{{ID: clientID, Secret: secret, RedirectURIs: []string{redirectURI}}},
	}
	s.okta = okta.Config{Org: b.srv.URL, Now: b.now}
	s.engine = identityengine.Config{ClientID: clientID, ClientSecret: secret, Now: b.now}
	b.budget = &store.Counters{Now: b.now}
	s.engine.Budget = b.budget
	for _, f := range change {
		f(&s)
	}
	org, err := oktasim.New(s.sim)
	if err != nil {
		t.Fatal(err)
	}
	b.org = org
	handler.Store(org.Handler())
	if s.engine.Client, err = okta.New(s.okta); err != nil {
		t.Fatal(err)
	}
	s.engine.Issuer = b.srv.URL + s.issuer
	if b.engine, err = identityengine.New(s.engine); err != nil {
		t.Fatal(err)
	}
	b.cc = browser(t)
	return b
}

func browser(t testing.TB) flows.ClientContext {
	t.Helper()
	cc, err := flows.NewClientContext(address, agent, languages, deviceToken)
	if err != nil {
		t.Fatal(err)
	}
	return cc
}

func policy(p oktasim.Policy) func(*settings) {
	return func(s *settings) { s.sim.Policy = p }
}

// take keeps the outcome of a call that has to succeed.
func (b *bench) take(s flows.State, step flows.Step, err error) flows.Step {
	b.Helper()
	if err != nil {
		b.Fatalf("the flow failed: %v", err)
	}
	b.state, b.step = s, step
	return step
}

func (b *bench) start(identifier, password string) flows.Step {
	b.Helper()
	values := map[string]string{flows.FieldIdentifier: identifier}
	if password != "" {
		values[flows.FieldPassword] = password
	}
	return b.take(b.engine.Start(b.Context(), b.cc, redirectURI, flows.Answer{Values: values}))
}

func (b *bench) choose(id string) flows.Step {
	b.Helper()
	return b.take(b.engine.Advance(b.Context(), b.cc, b.state, flows.Answer{Choice: id}))
}

// typed fills the fields of the step.
func (b *bench) typed(values map[string]string) flows.Step {
	b.Helper()
	return b.take(b.engine.Advance(b.Context(), b.cc, b.state, flows.Answer{Values: values}))
}

func (b *bench) code(code string) flows.Step {
	b.Helper()
	return b.typed(map[string]string{b.step.Fields[0].Name: code})
}

// poll moves the clock by the interval and polls.
func (b *bench) poll() flows.Step {
	b.Helper()
	b.later(b.step.Wait.Interval)
	return b.take(b.engine.Poll(b.Context(), b.cc, b.state))
}

// pushed signs in until the phone rings.
func (b *bench) pushed(user string) oktasim.Push {
	b.Helper()
	b.start(user, password)
	b.want(flows.KindChoose)
	b.choose("push")
	b.want(flows.KindWait)
	return b.push(user)
}

func (b *bench) push(user string) oktasim.Push {
	b.Helper()
	list := b.org.Pushes(user)
	if len(list) == 0 {
		b.Fatalf("no push was sent to %s", user)
	}
	return list[len(list)-1]
}

func (b *bench) want(k flows.Kind) {
	b.Helper()
	if b.step.Kind != k {
		b.Fatalf("the step is %s, want %s: %+v", describe(b.step), k, b.step)
	}
}

func (b *bench) wantDenied(why flows.DeniedReason, final bool) {
	b.Helper()
	b.want(flows.KindDenied)
	if d := b.step.Denied; d.Reason != why || d.Final != final {
		b.Fatalf("denied %+v, want %s, final %v", *b.step.Denied, why, final)
	}
}

// wantCause checks what the log is told.
func (b *bench) wantCause(part string) {
	b.Helper()
	if text := fmt.Sprint(b.step.Cause); !strings.Contains(text, part) {
		b.Errorf("the log is told %q, want %q in it", text, part)
	}
}

// wantDone checks the whole identity.
func (b *bench) wantDone(login, name string, factors ...identity.Factor) {
	b.Helper()
	b.want(flows.KindDone)
	id := b.step.Identity
	if id.Subject == "" || id.Login != login || id.Email != login || id.Name != name {
		b.Errorf("the identity is %+v, want %s, %s", id, login, name)
	}
	if len(id.Proofs) != len(factors) {
		b.Fatalf("the proofs are %+v, want %v", id.Proofs, factors)
	}
	for i, f := range factors {
		if id.Proofs[i].Factor != f {
			b.Errorf("proof %d is %s, want %s", i, id.Proofs[i].Factor, f)
		}
	}
}

func describe(s flows.Step) string {
	if s.Denied != nil {
		return string(s.Kind) + "/" + string(s.Denied.Reason)
	}
	return string(s.Kind)
}

func wantReason(t testing.TB, err error, want flows.Reason) *flows.Error {
	t.Helper()
	failed := new(flows.Error)
	if !errors.As(err, &failed) {
		t.Fatalf("the error is %v, want a *flows.Error of reason %s", err, want)
	}
	if failed.Reason != want {
		t.Fatalf("the reason is %s (%v), want %s", failed.Reason, err, want)
	}
	return failed
}

// called counts the requests to a path.
func (b *bench) called(path string) int {
	n := 0
	for _, r := range b.org.Requests() {
		if r.Path == path {
			n++
		}
	}
	return n
}
