package identityengine

import (
	"context"
	"errors"
	"slices"

	"sidegate.example/sidegate/flows"
	"sidegate.example/sidegate/gateway/identity"
)

var (
	_ flows.StepUpper = (*Engine)(nil)

	errWeaker  = errors.New("step-up: Okta asked for no factor of those that the site asks for; see the app's authentication policy")
	errAnother = errors.New("step-up: Okta names another person than the session")
)

// stepUp is what a sign-in of a person who is signed in has to come to.
type stepUp struct {
	Subject string            `json:"s"`
	Only    []identity.Factor `json:"o"`
}

// StepUp implements flows.StepUpper. Okta is told who it is and asks what its policy asks; of what it lets the person choose
// from, the factors are offered.
func (e *Engine) StepUp(ctx context.Context, cc flows.ClientContext, redirectURI string, who identity.Identity, factors []identity.Factor) (flows.State, flows.Step, error) {
	at := &attempt{engine: e, cc: cc}
	at.state.Redirect, at.state.StepUp = redirectURI, &stepUp{Subject: who.Subject, Only: factors}
	return at.begin(ctx, who.Login, "")
}

// takes reports whether a choice may be offered. Okta may want the password first.
func (s *stepUp) takes(c factorChoice) bool {
	return !c.Enroll && (c.Factor == identity.Password || s.includes(c.Factor) || c.Factor == identity.Push && s.includes(identity.NumberChallenge))
}

func (s *stepUp) includes(f identity.Factor) bool { return slices.Contains(s.Only, f) }

// offered are the choices of a list that a step-up shows: what it needs, and the password only where nothing else does.
func (s *stepUp) offered(list []factorChoice) []factorChoice {
	list = slices.DeleteFunc(slices.Clone(list), func(c factorChoice) bool { return !s.takes(c) })
	if needed := slices.DeleteFunc(slices.Clone(list), func(c factorChoice) bool { return c.Factor == identity.Password }); len(needed) > 0 {
		return needed
	}
	return list
}

// proved reports whether what was asked for is proved.
func (s *stepUp) proved(proofs []proof) bool {
	return slices.ContainsFunc(proofs, func(p proof) bool { return s.includes(p.Factor) })
}

// narrow leaves of what Okta lets a person choose from, at a sign-in, what every session needs, where that is on the list: after
// anything else they would be asked for it at once. What Okta asks for first makes way for the list then.
func (a *attempt) narrow(p *page) {
	s, need := &a.state, &stepUp{Only: a.engine.required}
	if len(need.Only) == 0 || s.StepUp != nil || s.Seeking != "" || s.Restored || need.proved(s.Proofs) {
		return
	}
	weak := func(c factorChoice) bool { return !c.Enroll && c.Factor != identity.Password && !need.takes(c) }
	if !slices.ContainsFunc(s.Factors, func(c factorChoice) bool { return need.takes(c) && c.Factor != identity.Password }) {
		return
	}
	s.Factors = slices.DeleteFunc(slices.Clone(s.Factors), weak)
	switch p.ask {
	case askCode, askWait, askWebAuthn:
		if weak(factorChoice{Factor: plain(p.factor), Enroll: p.enrolling}) {
			p.ask = askChoose
		}
	}
}

// tooWeak reports whether nothing that Okta asks for, or lets the person choose from, is what a step-up needs. What it asks for
// first makes way for the list where something on it is.
func (a *attempt) tooWeak(p *page) bool {
	up := a.state.StepUp
	if up == nil || up.proved(a.state.Proofs) {
		return false
	}
	switch p.ask {
	case askCode, askWait, askWebAuthn:
		if up.takes(factorChoice{Factor: plain(p.factor), Enroll: p.enrolling}) {
			return false
		}
		if len(a.state.Factors) > 0 {
			p.ask = askChoose
			return false
		}
		return true
	}
	return p.ask == askUnsupported && len(p.factors) > 0 && len(a.state.Factors) == 0
}
