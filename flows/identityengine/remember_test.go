package identityengine

import (
	"strings"
	"testing"

	"sidegate.example/sidegate/flows"
)

// What the person ticked goes to Okta wherever it asks: in the first form, or after the last factor; also when the
// password was wrong at first.
func TestRememberMeIsPassedOn(t *testing.T) {
	for _, ticked := range []string{"", "true"} {
		s := &script{answers: []answer{handle, ours(t, "identify"), remediationFixture(t, "identify"),
			handle, ours(t, "identify"), remediationFixture(t, "keep-me-signed-in")}}
		e, cc := scripted(t, s)
		st, step, err := e.Start(t.Context(), cc, "https://app", flows.Answer{Values: map[string]string{
			"identifier": "joe", "password": "wrong", flows.FieldRememberMe: ticked}})
		if err != nil || step.Kind != flows.KindIdentify {
			t.Fatalf("%+v %v", step, err)
		}
		_, _, _ = e.Advance(t.Context(), cc, st, flows.Answer{Values: map[string]string{"identifier": "joe", "password": "right"}})
		want := map[bool]string{true: "true", false: "false"}[ticked == "true"]
		if len(s.bodies) < 7 || !strings.Contains(s.bodies[2], `"rememberMe":`+want) || !strings.Contains(s.bodies[5], `"rememberMe":`+want) ||
			s.bodies[6] != `{"keepMeSignedIn":`+want+`,"stateHandle":"h"}` {
			t.Errorf("ticked %q: Okta was sent %q", ticked, s.bodies)
		}
	}
}
