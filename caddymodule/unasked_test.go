package caddymodule

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"

	"sidegate.example/sidegate/gateway"
	"sidegate.example/sidegate/gateway/identity"
	"sidegate.example/sidegate/gateway/session"
	"sidegate.example/sidegate/oktasim"
)

// A deny passes over what a session does not hold, and a session holds nothing that Okta was not asked for (S13): groups, and what
// else a scope brings. So what is asked for is in the policy.

func TestPolicyHoldsWhatOktaIsAskedFor_S13(t *testing.T) {
	r := &resolved{org: "https://acme.okta.com", issuer: "https://acme.okta.com", clientID: "0oa1"}
	scopes := func(s ...string) Settings { return Settings{Scopes: s} }
	groups := func(s string) Settings {
		return Settings{Engine: engineFactors, FactorsSettings: FactorsSettings{UserGroups: s}}
	}
	for name, c := range map[string]struct {
		a, b Settings
		same bool
	}{
		"groups":                  {Settings{}, scopes("openid", "profile", "email", "groups"), false},
		"e-mail":                  {scopes("openid", "profile"), Settings{}, false},
		"a scope of one's own":    {Settings{}, scopes("openid", "profile", "email", "roles"), false},
		"the default, written":    {Settings{}, scopes("email", "openid", "profile", "openid"), true},
		"a refresh token":         {Settings{}, scopes("openid", "profile", "email", "offline_access"), true},
		"recheck":                 {Settings{}, Settings{Recheck: 1}, true},
		"user_groups":             {groups(""), groups(on), false},
		"no user_groups, written": {groups(""), groups(off), true},
		"scopes of no use":        {groups(on), Settings{Engine: engineFactors, Scopes: []string{"openid"}, FactorsSettings: FactorsSettings{UserGroups: on}}, true},
	} {
		if got := c.a.policy(r) == c.b.policy(r); got != c.same {
			t.Errorf("%s: the same policy %t, want %t", name, got, c.same)
		}
	}
}

// groupsAsked is how groups are asked for with an engine.
type groupsAsked struct {
	defaults string // in the global options
	factors  string // of engine factors
	option   string
	unasked  Settings // those of a site without the option
	asked    Settings
}

func factorsOf(userGroups string) Settings {
	return Settings{Engine: engineFactors, FactorsSettings: FactorsSettings{Factors: []string{"push", "totp"}, UserGroups: userGroups}}
}

func askedForGroups(t *testing.T) map[string]groupsAsked {
	t.Setenv("SIDEGATE_TEST_API_TOKEN", apiToken)
	return map[string]groupsAsked{
		engineIdentity: {"", "", "scopes openid profile email groups", Settings{}, Settings{Scopes: []string{"openid", "profile", "email", "groups"}}},
		engineFactors: {"engine factors\n\t\tapi_token {env.SIDEGATE_TEST_API_TOKEN}", "factors push totp", "user_groups on",
			factorsOf(off), factorsOf(on)},
	}
}

func contractor() identity.Identity {
	who := bob()
	who.Groups = []string{"staff", "contractors"}
	return who
}

// Sites of one sso of which the first asks for no groups: who is handed over to one that denies some is not let in.
func TestDenyOfGroupsAcrossSSO_S13(t *testing.T) {
	for engine, e := range askedForGroups(t) {
		for name, c := range map[string]struct {
			everywhere, second string
			settings           Settings
			handOver, then     int
		}{
			"asked at the second alone": {"", e.option, e.unasked, http.StatusForbidden, 0},
			"asked at both":             {e.option, "", e.asked, http.StatusSeeOther, http.StatusForbidden},
		} {
			t.Run(engine+" "+name, func(t *testing.T) {
				w := newWorld(t)
				w.settings = c.settings
				port := freePort(t)
				accounts, wiki := "accounts.localhost:"+port, "wiki.localhost:"+port
				w.defaults = strings.Join([]string{e.defaults, e.factors, c.everywhere, "sso http://" + accounts + " http://" + wiki}, "\n\t\t")
				proxy := "\n\treverse_proxy " + w.up.Listener.Addr().String()
				second := "\nhttp://" + wiki + " {\n\tbind 127.0.0.1\n\tokta_mfa {\n\t\t" + c.second + "\n\t\tdeny groups contractors\n\t}" + proxy + "\n}\n"
				addr := w.run(adapt(t, w.caddyfile("http://"+accounts, "okta_mfa"+proxy)+second))
				visit := func(host, path, cookies string) answer {
					return raw(t, addr, "GET "+path+" HTTP/1.1\nHost: "+host+"\nAccept: text/html\nUser-Agent: "+agent+"\nCookie: "+cookies)
				}
				who := contractor()
				if c.everywhere == "" {
					who.Groups = nil
				}
				a := visit(wiki, "/page", "")
				to, _ := strings.CutPrefix(a.Header.Get("Location"), "http://"+accounts)
				waiting := strings.Split(a.Header.Get("Set-Cookie"), ";")[0]
				a = visit(accounts, to, w.cookie("accounts.localhost", who))
				if a.StatusCode != c.handOver {
					t.Fatalf("handed over: %d, want %d", a.StatusCode, c.handOver)
				}
				if back, found := strings.CutPrefix(a.Header.Get("Location"), "http://"+wiki); found {
					a = visit(wiki, back, waiting)
					a = visit(wiki, "/page", strings.Split(a.Header.Get("Set-Cookie"), ";")[0])
					if a.StatusCode != c.then {
						t.Errorf("%d, want %d", a.StatusCode, c.then)
					}
				}
				w.up.none(t, "a contractor")
			})
		}
	}
}

