package oktasim

import (
	"encoding/base64"
	"slices"
	"strconv"
	"time"
)

// Factors are views of what a user has in the Identity Engine: one phone, one inbox, one secret serve both.

// FactorsPolicy is how the Users, Factors and Authentication API behave.
type FactorsPolicy struct {
	// Disabled are factor types that the enrolment policy does not allow ("sms"), or one provider's ("token/RSA"). They are
	// neither listed nor enrolled nor verified.
	Disabled []string `json:"disabled"`
	// AutoEmail lists the primary address as an ACTIVE factor although nobody enrolled it, as Identity Engine does.
	AutoEmail bool `json:"auto_email"`
	// NoNumberMatching is an org without that feature: asking for it is an error.
	NoNumberMatching bool `json:"no_number_matching"`
	// CodeResults answers a replayed or late code with 200 and a factorResult where an error is usual.
	CodeResults bool `json:"code_results"`
	// AuthnPasswordOnly is an org whose sign-on policy wants no second factor: /api/v1/authn succeeds on the password.
	AuthnPasswordOnly bool `json:"authn_password_only"`
	// ShowLockedOut lets /api/v1/authn say LOCKED_OUT; otherwise it answers as to a wrong password.
	ShowLockedOut bool `json:"show_locked_out"`
}

// Factor types.
const (
	factorPush     = "push"
	factorTOTP     = "token:software:totp"
	factorFastPass = "signed_nonce"
	factorSMS      = "sms"
	factorCall     = "call"
	factorEmail    = "email"
	factorQuestion = "question"
	factorToken    = "token"
	factorHardware = "token:hardware"
	factorHOTP     = "token:hotp"
	factorWebAuthn = "webauthn"
)

// States of a factor.
const (
	factorPending = "PENDING_ACTIVATION"
	factorActive  = "ACTIVE"
)

// keyCustomOTP is the authenticator of token:hotp.
const keyCustomOTP = "custom_otp"

// factorKind is a type and provider of factor (factors-api.md §3.3), and the authenticator that it is part of.
type factorKind struct {
	typ, provider, vendor string
	prefix                string // of ids
	key, method           string // method of Okta Verify, "" for the others
}

var factorKinds = []*factorKind{
	{typ: factorPush, provider: "OKTA", prefix: "opf", key: keyVerify, method: methodPush},
	{typ: factorTOTP, provider: "OKTA", prefix: "ost", key: keyVerify, method: methodTOTP},
	{typ: factorFastPass, provider: "OKTA", prefix: "pfd", key: keyVerify, method: methodFastPass},
	{typ: factorTOTP, provider: "GOOGLE", prefix: "uft", key: keyGoogle},
	{typ: factorSMS, provider: "OKTA", prefix: "sms", key: keyPhone},
	{typ: factorCall, provider: "OKTA", prefix: "clf", key: keyPhone},
	{typ: factorEmail, provider: "OKTA", prefix: "emf", key: keyEmail},
	{typ: factorQuestion, provider: "OKTA", prefix: "ufs", key: keyQuestion},
	{typ: factorToken, provider: "RSA", prefix: "rsa", key: keyRSA},
	{typ: factorToken, provider: "RSA", vendor: "On-Prem MFA", prefix: "rsb", key: keyOnPrem},
	{typ: factorToken, provider: "SYMANTEC", prefix: "ufv", key: keySymantec},
	{typ: factorHardware, provider: "YUBICO", prefix: "ykf", key: keyYubiKey},
	{typ: factorHOTP, provider: "CUSTOM", vendor: "Entrust Datacard", prefix: "chf", key: keyCustomOTP},
	{typ: factorWebAuthn, provider: "FIDO", prefix: "fwf", key: keyWebAuthn},
	{typ: factorPush, provider: "CUSTOM", vendor: "Custom Push", prefix: "cpf", key: keyCustomApp},
}

// factor is one factor of a user.
type factor struct {
	*factorKind
	id      string
	status  string
	made    time.Time // zero for what the configuration brings
	profile map[string]any
	passkey *passkey

	// What follows is of a factor that is being enrolled.
	secret    []byte // of a TOTP
	phone     string
	link      string // token in the QR code's URL, in the QR code, and in mailed links
	opened    bool   // the phone has followed it
	expires   time.Time
	challenge string // WebAuthn's
}

