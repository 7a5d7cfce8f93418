package factors_test

import (
	"slices"
	"strings"
	"testing"

	"sidegate.example/sidegate/flows"
	"sidegate.example/sidegate/flows/factors"
	"sidegate.example/sidegate/flows/okta/access"
	"sidegate.example/sidegate/gateway/identity"
	"sidegate.example/sidegate/oktasim"
)

var (
	numberClass = []identity.Factor{identity.NumberChallenge, identity.WebAuthn}
	pushClass   = append([]identity.Factor{identity.Push, identity.CustomPush}, numberClass...)
	anyClass    = append([]identity.Factor{identity.TOTP}, pushClass...)
)

// stepUp begins for the person of simUser, or whoever has the subject.
func (s *simulated) stepUp(subject string, class []identity.Factor) *world {
	s.Helper()
	who := identity.Identity{Subject: subject, Login: simUser}
	var err error
	if s.state, s.step, err = s.engine.StepUp(s.Context(), s.cc, "", who, class); err != nil {
		s.Fatal(err)
	}
	return s.world
}

// known is Okta's id of simUser, learned from a sign-in that goes no further.
func (s *simulated) known() string {
	s.Helper()
	s.start(flows.FieldIdentifier, simUser, flows.FieldPassword, oktasim.DefaultPassword)
	for _, r := range s.org.Requests() {
		if id, ok := strings.CutPrefix(r.Path, "/api/v1/users/"); ok && strings.HasPrefix(id, "00u") {
			id, _, _ = strings.Cut(id, "/")
			return id
		}
	}
	s.Fatal("no call names the user")
	return ""
}

// A step-up begins at the second factor of the known id, whatever the primary is, without a password and without /api/v1/authn,
// and offers what is of the class alone.
func TestStepUpBeginsAtTheSecondFactor(t *testing.T) {
	for _, primary := range []func(*oktasim.Config, *access.Config, *factors.Config){nil, withToken} {
		s := newSimulated(t, slices.DeleteFunc([]func(*oktasim.Config, *access.Config, *factors.Config){primary}, func(f func(*oktasim.Config, *access.Config, *factors.Config)) bool { return f == nil })...)
		subject := s.known()
		before := len(s.org.Requests())
		if w := s.stepUp(subject, numberClass).want("choose"); w.buttons() != "factor:push(Pixel 7)" {
			t.Errorf("offered: %s", w.buttons())
		}
		s.choose(identity.Push)
		p := s.pushed()
		if err := s.org.Tap(p.ID, s.step.Wait.Number); err != nil {
			t.Fatal(err)
		}
		s.poll()
		if s.step.Kind != flows.KindDone || s.step.Identity.Subject != subject || len(s.step.Identity.Proofs) != 1 || s.step.Identity.Proofs[0].Factor != identity.NumberChallenge {
			t.Errorf("the page is %s, %+v", s.page(), s.step.Identity)
		}
		for _, r := range s.org.Requests()[before:] {
			if strings.HasPrefix(r.Path, "/api/v1/authn") {
				t.Errorf("%s was called", r.Path)
			}
		}
	}
}

// What the person has not, or the operator does not take, is a refusal by name, and so is whoever is no user of this org.
func TestStepUpThatCannotBe(t *testing.T) {
	s := newSimulated(t)
	subject := s.known()
	s.stepUp(subject, []identity.Factor{identity.WebAuthn}).want("denied step_up final")
	s.stepUp("../x", anyClass).want("denied step_up final")
	s.stepUp("me", anyClass).want("denied policy final")
	s.org.SetStatus(simUser, "SUSPENDED")
	s.stepUp(subject, anyClass).want("denied locked final")
	s = newSimulated(t, func(_ *oktasim.Config, _ *access.Config, c *factors.Config) {
		c.Factors = []identity.Factor{identity.TOTP}
	})
	s.stepUp(s.known(), pushClass).want("denied step_up final")
	// Nothing is set up in the midst of a session.
	s = newSimulated(t, func(c *oktasim.Config, _ *access.Config, f *factors.Config) {
		f.Enroll, f.EnrollProof.EmailCode = []identity.Factor{identity.Push}, true
		c.Users[0].Methods = []string{"totp"}
	})
	s.stepUp(s.known(), pushClass).want("denied step_up final")
}

// A push without a number proves no number challenge, whatever was asked for.
func TestStepUpByAPlainPush(t *testing.T) {
	s := newSimulated(t, func(_ *oktasim.Config, _ *access.Config, f *factors.Config) { f.NumberChallenge = factors.NumberNever })
	s.stepUp(s.known(), numberClass).want("denied step_up final")
	s.stepUp(s.known(), pushClass).want("choose")
	s.choose(identity.Push)
	if err := s.org.Approve(s.pushed().ID); err != nil {
		t.Fatal(err)
	}
	s.poll()
	if s.step.Kind != flows.KindDone || s.step.Identity.Proofs[0].Factor != identity.Push {
		t.Errorf("the page is %s", s.page())
	}
}

// A sign-in offers of what the person has what every session needs, by the Factors API and inside /api/v1/authn; where they have
// nothing of it, everything.
func TestSignInOffersWhatEverySessionNeeds(t *testing.T) {
	for name, c := range map[string]struct {
		required []identity.Factor
		change   func(*factors.Config)
		offered  string
	}{
		"nothing":                   {nil, nil, "factor:push(Pixel 7) factor:totp"},
		"a push":                    {pushClass, nil, "factor:push(Pixel 7)"},
		"a number":                  {numberClass, nil, "factor:push(Pixel 7)"},
		"a number, and none is had": {numberClass, func(c *factors.Config) { c.NumberChallenge = factors.NumberNever }, "factor:push(Pixel 7) factor:totp"},
		"a passkey":                 {[]identity.Factor{identity.WebAuthn}, nil, "factor:push(Pixel 7) factor:totp"},
	} {
		change := func(cfg *factors.Config) {
			cfg.Required = c.required
			cfg.Factors = []identity.Factor{identity.Push, identity.NumberChallenge, identity.TOTP}
			if c.change != nil {
				c.change(cfg)
			}
		}
		s := newSimulated(t, func(_ *oktasim.Config, _ *access.Config, cfg *factors.Config) { change(cfg) })
		if got := s.start(flows.FieldIdentifier, simUser).want("choose").buttons(); got != c.offered {
			t.Errorf("%s: %s, want %s", name, got, c.offered)
		}
		if got := classic(t, change).signIn().want("choose").buttons(); got != c.offered {
			t.Errorf("%s, inside authn: %s, want %s", name, got, c.offered)
		}
	}
	s := newSimulated(t, func(_ *oktasim.Config, _ *access.Config, cfg *factors.Config) { cfg.Required = numberClass })
	if got := s.stepUp(s.known(), anyClass).want("choose").buttons(); got != "factor:push(Pixel 7) factor:totp" {
		t.Errorf("a step-up that takes more: %s", got)
	}
}
