package caddymodule

import (
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"sidegate.example/sidegate/gateway/identity"
)

// ruled is a site with matchers in front of the rules.
func (w *world) ruled(matchers, rules string) string {
	return matchers + "\n\t" + strings.Replace(w.gated(), "okta_mfa", "okta_mfa {\n\t\t"+rules+"\n\t}", 1)
}

// as asks for a path with the session of who, and says what came of it: let in, forbidden or challenged.
func (w *world) as(addr string, who identity.Identity, method, path string, header ...string) string {
	w.t.Helper()
	return w.outcome(raw(w.t, addr, method+" "+path+" HTTP/1.1\nHost: "+addr+"\nContent-Length: 0\nCookie: "+w.cookie("127.0.0.1", who)+"\n"+strings.Join(header, "\n")))
}

func (w *world) outcome(a answer) string {
	w.t.Helper()
	if a.StatusCode == http.StatusOK {
		w.up.take(w.t)
		return "in"
	}
	w.up.none(w.t, a.Status)
	if strings.Contains(a.body, upstreamBody) {
		w.t.Error("the upstream's answer got out")
	}
	return map[int]string{http.StatusForbidden: "forbidden", http.StatusUnauthorized: "challenged"}[a.StatusCode]
}

// S86: every rule changes an answer, in a real Caddy.
func TestS86EveryRuleChangesAnAnswer(t *testing.T) {
	push := func(who *identity.Identity) { who.Proofs[1].At = time.Now().Add(-2 * time.Minute) }
	number := func(who *identity.Identity) { who.Proofs[1].Factor = identity.NumberChallenge; push(who) }
	key := func(who *identity.Identity) { who.Proofs[1].Factor = identity.WebAuthn }
	code := func(who *identity.Identity) { who.Proofs[1].Factor = identity.TOTP }
	same := func(*identity.Identity) {}
	for _, c := range []struct {
		rules string
		who   func(*identity.Identity)
		want  string
	}{
		{"", same, "in"},
		{"allow groups staff", same, "in"},
		{"allow groups finance", same, "forbidden"},
		{"allow groups finance\n\t\tallow users bob", same, "in"},
		{"allow users alice", same, "forbidden"},
		{"allow email_domains example.com", same, "in"},
		{"allow email_domains example.org", same, "forbidden"},
		{"deny groups staff", same, "forbidden"},
		{"deny groups finance", same, "in"},
		{"deny users BOB", same, "forbidden"},
		{"deny email_domains EXAMPLE.com", same, "forbidden"},
		{"allow users bob\n\t\tdeny groups staff", same, "forbidden"},
		{"require push", push, "in"},
		{"require push", code, "challenged"},
		{"require number_challenge", push, "challenged"},
		{"require number_challenge", number, "in"},
		{"require number_challenge", key, "in"},
		{"webauthn on\n\t\trequire phishing_resistant", number, "challenged"},
		{"webauthn on\n\t\trequire phishing_resistant", key, "in"},
		{"require any max_age 3m", push, "in"},
		{"require any max_age 1m", push, "challenged"},
		{"step_up @here number_challenge max_age 3m", number, "in"},
		{"step_up @here number_challenge max_age 1m", number, "challenged"},
		{"step_up @there number_challenge", push, "in"},
		{"allow @there groups finance", same, "in"},
		{"allow @here groups finance", same, "forbidden"},
		{"allow groups staff\n\t\tallow @here groups finance", same, "forbidden"},
		{"deny @there groups staff", same, "in"},
		{"deny @here groups staff", same, "forbidden"},
	} {
		t.Run(c.rules+" "+c.want, func(t *testing.T) {
			w := newWorld(t)
			addr := w.start(w.ruled("@here path /payroll\n\t@there path /elsewhere", c.rules))
			who := bob()
			c.who(&who)
			if got := w.as(addr, who, "GET", "/payroll"); got != c.want {
				t.Errorf("%s, want %s", got, c.want)
			}
			w.blocked("a stranger", get(t, addr, "/payroll"))
		})
	}
}