// With cookie_domain, a session of a site that asks for no groups is challenged at one that denies some.
func TestDenyOfGroupsAcrossADomain_S13(t *testing.T) {
	for engine, e := range askedForGroups(t) {
		for name, c := range map[string]struct {
			settings Settings
			groups   []string
			want     int
		}{
			"made where nobody asked":            {e.unasked, nil, http.StatusUnauthorized},
			"made where they are asked for":      {e.asked, []string{"staff"}, http.StatusOK},
			"made where they are asked for, out": {e.asked, []string{"contractors"}, http.StatusForbidden},
		} {
			t.Run(engine+" "+name, func(t *testing.T) {
				w := newWorld(t)
				w.settings, w.defaults = c.settings, e.defaults+"\n\t\t"+e.factors
				addr := w.start(w.behind(e.option + "\n\t\tcookie_domain example.com\n\t\tdeny groups contractors"))
				ring, err := session.RingFromSecrets([]string{testCookieSecret})
				if err != nil {
					t.Fatal(err)
				}
				who, now := bob(), time.Now()
				who.Groups = c.groups
				cookie, err := session.NewCodec(session.Static(ring), nil).Seal(t.Context(),
					session.Binding{Cookie: gateway.DefaultDomainCookieName, Site: "\x00example.com", Policy: w.policy()},
					session.Claims{ID: session.NewID(), Identity: who, IssuedAt: now, SeenAt: now, ExpiresAt: now.Add(time.Hour)})
				if err != nil {
					t.Fatal(err)
				}
				a := raw(t, addr, "GET /page HTTP/1.1\nHost: wiki.example.com\nX-Forwarded-Proto: https\nCookie: "+gateway.DefaultDomainCookieName+"="+cookie)
				if a.StatusCode != c.want {
					t.Errorf("%d, want %d", a.StatusCode, c.want)
				}
			})
		}
	}
}

// A deny on groups that comes with the asking for groups: who is signed in signs in again, and is then denied.
func TestDenyOfGroupsAtAReload_S13(t *testing.T) {
	for engine, e := range askedForGroups(t) {
		t.Run(engine, func(t *testing.T) {
			w, sim := newFactors(t, func(c *oktasim.Config) { c.Users[0].Groups = []string{"contractors"} })
			site := map[string]func(string) string{engineIdentity: w.site, engineFactors: w.factorsSite}[engine]
			address := "http://:" + freePort(t)
			b := w.browser(w.run(adapt(t, w.caddyfile(address, site(e.factors)))))
			signIn := func() {
				b.waitAtPush()
				approve(t, sim)
			}
			signIn()
			b.arrive()
			w.up.take(t)
			if err := caddy.Load(adapt(t, w.caddyfile(address, site(e.factors+"\n\t\t"+e.option+"\n\t\tdeny groups contractors"))), true); err != nil {
				t.Fatal(err)
			}
			a := b.get("/payroll")
			// The old configuration's server may answer who comes to the port before it has closed its socket, after Load.
			for deadline := time.Now().Add(20 * time.Second); a.StatusCode == http.StatusOK && time.Now().Before(deadline); {
				w.up.take(t)
				a = b.get("/payroll")
			}
			w.blocked("a session whose groups nobody asked for", a)
			signIn()
			a = b.get("/payroll")
			for deadline := time.Now().Add(20 * time.Second); a.StatusCode != http.StatusForbidden && time.Now().Before(deadline); {
				a = b.get("/payroll")
			}
			if a.StatusCode != http.StatusForbidden {
				t.Errorf("a contractor after a new sign-in: %d, want 403", a.StatusCode)
			}
			w.up.none(t, "a contractor")
		})
	}
}
