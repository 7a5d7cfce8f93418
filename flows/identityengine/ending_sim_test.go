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