// S86: rules on a claim, which goes into the session and its policy.
func TestS86RulesOnAClaim(t *testing.T) {
	w := newWorld(t)
	addr := w.start(w.ruled("", "allow claim cost_center 42 43\n\t\tdeny claim external true"))
	claims := func(c ...identity.Claim) identity.Identity {
		who := bob()
		who.Claims = c
		return who
	}
	cost := identity.Claim{Name: "cost_center", Values: []string{"7", "42"}}
	if got := w.as(addr, claims(cost), "GET", "/"); got != "challenged" {
		t.Errorf("a session that was made when no rule named the claim: %s", got)
	}
	w.claims = []string{"cost_center", "external"}
	for want, who := range map[string]identity.Identity{
		"in": claims(cost), "forbidden": claims(identity.Claim{Name: "external", Values: []string{"true"}}, cost),
	} {
		if got := w.as(addr, who, "GET", "/"); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
	if got := w.as(addr, bob(), "GET", "/"); got != "forbidden" {
		t.Errorf("without the claim: %s", got)
	}
}

// What a sign-in offers is narrowed by what every session needs: the strongest require of the site and of the global options, and
// none with a matcher. It tells flows apart.
func TestRequiredEverywhere(t *testing.T) {
	require := func(class, match string) Rule {
		r := Rule{Action: "require", Factor: class}
		if match != "" {
			r.MatcherSetsRaw = caddyhttp.RawMatcherSets{{"path": []byte(match)}}
		}
		return r
	}
	engines := map[string]string{}
	for want, rules := range map[string][]Rule{
		"":                   {require("any", ""), require("number_challenge", `["/a"]`), {Action: "allow", Subject: "users", Values: []string{"bob"}}},
		"push":               {require("push", ""), require("any", "")},
		"number_challenge":   {require("push", ""), require("number_challenge", ""), require("phishing_resistant", `["/a"]`)},
		"phishing_resistant": {require("phishing_resistant", ""), require("push", "")},
	} {
		s := Settings{Rules: rules}
		if got := s.everywhere(); string(got) != want {
			t.Errorf("%q, want %q", got, want)
		}
		if first := s.required(true); first != nil {
			t.Errorf("%s: %v are required of a first factor", want, first)
		}
		engines[s.engine(&resolved{})] = want
	}
	if len(engines) != 4 {
		t.Errorf("the engines are %v", engines)
	}
}

// S86: groups decides what a session holds, so that one that was made under others is not good.
func TestS86GroupsAreOfThePolicy(t *testing.T) {
	policy := func(groups []string, rules ...Rule) string {
		s := Settings{Groups: groups, Rules: rules}
		return s.policy(&resolved{issuer: "https://acme.okta.com", clientID: "0oa1"})
	}
	finance := Rule{Action: "allow", Subject: "groups", Values: []string{"finance"}}
	all := []string{policy(nil), policy([]string{"app-*"}), policy([]string{"app-*"}, finance), policy([]string{"app-*", "finance"}), policy([]string{"b"})}
	for i, a := range all {
		for j, b := range all {
			if (a == b) != (i == j) {
				t.Errorf("policies %d and %d: %s, %s", i, j, a, b)
			}
		}
	}
	if policy(nil) != policy(nil, finance) {
		t.Error("a rule on groups signs people out whose sessions hold all of them")
	}
	w := newWorld(t)
	addr := w.start(w.ruled("", "groups app-*"))
	w.blocked("a session that holds all groups", get(t, addr, "/", "Cookie: "+w.cookie("127.0.0.1", bob())))
}

// Those of the global options hold beside the site's own, and neither makes the other wider.
func TestRulesAddUp(t *testing.T) {
	w := newWorld(t)
	w.defaults = "deny groups suspended\n\t\tallow groups staff contractors"
	addr := w.start(w.ruled("", "allow users bob carol"))
	for groups, want := range map[string]string{"staff": "in", "contractors": "in", "guests": "forbidden", "staff suspended": "forbidden"} {
		who := bob()
		who.Groups = strings.Fields(groups)
		if got := w.as(addr, who, "GET", "/"); got != want {
			t.Errorf("%s: %s, want %s", groups, got, want)
		}
	}
	who := bob()
	who.Login = "eve"
	if got := w.as(addr, who, "GET", "/"); got != "forbidden" {
		t.Errorf("of the right group, not named by the site: %s", got)
	}
}

// transfers are spellings of /transfer/now that some upstream takes for it.
var transfers = []string{
	"/transfer/now", "//transfer/now", "///transfer//now", "/./transfer/now", "/x/../transfer/now", "/transfer/./now", "/transfer/x/../now",
	"/%74ransfer/now", "/%2e/transfer/now", "/x/%2e%2e/transfer/now", "/x/..%2ftransfer/now", "/transfer%2fnow", "/%2ftransfer/now", "/transfer/%2e/now",
	"/TRANSFER/now", "/TraNsfer/NOW", "/%54ransfer/now", "/transfer/now/", "/transfer/now//", "/transfer;a=b/now", "/transfer/now;jsessionid=1", "/;/transfer/now",
	"/x/..;/transfer/now", "/x/..%5ctransfer/now", "/transfer%5cnow", "/x%5c..%5ctransfer%5cnow", "/%2574ransfer/now", "/%25252e/transfer/now", "/x/%252e%252e%252ftransfer/now",
	"/transfer/now?x=/", "/transfer/now?", "/transfer/now?x=#/y", "/transfer/now%3bx", "/transfer/now.",
	"/transfer/now#x", "/transfer/now%23x", "/transfer/now%3fx", "/transfer/now%253fx", "/transfer/now%00.png", "/transfer/%2E./transfer/now",
}

// S01, S02: a matcher of a rule is asked about the path alone, and no spelling that an upstream reads as that path escapes it.
func TestS01S02NoSpellingEscapesAStepUp(t *testing.T) {
	for name, matcher := range map[string]string{
		"prefix": "@transfer path /transfer/*", "exact": "@transfer path /transfer/now", "expression": "@transfer `path('/transfer/*')`",
		"regexp": "@transfer path_regexp (?i)^/transfer/now$", "not": "@transfer not path /public/*",
		"placeholder": "@transfer vars_regexp {http.request.uri.path} (?i)^/transfer/now",
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			addr := w.start(w.ruled(matcher, "step_up @transfer number_challenge"))
			for _, path := range transfers {
				if strings.HasSuffix(path, "now.") && name != "prefix" && name != "not" && name != "expression" && name != "placeholder" {
					continue // another file, but on Windows, where Caddy knows it
				}
				if got := w.as(addr, bob(), "GET", path); got != "challenged" {
					t.Errorf("%s: %q", path, got)
				}
			}
			for _, path := range []string{"/public/transfer", "/public/x?/transfer/now", "/public/y?x=/transfer/now"} {
				if got := w.as(addr, bob(), "GET", path); got != "in" {
					t.Errorf("%s: %q", path, got)
				}
			}
		})
	}
}

