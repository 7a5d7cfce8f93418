package oktasim_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"sidegate.example/sidegate/oktasim"
)

// newest is the last mail of a person.
func (b *bench) newest(login string) oktasim.Mail {
	b.t.Helper()
	mails := b.org.Inbox(login)
	if len(mails) == 0 {
		b.t.Fatal("the inbox is empty")
	}
	return mails[len(mails)-1]
}

// fieldKey is the message on the n-th input of the first form's credentials.
func (a *answer) fieldKey(n int) string {
	return a.str("remediation", "value", 0, "value", 0, "form", "value", n, "messages", "value", 0, "i18n", "key")
}

func (a *answer) contextual(path ...any) string {
	return a.str(append([]any{"currentAuthenticator", "value", "contextualData"}, path...)...)
}

func (s *signIn) pollOnce() *answer {
	s.t.Helper()
	s.now = s.now.Add(4 * time.Second)
	return s.step("challenge/poll", nil)
}

const (
	invalidCode = "api.authn.error.PASSCODE_INVALID"
	badRequest  = "E0000020"
)

// wrongOf is another code of the same length.
func wrongOf(code string) string {
	return strings.Map(func(r rune) rune { return '0' + (r-'0'+1)%10 }, code)
}

// Each authenticator that is proved by a code while it is set up: a wrong code is told on the field, and the right one
// ends the enrolment and counts as a factor.
func TestEnrolmentByCode(t *testing.T) {
	mailed := func(s *signIn) string { return s.newest(someone).Code }
	google := func(s *signIn) string { return s.org.GoogleCode(someone) }
	token := func(s *signIn) string { return s.org.HardwareCode(someone) }
	for key, c := range map[string]struct {
		label, amr string
		choice     map[string]any
		code       func(*signIn) string
		field      int
	}{
		"okta_email":    {"Email", "email", nil, mailed, 0},
		"phone_number":  {"Phone", "tel", map[string]any{"methodType": "voice", "phoneNumber": "+15555550177"}, mailed, 0},
		"google_otp":    {"Google Authenticator", "google_otp", nil, google, 0},
		"yubikey_token": {"YubiKey", "yubikey", nil, token, 0},
		"onprem_mfa":    {"On-Prem MFA", "oath_otp", nil, token, 3},
		"rsa_token":     {"RSA SecurID", "rsa", nil, token, 3},
	} {
		t.Run(key, func(t *testing.T) {
			s, a := entered(t, oktasim.User{Require: []string{key}})
			a = s.enrol(a.wantStep(200, "select-authenticator-enroll"), c.label, c.choice).wantStep(200, "enroll-authenticator")
			credentials := func(code string) map[string]any {
				out := map[string]any{"passcode": code}
				inputs, _ := a.at("remediation", "value", 0, "value", 0, "form", "value").([]any)
				for _, f := range inputs {
					field := f.(map[string]any)
					if field["value"] != nil {
						out[field["name"].(string)] = field["value"]
					}
				}
				return out
			}
			wrong := s.answer(credentials(wrongOf(c.code(s)))).wantStep(401, "enroll-authenticator")
			if got := wrong.fieldKey(c.field); got != invalidCode {
				t.Errorf("message %q on the field, want %q", got, invalidCode)
			}
			if got := s.org.Authenticators(someone); !slices.Equal(got, []string{"okta_password"}) {
				t.Errorf("a wrong code set %v up", got)
			}
			done := s.answer(credentials(c.code(s))).wantStep(200, "success")
			if got := s.org.Authenticators(someone); !slices.Contains(got, key) {
				t.Errorf("%v has no %s", got, key)
			}
			id := claims(t, s.form("/oauth2/default/v1/token", s.tokenForm(code(done))).str("id_token"))
			if amr, _ := json.Marshal(id["amr"]); string(amr) != `["pwd","mfa","`+c.amr+`"]` {
				t.Errorf("amr %s", amr)
			}
		})
	}
}

func TestSymantecWantsTwoCodesInARow(t *testing.T) {
	s, a := entered(t, oktasim.User{Require: []string{"symantec_vip"}})
	a = s.enrol(a, "Symantec VIP", nil).wantStep(200, "enroll-authenticator")
	for i, name := range []string{"credentialId", "passcode", "nextPasscode"} {
		if got := a.str("remediation", "value", 0, "value", 0, "form", "value", i, "name"); got != name {
			t.Errorf("input %d is %q, want %q", i, got, name)
		}
	}
	for name, c := range map[string][3]string{
		"same code twice":   {oktasim.SymantecCredential, "10000001", "10000001"},
		"another's token":   {"VSST00000000", "10000001", "10000002"},
		"codes out of turn": {oktasim.SymantecCredential, "10000002", "10000003"},
	} {
		got := s.answer(map[string]any{"credentialId": c[0], "passcode": c[1], "nextPasscode": c[2]}).wantStep(401, "enroll-authenticator")
		if got.fieldKey(2) != invalidCode {
			t.Errorf("%s: %s", name, got.body)
		}
	}
	s.answer(map[string]any{"credentialId": oktasim.SymantecCredential, "passcode": "10000001", "nextPasscode": "10000002"}).wantStep(200, "success")
}

