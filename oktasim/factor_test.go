package oktasim_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"sidegate.example/sidegate/oktasim"
)

// Each factor beside Okta Verify is asked for: a wrong code is told on its field, the right one ends the sign-in.
func TestChallengeByCode(t *testing.T) {
	mailed := func(s *signIn) string { return s.newest(someone).Code }
	google := func(s *signIn) string { return s.org.GoogleCode(someone) }
	token := func(s *signIn) string { return s.org.HardwareCode(someone) }
	for name, c := range map[string]struct {
		key, label, method, amr string
		code                    func(*signIn) string
	}{
		"e-mail":  {"okta_email", "Email", "email", "email", mailed},
		"SMS":     {"phone_number", "Phone", "sms", "sms", mailed},
		"voice":   {"phone_number", "Phone", "voice", "tel", mailed},
		"Google":  {"google_otp", "Google Authenticator", "", "google_otp", google},
		"on-prem": {"onprem_mfa", "On-Prem MFA", "", "oath_otp", token},
		"RSA":     {"rsa_token", "RSA SecurID", "", "rsa", token},
		"VIP":     {"symantec_vip", "Symantec VIP", "", "symantec", token},
		"YubiKey": {"yubikey_token", "YubiKey", "otp", "yubikey", token},
		"custom":  {"custom_otp", "Custom OTP", "", "otp", token},
	} {
		t.Run(name, func(t *testing.T) {
			s, a := entered(t, oktasim.User{Enrolled: []string{c.key}})
			choice := map[string]any{}
			if c.method != "" {
				choice["methodType"] = c.method
			}
			s.use(a, c.label, choice).wantStep(200, "challenge-authenticator")
			right := c.code(s)
			if got := s.answer(map[string]any{"passcode": wrongOf(right)}).wantStep(401, "challenge-authenticator").fieldKey(0); got != invalidCode {
				t.Errorf("a wrong code: %q", got)
			}
			s.answer(map[string]any{"totp": right}).wantStep(401, "challenge-authenticator") // the wrong field
			done := s.answer(map[string]any{"passcode": right}).wantStep(200, "success")
			id := claims(t, s.form("/oauth2/default/v1/token", s.tokenForm(code(done))).str("id_token"))
			if amr, _ := json.Marshal(id["amr"]); string(amr) != `["pwd","mfa","`+c.amr+`"]` {
				t.Errorf("amr %s", amr)
			}

			again := s.begin()
			again.use(again.password(someone, password), c.label, choice)
			again.answer(map[string]any{"passcode": right}).wantStep(401, "challenge-authenticator") // it was used, or for another sign-in
		})
	}
}

// Without a method, a phone asks by which.
func TestPhoneMethodIsAskedFor(t *testing.T) {
	s, a := entered(t, oktasim.User{Enrolled: []string{"phone_number"}})
	a = s.use(a, "Phone", nil).wantStep(200, "authenticator-verification-data")
	if len(s.org.Inbox(someone)) != 0 {
		t.Fatal("something was sent before anybody chose how")
	}
	if got := a.str("currentAuthenticatorEnrollment", "value", "profile", "phoneNumber"); got != "+1 XXX-XXX-0100" {
		t.Errorf("number %q", got)
	}
	id := a.str("remediation", "value", 0, "value", 0, "form", "value", 0, "value")
	s.answer(map[string]any{"passcode": ""}).wantKey(400, badRequest)
	s.step("challenge", map[string]any{"authenticator": map[string]any{"id": id, "methodType": "voice"}}).wantStep(200, "challenge-authenticator")
	if m := s.newest(someone); m.Channel != "voice" || m.To != "+15555550100" {
		t.Errorf("sent %+v", m)
	}
}

func TestChallengeRefused(t *testing.T) {
	_, other := entered(t, oktasim.User{Enrolled: []string{"okta_email", "phone_number", "custom_app"}})
	for name, c := range map[string]struct{ label, method string }{
		"not enrolled":     {"Phone", "sms"},
		"unknown method":   {"Email", "push"},
		"app not enrolled": {"Custom Push", "push"},
	} {
		t.Run(name, func(t *testing.T) {
			s, _ := entered(t, oktasim.User{Enrolled: []string{"okta_email"}})
			s.use(other, c.label, map[string]any{"methodType": c.method, "enrollmentId": nil}).wantKey(400, badRequest)
		})
	}
}

// An on-prem or RSA server may take a code and want the one after it.
func TestTokenWantsItsNextCode(t *testing.T) {
	s, a := entered(t, oktasim.User{Enrolled: []string{"rsa_token"}, NextCode: true})
	s.use(a, "RSA SecurID", nil)
	first := s.org.HardwareCode(someone)
	if got := s.answer(map[string]any{"passcode": first}).wantStep(401, "challenge-authenticator").key(); got != "errors.E0000113" {
		t.Errorf("the first code: %q", got)
	}
	s.answer(map[string]any{"passcode": first}).wantStep(401, "challenge-authenticator")
	s.answer(map[string]any{"passcode": s.org.HardwareCode(someone)}).wantStep(200, "success")
}

