package sdk

import (
	"net/url"
	"slices"
	"testing"

	"sidegate.example/sidegate/oktasim"
)

func TestRecoverPassword(t *testing.T) {
	for name, first := range map[string]bool{"name and password together": false, "identifier first": true} {
		t.Run(name, func(t *testing.T) {
			d := drive(t, oktasim.User{Enrolled: []string{"okta_email"}}, func(c *oktasim.Config) {
				c.Policy.Recover, c.Policy.IdentifierFirst = true, first
			})
			v := d.do("recoverPassword", map[string]any{"username": someone}, "select-authenticator-authenticate")
			if !slices.Equal(v.Options, []string{"okta_email"}) {
				t.Errorf("by %v", v.Options)
			}
			d.choose("okta_email", "challenge-authenticator")
			v = d.code(d.mailed)
			if v.Step != "reset-authenticator" || !slices.Equal(v.Inputs, []string{"password", "revokeSessions"}) {
				t.Fatalf("the SDK is at %+v", v)
			}
			if v := d.proceed(map[string]any{"password": "short1"}, "reset-authenticator"); !slices.Equal(v.Messages, []string{"password.passwordRequirementsNotMet"}) {
				t.Errorf("a bad password: %+v", v)
			}
			d.proceed(map[string]any{"password": "new Passw0rd", "revokeSessions": true}, "select-authenticator-authenticate")
			d.choose("okta_email", "challenge-authenticator")
			d.in(d.code(d.mailed), "pwd", "mfa", "email")
		})
	}
}

func TestUnlockAccount(t *testing.T) {
	d := drive(t, oktasim.User{Locked: true, Enrolled: []string{"okta_email"}}, func(c *oktasim.Config) { c.Policy.Unlock = true })
	v := d.do("unlockAccount", nil, "select-authenticator-unlock-account")
	if !slices.Equal(v.Options, []string{"okta_email", "phone_number"}) {
		t.Errorf("by %v", v.Options)
	}
	d.proceed(map[string]any{"username": someone, "authenticator": "okta_email"}, "challenge-authenticator")
	v = d.code(d.mailed)
	if v.Status != "TERMINAL" || !slices.Equal(v.Messages, []string{"oie.selfservice.unlock_user.success.message"}) {
		t.Fatalf("the SDK ended with %+v", v)
	}
	d.signIn("select-authenticator-authenticate")
}

func TestUnlockIsSwitchedOff(t *testing.T) {
	d := drive(t, oktasim.User{Locked: true})
	if v := d.try("unlockAccount", nil); v.Event != "failed" {
		t.Fatalf("%+v", v)
	}
}

// token is what a mailed link carries.
func (d *driven) token() string {
	d.t.Helper()
	link, err := url.Parse(d.newest().Link)
	check(d.t, err)
	return link.Query().Get("token")
}

func TestActivationToken(t *testing.T) {
	d := drive(t, oktasim.User{Require: []string{"okta_email"}}, func(c *oktasim.Config) {
		c.Users[len(c.Users)-1].Password = ""
		c.Policy.ActivationLink = "https://app.example/activate"
	})
	check(t, d.org.SendActivation(someone))
	v := d.do("authenticate", map[string]any{"activationToken": d.token()}, "select-authenticator-enroll")
	if !slices.Equal(v.Options, []string{"okta_password", "okta_email"}) {
		t.Errorf("to set up: %v", v.Options)
	}
	d.choose("okta_password", "enroll-authenticator")
	d.proceed(map[string]any{"password": "new Passw0rd"}, "select-authenticator-enroll")
	d.choose("okta_email", "enroll-authenticator")
	d.in(d.code(d.mailed), "pwd", "mfa", "email")
}

func TestRecoveryToken(t *testing.T) {
	d := drive(t, oktasim.User{Methods: []string{"totp"}}, func(c *oktasim.Config) { c.Policy.RecoveryLink = "https://app.example/recover" })
	check(t, d.org.SendRecovery(someone))
	d.do("recoverPassword", map[string]any{"recoveryToken": d.token()}, "reset-authenticator")
	d.proceed(map[string]any{"password": "new Passw0rd"}, "challenge-authenticator")
	d.in(d.proceed(map[string]any{"verificationCode": d.org.TOTP(someone)}, ""), "pwd", "mfa", "okta_verify", "otp")
	if v := d.try("recoverPassword", map[string]any{"recoveryToken": d.token()}); v.Event != "failed" {
		t.Errorf("a token twice: %+v", v)
	}
}

func TestNotAdmitted(t *testing.T) {
	for access, c := range map[string]struct{ status, key string }{
		"unassigned":    {"PENDING", "idx.error.user.not.assigned.to.app"},
		"denied":        {"TERMINAL", "security.access_denied"},
		"unsatisfiable": {"TERMINAL", "oie.assurance.unsatisfiable"},
	} {
		t.Run(access, func(t *testing.T) {
			d := drive(t, oktasim.User{Access: access, Methods: []string{"push"}})
			v := d.try("authenticate", map[string]any{"username": someone, "password": oktasim.DefaultPassword})
			if v.Status != c.status || !slices.Equal(v.Messages, []string{c.key}) {
				t.Errorf("%+v, want %v", v, c)
			}
		})
	}
}
