package caddymodule

import (
	"crypto"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"regexp"
	"strings"

	"github.com/caddyserver/caddy/v2"
)

// resolved is what the settings say once their placeholders are read. It stays out of the JSON structs,
// which Caddy hands out on its admin API and in its trace log.
type resolved struct {
	org, issuer   string
	clientID      string
	redirectURI   string
	clientSecret  string
	privateKey    crypto.Signer
	privateKeyID  string
	cookieSecrets []string

	upstreamCookieSecret string

	apiToken, apiClientID, apiPrivateKeyID string
	apiPrivateKey                          crypto.Signer
}

// resolve reads the placeholders of s. Every error names the setting and says what to type; none
// holds a value that was read.
func (s Settings) resolve() (*resolved, error) {
	var r resolved
	var server, key, apiKey string
	for _, f := range []struct {
		name, text string
		to         *string
	}{
		{"org", s.Org, &r.org},
		{"authorization_server", s.AuthorizationServer, &server},
		{"client_id", s.ClientID, &r.clientID},
		{"redirect_uri", s.RedirectURI, &r.redirectURI},
		{"client_secret", s.ClientSecret, &r.clientSecret},
		{"private_key", s.PrivateKey, &key},
		{"private_key_id", s.PrivateKeyID, &r.privateKeyID},
		{"upstream_cookie", s.UpstreamCookie.Secret, &r.upstreamCookieSecret},
		{"api_token", s.APIToken, &r.apiToken},
		{"api_client_id", s.APIClientID, &r.apiClientID},
		{"api_private_key", s.APIPrivateKey, &apiKey},
		{"api_private_key_id", s.APIPrivateKeyID, &r.apiPrivateKeyID},
	} {
		var err error
		if *f.to, err = readPlaceholders(f.name, f.text); err != nil {
			return nil, err
		}
	}
	r.org = strings.TrimRight(r.org, "/")
	r.issuer = issuer(r.org, server)
	for _, text := range s.CookieSecret {
		secret, err := readPlaceholders("cookie_secret", text)
		if err != nil {
			return nil, err
		}
		r.cookieSecrets = append(r.cookieSecrets, secret)
	}
	var err error
	if r.privateKey, err = parsePrivateKey("private_key", key); err != nil {
		return nil, err
	}
	if r.apiPrivateKey, err = parsePrivateKey("api_private_key", apiKey); err != nil {
		return nil, err
	}
	return &r, nil
}

// readPlaceholders expands text once. Unknown and empty placeholders are errors: with Caddy's other
// Replace functions an unset variable is the empty secret (immunity S70).
func readPlaceholders(name, text string) (string, error) {
	if text == "" {
		return "", nil
	}
	value, err := caddy.NewReplacer().ReplaceOrErr(text, true, true)
	if err == nil && strings.TrimSpace(value) != "" {
		return value, nil
	}
	return "", fmt.Errorf("okta_mfa: %s: %w", name, explain(text))
}

// explain says what is wrong with the first placeholder of text that has no value, and the cure.
func explain(text string) error {
	repl := caddy.NewReplacer()
	for rest := text; ; {
		_, after, open := strings.Cut(rest, "{")
		key, tail, closed := strings.Cut(after, "}")
		if !open || !closed {
			return errors.New("is empty; give a value, {env.NAME} or {file./absolute/path}")
		}
		rest = tail
		if value, known := repl.GetString(key); known && strings.TrimSpace(value) != "" {
			continue
		}
		return explainKey(key)
	}
}

func explainKey(key string) error {
	if name, ok := strings.CutPrefix(key, "env."); ok {
		return fmt.Errorf("{%s} is empty; export %s before Caddy starts, or use {file./run/secrets/...}", key, name)
	}
	path, ok := strings.CutPrefix(key, "file.")
	if !ok {
		return fmt.Errorf("{%s} is not known when the configuration is loaded; use {env.NAME} or {file./absolute/path}", key)
	}
	f, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("{%s} cannot be read: %w; create the file and let Caddy's user read it", key, err)
	}
	_ = f.Close() // opened for reading, nothing to lose
	return fmt.Errorf("{%s} is empty; write the value into the file", key)
}

// refuseLiterals keeps secrets out of the configuration itself: Caddy shows that on its admin API, writes it
// into autosave.json and, at level DEBUG, into the log.
func (s Settings) refuseLiterals() error {
	for _, secret := range []struct {
		name  string
		texts []string
	}{
		{"client_secret", []string{s.ClientSecret}},
		{"private_key", []string{s.PrivateKey}},
		{"api_token", []string{s.APIToken}},
		{"api_private_key", []string{s.APIPrivateKey}},
		{"cookie_secret", s.CookieSecret},
		{"upstream_cookie", []string{s.UpstreamCookie.Secret}},
	} {
		for _, text := range secret.texts {
			if err := literalSecret(secret.name)(text); err != nil {
				return fmt.Errorf("okta_mfa: %w", err)
			}
		}
	}
	return nil
}

// literalSecret refuses a value of the setting that is anything but one placeholder. Its error does not quote it.
func literalSecret(name string) func(text string) error {
	return func(text string) error {
		if text == "" || wholePlaceholder.MatchString(text) {
			return nil
		}
		return fmt.Errorf("%s is written out in the configuration, which Caddy logs and shows on its admin API ({$NAME} puts it there too); use {env.NAME} or {file./absolute/path}", name)
	}
}

// wholePlaceholder is a text that is one placeholder and nothing else.
var wholePlaceholder = regexp.MustCompile(`^\{[^{}]+\}$`)

// parsePrivateKey reads a PKCS #8, PKCS #1 or SEC 1 key; nil for no text. name is the setting's.
func parsePrivateKey(name, text string) (crypto.Signer, error) {
	if text == "" {
		return nil, nil
	}
	block, _ := pem.Decode([]byte(text))
	if block == nil {
		return nil, fmt.Errorf("okta_mfa: %s is not PEM; give the text that begins with -----BEGIN PRIVATE KEY-----, by {file./absolute/path}", name)
	}
	if key, err := x509.ParsePKCS8PrivateKey(block.Bytes); err == nil {
		if signer, ok := key.(crypto.Signer); ok {
			return signer, nil
		}
	}
	if key, err := x509.ParsePKCS1PrivateKey(block.Bytes); err == nil {
		return key, nil
	}
	if key, err := x509.ParseECPrivateKey(block.Bytes); err == nil {
		return key, nil
	}
	return nil, fmt.Errorf("okta_mfa: %s: the PEM block %q holds no usable key; give an unencrypted RSA or P-256 private key", name, block.Type)
}
