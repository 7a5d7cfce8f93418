package caddymodule

import (
	"crypto/rsa"
	"reflect"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2"

	"sidegate.example/sidegate/gateway"
)

// full gives every field of Settings a value that carries mark, so that a forgotten field shows.
func full(t *testing.T, mark string, d caddy.Duration) Settings {
	t.Helper()
	var s Settings
	fill(t, reflect.ValueOf(&s).Elem(), mark, d)
	return s
}

func fill(t *testing.T, v reflect.Value, mark string, d caddy.Duration) {
	t.Helper()
	for i := range v.NumField() {
		name, f := v.Type().Field(i).Name, v.Field(i)
		switch f.Interface().(type) {
		case string:
			f.SetString(mark + name)
		case []string:
			f.Set(reflect.ValueOf([]string{mark + name}))
		case caddy.Duration:
			f.SetInt(int64(d))
		case int:
			f.SetInt(int64(d))
		case HeaderNames, LimitSettings, FactorsSettings, UpstreamSettings, AssertionSettings, UpstreamCookieSettings, SSOSettings:
			fill(t, f, mark, d)
		case []Rule: // not one replaces the other; see TestRulesAddUp
		default:
			t.Fatalf("Settings.%s has a type that this test does not know: %s", name, f.Type())
		}
	}
}

func TestEverySettingIsInheritedFromTheApp(t *testing.T) {
	def := full(t, "global ", 1)
	if got := (Settings{}).over(def); !reflect.DeepEqual(got, def) {
		t.Errorf("an empty handler\n have %+v\n want %+v", got, def)
	}
}

func TestEverySettingOfTheHandlerWins(t *testing.T) {
	own := full(t, "site ", 2)
	if got := own.over(full(t, "global ", 1)); !reflect.DeepEqual(got, own) {
		t.Errorf("a full handler\n have %+v\n want %+v", got, own)
	}
}

func TestClientAuthenticationIsInheritedAsAWhole(t *testing.T) {
	def := Settings{ClientSecret: "{env.S}"}
	got := Settings{PrivateKey: "{file./k}", PrivateKeyID: "k1"}.over(def)
	if got.ClientSecret != "" || got.PrivateKey != "{file./k}" {
		t.Errorf("a site with a private key inherits the secret: %+v", got)
	}
	def = Settings{PrivateKey: "{file./k}", PrivateKeyID: "k1"}
	got = Settings{ClientSecret: "{env.S}"}.over(def)
	if got.PrivateKey != "" || got.PrivateKeyID != "" {
		t.Errorf("a site with a secret inherits the key: %+v", got)
	}
}

// TestEverySettingHasASubdirective keeps the Caddyfile as able as the JSON.
func TestEverySettingHasASubdirective(t *testing.T) {
	var s Settings
	known := s.subdirectives(nil)
	fields := 0
	for _, f := range reflect.VisibleFields(reflect.TypeFor[Settings]()) {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		switch name {
		case "", "primary_identity": // the embedded struct; an argument of primary
			continue
		case "headers", "limits":
			name = strings.TrimSuffix(name, "s")
		case "rules":
			fields += 3
			name = "allow" // beside deny, require and step_up
		}
		if fields++; known[name] == nil {
			t.Errorf("no subdirective for the JSON field %q", name)
		}
	}
	if len(known) != fields {
		t.Errorf("%d subdirectives for %d fields", len(known), fields)
	}
}

