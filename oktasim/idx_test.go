package oktasim_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"sidegate.example/sidegate/oktasim"
)

const (
	pushUser     = "push@sidegate.example"
	numberUser   = "number@sidegate.example"
	totpUser     = "totp@sidegate.example"
	fastPassUser = "fastpass@sidegate.example"
)

func TestHandlesRefused(t *testing.T) {
	for name, c := range map[string]struct {
		path string
		body map[string]any
	}{
		"unknown interaction handle": {"introspect", map[string]any{"interactionHandle": "guess"}},
		"no handle":                  {"introspect", map[string]any{}},
		"unknown state token":        {"introspect", map[string]any{"stateToken": "guess"}},
		"unknown state handle":       {"identify", map[string]any{"stateHandle": "guess"}},
	} {
		t.Run(name, func(t *testing.T) {
			newBench(t).idx(c.path, c.body).wantKey(401, "idx.session.expired")
		})
	}
	t.Run("state handle as interaction handle", func(t *testing.T) {
		s := newBench(t).begin()
		s.idx("introspect", map[string]any{"interactionHandle": s.state}).wantKey(401, "idx.session.expired")
	})
	t.Run("missing state handle", func(t *testing.T) {
		newBench(t).idx("identify", map[string]any{}).wantKey(400, "api.error.field_required")
	})
}

func TestStateHandleExpiresWhenIdle(t *testing.T) {
	s := newBench(t).begin()
	s.now = s.now.Add(59 * time.Minute)
	s.step("introspect", nil).wantStep(200, "identify") // activity renews it
	s.now = s.now.Add(59 * time.Minute)
	s.step("introspect", nil).wantStep(200, "identify")
	s.now = s.now.Add(time.Hour)
	s.step("introspect", nil).wantKey(401, "idx.session.expired")
	s.idx("introspect", map[string]any{"interactionHandle": s.handle}).wantKey(401, "idx.session.expired")
}

func TestCancelGivesANewStateHandleAndVoidsThePush(t *testing.T) {
	s := newBench(t).begin()
	s.password(pushUser, password)
	s.choose("push").wantStep(200, "challenge-poll")
	p := s.pending(pushUser)
	a := s.step("cancel", nil).wantStep(200, "identify")
	if a.str("stateHandle") == s.state {
		t.Fatal("the state handle is the old one")
	}
	s.step("introspect", nil).wantKey(401, "idx.session.expired")
	s.idx("introspect", map[string]any{"interactionHandle": s.handle}).wantStep(200, "identify")
	if err := s.org.Approve(p.ID); err != oktasim.ErrNotPending {
		t.Fatalf("approving after cancel: %v, want ErrNotPending", err)
	}
}

func TestHeadersThatOktaInsistsOn(t *testing.T) {
	b := newBench(t)
	body := []byte(`{"interactionHandle":"x"}`)
	for name, c := range map[string]struct {
		contentType, accept string
		body                []byte
		status              int
	}{
		"form":             {"application/x-www-form-urlencoded", "", body, 415},
		"no content type":  {"", "", body, 415},
		"accepts only XML": {"application/json", "text/xml", body, 406},
		"not JSON":         {"application/json", "", []byte(`{"`), 400},
		"wrong JSON type":  {"application/json", "", []byte(`{"stateHandle":1}`), 400},
		"ion":              {"application/ion+json; okta-version=1.0.0", "application/ion+json; okta-version=1.0.0", body, 401},
		"json and any":     {"application/json", "text/html, */*;q=0.1", body, 401},
	} {
		t.Run(name, func(t *testing.T) {
			b.head = http.Header{}
			if c.accept != "" {
				b.head.Set("Accept", c.accept)
			}
			if a := b.do("POST", orgURL+"/idp/idx/introspect", c.contentType, c.body); a.status != c.status {
				t.Fatalf("status %d, want %d: %s", a.status, c.status, a.body)
			}
		})
	}
}

