package identityengine

import (
	"strings"
	"testing"

	"sidegate.example/sidegate/flows"
	"sidegate.example/sidegate/gateway/identity"
)

// document is an answer of our own, for what no fixture has.
func ownDocument(body string) answer {
	return answer{200, []byte(`{"version":"1.0.0","stateHandle":"h",` + strings.ReplaceAll(body, "@", "http://localhost:3000") + `}`)}
}

// proves fails unless the walk has proved the password and these.
func (w *walk) proves(want ...identity.Factor) {
	w.Helper()
	st, err := decodeState(w.st)
	if err != nil {
		w.Fatal(err)
	}
	got := []identity.Factor{}
	for _, p := range st.Proofs[1:] {
		got = append(got, p.Factor)
	}
	if len(got) != len(want) || len(got) > 0 && got[0] != want[0] {
		w.Errorf("proved %v beside the password, want %v", got, want)
	}
}

const (
	handleField = `{"name":"stateHandle","value":"h","visible":false,"mutable":false}`
	// listOf offers to set an authenticator up, with a skip beside it.
	listOf = `"authenticators":{"value":[{"key":"KEY","id":"aut9","methods":[METHODS]}]},
		"authenticatorEnrollments":{"value":[ENROLLED]},
		"remediation":{"value":[{"name":"select-authenticator-enroll","href":"@/idp/idx/credential/enroll","value":[{"name":"authenticator","options":[
			{"label":"It","value":{"form":{"value":[{"name":"id","value":"aut9","mutable":false}]}},"relatesTo":"$.authenticators.value[0]"}]},` + handleField + `]},
			{"name":"skip","href":"@/idp/idx/skip","value":[` + handleField + `]}]}`
)

func list(key, methods, enrolled string) answer {
	return ownDocument(strings.NewReplacer("KEY", key, "METHODS", methods, "ENROLLED", enrolled).Replace(listOf))
}

// S71: a QR code that nobody scanned proves nothing, wherever the poll leads.
func TestS71NobodyScanned(t *testing.T) {
	for name, next := range map[string]answer{
		"the list of channels":                        remediationFixture(t, "select-enrollment-channel"),
		"the list with the code of the app first":     list("okta_verify", `{"type":"totp"},{"type":"push"}`, ""),
		"a list without the app, nor says Okta it is": list("google_otp", `{"type":"otp"}`, `{"key":"okta_password","id":"e1"}`),
		"another form about the app": ownDocument(`"currentAuthenticator":{"value":{"key":"okta_verify","id":"aut1"}},
			"remediation":{"value":[{"name":"something","href":"@/idp/idx/x","value":[{"name":"y","label":"Y"},` + handleField + `]}]}`),
	} {
		t.Run(name, func(t *testing.T) {
			w := newWalk(t, asking(), "enroll-poll").password()
			w.s.answers = []answer{next}
			w.poll().proves()
		})
	}
	w := newWalk(t, asking(), "enroll-poll", "select-enrollment-channel", "enroll-poll").password().poll().choose("channel-email")
	w.choose("skip").wantDenied(flows.DeniedNoFactor)
}

// What ends the poll of a set-up that worked.
func TestSomebodyScanned(t *testing.T) {
	for name, next := range map[string]answer{
		"a warning":                                        remediationFixture(t, "device-assurance-grace-period"),
		"the set-up of another authenticator":              remediationFixture(t, "authenticator-enrollment-data"),
		"a list of others, where Okta says the app is had": list("google_otp", `{"type":"otp"}`, `{"key":"okta_verify","id":"e1"}`),
	} {
		t.Run(name, func(t *testing.T) {
			w := newWalk(t, asking(), "enroll-poll").password()
			w.s.answers = []answer{next}
			w.poll().proves(identity.Push)
		})
	}
}

// S71: a phone is set up by a call, and Okta's list calls it by its texts: it is the same phone, which has not worked.
func TestS71PhoneThatIsOfferedAgain(t *testing.T) {
	call := ownDocument(`"currentAuthenticator":{"value":{"key":"phone_number","id":"aut2","methods":[{"type":"voice"}]}},
		"remediation":{"value":[{"name":"enroll-authenticator","href":"@/idp/idx/challenge/answer","relatesTo":["$.currentAuthenticator"],"value":[
			{"name":"credentials","form":{"value":[{"name":"passcode","label":"Code"}]}},` + handleField + `]}]}`)
	w := newWalk(t, asking(), "skip")
	w.s.answers = []answer{call, list("phone_number", `{"type":"sms"},{"type":"voice"}`, "")}
	w.password().code("passcode", "123456").proves()
}

// S71: a set-up that was left is not proved by what the poll brings then, even where the answer to the leaving was lost.
func TestS71LostAnswerToLeavingASetUp(t *testing.T) {
	for _, first := range []string{"enroll-poll", "enroll-authenticator.okta_email"} {
		for _, choice := range []string{"skip", "channel-email"} {
			w := newWalk(t, asking(), first).password()
			if w.s.answers = []answer{{503, nil}}; !offered(w.step, choice) {
				continue
			}
			next, step, err := w.e.Advance(t.Context(), w.cc, w.st, flows.Answer{Choice: choice})
			if failed, ok := err.(*flows.Error); !ok || failed.Reason != flows.ReasonUnavailable || step.Kind != "" {
				t.Fatalf("%s: %+v %v, want no answer", choice, step, err)
			}
			w.st, w.s.answers = next, []answer{{200, []byte(success)}}
			w.poll().wantDenied(flows.DeniedNoFactor)
		}
	}
}

func offered(step flows.Step, id string) bool {
	for _, c := range step.Choices {
		if c.ID == id {
			return true
		}
	}
	return false
}