// What Okta marks as immutable has to come back as it was.
func TestImmutableFieldChanged(t *testing.T) {
	s, a := entered(t, oktasim.User{Require: []string{"onprem_mfa"}})
	a = s.enrol(a, "On-Prem MFA", nil)
	id := a.str("remediation", "value", 0, "value", 0, "form", "value", 0, "value")
	for name, credentials := range map[string]map[string]any{
		"id":         {"id": "autX", "methodType": "otp", "clientData": someone, "passcode": "10000001"},
		"methodType": {"id": id, "methodType": "push", "clientData": someone, "passcode": "10000001"},
	} {
		if got := s.answer(credentials); got.key() != badRequest {
			t.Errorf("%s: %d %s", name, got.status, got.body)
		}
	}
	// The user name is no such field, and has to be that of the token's owner.
	s.answer(map[string]any{"id": id, "methodType": "otp", "clientData": pushUser, "passcode": "10000001"}).wantStep(401, "enroll-authenticator")
	s.answer(map[string]any{"id": id, "methodType": "otp", "clientData": someone, "passcode": "10000001"}).wantStep(200, "success")

	t.Run("enrollmentId", func(t *testing.T) {
		s, a := entered(t, oktasim.User{Enrolled: []string{"phone_number"}})
		s.use(a, "Phone", map[string]any{"methodType": "sms", "enrollmentId": "pae_of_another"}).wantKey(400, badRequest)
	})
	t.Run("address of a link", func(t *testing.T) {
		s, a := entered(t, oktasim.User{Require: []string{"okta_verify"}})
		s.enrol(a, "Okta Verify", map[string]any{"channel": "email"}).wantStep(200, "enrollment-channel-data")
		s.step("challenge/send", map[string]any{"email": "joy@home.example"}).wantStep(200, "enroll-poll")
		s.step("challenge/resend", map[string]any{"email": "eve@evil.example"}).wantKey(400, badRequest)
		s.step("challenge/resend", map[string]any{"email": "joy@home.example"}).wantStep(200, "enroll-poll")
	})
}

func TestQuestionIsSetUp(t *testing.T) {
	for name, c := range map[string]struct{ credentials, challenge map[string]any }{
		"listed": {
			map[string]any{"questionKey": "name_of_first_plush_toy", "answer": "Ursa"},
			map[string]any{"questionKey": "name_of_first_plush_toy", "answer": "ursa"},
		},
		"own": {
			map[string]any{"questionKey": "custom", "question": "What is the gate for?", "answer": "payroll"},
			map[string]any{"questionKey": "custom", "answer": "payroll"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			s, a := entered(t, oktasim.User{Require: []string{"security_question"}})
			a = s.enrol(a, "Security Question", nil).wantStep(200, "enroll-authenticator")
			if got := a.contextual("questions", 1, "questionKey"); got != "favorite_vacation_location" {
				t.Errorf("second question %q", got)
			}
			short := map[string]any{"questionKey": c.credentials["questionKey"], "question": c.credentials["question"], "answer": "abc"}
			a = s.answer(short).wantStep(400, "enroll-authenticator")
			for option, input := range []int{1, 2} { // both alternatives carry it, as at Okta
				at := []any{"remediation", "value", 0, "value", 0, "options", option, "value", "form", "value", input, "messages", "value", 0, "i18n", "key"}
				if got := a.str(at...); got != "securityQuestion.answer.tooShort.arg" {
					t.Errorf("alternative %d: %q", option, got)
				}
			}
			s.answer(map[string]any{"questionKey": "not_listed", "answer": "long enough"}).wantKey(400, badRequest)
			s.answer(map[string]any{"questionKey": "custom", "answer": "long enough"}).wantKey(400, badRequest)
			s.answer(c.credentials).wantStep(200, "success")

			again := s.begin()
			a = again.use(again.password(someone, password), "Security Question", nil).wantStep(200, "challenge-authenticator")
			if got := a.str("currentAuthenticatorEnrollment", "value", "contextualData", "enrolledQuestion", "questionKey"); got != c.challenge["questionKey"] {
				t.Errorf("asked for %q", got)
			}
			again.answer(map[string]any{"questionKey": c.challenge["questionKey"], "answer": "Bruin"}).wantStep(401, "challenge-authenticator")
			again.answer(map[string]any{"questionKey": "disliked_food", "answer": c.challenge["answer"]}).wantStep(401, "challenge-authenticator")
			again.answer(c.challenge).wantStep(200, "success")
		})
	}
}

