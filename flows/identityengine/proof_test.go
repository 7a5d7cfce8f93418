package identityengine

import (
	"strings"
	"testing"

	"sidegate.example/sidegate/flows"
	"sidegate.example/sidegate/gateway/identity"
)

// walk answers one document after the other; what is left of the script is Okta's success, so that the last step says
// what the whole would have been worth: calls to the token endpoint are a session.
type walk struct {
	testing.TB
	s    *script
	e    *Engine
	cc   flows.ClientContext
	st   flows.State
	step flows.Step
}

func newWalk(t testing.TB, from *state, first string, rest ...string) *walk {
	t.Helper()
	w := &walk{TB: t, s: &script{}}
	for _, name := range append([]string{first}, rest...) {
		w.s.answers = append(w.s.answers, remediationFixture(t, name))
	}
	w.s.answers = append(w.s.answers, answer{200, []byte(success)})
	w.e, w.cc = scripted(t, w.s)
	w.st = from.encode()
	return w
}

func (w *walk) do(a flows.Answer) *walk {
	w.Helper()
	var err error
	if w.st, w.step, err = w.e.Advance(w.Context(), w.cc, w.st, a); err != nil && !w.redeemed() {
		w.Fatalf("%v after %q", err, w.s.paths)
	}
	return w
}

func (w *walk) poll() *walk {
	w.Helper()
	var err error
	if w.st, w.step, err = w.e.Poll(w.Context(), w.cc, w.st); err != nil && !w.redeemed() {
		w.Fatalf("%v after %q", err, w.s.paths)
	}
	return w
}

func (w *walk) password() *walk {
	return w.do(flows.Answer{Values: map[string]string{flows.FieldPassword: "p"}})
}
func (w *walk) choose(id string) *walk           { return w.do(flows.Answer{Choice: id}) }
func (w *walk) values(v map[string]string) *walk { return w.do(flows.Answer{Values: v}) }
func (w *walk) code(field, typed string) *walk   { return w.values(map[string]string{field: typed}) }
func (w *walk) redeemed() bool                   { return strings.Contains(strings.Join(w.s.paths, " "), "/v1/token") }
func (w *walk) wantDenied(r flows.DeniedReason) {
	w.Helper()
	if w.redeemed() || w.step.Denied == nil || w.step.Denied.Reason != r || !w.step.Denied.Final || w.step.Identity != nil {
		w.Errorf("%+v after %q, want no session and the reason %s", w.step, w.s.paths, r)
	}
}

// S71: with the password, each of these ends in Okta's success, and none is a second factor.
func TestS71WhatProvesNoSecondFactor(t *testing.T) {
	number := map[string]string{"authenticator.methodType": "1", "authenticator.phoneNumber": "+15555550100"}
	for name, end := range map[string]func(t *testing.T) *walk{
		"a number that was typed, and then a call to it": func(t *testing.T) *walk {
			// The next document asks for the code of a call: another factor than the text message of the form.
			return newWalk(t, asking(), "authenticator-enrollment-data", "enroll-authenticator.phone_number", "skip.first").password().values(number).choose("resend").choose("skip")
		},
		"an address that was typed": func(t *testing.T) *walk {
			return newWalk(t, asking(), "authenticator-enrollment-data.email").password().code("authenticator.email", "joe@example.com")
		},
		"where a link was sent to": func(t *testing.T) *walk {
			return newWalk(t, asking(), "enrollment-channel-data.email").password().code("email", "joe@example.com")
		},
		"a way that was switched": func(t *testing.T) *walk {
			return newWalk(t, asking(), "enroll-poll").password().choose("channel-email")
		},
		"a factor that was only chosen": func(t *testing.T) *walk {
			return newWalk(t, asking(), "select-authenticator-authenticate").password().choose("push")
		},
		"an enrolment that was only chosen": func(t *testing.T) *walk {
			return newWalk(t, asking(), "select-authenticator-enroll").password().choose("enroll-push")
		},
		"an enrolment that was skipped": func(t *testing.T) *walk {
			return newWalk(t, asking(), "enroll-poll").password().choose("skip")
		},
		"an authenticator without a name": func(t *testing.T) *walk {
			return newWalk(t, asking(), "challenge-authenticator.keyless").password().code("passcode", "123456")
		},
		"another kind of password": func(t *testing.T) *walk {
			return newWalk(t, asking(), "challenge-authenticator.duresspassword").password().password()
		},
		"a new password": func(t *testing.T) *walk {
			return newWalk(t, asking(), "reenroll-authenticator").password().values(map[string]string{"credentials.passcode": "n", "confirm": "n"})
		},
		"a first password": func(t *testing.T) *walk {
			return newWalk(t, asking(), "enroll-authenticator.okta_password").password().values(map[string]string{"credentials.passcode": "n", "confirm": "n"})
		},
		"an agreement": func(t *testing.T) *walk {
			return newWalk(t, asking(), "consent").password().code("consent", "0")
		},
		"a form that nobody knows": func(t *testing.T) *walk {
			return newWalk(t, asking(), "enroll-something-new").password().code("serial", "7")
		},
		"a warning that was read": func(t *testing.T) *walk {
			return newWalk(t, asking(), "device-assurance-grace-period").password().values(nil)
		},
	} {
		t.Run(name, func(t *testing.T) { end(t).wantDenied(flows.DeniedNoFactor) })
	}
}

