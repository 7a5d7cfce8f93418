package factors

import (
	"slices"

	"sidegate.example/sidegate/gateway/identity"
)

// verifiable are the factors that the Factors API can verify and that are known here; enrollable those that can be set
// up.
var (
	verifiable = []identity.Factor{
		identity.Push, identity.NumberChallenge, identity.TOTP, identity.GoogleOTP, identity.HardwareOTP, identity.WebAuthn,
		identity.SMS, identity.Voice, identity.Email, identity.SecurityQuestion,
	}
	enrollable = []identity.Factor{
		identity.Push, identity.TOTP, identity.GoogleOTP, identity.SMS, identity.Voice, identity.Email, identity.SecurityQuestion,
	}
)

// kind is one pair of factorType and provider of Okta's.
type kind struct {
	factorType, provider string
	factor               identity.Factor
}

// kinds are the pairs that can be verified (§3.3). Whatever else a list holds is skipped: signed_nonce, which cannot;
// u2f, which browsers have dropped; Duo's frame; custom push, of which nobody says how.
var kinds = []kind{
	{"push", "OKTA", identity.Push},
	{"token:software:totp", "OKTA", identity.TOTP},
	{"token:software:totp", "GOOGLE", identity.GoogleOTP},
	{"token:hotp", "CUSTOM", identity.HardwareOTP},
	{"token", "RSA", identity.HardwareOTP},
	{"token", "SYMANTEC", identity.HardwareOTP},
	{"token:hardware", "YUBICO", identity.HardwareOTP},
	{"sms", "OKTA", identity.SMS},
	{"call", "OKTA", identity.Voice},
	{"email", "OKTA", identity.Email},
	{"question", "OKTA", identity.SecurityQuestion},
	{"webauthn", "FIDO", identity.WebAuthn},
}

// kindOf finds the pair; "" for one that is not known.
func kindOf(factorType, provider string) identity.Factor {
	for _, k := range kinds {
		if k.factorType == factorType && k.provider == provider {
			return k.factor
		}
	}
	return ""
}

// allows reports whether f can end a sign-in. A push counts while it is not known yet whether a number was tapped.
func (c *Config) allows(f identity.Factor) bool {
	if f == identity.Push && slices.Contains(c.Factors, identity.NumberChallenge) {
		return true
	}
	return slices.Contains(c.Factors, f)
}

// ends reports whether f, as it was proved, can end a sign-in.
func (c *Config) ends(f identity.Factor) bool { return slices.Contains(c.Factors, f) }
