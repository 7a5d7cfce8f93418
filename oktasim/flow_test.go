package oktasim_test

import (
	"testing"
	"time"

	"sidegate.example/sidegate/oktasim"
)

func TestPushEndsInTokens(t *testing.T) {
	s := newBench(t).begin()
	a := s.form("/oauth2/default/v1/token", s.tokenForm(s.signedInCode()))
	if a.status != 200 || a.str("token_type") != "Bearer" {
		t.Fatalf("token: %d %s", a.status, a.body)
	}
	id := claims(t, a.str("id_token"))
	for claim, want := range map[string]any{
		"iss": orgURL + "/oauth2/default", "aud": confidentialID, "nonce": "n0",
		"preferred_username": "push@sidegate.example", "name": "Paula Push", "email": "push@sidegate.example",
		"auth_time": float64(s.now.Unix()), "exp": float64(s.now.Add(time.Hour).Unix()),
	} {
		if id[claim] != want {
			t.Errorf("%s = %v, want %v", claim, id[claim], want)
		}
	}
	amr, _ := id["amr"].([]any)
	if len(amr) != 4 || amr[0] != "pwd" || amr[1] != "mfa" || amr[2] != "okta_verify" || amr[3] != "swk" {
		t.Errorf("amr = %v", amr)
	}
}

func TestPushDeniedThenSentAgain(t *testing.T) {
	s := newBench(t).begin()
	s.password("push@sidegate.example", password)
	s.choose("push").wantStep(200, "challenge-poll")
	first := s.pending("push@sidegate.example")
	if err := s.org.Deny(first.ID); err != nil {
		t.Fatal(err)
	}
	s.pollAfter(4*time.Second).wantStep(200, "resend").wantKey(200, "api.authn.poll.error.push_rejected")
	s.choose("push").wantStep(200, "challenge-poll")
	if err := s.org.Approve(first.ID); err != oktasim.ErrNotPending {
		t.Fatalf("approving a denied push: %v, want ErrNotPending", err)
	}
	if err := s.org.Approve(s.pending("push@sidegate.example").ID); err != nil {
		t.Fatal(err)
	}
	s.pollAfter(4*time.Second).wantStep(200, "success")
}
