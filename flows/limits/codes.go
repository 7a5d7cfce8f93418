package limits

import (
	"context"
	"math"
	"time"
)

// codeMemory is the least time that a call with a wrong code counts. Okta forgets one only after a success (§5.6): with a
// short window, who waits it out again and again would still have the account locked.
const codeMemory = time.Hour

// Name is what is counted under in place of Okta's user id before that is known. The id is nobody else's in any org, so
// that an org that goes by two names has one budget.
func (c *Counter) Name(login string) string { return c.origin + "/" + counted(login) }

// TakeCode counts one code as wrong, and the call that has Okta judge it; who is Okta's user id, or Name. A code that is
// tried for several accounts of Okta Verify is one code and several calls, of which there are always fewer than Okta locks
// the account at (immunity S63).
func (c *Counter) TakeCode(ctx context.Context, who string) (time.Duration, error) {
	return c.both(ctx, event{classCode, who, c.cfg.WrongCodes, c.cfg.Window}, c.call(who))
}

// TakeCall counts one more call for the same code.
func (c *Counter) TakeCall(ctx context.Context, who string) (time.Duration, error) {
	e := c.call(who)
	return c.take(ctx, e.class, e.who, e.limit, e.window)
}

func (c *Counter) call(who string) event {
	return event{classCall, who, oktaLocks - 1, max(c.cfg.Window, codeMemory)}
}

// WaitCode is how long it takes until TakeCode would count.
func (c *Counter) WaitCode(ctx context.Context, who string) (time.Duration, error) {
	code, err := c.wait(ctx, classCode, who, c.cfg.WrongCodes, c.cfg.Window)
	if err != nil {
		return 0, err
	}
	e := c.call(who)
	call, err := c.wait(ctx, e.class, e.who, e.limit, e.window)
	return max(code, call), err
}

// ReturnCode is for a code that Okta has not judged.
func (c *Counter) ReturnCode(ctx context.Context, who string) {
	c.giveBack(ctx, classCode, who)
	c.giveBack(ctx, classCall, who)
}

// ForgiveCode is for a right one.
func (c *Counter) ForgiveCode(ctx context.Context, who string) {
	c.forgive(ctx, classCode, who)
	c.forgive(ctx, classCall, who)
}

// TakeAdmin counts one code of the help desk as wrong. Okta does not judge it, and nothing but a right one forgives.
func (c *Counter) TakeAdmin(ctx context.Context, who string) (time.Duration, error) {
	return c.take(ctx, classAdmin, who, c.cfg.WrongCodes, max(c.cfg.Window, codeMemory))
}

// ForgiveAdmin is for a right one.
func (c *Counter) ForgiveAdmin(ctx context.Context, who string) { c.forgive(ctx, classAdmin, who) }

// TakeSend counts one push or message (immunity S78).
func (c *Counter) TakeSend(ctx context.Context, who string) (time.Duration, error) {
	return c.take(ctx, classSend, who, c.cfg.Pushes, c.cfg.Window)
}

// ReturnSend is for one that was not sent.
func (c *Counter) ReturnSend(ctx context.Context, who string) { c.giveBack(ctx, classSend, who) }

// Denied marks who as somebody who has denied a push just now, also if they were marked already. That it fails undoes no
// denial: asking Okta again would have the phone ring again.
func (c *Counter) Denied(ctx context.Context, who string) {
	_ = c.mark(ctx, classDenied, who, c.cfg.CoolDown)
}

// WaitDenied is how long no push is to be sent to who.
func (c *Counter) WaitDenied(ctx context.Context, who string) (time.Duration, error) {
	return c.wait(ctx, classDenied, who, 1, c.cfg.CoolDown)
}

// Block keeps everybody from signing in as who, where NotMe says so.
func (c *Counter) Block(ctx context.Context, who string) error {
	if c.cfg.NotMe == 0 {
		return nil
	}
	return c.mark(ctx, classBlocked, who, c.cfg.NotMe)
}

// Blocked is how long nobody can sign in as who.
func (c *Counter) Blocked(ctx context.Context, who string) (time.Duration, error) {
	if c.cfg.NotMe == 0 {
		return 0, nil
	}
	return c.wait(ctx, classBlocked, who, 1, c.cfg.NotMe)
}

// mark counts an event whatever was before.
func (c *Counter) mark(ctx context.Context, class, who string, window time.Duration) error {
	_, err := c.take(context.WithoutCancel(ctx), class, who, math.MaxInt, window)
	return err
}
