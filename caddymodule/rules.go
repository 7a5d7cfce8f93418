package caddymodule

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"sidegate.example/sidegate/flows/factors"
	"sidegate.example/sidegate/gateway"
	"sidegate.example/sidegate/gateway/decision"
	"sidegate.example/sidegate/gateway/identity"
)

// Rule says who may enter, or by which factors. Rules that hold for the same requests (the same Match, or none) belong
// together: who is named by a deny is out; where there are allows, one has to name the person; every require has to be met. A
// request that several such sets are for has to satisfy all of them, and those of the global options are one more set.
type Rule struct {
	// Action is "allow" (nobody else), "deny", or "require".
	Action string `json:"action"`

	// MatcherSetsRaw are the requests that the rule is for. Default: all.
	MatcherSetsRaw caddyhttp.RawMatcherSets `json:"match,omitempty" caddy:"namespace=http.matchers"`

	// Subject is what allow and deny look at: "groups" (names to the byte), "users" (Okta user names, in any case),
	// "email_domains" (of an address with exactly one @), or "claim" (of the ID token; see Claim).
	Subject string `json:"subject,omitempty"`

	// Claim is the name of the claim. What rules name is kept in the session.
	Claim string `json:"claim,omitempty"`

	// Values name people; any of them is enough.
	Values []string `json:"values,omitempty"`

	// Factor is the class of factor that require asks for: "any", "push" (with or without a number), "number_challenge", or
	// "phishing_resistant" (passkeys and security keys). A stronger one is enough.
	Factor string `json:"factor,omitempty"`

	// MaxAge is how long ago it may have been proved, at least 30s. Default: as long as the session lasts.
	MaxAge caddy.Duration `json:"max_age,omitempty"`

	inherited bool // from the global options
}

// The actions.
const (
	actionAllow   = "allow"
	actionDeny    = "deny"
	actionRequire = "require"
)

// minMaxAge is the least MaxAge: a person has to get from one page to the next meanwhile.
const minMaxAge = 30 * time.Second

// inherit are the rules of a site below those of the global options.
func inherit(site, global []Rule) []Rule {
	var out []Rule
	for _, r := range global {
		r.inherited = true
		out = append(out, r)
	}
	return append(out, site...)
}

// String is the rule as the Caddyfile has it, for messages.
func (r *Rule) String() string {
	if r.Action == actionRequire {
		s := "require " + r.Factor
		if len(r.MatcherSetsRaw) > 0 {
			s = "step_up " + r.Factor
		}
		if r.MaxAge > 0 {
			s += " max_age " + time.Duration(r.MaxAge).String()
		}
		return s
	}
	return strings.Join(slices.DeleteFunc([]string{r.Action, r.Subject, r.Claim, strings.Join(r.Values, " ")}, func(s string) bool { return s == "" }), " ")
}

// check looks at the rule alone.
func (r *Rule) check() error {
	switch r.Action {
	case actionAllow, actionDeny:
		return r.checkPeople()
	case actionRequire:
		return r.checkFactor()
	}
	return fmt.Errorf("rule action %q is unknown; allowed: %s, %s, %s", r.Action, actionAllow, actionDeny, actionRequire)
}

func (r *Rule) checkPeople() error {
	switch {
	case !slices.Contains(decision.Subjects(), decision.Subject(r.Subject)):
		return fmt.Errorf("%s %q is unknown; allowed: %v", r.Action, r.Subject, decision.Subjects())
	case (r.Claim != "") != (decision.Subject(r.Subject) == decision.ClaimOf):
		return fmt.Errorf("%s claim needs the name of a claim; write \"%s claim <name> <values...>\"", r.Action, r.Action)
	case len(r.Values) == 0 || slices.Contains(r.Values, ""):
		return fmt.Errorf("%s %s names nobody; give one value or more, none of them empty", r.Action, r.Subject)
	case r.Factor != "" || r.MaxAge != 0:
		return fmt.Errorf("%s takes no factor and no max_age; write a rule of its own with require", r.Action)
	}
	if decision.Subject(r.Subject) == decision.EmailDomains {
		for _, v := range r.Values {
			if domain, ok := identity.EmailDomain("x@" + v); !ok || strings.ContainsAny(domain, "*/: ") {
				return fmt.Errorf("%s email_domains %q can never match; give a whole domain such as example.com", r.Action, v)
			}
		}
	}
	return nil
}

func (r *Rule) checkFactor() error {
	age := time.Duration(r.MaxAge)
	switch {
	case !slices.Contains(decision.Classes(), decision.Class(r.Factor)):
		return fmt.Errorf("require %q is unknown; allowed: %v", r.Factor, decision.Classes())
	case r.Subject != "" || r.Claim != "" || len(r.Values) > 0:
		return errors.New("require takes no people; write a rule of its own with allow or deny")
	case age < 0 || age > 0 && age < minMaxAge:
		return fmt.Errorf("max_age %s is too short; give at least %s", age, minMaxAge)
	case decision.Class(r.Factor) == decision.AnyFactor && age == 0:
		return errors.New("require any asks for nothing that a session lacks; add max_age, or name push, number_challenge or phishing_resistant")
	}
	return nil
}

// scope names the requests that the rule is for.
func (r *Rule) scope() string {
	if len(r.MatcherSetsRaw) > 0 {
		text, err := json.Marshal(r.MatcherSetsRaw)
		if err == nil {
			var short bytes.Buffer
			if json.Compact(&short, text) == nil {
				return short.String()
			}
		}
	}
	if r.inherited {
		return "global"
	}
	return ""
}

