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
func (a *attempt) poll(ctx context.Context, s flows.State) (flows.State, flows.Step, error) {
	if w, _, ok := readWaiting(s); ok {
		a.state, a.known = w.state, w.state.Seen
		doc, err := a.call(ctx, a.request(w.path, w.body))
		return a.polled(ctx, s, doc, err)
	}
	st, err := decodeState(s)
	if err != nil {
		return nil, flows.Step{}, err
	}
	a.state = *st
	switch a.state.Want {
	case wantPhone:
		doc, err := a.post(ctx, a.state.Main, a.state.Main.Body)
		return a.polled(ctx, s, doc, err)
	case wantCode:
		if a.state.PollBy != nil {
			return a.pollLink(ctx)
		}
	case wantOkta:
		return a.pollOkta(ctx)
	case wantToken:
		return a.pollTokens(ctx)
	}
	return nil, flows.Step{}, badAnswer("there is nothing to poll for")
}

// polled goes on from s, of which state may be what a poll needs alone.
func (a *attempt) polled(ctx context.Context, s flows.State, doc *document, err error) (flows.State, flows.Step, error) {
	missed := errors.Is(err, errMissed)
	switch {
	case doc == unchanged:
		a.engine.keys.ahead(ctx, a.cc)
		return s, a.step(view{interval: a.state.Every}), nil
	case err != nil && !missed:
		return nil, flows.Step{}, err
	}
	if a.known != "" {
		whole, err := decodeState(s)
		if err != nil {
			return nil, flows.Step{}, err
		}
		a.state, a.known = *whole, ""
	}
	if missed {
		return a.lost(ctx, err)
	}
	a.asked = a.state.Pending
	return a.proceed(ctx, doc)
}

// lost looks whether a poll is refused because the one before, whose answer never arrived, has ended the transaction well: with
// its connection, or with the process that had asked. The current document tells (§2). Only one that has the code counts: what
// else has gone on without us need not be what the person was asked for (immunity S71).
func (a *attempt) lost(ctx context.Context, refused error) (flows.State, flows.Step, error) {
	doc, err := a.introspect(ctx, map[string]any{"stateToken": a.state.Handle})
	if err != nil || doc.interactionCode == "" {
		return a.miss(refused)
	}
	a.asked = a.state.Pending
	return a.proceed(ctx, doc)
}

// unlessLost is the document to go on with after doc, the answer to a code: where that refuses the code because the
// transaction is over, it may be over because the code was right the first time, and the answer to that was lost. Only a document
// that has the interaction code counts here too. A set-up can also be ended by leaving it out, which proves nothing.
func (a *attempt) unlessLost(ctx context.Context, doc *document) *document {
	if a.state.Enrolling || len(doc.forms) > 0 || doc.interactionCode != "" {
		return doc
	}
	if means := meaningOf(doc.messages); means != meansNothing && means != meansExpired {
		return doc
	}
	now, err := a.introspect(ctx, map[string]any{"stateToken": a.state.Handle})
	if err != nil || now.interactionCode == "" {
		return doc
	}
	return now
}

// pollOkta asks whether Okta is itself again.
func (a *attempt) pollOkta(ctx context.Context) (flows.State, flows.Step, error) {
	a.waited = true
	doc, err := a.post(ctx, a.state.Main, a.state.Main.Body)
	if errors.Is(err, errMissed) {
		return a.miss(err)
	}
	if err != nil {
		return nil, flows.Step{}, err
	}
	return a.proceed(ctx, doc)
}

// pollLink asks whether the link that was mailed beside a code has been opened. A refusal that says nothing leaves the
// page to the code.
func (a *attempt) pollLink(ctx context.Context) (flows.State, flows.Step, error) {
	doc, err := a.post(ctx, a.state.PollBy, a.state.PollBy.Body)
	if errors.Is(err, errMissed) {
		return a.lost(ctx, err)
	}
	if err != nil {
		return nil, flows.Step{}, err
	}
	a.asked = a.state.Pending
	return a.proceed(ctx, doc)
}

// miss goes on waiting as before, but not for ever. It is a Step and no error, because the count has to be kept.
func (a *attempt) miss(err error) (flows.State, flows.Step, error) {
	if a.state.Misses++; a.state.Misses >= maxMisses {
		return nil, a.end(flows.DeniedExpired, err), nil
	}
	return a.show(view{interval: defaultRefresh})
}
