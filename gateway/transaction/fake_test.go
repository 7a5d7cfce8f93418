package transaction_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"sidegate.example/sidegate/flows"
	"sidegate.example/sidegate/gateway/identity"
	"sidegate.example/sidegate/gateway/transaction"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	site     = "app.example.com"
	engine   = "org-a"
	interval = 4 * time.Second
)

// org is a scripted Okta. Every Start makes a sign-in of its own, named by the user and a number; that name is
// the State and, so that tests can tell whose it is, the Step's Person.
type org struct {
	latency func() time.Duration                               // of every call; nil for none
	onPoll  func(n int) error                                  // n-th poll over all, from 1; an error is the answer
	onStart func(a flows.Answer) (first flows.Step, err error) // nil for a push at once

	mu       sync.Mutex
	signIns  map[string]*signIn
	starts   int
	advances int
	cancels  int
	polls    []span
	overlap  bool // two calls for one State at the same time
	clients  []flows.ClientContext
}

type span struct{ from, to time.Time }

type signIn struct {
	user     string
	inFlight bool
	end      *flows.Step // what the phone decided
	number   string
}

// script changes what the org does from now on.
func (o *org) script(change func(o *org)) {
	o.mu.Lock()
	defer o.mu.Unlock()
	change(o)
}

// slow makes every call take that long.
func (o *org) slow(d time.Duration) {
	o.script(func(o *org) { o.latency = func() time.Duration { return d } })
}

func newOrg() *org { return &org{signIns: map[string]*signIn{}} }

// on is one call for one State: it notices overlaps and takes its time.
func (o *org) on(ctx context.Context, s flows.State) (*signIn, func(), error) {
	o.mu.Lock()
	si := o.signIns[string(s)]
	if si == nil {
		o.mu.Unlock()
		return nil, nil, &flows.Error{Reason: flows.ReasonExpired, Err: fmt.Errorf("no sign-in of state %q", s)}
	}
	o.overlap = o.overlap || si.inFlight
	si.inFlight = true
	o.mu.Unlock()
	done := func() {
		o.mu.Lock()
		defer o.mu.Unlock()
		si.inFlight = false
	}
	if err := o.delay(ctx); err != nil {
		done()
		return nil, nil, err
	}
	return si, done, nil
}

func (o *org) delay(ctx context.Context) error {
	o.mu.Lock()
	latency := o.latency
	o.mu.Unlock()
	if latency == nil {
		return nil
	}
	timer := time.NewTimer(latency())
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return &flows.Error{Reason: flows.ReasonUnavailable, Err: ctx.Err()}
	}
}

func (o *org) Start(ctx context.Context, c flows.ClientContext, _ string, a flows.Answer) (flows.State, flows.Step, error) {
	if err := o.delay(ctx); err != nil {
		return nil, flows.Step{}, err
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.starts++
	user := a.Values[flows.FieldIdentifier]
	name := fmt.Sprintf("%s#%d", user, o.starts)
	o.signIns[name] = &signIn{user: user}
	if o.onStart != nil {
		step, err := o.onStart(a)
		step.Person = name
		return flows.State(name), step, err
	}
	return flows.State(name), push(name), nil
}

func (o *org) Advance(ctx context.Context, c flows.ClientContext, s flows.State, a flows.Answer) (flows.State, flows.Step, error) {
	si, done, err := o.on(ctx, s)
	if err != nil {
		return nil, flows.Step{}, err
	}
	defer done()
	o.mu.Lock()
	defer o.mu.Unlock()
	o.advances++
	switch {
	case a.Choice == "push":
		return s, push(string(s)), nil
	case a.Choice == "totp":
		return s, code(string(s)), nil
	case a.Choice == "malformed":
		return nil, flows.Step{}, &flows.Error{Reason: flows.ReasonMalformed, Err: errors.New("half a document")}
	case a.Choice == "panic":
		panic("nil map")
	case a.Values["code"] == "123456":
		return s, success(si.user, identity.TOTP), nil
	}
	step := code(string(s))
	step.Fields[0].Messages = []flows.Message{{Key: "api.authn.error.PASSCODE_INVALID", Error: true}}
	return s, step, nil
}

func (o *org) Poll(ctx context.Context, c flows.ClientContext, s flows.State) (flows.State, flows.Step, error) {
	from := time.Now()
	o.mu.Lock()
	at := len(o.polls)
	o.polls = append(o.polls, span{from: from})
	o.clients = append(o.clients, c)
	o.mu.Unlock()
	defer func() {
		o.mu.Lock()
		defer o.mu.Unlock()
		o.polls[at].to = time.Now()
	}()
	si, done, err := o.on(ctx, s)
	if err != nil {
		return nil, flows.Step{}, err
	}
	defer done()
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.onPoll != nil {
		if err := o.onPoll(at + 1); err != nil {
			return nil, flows.Step{}, err
		}
	}
	if si.end != nil {
		return s, *si.end, nil
	}
	step := push(string(s))
	step.Wait.Number = si.number
	return s, step, nil
}

func (o *org) Cancel(ctx context.Context, c flows.ClientContext, s flows.State) error {
	_, done, err := o.on(ctx, s)
	if err != nil {
		return err
	}
	defer done()
	o.mu.Lock()
	defer o.mu.Unlock()
	o.cancels++
	return nil
}

// phone decides the sign-in that v shows.
func (o *org) phone(v transaction.View, end flows.Step) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.signIns[v.Step.Person].end = &end
}

