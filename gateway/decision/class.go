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

// strength is the strongest class that a proof of f is one of; -1 for none. It is one of all that are weaker too.
func strength(f identity.Factor) int {
	switch f {
	case identity.Password:
		return -1
	case identity.WebAuthn:
		return PhishingResistant.rank()
	case identity.NumberChallenge:
		return NumberChallenge.rank()
	case identity.Push, identity.CustomPush:
		return Push.rank()
	}
	return AnyFactor.rank()
}

// Includes reports whether a proof of f is one of the class.
func (c Class) Includes(f identity.Factor) bool { return c.rank() >= 0 && strength(f) >= c.rank() }

// Factors are those of the class.
func (c Class) Factors() []identity.Factor {
	return slices.DeleteFunc(identity.All(), func(f identity.Factor) bool { return !c.Includes(f) })
}

// required is a Requirement with the rank of its class and its age in whole seconds, as proofs are dated.
type required struct {
	Requirement
	rank   int
	maxAge int64
}

func requiredBy(q Requirement) required {
	r := required{Requirement: q, rank: q.Class.rank(), maxAge: int64(q.MaxAge / time.Second)}
	if q.MaxAge > 0 {
		r.maxAge = max(r.maxAge, 1)
	}
	return r
}

// Requirement is what a session must have proved.
type Requirement struct {
	Class Class
	// MaxAge is how old the newest proof of the class may be; 0 is as old as the session.
	MaxAge time.Duration
}

// proved is when the newest proof of each class was made, by its rank, in Unix seconds; 0 for never.
type proved [4]int64

// provedBy reads proofs. One from the future counts for nothing: it would stay fresh for too long.
func provedBy(proofs []identity.Proof, now int64) (at proved) {
	for i := range proofs {
		made := proofs[i].At.Unix()
		if made > now+int64(maxSkew/time.Second) {
			continue
		}
		for rank := strength(proofs[i].Factor); rank >= 0; rank-- {
			at[rank] = max(at[rank], made)
		}
	}
	return at
}

// lacks says why what was proved does not satisfy the requirement, WhyNone when it does.
func (r *required) lacks(at *proved, now int64) Why {
	switch newest := at[r.rank]; {
	case newest <= 0:
		return WhyStepUp
	case r.maxAge > 0 && now-newest >= r.maxAge:
		return WhyStale
	}
	return WhyNone
}
