package caddymodule

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"

	"sidegate.example/sidegate/gateway/store"
	"sidegate.example/sidegate/oktasim"
)

const apiToken = "00" + canary

// newFactors is a simulated world with an API token, whose /api/v1/authn wants no second factor of its own.
func newFactors(t *testing.T, change ...func(*oktasim.Config)) (*world, *oktasim.Org) {
	t.Helper()
	t.Setenv("SIDEGATE_TEST_API_TOKEN", apiToken)
	return newSimulated(t, append([]func(*oktasim.Config){func(c *oktasim.Config) {
		c.Tokens = []oktasim.Token{{Value: apiToken, Role: oktasim.RoleOrgAdmin}}
		c.Policy.Factors.AuthnPasswordOnly = true
		c.Users[0].Groups = []string{"staff"}
		c.Users[0].Methods = []string{"push", "totp"}
		c.Users[0].Enrolled = []string{"phone_number"}
	}}, change...)...)
}

// factorsSite is the simulated site behind engine factors, with the options of one test.
func (w *world) factorsSite(options string) string {
	access := "api_token {env.SIDEGATE_TEST_API_TOKEN}\n"
	if strings.Contains(options, "api_client_id") {
		access = ""
	}
	site := w.site("engine factors\n\t\t" + access + "\t\t" + options)
	if strings.Contains(options, "primary identity_engine") {
		return site
	}
	return strings.NewReplacer("\t\tauthorization_server default\n", "", "\t\tredirect_uri https://app.example.com/_mfa/callback\n", "").Replace(site)
}

