package factors

import (
	"context"
	"errors"
	"slices"

	"sidegate.example/sidegate/flows"
	"sidegate.example/sidegate/gateway/identity"
)

var (
	_ flows.StepUpper = (*Engine)(nil)

	errNotHad = errors.New("step-up: the person has no factor of those that are asked for")
	errWeaker = errors.New("step-up: what was proved is not of the factors that are asked for")
)

// StepUp implements flows.StepUpper: the person is known by Okta's id, so that the second factor comes at once.
func (e *Engine) StepUp(ctx context.Context, cc flows.ClientContext, _ string, who identity.Identity, factors []identity.Factor) (flows.State, flows.Step, error) {
	at := &attempt{engine: e, cc: cc}
	if !cc.Valid() {
		return nil, flows.Step{}, &flows.Error{Reason: flows.ReasonMisconfigured, Err: flows.ErrNoClientContext}
	}
	at.state.Only = slices.DeleteFunc(slices.Clone(factors), func(f identity.Factor) bool { return !e.cfg.ends(f) })
	at.state.Person = who.Login
	if !oktaID(who.Subject) || len(at.state.Only) == 0 {
		return nil, at.end(flows.DeniedStepUp, errNotHad), nil
	}
	at.state.User = who.Subject
	return at.person(ctx, who.Subject)
}

// allows reports whether the sign-in can be ended with f, before it is known whether a push is answered by a number.
func (a *attempt) allows(f identity.Factor) bool {
	cfg, only := &a.engine.cfg, a.state.Only
	return cfg.allows(f) && (only == nil || cfg.canProve(f, only))
}

// canProve reports whether f is one of class, as far as that is known before it is asked for.
func (c *Config) canProve(f identity.Factor, class []identity.Factor) bool {
	return slices.Contains(class, f) || f == identity.Push && slices.Contains(class, identity.NumberChallenge) && c.NumberChallenge == NumberAlways
}

// narrow leaves of what a person can choose from, at a sign-in, what every session needs, where they have it: after anything
// else they would be asked for it at once.
func (a *attempt) narrow(list []factor) []factor {
	cfg := &a.engine.cfg
	enough := slices.DeleteFunc(slices.Clone(list), func(f factor) bool { return !cfg.canProve(f.Factor, cfg.Required) })
	if a.state.Only != nil || len(enough) == 0 {
		return list
	}
	return enough
}

// ends reports whether f, as it was proved, ends the sign-in.
func (a *attempt) ends(f identity.Factor) bool {
	return a.engine.cfg.ends(f) && (a.state.Only == nil || slices.Contains(a.state.Only, f))
}

// weaker refuses a proof that does not end the sign-in.
func (a *attempt) weaker() flows.Step {
	if a.state.Only != nil {
		return a.end(flows.DeniedStepUp, errWeaker)
	}
	return a.end(flows.DeniedPolicy, errNoNumber)
}
