package identityengine_test

import (
	"testing"

	"sidegate.example/sidegate/flows"
	"sidegate.example/sidegate/oktasim"
)

// What Okta refuses after the first factor is told by its reason; an account that is switched off is told by nothing but
// the credentials, as Okta tells it.
func TestPeopleWhoMayNotSignIn(t *testing.T) {
	for name, c := range map[string]struct {
		user oktasim.User
		want flows.DeniedReason // empty: user name or password are refused
	}{
		"not assigned":         {oktasim.User{Access: "unassigned"}, flows.DeniedPolicy},
		"denied by policy":     {oktasim.User{Access: "denied"}, flows.DeniedPolicy},
		"policy cannot be met": {oktasim.User{Access: "unsatisfiable"}, flows.DeniedPolicy},
		"suspended":            {oktasim.User{Status: "SUSPENDED"}, ""},
		"deprovisioned":        {oktasim.User{Status: "DEPROVISIONED"}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, withNewcomer(func(u *oktasim.User) {
				u.Enrolled, u.Access, u.Status = []string{"google_otp"}, c.user.Access, c.user.Status
			}))
			b.start(newcomer, password)
			if b.step.Kind == flows.KindCode {
				b.code(b.org.GoogleCode(newcomer))
			}
			if c.want != "" {
				b.wantDenied(c.want, true)
				return
			}
			b.want(flows.KindIdentify)
			if m := b.step.Messages; len(m) != 1 || m[0].Key != "sidegate.credentials" {
				t.Errorf("the page says %+v", m)
			}
		})
	}
}

// Safe mode is waited out, and then what the person types goes on with the same sign-in.
func TestSafeModeAgainstAnOrg(t *testing.T) {
	for name, p := range map[string]oktasim.Policy{"one form": {}, "identifier first": {IdentifierFirst: true}} {
		t.Run(name, func(t *testing.T) {
			p.SafeModePolls = 3
			b := newBench(t, policy(p))
			b.start(pushUser, password)
			for range 3 {
				b.want(flows.KindWait)
				if !b.step.Wait.Degraded {
					t.Fatalf("%+v", b.step)
				}
				b.poll()
			}
			b.want(flows.KindIdentify)
			b.typed(map[string]string{flows.FieldIdentifier: pushUser, flows.FieldPassword: password})
			b.want(flows.KindChoose)
			if n := b.called("/oauth2/default/v1/interact"); n != 1 {
				t.Errorf("%d sign-ins were begun, want one", n)
			}
		})
	}
}
