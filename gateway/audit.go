package gateway

import (
	"context"
	"log/slog"
	"slices"

	"sidegate.example/sidegate/flows"
	"sidegate.example/sidegate/gateway/transaction"
)

// audit writes one line for each sign-in that ended and each factor that was refused or not accepted, and passes the counts on. The line
// of a success is written where its session is made.
type audit struct{ *Gate }

var _ transaction.Observer = audit{}

// SignIn implements transaction.Observer.
func (a audit) SignIn(e transaction.Ended) {
	a.obs.SignIn(e.Result)
	if e.Result == "success" {
		return
	}
	who := e.Person
	if !slices.Contains(knownByThen, flows.DeniedReason(e.Result)) {
		who = ""
	}
	level := slog.LevelInfo
	if e.Result == string(flows.DeniedOnPhone) || e.Cause != nil {
		level = slog.LevelWarn
	}
	a.log.LogAttrs(context.Background(), level, "sign-in ended without a session", slog.String("result", e.Result),
		slog.String("user", who), slog.String("client_ip", address(e.Client)), slog.Any("error", e.Cause))
}

// knownByThen are the ends that Okta comes to only with an account in hand. At any other the user name may be a password
// that was typed into the wrong field, and stays out of the log.
var knownByThen = []flows.DeniedReason{flows.DeniedOnPhone, flows.DeniedTimeout, flows.DeniedLocked, flows.DeniedPolicy,
	flows.DeniedNoFactor, flows.DeniedUpdateApp, flows.DeniedTooMany, flows.DeniedStepUp}

// Challenge implements transaction.Observer.
func (a audit) Challenge(c transaction.Challenged) {
	a.obs.Challenge(c.Factor, c.Result, c.Took)
	if c.Result == "accepted" {
		return
	}
	a.log.LogAttrs(context.Background(), slog.LevelWarn, "factor not accepted", slog.String("factor", string(c.Factor)),
		slog.String("result", c.Result), slog.String("user", c.Person), slog.String("client_ip", address(c.Client)), slog.Duration("took", c.Took))
}

// Refused implements transaction.Observer: a push that was not sent, a factor that was not to be had.
func (a audit) Refused(e transaction.Ended) {
	a.log.LogAttrs(context.Background(), slog.LevelWarn, "factor refused", slog.String("user", e.Person),
		slog.String("client_ip", address(e.Client)), slog.Any("error", e.Cause))
}

// Pending implements transaction.Observer.
func (a audit) Pending(delta int) { a.obs.Pending(delta) }

// address is what a log line names the browser by; "" when the sign-in ended before there was one.
func address(c flows.ClientContext) string {
	if !c.Valid() {
		return ""
	}
	return c.Addr().String()
}
