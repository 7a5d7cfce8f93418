package identityengine

import (
	"net/netip"
	"strings"
	"testing"

	"sidegate.example/sidegate/flows"
	"sidegate.example/sidegate/gateway/identity"
)

const (
	oktaVerifyToSetUp = `"authenticators":{"value":[{"key":"okta_verify","id":"aut1","methods":[{"type":"push"}]}]},`
	setUpOktaVerify   = `{"name":"select-authenticator-enroll","href":"@/idp/idx/credential/enroll","value":[{"name":"authenticator","options":[
		{"label":"App","value":{"form":{"value":[{"name":"id","value":"aut1","mutable":false}]}},"relatesTo":"$.authenticators.value[0]"}]},` + handleField + `]}`
)

// S76: a set-up that would be refused is not offered either, and is not sent, whatever the browser posts.
func TestS76NoOfferBeforeTheGuard(t *testing.T) {
	beside := ownDocument(oktaVerifyToSetUp + `"currentAuthenticatorEnrollment":{"value":{"key":"okta_email","type":"email","id":"e"}},
		"remediation":{"value":[{"name":"challenge-authenticator","href":"@/idp/idx/challenge/answer","relatesTo":["$.currentAuthenticatorEnrollment"],"value":[
			{"name":"credentials","form":{"value":[{"name":"passcode","label":"c"}]}},` + handleField + `]},` + setUpOktaVerify + `]}`)
	for _, c := range []struct {
		proof EnrollProof
		want  int
	}{{EnrollProof{}, 0}, {EnrollProof{OktaPolicy: true}, 1}} {
		s := &script{answers: []answer{beside}}
		e, cc := scripted(t, s)
		e.enroll = c.proof
		next, step, err := e.Advance(t.Context(), cc, asking().encode(), flows.Answer{Values: map[string]string{"password": "p"}})
		if err != nil || step.Kind != flows.KindCode || len(step.Choices) != c.want {
			t.Fatalf("%+v: %+v %v, want %d choices", c.proof, step, err, c.want)
		}
		if held := strings.Contains(string(next), "credential/enroll"); held != (c.want > 0) {
			t.Errorf("%+v: the State is %s", c.proof, next)
		}
		if c.want == 0 {
			continue
		}
		// What was offered is refused once the guard does not allow it any more.
		if next, _, err = e.Advance(t.Context(), cc, next, flows.Answer{Choice: "other"}); err != nil {
			t.Fatal(err)
		}
		e.enroll = EnrollProof{Networks: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}}
		_, step, err = e.Advance(t.Context(), cc, next, flows.Answer{Choice: "enroll-push"})
		if err != nil || step.Denied == nil || step.Denied.Reason != flows.DeniedEnrollment || len(s.paths) != 1 {
			t.Errorf("%+v %v after %q, want a refusal", step, err, s.paths)
		}
	}
}

// S76: where the person has nothing but the password, and could only set something up, the page says that.
func TestS76NothingLeftButASetUp(t *testing.T) {
	step, _ := afterGuard(t, ownDocument(oktaVerifyToSetUp+`"authenticatorEnrollments":{"value":[{"key":"okta_password","type":"password","id":"e1"}]},
		"remediation":{"value":[{"name":"select-authenticator-authenticate","href":"@/idp/idx/challenge","value":[{"name":"authenticator","options":[
			{"label":"Password","value":{"form":{"value":[{"name":"id","value":"aut0","mutable":false}]}},"relatesTo":"$.authenticatorEnrollments.value[0]"}]},`+handleField+`]},`+setUpOktaVerify+`]}`), identity.Password)
	if step.Denied == nil || step.Denied.Reason != flows.DeniedEnrollment || !step.Denied.Final {
		t.Errorf("%+v, want the refusal of the set-up", step)
	}
}
