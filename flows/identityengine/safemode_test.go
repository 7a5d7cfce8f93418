package identityengine

import (
	"net/http"
	"testing"
	"time"

	"sidegate.example/sidegate/flows"
)

// Safe mode (§5.7.7) is waited out at Okta's own interval, which changes. What could not be sent is not kept: the person
// is asked again, without a word about what was typed.
func TestSafeModeAtTheStart(t *testing.T) {
	slower := answer{http.StatusOK, []byte(`{"version":"1.0.0","stateHandle":"h2","remediation":{"value":[{"name":"poll","href":"/idp/idx/poll","refresh":3000}]}}`)}
	for _, both := range []bool{true, false} {
		s := &script{answers: []answer{handle, remediationFixture(t, "poll"), slower, {http.StatusInternalServerError, nil}, ours(t, "identify")}}
		e, cc := scripted(t, s)
		values := map[string]string{"identifier": "joe"}
		if both {
			values["password"] = "p"
		}
		st, step, err := e.Start(t.Context(), cc, "https://app", flows.Answer{Values: values})
		if err != nil || step.Kind != flows.KindWait || *step.Wait != (flows.Wait{Interval: 2 * time.Second, Degraded: true}) || step.Factor != "" || len(step.Choices) > 0 {
			t.Fatalf("%+v %+v %v", step, step.Wait, err)
		}
		if st, step, err = e.Poll(t.Context(), cc, st); err != nil || *step.Wait != (flows.Wait{Interval: 3 * time.Second, Degraded: true}) {
			t.Fatalf("%+v %v", step, err)
		}
		if _, _, err := e.Poll(t.Context(), cc, st); err == nil {
			t.Error("500 is taken for an answer")
		}
		if st, step, err = e.Poll(t.Context(), cc, st); err != nil || step.Kind != flows.KindIdentify || len(step.Messages) > 0 || (len(step.Fields) == 2) != both || step.Person != "joe" {
			t.Fatalf("%+v %v, want the first page again", step, err)
		}
		if s.bodies[2] != `{"stateHandle":"h"}` || s.bodies[3] != `{"stateHandle":"h2"}` || s.paths[3] != "/idp/idx/poll" {
			t.Errorf("the polls were %q %q", s.paths, s.bodies)
		}
		calls := len(s.bodies)
		s.answers = []answer{ours(t, "identify"), remediationFixture(t, "select-authenticator-authenticate")}
		typed := flows.Answer{Values: map[string]string{"identifier": "joe", "password": "p"}}
		if _, step, err = e.Advance(t.Context(), cc, st, typed); err != nil || step.Kind != flows.KindChoose || s.bodies[calls] != `{"stateToken":"i1"}` {
			t.Errorf("%+v %v after %q, want the same sign-in to go on", step, err, s.bodies[calls:])
		}
		calls = len(s.paths)
		s.answers = []answer{{http.StatusUnauthorized, []byte(terminal("idx.session.expired", "ERROR"))}, handle, ours(t, "identify"), remediationFixture(t, "select-authenticator-authenticate")}
		if _, step, err = e.Advance(t.Context(), cc, st, typed); err != nil || step.Kind != flows.KindChoose || s.paths[calls+1] != "/oauth2/v1/interact" {
			t.Errorf("%+v %v after %q, want a new one, since that is over", step, err, s.paths[calls:])
		}
	}
}

// In the middle, the sign-in goes on where it was; what ends it is told as Okta's fault; and waiting proves nothing
// (immunity S71).
func TestSafeModeInTheMiddle(t *testing.T) {
	polled := func(w *walk) *walk {
		t.Helper()
		var err error
		if w.st, w.step, err = w.e.Poll(t.Context(), w.cc, w.st); err != nil {
			t.Fatal(err)
		}
		return w
	}
	w := newWalk(t, asking(), "select-authenticator-authenticate", "poll", "challenge-poll").password().choose("push")
	if w.step.Wait == nil || !w.step.Wait.Degraded || len(w.step.Choices) > 0 {
		t.Fatalf("%+v", w.step)
	}
	if polled(w); w.step.Wait.Number != "07" || w.step.Wait.Degraded {
		t.Fatalf("%+v, want the push", w.step)
	}
	w = newWalk(t, asking(), "poll").password()
	w.s.answers = []answer{{http.StatusBadRequest, []byte(terminal("E0000010", "ERROR"))}}
	polled(w).wantDenied(flows.DeniedUnavailable)
	polled(newWalk(t, asking(), "poll").password()).wantDenied(flows.DeniedNoFactor)
}
