package gateway

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// cookie_domain: one session for all hosts of the domain, in a cookie that says so; what belongs to a sign-in in progress stays with
// its host. Signing out anywhere is signing out everywhere. Another policy and another host have no part in it (S13, S58).
func TestS58CookieDomain(t *testing.T) {
	s := newSites(t, func(origin string, c *Config) {
		c.SSO, c.CookieDomain = nil, "example.com"
		if origin == stranger {
			c.Policy = "another org"
		}
	})
	b := s.browser()
	plain := b.Transport
	b.Transport = roundTrip(func(r *http.Request) (*http.Response, error) {
		resp, err := plain.RoundTrip(r)
		if err == nil {
			for _, c := range resp.Cookies() {
				shared := c.Name == "__Secure-okta_mfa" && c.Domain == "example.com"
				if own := strings.HasPrefix(c.Name, "__Host-okta_mfa_") && c.Domain == ""; !shared && !own || !c.Secure || !c.HttpOnly || c.Path != "/" {
					t.Errorf("%s sets %s", r.URL.Host, c)
				}
			}
		}
		return resp, err
	})
	if a := b.signIn(payroll + "/slips"); a.body != "SECRET OF payroll.example.com" {
		t.Fatalf("payroll: %q", a.body)
	}
	for _, origin := range []string{wiki, accounts} {
		if a, way := b.visit(origin + "/page"); a.StatusCode != 200 || len(way) != 1 {
			t.Errorf("%s: %d after %q", origin, a.StatusCode, way)
		}
	}
	if a, _ := b.visit(stranger + "/"); a.StatusCode != 401 {
		t.Errorf("another policy: %d", a.StatusCode)
	}
	page := b.do("GET", wiki+"/_mfa/signout", nil)
	b.do("POST", wiki+"/_mfa/signout", url.Values{"csrf": {page.csrf(t)}})
	if a, _ := b.visit(payroll + "/"); a.StatusCode != 401 {
		t.Errorf("after signing out elsewhere: %d", a.StatusCode)
	}
	if len(b.cookies(payroll)["__Secure-okta_mfa"]) > 0 {
		t.Error("the cookie was not deleted")
	}
}

// A host outside of the domain says that it is misconfigured, and lets nobody in.
func TestHostOutsideOfTheCookieDomain(t *testing.T) {
	s := newSites(t, func(origin string, c *Config) {
		c.SSO, c.CookieDomain = nil, "accounts.example.com"
	})
	for origin, want := range map[string]string{accounts: "signin identify", payroll: "error misconfigured"} {
		if a := s.browser().do("GET", origin+"/", nil); a.shows() != want {
			t.Errorf("%s: %d %q, want %q", origin, a.StatusCode, a.shows(), want)
		}
	}
}

func TestCookieDomainsThatCannotBe(t *testing.T) {
	state := NewState()
	defer state.Close()
	for _, tt := range []struct{ domain, name, want string }{
		{".example.com", "", `cookie_domain ".example.com" must be a domain of yours in lower case, such as example.com, without dot in front`},
		{"com", "", `cookie_domain "com" must be`}, {"co.uk", "", `cookie_domain "co.uk" must be`}, {"Example.com", "", "must be"}, {"example.com:443", "", "must be"},
		{"192.0.2.1", "", "must be"}, {"[::1]", "", "must be"}, {"localhost", "", "must be"},
		{"example.com", "__Host-okta_mfa", `cookie_name "__Host-okta_mfa" must start with __Secure-, because cookie_domain makes it one of several hosts`},
		{"", "__Secure-okta_mfa", `cookie_name "__Secure-okta_mfa" must start with __Host-, so that no sibling host can set it`},
		{"example.com", "", ""}, {"apps.example.co.uk", "__Secure-apps", ""},
	} {
		_, err := New(Config{Flow: straight(), Engine: "e", State: state, Policy: "p", Keys: keys(t), CookieDomain: tt.domain, CookieName: tt.name})
		if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%q, %q: %v, want %q", tt.domain, tt.name, err, tt.want)
		}
	}
	if _, err := New(Config{Flow: straight(), Engine: "e", State: state, Policy: "p", Keys: keys(t), CookieDomain: "example.com", SSO: []string{accounts, wiki}}); err == nil {
		t.Error("sso and cookie_domain were taken together")
	}
}