func TestPasswordStep(t *testing.T) {
	first := oktasim.Policy{IdentifierFirst: true}
	hide := oktasim.Policy{HideUnknownUsers: true}
	both := oktasim.Policy{IdentifierFirst: true, HideUnknownUsers: true}
	for name, c := range map[string]struct {
		policy      oktasim.Policy
		login, pass string
		status      int
		step, key   string
	}{
		"right":                        {oktasim.Policy{}, pushUser, password, 200, "select-authenticator-authenticate", ""},
		"login in other case, spaces":  {oktasim.Policy{}, "  PUSH@sidegate.example ", password, 200, "select-authenticator-authenticate", ""},
		"password is not trimmed":      {oktasim.Policy{}, pushUser, password + " ", 401, "identify", "errors.E0000004"},
		"wrong":                        {oktasim.Policy{}, pushUser, "x", 401, "identify", "errors.E0000004"},
		"empty":                        {oktasim.Policy{}, pushUser, "", 401, "identify", "errors.E0000004"},
		"no identifier":                {oktasim.Policy{}, " ", password, 400, "identify", "api.error.field_required"},
		"unknown user":                 {oktasim.Policy{}, "nobody", password, 400, "identify", "idx.unknown.user"},
		"unknown user, hidden":         {hide, "nobody", password, 401, "identify", "errors.E0000004"},
		"locked":                       {oktasim.Policy{}, "locked@sidegate.example", password, 401, "identify", "authfactor.challenge.suspended_factor"},
		"locked, hidden":               {hide, "locked@sidegate.example", password, 401, "identify", "errors.E0000004"},
		"no phone":                     {oktasim.Policy{}, "nophone@sidegate.example", password, 200, "select-authenticator-enroll", ""},
		"TOTP only":                    {oktasim.Policy{}, totpUser, password, 200, "challenge-authenticator", ""},
		"password is enough":           {oktasim.Policy{PasswordOnly: true}, pushUser, password, 200, "success", ""},
		"automatic push":               {oktasim.Policy{AutoChallenge: true}, pushUser, password, 200, "challenge-poll", ""},
		"first: right":                 {first, pushUser, password, 200, "select-authenticator-authenticate", ""},
		"first: wrong":                 {first, pushUser, "x", 401, "challenge-authenticator", "incorrectPassword"},
		"first: locked":                {first, "locked@sidegate.example", "x", 401, "challenge-authenticator", "authfactor.challenge.suspended_factor"},
		"first: unknown user, hidden":  {both, "nobody", password, 401, "challenge-authenticator", "incorrectPassword"},
		"first: locked, hidden, right": {both, "locked@sidegate.example", password, 401, "challenge-authenticator", "incorrectPassword"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newBench(t, func(cfg *oktasim.Config) { cfg.Policy = c.policy }).begin()
			var a *answer
			if c.policy.IdentifierFirst {
				s.step("identify", map[string]any{"identifier": c.login}).wantStep(200, "challenge-authenticator")
				a = s.step("challenge/answer", map[string]any{"credentials": map[string]any{"passcode": c.pass}})
			} else {
				a = s.password(c.login, c.pass)
			}
			a.wantStep(c.status, c.step).wantKey(c.status, c.key)
		})
	}
}

// An attacker must not tell a known identifier from an unknown one by the document (S34 class).
func TestHiddenUnknownUserLooksLikeAKnownOne(t *testing.T) {
	document := func(login string) string {
		s := newBench(t, func(c *oktasim.Config) {
			c.Policy = oktasim.Policy{IdentifierFirst: true, HideUnknownUsers: true}
		}).begin()
		a := s.step("identify", map[string]any{"identifier": login})
		r := strings.NewReplacer(s.state, "STATE", login, "LOGIN", a.str("user", "value", "id"), "ID",
			a.str("authenticatorEnrollments", "value", 0, "id"), "ENROLMENT")
		return r.Replace(string(a.body))
	}
	if known, unknown := document(pushUser), document("nobody@sidegate.example"); known != unknown {
		t.Fatalf("known:\n%s\nunknown:\n%s", known, unknown)
	}
}

