package identityengine_test

import (
	"testing"

	"sidegate.example/sidegate/flows"
	"sidegate.example/sidegate/flows/identityengine"
	"sidegate.example/sidegate/oktasim"
)

// S71, S76: whoever reads the mail of somebody recovers the password by it, is asked for a mailed code again, and has neither a
// session nor a phone of theirs on the account by that.
func TestS71MailboxAlone(t *testing.T) {
	for name, require := range map[string][]string{"a session": nil, "a set-up": {"okta_verify"}} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, withNewcomer(func(u *oktasim.User) { u.Enrolled, u.Require = []string{"okta_email"}, require }),
				func(s *settings) { s.engine.Enroll = identityengine.EnrollProof{} })
			readMail := func() {
				if b.step.Kind == flows.KindChoose {
					b.choose("email")
				}
				b.want(flows.KindCode)
				b.code(b.newest().Code)
			}
			b.take(b.engine.Start(t.Context(), b.cc, redirectURI, flows.Answer{Choice: flows.ChoiceIDRecover}))
			b.want(flows.KindForm)
			b.typed(map[string]string{flows.FieldIdentifier: newcomer})
			readMail()
			b.want(flows.KindForm)
			b.typed(map[string]string{b.step.Fields[0].Name: "Another horse 2", flows.FieldConfirm: "Another horse 2"})
			readMail()
			if b.step.Kind != flows.KindDenied || !b.step.Denied.Final || b.step.Identity != nil || b.holds("okta_verify") {
				t.Errorf("%+v, holds the phone: %v", b.step, b.holds("okta_verify"))
			}
			if want := map[bool]flows.DeniedReason{true: flows.DeniedRestored, false: flows.DeniedEnrollment}[require == nil]; b.step.Denied != nil && b.step.Denied.Reason != want {
				t.Errorf("the reason is %s, want %s", b.step.Denied.Reason, want)
			}
		})
	}
}
