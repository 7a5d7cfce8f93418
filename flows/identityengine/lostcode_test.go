package identityengine

import (
	"fmt"
	"net/http"
	"testing"

	"sidegate.example/sidegate/flows"
	"sidegate.example/sidegate/gateway/identity"
)

// A code is refused because the transaction is over. Where it is over because the same step was answered before, and the answer to
// that was lost, the person has proved that factor; a set-up may have been left out instead, which proves nothing (S71). What
// Okta refuses for a reason is refused.
func TestRefusedCodeIsLookedInto_S71(t *testing.T) {
	const (
		refused = `{"version":"1.0.0","messages":{"type":"array","value":[{"message":"x","i18n":{"key":%q},"class":"ERROR"}]}}`
		success = `{"stateHandle":"02","successWithInteractionCode":{"name":"issue","value":[{"name":"interaction_code","value":"c0de"}]}}`
		form    = `{"stateHandle":"02","remediation":{"value":[{"name":"identify","href":"http://localhost:3000/idp/idx/identify","value":[{"name":"identifier"}]}]}}`
	)
	for name, c := range map[string]struct {
		key       string
		now       answer
		enrolling bool
		want      string
	}{
		"it was right":            {"E0000020", answer{http.StatusOK, []byte(success)}, false, "redeems"},
		"it was right, and spent": {"idx.session.expired", answer{http.StatusOK, []byte(success)}, false, "redeems"},
		"the transaction is gone": {"idx.session.expired", answer{http.StatusUnauthorized, fmt.Appendf(nil, refused, "idx.session.expired")}, false, "expired"},
		"it is somewhere else":    {"E0000020", answer{http.StatusOK, []byte(form)}, false, "expired"},
		"Okta is away":            {"E0000020", answer{http.StatusServiceUnavailable, nil}, false, "expired"},
		"a set-up was left out":   {"E0000020", answer{http.StatusOK, []byte(success)}, true, "expired"},
		"the account is locked":   {"E0000119", answer{http.StatusOK, []byte(success)}, false, "locked"},
	} {
		t.Run(name, func(t *testing.T) {
			s := &script{answers: []answer{{http.StatusBadRequest, fmt.Appendf(nil, refused, c.key)}, c.now}}
			e, cc := scripted(t, s)
			st := state{
				Want: wantCode, Person: "joe", Handle: "02", Pending: identity.TOTP, Enrolling: c.enrolling,
				Proofs: []proof{{Factor: identity.Password, At: 1}},
				Main:   &move{Path: "/idp/idx/challenge/answer", Input: []string{"credentials", "passcode"}},
			}
			next, step, err := e.Advance(t.Context(), cc, st.encode(), flows.Answer{Values: map[string]string{"passcode": "123456"}})
			if err != nil {
				t.Fatal(err)
			}
			got := ""
			switch {
			case step.Denied != nil:
				got = string(step.Denied.Reason)
			case len(s.paths) == 3 && s.paths[1] == introspectPath && s.paths[2] == "/oauth2/v1/token":
				got = "redeems"
			}
			if got != c.want {
				t.Errorf("it is %q after %q, want %q: %+v", got, s.paths, c.want, step)
			}
			if c.want != "redeems" {
				return
			}
			on, err := decodeState(next)
			if err != nil || !on.proved(identity.Password) || !on.proved(identity.TOTP) || on.Code != "c0de" {
				t.Errorf("the state is %s, %v", next, err)
			}
		})
	}
}
