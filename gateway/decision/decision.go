// Package decision owns the rule that says whether a session is good enough for a request. It is pure:
// no clock, no I/O, no request. What it is not told it refuses.
package decision

import (
	"time"

	"sidegate.example/sidegate/gateway/session"
)

// maxSkew is how far the clock of the replica that issued a session may be ahead of ours.
const maxSkew = 5 * time.Minute

// Why says why a request is challenged or forbidden. It is a closed set: a metric label and a log field.
type Why string

// The reasons.
const (
	WhyNone      Why = ""          // it is not
	WhyAnonymous Why = "anonymous" // no session
	WhyInvalid   Why = "invalid"   // a session that cannot be, or (said by the gate) a cookie that does not open
	WhyIdle      Why = "idle"      // unused for too long
	WhyExpired   Why = "expired"   // past its absolute end
	WhyRevoked   Why = "revoked"   // signed out or revoked
	WhyUnchecked Why = "unchecked" // Okta has not said for too long whether the person may be signed in (said by the gate)
	WhyNoFactor  Why = "no_factor" // no second factor proved it (immunity S47, S71)
	WhyForbidden Why = "forbidden" // the session is good, but the rules do not let the person in
	WhyStepUp    Why = "step_up"   // the session is good, but no factor of the class that the rules ask for proved it
	WhyStale     Why = "stale"     // as WhyStepUp: one did, too long ago
)

// Demand is what a route asks of a session.
type Demand struct {
	// Idle is how long a session may go unused. Zero admits nobody.
	Idle time.Duration
	// Lifetime is how long after its sign-in a session may be used, whatever it was made for: an operator who
	// shortens it ends the older ones. Zero admits nobody.
	Lifetime time.Duration
	// Rules are those of the site, and Applies the scopes of them that apply to the request.
	Rules   *Rules
	Applies uint64
}

// Verdict is the answer. The zero Verdict lets nobody through.
type Verdict struct {
	Allow bool
	// Why is WhyNone when Allow is true.
	Why Why
	// Missing is what is to be proved, at WhyStepUp and WhyStale.
	Missing Requirement
}

// Live reports whether the session itself is good, whatever the rules say.
func (v Verdict) Live() bool { return v.Allow || v.Why == WhyForbidden || v.StepUp() }

// StepUp reports whether proving one more factor is all that the session lacks.
func (v Verdict) StepUp() bool { return v.Why == WhyStepUp || v.Why == WhyStale }

// Decide judges the session s (nil: there is none) at the time now; revoked says that it is on the list
// of revoked sessions. When several reasons hold it names the one that no later request can mend.
func Decide(s *session.Opened, now time.Time, d Demand, revoked bool) Verdict {
	if s == nil {
		return Verdict{Why: WhyAnonymous}
	}
	if why := judge(&s.Claims, now, d, revoked); why != WhyNone {
		return Verdict{Why: why}
	}
	if d.Applies&^s.Entitled != 0 {
		return Verdict{Why: WhyForbidden}
	}
	missing, why := d.Rules.missing(&s.Claims, d.Applies, now)
	return Verdict{Allow: why == WhyNone, Why: why, Missing: missing}
}

func judge(c *session.Claims, now time.Time, d Demand, revoked bool) Why {
	switch {
	case revoked:
		return WhyRevoked
	case c.ID == session.ID{} || c.Identity.Subject == "" || fromTheFuture(c, now):
		return WhyInvalid
	case !now.Before(c.ExpiresAt), !now.Before(c.IssuedAt.Add(d.Lifetime)):
		return WhyExpired
	case !now.Before(c.SeenAt.Add(d.Idle)):
		return WhyIdle
	case !c.Identity.SecondFactor():
		return WhyNoFactor
	}
	return WhyNone
}

// fromTheFuture catches a clock that was wrong when the session was made: it would live too long.
func fromTheFuture(c *session.Claims, now time.Time) bool {
	latest := now.Add(maxSkew)
	return c.IssuedAt.After(latest) || c.SeenAt.After(latest)
}
