package decision

import (
	"slices"
	"strings"
	"testing"
	"time"

	"sidegate.example/sidegate/gateway/identity"
	"sidegate.example/sidegate/gateway/session"
)

var hourly = Demand{Idle: time.Hour, Lifetime: 12 * time.Hour}

func rules(t *testing.T, scopes ...Scope) *Rules {
	t.Helper()
	r, err := NewRules(scopes)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func groups(names ...string) Condition { return Condition{Subject: Groups, Values: names} }

// by is a person, changed.
func by(change func(*identity.Identity)) *identity.Identity {
	who := &identity.Identity{Subject: "00u1", Login: "Bob@Example.com", Email: "bob@example.com", Groups: []string{"staff", "finance"},
		Claims: []identity.Claim{{Name: "cost", Values: []string{"42", "x"}}}}
	if change != nil {
		change(who)
	}
	return who
}

// Who is let in by one scope, S86: one case for each subject of allow and deny that decides, and one for each way to look as
// if it did.
func TestS86ScopeAdmits(t *testing.T) {
	mail := func(address string) *identity.Identity {
		return by(func(who *identity.Identity) { who.Email = address })
	}
	domain := Condition{Subject: EmailDomains, Values: []string{"Example.com"}}
	user := Condition{Subject: Users, Values: []string{"bob@example.com"}}
	cost := Condition{Subject: ClaimOf, Claim: "cost", Values: []string{"42"}}
	for _, tt := range []struct {
		name        string
		c           Condition
		who         *identity.Identity
		allow, deny bool // whether the scope of c alone lets in, as allow and as deny
	}{
		{"a group", groups("finance"), by(nil), true, false},
		{"one of several groups", groups("a", "finance"), by(nil), true, false},
		{"another group", groups("hr"), by(nil), false, true},
		{"S64 a group in another case", groups("Finance"), by(nil), false, true},
		{"S64 a group with a space", groups("finance "), by(nil), false, true},
		{"S64 a group that looks alike", groups("ﬁnance"), by(nil), false, true},
		{"a part of a group", groups("fin"), by(nil), false, true},
		{"no groups", groups("finance"), by(func(who *identity.Identity) { who.Groups = nil }), false, true},

		{"a user", user, by(nil), true, false},
		{"S64 a user in another case and width", Condition{Subject: Users, Values: []string{"ＢＯＢ@example.com"}}, by(nil), true, false},
		{"a user by part", Condition{Subject: Users, Values: []string{"bob"}}, by(nil), false, true},
		{"another user", Condition{Subject: Users, Values: []string{"bob@example.org"}}, by(nil), false, true},
		{"a user's address is no name", user, by(func(who *identity.Identity) { who.Login = "eve" }), false, true},

		{"a domain", domain, by(nil), true, false},
		{"S65 a domain in another case", domain, mail("bob@EXAMPLE.COM"), true, false},
		{"S31 a longer domain", domain, mail("bob@evilexample.com"), false, true},
		{"S31 a subdomain", domain, mail("bob@a.example.com"), false, true},
		{"S31 a domain in front", domain, mail("bob@example.com.evil.test"), false, true},
		{"a trailing dot", domain, mail("bob@example.com."), false, true},
		{"S65 two @, the last right", domain, mail("bob@evil.test@example.com"), false, false},
		{"S65 two @, the first right", domain, mail("bob@example.com@evil.test"), false, false},
		{"S65 a wide @", domain, mail("bob＠evil.test@example.com"), false, false},
		{"S65 a quoted @", domain, mail(`"bob@evil.test"@example.com`), false, false},
		{"nobody at the domain", domain, mail("@example.com"), false, false},
		{"no domain", domain, mail("example.com"), false, false},
		{"no address", domain, mail(""), false, true},

		{"a claim", cost, by(nil), true, false},
		{"another value of it", Condition{Subject: ClaimOf, Claim: "cost", Values: []string{"4"}}, by(nil), false, true},
		{"another claim", Condition{Subject: ClaimOf, Claim: "Cost", Values: []string{"42"}}, by(nil), false, true},
		{"what is no subject", Condition{Subject: "x", Values: []string{"42"}}, by(nil), false, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			allow := rules(t, Scope{Allow: []Condition{tt.c}}).Entitled(tt.who) == 1
			deny := rules(t, Scope{Deny: []Condition{tt.c}}).Entitled(tt.who) == 1
			if allow != tt.allow || deny != tt.deny {
				t.Errorf("allow lets in: %t, deny lets in: %t", allow, deny)
			}
		})
	}
}

