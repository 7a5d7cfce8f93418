package upstream

import (
	"slices"

	"sidegate.example/sidegate/gateway/identity"
)

// methods are the authentication method references of RFC 8176 for each factor; those without one have none.
var methods = map[identity.Factor]string{
	identity.Password: "pwd", identity.SecurityQuestion: "kba",
	identity.Push: "swk", identity.NumberChallenge: "swk", identity.CustomPush: "swk",
	identity.TOTP: "otp", identity.GoogleOTP: "otp", identity.HardwareOTP: "otp", identity.Email: "otp",
	identity.SMS: "sms", identity.Voice: "tel", identity.WebAuthn: "hwk",
}

// amr says how a person was authenticated, each method once, and "mfa" where two factors did it.
func amr(proofs []identity.Proof) []string {
	out := make([]string, 0, 3)
	for _, p := range proofs {
		if m := methods[p.Factor]; m != "" && !slices.Contains(out, m) {
			out = append(out, m)
		}
	}
	if len(factors(proofs)) > 1 {
		out = append(out, "mfa")
	}
	return out
}

// factors are the factors that were proved, each once, by our own names.
func factors(proofs []identity.Proof) []identity.Factor {
	out := make([]identity.Factor, 0, 2)
	for _, p := range proofs {
		if !slices.Contains(out, p.Factor) {
			out = append(out, p.Factor)
		}
	}
	return out
}
