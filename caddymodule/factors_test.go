package caddymodule

import (
	"crypto/rsa"
	"net/http"
	"strings"
	"testing"

	"golang.org/x/crypto/bcrypt"
)

// Everything that shapes what engine factors does tells its flows apart; what counts as a second factor tells its
// sessions apart too (S13).
func TestFactorsSettingsTellFlowsAndSessionsApart(t *testing.T) {
	base := func() (Settings, *resolved) {
		return Settings{Engine: "factors"}, &resolved{org: "https://acme.okta.com", apiToken: "t"}
	}
	s, r := base()
	engine, policy := s.engine(r), s.policy(r)
	for name, tt := range map[string]struct {
		change                 func(*Settings, *resolved)
		sameEngine, samePolicy bool
	}{
		"rotated token":   {func(_ *Settings, r *resolved) { r.apiToken = "new" }, true, true},
		"service app":     {func(_ *Settings, r *resolved) { r.apiPrivateKey, r.apiPrivateKeyID = new(rsa.PrivateKey), "k" }, false, true},
		"factors":         {func(s *Settings, _ *resolved) { s.Factors = []string{"sms"} }, false, false},
		"primary":         {func(s *Settings, _ *resolved) { s.Primary = "identity_engine" }, false, false},
		"primary written": {func(s *Settings, _ *resolved) { s.Primary = "password" }, true, true},
		"identity": {func(s *Settings, _ *resolved) {
			s.Primary, s.PrimaryIdentity = "identity", "{http.auth.user.id}"
		}, false, false},
		"number":      {func(s *Settings, _ *resolved) { s.NumberChallenge = "never" }, false, true},
		"groups":      {func(s *Settings, _ *resolved) { s.UserGroups = "on" }, false, true},
		"enroll":      {func(s *Settings, _ *resolved) { s.Enroll = []string{"push"} }, false, true},
		"enroll page": {func(s *Settings, _ *resolved) { s.EnrollURL = "https://acme.okta.com/help" }, false, true},
		"template":    {func(s *Settings, _ *resolved) { s.SMSTemplate = "t" }, false, true},
		"code life":   {func(s *Settings, _ *resolved) { s.EmailCodeLifetime = 1 }, false, true},
		"limit":       {func(s *Settings, _ *resolved) { s.Limits.Pushes = 1 }, false, true},
		"title":       {func(s *Settings, _ *resolved) { s.Title = "Payroll" }, true, true},
	} {
		s, r := base()
		tt.change(&s, r)
		if got := s.engine(r) == engine; got != tt.sameEngine {
			t.Errorf("%s: same engine %v, want %v", name, got, tt.sameEngine)
		}
		if got := s.policy(r) == policy; got != tt.samePolicy {
			t.Errorf("%s: same policy %v, want %v", name, got, tt.samePolicy)
		}
	}
	if s, r := base(); s.policy(r) == (Settings{}).policy(r) {
		t.Error("sessions of one engine are good at the other")
	}
}

// behindBasicAuth is a site whose people come with a password of Caddy's; bob's is "hiccup". Without the password
// Caddy's handler is left out.
func (w *world) behindBasicAuth(password bool) string {
	w.t.Helper()
	hash, err := bcrypt.GenerateFromPassword([]byte("hiccup"), bcrypt.MinCost)
	if err != nil {
		w.t.Fatal(err)
	}
	site := "okta_mfa {\n\t\tengine factors\n\t\tapi_token {env.SIDEGATE_TEST_CLIENT_SECRET}\n\t\tprimary identity {http.auth.user.id}\n\t}\n\treverse_proxy " +
		w.up.Listener.Addr().String()
	if password {
		site = "basic_auth {\n\t\tbob " + string(hash) + "\n\t}\n\t" + site
	}
	return site
}

// primary identity takes the name from Caddy: the page begins at the second factor, and nothing that the client sends
// is taken for a name.
func TestPrimaryIdentityBehindBasicAuth(t *testing.T) {
	w := newWorld(t)
	addr := w.start(w.behindBasicAuth(true))
	const navigation = "Sec-Fetch-Mode: navigate"

	if a := get(t, addr, "/", navigation, "Remote-User: bob", "X-User: bob"); a.StatusCode != http.StatusUnauthorized || strings.Contains(a.body, "<form") {
		t.Errorf("without Caddy's password: %d", a.StatusCode)
	}
	a := get(t, addr, "/", navigation, "Authorization: Basic Ym9iOmhpY2N1cA==", "Remote-User: alice")
	w.blocked("with the password alone", a)
	if !strings.Contains(a.body, `data-view="signin"`) || !strings.Contains(a.body, "<bdi>bob</bdi>") || strings.Contains(a.body, "alice") || strings.Contains(a.body, `name="f.`) {
		t.Errorf("the page is not for bob:\n%s", a.body)
	}
	w.orgHits.none(t, "the first page")
}

// Where the handler that says who it is has not run, nobody gets in and nobody is asked.
func TestPrimaryIdentityWithoutOne(t *testing.T) {
	w := newWorld(t)
	addr := w.start(w.behindBasicAuth(false))
	a := get(t, addr, "/", "Sec-Fetch-Mode: navigate", "Authorization: Basic Ym9iOmhpY2N1cA==")
	if a.StatusCode != http.StatusForbidden || !strings.Contains(a.body, `data-problem="misconfigured"`) {
		t.Errorf("%d", a.StatusCode)
	}
	w.up.none(t, "a request of nobody")
}