func (o *org) approve(v transaction.View) {
	o.mu.Lock()
	user := o.signIns[v.Step.Person].user
	o.mu.Unlock()
	o.phone(v, success(user, identity.Push))
}

// counts are what the org has seen.
type counts struct{ starts, advances, polls, cancels int }

func (o *org) seen() counts {
	o.mu.Lock()
	defer o.mu.Unlock()
	return counts{o.starts, o.advances, len(o.polls), o.cancels}
}

func (o *org) spans() []span {
	o.mu.Lock()
	defer o.mu.Unlock()
	return append([]span(nil), o.polls...)
}

func push(person string) flows.Step {
	return flows.Step{Kind: flows.KindWait, Factor: identity.Push, Person: person, Wait: &flows.Wait{Interval: interval},
		Choices: []flows.Choice{{ID: "totp", Kind: flows.ChoiceOther}, {ID: "push", Kind: flows.ChoiceResend}}}
}

func code(person string) flows.Step {
	return flows.Step{Kind: flows.KindCode, Factor: identity.TOTP, Person: person, Fields: []flows.Field{{Name: "code"}},
		Choices: []flows.Choice{{ID: "push", Kind: flows.ChoiceOther}}}
}

func success(user string, proof identity.Factor) flows.Step {
	return flows.Step{Kind: flows.KindDone, Person: user, Identity: &identity.Identity{
		Subject: user, Login: user, Proofs: []identity.Proof{{Factor: identity.Password}, {Factor: proof}}}}
}

func refusal(why flows.DeniedReason, final bool) flows.Step {
	return flows.Step{Kind: flows.KindDenied, Denied: &flows.Denied{Reason: why, Final: final}}
}

// observer writes down what it hears.
type observer struct {
	mu         sync.Mutex
	signIns    []string
	challenges []string
	pending    int
}

func (o *observer) SignIn(result string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.signIns = append(o.signIns, result)
}

func (o *observer) Challenge(f identity.Factor, result string, took time.Duration) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.challenges = append(o.challenges, fmt.Sprintf("%s %s %v", f, result, took.Round(time.Second)))
}

func (o *observer) Pending(delta int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.pending += delta
}

// rig is a Manager with one org behind it, in a bubble of fake time.
type rig struct {
	*testing.T
	*transaction.Manager
	org   *org
	heard *observer
}

// within runs test in a bubble; the Manager is closed at its end, and the bubble fails if a goroutine is left.
func within(t *testing.T, cfg transaction.Config, test func(r *rig)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		r := &rig{T: t, Manager: transaction.NewManager(cfg), org: newOrg(), heard: &observer{}}
		defer r.Close()
		r.SetEngine(engine, r.org, r.heard)
		test(r)
		r.org.mu.Lock()
		defer r.org.mu.Unlock()
		if r.org.overlap {
			t.Error("two calls for one State were in flight at the same time")
		}
	})
}

func client(t testing.TB, addr string) flows.ClientContext {
	c, err := flows.NewClientContext(addr, "Mozilla/5.0 (X11; Linux x86_64)", "en", "")
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func typed(user string) flows.Answer {
	return flows.Answer{Values: map[string]string{flows.FieldIdentifier: user, flows.FieldPassword: "pw"}}
}

func choose(id string) flows.Answer { return flows.Answer{Choice: id} }

func digits(code string) flows.Answer {
	return flows.Answer{Values: map[string]string{"code": code}}
}

func (r *rig) begin(user string) transaction.View {
	r.Helper()
	v, err := r.Begin(context.Background(), transaction.Begin{Engine: engine, Site: site, Client: client(r, "203.0.113.7"), Answer: typed(user)})
	if err != nil {
		r.Fatalf("Begin: %v", err)
	}
	return v
}

func (r *rig) answer(v transaction.View, a flows.Answer) (transaction.View, error) {
	return r.Answer(context.Background(), v.ID, site, v.Seq, client(r, "203.0.113.7"), a)
}

func (r *rig) watch(v transaction.View) *transaction.Watch {
	r.Helper()
	w, ok := r.Watch(v.ID, site)
	if !ok {
		r.Fatalf("Watch: no transaction")
	}
	return w
}

func (r *rig) get(v transaction.View) transaction.View {
	r.Helper()
	got, ok := r.Get(v.ID, site)
	if !ok {
		r.Fatalf("Get: no transaction")
	}
	return got
}

func (r *rig) wantKind(v transaction.View, kind flows.Kind) {
	r.Helper()
	if v.Step.Kind != kind {
		r.Fatalf("step is %q, want %q", v.Step.Kind, kind)
	}
}

func (r *rig) wantDenied(v transaction.View, why flows.DeniedReason) {
	r.Helper()
	r.wantKind(v, flows.KindDenied)
	if v.Step.Denied.Reason != why || !v.Step.Denied.Final {
		r.Fatalf("denied for %+v, want final %q", *v.Step.Denied, why)
	}
}

func (r *rig) wantSeen(want counts) {
	r.Helper()
	if got := r.org.seen(); got != want {
		r.Fatalf("Okta saw %+v, want %+v", got, want)
	}
}

// wantNoRedemption: no session can come of id.
func (r *rig) wantNoRedemption(id string, want error) {
	r.Helper()
	_, _, err := r.Redeem(id, site, func(identity.Identity) (string, error) {
		r.Error("a session was minted")
		return "", nil
	})
	if !errors.Is(err, want) {
		r.Fatalf("Redeem: %v, want %v", err, want)
	}
}

func isTold(ch <-chan struct{}) bool {
	select {
	case <-ch:
		return true
	default:
		return false
	}
}
