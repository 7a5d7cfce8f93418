package oktasim

import (
	"slices"
	"strings"
)

// kind is an authenticator of the org beside password and Okta Verify's push and code.
type kind struct {
	key, typ, label, id string
	methods             []string
	// amr is what a right answer adds to the claim (identity-engine.md §7), by method; "" is any.
	amr map[string]string
}

// catalogue are the authenticators by key. Okta Verify is here as something to set up.
var catalogue = map[string]*kind{}

// tokens are the kinds whose codes come from a piece of hardware.
var tokens = []string{"onprem_mfa", "rsa_token", "symantec_vip", "yubikey_token", "custom_otp"}

func init() {
	for _, k := range []*kind{
		{key: "okta_verify", typ: "app", label: "Okta Verify", methods: []string{methodPush, methodTOTP}},
		{key: "okta_email", typ: "email", label: "Email", methods: []string{"email"}, amr: map[string]string{"": "email"}},
		{key: "phone_number", typ: "phone", label: "Phone", methods: []string{"sms", "voice"}, amr: map[string]string{"sms": "sms", "voice": "tel"}},
		{key: "google_otp", typ: "app", label: "Google Authenticator", methods: []string{"otp"}, amr: map[string]string{"": "google_otp"}},
		{key: "security_question", typ: "security_question", label: "Security Question", methods: []string{"security_question"}, amr: map[string]string{"": "kba"}},
		{key: "onprem_mfa", typ: "security_key", label: "On-Prem MFA", methods: []string{"otp"}, amr: map[string]string{"": "oath_otp"}},
		{key: "rsa_token", typ: "security_key", label: "RSA SecurID", methods: []string{"otp"}, amr: map[string]string{"": "rsa"}},
		{key: "symantec_vip", typ: "app", label: "Symantec VIP", methods: []string{"otp"}, amr: map[string]string{"": "symantec"}},
		{key: "yubikey_token", typ: "security_key", label: "YubiKey", methods: []string{"otp"}, amr: map[string]string{"": "yubikey"}},
		{key: "custom_otp", typ: "security_key", label: "Custom OTP", methods: []string{"otp"}, amr: map[string]string{"": "otp"}},
	} {
		k.id = stableID("aut", k.key)
		catalogue[k.key] = k
	}
}

// authenticatorByID finds one of the catalogue but Okta Verify; nil for none.
func authenticatorByID(id string) *kind {
	for _, k := range catalogue {
		if k.id == id && k.key != "okta_verify" {
			return k
		}
	}
	return nil
}

func (k *kind) token() bool { return slices.Contains(tokens, k.key) }

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
	if key == "okta_verify" {
		return len(a.Methods) > 0
	}
	return slices.Contains(a.Enrolled, key)
}

// missing are the keys of a list that the user has not set up.
func (a *account) missing(keys []string) []string {
	return slices.DeleteFunc(slices.Clone(keys), a.hasKey)
}

// profile tells two authenticators of one kind apart, masked as Okta does.
func (a *account) profile(key string) map[string]string {
	switch key {
	case "okta_email":
		return map[string]string{"email": masked(a.Email)}
	case "phone_number":
		return map[string]string{"phoneNumber": maskedNumber(a.Phone)}
	case "security_question":
		return map[string]string{"questionKey": questionKey, "question": questionText}
	}
	return nil
}

const (
	questionKey  = "disliked_food"
	questionText = "What is the food you least liked as a child?"
)

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
