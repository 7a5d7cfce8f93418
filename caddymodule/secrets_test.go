package caddymodule

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const canary = "canary-3f9a1c0b5d7e-do-not-leak"

func writeFile(t *testing.T, text string, mode os.FileMode) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(path, []byte(text), mode); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestPlaceholdersAreReadOnce(t *testing.T) {
	t.Setenv("SIDEGATE_TEST_SECRET", "{env.HOME}"+canary)
	file := writeFile(t, canary+"\n", 0o600)
	for text, want := range map[string]string{
		"plain":                      "plain",
		"{env.SIDEGATE_TEST_SECRET}": "{env.HOME}" + canary, // S43: what a secret holds is not expanded again
		"{file." + file + "}":        canary,
		"a{file." + file + "}b":      "a" + canary + "b",
		"":                           "",
	} {
		got, err := readPlaceholders("client_secret", text)
		if err != nil || got != want {
			t.Errorf("%q: have %q, %v; want %q", text, got, err, want)
		}
	}
}

// TestMissingSecretsNameTheCure (S70): an unset variable or an unreadable file is an error, never the
// empty secret.
func TestMissingSecretsNameTheCure(t *testing.T) {
	t.Setenv("SIDEGATE_TEST_EMPTY", "")
	t.Setenv("SIDEGATE_TEST_SPACE", " \n")
	t.Setenv("SIDEGATE_TEST_SECRET", canary)
	empty, absent := writeFile(t, "\n", 0o600), filepath.Join(t.TempDir(), "absent")
	for text, want := range map[string]string{
		"{env.SIDEGATE_TEST_UNSET}": "okta_mfa: client_secret: {env.SIDEGATE_TEST_UNSET} is empty; export SIDEGATE_TEST_UNSET before Caddy starts, or use {file./run/secrets/...}",
		"{env.SIDEGATE_TEST_EMPTY}": "okta_mfa: client_secret: {env.SIDEGATE_TEST_EMPTY} is empty; export SIDEGATE_TEST_EMPTY before Caddy starts, or use {file./run/secrets/...}",
		"{env.SIDEGATE_TEST_SPACE}": "okta_mfa: client_secret: {env.SIDEGATE_TEST_SPACE} is empty; export SIDEGATE_TEST_SPACE before Caddy starts, or use {file./run/secrets/...}",
		"{file." + absent + "}":     "okta_mfa: client_secret: {file." + absent + "} cannot be read: open " + absent + ": no such file or directory; create the file and let Caddy's user read it",
		"{file." + empty + "}":      "okta_mfa: client_secret: {file." + empty + "} is empty; write the value into the file",
		"{http.request.host}":       "okta_mfa: client_secret: {http.request.host} is not known when the configuration is loaded; use {env.NAME} or {file./absolute/path}",
		"{vault.okta}":              "okta_mfa: client_secret: {vault.okta} is not known when the configuration is loaded; use {env.NAME} or {file./absolute/path}",
		"   ":                       "okta_mfa: client_secret: is empty; give a value, {env.NAME} or {file./absolute/path}",
		"{env.SIDEGATE_TEST_SECRET}{env.SIDEGATE_TEST_UNSET}": "okta_mfa: client_secret: {env.SIDEGATE_TEST_UNSET} is empty; export SIDEGATE_TEST_UNSET before Caddy starts, or use {file./run/secrets/...}",
	} {
		got, err := readPlaceholders("client_secret", text)
		if err == nil || err.Error() != want || got != "" {
			t.Errorf("%q: value %q\n have %v\n want %s", text, got, err, want)
		}
	}
}

func TestUnreadableSecretFile(t *testing.T) {
	if os.Geteuid() == 0 {
		// Root reads every file; a directory is what it cannot read as one.
		dir := t.TempDir()
		_, err := readPlaceholders("client_secret", "{file."+dir+"}")
		if err == nil || !strings.Contains(err.Error(), "client_secret: {file."+dir+"}") {
			t.Errorf("a directory as secret: %v", err)
		}
		return
	}
	file := writeFile(t, canary, 0)
	_, err := readPlaceholders("client_secret", "{file."+file+"}")
	if err == nil || !strings.Contains(err.Error(), "permission denied; create the file and let Caddy's user read it") {
		t.Errorf("an unreadable file: %v", err)
	}
}

