// Package factors owns the sign-in whose second factor is verified by Okta's Factors API, the one API that takes the
// browser's address and agent and shows them on the phone. Who the person is comes from a password that Okta judges, from
// a layer in front, or from another engine. It keeps nothing between calls but what the budget counts: all progress is in
// the flows.State. The wire is described in okta/factors-api.md of the shared references; section numbers in comments are
// of that document.
package factors

import (
	"bytes"
	"context"

	"sidegate.example/sidegate/flows"
	"sidegate.example/sidegate/flows/limits"
	"sidegate.example/sidegate/flows/okta"
)

// Engine implements flows.Flow.
type Engine struct {
	cfg    Config
	client *okta.Client
	count  *limits.Counter
}

var _ flows.Flow = (*Engine)(nil)

// Start implements flows.Flow.
func (e *Engine) Start(ctx context.Context, cc flows.ClientContext, redirectURI string, in flows.Answer) (flows.State, flows.Step, error) {
	at := &attempt{engine: e, cc: cc}
	if !cc.Valid() {
		return nil, flows.Step{}, &flows.Error{Reason: flows.ReasonMisconfigured, Err: flows.ErrNoClientContext}
	}
	switch e.cfg.Primary {
	case PrimaryIdentity:
		return at.asserted(ctx, in)
	case PrimaryIdentityEngine:
		inner, step, err := e.cfg.First.Start(ctx, cc, redirectURI, in)
		return at.first(ctx, inner, step, err)
	}
	return at.password(ctx, in)
}

// Advance implements flows.Flow.
func (e *Engine) Advance(ctx context.Context, cc flows.ClientContext, s flows.State, in flows.Answer) (flows.State, flows.Step, error) {
	at, err := e.attempt(cc, s)
	if err != nil {
		return s, flows.Step{}, err
	}
	next, step, err := at.advance(ctx, in)
	switch {
	case err != nil && at.kept != nil:
		return at.kept, flows.Step{}, err
	case err != nil:
		return s, flows.Step{}, err
	}
	at.close(ctx, step)
	return next, step, nil
}

// Poll implements flows.Flow. On an error s is still the State to go on with, unless the reason is ReasonExpired. When
// nothing has changed, the State returned is s itself.
func (e *Engine) Poll(ctx context.Context, cc flows.ClientContext, s flows.State) (flows.State, flows.Step, error) {
	at, err := e.attempt(cc, s)
	if err != nil {
		return s, flows.Step{}, err
	}
	next, step, err := at.pollAny(ctx)
	if err != nil {
		return s, flows.Step{}, err
	}
	at.close(ctx, step)
	if bytes.Equal(next, s) {
		next = s
	}
	return next, step, nil
}

// Cancel implements flows.Flow: a pending push is cancelled, and so is a transaction of /api/v1/authn.
func (e *Engine) Cancel(ctx context.Context, cc flows.ClientContext, s flows.State) error {
	if len(s) == 0 {
		return nil
	}
	at, err := e.attempt(cc, s)
	if err != nil {
		return err
	}
	if at.state.Want == wantFirst {
		return e.cfg.First.Cancel(ctx, cc, at.state.Inner)
	}
	at.dropPush(ctx)
	at.leave(ctx)
	return nil
}

// close cancels what a refusal has left open at Okta.
func (a *attempt) close(ctx context.Context, step flows.Step) {
	if step.Kind == flows.KindDenied && step.Denied.Final {
		a.leave(ctx)
	}
}

// attempt goes on from s.
func (e *Engine) attempt(cc flows.ClientContext, s flows.State) (*attempt, error) {
	if !cc.Valid() {
		return nil, &flows.Error{Reason: flows.ReasonMisconfigured, Err: flows.ErrNoClientContext}
	}
	st, err := decodeState(s)
	if err != nil {
		return nil, err
	}
	if st.Want == wantFirst && e.cfg.First == nil {
		return nil, &flows.Error{Reason: flows.ReasonExpired, Err: errState} // of a configuration that is gone
	}
	return &attempt{engine: e, cc: cc, state: *st}, nil
}

// asserted begins with a name that a layer in front has proved.
func (a *attempt) asserted(ctx context.Context, in flows.Answer) (flows.State, flows.Step, error) {
	login, err := readLogin(in.Values[flows.FieldIdentifier])
	if err != nil {
		return nil, flows.Step{}, err
	}
	a.state.Person = login
	return a.person(ctx, login)
}

// advance answers the current step.
func (a *attempt) advance(ctx context.Context, in flows.Answer) (flows.State, flows.Step, error) {
	s := &a.state
	if s.Want == wantFirst {
		inner, step, err := a.engine.cfg.First.Advance(ctx, a.cc, s.Inner, in)
		return a.first(ctx, inner, step, err)
	}
	if in.Choice != "" {
		return a.press(ctx, in.Choice)
	}
	switch s.Want {
	case wantCredentials:
		return a.password(ctx, in)
	case wantCode:
		return a.code(ctx, in.Values[fieldCode])
	case wantCredential:
		return a.sign(ctx, in.Values)
	case wantProof:
		return a.adminCode(ctx, in.Values[fieldCode])
	case wantForm:
		return a.enrolForm(ctx, in.Values)
	case wantActivation:
		return a.activate(ctx, in.Values[fieldCode])
	}
	return nil, flows.Step{}, badAnswer("this step takes no text")
}

// press does what a button of the Step says; which there are depends on the Step.
func (a *attempt) press(ctx context.Context, id string) (flows.State, flows.Step, error) {
	s := &a.state
	switch s.Want {
	case wantEnroll, wantForm, wantActivation, wantDevice:
		return a.pressEnrolment(ctx, id)
	case wantChoice, wantCode, wantPhone, wantCredential, wantProof, wantNothing:
	default:
		return nil, flows.Step{}, badAnswer("this step has no such button")
	}
	switch {
	case id == choiceOther && a.hasOthers():
		a.dropPush(ctx)
		return a.chooseAgain()
	case id == choiceResend && (s.Want == wantCode || s.Want == wantPhone) && !typed(s.pending().Factor):
		return a.ask(ctx, s.Pending-1)
	case id == choiceAdmin && s.Proving && s.Want == wantChoice:
		s.Want = wantProof
		return a.show()
	case id == flows.ChoiceIDNotMe && s.Want == wantNothing && s.Denied:
		return a.notMe(ctx)
	}
	if i := s.choice(id); i >= 0 {
		return a.ask(ctx, i)
	}
	return nil, flows.Step{}, badAnswer("this step has no such button")
}

// notMe ends the sign-in of who pressed "that was not me" after a denial, and blocks the person where the operator wants
// it: somebody else may know the password.
func (a *attempt) notMe(ctx context.Context) (flows.State, flows.Step, error) {
	if err := a.engine.count.Block(ctx, a.state.User); err != nil {
		return nil, flows.Step{}, err
	}
	a.leave(ctx)
	return nil, a.end(flows.DeniedOnPhone, errNotMe), nil
}

// pollAny asks how the step goes on that is not answered here.
func (a *attempt) pollAny(ctx context.Context) (flows.State, flows.Step, error) {
	switch a.state.Want {
	case wantFirst:
		inner, step, err := a.engine.cfg.First.Poll(ctx, a.cc, a.state.Inner)
		return a.first(ctx, inner, step, err)
	case wantPhone:
		return a.poll(ctx)
	case wantDevice:
		return a.pollDevice(ctx)
	case wantFinish:
		return a.complete(ctx)
	}
	return nil, flows.Step{}, badAnswer("there is nothing to poll for")
}
