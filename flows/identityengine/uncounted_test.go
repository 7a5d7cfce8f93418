package identityengine_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"sidegate.example/sidegate/flows"
	"sidegate.example/sidegate/flows/limits"
	"sidegate.example/sidegate/gateway/identity"
)

// leaving is a Budget whose store goes away once Okta has been asked at a path.
type leaving struct {
	limits.Budget
	gone func() bool
}

var errStore = errors.New("redis: connection refused")

func (l leaving) Take(ctx context.Context, key string, limit int, window time.Duration) (time.Duration, error) {
	if l.gone() {
		return 0, errStore
	}
	return l.Budget.Take(ctx, key, limit, window)
}

func (l leaving) Wait(ctx context.Context, key string, limit int, window time.Duration) (time.Duration, error) {
	if l.gone() {
		return 0, errStore
	}
	return l.Budget.Wait(ctx, key, limit, window)
}

// leavingAfter is a bench whose budget cannot be read once Okta has answered a call to path, until back is called.
func leavingAfter(t *testing.T, path string, change ...func(*settings)) (b *bench, back func()) {
	t.Helper()
	var returned atomic.Bool
	b = newBench(t, append(change, func(s *settings) {
		s.engine.Limits.NotMe = time.Hour
		s.engine.Budget = leaving{s.engine.Budget, func() bool { return !returned.Load() && b != nil && b.called(path) > 0 }}
	})...)
	b.later(-200 * time.Second) // so that the token at the end is not from the future
	return b, func() { returned.Store(true) }
}

// What Okta has taken is not given twice: that nothing can be counted at that moment puts the end off, and loses nothing.
func TestRightCodeOutlivesTheBudget(t *testing.T) {
	b, back := leavingAfter(t, "/idp/idx/challenge/answer")
	b.start(totpUser, password)
	b.code(b.org.TOTP(totpUser))
	b.wantCompleting(time.Second)
	_, _, err := b.engine.Poll(t.Context(), b.cc, b.state)
	wantReason(t, err, flows.ReasonUnavailable)
	if n := b.called(tokenPath); n != 0 {
		t.Errorf("%d token calls before it was known whether the person is blocked", n)
	}
	back()
	b.poll()
	b.wantDone(totpUser, "Timo Totp", identity.Password, identity.TOTP)
}

// Who is told by the phone that nobody asked for it is refused, though that cannot be counted.
func TestDenialOutlivesTheBudget_S78(t *testing.T) {
	b, _ := leavingAfter(t, pollPath)
	p := b.pushed(pushUser)
	if err := b.org.Deny(p.ID); err != nil {
		t.Fatal(err)
	}
	b.poll()
	b.wantDenied(flows.DeniedOnPhone, false)
}

// A wrong code is told of, and the next one is not sent on while it cannot be counted (S63).
func TestWrongCodeOutlivesTheBudget_S63(t *testing.T) {
	const path = "/idp/idx/challenge/answer"
	b, back := leavingAfter(t, path)
	b.start(totpUser, password)
	b.code("000000")
	b.want(flows.KindCode)
	code := flows.Answer{Values: map[string]string{b.step.Fields[0].Name: b.org.TOTP(totpUser)}}
	_, _, err := b.engine.Advance(t.Context(), b.cc, b.state, code)
	wantReason(t, err, flows.ReasonUnavailable)
	if n := b.called(path); n != 1 {
		t.Errorf("Okta judged %d codes", n)
	}
	back()
	b.take(b.engine.Advance(t.Context(), b.cc, b.state, code))
	b.wantDone(totpUser, "Timo Totp", identity.Password, identity.TOTP)
}

// A push that Okta sends of itself after the password is waited for, though it cannot be counted: the password typed again would
// send another one (S78).
func TestUnaskedPushOutlivesTheBudget_S78(t *testing.T) {
	b, back := leavingAfter(t, "/idp/idx/identify", func(s *settings) { s.sim.Policy.AutoChallenge = true })
	b.start(pushUser, password)
	b.want(flows.KindWait)
	if err := b.org.Approve(b.push(pushUser).ID); err != nil {
		t.Fatal(err)
	}
	back()
	b.poll()
	b.wantDone(pushUser, "Paula Push", identity.Password, identity.Push)
}
