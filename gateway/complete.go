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

	"sidegate.example/sidegate/flows"
	"sidegate.example/sidegate/gateway/session"
)

// MaxLifetime is the longest that a session lives: how long a superseded key still opens cookies.
const MaxLifetime = session.DefaultKeepFor

// complete fills in defaults and reports what cannot work, in words for the operator.
func (c *Config) complete() error {
	if c.Flow == nil || c.Engine == "" || c.State == nil || c.Policy == "" || c.Keys == nil {
		return errors.New("gateway: Flow, Engine, State, Policy and Keys are required")
	}
	if c.Rules != nil && c.Applies == nil {
		return errors.New("gateway: Rules need Applies")
	}
	c.Store = orDefault(c.Store, c.State.memory)
	c.Prefix = orDefault(c.Prefix, DefaultPrefix)
	if c.CookieDomain != "" {
		c.CookieName = orDefault(c.CookieName, DefaultDomainCookieName)
	}
	c.CookieName = orDefault(c.CookieName, DefaultCookieName)
	c.Lifetime = orDefault(c.Lifetime, DefaultLifetime)
	c.IdleTimeout = orDefault(c.IdleTimeout, min(DefaultIdleTimeout, c.Lifetime))
	if c.Observer == nil {
		c.Observer = nobody{}
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return errors.Join(CheckPrefix(c.Prefix), CheckCookieName(c.CookieName), CheckTimes(c.IdleTimeout, c.Lifetime),
		CheckHeaders(c.Headers), CheckRedirectURI(c.RedirectURI), CheckGroups(c.Groups), CheckSSO(c.SSO), c.checkPersonSSO(), c.checkDomain(),
		CheckRecheck(c.Recheck, c.RecheckGrace), c.checkFlow())
}

// The checks below are those of New, one for each setting, for who reads settings and knows in which line one stands.
// Their errors name the setting as operators write it and say what to write instead.

// CheckPrefix reports whether p can be Config.Prefix.
func CheckPrefix(p string) error {
	if len(p) < 2 || p != path.Clean(p) || !safeReturn(p) || strings.ContainsAny(p, "?%;") {
		return fmt.Errorf("prefix %q must be a plain path such as /_mfa, without a trailing slash", p)
	}
	return nil
}

// CheckCookieName reports whether name can be Config.CookieName.
func CheckCookieName(name string) error {
	if !strings.HasPrefix(name, hostPrefix) && !strings.HasPrefix(name, domainPrefix) {
		return fmt.Errorf("cookie_name %q must start with __Host-, so that no sibling host can set it", name)
	}
	if err := (&http.Cookie{Name: name, Value: "x"}).Valid(); err != nil {
		return fmt.Errorf("cookie_name %q: %w", name, err)
	}
	return nil
}

// shortest is the least IdleTimeout and Lifetime: below it people would do nothing but sign in.
const shortest = time.Minute

// CheckTimes reports whether Config.IdleTimeout and Config.Lifetime can be idle and life. Zero is one that is not known.
func CheckTimes(idle, life time.Duration) error {
	switch {
	case life != 0 && life < shortest:
		return fmt.Errorf("lifetime %s is too short; give at least %s", life, shortest)
	case life > MaxLifetime:
		return fmt.Errorf("lifetime %s is too long; give at most %s, for which keys are kept", life, MaxLifetime)
	case idle != 0 && idle < shortest:
		return fmt.Errorf("idle_timeout %s is too short; give at least %s", idle, shortest)
	case idle > MaxLifetime, life != 0 && idle > life:
		return fmt.Errorf("idle_timeout %s is too long; give at most the lifetime, %s", idle, orDefault(life, MaxLifetime))
	}
	return nil
}

// CheckRecheck reports whether Config.Recheck and Config.RecheckGrace can be every and grace. Zero is one that is not given.
func CheckRecheck(every, grace time.Duration) error {
	switch {
	case every != 0 && every < shortest:
		return fmt.Errorf("recheck %s is too short; give at least %s", every, shortest)
	case grace != 0 && every == 0:
		return errors.New("recheck_grace has nothing to wait for; add recheck 15m")
	case grace != 0 && grace < every:
		return fmt.Errorf("recheck_grace %s is shorter than recheck; give at least %s", grace, every)
	}
	return nil
}

func (c *Config) checkFlow() error {
	if _, ok := c.Flow.(flows.Rechecker); c.Recheck > 0 && !ok {
		return errors.New("gateway: Recheck needs a Flow that is a flows.Rechecker")
	}
	return nil
}

// notForIdentity are headers that mean something to HTTP itself or to every upstream, as fold leaves them.
var notForIdentity = []string{"host", "connection", "cookie", "authorization", "content-length", "content-type", "transfer-encoding",
	"te", "trailer", "upgrade", "keep-alive", "proxy-authorization", "proxy-connection", "expect", "origin", "x-forwarded-for",
	"x-forwarded-host", "x-forwarded-proto", "forwarded"}

// CheckHeaders reports whether h can be Config.Headers. It keeps two claims from sharing one header, whose last writer
// the upstream would take for the user, and every claim from a header that is not ours to write.
func CheckHeaders(h Headers) error {
	var seen []string
	for _, name := range h.names() {
		if name == "" {
			continue
		}
		f := fold(name)
		switch {
		case !httpguts.ValidHeaderFieldName(name):
			return fmt.Errorf("header %q is no header name; use letters, digits and hyphens", name)
		case slices.Contains(notForIdentity, f):
			return fmt.Errorf("header %q has a meaning of its own; give the identity another one, such as X-User", name)
		case slices.Contains(seen, f):
			return fmt.Errorf("header %q is given to two claims, or differs from another only in case or separators", name)
		}
		seen = append(seen, f)
	}
	return nil
}

// CheckRedirectURI reports whether s can be Config.RedirectURI.
func CheckRedirectURI(s string) error {
	if s == "" {
		return nil
	}
	u, err := url.Parse(s)
	if err != nil || u.Host == "" || u.Fragment != "" || u.User != nil || u.Scheme != "https" && (u.Scheme != "http" || !loopback(u.Hostname())) {
		return fmt.Errorf("redirect_uri %q must be an absolute https URL, such as https://app.example.com/_mfa/callback", s)
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