// S71: an enrolment that leads back to the list with the same factor on it has not worked, whatever Okta does not say.
func TestS71EnrolmentThatIsOfferedAgain(t *testing.T) {
	w := newWalk(t, asking(), "enroll-poll", "select-authenticator-enroll").password()
	var err error
	if w.st, w.step, err = w.e.Poll(t.Context(), w.cc, w.st); err != nil || w.step.Kind != flows.KindChoose {
		t.Fatalf("%+v %v", w.step, err)
	}
	st, err := decodeState(w.st)
	if err != nil || len(st.Proofs) != 1 || st.Proofs[0].Factor != identity.Password {
		t.Errorf("proved %+v %v, want the password alone", st, err)
	}
}

// What proves a second factor: an answer of each kind that Okta took, enrolments included.
func TestWhatProvesASecondFactor(t *testing.T) {
	for name, c := range map[string]struct {
		answer flows.Answer
		want   identity.Factor
	}{
		"challenge-authenticator.okta_email":        {flows.Answer{}, identity.Email},
		"challenge-authenticator.phone_number":      {flows.Answer{}, identity.Voice},
		"challenge-authenticator.google_otp":        {flows.Answer{}, identity.GoogleOTP},
		"challenge-authenticator.onprem_mfa":        {flows.Answer{}, identity.HardwareOTP},
		"challenge-authenticator.rsa_token":         {flows.Answer{}, identity.HardwareOTP},
		"challenge-authenticator.symantec_vip":      {flows.Answer{}, identity.HardwareOTP},
		"challenge-authenticator.yubikey_token":     {flows.Answer{}, identity.HardwareOTP},
		"challenge-authenticator.custom_otp":        {flows.Answer{}, identity.Other},
		"challenge-authenticator.tac":               {flows.Answer{}, identity.Other},
		"challenge-authenticator.okta_verify":       {flows.Answer{}, identity.TOTP},
		"challenge-authenticator.security_question": {flows.Answer{}, identity.SecurityQuestion},
		"challenge-authenticator.webauthn":          {remediations["challenge-authenticator.webauthn"].answer, identity.WebAuthn},
		"enroll-authenticator.okta_email":           {flows.Answer{}, identity.Email},
		"enroll-authenticator.google_otp":           {flows.Answer{}, identity.GoogleOTP},
		"enroll-authenticator.yubikey_token":        {flows.Answer{}, identity.HardwareOTP},
		"enroll-authenticator.symantec_vip":         {remediations["enroll-authenticator.symantec_vip"].answer, identity.HardwareOTP},
		"enroll-authenticator.rsa_token":            {remediations["enroll-authenticator.onprem_mfa"].answer, identity.HardwareOTP},
		"enroll-authenticator.security_question":    {remediations["enroll-authenticator.security_question"].answer, identity.SecurityQuestion},
		"enroll-authenticator.webauthn":             {remediations["enroll-authenticator.webauthn"].answer, identity.WebAuthn},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWalk(t, asking(), name, "device-assurance-grace-period").password()
			if c.answer.Values == nil {
				c.answer.Values = map[string]string{w.step.Fields[0].Name: "123456"}
			}
			w.do(c.answer)
			st, err := decodeState(w.st)
			if err != nil || len(st.Proofs) != 2 || st.Proofs[1].Factor != c.want {
				t.Fatalf("%s: proved %+v %v, want the password and %s", w.step.Kind, st, err, c.want)
			}
			if w.values(nil); !w.redeemed() {
				t.Errorf("the calls are %q, want the exchange of the code", w.s.paths)
			}
		})
	}
}
