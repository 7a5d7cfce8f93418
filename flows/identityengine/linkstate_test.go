package identityengine_test

import (
	"net/url"
	"testing"

	"sidegate.example/sidegate/flows"
	"sidegate.example/sidegate/oktasim"
)

// The link that Okta mails to the gate carries what the Step says, which is another one for each sign-in, and stays when the
// Step is shown again (identity-engine.md §6.2).
func TestMailedLinkCarriesTheStepsState(t *testing.T) {
	seen := map[string]bool{}
	for range 2 {
		b := newBench(t, withNewcomer(func(u *oktasim.User) { u.Enrolled = []string{"okta_email"} }), func(s *settings) {
			s.sim.Policy.MagicLink, s.sim.Policy.EmailLink = true, "https://app/email"
		})
		b.start(newcomer, password)
		if b.step.LinkState != "" {
			t.Errorf("a link to %q before a mail was asked for", b.step.LinkState)
		}
		b.choose("email")
		b.want(flows.KindCode)
		for range 2 {
			link, err := url.Parse(b.newest().Link)
			if err != nil {
				t.Fatal(err)
			}
			if got := link.Query().Get("state"); got == "" || got != b.step.LinkState || b.step.Kind != flows.KindCode {
				t.Fatalf("the link carries %q, the step %q", got, b.step.LinkState)
			}
			b.code("000000") // is wrong
		}
		seen[b.step.LinkState] = true
	}
	if len(seen) != 2 {
		t.Errorf("two sign-ins share a link's state: %v", seen)
	}
}
