package sdk

import (
	"slices"
	"strconv"
	"testing"

	"sidegate.example/sidegate/oktasim"
)

func TestOktaVerifyByQR(t *testing.T) {
	d := drive(t, oktasim.User{Require: []string{"okta_verify"}})
	d.signIn("select-authenticator-enroll")
	v := d.choose("okta_verify", "enroll-poll")
	d.scan(v)
	d.in(d.poll(v, ""), "pwd", "mfa", "okta_verify")
}

// By e-mail, on to a text message, and there it is finished.
func TestOktaVerifyByLinksSwitchingChannels(t *testing.T) {
	d := drive(t, oktasim.User{Require: []string{"okta_verify"}})
	d.signIn("select-authenticator-enroll")
	v := d.choose("okta_verify", "enroll-poll")
	if !slices.Contains(v.Steps, "select-enrollment-channel") {
		t.Fatalf("no other channel: %v", v.Steps)
	}
	d.proceed(map[string]any{"channel": "email"}, "enrollment-channel-data")
	v = d.proceed(map[string]any{"email": "joy@home.example"}, "enroll-poll")
	mailed := d.newest()
	if mailed.To != "joy@home.example" || v.Contextual["email"] != mailed.To || !v.CanResend {
		t.Fatalf("sent %+v, the SDK sees %+v", mailed, v)
	}
	d.proceed(map[string]any{"channel": "sms"}, "enrollment-channel-data")
	if v := d.proceed(map[string]any{"phoneNumber": "12"}, "enrollment-channel-data"); !slices.Equal(v.Messages, []string{"api.factors.error.sms.invalid_phone"}) {
		t.Fatalf("a bad number: %+v", v)
	}
	v = d.proceed(map[string]any{"phoneNumber": "+15555550177"}, "enroll-poll")
	first := d.newest()
	d.proceed(map[string]any{"resend": true}, "enroll-poll")
	second := d.newest()
	if second.Channel != "sms" || second.To != "+15555550177" || second.Link == first.Link {
		t.Fatalf("sent again: %+v", second)
	}
	for _, old := range []oktasim.Mail{mailed, first} {
		if err := d.org.OpenLink(old.Link); err != oktasim.ErrNoLink {
			t.Errorf("an old link: %v", err)
		}
	}
	check(t, d.org.OpenLink(second.Link))
	d.in(d.poll(v, ""), "pwd", "mfa", "okta_verify")
}

func TestOktaVerifyByEmailLink(t *testing.T) {
	d := drive(t, oktasim.User{Require: []string{"okta_verify"}}, func(c *oktasim.Config) { c.Policy.Channels = []string{"email", "qrcode"} })
	d.signIn("select-authenticator-enroll")
	d.choose("okta_verify", "enroll-poll")
	d.proceed(map[string]any{"channel": "email"}, "enrollment-channel-data")
	v := d.proceed(map[string]any{"email": "joy@home.example"}, "enroll-poll")
	check(t, d.org.OpenLink(d.newest().Link))
	d.in(d.poll(v, ""), "pwd", "mfa", "okta_verify")
}

func TestEnrolmentsByCode(t *testing.T) {
	for key, c := range map[string]struct {
		amr  string
		code func(*driven) string
	}{
		"okta_email":    {"email", (*driven).mailed},
		"google_otp":    {"google_otp", func(d *driven) string { return d.org.GoogleCode(someone) }},
		"yubikey_token": {"yubikey", func(d *driven) string { return d.org.HardwareCode(someone) }},
	} {
		t.Run(key, func(t *testing.T) {
			d := drive(t, oktasim.User{Require: []string{key}})
			d.signIn("select-authenticator-enroll")
			v := d.choose(key, "enroll-authenticator")
			if v.Authenticator != key || !slices.Equal(v.Inputs, []string{"verificationCode"}) {
				t.Errorf("the SDK asks for %+v", v)
			}
			d.in(d.code(func() string { return c.code(d) }), "pwd", "mfa", c.amr)
			if got := d.org.Authenticators(someone); !slices.Contains(got, key) {
				t.Errorf("authenticators %v", got)
			}
		})
	}
}

// The SDK's own input for every code is verificationCode, which is too little for these tokens: their forms want more. What it is
// given as credentials it passes on as it is.
func TestTokenEnrolments(t *testing.T) {
	owner := func(id string, code int) map[string]any {
		return map[string]any{"id": id, "methodType": "otp", "clientData": someone, "passcode": strconv.Itoa(code)}
	}
	for key, c := range map[string]struct {
		amr         string
		credentials func(id string, code int) map[string]any
	}{
		"onprem_mfa": {"oath_otp", owner},
		"rsa_token":  {"rsa", owner},
		"symantec_vip": {"symantec", func(_ string, code int) map[string]any {
			return map[string]any{"credentialId": oktasim.SymantecCredential, "passcode": strconv.Itoa(code), "nextPasscode": strconv.Itoa(code + 1)}
		}},
	} {
		begin := func(t *testing.T) (d *driven, id string, right int) {
			d = drive(t, oktasim.User{Require: []string{key}})
			d.signIn("select-authenticator-enroll")
			v := d.choose(key, "enroll-authenticator")
			if v.Authenticator != key || !slices.Equal(v.Inputs, []string{"verificationCode"}) {
				t.Errorf("the SDK asks for %+v", v)
			}
			right, err := strconv.Atoi(d.org.HardwareCode(someone))
			check(t, err)
			return d, v.AuthenticatorID, right
		}
		t.Run(key, func(t *testing.T) {
			d, id, right := begin(t)
			v := d.try("proceed", map[string]any{"credentials": c.credentials(id, right+7)})
			if v.Step != "enroll-authenticator" || !slices.Equal(v.Messages, []string{"api.authn.error.PASSCODE_INVALID"}) {
				t.Errorf("a wrong code: %+v", v)
			}
			d.in(d.proceed(map[string]any{"credentials": c.credentials(id, right)}, ""), "pwd", "mfa", c.amr)
			if got := d.org.Authenticators(someone); !slices.Contains(got, key) {
				t.Errorf("authenticators %v", got)
			}
		})
		t.Run(key+" by the code alone", func(t *testing.T) {
			d, _, right := begin(t)
			v := d.try("proceed", map[string]any{"verificationCode": strconv.Itoa(right)})
			if got := d.org.Authenticators(someone); v.Status == "SUCCESS" || len(v.Messages) != 1 || slices.Contains(got, key) {
				t.Errorf("%+v, authenticators %v", v, got)
			}
		})
	}
}

