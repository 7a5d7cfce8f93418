package identityengine

import (
	"net/netip"
	"strings"
	"testing"

	"sidegate.example/sidegate/flows"
	"sidegate.example/sidegate/gateway/identity"
)

// enrolling is what of the fixtures leads to a new factor. Each is asked for right after the password.
func enrolling() []string {
	var out []string
	for name, r := range remediations {
		if strings.Contains(r.shows, " enrolling ") {
			out = append(out, name)
		}
	}
	return out
}

// S76: whoever knows the password alone sets nothing up, however Okta asks for it, unless the operator's enroll_requires
// says so; and nothing of the set-up, the QR code least of all, gets to the browser.
func TestS76PasswordAloneSetsNothingUp(t *testing.T) {
	here, elsewhere := netip.MustParsePrefix("203.0.113.0/24"), netip.MustParsePrefix("10.0.0.0/8")
	names := enrolling()
	if len(names) < 25 {
		t.Fatalf("only %d fixtures enrol", len(names))
	}
	for setting, c := range map[string]struct {
		proof  EnrollProof
		proved []identity.Factor
		want   bool
	}{
		"factor":                           {EnrollProof{}, nil, false},
		"factor, proved":                   {EnrollProof{}, []identity.Factor{identity.TOTP}, true},
		"factor, a mailed code":            {EnrollProof{}, []identity.Factor{identity.Email}, true},
		"factor, a security question":      {EnrollProof{}, []identity.Factor{identity.SecurityQuestion}, false},
		"network, from inside":             {EnrollProof{Networks: []netip.Prefix{elsewhere, here}}, nil, true},
		"network, from outside":            {EnrollProof{Networks: []netip.Prefix{elsewhere}}, nil, false},
		"network, from outside, proved":    {EnrollProof{Networks: []netip.Prefix{elsewhere}}, []identity.Factor{identity.SMS}, true},
		"okta_policy":                      {EnrollProof{OktaPolicy: true}, nil, true},
		"never":                            {EnrollProof{Never: true}, nil, false},
		"never, proved":                    {EnrollProof{Never: true}, []identity.Factor{identity.TOTP}, false},
		"never beats a network and policy": {EnrollProof{Never: true, OktaPolicy: true, Networks: []netip.Prefix{here}}, nil, false},
	} {
		for _, name := range names {
			t.Run(setting+"/"+name, func(t *testing.T) {
				s := &script{answers: []answer{remediationFixture(t, name)}}
				e, cc := scripted(t, s)
				e.enroll = c.proof
				st := asking()
				for _, f := range c.proved {
					st.Proofs = append(st.Proofs, proof{f, 1})
				}
				_, step, err := e.Advance(t.Context(), cc, st.encode(), flows.Answer{Values: map[string]string{"password": "p"}})
				if len(s.paths) > 1 { // it can be skipped, and was
					if c.want || s.paths[1] != "/idp/idx/skip" {
						t.Errorf("calls %q", s.paths)
					}
					return
				}
				refused := step.Denied != nil && step.Denied.Reason == flows.DeniedEnrollment
				if err != nil || refused == c.want || step.Enrolling != c.want {
					t.Fatalf("%+v %v, want enrolment %v", step, err, c.want)
				}
				if refused && (step.Setup != nil || step.WebAuthn != nil || len(step.Fields) > 0) {
					t.Errorf("the refusal holds what is needed for a set-up: %+v", step)
				}
			})
		}
	}
}

// S76: a mailed activation link is a proof, a recovery link is none, and neither outlives the transaction.
func TestS76MailedTokens(t *testing.T) {
	chooser := remediationFixture(t, "select-authenticator-enroll")
	for field, want := range map[string]bool{flows.FieldActivationToken: true, flows.FieldRecoveryToken: false} {
		s := &script{answers: []answer{handle, chooser}}
		e, cc := scripted(t, s)
		e.enroll = EnrollProof{}
		_, step, err := e.Start(t.Context(), cc, "https://app", flows.Answer{Values: map[string]string{field: "token"}})
		if err != nil || step.Enrolling != want {
			t.Errorf("%s: %+v %v, want enrolment %v", field, step, err, want)
		}
	}
	s := &script{answers: []answer{handle, remediationFixture(t, "identify")}}
	e, cc := scripted(t, s)
	e.enroll = EnrollProof{}
	st, step, err := e.Start(t.Context(), cc, "https://app", flows.Answer{Values: map[string]string{flows.FieldActivationToken: "token"}})
	if err != nil {
		t.Fatal(err)
	}
	if step.Kind == flows.KindIdentify { // Okta asks who it is after all: a sign-in of its own
		s.answers = []answer{handle, chooser}
		_, step, err = e.Advance(t.Context(), cc, st, flows.Answer{Values: map[string]string{"identifier": "joe", "password": "p"}})
	}
	if err != nil || step.Enrolling || step.Setup != nil {
		t.Errorf("%+v %v: the token counts for another sign-in", step, err)
	}
}

// S76: what was set up a moment ago under a looser rule, and then fell through, is no proof for the next one.
func TestS76RefusalLeavesTheWayToProveAFactor(t *testing.T) {
	s := &script{guarded: true, answers: []answer{remediationFixture(t, "select-authenticator-enroll.side"), remediationFixture(t, "challenge-authenticator.okta_email"),
		remediationFixture(t, "select-authenticator-enroll")}}
	e, cc := scripted(t, s)
	ctx := t.Context()
	st, step, err := e.Advance(ctx, cc, asking().encode(), flows.Answer{Values: map[string]string{"password": "p"}})
	if err != nil || step.Denied == nil || len(step.Choices) != 1 || step.Choices[0].ID != "other" {
		t.Fatalf("%+v %v, want a refusal with another way", step, err)
	}
	if st, step, err = e.Advance(ctx, cc, st, flows.Answer{Choice: "other"}); err != nil || len(step.Choices) != 1 || step.Choices[0].ID != "email" {
		t.Fatalf("%+v %v, want the e-mail alone", step, err)
	}
	if st, step, err = e.Advance(ctx, cc, st, flows.Answer{Choice: "email"}); err != nil || step.Kind != flows.KindCode {
		t.Fatalf("%+v %v, want a code", step, err)
	}
	if _, step, err = e.Advance(ctx, cc, st, flows.Answer{Values: map[string]string{"passcode": "123456"}}); err != nil || !step.Enrolling {
		t.Fatalf("%+v %v, want the enrolment that the proved e-mail allows", step, err)
	}
}