func TestMagicLink(t *testing.T) {
	links := func(c *oktasim.Config) { c.Policy.MagicLink = true }
	t.Run("followed", func(t *testing.T) {
		s, a := entered(t, oktasim.User{Enrolled: []string{"okta_email"}}, links)
		a = s.use(a, "Email", nil).wantStep(200, "challenge-authenticator")
		if a.at("currentAuthenticatorEnrollment", "value", "poll", "refresh") != 4000.0 {
			t.Errorf("no poll: %s", a.body)
		}
		s.pollOnce().wantStep(200, "challenge-authenticator")
		if got := s.follow(s.newest(someone).Link); got != 204 {
			t.Fatalf("following it: %d", got)
		}
		s.pollOnce().wantStep(200, "success")
	})
	t.Run("followed at an enrolment", func(t *testing.T) {
		s, a := entered(t, oktasim.User{Require: []string{"okta_email"}}, links)
		s.enrol(a, "Email", nil).wantStep(200, "enroll-authenticator")
		s.follow(s.newest(someone).Link)
		s.pollOnce().wantStep(200, "success")
		if got := s.org.Authenticators(someone); len(got) != 2 || got[1] != "okta_email" {
			t.Errorf("authenticators %v", got)
		}
	})
	t.Run("code instead", func(t *testing.T) {
		s, a := entered(t, oktasim.User{Enrolled: []string{"okta_email"}}, links)
		s.use(a, "Email", nil)
		m := s.newest(someone)
		s.answer(map[string]any{"passcode": m.Code}).wantStep(200, "success")
		if got := s.follow(m.Link); got != http.StatusGone {
			t.Errorf("the link afterwards: %d, want 410", got)
		}
	})
	t.Run("of the mail before", func(t *testing.T) {
		s, a := entered(t, oktasim.User{Enrolled: []string{"okta_email"}}, links)
		s.use(a, "Email", nil)
		m := s.newest(someone)
		s.step("challenge/resend", nil).wantStep(200, "challenge-authenticator")
		if got := s.follow(m.Link); got != http.StatusGone {
			t.Errorf("%d, want 410", got)
		}
	})
	t.Run("no link, no poll", func(t *testing.T) {
		s, a := entered(t, oktasim.User{Enrolled: []string{"okta_email"}})
		a = s.use(a, "Email", nil)
		if a.at("currentAuthenticatorEnrollment", "value", "poll") != nil || s.newest(someone).Link != "" {
			t.Errorf("a link nobody switched on: %s", a.body)
		}
		s.step("challenge/poll", nil).wantKey(400, badRequest)
	})
	t.Run("to the app's own page", func(t *testing.T) {
		s, a := entered(t, oktasim.User{Enrolled: []string{"okta_email"}}, links, func(c *oktasim.Config) { c.Policy.EmailLink = "https://app.example/email" })
		s.use(a, "Email", nil)
		m := s.newest(someone)
		if want := "https://app.example/email?" + (url.Values{"otp": {m.Code}, "state": {"st"}}).Encode(); m.Link != want {
			t.Errorf("link %q, want %q", m.Link, want)
		}
	})
}

// Another authenticator chosen half-way voids what was sent for the first.
func TestChoosingAnotherWayVoidsTheCode(t *testing.T) {
	s, a := entered(t, oktasim.User{Enrolled: []string{"okta_email", "google_otp"}, Methods: []string{"push"}})
	if got := a.offered("select-authenticator-authenticate"); got != "Okta Verify, Email, Google Authenticator" {
		t.Errorf("offered %q", got)
	}
	a = s.use(a, "Email", nil)
	sent := s.newest(someone).Code
	s.use(a, "Google Authenticator", nil).wantStep(200, "challenge-authenticator")
	s.answer(map[string]any{"passcode": sent}).wantStep(401, "challenge-authenticator")
	s.choose("push").wantStep(200, "challenge-poll")
	s.answer(map[string]any{"passcode": s.org.GoogleCode(someone)}).wantKey(400, badRequest)
	if err := s.org.Approve(s.pending(someone).ID); err != nil {
		t.Fatal(err)
	}
	s.pollAfter(0).wantStep(200, "success")
}

// Where an option says what it relates to, that is it.
func TestOptionsRelateToTheirEnrolments(t *testing.T) {
	_, a := entered(t, oktasim.User{Enrolled: []string{"okta_email", "webauthn", "phone_number"}})
	options, _ := a.at("remediation", "value", 0, "value", 0, "options").([]any)
	for i := range options {
		relates := a.str("remediation", "value", 0, "value", 0, "options", i, "relatesTo")
		n := int(relates[strings.IndexByte(relates, '[')+1] - '0')
		if got, want := a.str("authenticatorEnrollments", "value", n, "displayName"), a.str("remediation", "value", 0, "value", 0, "options", i, "label"); got != want {
			t.Errorf("option %q relates to %q", want, got)
		}
	}
	if len(options) != 3 {
		t.Errorf("%d options", len(options))
	}
}