// choices are what a page's buttons choose.
func choices(a answer) []string {
	var out []string
	for _, part := range strings.Split(a.body, `data-factor="`)[1:] {
		name, _, _ := strings.Cut(part, `"`)
		out = append(out, name)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

var (
	totpChoice = regexp.MustCompile(`name="choice" value="([^"]+)"[^>]*data-factor="totp"`)
	codeInput  = regexp.MustCompile(`name="(f\.[^"]+)"`)
)

// Each option of engine factors changes what a person sees or what Okta gets, in a real Caddy.
func TestFactorsOptionsChangeAnswers(t *testing.T) {
	pushed := func(b *browser, sim *oktasim.Org) string {
		b.waitAtPush()
		if p := sim.Pushes("bob"); len(p) != 1 {
			return "no push"
		} else if len(p[0].Numbers) > 0 {
			return "number"
		}
		return "approve or deny"
	}
	groups := func(b *browser, sim *oktasim.Org) string {
		b.waitAtPush()
		approve(b.w.t, sim)
		b.arrive()
		hits := b.w.up.requests()
		return hits[len(hits)-1].Header.Get("Remote-Groups")
	}
	newcomer := func(c *oktasim.Config) { c.Users[0].Methods, c.Users[0].Enrolled = nil, []string{"okta_email"} }
	page := func(b *browser, _ *oktasim.Org) string { return shown(b.signIn("bob", nil)) }
	link := func(b *browser, _ *oktasim.Org) string {
		_, after, _ := strings.Cut(b.signIn("bob", nil).body, `id="there" href="`)
		href, _, _ := strings.Cut(after, `"`)
		return strings.TrimPrefix(href, b.w.org)
	}
	firstPage := func(b *browser, _ *oktasim.Org) string {
		return map[bool]string{true: "asks for a password", false: "asks for no password"}[strings.Contains(b.get("/payroll").body, `name="f.password"`)]
	}
	tries := func(b *browser, _ *oktasim.Org) string {
		at := b.signIn("bob", nil)
		b.submit("/_mfa/answer", url.Values{"csrf": {find(b.w.t, csrfInput, at)}, "choice": {find(b.w.t, totpChoice, at)}})
		for n := range 5 {
			at := b.get("/payroll")
			if strings.Contains(at.body, `data-reason="too_many"`) {
				return string(rune('0'+n)) + " tries"
			}
			b.do(http.MethodPost, "/_mfa/answer", url.Values{"csrf": {find(b.w.t, csrfInput, at)}, find(b.w.t, codeInput, at): {"000000"}})
		}
		return "no end"
	}
	// sends presses the button of a factor and returns what Okta was told with it.
	sends := func(factor string) func(*browser, *oktasim.Org) string {
		choice := regexp.MustCompile(`name="choice" value="([^"]+)"[^>]*data-factor="` + factor + `"`)
		return func(b *browser, sim *oktasim.Org) string {
			at := b.signIn("bob", nil)
			if !strings.Contains(at.body, `data-kind="code"`) {
				b.submit("/_mfa/answer", url.Values{"csrf": {find(b.w.t, csrfInput, at)}, "choice": {find(b.w.t, choice, at)}})
			}
			for _, q := range sim.Requests() {
				if strings.HasSuffix(q.Path, "/verify") {
					return q.Query
				}
			}
			return "nothing was sent"
		}
	}
	// again asks for a push, starts over, and asks again.
	wait := time.Duration(0) // by the clock of the budget, before it is asked again
	again := func(b *browser, sim *oktasim.Org) string {
		at := b.waitAtPush()
		app, err := caddy.ActiveContext().AppIfConfigured(appID)
		if err != nil {
			b.w.t.Fatal(err)
		}
		budget, later := app.(*App).store.Budget.(*store.Counters), wait
		budget.Now = func() time.Time { return time.Now().Add(later) }
		defer func() { budget.Now = nil }()
		b.submit("/_mfa/cancel", url.Values{"csrf": {find(b.w.t, csrfInput, at)}})
		b.waitAtPush()
		return fmt.Sprintf("%d pushes", len(sim.Pushes("bob")))
	}
	againLater := func(b *browser, sim *oktasim.Org) string {
		wait = 2 * time.Minute
		defer func() { wait = 0 }()
		return again(b, sim)
	}
	// strangers try one password for three names, and returns how many Okta judged.
	strangers := func(b *browser, sim *oktasim.Org) string {
		for _, name := range []string{"ann", "ben", "cem"} {
			b.submit("/_mfa/identify", url.Values{"csrf": {find(b.w.t, csrfInput, b.get("/payroll"))}, "f.identifier": {name}, "f.password": {"wrong"}})
			b.submit("/_mfa/cancel", url.Values{"csrf": {find(b.w.t, csrfInput, b.get("/payroll"))}})
		}
		n := 0
		for _, q := range sim.Requests() {
			if q.Path == "/api/v1/authn" {
				n++
			}
		}
		return fmt.Sprintf("%d judged", n)
	}
	const list = "factors push totp"
	for _, c := range []struct {
		option string
		org    func(*oktasim.Config)
		see    func(*browser, *oktasim.Org) string
		want   string
	}{
		{"", nil, offered, "push totp"},
		{"factors totp sms", nil, offered, "sms totp"},
		{"require push", nil, offered, "push"},
		{"", nil, pushed, "number"},
		{"number_challenge never", nil, pushed, "approve or deny"},
		{list, nil, pushed, "approve or deny"},
		{list, nil, groups, ""},
		{list + "\n\t\tuser_groups on", nil, groups, "staff"},
		{"", newcomer, page, `view="step" kind="denied" reason="enrollment"`},
		{"enroll push\n\t\tenroll_requires 127.0.0.0/8", newcomer, page, `view="step" kind="choose" enrolling`},
		{"enroll push\n\t\tenroll_requires 192.0.2.0/24", newcomer, page, `view="step" kind="denied" reason="enrollment"`},
		{"enroll push\n\t\tenroll_requires email_code", newcomer, offered, "email"},
		{"", newcomer, link, "/enduser/settings"},
		{"primary password", nil, firstPage, "asks for a password"},
		{"primary identity_engine\n\t\tsign_in_form identifier", nil, firstPage, "asks for no password"},
		{"", nil, tries, "3 tries"},
		{"limit wrong_codes 2", nil, tries, "2 tries"},
		{"", nil, strangers, "3 judged"},
		{"limit address_passwords 2", nil, strangers, "2 judged"},
		{"factors sms", nil, sends("sms"), ""},
		{"factors sms\n\t\tsms_template t1", nil, sends("sms"), "templateId=t1"},
		{"factors email\n\t\temail_code_lifetime 10m", newcomer, sends("email"), "tokenLifetimeSeconds=600"},
		{"", nil, again, "2 pushes"},
		{"limit pushes 1", nil, again, "1 pushes"},
		{"limit pushes 1", nil, againLater, "1 pushes"},
		{"limit pushes 1\n\t\tlimit window 1m", nil, againLater, "2 pushes"},
	} {
		t.Run(strings.ReplaceAll(c.option, "/", "_")+" "+c.want, func(t *testing.T) {
			org := c.org
			if org == nil {
				org = func(*oktasim.Config) {}
			}
			w, sim := newFactors(t, org)
			b := w.browser(w.start(w.factorsSite(c.option)))
			if got := c.see(b, sim); got != c.want {
				t.Errorf("%q: %s, want %s", c.option, got, c.want)
			}
		})
	}
}

// The first factor by the Identity Engine, the push by the Factors API: the person is in, the push shows the browser, and
// a password alone is nobody (S71).
func TestPrimaryIdentityEngine_S71(t *testing.T) {
	w, sim := newFactors(t, func(c *oktasim.Config) { c.Policy.PasswordOnly = true })
	b := w.browser(w.start(w.factorsSite("primary identity_engine\n\t\tfactors push")))
	page := b.waitAtPush()
	if page.StatusCode != http.StatusUnauthorized {
		t.Fatalf("after the password: %d", page.StatusCode)
	}
	w.up.none(t, "a password alone")
	if push := approve(t, sim); push.Address != "127.0.0.1" || push.UserAgent != agent {
		t.Errorf("the phone showed %s %q", push.Address, push.UserAgent)
	}
	b.arrive()
	hits := w.up.requests()
	if got := hits[len(hits)-1].Header.Get("Remote-User"); got != "bob" {
		t.Errorf("the upstream saw %q", got)
	}
	var idx, verified bool
	for _, q := range sim.Requests() {
		idx = idx || q.Path == "/idp/idx/identify"
		verified = verified || strings.HasSuffix(q.Path, "/verify") && strings.HasPrefix(q.Path, "/api/v1/users/")
	}
	if !idx || !verified {
		t.Errorf("first factor by the Identity Engine: %v, second by the Factors API: %v", idx, verified)
	}
}

// A service app instead of a token, whose app demands proof of possession. The token call tells nothing of the browser, and
// every call for a person does (S22).
func TestServiceApp_S22(t *testing.T) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	file := writeFile(t, string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})), 0o600)
	w, sim := newFactors(t, func(c *oktasim.Config) {
		c.Tokens = nil
		c.Services = []oktasim.Service{{ID: "0oaapi", Keys: map[string]crypto.PublicKey{"k1": key.Public()}, DPoP: true, Role: oktasim.RoleOrgAdmin,
			Scopes: []string{"okta.users.read", "okta.users.manage"}}}
	})
	b := w.browser(w.start(w.factorsSite("factors push\n\t\tapi_client_id 0oaapi\n\t\tapi_private_key {file." + file + "}\n\t\tapi_private_key_id k1")))
	b.waitAtPush()
	approve(t, sim)
	b.arrive()
	tokens := 0
	for _, q := range sim.Requests() {
		own := q.Path == "/oauth2/v1/token"
		if own {
			tokens++
		}
		told := q.Header.Get("X-Forwarded-For") == "127.0.0.1" && q.Header.Get("User-Agent") == agent
		if told == own {
			t.Errorf("%s %s: X-Forwarded-For %q, User-Agent %q", q.Method, q.Path, q.Header["X-Forwarded-For"], q.Header["User-Agent"])
		}
	}
	if tokens == 0 {
		t.Error("no token was fetched")
	}
}

