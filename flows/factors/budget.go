package factors

import (
	"context"
	"fmt"
	"math"
	"time"

	"sidegate.example/sidegate/flows"
)

// Classes of keys of the Budget.
const (
	classPassword = "password" // wrong passwords, by name
	classShort    = "short"    // wrong passwords, by what stands before the @
	classCode     = "code"     // wrong codes, answers and signatures, by user
	classCall     = "call"     // calls with these that Okta may count, by user
	classSend     = "send"     // pushes and messages, by user
	classDenied   = "denied"   // denials, by user
	classBlocked  = "blocked"  // "that was not me", by user
)

// codeMemory is the least time that a wrong code counts. Okta forgets one only after a success (§5.6): with a short window,
// who waits it out again and again would still have the account locked.
const codeMemory = time.Hour

// key names what is counted. who is Okta's user id, which is nobody else's in any org, so that an org that goes by two names
// has one budget; or, before there is one, a folded name, which is one person's in one org only.
func (e *Engine) key(class, who string) string {
	if class == classPassword || class == classShort {
		who = e.client.Origin() + "/" + who
	}
	return class + "/" + who
}

// window is the time that events of class count in.
func (e *Engine) window(class string) time.Duration {
	if class == classCode || class == classCall {
		return max(e.cfg.Limits.Window, codeMemory)
	}
	return e.cfg.Limits.Window
}

// take counts one event, or says how long to wait.
func (e *Engine) take(ctx context.Context, class, who string, limit int) (time.Duration, error) {
	wait, err := e.cfg.Budget.Take(ctx, e.key(class, who), limit, e.window(class))
	return wait, budgetError(err)
}

func (e *Engine) wait(ctx context.Context, class, who string, limit int, window time.Duration) (time.Duration, error) {
	wait, err := e.cfg.Budget.Wait(ctx, e.key(class, who), limit, window)
	return wait, budgetError(err)
}

// takeCode counts one code as wrong, and the call that has Okta judge it. A code that is tried for several accounts of Okta
// Verify is one code and several calls, of which there are always fewer than Okta locks the account at (immunity S63).
func (e *Engine) takeCode(ctx context.Context, user string) (time.Duration, error) {
	wait, err := e.take(ctx, classCode, user, e.cfg.Limits.WrongCodes)
	if err != nil || wait > 0 {
		return wait, err
	}
	if wait, err = e.takeCall(ctx, user); err != nil || wait > 0 {
		e.giveBack(ctx, classCode, user)
	}
	return wait, err
}

// takeCall counts one more call for the same code.
func (e *Engine) takeCall(ctx context.Context, user string) (time.Duration, error) {
	return e.take(ctx, classCall, user, oktaLocks-1)
}

// waitCode is how long it takes until takeCode would count.
func (e *Engine) waitCode(ctx context.Context, user string) (time.Duration, error) {
	wait, err := e.wait(ctx, classCode, user, e.cfg.Limits.WrongCodes, e.window(classCode))
	if err != nil || wait > 0 {
		return wait, err
	}
	return e.wait(ctx, classCall, user, oktaLocks-1, e.window(classCall))
}

func (e *Engine) giveBackCode(ctx context.Context, user string) {
	e.giveBack(ctx, classCode, user)
	e.giveBack(ctx, classCall, user)
}

func (e *Engine) forgiveCode(ctx context.Context, user string) {
	e.forgive(ctx, classCode, user)
	e.forgive(ctx, classCall, user)
}

// takePassword counts one password as wrong. Okta takes a short name for the whole one, so that spellings with and without
// a domain share a second, wider limit.
func (e *Engine) takePassword(ctx context.Context, login string) (time.Duration, error) {
	limit := e.cfg.Limits.Passwords
	wait, err := e.take(ctx, classPassword, counted(login), limit)
	if err != nil || wait > 0 {
		return wait, err
	}
	if wait, err = e.take(ctx, classShort, short(login), 2*limit); err != nil || wait > 0 {
		e.giveBack(ctx, classPassword, counted(login))
	}
	return wait, err
}

// giveBackPassword is giveBack for takePassword.
func (e *Engine) giveBackPassword(ctx context.Context, login string) {
	e.giveBack(ctx, classPassword, counted(login))
	e.giveBack(ctx, classShort, short(login))
}

// forgivePassword is for a right one. Under the short name others may be counted too: of that, only this one is.
func (e *Engine) forgivePassword(ctx context.Context, login string) {
	e.forgive(ctx, classPassword, counted(login))
	e.giveBack(ctx, classShort, short(login))
}

// giveBack is for what Okta has not judged. That it fails changes nothing for the person: the event then counts.
func (e *Engine) giveBack(ctx context.Context, class, who string) {
	_ = e.cfg.Budget.Return(context.WithoutCancel(ctx), e.key(class, who))
}

// forgive is for a success: as at Okta, only what is wrong in a row counts (immunity S63).
func (e *Engine) forgive(ctx context.Context, class, who string) {
	_ = e.cfg.Budget.Reset(context.WithoutCancel(ctx), e.key(class, who))
}

// mark marks who for window from now on, also who is marked already.
func (e *Engine) mark(ctx context.Context, class, who string, window time.Duration) error {
	_, err := e.cfg.Budget.Take(context.WithoutCancel(ctx), e.key(class, who), math.MaxInt, window)
	return budgetError(err)
}

// budgetError refuses: what cannot be counted is not allowed.
func budgetError(err error) error {
	if err == nil {
		return nil
	}
	return &flows.Error{Reason: flows.ReasonUnavailable, Err: fmt.Errorf("the budget cannot be read: %w", err)}
}
