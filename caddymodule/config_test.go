package caddymodule

import (
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2"
)

// provisionError loads a site that must be refused and returns the end of the message.
func provisionError(t *testing.T, w *world, site string) string {
	t.Helper()
	return refusal(t, adapt(t, w.caddyfile("http://:0", site)))
}

func refusal(t *testing.T, js []byte) string {
	t.Helper()
	var config caddy.Config
	if err := json.Unmarshal(js, &config); err != nil {
		t.Fatal(err)
	}
	err := caddy.Validate(&config)
	if err == nil {
		t.Fatalf("a bad configuration was accepted:\n%s", js)
	}
	return err.Error()
}

// TestBadConfigurationSaysTheCure: what only shows when the configuration is loaded is refused then, in
// a sentence that names the setting.
func TestBadConfigurationSaysTheCure(t *testing.T) {
	w := newWorld(t)
	t.Setenv("SIDEGATE_TEST_SHORT", "short")
	pem := writeFile(t, canary, 0o600)
	for setting, want := range map[string]string{
		"org {env.SIDEGATE_TEST_UNSET}":           "okta_mfa: org: {env.SIDEGATE_TEST_UNSET} is empty; export SIDEGATE_TEST_UNSET before Caddy starts, or use {file./run/secrets/...}",
		"client_secret {file./nonexistent}":       "okta_mfa: client_secret: {file./nonexistent} cannot be read: open /nonexistent: no such file or directory; create the file and let Caddy's user read it",
		"client_secret {vault.okta}":              "okta_mfa: client_secret: {vault.okta} is not known when the configuration is loaded; use {env.NAME} or {file./absolute/path}",
		"private_key {file." + pem + "}":          "okta_mfa: private_key is not PEM; give the text that begins with -----BEGIN PRIVATE KEY-----, by {file./absolute/path}",
		"cookie_secret {env.SIDEGATE_TEST_SHORT}": "cookie_secret: secret 1 has 5 bytes, but at least 32 are needed; make one with: openssl rand -base64 32",
		"idle_timeout 24h":                        "okta_mfa: idle_timeout 24h0m0s is too long; give at most the lifetime, 12h0m0s",
	} {
		t.Run(setting, func(t *testing.T) {
			got := provisionError(t, w, "okta_mfa {\n\t\t"+setting+"\n\t}")
			if !strings.HasSuffix(got, want) {
				t.Errorf("\n have %s\n want ...%s", got, want)
			}
			if strings.Contains(got, canary) {
				t.Error("the message quotes a secret")
			}
		})
	}
	w.orgHits.none(t, "a refused configuration")
}

// TestBadJSONSaysTheCure: what the Caddyfile refuses with its line, JSON meets at provision.
func TestBadJSONSaysTheCure(t *testing.T) {
	w := newWorld(t)
	good := string(adapt(t, w.caddyfile("http://:0", "okta_mfa")))
	const handler = `"handler":"okta_mfa"`
	const literal = " is written out in the configuration, which Caddy logs and shows on its admin API ({$NAME} puts it there too); use {env.NAME} or {file./absolute/path}"
	for field, want := range map[string]string{
		`"org":"http://acme.okta.com"`:         `okta_mfa: org: the Okta org "http://acme.okta.com" must be https: secrets travel to it`,
		`"org":"acme.okta.com"`:                `okta_mfa: org: the Okta org "acme.okta.com" is no origin: write it as "https://acme.okta.com"`,
		`"client_secret":"literal"`:            "okta_mfa: client_secret" + literal,
		`"cookie_secret":["literal"]`:          "okta_mfa: cookie_secret" + literal,
		`"cookie_name":"sid"`:                  `okta_mfa: cookie_name "sid" must start with __Host-, so that no sibling host can set it`,
		`"prefix":"mfa"`:                       `okta_mfa: prefix "mfa" must be a plain path such as /_mfa, without a trailing slash`,
		`"redirect_uri":"callback"`:            `okta_mfa: redirect_uri "callback" must be an absolute https URL, such as https://app.example.com/_mfa/callback`,
		`"scopes":["profile"]`:                 `okta_mfa: scopes must hold "openid": without it Okta gives no ID token; write "scopes openid profile email"`,
		`"headers":{"user":"Host"}`:            `okta_mfa: header "Host" has a meaning of its own; give the identity another one, such as X-User`,
		`"lifetime":"40d"`:                     "okta_mfa: lifetime 960h0m0s is too long; give at most 720h0m0s, for which keys are kept",
		`"recheck_grace":"1h"`:                 "okta_mfa: recheck_grace has nothing to wait for; add recheck 15m",
		`"factors":["push"]`:                   "okta_mfa: factors is for engine factors, and changes nothing at engine identity_engine; write engine factors, or leave it out",
		`"lifetime":"30m","idle_timeout":"1h"`: "okta_mfa: idle_timeout 1h0m0s is too long; give at most the lifetime, 30m0s",
	} {
		t.Run(field, func(t *testing.T) {
			if strings.Count(good, handler) != 1 {
				t.Fatalf("no handler in %s", good)
			}
			if got := refusal(t, []byte(strings.Replace(good, handler, handler+","+field, 1))); !strings.HasSuffix(got, want) {
				t.Errorf("\n have %s\n want ...%s", got, want)
			}
		})
	}
	w.orgHits.none(t, "a refused configuration")
}