func TestStepsOutOfTurnAreRefused(t *testing.T) {
	for name, c := range map[string]struct {
		path string
		body map[string]any
	}{
		"challenge before the password": {"challenge", map[string]any{"authenticator": map[string]any{"id": "aut", "methodType": "push"}}},
		"answer before the password":    {"challenge/answer", map[string]any{"credentials": map[string]any{"totp": "000000"}}},
		"poll before a push":            {"authenticators/poll", nil},
		"resend before a push":          {"challenge/resend", nil},
		"leave a probe that is not":     {"authenticators/poll/cancel", nil},
	} {
		t.Run(name, func(t *testing.T) {
			s := newBench(t).begin()
			s.step(c.path, c.body).wantKey(400, "E0000020")
		})
	}
	t.Run("identify twice", func(t *testing.T) {
		s := newBench(t).begin()
		s.password(pushUser, password)
		s.password(pushUser, password).wantKey(400, "E0000020")
	})
	t.Run("method that is not enrolled", func(t *testing.T) {
		s := newBench(t).begin()
		s.password(pushUser, password)
		s.choose("signed_nonce").wantKey(400, "E0000020")
	})
	t.Run("unknown authenticator", func(t *testing.T) {
		s := newBench(t).begin()
		s.password(pushUser, password)
		s.step("challenge", map[string]any{"authenticator": map[string]any{"id": "autX", "methodType": "push"}}).wantKey(400, "E0000020")
	})
}

func TestSelfServiceIsOff(t *testing.T) {
	newBench(t).begin().step("enroll", nil).wantKey(403, "security.access_denied")
}

func TestTOTP(t *testing.T) {
	s := newBench(t).begin()
	s.password(totpUser, password).wantStep(200, "challenge-authenticator")
	right := s.org.TOTP(totpUser)
	wrong := "000000"
	if wrong == right {
		wrong = "000001"
	}
	fieldKey := func(a *answer) string {
		return a.str("remediation", "value", 0, "value", 0, "form", "value", 0, "messages", "value", 0, "i18n", "key")
	}
	a := s.totp(wrong).wantStep(401, "challenge-authenticator")
	a.want(401, "field message", fieldKey(a), "api.authn.error.PASSCODE_INVALID")
	a = s.step("challenge/answer", map[string]any{"credentials": map[string]any{"passcode": right}})
	a.want(401, "field message for a code in the wrong field", fieldKey(a), "api.authn.error.PASSCODE_INVALID")
	s.totp(right).wantStep(200, "success")

	again := s.begin()
	again.password(totpUser, password)
	a = again.totp(right)
	a.want(401, "field message", fieldKey(a), "authfactor.challenge.soft_token.used_passcode")
	again.totp(again.org.TOTP(totpUser)).wantStep(200, "success") // the next code, early by less than a step
}

func TestTOTPOfAnotherTimeRefused(t *testing.T) {
	s := newBench(t).begin()
	s.password(totpUser, password)
	old := s.org.TOTP(totpUser)
	s.now = s.now.Add(90 * time.Second)
	s.totp(old).wantStep(401, "challenge-authenticator")
}

func TestFastPassWaitsUntilItIsLeft(t *testing.T) {
	s := newBench(t).begin()
	s.password(fastPassUser, password)
	a := s.choose("signed_nonce").wantStep(200, "challenge-poll")
	if a.str("currentAuthenticator", "value", "contextualData", "challenge", "value", "challengeMethod") != "LOOPBACK" {
		t.Fatalf("no challenge for the device: %s", a.body)
	}
	s.pollAfter(4*time.Second).wantStep(200, "challenge-poll")
	s.step("authenticators/poll/cancel", map[string]any{"reason": "OV_UNREACHABLE_BY_LOOPBACK", "statusCode": nil}).
		wantStep(200, "select-authenticator-authenticate")
}

func TestChoosingWithoutAMethodAsksForIt(t *testing.T) {
	s := newBench(t).begin()
	s.password(pushUser, password)
	s.choose("").wantStep(200, "authenticator-verification-data")
	a := s.step("challenge", map[string]any{"authenticator": map[string]any{"id": s.verifyID(), "methodType": "push", "autoChallenge": true}}).
		wantStep(200, "challenge-poll")
	if a.str("remediation", "value", 0, "value", 1, "name") != "autoChallenge" || a.at("remediation", "value", 0, "value", 1, "required") != "false" {
		t.Fatalf("the poll form does not ask for autoChallenge back: %s", a.body)
	}
}
