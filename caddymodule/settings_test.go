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
		case HeaderNames:
			fill(t, f, mark, d)
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
	known := s.subdirectives()
	for i := range reflect.TypeFor[Settings]().NumField() {
		name, _, _ := strings.Cut(reflect.TypeFor[Settings]().Field(i).Tag.Get("json"), ",")
		if name == "headers" {
			name = "header"
		}
		if known[name] == nil {
			t.Errorf("no subdirective for the JSON field %q", name)
		}
	}
	if have, want := len(known), reflect.TypeFor[Settings]().NumField(); have != want {
		t.Errorf("%d subdirectives for %d fields", have, want)
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
	} {
		s, r := base()
		tt.change(&s, r)
		if got := s.engine(r) == engine; got != tt.same {
			t.Errorf("%s: same engine %v, want %v", name, got, tt.same)
		}
	}
}
