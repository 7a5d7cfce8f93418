package factors

import (
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
