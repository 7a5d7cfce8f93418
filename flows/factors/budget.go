package factors

import (
	"context"
	"fmt"
	"time"

	"sidegate.example/sidegate/flows"
)

// Classes of keys of the Budget.
const (
	classPassword = "password" // wrong passwords, by name
	classCode     = "code"     // wrong codes and answers, by user
	classSend     = "send"     // pushes and messages, by user
	classDenied   = "denied"   // denials, by user
	classBlocked  = "blocked"  // "that was not me", by user
)

// key names what is counted: of one org, because several may share a budget. who is Okta's user id, or a folded name
// before there is one.
func (e *Engine) key(class, who string) string { return class + "/" + e.client.Origin() + "/" + who }

// take counts one event, or says how long to wait.
func (e *Engine) take(ctx context.Context, class, who string, limit int) (time.Duration, error) {
	wait, err := e.cfg.Budget.Take(ctx, e.key(class, who), limit, e.cfg.Limits.Window)
	return wait, budgetError(err)
}

func (e *Engine) wait(ctx context.Context, class, who string, limit int, window time.Duration) (time.Duration, error) {
	wait, err := e.cfg.Budget.Wait(ctx, e.key(class, who), limit, window)
	return wait, budgetError(err)
}

// giveBack is for what Okta has not judged. That it fails changes nothing for the person: the event then counts.
func (e *Engine) giveBack(ctx context.Context, class, who string) {
	_ = e.cfg.Budget.Return(context.WithoutCancel(ctx), e.key(class, who))
}

// forgive is for a success: as at Okta, only what is wrong in a row counts (immunity S63).
func (e *Engine) forgive(ctx context.Context, class, who string) {
	_ = e.cfg.Budget.Reset(context.WithoutCancel(ctx), e.key(class, who))
}

// once marks who for window.
func (e *Engine) once(ctx context.Context, class, who string, window time.Duration) error {
	_, err := e.cfg.Budget.Take(context.WithoutCancel(ctx), e.key(class, who), 1, window)
	return budgetError(err)
}

// budgetError refuses: what cannot be counted is not allowed.
func budgetError(err error) error {
	if err == nil {
		return nil
	}
	return &flows.Error{Reason: flows.ReasonUnavailable, Err: fmt.Errorf("the budget cannot be read: %w", err)}
}
