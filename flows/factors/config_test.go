package factors_test

import (
	"strings"
	"testing"
	"time"

	"sidegate.example/sidegate/flows/factors"
	"sidegate.example/sidegate/gateway/identity"
)

// Each error of New says what is wrong, in the words of who configures.
func TestNew(t *testing.T) {
	api := newWorld(t)
	for want, change := range map[string]func(*factors.Config){
		"needs API access":              func(c *factors.Config) { c.API = nil },
		"need a budget":                 func(c *factors.Config) { c.Budget = nil },
		`primary "x" is unknown`:        func(c *factors.Config) { c.Primary = "x" },
		"needs the Identity Engine":     func(c *factors.Config) { c.Primary = factors.PrimaryIdentityEngine },
		"takes no other engine":         func(c *factors.Config) { c.First = api.engine },
		`factor "password" cannot be v`: func(c *factors.Config) { c.Factors = []identity.Factor{identity.Password} },
		`factor "custom_push" cannot`:   func(c *factors.Config) { c.Factors = []identity.Factor{identity.CustomPush} },
		`factor "webauthn" cannot be s`: func(c *factors.Config) { c.Enroll = []identity.Factor{identity.WebAuthn} },
		"needs number_challenge among": func(c *factors.Config) {
			c.Factors, c.NumberChallenge = []identity.Factor{identity.Push}, factors.NumberAlways
		},
		"needs push among": func(c *factors.Config) {
			c.Factors, c.NumberChallenge = []identity.Factor{identity.NumberChallenge}, factors.NumberNever
		},
		`number_challenge "x" is unknown`: func(c *factors.Config) { c.NumberChallenge = "x" },
		"a limit is negative":             func(c *factors.Config) { c.Limits.Pushes = -1 },
		"is 59s; give 1m0s or more":       func(c *factors.Config) { c.Limits.Window = 59 * time.Second },
		"5 wrong codes are too many":      func(c *factors.Config) { c.Limits.WrongCodes = 5 },
		"25h0m0s; Okta takes":             func(c *factors.Config) { c.TokenLifetime = 25 * time.Hour },
		"1.5s; Okta takes":                func(c *factors.Config) { c.TokenLifetime = 1500 * time.Millisecond },
		"is not a URL on the org":         func(c *factors.Config) { c.EnrollURL = "https://evil.example/" },
		`page "/settings" is not a URL`:   func(c *factors.Config) { c.EnrollURL = "/settings" },
	} {
		cfg := factors.Config{API: apiOf(t, api), Primary: factors.PrimaryIdentity, Budget: api.budget}
		change(&cfg)
		if _, err := factors.New(cfg); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", want, err)
		}
	}
	cfg := factors.Config{API: apiOf(t, api), Primary: factors.PrimaryIdentity, Budget: api.budget, EnrollURL: api.srv.URL + "/help",
		TokenLifetime: time.Minute, NumberChallenge: factors.NumberNever}
	if _, err := factors.New(cfg); err != nil {
		t.Error(err)
	}
}