// S08: a rule for a host holds for every spelling of it that an upstream takes for the same.
func TestRuleForAHostHoldsForEverySpelling_S08(t *testing.T) {
	for name, matcher := range map[string]string{"host": "@here host localhost", "placeholder": "@here vars {http.request.host} localhost", "not": "@here not host other"} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			addr := w.start(w.ruled(matcher, "deny @here groups staff"))
			ask := func(host string) string {
				site := strings.ToLower(strings.TrimSuffix(strings.Split(host, ":")[0], "."))
				return w.outcome(raw(t, addr, "GET / HTTP/1.1\nHost: "+host+"\nCookie: "+w.cookie(site, bob())+"\n"))
			}
			for _, host := range []string{"localhost", "LocalHost", "localhost.", "LOCALHOST.", "localhost:8443", "localhost.:8443"} {
				if got := ask(host); got != "forbidden" {
					t.Errorf("%s: %q", host, got)
				}
			}
			if got := ask("other"); got != "in" {
				t.Errorf("another host: %q", got)
			}
		})
	}
}

// S01, S02: the same for what keeps people out, and a query, a fragment or a forwarded header brings nobody in: an allow for one
// path says nothing of another.
func TestS01S02AllowOfOnePathOpensNoOther(t *testing.T) {
	w := newWorld(t)
	addr := w.start(w.ruled("@open path_regexp ^/foo/.*/bar$\n\t@admin path /foo/secret*", "allow @admin groups admins\n\t\tallow @open groups staff"))
	for _, path := range []string{"/foo/secret?x=/bar", "/foo/secret%23/bar", "/foo/secret#/bar", "/foo/secret/bar", "/foo/secret%3f/bar", "/foo//secret", "/foo/./secret", "/foo/%73ecret", "/foo/x/..%2fsecret"} {
		if got := w.as(addr, bob(), "GET", path, "X-Forwarded-Uri: /foo/x/bar", "X-Original-URL: /foo/x/bar"); got != "forbidden" {
			t.Errorf("%s: %q", path, got)
		}
	}
	if got := w.as(addr, bob(), "GET", "/foo/x/bar"); got != "in" {
		t.Errorf("the open path: %q", got)
	}
}