func TestValidateSaysWhatToType(t *testing.T) {
	good := Settings{Org: "https://acme.okta.com", ClientID: "0oa1", ClientSecret: "{env.S}"}
	if err := good.validate(); err != nil {
		t.Fatalf("good settings: %v", err)
	}
	for name, test := range map[string]struct {
		edit func(*Settings)
		want string
	}{
		"no org":            {func(s *Settings) { s.Org = "" }, `okta_mfa: org is missing; write "org https://acme.okta.com" in the okta_mfa block of the site or of the global options`},
		"no client id":      {func(s *Settings) { s.ClientID = "" }, `okta_mfa: client_id is missing; write "client_id {env.OKTA_CLIENT_ID}" in the okta_mfa block of the site or of the global options`},
		"no secret":         {func(s *Settings) { s.ClientSecret = "" }, `okta_mfa: client_secret is missing; write "client_secret {file./run/secrets/okta_client_secret}, or private_key {file./run/secrets/okta_key.pem}" in the okta_mfa block of the site or of the global options`},
		"secret and key":    {func(s *Settings) { s.PrivateKey = "{file./k}" }, "okta_mfa: client_secret and private_key are both given; keep the one that the app uses at Okta"},
		"unknown context":   {func(s *Settings) { s.PushContext = "phone" }, `okta_mfa: push_context "phone" is unknown; allowed: browser, gateway`},
		"unknown form":      {func(s *Settings) { s.SignInForm = "both" }, `okta_mfa: sign_in_form "both" is unknown; allowed: identifier, password`},
		"negative lifetime": {func(s *Settings) { s.Lifetime = -1 }, "okta_mfa: lifetime is negative; give a duration such as 1h"},
		"negative idle":     {func(s *Settings) { s.IdleTimeout = -1 }, "okta_mfa: idle_timeout is negative; give a duration such as 1h"},
		"negative poll":     {func(s *Settings) { s.MinPollInterval = -1 }, "okta_mfa: min_poll_interval is negative; give a duration such as 1h"},
		"unknown engine":    {func(s *Settings) { s.Engine = "saml" }, `okta_mfa: engine "saml" is unknown; allowed: factors, identity_engine`},
		"no token":          {func(s *Settings) { s.Engine = "factors" }, `okta_mfa: api_token is missing; write "api_token {file./run/secrets/okta_api_token}, or api_client_id, api_private_key and api_private_key_id" in the okta_mfa block of the site or of the global options`},
		"token and app": {func(s *Settings) { s.Engine, s.APIToken, s.APIClientID = "factors", "{env.T}", "0oa2" },
			"okta_mfa: api_token and api_client_id are both given; keep one"},
		"app without key": {func(s *Settings) { s.Engine, s.APIClientID = "factors", "0oa2" },
			`okta_mfa: api_private_key is missing; write "api_private_key {file./run/secrets/okta_api_key.pem}" in the okta_mfa block of the site or of the global options`},
		"literal token": {func(s *Settings) { s.Engine, s.APIToken = "factors", "00secret" },
			"okta_mfa: api_token is written out in the configuration, which Caddy logs and shows on its admin API ({$NAME} puts it there too); use {env.NAME} or {file./absolute/path}"},
		"unknown primary": {func(s *Settings) { s.Engine, s.APIToken, s.Primary = "factors", "{env.T}", "saml" },
			`okta_mfa: primary "saml" is unknown; allowed: identity, identity_engine, password`},
		"unknown number": {func(s *Settings) { s.Engine, s.APIToken, s.NumberChallenge = "factors", "{env.T}", "yes" },
			`okta_mfa: number_challenge "yes" is unknown; allowed: always, never`},
		"short window": {func(s *Settings) { s.Engine, s.APIToken, s.Limits.Window = "factors", "{env.T}", 59e9 },
			"okta_mfa: limit window 59s is too short; give 1m or more"},
		"unknown groups": {func(s *Settings) { s.Engine, s.APIToken, s.UserGroups = "factors", "{env.T}", "yes" },
			`okta_mfa: user_groups "yes" is unknown; allowed: on, off`},
		"identity from a header": {func(s *Settings) {
			s.Engine, s.APIToken, s.Primary, s.PrimaryIdentity = "factors", "{env.T}", "identity", "{http.request.header.X-User}"
		}, `okta_mfa: primary identity "{http.request.header.X-User}" is nothing that Caddy has established; give {http.auth.user.id} after basic_auth, {http.reverse_proxy.header.Remote-User} after forward_auth, or {http.request.tls.client.san.emails.0} with client certificates that Caddy verifies; a request header can be sent by anybody`},
		"no app for the first factor": {func(s *Settings) {
			s.Engine, s.APIToken, s.Primary, s.ClientSecret = "factors", "{env.T}", "identity_engine", ""
		}, `okta_mfa: client_secret is missing; write "client_secret {file./run/secrets/okta_client_secret}, or private_key {file./run/secrets/okta_key.pem}" in the okta_mfa block of the site or of the global options`},
		"a proof that is none": {func(s *Settings) {
			s.Engine, s.APIToken, s.EnrollRequires = "factors", "{env.T}", []string{"okta_policy"}
		},
			"okta_mfa: enroll_requires okta_policy is for engine identity_engine; engine factors sets up what enroll names and nothing else"},
		"a proof of the other engine": {func(s *Settings) { s.EnrollRequires = []string{"email_code"} },
			"okta_mfa: enroll_requires email_code is for engine factors; factor holds a mailed code already"},
		"an admin's code for the other engine": {func(s *Settings) { s.EnrollRequires = []string{"admin_code"} },
			"okta_mfa: enroll_requires admin_code is for engine factors; at the Identity Engine, give the person a temporary access code or another factor at Okta"},
	} {
		t.Run(name, func(t *testing.T) {
			s := good
			test.edit(&s)
			if err := s.validate(); err == nil || err.Error() != test.want {
				t.Errorf("\n have %v\n want %s", err, test.want)
			}
		})
	}
}

