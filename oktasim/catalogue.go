package oktasim

import (
	"slices"
	"strings"
)

// kind is an authenticator of the org.
type kind struct {
	key, typ, label, id string
	methods             []string
	// amr is what a right answer adds to the claim (identity-engine.md §7), by method; "" is any.
	amr map[string]string
	// issued marks what only an administrator hands out: nobody can set it up.
	issued bool
}

// Keys of authenticators that the code steers by.
const (
	keyPassword  = "okta_password"
	keyVerify    = "okta_verify"
	keyEmail     = "okta_email"
	keyPhone     = "phone_number"
	keyGoogle    = "google_otp"
	keyQuestion  = "security_question"
	keyWebAuthn  = "webauthn"
	keyCustomApp = "custom_app"
	keyOnPrem    = "onprem_mfa"
	keyRSA       = "rsa_token"
	keySymantec  = "symantec_vip"
	keyYubiKey   = "yubikey_token"
)

// catalogue are the authenticators by key.
var catalogue = map[string]*kind{}

// tokens are the kinds whose codes come from a piece of hardware.
var tokens = []string{keyOnPrem, keyRSA, keySymantec, keyYubiKey, "custom_otp"}

func init() {
	for _, k := range []*kind{
		{key: keyPassword, typ: "password", label: "Password", methods: []string{"password"}, amr: map[string]string{"": "pwd"}},
		{key: keyVerify, typ: "app", label: "Okta Verify", methods: []string{methodPush, methodTOTP}},
		{key: keyEmail, typ: "email", label: "Email", methods: []string{"email"}, amr: map[string]string{"": "email"}},
		{key: keyPhone, typ: "phone", label: "Phone", methods: []string{"sms", "voice"}, amr: map[string]string{"sms": "sms", "voice": "tel"}},
		{key: keyGoogle, typ: "app", label: "Google Authenticator", methods: []string{"otp"}, amr: map[string]string{"": "google_otp"}},
		{key: keyQuestion, typ: "security_question", label: "Security Question", methods: []string{"security_question"}, amr: map[string]string{"": "kba"}},
		{key: keyWebAuthn, typ: "security_key", label: "Security Key or Biometric", methods: []string{"webauthn"}, amr: map[string]string{"": "pop"}},
		{key: keyCustomApp, typ: "app", label: "Custom Push", methods: []string{methodPush}, amr: map[string]string{"": "swk"}},
		{key: keyOnPrem, typ: "security_key", label: "On-Prem MFA", methods: []string{"otp"}, amr: map[string]string{"": "oath_otp"}},
		{key: keyRSA, typ: "security_key", label: "RSA SecurID", methods: []string{"otp"}, amr: map[string]string{"": "rsa"}},
		{key: keySymantec, typ: "app", label: "Symantec VIP", methods: []string{"otp"}, amr: map[string]string{"": "symantec"}},
		{key: keyYubiKey, typ: "security_key", label: "YubiKey", methods: []string{"otp"}, amr: map[string]string{"": "yubikey"}},
		{key: "custom_otp", typ: "security_key", label: "Custom OTP", methods: []string{"otp"}, amr: map[string]string{"": "otp"}, issued: true},
	} {
		k.id = stableID("aut", k.key)
		catalogue[k.key] = k
	}
}

// kindByID finds an authenticator; nil for none.
func kindByID(id string) *kind {
	for _, k := range catalogue {
		if k.id == id {
			return k
		}
	}
	return nil
}

func (k *kind) token() bool { return slices.Contains(tokens, k.key) }

// namesEnrolment: an option has to say which of several enrolments is meant (identity-engine.md §4.6).
func (k *kind) namesEnrolment() bool {
	return k.key == keyPhone || k.key == keyOnPrem || k.key == keyRSA
}

// proof is the amr value of an answer by that method.
func (k *kind) proof(method string) string {
	if v := k.amr[method]; v != "" {
		return v
	}
	return k.amr[""]
}

// authenticator is how the kind stands in a document.
func (k *kind) authenticator() authenticator {
	a := authenticator{Type: k.typ, Key: k.key, ID: k.id, DisplayName: k.label}
	for _, m := range k.methods {
		a.Methods = append(a.Methods, method{m})
	}
	return a
}

// hasKey reports whether the user has the authenticator.
func (a *account) hasKey(key string) bool {
	switch key {
	case keyPassword:
		return a.Password != ""
	case keyVerify:
		return len(a.Methods) > 0
	}
	return slices.Contains(a.Enrolled, key)
}

// mayHave reports whether the user has the authenticator or is to set it up, so that the phone page shows its codes.
func (a *account) mayHave(key string) bool {
	return a.hasKey(key) || slices.Contains(slices.Concat(a.Require, a.Optional), key)
}

// missing are the keys of a list that the user has not set up.
func (a *account) missing(keys []string) []string {
	return slices.DeleteFunc(slices.Clone(keys), a.hasKey)
}

// add gives the user an authenticator of the catalogue.
func (a *account) add(key string) {
	if !a.hasKey(key) {
		a.Enrolled = append(a.Enrolled, key)
	}
}

// profile tells two authenticators of one kind apart, masked as Okta does.
func (a *account) profile(key string) map[string]string {
	switch key {
	case keyEmail:
		return map[string]string{"email": masked(a.Email)}
	case keyPhone:
		return map[string]string{"phoneNumber": maskedNumber(a.Phone)}
	case keyCustomApp, keyVerify:
		if a.Device != "" {
			return map[string]string{"deviceName": a.Device}
		}
	}
	return nil
}

func masked(address string) string {
	at := strings.IndexByte(address, '@')
	if at < 1 {
		return address
	}
	return address[:1] + "***" + address[at:]
}

func maskedNumber(n string) string {
	if len(n) < 6 {
		return n
	}
	return n[:2] + " XXX-XXX-" + n[len(n)-4:]
}
