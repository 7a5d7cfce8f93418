package identityengine

import (
	"testing"

	"sidegate.example/sidegate/flows"
	"sidegate.example/sidegate/gateway/identity"
)

// S71: what recovered the password is not the second factor of the sign-in that follows in the same transaction, under
// whatever name Okta asks for it again.
func TestS71WhatRecoveredIsNoSecondFactor(t *testing.T) {
	for name, end := range map[string]func(t *testing.T) *walk{
		"the mailbox twice": func(t *testing.T) *walk {
			return newWalk(t, asking(), "recover", "challenge-authenticator.okta_email", "reset-authenticator", "challenge-authenticator.okta_email").
				password().choose("recover").code("passcode", "123456").values(newPassword).code("passcode", "123456")
		},
		"a mailed link and then the mailbox": func(t *testing.T) *walk {
			return begun(t, byToken, "reset-authenticator", "challenge-authenticator.okta_email").values(newPassword).code("passcode", "123456")
		},
		"the mailbox before the recovery, and after it": func(t *testing.T) *walk {
			st := asking()
			st.Proofs = []proof{{identity.Email, 1}}
			return newWalk(t, st, "recover", "reset-authenticator", "challenge-authenticator.okta_email").
				password().choose("recover").values(newPassword).code("passcode", "123456")
		},
		"one phone, by its code and then by a push": func(t *testing.T) *walk {
			w := newWalk(t, asking(), "recover", "challenge-authenticator.okta_verify", "reset-authenticator", "challenge-poll").
				password().choose("recover").code("totp", "123456").values(newPassword)
			return w.poll()
		},
	} {
		t.Run(name, func(t *testing.T) { end(t).wantDenied(flows.DeniedRestored) })
	}
}

// S76: nor does it allow a set-up.
func TestS76WhatRecoveredAllowsNoEnrolment(t *testing.T) {
	w := newWalk(t, asking(), "recover", "challenge-authenticator.okta_email", "reset-authenticator", "challenge-authenticator.okta_email", "select-authenticator-enroll")
	w.e.enroll = EnrollProof{}
	w.password().choose("recover").code("passcode", "123456").values(newPassword).code("passcode", "123456").wantDenied(flows.DeniedEnrollment)
}

// A factor that had no part in the recovery counts after it, and so does the same mailbox in a sign-in that begins anew.
func TestWhatDidNotRecoverStillCounts(t *testing.T) {
	w := newWalk(t, asking(), "recover", "challenge-authenticator.okta_email", "reset-authenticator", "challenge-authenticator.okta_email", "challenge-authenticator.google_otp").
		password().choose("recover").code("passcode", "123456").values(newPassword).code("passcode", "123456").code("passcode", "123456")
	if !w.redeemed() {
		t.Errorf("the calls are %q, want the exchange of the code", w.s.paths)
	}
	w = newWalk(t, asking(), "challenge-authenticator.okta_email").password().code("passcode", "123456")
	if !w.redeemed() {
		t.Errorf("the calls are %q, want the exchange of the code", w.s.paths)
	}
}
