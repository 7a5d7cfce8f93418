package decision

import (
	"slices"
	"time"

	"sidegate.example/sidegate/gateway/identity"
)

// Class is a set of second factors. The classes lie within each other: what satisfies one satisfies all that are weaker.
type Class string

// The classes.
const (
	AnyFactor         Class = "any"
	Push              Class = "push"
	NumberChallenge   Class = "number_challenge"
	PhishingResistant Class = "phishing_resistant"
)

// Classes lists every Class, the weakest first.
func Classes() []Class { return []Class{AnyFactor, Push, NumberChallenge, PhishingResistant} }

func (c Class) rank() int {
	switch c {
	case AnyFactor:
		return 0
	case Push:
		return 1
	case NumberChallenge:
		return 2
	case PhishingResistant:
		return 3
	}
	return -1
}

// Includes reports whether a proof of f is one of the class.
func (c Class) Includes(f identity.Factor) bool {
	switch c {
	case AnyFactor:
		return f != identity.Password
	case Push:
		return f == identity.Push || f == identity.CustomPush || NumberChallenge.Includes(f)
	case NumberChallenge:
		return f == identity.NumberChallenge || f == identity.WebAuthn
	case PhishingResistant:
		return f == identity.WebAuthn
	}
	return false
}

// Factors are those of the class.
func (c Class) Factors() []identity.Factor {
	return slices.DeleteFunc(identity.All(), func(f identity.Factor) bool { return !c.Includes(f) })
}

// Requirement is what a session must have proved.
type Requirement struct {
	Class Class
	// MaxAge is how old the newest proof of the class may be; 0 is as old as the session.
	MaxAge time.Duration
}

// lacks says why the proofs do not satisfy the requirement, WhyNone when they do. A proof from the future counts for
// nothing: it would stay fresh for too long.
func (q Requirement) lacks(proofs []identity.Proof, now time.Time) Why {
	var newest time.Time
	for _, p := range proofs {
		if q.Class.Includes(p.Factor) && p.At.After(newest) && !p.At.After(now.Add(maxSkew)) {
			newest = p.At
		}
	}
	switch {
	case newest.IsZero():
		return WhyStepUp
	case q.MaxAge > 0 && !now.Before(newest.Add(q.MaxAge)):
		return WhyStale
	}
	return WhyNone
}
