// Package identity owns the vocabulary for who a person is and which factors proved it. It is a
// leaf: flows produce an Identity, sessions seal it, the gate hands it to the upstream. It decides
// nothing and talks to nobody.
package identity

import (
	"slices"
	"time"
)

// Identity is a person as Okta vouched for them at the end of one sign-in.
type Identity struct {
	// Subject is Okta's immutable user id (the sub claim of the ID token, 00u...). Never empty.
	Subject string
	// Login is the Okta username (preferred_username), or Subject when Okta sends none: an e-mail address may be the
	// person's own to edit.
	Login string
	// Name is the display name (name claim); may be empty.
	Name string
	// Email is the email claim; may be empty.
	Email string
	// Groups are the names in the groups claim; nil when Okta sends none.
	Groups []string
	// Claims are further claims that the gate's rules name, in no particular order; what Okta does not send is not there.
	Claims []Claim
	// Proofs are the factors that the sign-in itself saw accepted, oldest first. An answer of
	// Okta that claims success without any proof is not a sign-in (immunity S71).
	Proofs []Proof
	// Renewal is what the engine wants back to ask Okta about the person later; "" for nothing. It is kept with the session and
	// never in its cookie.
	Renewal Secret
}

// Secret is a text that no log shows.
type Secret string

// String shows nothing of it.
func (Secret) String() string { return "(secret)" }

// GoString is String.
func (Secret) GoString() string { return "(secret)" }

// Claim is one claim of Okta's about a person: texts as they are, numbers and truth values as JSON writes them, of a list each
// element.
type Claim struct {
	Name   string
	Values []string
}

// Claim returns the values of the claim of that name.
func (i *Identity) Claim(name string) []string {
	for _, c := range i.Claims {
		if c.Name == name {
			return c.Values
		}
	}
	return nil
}

// Proof says that one factor was accepted, and when.
type Proof struct {
	Factor Factor
	At     time.Time
}

// Factor is one of the closed set of factors that a sign-in can prove. Its text is used as a
// metric label and in logs, so the set must stay closed.
type Factor string

// The factors of Okta's two engines. NumberChallenge is an Okta Verify push answered by tapping
// the number that the sign-in page showed.
const (
	Password         Factor = "password"
	Push             Factor = "push"
	NumberChallenge  Factor = "number_challenge"
	TOTP             Factor = "totp"
	Email            Factor = "email"
	SMS              Factor = "sms"
	Voice            Factor = "voice"
	GoogleOTP        Factor = "google_otp"
	SecurityQuestion Factor = "security_question"
	WebAuthn         Factor = "webauthn"
	HardwareOTP      Factor = "hardware_otp"
	CustomPush       Factor = "custom_push"
	Other            Factor = "other"
)

// All lists every Factor in the order in which the session codec numbers them: append only.
func All() []Factor {
	return []Factor{Password, Push, NumberChallenge, TOTP, Email, SMS, Voice, GoogleOTP,
		SecurityQuestion, WebAuthn, HardwareOTP, CustomPush, Other}
}

// SecondFactor reports whether the proofs hold anything besides a password. A session is only ever
// made from an identity for which this is true.
func (i *Identity) SecondFactor() bool {
	return slices.ContainsFunc(i.Proofs, func(p Proof) bool { return p.Factor != Password })
}
