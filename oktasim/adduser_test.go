package oktasim_test

import (
	"testing"

	"sidegate.example/sidegate/oktasim"
)

// A user who is added can sign in, and one who is added again begins afresh.
func TestAddUser(t *testing.T) {
	b := newBench(t)
	for _, c := range []struct {
		body   string
		status int
	}{
		{`{"login":"new@example.com","password":"first","enrolled":["okta_email"]}`, 204},
		{`{"login":"NEW@example.com","password":"second","enrolled":["google_otp"]}`, 204},
		{`{"login":""}`, 400},
		{`{"login":"odd@example.com","enrolled":["carrier_pigeon"]}`, 400},
		{`{"login":"odd@example.com","pasword":"x"}`, 400},
	} {
		if a := b.sim("POST", "users", c.body); a.status != c.status {
			t.Errorf("%s: %d, want %d", c.body, a.status, c.status)
		}
	}
	if got := b.org.Authenticators("new@example.com"); len(got) != 2 || got[1] != "google_otp" {
		t.Errorf("authenticators %q, want those of the second", got)
	}
	if got := b.org.Authenticators("odd@example.com"); got != nil {
		t.Errorf("a user who was refused has %q", got)
	}
	if err := b.org.AddUser(oktasim.User{Login: " "}); err == nil {
		t.Error("a user without a login was added")
	}
}