// TestLiteralSecretsAreRefused (S27): Caddy writes its configuration to its debug log and shows it on the admin API,
// so no secret may be in it.
func TestLiteralSecretsAreRefused(t *testing.T) {
	for _, text := range []string{canary, "a{env.A}", "{env.A}b", "{env.A}{env.B}", "{", "{}", "{{env.A}}"} {
		for name, s := range map[string]Settings{
			"client_secret": {ClientSecret: text},
			"private_key":   {PrivateKey: text},
			"cookie_secret": {CookieSecret: []string{"{env.A}", text}},
		} {
			want := "okta_mfa: " + name + " is written out in the configuration, which Caddy logs and shows on its admin API ({$NAME} puts it there too); use {env.NAME} or {file./absolute/path}"
			if err := s.refuseLiterals(); err == nil || err.Error() != want {
				t.Errorf("%s %q\n have %v\n want %s", name, text, err, want)
			}
		}
	}
	s := Settings{ClientSecret: "{env.A}", PrivateKey: "{file./run/secrets/key.pem}", CookieSecret: []string{"{vault.new}", "{env.OLD}"}}
	if err := s.refuseLiterals(); err != nil {
		t.Errorf("placeholders: %v", err)
	}
}

func pemText(kind string, der []byte) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
}

func TestPrivateKeyForms(t *testing.T) {
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	ecKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(ecKey)
	if err != nil {
		t.Fatal(err)
	}
	sec1, err := x509.MarshalECPrivateKey(ecKey)
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"PKCS 8": pemText("PRIVATE KEY", pkcs8),
		"PKCS 1": pemText("RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(rsaKey)),
		"SEC 1":  pemText("EC PRIVATE KEY", sec1),
	} {
		if key, err := parsePrivateKey("private_key", text); err != nil || key == nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestBadPrivateKeyIsNotQuoted: what was in the file does not get into the log.
func TestBadPrivateKeyIsNotQuoted(t *testing.T) {
	for text, want := range map[string]string{
		canary:                                 "okta_mfa: private_key is not PEM; give the text that begins with -----BEGIN PRIVATE KEY-----, by {file./absolute/path}",
		pemText("PRIVATE KEY", []byte(canary)): `okta_mfa: private_key: the PEM block "PRIVATE KEY" holds no usable key; give an unencrypted RSA or P-256 private key`,
		pemText("CERTIFICATE", []byte(canary)): `okta_mfa: private_key: the PEM block "CERTIFICATE" holds no usable key; give an unencrypted RSA or P-256 private key`,
	} {
		if _, err := parsePrivateKey("private_key", text); err == nil || err.Error() != want {
			t.Errorf("\n have %v\n want %s", err, want)
		}
	}
}

// TestResolveNamesTheSetting: each setting that takes a placeholder says which one has none.
func TestResolveNamesTheSetting(t *testing.T) {
	const unset = "{env.SIDEGATE_TEST_UNSET}"
	for name, s := range map[string]Settings{
		"org":                  {Org: unset},
		"authorization_server": {AuthorizationServer: unset},
		"client_id":            {ClientID: unset},
		"redirect_uri":         {RedirectURI: unset},
		"client_secret":        {ClientSecret: unset},
		"private_key":          {PrivateKey: unset},
		"private_key_id":       {PrivateKeyID: unset},
		"cookie_secret":        {CookieSecret: []string{canary, unset}},
	} {
		_, err := s.resolve()
		if err == nil || !strings.HasPrefix(err.Error(), "okta_mfa: "+name+": "+unset+" is empty;") {
			t.Errorf("%s: %v", name, err)
		}
	}
}
