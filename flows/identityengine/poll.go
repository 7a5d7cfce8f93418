package identityengine

import (
	"context"
	"errors"

	"sidegate.example/sidegate/flows"
)

// maxMisses is how many polls in a row may be refused without a known reason. One may have met another call for the
// same transaction (§5.7.1), so that it goes on; so many mean that it is over.
const maxMisses = 5

// poll asks whether the phone has answered, or for the tokens when it has.
func (a *attempt) poll(ctx context.Context) (flows.State, flows.Step, error) {
	switch a.state.Want {
	case wantPhone:
		return a.pollPhone(ctx)
	case wantToken:
		return a.redeem(ctx)
	}
	return nil, flows.Step{}, badAnswer("there is nothing to poll for")
}

func (a *attempt) pollPhone(ctx context.Context) (flows.State, flows.Step, error) {
	a.asked = a.state.Pending
	doc, err := a.post(ctx, a.state.Main, a.state.Main.Body)
	if errors.Is(err, errMissed) {
		return a.miss()
	}
	if err != nil {
		return nil, flows.Step{}, err
	}
	return a.proceed(ctx, doc)
}

// miss goes on waiting as before, but not for ever. It is a Step and no error, because the count has to be kept.
func (a *attempt) miss() (flows.State, flows.Step, error) {
	if a.state.Misses++; a.state.Misses >= maxMisses {
		return nil, a.end(flows.DeniedExpired), nil
	}
	return a.show(view{interval: defaultRefresh})
}