// checkRules looks at rules beside each other, and at the lifetime where it is known.
func (s *Settings) checkRules() error {
	life := time.Duration(s.Lifetime)
	for i := range s.Rules {
		r := &s.Rules[i]
		if err := r.check(); err != nil {
			return err
		}
		if age := time.Duration(r.MaxAge); life != 0 && age >= life {
			return fmt.Errorf("%s can never matter: a session ends after %s; give a shorter max_age or leave it out", r, life)
		}
		for j := range s.Rules {
			if other := &s.Rules[j]; i != j {
				if err := r.beside(other); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// beside reports what cannot be meant in r because of other.
func (r *Rule) beside(other *Rule) error {
	same := r.scope() == other.scope()
	wide := same || len(other.MatcherSetsRaw) == 0 // other is for all the requests that r is for
	alike := r.Subject == other.Subject && r.Claim == other.Claim
	within := !slices.ContainsFunc(r.Values, func(v string) bool { return !other.hasValue(v) })
	switch {
	case same && r.Action == actionRequire && other.Action == actionRequire && r.Factor == other.Factor:
		return fmt.Errorf("%s is given twice for the same requests; keep the one that you mean", r)
	case r.Action == actionAllow && other.Action == actionDeny && alike && wide && within:
		return fmt.Errorf("%s can never match: %s keeps all of them out; take one of the two away", r, other)
	case r.Action == other.Action && r.Action != actionRequire && alike && within && (same || wide && r.Action == actionDeny),
		r.Action == actionRequire && other.Action == actionRequire && wide && r.weakerThan(other):
		return fmt.Errorf("%s can never matter beside %s; take one of the two away", r, other)
	}
	return nil
}

// weakerThan reports whether who meets other meets r.
func (r *Rule) weakerThan(other *Rule) bool {
	rank := func(r *Rule) int { return slices.Index(decision.Classes(), decision.Class(r.Factor)) }
	return rank(r) <= rank(other) && (r.MaxAge == 0 || other.MaxAge > 0 && other.MaxAge <= r.MaxAge)
}

func (r *Rule) hasValue(v string) bool {
	folded := r.Subject == string(decision.Users) || r.Subject == string(decision.EmailDomains)
	return slices.ContainsFunc(r.Values, func(own string) bool { return own == v || folded && identity.Fold(own) == identity.Fold(v) })
}

// checkRulesEngine looks at rules with what the engine can do, once the settings of both blocks are known.
func (s Settings) checkRulesEngine() error {
	s.Lifetime = cmp.Or(s.Lifetime, caddy.Duration(gateway.DefaultLifetime))
	if err := s.checkRules(); err != nil {
		return err
	}
	for i := range s.Rules {
		r := &s.Rules[i]
		subject := decision.Subject(r.Subject)
		switch {
		case r.Action == actionRequire:
			if err := s.checkAttainable(r); err != nil {
				return err
			}
		case s.Engine == engineFactors && subject == decision.ClaimOf:
			return fmt.Errorf("%s can never match: engine factors gets no ID token; write a rule on groups or users instead", r)
		case s.Engine == engineFactors && subject == decision.Groups && s.UserGroups != on:
			return fmt.Errorf("%s can never match: nobody has groups here; write user_groups on", r)
		}
	}
	return nil
}

// checkAttainable reports a class of factor that nobody can prove here.
func (s *Settings) checkAttainable(r *Rule) error {
	class := decision.Class(r.Factor)
	if s.Engine != engineFactors {
		if class == decision.PhishingResistant && s.WebAuthn != on {
			return fmt.Errorf("%s can never be met: passkeys are off; write webauthn on", r)
		}
		return nil
	}
	allowed := factorNames(s.Factors)
	if len(allowed) == 0 {
		allowed = factors.DefaultFactors()
	}
	if !slices.ContainsFunc(allowed, class.Includes) {
		return fmt.Errorf("%s can never be met: none of the factors %v is enough; add one of %v to factors", r, allowed, slices.DeleteFunc(class.Factors(), func(f identity.Factor) bool { return !slices.Contains(factors.Verifiable(), f) }))
	}
	return nil
}

// everywhere is the strongest class that a require without a matcher asks for, "" for any.
func (s Settings) everywhere() (class decision.Class) {
	classes := decision.Classes()
	rank := slices.Index(classes, decision.AnyFactor)
	for _, r := range s.Rules {
		if i := slices.Index(classes, decision.Class(r.Factor)); r.Action == actionRequire && len(r.MatcherSetsRaw) == 0 && i > rank {
			class, rank = classes[i], i
		}
	}
	return class
}

// required are the factors of which every session needs one, nil for any; of a first factor nothing is required.
func (s Settings) required(firstOnly bool) []identity.Factor {
	if class := s.everywhere(); class != "" && !firstOnly {
		return class.Factors()
	}
	return nil
}

// groupsKept are the patterns and the names that rules have, sorted.
func (s Settings) groupsKept() []string {
	out := slices.Clone(s.Groups)
	for _, r := range s.Rules {
		if r.Subject == string(decision.Groups) {
			for _, name := range r.Values {
				out = append(out, "="+name)
			}
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// claimsNamed are the claims that rules look at, sorted.
func (s Settings) claimsNamed() []string {
	var out []string
	for _, r := range s.Rules {
		if r.Claim != "" {
			out = append(out, r.Claim)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}