func TestPhoneEnrolment(t *testing.T) {
	for method, amr := range map[string]string{"sms": "sms", "voice": "tel"} {
		t.Run(method, func(t *testing.T) {
			d := drive(t, oktasim.User{Require: []string{"phone_number"}})
			d.signIn("select-authenticator-enroll")
			v := d.choose("phone_number", "authenticator-enrollment-data")
			if !slices.Equal(v.Inputs, []string{"methodType", "phoneNumber"}) || !slices.Equal(v.Options, []string{"sms", "voice"}) {
				t.Errorf("the SDK asks for %+v", v)
			}
			v = d.proceed(map[string]any{"methodType": method, "phoneNumber": "12345"}, "authenticator-enrollment-data")
			if !slices.Equal(v.Messages, []string{"api.factors.error.sms.invalid_phone"}) {
				t.Errorf("a bad number: %+v", v)
			}
			d.proceed(map[string]any{"methodType": method, "phoneNumber": "+15555550177"}, "enroll-authenticator")
			if m := d.newest(); m.Channel != method || m.To != "+15555550177" {
				t.Errorf("sent %+v", m)
			}
			d.in(d.code(d.mailed), "pwd", "mfa", amr)
		})
	}
}

func TestQuestionEnrolment(t *testing.T) {
	for name, c := range map[string]map[string]any{
		"listed": {"questionKey": "favorite_vacation_location", "answer": "Faro"},
		"own":    {"questionKey": "custom", "question": "What is the gate for?", "answer": "payroll"},
	} {
		t.Run(name, func(t *testing.T) {
			d := drive(t, oktasim.User{Require: []string{"security_question"}})
			d.signIn("select-authenticator-enroll")
			d.choose("security_question", "enroll-authenticator")
			short := map[string]any{"questionKey": c["questionKey"], "question": c["question"], "answer": "abc"}
			if v := d.proceed(short, "enroll-authenticator"); !slices.Equal(v.Messages, []string{"securityQuestion.answer.tooShort.arg"}) {
				t.Errorf("a short answer: %+v", v)
			}
			d.in(d.proceed(c, ""), "pwd", "mfa", "kba")

			d.signIn("select-authenticator-authenticate")
			v := d.choose("security_question", "challenge-authenticator")
			if asked, _ := v.Contextual["enrolledQuestion"].(map[string]any); asked["questionKey"] != c["questionKey"] {
				t.Errorf("asked for %+v", v)
			}
			if v := d.proceed(map[string]any{"answer": "wrong"}, "challenge-authenticator"); !slices.Equal(v.Messages, []string{"api.authn.error.PASSCODE_INVALID"}) {
				t.Errorf("a wrong answer: %+v", v)
			}
			d.in(d.proceed(map[string]any{"answer": c["answer"]}, ""), "pwd", "mfa", "kba")
		})
	}
}

// The key is one in software (softkey.mjs); what is around it, the SDK's own helpers.
func TestPasskey(t *testing.T) {
	d := drive(t, oktasim.User{Require: []string{"webauthn"}})
	d.signIn("select-authenticator-enroll")
	v := d.choose("webauthn", "enroll-authenticator")
	if !slices.Equal(v.Inputs, []string{"clientData", "attestation"}) {
		t.Errorf("the SDK asks for %v", v.Inputs)
	}
	d.in(d.do("passkey", nil, ""), "pwd", "mfa", "pop")
	d.signIn("select-authenticator-authenticate")
	d.choose("webauthn", "challenge-authenticator")
	d.in(d.do("passkey", nil, ""), "pwd", "mfa", "pop")
}

func TestOptionalEnrolmentIsSkipped(t *testing.T) {
	d := drive(t, oktasim.User{Methods: []string{"totp"}, Optional: []string{"okta_email", "phone_number"}})
	d.signIn("challenge-authenticator")
	v := d.proceed(map[string]any{"verificationCode": d.org.TOTP(someone)}, "select-authenticator-enroll")
	if !v.CanSkip || !slices.Equal(v.Options, []string{"okta_email", "phone_number"}) {
		t.Fatalf("offered %+v", v)
	}
	d.in(d.proceed(map[string]any{"skip": true}, ""), "pwd", "mfa", "okta_verify", "otp")
}