// factorState is what an account has beside what both worlds share.
type factorState struct {
	pending    []*factor
	codes      map[string]sentCode // by factor id
	challenges map[string]string   // WebAuthn's, by factor id
	sent       map[string]time.Time
	efforts    []time.Time // activations and resends
	wrong      int         // wrong codes in a row
	nextAsked  bool        // the next code of the token is wanted
	removed    map[string]int
	made       map[string]time.Time // by factor id
	// without are the methods of the phone ("sms", "call") that are not enrolled.
	without []string
}

// enabled reports whether the policy allows a kind.
func (p *FactorsPolicy) enabled(k *factorKind) bool {
	return !slices.Contains(p.Disabled, k.typ) && !slices.Contains(p.Disabled, k.typ+"/"+k.provider)
}

// owns reports whether the user has set the kind up.
func (a *account) owns(k *factorKind) bool {
	switch k.key {
	case keyVerify:
		return slices.Contains(a.Methods, k.method)
	case keyPhone:
		return a.hasKey(k.key) && !slices.Contains(a.mfa.without, k.typ)
	}
	return a.hasKey(k.key)
}

// factors are those of a user that the policy lets the API show, active ones first.
func (a *account) factors(p *FactorsPolicy) []*factor {
	var out []*factor
	for _, k := range factorKinds {
		auto := k.typ == factorEmail && p.AutoEmail && a.Email != ""
		switch {
		case !p.enabled(k), !a.owns(k) && !auto:
		case k.typ == factorWebAuthn:
			for _, key := range a.passkeys {
				out = append(out, a.passkeyFactor(k, key))
			}
		default:
			out = append(out, a.factor(k))
		}
	}
	for _, f := range a.mfa.pending {
		if p.enabled(f.factorKind) {
			out = append(out, f)
		}
	}
	return out
}

// factor is the user's active factor of a kind.
func (a *account) factor(k *factorKind) *factor {
	id := a.factorID(k)
	return &factor{factorKind: k, id: id, status: factorActive, made: a.mfa.made[id], profile: a.factorProfile(k)}
}

// factorID is new after each time the factor was removed.
func (a *account) factorID(k *factorKind) string {
	return stableID(k.prefix, a.Login+strconv.Itoa(a.mfa.removed[k.prefix]))
}

func (a *account) passkeyFactor(k *factorKind, key *passkey) *factor {
	id := stableID("fwf", string(key.id))
	return &factor{factorKind: k, id: id, status: factorActive, made: a.mfa.made[id], passkey: key, profile: map[string]any{
		"credentialId": base64.RawURLEncoding.EncodeToString(key.id), "authenticatorName": "Security key",
	}}
}

// factorProfile is what the API shows to its trusted callers: nothing is masked.
func (a *account) factorProfile(k *factorKind) map[string]any {
	switch k.typ {
	case factorPush, factorFastPass:
		return map[string]any{"credentialId": a.Login, "deviceType": "SmartPhone_Android", "name": a.Device, "platform": "ANDROID", "version": "35"}
	case factorSMS, factorCall:
		return map[string]any{"phoneNumber": a.Phone}
	case factorEmail:
		return map[string]any{"email": a.Email}
	case factorQuestion:
		return map[string]any{"question": a.questionKey, "questionText": a.question}
	case factorHOTP:
		return map[string]any{}
	}
	return map[string]any{"credentialId": a.Login}
}

// findFactor finds a factor by id; nil for none.
func (a *account) findFactor(p *FactorsPolicy, id string) *factor {
	for _, f := range a.factors(p) {
		if f.id == id {
			return f
		}
	}
	return nil
}

// findActive finds an active factor by id or, as the name of Okta's rate-limit bucket says, by type
// (factors-api.md §3.4).
func (a *account) findActive(p *FactorsPolicy, idOrType string) *factor {
	for _, f := range a.factors(p) {
		if f.status == factorActive && (f.id == idOrType || f.typ == idOrType) {
			return f
		}
	}
	return nil
}