func TestPhoneNumberIsAskedFor(t *testing.T) {
	s, a := entered(t, oktasim.User{Require: []string{"phone_number"}})
	a = s.enrol(a, "Phone", nil).wantStep(200, "authenticator-enrollment-data")
	id := a.str("remediation", "value", 0, "value", 0, "form", "value", 0, "value")
	give := func(method, number string) *answer {
		return s.step("credential/enroll", map[string]any{"authenticator": map[string]any{"id": id, "methodType": method, "phoneNumber": number}})
	}
	for _, number := range []string{"12345678", "+0", "+1 555 555 0177", "+1555555017a"} {
		give("sms", number).wantStep(400, "authenticator-enrollment-data").wantKey(400, "api.factors.error.sms.invalid_phone")
	}
	give("fax", "+15555550177").wantKey(400, badRequest)
	give("sms", "+15555550177").wantStep(200, "enroll-authenticator")
	first := s.newest(someone)
	if first.To != "+15555550177" || first.Channel != "sms" {
		t.Fatalf("sent %+v", first)
	}
	s.step("challenge/resend", nil).wantStep(200, "enroll-authenticator")
	second := s.newest(someone)
	if second.To != first.To {
		t.Fatalf("sent again %+v", second)
	}
	if first.Code != second.Code {
		s.answer(map[string]any{"passcode": first.Code}).wantStep(401, "enroll-authenticator") // void
	}
	s.answer(map[string]any{"passcode": second.Code}).wantStep(200, "success")
}

// Five wrong codes end the transaction, however often a new one is sent in between.
func TestGuessingEndsTheSignIn(t *testing.T) {
	s, a := entered(t, oktasim.User{Enrolled: []string{"okta_email"}})
	s.use(a, "Email", nil).wantStep(200, "challenge-authenticator")
	for range 4 {
		s.answer(map[string]any{"passcode": wrongOf(s.newest(someone).Code)}).wantStep(401, "challenge-authenticator")
		s.step("challenge/resend", nil).wantStep(200, "challenge-authenticator")
	}
	s.answer(map[string]any{"passcode": "x"}).wantKey(403, "authfactor.challenge.suspended_factor")
	s.answer(map[string]any{"passcode": s.newest(someone).Code}).wantKey(401, "idx.session.expired")
}

// Google's key is only the user's once a code of it was given; a code is good once.
func TestGoogleAuthenticator(t *testing.T) {
	s, a := entered(t, oktasim.User{Require: []string{"google_otp"}})
	a = s.enrol(a, "Google Authenticator", nil)
	if !strings.HasPrefix(a.contextual("qrcode", "href"), "data:image/png;base64,") || len(a.contextual("sharedSecret")) != 32 {
		t.Fatalf("contextualData: %s", a.body)
	}
	used := s.org.GoogleCode(someone)
	s.answer(map[string]any{"passcode": used}).wantStep(200, "success")
	again := s.begin()
	again.use(again.password(someone, password), "Google Authenticator", nil)
	if got := again.answer(map[string]any{"passcode": used}).wantStep(401, "challenge-authenticator").fieldKey(0); got != "authfactor.challenge.soft_token.used_passcode" {
		t.Errorf("a used code: %q", got)
	}
	again.answer(map[string]any{"passcode": again.org.GoogleCode(someone)}).wantStep(200, "success")
}

func TestEnrolmentNotAllowed(t *testing.T) {
	ids := func(a *answer) string { return a.option("select-authenticator-enroll", "Email")["id"].(string) }
	t.Run("before the password", func(t *testing.T) {
		newBench(t).begin().step("credential/enroll", map[string]any{"authenticator": map[string]any{"id": "aut"}}).wantKey(403, "security.access_denied")
	})
	t.Run("while a factor is asked for", func(t *testing.T) {
		s, _ := entered(t, oktasim.User{Enrolled: []string{"google_otp"}, Require: []string{"okta_email"}})
		_, offered := entered(t, oktasim.User{Require: []string{"okta_email"}})
		s.step("credential/enroll", map[string]any{"authenticator": map[string]any{"id": ids(offered)}}).wantKey(403, "security.access_denied")
	})
	t.Run("what the policy does not name", func(t *testing.T) {
		_, offered := entered(t, oktasim.User{Require: []string{"okta_email"}})
		s, _ := entered(t, oktasim.User{Require: []string{"google_otp"}})
		s.step("credential/enroll", map[string]any{"authenticator": map[string]any{"id": ids(offered)}}).wantKey(400, badRequest)
	})
	t.Run("by a channel that the policy does not name", func(t *testing.T) {
		s, a := entered(t, oktasim.User{Require: []string{"okta_verify"}}, func(c *oktasim.Config) { c.Policy.Channels = []string{"qrcode"} })
		s.enrol(a, "Okta Verify", map[string]any{"channel": "sms"}).wantKey(400, badRequest)
	})
	t.Run("skipping what is required", func(t *testing.T) {
		s, _ := entered(t, oktasim.User{Require: []string{"okta_email"}})
		s.step("skip", nil).wantKey(400, badRequest)
	})
}

