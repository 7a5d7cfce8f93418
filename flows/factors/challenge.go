package factors

import (
	"context"
	"errors"
	"time"

	"sidegate.example/sidegate/flows"
	"sidegate.example/sidegate/flows/limits"
	"sidegate.example/sidegate/gateway/identity"
)

// maxPush bounds the life of a push, whatever Okta says (§5.3).
const maxPush = 5 * time.Minute

// lastLook is how long before its end a push is polled for the last time; the manager's jitter has to fit in.
const lastLook = 10 * time.Second

var (
	errCoolDown = errors.New("a push was denied a short while ago; Okta was not asked for another one")
	errSends    = errors.New("too many pushes and messages; Okta was not asked for another one")
)

var errFreeSuccess = errors.New("factor_verify: SUCCESS before anything was verified")

// typed reports whether the factor needs no challenge: the person has the code already.
func typed(f identity.Factor) bool {
	switch f {
	case identity.TOTP, identity.GoogleOTP, identity.HardwareOTP, identity.SecurityQuestion:
		return true
	}
	return false
}

// ask begins with the factor at i.
func (a *attempt) ask(ctx context.Context, i int) (flows.State, flows.Step, error) {
	a.dropPush(ctx) // a late tap must not approve an attempt that was left
	if err := a.back(ctx); err != nil {
		return nil, flows.Step{}, err
	}
	s := &a.state
	s.rest()
	s.Want, s.Unsure = wantChoice, false // nothing is polled for any more, and nothing of it is to be found out
	s.Pending = i + 1
	f := s.pending()
	if f.Factor != identity.Push {
		wait, err := a.engine.count.WaitCode(ctx, s.User)
		if err != nil {
			return nil, flows.Step{}, err
		}
		if wait > 0 {
			return a.tooMany()
		}
	}
	if typed(f.Factor) {
		s.Want = wantCode
		return a.show()
	}
	return a.challenge(ctx, f)
}

// tooMany ends the sign-in where Okta would soon lock the account (immunity S63).
func (a *attempt) tooMany() (flows.State, flows.Step, error) {
	return nil, a.end(flows.DeniedTooMany, errors.New("too many wrong codes in a row; Okta was not asked")), nil
}

// challenge sends a push or a message, or asks for what a key has to sign.
func (a *attempt) challenge(ctx context.Context, f *factor) (flows.State, flows.Step, error) {
	e, s := a.engine, &a.state
	counted := f.Factor != identity.WebAuthn
	if counted {
		if no, err := a.mayNotSend(ctx, f); err != nil {
			return nil, flows.Step{}, err
		} else if no != nil {
			a.messages = []flows.Message{*no}
			return a.chooseAgain()
		}
	}
	var body map[string]any
	if f.Factor == identity.Push && e.cfg.NumberChallenge == NumberAlways && s.Token == "" {
		body = map[string]any{"useNumberMatchingChallenge": true}
	}
	v, err := a.verify(ctx, f, f.IDs[0], body)
	if err != nil {
		if counted && !limits.Judged(err) {
			e.count.ReturnSend(ctx, s.User)
		}
		if o, ok := limited(err); ok {
			a.messages = []flows.Message{map[outcome]flows.Message{tooSoon: msgTooSoon, quota: msgQuota, failed: msgFailed}[o]}
			return a.chooseAgain()
		}
		return nil, flows.Step{}, err
	}
	if len(body) > 0 && v.outcome == refused && v.res.Code() == "E0000001" {
		m := misconfigured(v.res)
		m.Err = hinted{v.res.Refuse("").Err, "the org may not know number challenges on this API; try number_challenge never"}
		return nil, flows.Step{}, m
	}
	return a.challenged(ctx, f, v)
}