// Every combination of three scopes, each with or without an allow and a deny that name the person, of which any may apply:
// whoever is denied anywhere, or not allowed wherever somebody must be, is out, and one more rule never lets anybody in.
func TestEveryScopeHasToAgree(t *testing.T) {
	const kinds = 6
	scope := func(kind int) (s Scope, admits bool) {
		switch kind {
		case 0:
			return Scope{}, true
		case 1:
			return Scope{Allow: []Condition{groups("hr"), groups("finance")}}, true
		case 2:
			return Scope{Allow: []Condition{groups("hr")}}, false
		case 3:
			return Scope{Deny: []Condition{groups("hr")}}, true
		case 4:
			return Scope{Deny: []Condition{groups("staff")}, Allow: []Condition{groups("finance")}}, false
		}
		return Scope{Deny: []Condition{groups("hr")}, Allow: []Condition{groups("finance")}}, true
	}
	for set := range kinds * kinds * kinds {
		var scopes []Scope
		var admitting uint64
		for i, kind := range []int{set % kinds, set / kinds % kinds, set / kinds / kinds} {
			s, admits := scope(kind)
			scopes = append(scopes, s)
			if admits {
				admitting |= 1 << i
			}
		}
		r := rules(t, scopes...)
		for applies := range uint64(8) {
			d := hourly
			d.Rules, d.Applies = r, applies
			s := opened(good(nil))
			s.Identity.Groups = by(nil).Groups
			s.Entitled = r.Entitled(&s.Identity)
			want := Verdict{Allow: true}
			if applies&^admitting != 0 {
				want = Verdict{Why: WhyForbidden}
			}
			if got := Decide(s, now, d, false); got != want || !got.Live() {
				t.Errorf("kinds %d, applying %b: %+v, want %+v", set, applies, got, want)
			}
			if got := Decide(s, now, d, true); got != (Verdict{Why: WhyRevoked}) {
				t.Errorf("revoked, kinds %d: %+v", set, got)
			}
		}
	}
}

// Which factor is of which class, all of them.
func TestClasses(t *testing.T) {
	want := map[Class]string{
		AnyFactor:         "push number_challenge totp email sms voice google_otp security_question webauthn hardware_otp custom_push other",
		Push:              "push number_challenge webauthn custom_push",
		NumberChallenge:   "number_challenge webauthn",
		PhishingResistant: "webauthn",
	}
	for _, c := range Classes() {
		var have []string
		for _, f := range c.Factors() {
			have = append(have, string(f))
		}
		if got := strings.Join(have, " "); got != want[c] {
			t.Errorf("%s: %s, want %s", c, got, want[c])
		}
		if Class("x").Includes(identity.WebAuthn) {
			t.Error("no class has a factor")
		}
	}
}

// What a requirement makes of a proof, for each class, factor and age, against a table computed another way.
func TestRequire(t *testing.T) {
	ages := []time.Duration{-2 * maxSkew, -maxSkew, 0, time.Minute, 5*time.Minute - time.Second, 5 * time.Minute, time.Hour}
	for _, class := range Classes() {
		for _, f := range identity.All() {
			for _, age := range ages {
				for _, maxAge := range []time.Duration{0, 5 * time.Minute} {
					d := hourly
					d.Rules, d.Applies = rules(t, Scope{Require: []Requirement{{class, maxAge}}}), 1
					s := opened(good(func(c *session.Claims) {
						c.Identity.Proofs = []identity.Proof{{Factor: identity.SMS, At: now.Add(-9 * time.Hour)}, {Factor: f, At: now.Add(-age)}}
					}))
					s.Entitled = 1
					old := class == AnyFactor // the SMS
					counts := slices.Contains(class.Factors(), f) && age >= -maxSkew
					var want Verdict
					switch missing := (Requirement{class, maxAge}); {
					case counts && (maxAge == 0 || age < maxAge), old && maxAge == 0:
						want = Verdict{Allow: true}
					case counts, old:
						want = Verdict{Why: WhyStale, Missing: missing}
					default:
						want = Verdict{Why: WhyStepUp, Missing: missing}
					}
					if got := Decide(s, now, d, false); got != want || !got.Live() {
						t.Errorf("require %s max_age %v, %s %v ago: %+v, want %+v", class, maxAge, f, age, got, want)
					}
					d.Applies = 0
					if !Decide(s, now, d, false).Allow {
						t.Error("a requirement of another request was applied")
					}
				}
			}
		}
	}
}

// Of several requirements the strongest that is not met is asked for, because its proof is one for all of them; who may not
// enter is asked for nothing.
func TestTheStrongestRequirementIsAskedFor(t *testing.T) {
	fresh := Requirement{AnyFactor, time.Second}
	number, key := Requirement{NumberChallenge, 0}, Requirement{PhishingResistant, time.Hour}
	r := rules(t, Scope{Require: []Requirement{number, fresh}}, Scope{Require: []Requirement{key}}, Scope{Allow: []Condition{groups("hr")}})
	s := opened(good(nil))
	s.Entitled = r.Entitled(&s.Identity)
	for applies, want := range map[uint64]Verdict{
		0: {Allow: true}, 1: {Why: WhyStepUp, Missing: number}, 2: {Why: WhyStepUp, Missing: key}, 3: {Why: WhyStepUp, Missing: key}, 7: {Why: WhyForbidden},
	} {
		d := hourly
		d.Rules, d.Applies = r, applies
		if got := Decide(s, now.Add(time.Minute), d, false); got != want {
			t.Errorf("applying %b: %+v, want %+v", applies, got, want)
		}
	}
}

// Rules that cannot be meant are refused, and a session that nobody judged is entitled to nothing.
func TestRulesFailClosed(t *testing.T) {
	if _, err := NewRules(make([]Scope, MaxScopes+1)); err == nil {
		t.Error("65 scopes were taken")
	}
	if _, err := NewRules([]Scope{{Require: []Requirement{{"strong", 0}}}}); err == nil {
		t.Error("an unknown class was taken")
	}
	d := hourly
	d.Rules, d.Applies = rules(t, Scope{}), 1
	if got := Decide(opened(good(nil)), now, d, false); got != (Verdict{Why: WhyForbidden}) {
		t.Errorf("nobody judged: %+v", got)
	}
	var none *Rules
	if none.Entitled(by(nil)) != 0 || !Decide(opened(good(nil)), now, hourly, false).Allow {
		t.Error("no rules keep somebody out")
	}
}
