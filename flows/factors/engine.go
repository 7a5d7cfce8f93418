// Package factors owns the sign-in whose second factor is verified by Okta's Factors API, the one API that takes the
// browser's address and agent and shows them on the phone. Who the person is comes from a password that Okta judges, from
// a layer in front, or from another engine. It keeps nothing between calls but what the budget counts: all progress is in
// the flows.State. The wire is described in okta/factors-api.md of the shared references; section numbers in comments are
// of that document.
package factors

import (
	"context"
	"errors"

	"sidegate.example/sidegate/flows"
)

// Engine implements flows.Flow.
type Engine struct{ cfg Config }

var _ flows.Flow = (*Engine)(nil)

var errNotBuilt = &flows.Error{Reason: flows.ReasonMisconfigured, Err: errors.New("the factors engine does not serve this yet")}

// Start implements flows.Flow.
func (e *Engine) Start(context.Context, flows.ClientContext, string, flows.Answer) (flows.State, flows.Step, error) {
	return nil, flows.Step{}, errNotBuilt
}

// Advance implements flows.Flow.
func (e *Engine) Advance(_ context.Context, _ flows.ClientContext, s flows.State, _ flows.Answer) (flows.State, flows.Step, error) {
	return s, flows.Step{}, errNotBuilt
}

// Poll implements flows.Flow.
func (e *Engine) Poll(_ context.Context, _ flows.ClientContext, s flows.State) (flows.State, flows.Step, error) {
	return s, flows.Step{}, errNotBuilt
}

// Cancel implements flows.Flow.
func (e *Engine) Cancel(context.Context, flows.ClientContext, flows.State) error { return errNotBuilt }

// Active reports whether the person still may be signed in: whether Okta knows the user id as ACTIVE. It is for the
// renewal of a session (§2.2). An error is a *flows.Error and says nothing about the person.
func (e *Engine) Active(ctx context.Context, cc flows.ClientContext, userID string) (bool, error) {
	_ = e.cfg
	return false, errNotBuilt
}
