package gateway

import (
	"context"
	"log/slog"
	"time"

	"sidegate.example/sidegate/flows"
	"sidegate.example/sidegate/gateway/session"
)

// renewal is what becomes of a session that is to be prolonged.
type renewal int

const (
	// renewalGranted: prolong it.
	renewalGranted renewal = iota
	// renewalUnknown: Okta does not say, so that the session goes on as it is, to the end of its idle time.
	renewalUnknown
	// renewalRefused: Okta no longer lets the person in.
	renewalRefused
)

const (
	// renewalTimeout bounds the one call that a renewal may take.
	renewalTimeout = 5 * time.Second
	// renewalPause is how long nobody is asked for after a call without an answer, so that an outage of Okta slows
	// nobody down.
	renewalPause = 30 * time.Second
)

// renew asks Okta whether the person may still be signed in, where the flow can tell. It is the only call that a request
// with a session can wait for, and comes once for each session and step of session.SlideEvery, whatever a client makes of
// its cookies. Someone whom Okta has suspended or deactivated is out then, and the session's other cookies with them.
func (x *exchange) renew(claims *session.Opened, now time.Time) renewal {
	flow, ok := x.cfg.Flow.(flows.Renewer)
	if !ok {
		return renewalGranted
	}
	if now.UnixNano() < x.renewAfter.Load() {
		return renewalUnknown
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(x.r.Context()), renewalTimeout)
	defer cancel()
	key := "renewal/" + claims.Handle
	if wait, err := x.cfg.State.budget.Take(ctx, key, 1, session.SlideEvery(x.cfg.IdleTimeout)); err != nil || wait > 0 {
		return renewalGranted // asked a moment ago; had the answer been no, the session were revoked
	}
	active, err := x.active(ctx, flow, claims.Identity.Subject)
	switch {
	case err != nil:
		x.renewAfter.Store(now.Add(renewalPause).UnixNano())
		_ = x.cfg.State.budget.Return(ctx, key) // memory, which cannot fail
		x.log.WarnContext(ctx, "session not prolonged: okta does not say whether the person is active", slog.Any("error", err),
			slog.String("user", claims.Identity.Login), slog.String("session", claims.Handle))
		return renewalUnknown
	case !active:
		x.endSession(ctx, claims)
		x.log.WarnContext(ctx, "session ended: okta no longer lets the person in", slog.String("user", claims.Identity.Login),
			slog.String("subject", claims.Identity.Subject), slog.String("session", claims.Handle), slog.String("client_ip", x.facts.ClientIP))
		return renewalRefused
	}
	return renewalGranted
}

func (x *exchange) active(ctx context.Context, flow flows.Renewer, subject string) (bool, error) {
	client, err := x.client()
	if err != nil {
		return false, err
	}
	return flow.Active(ctx, client, subject)
}
