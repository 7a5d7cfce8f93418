package decision

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math/bits"
	"slices"
	"time"

	"sidegate.example/sidegate/gateway/identity"
	"sidegate.example/sidegate/gateway/session"
)

// MaxScopes is how many scopes Rules can have.
const MaxScopes = 64

// Scope is a set of rules that hold for the same requests. All scopes that apply to a request must be satisfied, so that
// none ever makes another one wider.
type Scope struct {
	// Deny keeps out whomever one of them names, whatever Allow says.
	Deny []Condition
	// Allow, where there is one, lets in only whom one of them names.
	Allow []Condition
	// Require is what a session must have proved.
	Require []Requirement
}

// Subject is the closed set of what a Condition looks at.
type Subject string

// The subjects.
const (
	// Groups are the names of the person's groups, to the byte.
	Groups Subject = "groups"
	// Users are user names as identity.Fold reads them.
	Users Subject = "users"
	// EmailDomains are the domains of the person's address, whole.
	EmailDomains Subject = "email_domains"
	// ClaimOf are the values of Condition.Claim, to the byte.
	ClaimOf Subject = "claim"
)

// Subjects lists every Subject.
func Subjects() []Subject { return []Subject{Groups, Users, EmailDomains, ClaimOf} }

// Condition is satisfied by a person of whom any of Values is true.
type Condition struct {
	Subject Subject
	// Claim is the name of the claim for ClaimOf.
	Claim  string
	Values []string
}

// folded is c with its values as they are compared.
func (c Condition) folded() Condition {
	if c.Subject == Users || c.Subject == EmailDomains {
		values := make([]string, len(c.Values))
		for i, v := range c.Values {
			values[i] = identity.Fold(v)
		}
		c.Values = values
	}
	return c
}

// names reports whether the condition holds for the person. doubt is the answer where that cannot be told: an address that
// could be read as one of several domains is allowed nowhere and denied everywhere.
func (c *Condition) names(who *identity.Identity, doubt bool) bool {
	has := func(v string) bool { return slices.Contains(c.Values, v) }
	switch c.Subject {
	case Groups:
		return slices.ContainsFunc(who.Groups, has)
	case Users:
		return has(identity.Fold(who.Login))
	case EmailDomains:
		domain, ok := identity.EmailDomain(who.Email)
		if !ok {
			return doubt && who.Email != ""
		}
		return has(domain)
	case ClaimOf:
		return slices.ContainsFunc(who.Claim(c.Claim), has)
	}
	return doubt
}

// Rules say who may enter and what a session must have proved. The nil *Rules lets every session in.
type Rules struct {
	scopes    []Scope
	requires  [][]required // of each scope
	requiring uint64       // the scopes with any
}

// NewRules takes scopes; the bit 1<<i stands for scopes[i]. Its errors say what cannot be, in words for the operator.
func NewRules(scopes []Scope) (*Rules, error) {
	if len(scopes) > MaxScopes {
		return nil, fmt.Errorf("%d different matchers are too many; use at most %d", len(scopes), MaxScopes)
	}
	r := &Rules{}
	for i, s := range scopes {
		own := Scope{Require: s.Require}
		for _, c := range s.Deny {
			own.Deny = append(own.Deny, c.folded())
		}
		for _, c := range s.Allow {
			own.Allow = append(own.Allow, c.folded())
		}
		var requires []required
		for _, q := range s.Require {
			if q.Class.rank() < 0 {
				return nil, fmt.Errorf("factor class %q is unknown; allowed: %v", q.Class, Classes())
			}
			requires = append(requires, requiredBy(q))
			r.requiring |= 1 << i
		}
		r.requires = append(r.requires, requires)
		r.scopes = append(r.scopes, own)
	}
	return r, nil
}

// NamesGroup reports whether a rule is about the group of that name.
func (r *Rules) NamesGroup(name string) bool {
	if r == nil {
		return false
	}
	names := func(c Condition) bool { return c.Subject == Groups && slices.Contains(c.Values, name) }
	return slices.ContainsFunc(r.scopes, func(s Scope) bool {
		return slices.ContainsFunc(s.Deny, names) || slices.ContainsFunc(s.Allow, names)
	})
}

// Fingerprints tell the scopes of applies from all that say something else, by what they say alone: another gate, replica or
// process gives the same for the same.
func (r *Rules) Fingerprints(applies uint64) []string {
	var out []string
	for i := range r.scopes {
		if applies&(1<<i) == 0 {
			continue
		}
		text, err := json.Marshal(r.scopes[i])
		if err != nil {
			panic(err) // texts and numbers always encode
		}
		sum := sha256.Sum256(text)
		out = append(out, hex.EncodeToString(sum[:]))
	}
	return out
}

// Entitled are the scopes that let the person in: of each, no Deny names them and, where it has any Allow, one does.
func (r *Rules) Entitled(who *identity.Identity) uint64 {
	if r == nil {
		return 0
	}
	var out uint64
	for i := range r.scopes {
		if r.scopes[i].admits(who) {
			out |= 1 << i
		}
	}
	return out
}

func (s *Scope) admits(who *identity.Identity) bool {
	for i := range s.Deny {
		if s.Deny[i].names(who, true) {
			return false
		}
	}
	for i := range s.Allow {
		if s.Allow[i].names(who, false) {
			return true
		}
	}
	return len(s.Allow) == 0
}

// missing is what the session has to prove for the scopes that apply: the strongest that it lacks, whose proof is one for
// all that are weaker.
func (r *Rules) missing(c *session.Claims, applies uint64, now time.Time) (q Requirement, why Why) {
	if r == nil || applies&r.requiring == 0 {
		return q, WhyNone
	}
	second, rank := now.Unix(), -1
	at := provedBy(c.Identity.Proofs, second)
	for left := applies & r.requiring; left != 0; left &= left - 1 {
		requires := r.requires[bits.TrailingZeros64(left)]
		for i := range requires {
			each := &requires[i]
			if lacks := each.lacks(&at, second); lacks != WhyNone && each.rank > rank {
				q, why, rank = each.Requirement, lacks, each.rank
			}
		}
	}
	return q, why
}
