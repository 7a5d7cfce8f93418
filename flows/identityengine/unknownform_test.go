package identityengine

import (
	"strings"
	"testing"

	"sidegate.example/sidegate/flows"
	"sidegate.example/sidegate/gateway/identity"
)

// formNamed is a document with one form, about an authenticator that is set up (current) or that the person has (enrolment).
func formNamed(name, path, about string) answer {
	return ownDocument(about + `"remediation":{"value":[{"name":"` + name + `","href":"@` + path + `","method":"POST","value":[
		{"name":"credentials","form":{"value":[{"name":"passcode","label":"Phone number","secret":true}]}},` + handleField + `]}]}`)
}

const (
	phoneToSetUp = `"currentAuthenticator":{"value":{"key":"phone_number","type":"phone","id":"aut2"}},`
	phoneOfJoe   = `"currentAuthenticatorEnrollment":{"value":{"key":"phone_number","type":"phone","id":"sms1"}},`
)

// afterGuard is the Step that a document makes of the default guard right after the password, with what was proved besides.
func afterGuard(t *testing.T, a answer, proved ...identity.Factor) (flows.Step, *script) {
	t.Helper()
	s := &script{answers: []answer{a, {200, []byte(success)}}}
	e, cc := scripted(t, s)
	e.enroll = EnrollProof{}
	st := asking()
	for _, f := range proved {
		st.Proofs = append(st.Proofs, proof{f, 1})
	}
	_, step, err := e.Advance(t.Context(), cc, st.encode(), flows.Answer{Values: map[string]string{"password": "p"}})
	if err != nil {
		t.Fatal(err)
	}
	return step, s
}

// S76: what nobody knows by name may be a set-up, and is refused to the password alone unless nothing speaks for that.
func TestS76FormsThatNobodyKnowsByName(t *testing.T) {
	for _, c := range []struct {
		name, path, about string
		guarded           bool
	}{
		{"add-authenticator", "/idp/idx/challenge/answer", phoneToSetUp, true},
		{"add-authenticator", "/idp/idx/challenge/answer", phoneOfJoe, false},
		{"add-authenticator", "/idp/idx/challenge/answer", "", false},
		{"add-authenticator", "/idp/idx/challenge/answer", `"enrollmentAuthenticator":{"value":{}},` + phoneOfJoe, true},
		{"add-authenticator", "/idp/idx/authenticators/Enroll", phoneOfJoe, true},
		{"verify-new-phone", "/idp/idx/credential", phoneOfJoe, true},
		{"setup-authenticator", "/idp/idx/challenge/answer", phoneOfJoe, true},
		{"set-up-authenticator", "/idp/idx/challenge/answer", phoneOfJoe, true},
		{"new-credential", "/idp/idx/challenge/answer", phoneOfJoe, true},
		{"re-enroll-authenticator", "/idp/idx/challenge/answer", phoneOfJoe, true},
		{"authenticator-enrollment-extra", "/idp/idx/challenge/send", phoneOfJoe, true},
	} {
		step, _ := afterGuard(t, formNamed(c.name, c.path, c.about))
		if refused := step.Denied != nil && step.Denied.Reason == flows.DeniedEnrollment; refused != c.guarded || !refused && step.Kind != flows.KindForm {
			t.Errorf("%s at %s with %s: %+v, want guarded %v", c.name, c.path, c.about, step, c.guarded)
		}
		if step, _ := afterGuard(t, formNamed(c.name, c.path, c.about), identity.TOTP); step.Kind != flows.KindForm {
			t.Errorf("%s at %s, with a factor: %+v, want the form", c.name, c.path, step)
		}
	}
}

// S76: only a password is renewed by the password alone.
func TestS76OnlyThePasswordIsRenewedByItself(t *testing.T) {
	for _, name := range []string{"reenroll-authenticator", "reenroll-authenticator-warning"} {
		for about, guarded := range map[string]bool{
			phoneToSetUp: true, phoneOfJoe: true, "": true,
			`"currentAuthenticator":{"value":{"key":"okta_password","type":"password","id":"aut1"}},`: false,
		} {
			step, _ := afterGuard(t, formNamed(name, "/idp/idx/challenge/answer", about))
			if refused := step.Denied != nil && step.Denied.Reason == flows.DeniedEnrollment; refused != guarded {
				t.Errorf("%s with %q: %+v, want guarded %v", name, about, step, guarded)
			}
		}
	}
	// Nor does the other authenticator count as proved by what was typed.
	w := newWalk(t, asking(), "skip")
	w.s.answers = []answer{formNamed("reenroll-authenticator", "/idp/idx/challenge/answer", phoneToSetUp), {200, []byte(success)}}
	w.password().code("credentials.passcode", "+15555550100").wantDenied(flows.DeniedNoFactor)
}

// S76: whoever knows the password alone changes no address that the next code may be mailed to.
func TestS76PasswordAloneChangesNoProfile(t *testing.T) {
	for _, name := range []string{"profile-update", "enroll-profile"} {
		step, s := afterGuard(t, remediationFixture(t, name))
		skipped := len(s.paths) > 1 && s.paths[1] == "/idp/idx/skip"
		if refused := step.Denied != nil && step.Denied.Reason == flows.DeniedEnrollment; skipped != (name == "profile-update") || refused == skipped {
			t.Errorf("%s: %+v after %q", name, step, s.paths)
		}
		if step, s := afterGuard(t, remediationFixture(t, name), identity.TOTP); step.Topic != flows.TopicProfile || strings.Contains(strings.Join(s.paths, " "), "skip") {
			t.Errorf("%s, with a factor: %+v after %q", name, step, s.paths)
		}
	}
}

// What Okta fixed as a whole is no input, and goes back as it came; what has no value in it is still to be filled in (§3.3).
func TestImmutableObjectIsNotChanged(t *testing.T) {
	w := newWalk(t, asking(), "skip")
	w.s.answers = []answer{ownDocument(`"remediation":{"value":[{"name":"brand-new","href":"@/idp/idx/brand","value":[
		{"name":"profile","mutable":false,"form":{"value":[{"name":"login","label":"Login","value":"joe"},{"name":"role","label":"Role"}]}},
		{"name":"y","mutable":false,"value":{"form":{"value":[{"name":"z","form":{"value":[{"name":"id","label":"Id","value":"aut1"}]}}]}}},` + handleField + `]}]}`)}
	w.password()
	if len(w.step.Fields) != 1 || w.step.Fields[0].Name != "profile.role" {
		t.Errorf("the page asks for %+v, want the role alone", w.step.Fields)
	}
	w.s.answers = []answer{{200, []byte(success)}}
	w.values(map[string]string{"profile.login": "admin", "profile.role": "clerk", "y.z.id": "mine"})
	if got, want := w.s.bodies[1], `{"profile":{"login":"joe","role":"clerk"},"stateHandle":"h","y":{"z":{"id":"aut1"}}}`; got != want {
		t.Errorf("Okta was sent\n%s, want\n%s", got, want)
	}
}