func TestShortKeyRotationIsRefused(t *testing.T) {
	config := caddy.Config{AppsRaw: caddy.ModuleMap{"okta_mfa": json.RawMessage(`{"key_rotation": "1h"}`)}}
	err := caddy.Validate(&config)
	if want := "okta_mfa: key_rotation 1h0m0s is shorter than 24h0m0s; give a duration such as 30d"; err == nil || !strings.HasSuffix(err.Error(), want) {
		t.Errorf("\n have %v\n want ...%s", err, want)
	}
}

// TestValidateTouchesNothing: caddy validate provisions everything, and neither asks Okta nor writes a key
// ring.
func TestValidateTouchesNothing(t *testing.T) {
	w := newWorld(t)
	text := strings.Replace(w.caddyfile("http://:0", w.gated()), "cookie_secret {env.SIDEGATE_TEST_COOKIE_SECRET}", "", 1)
	var config caddy.Config
	if err := json.Unmarshal(adapt(t, text), &config); err != nil {
		t.Fatal(err)
	}
	if err := caddy.Validate(&config); err != nil {
		t.Fatal(err)
	}
	w.orgHits.none(t, "validate")
	err := filepath.WalkDir(w.storage, func(path string, d os.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			t.Errorf("validate wrote %s", path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if n := references(runtimeKey); n != 0 {
		t.Errorf("%d users of the state are left after validate", n)
	}
}

// references counts the users of the pooled state.
func references(key any) int {
	n, _ := runtimes.References(key)
	return n
}

// admin asks the admin API.
func (w *world) admin(path string) string {
	w.t.Helper()
	client := &http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", filepath.Join(w.storage, "admin.sock"))
	}}}
	defer client.CloseIdleConnections()
	req, err := http.NewRequestWithContext(w.t.Context(), http.MethodGet, "http://caddy"+path, nil)
	if err != nil {
		w.t.Fatal(err)
	}
	resp, err := client.Do(req)
	if err != nil {
		w.t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		w.t.Fatalf("GET %s: %d, %v", path, resp.StatusCode, err)
	}
	return string(body)
}

// TestSecretsAreNeverHandedOut (S27): neither caddy adapt nor the admin API of a running Caddy shows what a
// placeholder stands for.
func TestSecretsAreNeverHandedOut(t *testing.T) {
	w := newWorld(t)
	js := adapt(t, w.caddyfile("http://:0", w.gated()))
	w.run(js)
	for what, text := range map[string]string{"caddy adapt": string(js), "GET /config/": w.admin("/config/")} {
		if strings.Contains(text, canary) {
			t.Errorf("%s shows a secret", what)
		}
		if !strings.Contains(text, `"client_secret":"{env.SIDEGATE_TEST_CLIENT_SECRET}"`) {
			t.Errorf("%s has lost the placeholder: %s", what, text)
		}
	}
}

// TestExampleIsValid: Caddyfile.example is adapted, formatted and provisioned as it is.
func TestExampleIsValid(t *testing.T) {
	text, err := os.ReadFile("../Caddyfile.example")
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("OKTA_CLIENT_ID", "0oaexample")
	secret := writeFile(t, canary, 0o600)
	const mounted = "/run/secrets/okta_client_secret"
	if !strings.Contains(string(text), "{file."+mounted+"}") {
		t.Fatalf("the example does not read %s", mounted)
	}
	js := adapt(t, strings.ReplaceAll(string(text), mounted, secret))
	var config caddy.Config
	if err := json.Unmarshal(js, &config); err != nil {
		t.Fatal(err)
	}
	storage, err := json.Marshal(map[string]string{"module": "file_system", "root": t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	config.StorageRaw = storage
	if err := caddy.Validate(&config); err != nil {
		t.Fatal(err)
	}
}

// TestExampleIsFormatted: caddy fmt has nothing to change.
func TestExampleIsFormatted(t *testing.T) {
	text, err := os.ReadFile("../Caddyfile.example")
	if err != nil {
		t.Fatal(err)
	}
	if formatted := format(string(text)); formatted != string(text) {
		t.Errorf("caddy fmt wants\n%s", formatted)
	}
}