func TestHeaderNames(t *testing.T) {
	if got := (HeaderNames{}).gatewayHeaders(); got != gateway.DefaultHeaders {
		t.Errorf("no names: %+v", got)
	}
	got := HeaderNames{User: "X-User", Name: "off", Groups: "off"}.gatewayHeaders()
	if want := (gateway.Headers{User: "X-User", Email: "Remote-Email"}); got != want {
		t.Errorf("have %+v, want %+v", got, want)
	}
}

func TestIssuer(t *testing.T) {
	for _, test := range []struct{ org, server, want string }{
		{"https://acme.okta.com", "", "https://acme.okta.com"},
		{"https://acme.okta.com", "org", "https://acme.okta.com"},
		{"https://acme.okta.com", "default", "https://acme.okta.com/oauth2/default"},
		{"https://acme.okta.com/", "aus1", "https://acme.okta.com/oauth2/aus1"},
	} {
		if got := issuer(test.org, test.server); got != test.want {
			t.Errorf("issuer(%q, %q) = %q, want %q", test.org, test.server, got, test.want)
		}
	}
}

// TestFingerprintSeparatesItsParts: no two different lists may give the same policy (S13, S52).
func TestFingerprintSeparatesItsParts(t *testing.T) {
	lists := [][]string{{"a", "b"}, {"ab"}, {"ab", ""}, {"", "ab"}, {"a", "b", ""}, {"1:a,", "b"}, {"b", "a"}, {}}
	seen := make(map[string][]string)
	for _, l := range lists {
		f := fingerprint(l...)
		if other, dup := seen[f]; dup {
			t.Errorf("%q and %q have the same fingerprint", l, other)
		}
		seen[f] = l
	}
}

// Sites whose settings shape the calls to Okta differently must not share a flow: a sign-in of one would go on with the
// scopes or the key of another.
func TestEngineTellsFlowsApart(t *testing.T) {
	base := func() (Settings, *resolved) {
		return Settings{}, &resolved{issuer: "https://acme.okta.com", clientID: "0oa1"}
	}
	s, r := base()
	engine := s.engine(r)
	for name, tt := range map[string]struct {
		change func(*Settings, *resolved)
		same   bool
	}{
		"issuer":         {func(_ *Settings, r *resolved) { r.issuer += "/oauth2/default" }, false},
		"client":         {func(_ *Settings, r *resolved) { r.clientID = "0oa2" }, false},
		"scopes":         {func(s *Settings, _ *resolved) { s.Scopes = []string{"openid", "groups"} }, false},
		"poll interval":  {func(s *Settings, _ *resolved) { s.MinPollInterval = 1 }, false},
		"private key":    {func(_ *Settings, r *resolved) { r.privateKey, r.privateKeyID = new(rsa.PrivateKey), "k" }, false},
		"rotated secret": {func(_ *Settings, r *resolved) { r.clientSecret = "new" }, true},
		"title":          {func(s *Settings, _ *resolved) { s.Title = "Payroll" }, true},
		"engine":         {func(s *Settings, _ *resolved) { s.Engine = "factors" }, false},
	} {
		s, r := base()
		tt.change(&s, r)
		if got := s.engine(r) == engine; got != tt.same {
			t.Errorf("%s: same engine %v, want %v", name, got, tt.same)
		}
	}
}
