package factors

import (
	"context"
	"errors"
	"time"

	"sidegate.example/sidegate/flows"
)

// finishLife is how long a person waits for Okta's last answers after a factor was accepted.
const finishLife = time.Minute

// finish makes the identity. A success that no second factor proved is none (immunity S71). The factor was accepted once
// and for all: where Okta cannot be asked for the rest right now, the State waits and polls ask again.
func (a *attempt) finish(ctx context.Context) (flows.State, flows.Step, error) {
	s := &a.state
	if !s.identity().SecondFactor() {
		return nil, a.end(flows.DeniedNoFactor, nil), nil
	}
	s.rest()
	s.Want, s.Until = wantFinish, a.now().Add(finishLife).Unix()
	s.Factors, s.Token, s.Challenged, s.Inner, s.Enrol = nil, "", false, nil, nil
	next, step, err := a.complete(ctx)
	if passing(err) {
		return a.show()
	}
	return next, step, err
}

// complete asks Okta for what is missing.
func (a *attempt) complete(ctx context.Context) (flows.State, flows.Step, error) {
	s := &a.state
	if a.now().Unix() >= s.Until {
		return nil, a.end(flows.DeniedUnavailable, errors.New("users: Okta did not answer in time")), nil
	}
	again := a.blocked // since this sign-in began
	if a.now().Sub(time.Unix(s.Seen, 0)) >= seenLife {
		again = func(ctx context.Context) (*flows.Step, error) { return a.know(ctx, s.User) }
	}
	if denied, err := again(ctx); err != nil || denied != nil {
		return nil, orStep(denied), err
	}
	id := s.identity()
	if a.engine.cfg.Groups {
		var err error
		if id.Groups, err = a.groups(ctx); err != nil {
			return nil, flows.Step{}, err
		}
	}
	return nil, flows.Step{Kind: flows.KindDone, Person: s.Person, Identity: id}, nil
}

// passing reports whether the same call may succeed a little later.
func passing(err error) bool {
	failed := new(flows.Error)
	return errors.As(err, &failed) && (failed.Reason == flows.ReasonUnavailable || failed.Reason == flows.ReasonRateLimited)
}