// S11: of the path that the browser asked for and the one that a handler in front has made of it, the stricter counts; the
// same for the method.
func TestS11RulesSeeBothPaths(t *testing.T) {
	for name, c := range map[string]struct{ front, path string }{
		"stripped":         {"uri strip_prefix /app", "/app/transfer/now"},
		"rewritten to it":  {"rewrite /pay /transfer/now", "/pay"},
		"rewritten off it": {"rewrite /transfer/* /pay", "/transfer/now"},
		"stripped off it":  {"uri strip_prefix /transfer", "/transfer/now"},
	} {
		w := newWorld(t)
		addr := w.start(c.front + "\n\t" + w.ruled("@transfer path /transfer/*", "step_up @transfer number_challenge"))
		if got := w.as(addr, bob(), "GET", c.path); got != "challenged" {
			t.Errorf("%s: %q", name, got)
		}
	}
	w := newWorld(t)
	addr := w.start("method GET\n\t" + w.ruled("@change method POST", "step_up @change number_challenge"))
	if got := w.as(addr, bob(), "POST", "/x"); got != "challenged" {
		t.Errorf("a method that was rewritten: %q", got)
	}
	if got := w.as(addr, bob(), "GET", "/x"); got != "in" {
		t.Errorf("GET: %q", got)
	}
}

// S02: what stands behind a script's name is its PATH_INFO, and not another page; a path that is left out is the root.
func TestS02PathInfoEscapesNoStepUp(t *testing.T) {
	w := newWorld(t)
	addr := w.start(w.ruled("@transfer path /transfer.php /", "step_up @transfer number_challenge"))
	for path, want := range map[string]string{
		"/transfer.php": "challenged", "/transfer.php/x": "challenged", "/transfer.php/x/y.php": "challenged", "/Transfer.PHP/x": "challenged", "/transfer.php%2fx": "challenged",
		"/x/..;/transfer.php/y": "challenged", "/": "challenged", "http://" + addr: "challenged", "/v1.2/transfer": "in", "/x.php.d/y": "in", "/transfer.phps": "in", "/transfer.phps/x": "in",
	} {
		if got := w.as(addr, bob(), "GET", path); got != want {
			t.Errorf("%s: %q, want %q", path, got, want)
		}
	}
}

// S02: a rule for a method holds for whatever else an upstream takes for that method.
func TestS02NoMethodEscapesAStepUp(t *testing.T) {
	w := newWorld(t)
	addr := w.start(w.ruled("@read method GET\n\t@remove method DELETE", "step_up @read number_challenge\n\t\tdeny @remove groups staff"))
	for _, c := range []struct{ method, header, want string }{
		{"GET", "", "challenged"}, {"get", "", "challenged"}, {"HEAD", "", "challenged"}, {"CONNECT", "", "challenged"}, // a WebSocket over HTTP/3, of which Caddy makes a GET
		{"POST", "", "in"}, {"DELETE", "", "forbidden"}, {"delete", "", "forbidden"},
		{"POST", "X-HTTP-Method-Override: DELETE", "forbidden"}, {"POST", "x-http-method-override: delete", "forbidden"}, {"POST", "X-HTTP-Method: DELETE", "forbidden"},
		{"POST", "X-Method-Override: PUT\nX-Method-Override: DELETE", "forbidden"}, {"POST", "X-Method-Override: DELETE\nX-Method-Override: PUT", "forbidden"},
		{"POST", "X-HTTP-Method-Override: PUT", "in"},
	} {
		if got := w.as(addr, bob(), c.method, "/x", c.header); got != c.want {
			t.Errorf("%s %q: %q, want %q", c.method, c.header, got, c.want)
		}
	}
}

// A matcher that fails keeps nobody from being asked.
func TestMatcherThatFailsApplies(t *testing.T) {
	w := newWorld(t)
	addr := w.start(w.ruled("@x `{http.request.header.X-Number}.size() > 2 && int({http.request.header.X-Number}) > 5`", "step_up @x number_challenge"))
	for number, want := range map[string]string{"": "in", "many": "challenged", "100": "challenged", "001": "in"} {
		if got := w.as(addr, bob(), "GET", "/x", "X-Number: "+number); got != want {
			t.Errorf("%q: %q, want %q", number, got, want)
		}
	}
}

