package identityengine

import (
	"testing"

	"sidegate.example/sidegate/flows"
	"sidegate.example/sidegate/gateway/identity"
)

// A device probe, or the way out of one, between the answer and what Okta makes of it: the factor counts.
func TestProbeAfterAProof(t *testing.T) {
	for _, probe := range []string{"device-challenge-poll", "cancel-transaction"} {
		for name, end := range map[string]func(t *testing.T) *walk{
			"a code": func(t *testing.T) *walk {
				return newWalk(t, asking(), "challenge-authenticator.google_otp", probe).password().code("passcode", "123456")
			},
			"a push": func(t *testing.T) *walk {
				return newWalk(t, asking(), "challenge-poll", probe).password().poll()
			},
			"a QR code that was scanned": func(t *testing.T) *walk {
				return newWalk(t, asking(), "enroll-poll", probe).password().poll()
			},
			"two probes": func(t *testing.T) *walk {
				return newWalk(t, asking(), "challenge-authenticator.google_otp", probe, probe).password().code("passcode", "123456")
			},
		} {
			if w := end(t); !w.redeemed() {
				t.Errorf("%s, %s: %+v after %q, want the exchange of the code", probe, name, w.step, w.s.paths)
			}
		}
	}
	w := newWalk(t, asking(), "device-challenge-poll", "device-assurance-grace-period").password()
	if st, err := decodeState(w.st); err != nil || !st.proved(identity.Password) {
		t.Errorf("proved %+v %v, want the password", st, err)
	}
}

// S71: after the probe Okta asks the same again, or nothing: then the answer was not accepted.
func TestS71ProbeAfterAWrongAnswer(t *testing.T) {
	w := newWalk(t, asking(), "challenge-authenticator.google_otp", "device-challenge-poll", "challenge-authenticator.google_otp").password().code("passcode", "123456")
	w.proves()
	refused := ownDocument(`"messages":{"value":[{"class":"ERROR","i18n":{"key":"x"},"message":"No."}]},
		"authenticatorChallenge":{"value":{"cancel":{"name":"cancel","href":"@/idp/idx/authenticators/poll/cancel","method":"POST","value":[` + handleField + `]}}},
		"remediation":{"value":[{"name":"device-challenge-poll","href":"@/idp/idx/authenticators/poll","value":[` + handleField + `]}]}`)
	w = newWalk(t, asking(), "challenge-authenticator.google_otp").password()
	w.s.answers = []answer{refused, {200, []byte(success)}}
	w.code("passcode", "123456").wantDenied(flows.DeniedNoFactor)
}
