package factors

import (
	"context"
	"errors"

	"sidegate.example/sidegate/flows"
)

var errNoFirst = errors.New("the other engine ended without having proved anything")

// first goes on from an answer of the other engine. What it says of itself is its own page; that it is done says who the
// person is, and that the first factor was proved.
func (a *attempt) first(ctx context.Context, inner flows.State, step flows.Step, err error) (flows.State, flows.Step, error) {
	if err != nil {
		if len(inner) > 0 {
			a.state.Inner = inner
			a.kept = a.state.encode()
		}
		return nil, flows.Step{}, err
	}
	if step.Kind == flows.KindDone {
		return a.afterFirst(ctx, step)
	}
	if len(inner) == 0 {
		return nil, step, nil
	}
	a.state.Want, a.state.Inner = wantFirst, inner
	return a.state.encode(), step, nil
}

// afterFirst takes over the person, whom Okta names by id, and what was proved of them (immunity S71).
func (a *attempt) afterFirst(ctx context.Context, step flows.Step) (flows.State, flows.Step, error) {
	a.state = state{Person: step.Person}
	id := step.Identity
	if id == nil || !oktaID(id.Subject) || len(id.Proofs) == 0 {
		return nil, a.end(flows.DeniedNoFactor, errNoFirst), nil
	}
	a.state.User = id.Subject // an id is nobody's login: who is found by it must have it
	for _, p := range id.Proofs {
		a.state.prove(p.Factor, p.At)
	}
	return a.person(ctx, id.Subject)
}
