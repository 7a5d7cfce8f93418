package gateway

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"path"
	"slices"
	"strings"
	"time"

	"golang.org/x/net/http/httpguts"

	"sidegate.example/sidegate/gateway/session"
)

// maxLifetime is how long a superseded key still opens cookies.
const maxLifetime = session.DefaultKeepFor

// complete fills in defaults and reports what cannot work, in words for the operator.
func (c *Config) complete() error {
	if c.Flow == nil || c.Engine == "" || c.State == nil || c.Policy == "" || c.Keys == nil {
		return errors.New("gateway: Flow, Engine, State, Policy and Keys are required")
	}
	c.Prefix = orDefault(c.Prefix, DefaultPrefix)
	c.CookieName = orDefault(c.CookieName, DefaultCookieName)
	c.IdleTimeout = orDefault(c.IdleTimeout, DefaultIdleTimeout)
	c.Lifetime = orDefault(c.Lifetime, DefaultLifetime)
	if c.Observer == nil {
		c.Observer = nobody{}
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return errors.Join(checkPrefix(c.Prefix), checkCookie(c.CookieName), checkTimes(c.IdleTimeout, c.Lifetime),
		checkHeaders(c.Headers), checkRedirectURI(c.RedirectURI))
}

func checkPrefix(p string) error {
	if len(p) < 2 || p != path.Clean(p) || !safeReturn(p) || strings.ContainsAny(p, "?%;") {
		return fmt.Errorf("gateway: prefix %q must be a plain path such as /_mfa, without a trailing slash", p)
	}
	return nil
}

func checkCookie(name string) error {
	if !strings.HasPrefix(name, "__Host-") {
		return fmt.Errorf("gateway: cookie_name %q must start with __Host-, so that no sibling host can set it", name)
	}
	if err := (&http.Cookie{Name: name, Value: "x"}).Valid(); err != nil {
		return fmt.Errorf("gateway: cookie_name %q: %w", name, err)
	}
	return nil
}

func checkTimes(idle, life time.Duration) error {
	if idle < time.Minute || life < idle || life > maxLifetime {
		return fmt.Errorf("gateway: idle_timeout %s must be at least 1m and at most the lifetime %s, and that at most %s", idle, life, maxLifetime)
	}
	return nil
}

// notForIdentity are headers that mean something to HTTP itself or to every upstream, as fold leaves them.
var notForIdentity = []string{"host", "connection", "cookie", "authorization", "content-length", "content-type", "transfer-encoding",
	"te", "trailer", "upgrade", "keep-alive", "proxy-authorization", "proxy-connection", "expect", "origin", "x-forwarded-for",
	"x-forwarded-host", "x-forwarded-proto", "forwarded"}

// checkHeaders keeps two claims from sharing one header, whose last writer the upstream would take for the user, and
// every claim from a header that is not ours to write.
func checkHeaders(h Headers) error {
	var seen []string
	for _, name := range []string{h.User, h.Name, h.Email, h.Groups} {
		if name == "" {
			continue
		}
		f := fold(name)
		switch {
		case !httpguts.ValidHeaderFieldName(name):
			return fmt.Errorf("gateway: header %q is no header name; use letters, digits and hyphens", name)
		case slices.Contains(notForIdentity, f):
			return fmt.Errorf("gateway: header %q has a meaning of its own; give the identity another one, such as X-User", name)
		case slices.Contains(seen, f):
			return fmt.Errorf("gateway: header %q is given to two claims, or differs from another only in case or separators", name)
		}
		seen = append(seen, f)
	}
	return nil
}

func checkRedirectURI(s string) error {
	if s == "" {
		return nil
	}
	u, err := url.Parse(s)
	if err != nil || u.Host == "" || u.Fragment != "" || u.User != nil || u.Scheme != "https" && (u.Scheme != "http" || !loopback(u.Hostname())) {
		return fmt.Errorf("gateway: redirect_uri %q must be an absolute https URL, such as https://app.example.com/_mfa/callback", s)
	}
	return nil
}

// loopback reports whether the browser and the gate are on one machine, where browsers keep Secure cookies
// without TLS.
func loopback(host string) bool {
	if host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return true
	}
	addr, err := netip.ParseAddr(host)
	return err == nil && addr.IsLoopback()
}
