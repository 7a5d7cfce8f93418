package caddymodule

import (
	"net/http"
	"testing"
	"time"

	"sidegate.example/sidegate/gateway"
	"sidegate.example/sidegate/gateway/session"
	"sidegate.example/sidegate/oktasim"
)

// signedIn signs bob in by push and stops at his cookie, which the gate has not seen in a request yet. The cookie is sealed again
// as that of a sign-in some time ago: what it says of its age is the only clock that is turned.
func (w *world) signedIn(addr, policy string, sim *oktasim.Org, ago time.Duration) *browser {
	t := w.t
	t.Helper()
	b := w.browser(addr)
	b.waitAtPush()
	approve(t, sim)
	for deadline := time.Now().Add(20 * time.Second); b.cookies[gateway.DefaultCookieName] == ""; b.get("/payroll") {
		if time.Now().After(deadline) {
			t.Fatal("the sign-in does not end")
		}
	}
	ring, err := session.RingFromSecrets([]string{testCookieSecret})
	if err != nil {
		t.Fatal(err)
	}
	codec := session.NewCodec(session.Static(ring), nil)
	binding := session.Binding{Cookie: gateway.DefaultCookieName, Site: "127.0.0.1", Policy: policy}
	s, err := codec.Open(t.Context(), binding, b.cookies[gateway.DefaultCookieName])
	if err != nil {
		t.Fatal(err)
	}
	claims := s.Claims
	claims.IssuedAt = claims.IssuedAt.Add(-ago)
	if b.cookies[gateway.DefaultCookieName], err = codec.Seal(t.Context(), binding, claims); err != nil {
		t.Fatal(err)
	}
	return b
}

// S54: a person who is signed in is suspended, loses the group that a rule needs, gets another one, or Okta cannot be reached. The
// request after the recheck interval goes through, and what Okta says of the person then is true of the next ones.
func TestRecheckInCaddy_S54(t *testing.T) {
	const options = "allow groups staff\n\t\trecheck 1m\n\t\trecheck_grace 2m"
	down := func(sim *oktasim.Org) {
		sim.Inject(oktasim.Fault{Kind: "status", Status: http.StatusServiceUnavailable, Times: -1})
	}
	for engine, e := range map[string]struct {
		world  func(t *testing.T) (*world, *oktasim.Org)
		site   func(w *world) string
		policy func(w *world) string
	}{
		"identity_engine": {
			func(t *testing.T) (*world, *oktasim.Org) {
				return newSimulated(t, func(c *oktasim.Config) { c.Users[0].Groups = []string{"staff"} })
			},
			func(w *world) string { return w.site("scopes openid profile email groups\n\t\t" + options) },
			func(w *world) string {
				return Settings{Scopes: []string{"openid", "profile", "email", "groups"}}.policy(&resolved{issuer: w.org + "/oauth2/default", clientID: testClientID})
			},
		},
		"factors": {
			func(t *testing.T) (*world, *oktasim.Org) { return newFactors(t) },
			func(w *world) string { return w.factorsSite("factors push totp\n\t\tuser_groups on\n\t\t" + options) },
			func(w *world) string {
				return Settings{Engine: engineFactors, FactorsSettings: FactorsSettings{Factors: []string{"push", "totp"}, UserGroups: on}}.policy(&resolved{org: w.org, clientID: testClientID})
			},
		},
	} {
		for name, c := range map[string]struct {
			change func(*oktasim.Org)
			ago    time.Duration
			status int
			groups string // that the upstream sees then
		}{
			"active":                    {func(sim *oktasim.Org) { sim.SetGroups("bob", "staff", "board") }, 3 * time.Minute, http.StatusOK, "staff,board"},
			"suspended":                 {func(sim *oktasim.Org) { sim.SetStatus("bob", "SUSPENDED") }, 3 * time.Minute, http.StatusUnauthorized, ""},
			"out of the group":          {func(sim *oktasim.Org) { sim.SetGroups("bob", "board") }, 3 * time.Minute, http.StatusForbidden, ""},
			"in no group":               {func(sim *oktasim.Org) { sim.SetGroups("bob") }, 3 * time.Minute, http.StatusForbidden, ""},
			"okta down, in the grace":   {down, 90 * time.Second, http.StatusOK, "staff"},
			"okta down, for too long":   {down, 3 * time.Minute, http.StatusUnauthorized, ""},
			"suspended, asked too soon": {func(sim *oktasim.Org) { sim.SetStatus("bob", "SUSPENDED") }, 0, http.StatusOK, "staff"},
		} {
			t.Run(engine+" "+name, func(t *testing.T) {
				w, sim := e.world(t)
				b := w.signedIn(w.start(e.site(w)), e.policy(w), sim, c.ago)
				cookie := b.cookies[gateway.DefaultCookieName]
				c.change(sim)
				before := len(sim.Requests())
				see := func() (int, string) {
					a := b.get("/payroll")
					if a.StatusCode != http.StatusOK {
						return a.StatusCode, ""
					}
					return a.StatusCode, w.up.take(t).Header.Get("Remote-Groups")
				}
				w.up.none(t, "before the sign-in was over")
				if status, groups := see(); status != http.StatusOK || groups != "staff" {
					t.Fatalf("the request that asks: %d %q", status, groups)
				}
				asked := func() bool {
					all := sim.Requests()
					return len(all) > before && all[len(all)-1].Status != 0
				}
				status, groups := 0, ""
				for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); {
					if status, groups = see(); status == c.status && groups == c.groups && (asked() || c.ago == 0) {
						break
					}
					if status != http.StatusOK && status != c.status {
						t.Fatalf("in between: %d", status)
					}
				}
				for range 20 {
					if status, groups = see(); status != c.status || groups != c.groups {
						t.Fatalf("%d %q, want %d %q", status, groups, c.status, c.groups)
					}
				}
				if c.ago == 0 && asked() {
					t.Error("asked before it was due")
				}
				if c.status == http.StatusOK && b.cookies[gateway.DefaultCookieName] != cookie {
					t.Error("the session is another one")
				}
				for _, q := range sim.Requests()[before:] {
					if told := q.Header.Get("X-Forwarded-For"); told != "127.0.0.1" || q.Header.Get("User-Agent") != agent {
						t.Errorf("%s %s for %q %q", q.Method, q.Path, told, q.Header.Get("User-Agent"))
					}
				}
			})
		}
	}
}
