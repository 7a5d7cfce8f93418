package gateway

import (
	"strings"
	"testing"
	"time"
)

func TestConfigThatCannotWorkIsRefused(t *testing.T) {
	for name, tt := range map[string]struct {
		change func(*Config)
		want   string // "" is accepted
	}{
		"defaults":                   {func(*Config) {}, ""},
		"no policy":                  {func(c *Config) { c.Policy = "" }, "required"},
		"prefix without slash":       {func(c *Config) { c.Prefix = "mfa" }, `prefix "mfa"`},
		"prefix is the site":         {func(c *Config) { c.Prefix = "/" }, "prefix"},
		"prefix with a slash behind": {func(c *Config) { c.Prefix = "/x/" }, "prefix"},
		"prefix goes up":             {func(c *Config) { c.Prefix = "/.." }, "prefix"},
		"prefix with two slashes":    {func(c *Config) { c.Prefix = "/a//b" }, "prefix"},
		"prefix escaped":             {func(c *Config) { c.Prefix = "/a%2fb" }, "prefix"},
		"deep prefix":                {func(c *Config) { c.Prefix = "/a/b" }, ""},
		"cookie without __Host-":     {func(c *Config) { c.CookieName = "sid" }, "__Host-"},
		"cookie with a space":        {func(c *Config) { c.CookieName = "__Host-a b" }, "cookie_name"},
		"idle too short":             {func(c *Config) { c.IdleTimeout = time.Second }, "idle_timeout 1s is too short; give at least 1m0s"},
		"idle above the default":     {func(c *Config) { c.IdleTimeout = 13 * time.Hour }, "idle_timeout 13h0m0s is too long; give at most the lifetime, 12h0m0s"},
		"idle above lifetime":        {func(c *Config) { c.IdleTimeout, c.Lifetime = 2*time.Hour, time.Hour }, "idle_timeout 2h0m0s is too long; give at most the lifetime, 1h0m0s"},
		"lifetime too short":         {func(c *Config) { c.Lifetime = time.Second }, "lifetime 1s is too short; give at least 1m0s"},
		"lifetime above the keys'":   {func(c *Config) { c.Lifetime = 40 * 24 * time.Hour }, "lifetime 960h0m0s is too long; give at most 720h0m0s, for which keys are kept"},
		"negative lifetime":          {func(c *Config) { c.Lifetime = -1 }, "lifetime -1ns is too short; give at least 1m0s"},
		"short lifetime alone":       {func(c *Config) { c.Lifetime = 30 * time.Minute }, ""},
		"header with a space":        {func(c *Config) { c.Headers.User = "X Employee" }, "no header name"},
		"header with a line end":     {func(c *Config) { c.Headers.User = "X\r\nY" }, "no header name"},
		"one header, two claims":     {func(c *Config) { c.Headers.User, c.Headers.Name = "X-U", "X-U" }, "two claims"},
		"alias of another":           {func(c *Config) { c.Headers.User, c.Headers.Name = "X-U", "x_u" }, "two claims"},
		"host":                       {func(c *Config) { c.Headers.User = "Host" }, "meaning of its own"},
		"cookie header":              {func(c *Config) { c.Headers.Groups = "cookie" }, "meaning of its own"},
		"content length":             {func(c *Config) { c.Headers.Email = "Content_Length" }, "meaning of its own"},
		"headers off":                {func(c *Config) { c.Headers = Headers{} }, ""},
		"redirect relative":          {func(c *Config) { c.RedirectURI = "foo" }, "redirect_uri"},
		"redirect plain http":        {func(c *Config) { c.RedirectURI = "http://app.example.com/cb" }, "redirect_uri"},
		"redirect on loopback":       {func(c *Config) { c.RedirectURI = "http://localhost:8080/cb" }, ""},
		"redirect https":             {func(c *Config) { c.RedirectURI = "https://app.example.com/_mfa/callback" }, ""},
	} {
		t.Run(name, func(t *testing.T) {
			c := Config{Flow: straight(), Engine: "e", State: NewState(), Policy: "p", Keys: keys(t), Headers: DefaultHeaders}
			defer c.State.Close()
			tt.change(&c)
			_, err := New(c)
			if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
		})
	}
}

// A lifetime below the default idle timeout needs no second setting: the idle timeout is never the longer one.
func TestIdleTimeoutDefaultsToNoMoreThanTheLifetime(t *testing.T) {
	for life, want := range map[time.Duration]time.Duration{
		0: DefaultIdleTimeout, 30 * time.Minute: 30 * time.Minute, 24 * time.Hour: DefaultIdleTimeout,
	} {
		c := Config{Flow: straight(), Engine: "e", State: NewState(), Policy: "p", Keys: keys(t), Lifetime: life}
		defer c.State.Close()
		if err := c.complete(); err != nil || c.IdleTimeout != want {
			t.Errorf("lifetime %v: idle timeout %v, %v; want %v", life, c.IdleTimeout, err, want)
		}
	}
}