// S76: with enroll_requires admin_code the password leads to a page that asks for the admin's code. Wrong ones are counted, and a
// right one sets up one factor of its person, once.
func TestEnrolmentByAdminsCode_S76(t *testing.T) {
	w, _ := newFactors(t, func(c *oktasim.Config) { c.Users[0].Methods, c.Users[0].Enrolled = nil, nil })
	addr := w.start(w.factorsSite("enroll push\n\t\tenroll_requires admin_code"))
	app, err := caddy.ActiveContext().AppIfConfigured(appID)
	if err != nil {
		t.Fatal(err)
	}
	issue := func(user string) string {
		t.Helper()
		code, err := app.(*App).state.IssueEnrollCode(t.Context(), user)
		if err != nil {
			t.Fatal(err)
		}
		return code
	}
	begin := func() func(code string) string {
		b := w.browser(addr)
		b.signIn("bob", nil)
		return func(code string) string {
			at := b.get("/payroll")
			b.submit("/_mfa/answer", url.Values{"csrf": {find(t, csrfInput, at)}, find(t, codeInput, at): {code}})
			return shown(b.get("/payroll"))
		}
	}
	const asks, setsUp = `view="step" kind="code"`, `view="step" kind="choose" enrolling`
	code, others := issue("bob"), issue("alice")
	for _, tries := range [][][2]string{
		{{"AAAA-AAAA-AAAA", asks}, {others, asks}, {strings.ToLower(code), setsUp}},
		{{code, asks}, {"AAAA-AAAA-AAAB", asks}, {"AAAA-AAAA-AAAC", asks}, {issue("bob"), `view="step" kind="denied" reason="too_many"`}},
	} {
		try := begin()
		for _, c := range tries {
			if got := try(c[0]); got != c[1] {
				t.Errorf("%s: %s, want %s", c[0], got, c[1])
			}
		}
	}
}
