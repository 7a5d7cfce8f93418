package caddymodule

import (
	"net/http"
	"testing"
	"time"
)

// TestRecheckOptions: with recheck Okta is asked about a session, behind the request's back; with recheck_grace the session
// ends when no answer comes, and without it lives on. Here none comes: no sign-in has left a refresh token.
func TestRecheckOptions(t *testing.T) {
	for name, c := range map[string]struct {
		options string
		ends    bool
	}{
		"neither":       {"", false},
		"recheck":       {"recheck 1m", false},
		"recheck_grace": {"recheck 1m\n\t\trecheck_grace 2m", true},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			addr := w.start("okta_mfa {\n\t\t" + c.options + "\n\t}\n\treverse_proxy " + w.up.Listener.Addr().String())
			cookie, _ := w.sessionOf("127.0.0.1", bob(), 3*time.Minute)
			if a := get(t, addr, "/payroll", "Cookie: "+cookie); a.StatusCode != http.StatusOK {
				t.Fatalf("%d: a request waited for the answer", a.StatusCode)
			}
			status, tries := http.StatusOK, 0
			for deadline := time.Now().Add(10 * time.Second); status == http.StatusOK && tries < 200 && time.Now().Before(deadline); tries++ {
				status = get(t, addr, "/payroll", "Cookie: "+cookie).StatusCode
			}
			if ended := status == http.StatusUnauthorized; ended != c.ends {
				t.Errorf("ended %t, want %t (after %d requests: %d)", ended, c.ends, tries, status)
			}
		})
	}
}

// TestRecheckAsksForARefreshToken: the scope goes along where it is needed, and makes the sign-ins of others no other's.
func TestRecheckAsksForARefreshToken(t *testing.T) {
	for name, c := range map[string]struct {
		s         Settings
		firstOnly bool
		want      string
	}{
		"off":                   {Settings{}, false, ""},
		"on":                    {Settings{Recheck: 1}, false, "openid profile email offline_access"},
		"on, with scopes":       {Settings{Recheck: 1, Scopes: []string{"openid", "groups"}}, false, "openid groups offline_access"},
		"on, and written down":  {Settings{Recheck: 1, Scopes: []string{"offline_access", "openid"}}, false, "offline_access openid"},
		"before engine factors": {Settings{Recheck: 1, Scopes: []string{"openid"}}, true, "openid"},
	} {
		got := ""
		for i, scope := range c.s.scopes(c.firstOnly) {
			if i > 0 {
				got += " "
			}
			got += scope
		}
		if got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}