func TestOptionalEnrolmentAndGrace(t *testing.T) {
	t.Run("optional is skipped", func(t *testing.T) {
		s, a := entered(t, oktasim.User{Enrolled: []string{"google_otp"}, Optional: []string{"okta_email", "phone_number"}})
		s.use(a, "Google Authenticator", nil)
		a = s.answer(map[string]any{"passcode": s.org.GoogleCode(someone)}).wantStep(200, "select-authenticator-enroll")
		if got := a.str("remediation", "value", 1, "name"); got != "skip" {
			t.Errorf("beside it %q, want skip", got)
		}
		s.enrol(a, "Email", nil).wantStep(200, "enroll-authenticator")
		s.step("skip", nil).wantStep(200, "success") // half-way too
	})
	t.Run("one optional, then the rest is offered", func(t *testing.T) {
		s, a := entered(t, oktasim.User{Enrolled: []string{"google_otp"}, Optional: []string{"okta_email", "phone_number"}})
		s.use(a, "Google Authenticator", nil)
		a = s.answer(map[string]any{"passcode": s.org.GoogleCode(someone)})
		s.enrol(a, "Email", nil)
		a = s.answer(map[string]any{"passcode": s.newest(someone).Code}).wantStep(200, "select-authenticator-enroll")
		if got := a.offered("select-authenticator-enroll"); got != "Phone" {
			t.Errorf("offered %q", got)
		}
		s.step("skip", nil).wantStep(200, "success")
	})
	t.Run("required, within the grace period", func(t *testing.T) {
		until := time.Date(2026, 8, 2, 0, 0, 0, 0, time.UTC)
		s, a := entered(t, oktasim.User{Require: []string{"okta_verify"}, GraceUntil: until})
		if got := a.wantStep(200, "select-authenticator-enroll").str("authenticators", "value", 0, "gracePeriod", "expiry"); got != "2026-08-02T00:00:00.000Z" {
			t.Errorf("grace period until %q", got)
		}
		s.step("skip", nil).wantStep(200, "success")

		s.now = until
		again := s.begin()
		a = again.password(someone, password).wantStep(200, "select-authenticator-enroll")
		if a.at("authenticators", "value", 0, "gracePeriod") != nil {
			t.Errorf("a grace period that is over: %s", a.body)
		}
		again.step("skip", nil).wantKey(400, badRequest)
	})
}

func TestPasswordIsSetUp(t *testing.T) {
	s := newBench(t, withUser(oktasim.User{}, func(c *oktasim.Config) {
		u := &c.Users[len(c.Users)-1]
		u.Password, u.Enrolled, u.Require = "", []string{"okta_email"}, []string{"okta_password"}
		c.Policy.IdentifierFirst = true
	})).begin()
	a := s.step("identify", map[string]any{"identifier": someone}).wantStep(200, "select-authenticator-authenticate")
	s.use(a, "Email", nil)
	a = s.answer(map[string]any{"passcode": s.newest(someone).Code}).wantStep(200, "select-authenticator-enroll")
	a = s.enrol(a, "Password", nil).wantStep(200, "enroll-authenticator")
	if a.at("currentAuthenticator", "value", "settings", "complexity", "minLength") != 8.0 {
		t.Errorf("settings: %v", a.at("currentAuthenticator"))
	}
	if got := s.answer(map[string]any{"passcode": "short1"}).wantStep(400, "enroll-authenticator").fieldKey(0); got != "password.passwordRequirementsNotMet" {
		t.Errorf("a bad password: %q", got)
	}
	done := s.answer(map[string]any{"passcode": " new Passw0rd "}).wantStep(200, "success")
	id := claims(t, s.form("/oauth2/default/v1/token", s.tokenForm(code(done))).str("id_token"))
	if amr, _ := json.Marshal(id["amr"]); string(amr) != `["email","mfa","pwd"]` {
		t.Errorf("amr %s", amr)
	}
	again := s.begin()
	again.step("identify", map[string]any{"identifier": someone}).wantStep(200, "challenge-authenticator")
	again.answer(map[string]any{"passcode": "new Passw0rd"}).wantStep(401, "challenge-authenticator") // it is not trimmed
	again.answer(map[string]any{"passcode": " new Passw0rd "}).wantStep(200, "select-authenticator-authenticate")
}
