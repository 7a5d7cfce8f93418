package gateway

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"

	"golang.org/x/net/publicsuffix"

	"sidegate.example/sidegate/ui"
)

// With Config.CookieDomain one session cookie is for all hosts of a domain. Every one of them can then set it and, but for
// HttpOnly, read it, so that none must be in other hands (immunity S58). The cookies of sign-ins in progress stay those of one
// host.

const (
	hostPrefix   = "__Host-"
	domainPrefix = "__Secure-"
)

// DefaultDomainCookieName is the default of Config.CookieName with a CookieDomain.
const DefaultDomainCookieName = domainPrefix + "okta_mfa"

// CheckCookieDomain reports whether domain can be Config.CookieDomain.
func CheckCookieDomain(domain string) error {
	if domain == "" {
		return nil
	}
	if _, err := publicsuffix.EffectiveTLDPlusOne(domain); err != nil || domain != strings.ToLower(domain) || strings.ContainsAny(domain, ":/ @_%") ||
		strings.Trim(domain, "0123456789.") == "" {
		return fmt.Errorf("cookie_domain %q must be a domain of yours in lower case, such as example.com, without dot in front", domain)
	}
	return nil
}

// checkDomain looks at what has to fit to the domain.
func (c *Config) checkDomain() error {
	switch {
	case c.CookieDomain == "" && strings.HasPrefix(c.CookieName, domainPrefix):
		return fmt.Errorf("cookie_name %q must start with %s, so that no sibling host can set it", c.CookieName, hostPrefix)
	case c.CookieDomain != "" && strings.HasPrefix(c.CookieName, hostPrefix):
		return fmt.Errorf("cookie_name %q must start with %s, because cookie_domain makes it one of several hosts", c.CookieName, domainPrefix)
	case c.CookieDomain != "" && len(c.SSO) > 0:
		return errors.New("sso and cookie_domain are two ways to the same; keep sso, which keeps each site's cookie to itself")
	}
	return CheckCookieDomain(c.CookieDomain)
}

// hostCookie is the name of a cookie of this host alone beside the session's.
func (c *Config) hostCookie(suffix string) string {
	return hostPrefix + strings.TrimPrefix(strings.TrimPrefix(c.CookieName, domainPrefix), hostPrefix) + suffix
}

// reach is what a session is good for: this host, or every host of the domain.
func (x *exchange) reach() string {
	if x.cfg.CookieDomain == "" {
		return x.site
	}
	return "\x00" + x.cfg.CookieDomain // which no host is called
}

// outside answers at a host that is not in the domain: no browser would keep the cookie, and people would sign in for ever.
func (x *exchange) outside() bool {
	d := x.cfg.CookieDomain
	if d == "" || x.site == d || strings.HasSuffix(x.site, "."+d) {
		return false
	}
	x.log.ErrorContext(x.r.Context(), "this host is not in cookie_domain, so that nobody can sign in here; give the site an okta_mfa block without it", slog.String("site", x.site), slog.String("cookie_domain", d))
	x.problem(http.StatusInternalServerError, ui.ProblemMisconfigured, form{})
	return true
}
