package transaction_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
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
// the State's begin and, so that tests can tell whose it is, the Step's Person.
type org struct {
	latency func() time.Duration                               // of every call; nil for none
	onPoll  func(n int) error                                  // n-th poll over all, from 1; an error is the answer
	onStart func(a flows.Answer) (first flows.Step, err error) // nil for a push at once
	onKept  func()                                             // what happens once a success is kept ahead; nil keeps none

	mu       sync.Mutex
	signIns  map[string]*signIn
	starts   int
	advances int
	cancels  int
	polls    []span
	overlap  bool                  // two calls for one State at the same time
	outdated bool                  // a call with a State that had been replaced
	clients  []flows.ClientContext // of polls and cancels
}

type span struct{ from, to time.Time }

// signIn is one at the org. Its State is its name and a number that grows with every answer.
type signIn struct {
	name     string
	answers  int
	user     string
	inFlight bool
	end      *flows.Step // what the phone decided
	number   string
	shown    *flows.Step // what a poll brings instead of a push
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

func (si *signIn) state() string { return fmt.Sprintf("%s|%d", si.name, si.answers) }

// next is the State of an answer.
func (si *signIn) next() flows.State {
	si.answers++
	return flows.State(si.state())
}

// on is one call for one State: it notices overlaps and takes its time.
func (o *org) on(ctx context.Context, s flows.State) (*signIn, func(), error) {
	o.mu.Lock()
	name, _, _ := strings.Cut(string(s), "|")
	si := o.signIns[name]
	if si == nil {
		o.mu.Unlock()
		return nil, nil, &flows.Error{Reason: flows.ReasonExpired, Err: fmt.Errorf("no sign-in of state %q", s)}
	}
	o.overlap = o.overlap || si.inFlight
	o.outdated = o.outdated || string(s) != si.state()
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
	si := &signIn{name: name, user: user}
	o.signIns[name] = si
	if o.onStart != nil {
		step, err := o.onStart(a)
		step.Person = name
		if step.Wait != nil {
			again := step
			si.shown = &again
		}
		return si.next(), step, err
	}
	return si.next(), push(name), nil
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
		return si.next(), push(si.name), nil
	case a.Choice == "totp":
		return si.next(), code(si.name), nil
	case a.Choice == "unknown":
		return nil, flows.Step{}, &flows.Error{Reason: flows.ReasonBadAnswer, Err: errors.New("no such choice")}
	case a.Values["code"] == "" && a.Choice == "": // a name and a password
		return si.next(), refused(si.name), nil
	case a.Choice == "malformed":
		return nil, flows.Step{}, &flows.Error{Reason: flows.ReasonMalformed, Err: errors.New("half a document")}
	case a.Choice == "lost": // Okta has it, and the answer did not come
		return si.next(), flows.Step{}, &flows.Error{Reason: flows.ReasonUnavailable, Err: errors.New("502")}
	case a.Choice == "panic":
		panic("nil map")
	case a.Values["code"] == "654321": // right, but the tokens are not to be had just now
		return si.next(), completing(si.name, identity.TOTP), nil
	case a.Values["code"] == "777777": // Okta goes into safe mode over it
		return si.next(), *waitingForOkta(), nil
	case a.Values["code"] == "123456":
		return si.next(), success(si.user, identity.TOTP), nil
	}
	step := code(si.name)
	step.Fields[0].Messages = []flows.Message{{Key: "api.authn.error.PASSCODE_INVALID", Error: true}}
	return si.next(), step, nil
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
	if o.onKept != nil && si.end != nil && si.end.Kind == flows.KindDone {
		kept, step, then := si.next(), completing(si.name, ""), o.onKept
		o.onKept = nil
		o.mu.Unlock()
		flows.Keep(ctx, kept, step)
		then()
		o.mu.Lock()
	}
	if o.onPoll != nil {
		if err := o.onPoll(at + 1); err != nil {
			return nil, flows.Step{}, err
		}
	}
	if si.end != nil {
		return si.next(), *si.end, nil
	}
	step := push(si.name)
	step.Wait.Number = si.number
	if si.shown != nil {
		step = *si.shown
		step.Person = si.name
	}
	return si.next(), step, nil
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
	o.clients = append(o.clients, c)
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

// completing has only Okta's last answer to wait for.
func completing(person string, f identity.Factor) flows.Step {
	return flows.Step{Kind: flows.KindWait, Factor: f, Person: person, Wait: &flows.Wait{Interval: interval, Completing: true}}
}

func code(person string) flows.Step {
	return flows.Step{Kind: flows.KindCode, Factor: identity.TOTP, Person: person, Fields: []flows.Field{{Name: "code"}},
		Choices: []flows.Choice{{ID: "push", Kind: flows.ChoiceOther}}}
}

// refused is Okta's answer to a wrong password.
func refused(person string) flows.Step {
	return flows.Step{Kind: flows.KindIdentify, Person: person, Messages: []flows.Message{{Error: true}},
		Fields: []flows.Field{{Name: flows.FieldPassword, Secret: true}}}
}

func success(user string, proof identity.Factor) flows.Step {
	return flows.Step{Kind: flows.KindDone, Person: user, Identity: &identity.Identity{
		Subject: user, Login: user, Proofs: []identity.Proof{{Factor: identity.Password}, {Factor: proof}}}}
}

func refusal(why flows.DeniedReason, final bool) flows.Step {
	return flows.Step{Kind: flows.KindDenied, Denied: &flows.Denied{Reason: why, Final: final}}
}
