package identityengine

import (
	"slices"
	"testing"

	"sidegate.example/sidegate/flows"
	"sidegate.example/sidegate/gateway/identity"
)

// What Okta asks for first makes way for the list that has what every session needs; in a recovery, and once that is proved,
// everything is as Okta has it.
func TestSignInIsNotNarrowedForNothing(t *testing.T) {
	const enrolled = `"authenticatorEnrollments":{"value":[{"key":"okta_verify","type":"app","id":"e1","methods":[{"type":"push"}]},
		{"key":"google_otp","type":"app","id":"e2","methods":[{"type":"otp"}]},{"key":"okta_email","type":"email","id":"e3","methods":[{"type":"email"}]}]},`
	option := func(label, id, at string) string {
		return `{"label":"` + label + `","value":{"form":{"value":[{"name":"id","value":"` + id + `","mutable":false}]}},"relatesTo":"$.authenticatorEnrollments.value[` + at + `]"}`
	}
	list := `{"name":"select-authenticator-authenticate","href":"@/idp/idx/challenge","value":[{"name":"authenticator","options":[` +
		option("Okta Verify", "aut1", "0") + `,` + option("Google", "aut2", "1") + `,` + option("E-mail", "aut3", "2") + `]},` + handleField + `]}`
	asks := ownDocument(enrolled + `"currentAuthenticatorEnrollment":{"value":{"key":"google_otp","type":"app","id":"e2","methods":[{"type":"otp"}]}},
		"remediation":{"value":[{"name":"challenge-authenticator","href":"@/idp/idx/challenge/answer","relatesTo":["$.currentAuthenticatorEnrollment"],"value":[
		{"name":"credentials","form":{"value":[{"name":"passcode","label":"c"}]}},` + handleField + `]},` + list + `]}`)
	chooses := ownDocument(enrolled + `"remediation":{"value":[` + list + `]}`)
	everything := []identity.Factor{identity.Push, identity.GoogleOTP, identity.Email}
	for name, c := range map[string]struct {
		required []identity.Factor
		before   func(*state)
		answer   answer
		kind     flows.Kind
		offered  []identity.Factor // after "other ways", where something is asked for
	}{
		"a list":                    {[]identity.Factor{identity.Push}, nil, chooses, flows.KindChoose, []identity.Factor{identity.Push}},
		"something weaker":          {[]identity.Factor{identity.Push}, nil, asks, flows.KindChoose, []identity.Factor{identity.Push}},
		"nothing is required":       {nil, nil, asks, flows.KindCode, everything},
		"nobody has it":             {[]identity.Factor{identity.WebAuthn}, nil, asks, flows.KindCode, everything},
		"it is what Okta asks for":  {[]identity.Factor{identity.GoogleOTP}, nil, asks, flows.KindCode, []identity.Factor{identity.GoogleOTP}},
		"it is proved":              {[]identity.Factor{identity.Push}, func(s *state) { s.Proofs = []proof{{identity.Push, 1}} }, asks, flows.KindCode, everything},
		"the password is recovered": {[]identity.Factor{identity.Push}, func(s *state) { s.recover() }, asks, flows.KindCode, everything},
		"a step-up takes a weaker":  {[]identity.Factor{identity.Push}, func(s *state) { s.StepUp = &stepUp{Only: everything[:2]} }, chooses, flows.KindChoose, everything[:2]},
	} {
		t.Run(name, func(t *testing.T) {
			e, cc := scripted(t, &script{answers: []answer{c.answer}})
			e.required = c.required
			before := asking()
			if c.before != nil {
				c.before(before)
			}
			next, step, err := e.Advance(t.Context(), cc, before.encode(), flows.Answer{Values: map[string]string{"password": "p"}})
			if err != nil || step.Kind != c.kind {
				t.Fatalf("%+v, %v", step, err)
			}
			if step.Kind == flows.KindCode && len(c.offered) > 1 {
				if _, step, err = e.Advance(t.Context(), cc, next, flows.Answer{Choice: choiceOther}); err != nil {
					t.Fatal(err)
				}
			}
			var offered []identity.Factor
			for _, c := range step.Choices {
				offered = append(offered, c.Factor)
			}
			if step.Kind == flows.KindChoose && !slices.Equal(offered, c.offered) {
				t.Errorf("offered: %v, want %v", offered, c.offered)
			}
		})
	}
}
