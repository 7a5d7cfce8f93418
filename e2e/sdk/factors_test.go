package sdk

import (
	"slices"
	"strings"
	"testing"
	"time"

	"sidegate.example/sidegate/oktasim"
)

func TestFactorsByCode(t *testing.T) {
	token := func(d *driven) string { return d.org.HardwareCode(someone) }
	for name, c := range map[string]struct {
		key, method, amr string
		code             func(*driven) string
	}{
		"e-mail":  {"okta_email", "", "email", (*driven).mailed},
		"SMS":     {"phone_number", "sms", "sms", (*driven).mailed},
		"voice":   {"phone_number", "voice", "tel", (*driven).mailed},
		"Google":  {"google_otp", "", "google_otp", func(d *driven) string { return d.org.GoogleCode(someone) }},
		"on-prem": {"onprem_mfa", "", "oath_otp", token},
		"RSA":     {"rsa_token", "", "rsa", token},
		"VIP":     {"symantec_vip", "", "symantec", token},
		"YubiKey": {"yubikey_token", "", "yubikey", token},
		"custom":  {"custom_otp", "", "otp", token},
	} {
		t.Run(name, func(t *testing.T) {
			d := drive(t, oktasim.User{Enrolled: []string{c.key}})
			d.signIn("select-authenticator-authenticate")
			if c.method == "" {
				d.choose(c.key, "challenge-authenticator")
			} else {
				if v := d.choose(c.key, "authenticator-verification-data"); !slices.Equal(v.Options, []string{"sms", "voice"}) {
					t.Errorf("methods %v", v.Options)
				}
				d.proceed(map[string]any{"methodType": c.method}, "challenge-authenticator")
				if m := d.newest(); m.Channel != c.method {
					t.Errorf("sent %+v", m)
				}
			}
			d.in(d.code(func() string { return c.code(d) }), "pwd", "mfa", c.amr)
		})
	}
}

func TestCodeIsSentAgain(t *testing.T) {
	d := drive(t, oktasim.User{Enrolled: []string{"okta_email"}})
	d.signIn("select-authenticator-authenticate")
	if v := d.choose("okta_email", "challenge-authenticator"); !v.CanResend {
		t.Errorf("the SDK cannot send again: %+v", v)
	}
	first := d.newest()
	d.proceed(map[string]any{"resend": true}, "challenge-authenticator")
	if d.newest().ID == first.ID {
		t.Fatal("nothing was sent again")
	}
	d.in(d.code(d.mailed), "pwd", "mfa", "email")
}

// The page of the sign-in learns by the poll beside the code that the link was followed.
func TestMagicLink(t *testing.T) {
	d := drive(t, oktasim.User{Enrolled: []string{"okta_email"}}, func(c *oktasim.Config) {
		c.Policy.MagicLink, c.Refresh = true, time.Millisecond // the script does not wait between its polls
	})
	d.signIn("select-authenticator-authenticate")
	v := d.choose("okta_email", "challenge-authenticator")
	if !slices.Contains(v.Steps, "currentAuthenticatorEnrollment-poll") {
		t.Fatalf("no poll in %v", v.Steps)
	}
	poll := map[string]any{"actions": []string{"currentAuthenticatorEnrollment-poll"}}
	d.proceed(poll, "challenge-authenticator")
	check(t, d.org.OpenLink(d.newest().Link))
	d.in(d.proceed(poll, ""), "pwd", "mfa", "email")
}

func TestCustomAppPush(t *testing.T) {
	d := drive(t, oktasim.User{Require: []string{"custom_app"}})
	d.signIn("select-authenticator-enroll")
	v := d.choose("custom_app", "enroll-poll")
	d.scan(v)
	d.in(d.poll(v, ""), "pwd", "mfa", "swk")
	d.signIn("select-authenticator-authenticate")
	v = d.choose("custom_app", "challenge-poll")
	check(t, d.org.Approve(pending(t, d.org, someone).ID))
	d.in(d.poll(v, ""), "pwd", "mfa", "swk")
}

func TestPasswordExpired(t *testing.T) {
	d := drive(t, oktasim.User{Methods: []string{"totp"}, PasswordState: "expired"})
	if v := d.signIn("reenroll-authenticator"); !slices.Equal(v.Inputs, []string{"newPassword"}) {
		t.Errorf("the SDK asks for %v", v.Inputs)
	}
	if v := d.proceed(map[string]any{"newPassword": "short1"}, "reenroll-authenticator"); !slices.Equal(v.Messages, []string{"password.passwordRequirementsNotMet"}) {
		t.Errorf("a bad password: %+v", v)
	}
	d.proceed(map[string]any{"newPassword": "new Passw0rd"}, "challenge-authenticator")
	d.in(d.proceed(map[string]any{"verificationCode": d.org.TOTP(someone)}, ""), "pwd", "mfa", "okta_verify", "otp")
}

func TestPasswordAboutToExpire(t *testing.T) {
	d := drive(t, oktasim.User{Methods: []string{"totp"}, PasswordState: "expiring"})
	v := d.signIn("reenroll-authenticator-warning")
	if !v.CanSkip || !slices.Equal(v.Messages, []string{"idx.password.expiring.message"}) {
		t.Errorf("the SDK sees %+v", v)
	}
	d.proceed(map[string]any{"skip": true}, "challenge-authenticator")
	d.in(d.proceed(map[string]any{"verificationCode": d.org.TOTP(someone)}, ""), "pwd", "mfa", "okta_verify", "otp")
}

// The SDK has no words for this step, and passes it on as the form describes it.
func TestKeepMeSignedIn(t *testing.T) {
	d := drive(t, oktasim.User{}, func(c *oktasim.Config) { c.Policy.PasswordOnly, c.Policy.KeepMeSignedIn = true, true })
	v := d.try("authenticate", map[string]any{"username": someone, "password": oktasim.DefaultPassword})
	if v.Event != "failed" || !strings.Contains(v.Text, "Remediations: [keep-me-signed-in]") {
		t.Fatalf("the SDK is at %+v", v)
	}
	d.in(d.proceed(map[string]any{"step": "keep-me-signed-in", "keepMeSignedIn": true}, ""), "pwd")
	if !d.org.Remembered(someone) {
		t.Error("the answer got lost")
	}
}
