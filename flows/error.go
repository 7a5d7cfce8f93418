package flows

import (
	"fmt"
	"time"
)

// Reason classifies why no usable answer could be had from Okta. It is a metric label.
type Reason string

// The reasons of an Error.
const (
	// ReasonExpired: the State is of no use any more; start again.
	ReasonExpired Reason = "expired"
	// ReasonRateLimited: Okta answered 429; wait RetryAfter and do the same again.
	ReasonRateLimited Reason = "rate_limited"
	// ReasonUnavailable: Okta cannot be reached or answered 5xx.
	ReasonUnavailable Reason = "unavailable"
	// ReasonMalformed: the answer is not what Okta documents (wrong JSON, too large, foreign
	// href, a token that does not verify). Nothing of it was followed.
	ReasonMalformed Reason = "malformed"
	// ReasonMisconfigured: Okta refuses the app itself (client id, secret, grant, redirect URI,
	// scope); the operator has to act.
	ReasonMisconfigured Reason = "misconfigured"
	// ReasonBadAnswer: what was given does not fit: to a step the answer of a person (unknown choice, missing
	// value); nothing was sent to Okta.
	ReasonBadAnswer Reason = "bad_answer"
)

// Error is the only error type that a Flow returns. Its text is for the operator's log: it names the
// endpoint and Okta's own error code or id, and never a secret or a body.
type Error struct {
	Reason Reason
	// RetryAfter is how long Okta asks to wait; 0 when it did not say.
	RetryAfter time.Duration
	// Err is the cause.
	Err error
}

func (e *Error) Error() string { return fmt.Sprintf("okta: %s: %v", e.Reason, e.Err) }

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }
