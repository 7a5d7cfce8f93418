package identityengine

import (
	"testing"

	"sidegate.example/sidegate/flows"
	"sidegate.example/sidegate/gateway/identity"
)

var newPassword = map[string]string{"credentials.passcode": "Neu-1234", "confirm": "Neu-1234"}

// begun is a walk that begins on the first page.
func begun(t *testing.T, a flows.Answer, docs ...string) *walk {
	t.Helper()
	w := newWalk(t, asking(), docs[0], docs[1:]...)
	w.s.answers = append([]answer{handle}, w.s.answers...)
	var err error
	if w.st, w.step, err = w.e.Start(t.Context(), w.cc, "https://app", a); err != nil {
		t.Fatal(err)
	}
	return w
}

var (
	byRecovery = flows.Answer{Choice: flows.ChoiceIDRecover}
	byUnlock   = flows.Answer{Choice: flows.ChoiceIDUnlock}
	byToken    = flows.Answer{Values: map[string]string{flows.FieldRecoveryToken: "token"}}
)

// S71: recovery and unlocking end in no session, whatever was proved on the way, and say so.
func TestS71RecoveryIsNoSignIn(t *testing.T) {
	for name, end := range map[string]func(t *testing.T) *walk{
		"forgotten password from the first page": func(t *testing.T) *walk {
			return begun(t, byRecovery, "recover", "identify-recovery", "challenge-authenticator.okta_email", "reset-authenticator").
				code("identifier", "joe").code("passcode", "123456").values(newPassword)
		},
		"forgotten password at the password": func(t *testing.T) *walk {
			return newWalk(t, asking(), "recover", "challenge-authenticator.okta_email", "reset-authenticator").
				password().choose("recover").code("passcode", "123456").values(newPassword)
		},
		"another factor first, and the password recovered by it": func(t *testing.T) *walk {
			st := asking()
			st.Proofs = []proof{{identity.Email, 1}}
			return newWalk(t, st, "recover", "challenge-authenticator.okta_email", "reset-authenticator").
				password().choose("recover").code("passcode", "123456").values(newPassword)
		},
		"by a mailed link": func(t *testing.T) *walk {
			return begun(t, byToken, "reset-authenticator").values(newPassword)
		},
		"by a mailed link, with a factor": func(t *testing.T) *walk {
			return begun(t, byToken, "challenge-authenticator.okta_email", "reset-authenticator").code("passcode", "123456").values(newPassword)
		},
		"Okta leads there by itself": func(t *testing.T) *walk {
			return newWalk(t, asking(), "identify-recovery", "challenge-authenticator.okta_email").password().code("identifier", "joe").code("passcode", "123456")
		},
		"unlocked": func(t *testing.T) *walk {
			return begun(t, byUnlock, "unlock-account", "select-authenticator-unlock-account", "challenge-authenticator.okta_email").
				values(map[string]string{"identifier": "joe", "authenticator": "0"}).code("passcode", "123456")
		},
		"unlocked, Okta asks who at once": func(t *testing.T) *walk {
			return begun(t, byUnlock, "unlock-account.who", "challenge-authenticator.okta_email").code("identifier", "joe").code("passcode", "123456")
		},
	} {
		t.Run(name, func(t *testing.T) { end(t).wantDenied(flows.DeniedRestored) })
	}
}

// After the recovery Okta may ask for a factor: that is a sign-in, with what is proved then and nothing else.
func TestSignInAfterRecovery(t *testing.T) {
	w := begun(t, byToken, "challenge-authenticator.okta_email", "reset-authenticator", "challenge-authenticator.google_otp").
		code("passcode", "123456").values(newPassword).code("passcode", "123456")
	if !w.redeemed() {
		t.Errorf("the calls are %q, want the exchange of the code", w.s.paths)
	}
	w = begun(t, byToken, "challenge-authenticator.okta_email", "reset-authenticator", "challenge-authenticator.google_otp", "skip.safe-mode").
		code("passcode", "123456").values(newPassword).code("passcode", "123456")
	st, err := decodeState(w.st)
	if err != nil || len(st.Proofs) != 1 || st.Proofs[0].Factor != identity.GoogleOTP {
		t.Errorf("proved %+v %v, want google_otp alone", st, err)
	}
}

// S76: nothing can be set up on the strength of a recovery.
func TestS76RecoveryAllowsNoEnrolment(t *testing.T) {
	w := newWalk(t, asking(), "recover", "challenge-authenticator.okta_email", "reset-authenticator", "select-authenticator-enroll")
	w.e.enroll = EnrollProof{}
	w.password().choose("recover").code("passcode", "123456").values(newPassword).wantDenied(flows.DeniedEnrollment)
}

// The operator's self_service decides: what is not switched on is neither begun nor followed.
func TestSelfServiceThatIsOff(t *testing.T) {
	for name, a := range map[string]flows.Answer{"recover": byRecovery, "unlock": byUnlock, "recovery token": byToken,
		"activation token": {Values: map[string]string{flows.FieldActivationToken: "token"}}} {
		s := &script{guarded: true}
		e, cc := scripted(t, s)
		_, _, err := e.Start(t.Context(), cc, "https://app", a)
		if failed, ok := err.(*flows.Error); !ok || failed.Reason != flows.ReasonBadAnswer || len(s.paths) > 0 {
			t.Errorf("%s: %v after the calls %q", name, err, s.paths)
		}
	}
}

// What is said after an answer is about that answer: nothing was wrong where nothing was typed.
func TestOnlyACodeThatWasSentIsWrong(t *testing.T) {
	for _, name := range []string{"challenge-authenticator.okta_email", "enroll-authenticator.okta_email"} {
		w := newWalk(t, asking(), name, name, name, name).password()
		wrong := func() bool { return len(w.step.Fields) == 1 && len(w.step.Fields[0].Messages) > 0 }
		if w.choose("resend"); w.step.Kind != flows.KindCode || wrong() {
			t.Errorf("%s: sent again, the page says %+v", name, w.step.Fields)
		}
		var err error
		if w.st, w.step, err = w.e.Poll(t.Context(), w.cc, w.st); err != nil || w.step.Kind != flows.KindCode || wrong() {
			t.Errorf("%s: polled, the page says %+v %v", name, w.step.Fields, err)
		}
		if w.code("passcode", "123456"); w.step.Kind != flows.KindCode || !wrong() || w.step.Fields[0].Messages[0].Key != keyWrongCode {
			t.Errorf("%s: a code that changed nothing, the page says %+v", name, w.step.Fields)
		}
	}
}

// A link in an e-mail proves it as its code does; a refused poll goes on waiting, and not for ever.
func TestMailedLinkProves(t *testing.T) {
	w := newWalk(t, asking(), "challenge-authenticator.okta_email").password()
	if _, step, err := w.e.Poll(t.Context(), w.cc, w.st); err != nil || !w.redeemed() || !step.Wait.Completing {
		t.Errorf("%+v %v after %q: the link was opened, and the code of the sign-in not redeemed", step, err, w.s.paths)
	}
	w = newWalk(t, asking(), "challenge-authenticator.okta_email").password()
	for n := 1; n <= maxMisses; n++ {
		w.s.answers = []answer{{400, []byte(terminal("E0000020", "ERROR"))}}
		var err error
		if w.st, w.step, err = w.e.Poll(t.Context(), w.cc, w.st); err != nil {
			t.Fatal(err)
		}
		if over := w.step.Kind == flows.KindDenied; over != (n == maxMisses) {
			t.Fatalf("after %d refused polls: %+v", n, w.step)
		}
	}
}

// A sign-in that is off the list in the middle of a set-up is over without a trace: Cancel ends it at Okta.
func TestCancelDuringEnrolment(t *testing.T) {
	w := newWalk(t, asking(), "enroll-poll").password()
	w.s.answers = []answer{remediationFixture(t, "identify")}
	if err := w.e.Cancel(t.Context(), w.cc, w.st); err != nil || w.s.paths[len(w.s.paths)-1] != cancelPath {
		t.Errorf("%v, calls %q", err, w.s.paths)
	}
}

// S71: where a second factor follows elsewhere, so that the password is enough here, a recovered one still is not.
func TestS71RecoveryIsNoFirstFactorEither(t *testing.T) {
	w := newWalk(t, asking(), "recover", "challenge-authenticator.okta_email", "reset-authenticator")
	w.e.firstOnly = true
	w.password().choose("recover").code("passcode", "123456").values(newPassword).wantDenied(flows.DeniedRestored)
}
