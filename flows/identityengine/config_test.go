package identityengine_test

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"strings"
	"testing"

	"sidegate.example/sidegate/flows/identityengine"
	"sidegate.example/sidegate/flows/okta"
	"sidegate.example/sidegate/gateway/store"
)

func TestConfigIsChecked(t *testing.T) {
	client, err := okta.New(okta.Config{Org: "https://acme.okta.com"})
	if err != nil {
		t.Fatal(err)
	}
	short, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	p384, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	p256, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	_, edwards, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	good := func() identityengine.Config {
		return identityengine.Config{Issuer: "https://acme.okta.com", ClientID: "0oa1", ClientSecret: "hunter2", Client: client, Budget: new(store.Counters)}
	}
	for _, issuer := range []string{
		"https://acme.okta.com", "https://acme.okta.com/", "https://acme.okta.com/oauth2", "https://ACME.okta.com/oauth2/default",
		"https://acme.okta.com/oauth2/aus1_-A/",
	} {
		cfg := good()
		cfg.Issuer = issuer
		if _, err := identityengine.New(cfg); err != nil {
			t.Errorf("%s: %v", issuer, err)
		}
	}
	for name, c := range map[string]struct {
		change func(*identityengine.Config)
		says   string
	}{
		"no client":         {func(c *identityengine.Config) { c.Client = nil }, "client of the org"},
		"no budget":         {func(c *identityengine.Config) { c.Budget = nil }, "need a budget"},
		"wrong codes":       {func(c *identityengine.Config) { c.Limits.WrongCodes = 5 }, "Okta locks the account"},
		"no issuer":         {func(c *identityengine.Config) { c.Issuer = "" }, "issuer must be"},
		"other org":         {func(c *identityengine.Config) { c.Issuer = "https://evil.okta.com" }, "must be on the org"},
		"plain http":        {func(c *identityengine.Config) { c.Issuer = "http://acme.okta.com" }, "must be on the org"},
		"path":              {func(c *identityengine.Config) { c.Issuer += "/app" }, "authorization server id"},
		"deep path":         {func(c *identityengine.Config) { c.Issuer += "/oauth2/a/b" }, "authorization server id"},
		"dots":              {func(c *identityengine.Config) { c.Issuer += "/oauth2/.." }, "authorization server id"},
		"query":             {func(c *identityengine.Config) { c.Issuer += "?a" }, "issuer must be"},
		"no client id":      {func(c *identityengine.Config) { c.ClientID = "" }, "client id"},
		"no credential":     {func(c *identityengine.Config) { c.ClientSecret = "" }, "client secret or a private key"},
		"two credentials":   {func(c *identityengine.Config) { c.PrivateKey, c.KeyID = p256, "k" }, "give one"},
		"no kid":            {func(c *identityengine.Config) { c.ClientSecret, c.PrivateKey = "", p256 }, "key id"},
		"short RSA":         {func(c *identityengine.Config) { c.ClientSecret, c.PrivateKey, c.KeyID = "", short, "k" }, "2048"},
		"other curve":       {func(c *identityengine.Config) { c.ClientSecret, c.PrivateKey, c.KeyID = "", p384, "k" }, "P-256"},
		"other kind of key": {func(c *identityengine.Config) { c.ClientSecret, c.PrivateKey, c.KeyID = "", edwards, "k" }, "RSA nor EC"},
		"no openid":         {func(c *identityengine.Config) { c.Scopes = []string{"profile"} }, "openid"},
	} {
		cfg := good()
		c.change(&cfg)
		_, err := identityengine.New(cfg)
		if err == nil || !strings.Contains(err.Error(), c.says) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: %v, want it to say %q", name, err, c.says)
		}
	}
}