// challenged goes on from Okta's answer to a challenge.
func (a *attempt) challenged(ctx context.Context, f *factor, v *verdict) (flows.State, flows.Step, error) {
	s := &a.state
	s.Challenged = s.Token != "" && v.moved == nil
	switch {
	case v.outcome == waiting && f.Factor == identity.Push:
		return a.keepPush(v)
	case v.outcome == asking && f.Factor == identity.WebAuthn:
		if s.WebAuthn = assertion(f, v.Embedded.Challenge); s.WebAuthn == nil {
			return nil, flows.Step{}, malformed(v.res)
		}
		s.Want = wantCredential
		return a.show()
	case v.outcome == asking && f.Factor != identity.Push:
		s.Want = wantCode
		return a.show()
	case v.outcome == accepted:
		// Nobody has done anything yet (immunity S71).
		return nil, a.end(flows.DeniedNoFactor, errFreeSuccess), nil
	}
	return a.refuse(ctx, v)
}

// mayNotSend counts what is about to be sent, or says why it must not be (immunity S78).
func (a *attempt) mayNotSend(ctx context.Context, f *factor) (*flows.Message, error) {
	e, s := a.engine, &a.state
	if f.Factor == identity.Push {
		wait, err := e.count.WaitDenied(ctx, s.User)
		if err != nil || wait > 0 {
			a.cause = errCoolDown
			return &msgCoolDown, err
		}
	}
	wait, err := e.count.TakeSend(ctx, s.User)
	if err != nil || wait > 0 {
		a.cause = errSends
		return &msgSends, err
	}
	return nil, nil
}

// keepPush waits for the phone. The links are followed only on the org and below this factor of this user.
func (a *attempt) keepPush(v *verdict) (flows.State, flows.Step, error) {
	s, e := &a.state, a.engine
	if s.Token == "" {
		base := factorPath(s.User, s.pending().IDs[0])
		poll, ok := e.owned(v.Links.Poll.first(), base)
		if !ok {
			return nil, a.end(flows.DeniedUnsupported, errors.New("factor_verify: the poll link does not belong to this person's factor on this org")), nil
		}
		s.Poll = poll
		s.Cancel, _ = e.owned(v.Links.Cancel.first(), base)
	}
	s.Want, s.Number = wantPhone, v.Embedded.Challenge.number()
	s.Until = a.now().Add(lifeOf(v.ExpiresAt, v.res.Date, maxPush)).Unix()
	return a.show()
}

// interval is the time to the next poll: the org's limit is shared by all who wait. Just before the push ends there is one
// more look in any case, so that who has answered late is not lost to a long wait.
func (a *attempt) interval() time.Duration {
	s, shortest := &a.state, a.engine.cfg.Poll
	every := a.engine.client.Pace(a.pollURL(), s.User+s.Poll+s.Token, shortest)
	return min(every, max(a.left()-lastLook, shortest))
}

// left is how long the push is still good.
func (a *attempt) left() time.Duration { return time.Unix(a.state.Until, 0).Sub(a.now()) }

// ending reports whether the push is at its last look, which does not give way to others.
func (a *attempt) ending() bool { return a.left() <= 2*lastLook }

// inTime is err with a wait that leaves time for the last look.
func (a *attempt) inTime(err error) error {
	failed := new(flows.Error)
	if !errors.As(err, &failed) || failed.Reason != flows.ReasonRateLimited {
		return err
	}
	e := *failed
	e.RetryAfter = min(e.RetryAfter, max(a.left()-lastLook, a.engine.cfg.Poll))
	return &e
}

// forget ends the share of a push that is not waited for any more.
func (a *attempt) forget() {
	if s := &a.state; s.Want == wantPhone {
		a.engine.client.Unpace(a.pollURL(), s.User+s.Poll+s.Token)
	}
}

func (a *attempt) pollURL() string {
	if s := &a.state; s.Token != "" {
		return authnFactor(s.pending().IDs[0])
	}
	return a.state.Poll
}

// dropPush cancels a pending push; that it fails changes nothing, because nobody waits for it any more.
func (a *attempt) dropPush(ctx context.Context) {
	s := &a.state
	if s.Want != wantPhone {
		return
	}
	a.forget()
	if s.Token == "" && s.Cancel != "" {
		_, _ = a.delete(ctx, s.Cancel)
	}
}