// What nobody can prove, or no rule can see, with this engine is an error at load.
func TestRulesThatTheEngineCannotServe(t *testing.T) {
	rule := func(r Rule) []Rule { return []Rule{r} }
	number := Rule{Action: "require", Factor: "number_challenge"}
	for name, c := range map[string]struct {
		edit func(*Settings)
		want string
	}{
		"passkeys off":   {func(s *Settings) { s.Rules = rule(Rule{Action: "require", Factor: "phishing_resistant"}) }, "require phishing_resistant can never be met: passkeys are off; write webauthn on"},
		"long max_age":   {func(s *Settings) { s.Rules = rule(Rule{Action: "require", Factor: "push", MaxAge: 1e9 * 43200}) }, "require push max_age 12h0m0s can never matter: a session ends after 12h0m0s; give a shorter max_age or leave it out"},
		"unknown action": {func(s *Settings) { s.Rules = rule(Rule{Action: "permit"}) }, `rule action "permit" is unknown; allowed: allow, deny, require`},
		"mixed up": {func(s *Settings) {
			s.Rules = rule(Rule{Action: "allow", Subject: "groups", Values: []string{"a"}, Factor: "push"})
		}, "allow takes no factor and no max_age; write a rule of its own with require"},
		"people": {func(s *Settings) { s.Rules = rule(Rule{Action: "require", Factor: "push", Values: []string{"a"}}) }, "require takes no people; write a rule of its own with allow or deny"},
		"claim elsewhere": {func(s *Settings) {
			s.Rules = rule(Rule{Action: "allow", Subject: "groups", Claim: "x", Values: []string{"a"}})
		}, `allow claim needs the name of a claim; write "allow claim <name> <values...>"`},
		"negative age": {func(s *Settings) { s.Rules = rule(Rule{Action: "require", Factor: "push", MaxAge: -1}) }, "max_age -1ns is too short; give at least 30s"},
		"no such factor": {func(s *Settings) {
			s.Engine, s.APIToken, s.Factors, s.Rules = "factors", "{env.T}", []string{"totp", "push"}, rule(number)
		}, "require number_challenge can never be met: none of the factors [totp push] is enough; add one of [number_challenge webauthn] to factors"},
		"no groups": {func(s *Settings) {
			s.Engine, s.APIToken, s.Rules = "factors", "{env.T}", rule(Rule{Action: "deny", Subject: "groups", Values: []string{"a"}})
		}, "deny groups a can never match: nobody has groups here; write user_groups on"},
		"no claims": {func(s *Settings) {
			s.Engine, s.APIToken, s.Rules = "factors", "{env.T}", rule(Rule{Action: "deny", Subject: "claim", Claim: "c", Values: []string{"a"}})
		}, "deny claim c a can never match: engine factors gets no ID token; write a rule on groups or users instead"},
		"denied globally": {func(s *Settings) {
			guests := Rule{Action: "deny", Subject: "groups", Values: []string{"guests"}}
			s.Rules = []Rule{{Action: "deny", Subject: "groups", Values: []string{"guests", "visitors"}, inherited: true}, guests}
		}, "deny groups guests can never matter beside deny groups guests visitors; take one of the two away"},
		"required globally": {func(s *Settings) {
			s.Rules = []Rule{{Action: "require", Factor: "number_challenge", MaxAge: 1e9 * 600, inherited: true}, {Action: "require", Factor: "push", MaxAge: 1e9 * 3600}}
		}, "require push max_age 1h0m0s can never matter beside require number_challenge max_age 10m0s; take one of the two away"},
		"good": {func(s *Settings) { s.Rules = rule(number) }, ""},
		"each matters": {func(s *Settings) {
			s.Rules = []Rule{number, {Action: "require", Factor: "push", MaxAge: 1e9 * 600}, {Action: "allow", Subject: "users", Values: []string{"a"}, inherited: true},
				{Action: "allow", Subject: "users", Values: []string{"a"}}, {Action: "deny", Subject: "groups", Values: []string{"a", "b"}}, {Action: "deny", Subject: "groups", Values: []string{"b", "c"}}}
		}, ""},
	} {
		s := Settings{Org: "https://acme.okta.com", ClientID: "0oa1", ClientSecret: "{env.S}"}
		c.edit(&s)
		got := ""
		if err := s.validate(); err != nil {
			got = strings.TrimPrefix(err.Error(), "okta_mfa: ")
		}
		if got != c.want {
			t.Errorf("%s\n have %s\n want %s", name, got, c.want)
		}
	}
}

// The scopes of JSON are told apart by what their matchers say.
func TestScopesOfRules(t *testing.T) {
	match := func(path string) caddyhttp.RawMatcherSets {
		return caddyhttp.RawMatcherSets{{"path": []byte(path)}}
	}
	keys := map[string]bool{}
	for _, r := range []Rule{{}, {inherited: true}, {MatcherSetsRaw: match(`["/a"]`)}, {MatcherSetsRaw: match(`[ "/a" ]`)}, {MatcherSetsRaw: match(`["/b"]`), inherited: true}} {
		keys[r.scope()] = true
	}
	if len(keys) != 4 {
		t.Errorf("scopes %q", slices.Collect(maps.Keys(keys)))
	}
}
