package oktasim_test

import (
	"strings"
	"testing"

	"sidegate.example/sidegate/oktasim"
)

func TestKeepMeSignedIn(t *testing.T) {
	asked := func(c *oktasim.Config) { c.Policy.KeepMeSignedIn = true }
	user := oktasim.User{Methods: []string{"totp"}}
	person := func(b *bench) any { return b.sim("GET", "person?login="+someone, "").at("remembered") }
	for name, want := range map[string]bool{"yes": true, "no": false} {
		t.Run(name, func(t *testing.T) {
			s, _ := entered(t, user, asked)
			a := s.totp(s.org.TOTP(someone)).wantStep(200, "keep-me-signed-in")
			if a.at("remediation", "value", 0, "value", 0, "value") != false {
				t.Errorf("default: %s", a.body)
			}
			s.step("keep-me-signed-in", nil).wantStep(400, "keep-me-signed-in").wantKey(400, "api.error.field_required")
			s.step("keep-me-signed-in", map[string]any{"keepMeSignedIn": want}).wantStep(200, "success")
			if got := person(s.bench); got != want {
				t.Errorf("remembered: %v", got)
			}
		})
	}
	t.Run("said before", func(t *testing.T) {
		s := newBench(t, withUser(user, asked)).begin()
		s.step("identify", map[string]any{"identifier": someone, "credentials": map[string]any{"passcode": password}, "rememberMe": true})
		s.totp(s.org.TOTP(someone)).wantStep(200, "success")
		if person(s.bench) != true {
			t.Error("not remembered")
		}
	})
	t.Run("after a password alone", func(t *testing.T) {
		_, a := entered(t, user, asked, func(c *oktasim.Config) { c.Policy.PasswordOnly = true })
		a.wantStep(200, "keep-me-signed-in")
	})
	t.Run("not asked", func(t *testing.T) {
		s, _ := entered(t, user)
		s.step("keep-me-signed-in", map[string]any{"keepMeSignedIn": true}).wantKey(400, badRequest)
		s.totp(s.org.TOTP(someone)).wantStep(200, "success")
		if person(s.bench) != false {
			t.Error("remembered unasked")
		}
	})
}

// Whom the app or the policy does not admit, told after the password.
func TestNotAdmitted(t *testing.T) {
	for name, c := range map[string]struct {
		user      oktasim.User
		policy    oktasim.Policy
		status    int
		step, key string
	}{
		"suspended":                {oktasim.User{Status: "SUSPENDED"}, oktasim.Policy{}, 401, "identify", "errors.E0000004"},
		"deprovisioned":            {oktasim.User{Status: "DEPROVISIONED"}, oktasim.Policy{}, 401, "identify", "errors.E0000004"},
		"not a user of the app":    {oktasim.User{Access: "unassigned"}, oktasim.Policy{}, 400, "identify", "idx.error.user.not.assigned.to.app"},
		"denied":                   {oktasim.User{Access: "denied"}, oktasim.Policy{}, 403, "", "security.access_denied"},
		"denied in own words":      {oktasim.User{Access: "denied"}, oktasim.Policy{DeniedMessage: "Call 555."}, 403, "", "security.access_denied_custom_message"},
		"policy cannot be met":     {oktasim.User{Access: "unsatisfiable"}, oktasim.Policy{}, 403, "", "oie.assurance.unsatisfiable"},
		"denied, password expired": {oktasim.User{Access: "denied", PasswordState: "expired"}, oktasim.Policy{}, 403, "", "security.access_denied"},
	} {
		t.Run(name, func(t *testing.T) {
			c.user.Methods = []string{"totp"}
			s, a := entered(t, c.user, func(cfg *oktasim.Config) { cfg.Policy = c.policy })
			a.wantStep(c.status, c.step).wantKey(c.status, c.key)
			if c.policy.DeniedMessage != "" && a.str("messages", "value", 0, "message") != c.policy.DeniedMessage {
				t.Errorf("told %s", a.body)
			}
			s.totp(s.org.TOTP(someone))
			if s.idx("introspect", map[string]any{"interactionHandle": s.handle}).first() == "success" {
				t.Error("in all the same")
			}
		})
	}
	t.Run("without a password", func(t *testing.T) {
		s := newBench(t, withUser(oktasim.User{Access: "denied", Enrolled: []string{"okta_email"}}, func(c *oktasim.Config) {
			c.Users[len(c.Users)-1].Password = ""
			c.Policy.IdentifierFirst = true
		})).begin()
		s.step("identify", map[string]any{"identifier": someone}).wantKey(403, "security.access_denied")
	})
}

func TestPasswordExpires(t *testing.T) {
	t.Run("expired", func(t *testing.T) {
		s, a := entered(t, oktasim.User{Methods: []string{"totp"}, PasswordState: "expired"})
		a.wantStep(200, "reenroll-authenticator")
		s.step("skip", nil).wantKey(400, badRequest)
		s.answer(map[string]any{"passcode": "nodigits"}).wantStep(400, "reenroll-authenticator")
		s.answer(map[string]any{"passcode": "new Passw0rd"}).wantStep(200, "challenge-authenticator")
		s.totp(s.org.TOTP(someone)).wantStep(200, "success")
		s.begin().password(someone, "new Passw0rd").wantStep(200, "challenge-authenticator")
	})
	t.Run("about to expire: skipped, and asked again the next time", func(t *testing.T) {
		s, a := entered(t, oktasim.User{Methods: []string{"totp"}, PasswordState: "expiring"})
		a.wantStep(200, "reenroll-authenticator-warning").wantKey(200, "idx.password.expiring.message")
		if a.at("currentAuthenticator", "value", "settings", "daysToExpiry") != 4.0 || a.str("remediation", "value", 1, "name") != "skip" {
			t.Errorf("warning: %s", a.body)
		}
		s.step("skip", nil).wantStep(200, "challenge-authenticator")
		s.begin().password(someone, password).wantStep(200, "reenroll-authenticator-warning")
	})
	t.Run("about to expire: changed", func(t *testing.T) {
		s, _ := entered(t, oktasim.User{Methods: []string{"totp"}, PasswordState: "expiring"})
		s.answer(map[string]any{"passcode": "new Passw0rd"}).wantStep(200, "challenge-authenticator")
		s.begin().password(someone, "new Passw0rd").wantStep(200, "challenge-authenticator")
	})
	t.Run("about to expire, and no factor yet", func(t *testing.T) {
		s, _ := entered(t, oktasim.User{PasswordState: "expiring"})
		s.step("skip", nil).wantStep(200, "select-authenticator-enroll")
	})
}

// A user who cannot be is a mistake in a test, and is told by name.
func TestUserRefused(t *testing.T) {
	for want, u := range map[string]oktasim.User{
		`unknown method "sms"`:                 {Methods: []string{"sms"}},
		`unknown authenticator "tac"`:          {Enrolled: []string{"tac"}},
		`unknown authenticator "email"`:        {Optional: []string{"email"}},
		`unknown password state "old"`:         {PasswordState: "old"},
		`unknown access "maybe"`:               {Access: "maybe"},
		`nobody can set up "custom_otp"`:       {Require: []string{"custom_otp"}},
		"Password and Methods say what is":     {Enrolled: []string{"okta_verify"}},
		"Password and Methods say what is not": {Enrolled: []string{"okta_password"}},
		"TOTPSecret is not base32":             {TOTPSecret: "1"},
	} {
		u.Login = "x"
		if _, err := oktasim.New(oktasim.Config{URL: orgURL, Users: []oktasim.User{u}}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %v, want %q", u, err, want)
		}
	}
}
