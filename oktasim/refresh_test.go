package oktasim_test

import (
	"net/url"
	"testing"
)

// A refresh token works once, for its client, for scopes that it has, and never for somebody who is suspended.
func TestRefreshToken(t *testing.T) {
	s := newBench(t).begin()
	if a := s.form("/oauth2/default/v1/token", s.tokenForm(s.signedInCode())); a.status != 200 || a.at("refresh_token") != nil {
		t.Fatalf("without the scope: %d %s", a.status, a.body)
	}
	b := newBench(t)
	fresh := func() string {
		t.Helper()
		s := b.beginWith("openid profile offline_access")
		return s.form("/oauth2/default/v1/token", s.tokenForm(s.signedInCode())).str("refresh_token")
	}
	use := func(token, client, scope string) *answer {
		v := url.Values{"grant_type": {"refresh_token"}, "refresh_token": {token}, "client_id": {client}, "scope": {scope}}
		if client == confidentialID {
			v.Set("client_secret", secret)
		}
		return b.form("/oauth2/default/v1/token", v)
	}
	first := fresh()
	use(first, publicID, "openid").wantError(400, "invalid_grant")
	use(first, confidentialID, "openid groups").wantError(400, "invalid_scope")
	a := use(first, confidentialID, "openid profile offline_access")
	if a.status != 200 || a.str("refresh_token") == first || claims(t, a.str("id_token"))["nonce"] != nil {
		t.Fatalf("%d %s", a.status, a.body)
	}
	use(first, confidentialID, "openid").wantError(400, "invalid_grant")
	second := a.str("refresh_token")
	b.org.SetStatus("push@sidegate.example", "SUSPENDED")
	use(second, confidentialID, "openid").wantError(400, "invalid_grant")
	if b.org.SetGroups("nobody", "x") {
		t.Error("a user that is not there was put into a group")
	}
}
