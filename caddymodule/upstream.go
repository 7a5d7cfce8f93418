package caddymodule

import (
	"cmp"
	"errors"
	"fmt"
	"strings"

	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"sidegate.example/sidegate/gateway"
	"sidegate.example/sidegate/gateway/upstream"
)

// UpstreamSettings say how an app can check by itself who somebody is.
type UpstreamSettings struct {
	// Assertion is a signed JWT for each request that goes on.
	Assertion AssertionSettings `json:"assertion,omitzero"`

	// UpstreamCookie is a signed cookie in each request that goes on.
	UpstreamCookie UpstreamCookieSettings `json:"upstream_cookie,omitzero"`

	// AuthEndpoint is "on" where another proxy stands in front of the app and asks <prefix>/auth about each request. Only those
	// in Caddy's trusted_proxies may ask. Default: off.
	AuthEndpoint string `json:"auth_endpoint,omitempty"`
}

// UpstreamCookieSettings switch the signed cookie on: the app checks it with gorilla/securecookie, or with ten lines of any
// language. It is good for one minute and one site.
type UpstreamCookieSettings struct {
	// Name is the cookie's; "off" for none on a site whose global options have one. The client's own cookie of that name does
	// not arrive. Default: none.
	Name string `json:"name,omitempty"`
	// Secret signs it, and the app shares it. It must be a placeholder, as ClientSecret must, and stand for 32 bytes or more.
	// Required with Name.
	Secret string `json:"secret,omitempty"`
}

// AssertionSettings switch the assertion on: a JWT that is good for one minute, one site, one method and one path, and that
// an app checks with the public keys at <prefix>/jwks.json. The keys come of the key ring.
type AssertionSettings struct {
	// Header is the request header that carries it, such as Remote-Assertion; "off" for none on a site whose global options
	// have one. Default: none.
	Header string `json:"header,omitempty"`
	// Alg is its signature: "ES256" or "EdDSA". Default: ES256.
	Alg string `json:"alg,omitempty"`
}

// algs are the words that alg takes.
var algs = []string{upstream.ES256, upstream.EdDSA}

func (s UpstreamSettings) over(d UpstreamSettings) UpstreamSettings {
	s.Assertion.Header = cmp.Or(s.Assertion.Header, d.Assertion.Header)
	s.Assertion.Alg = cmp.Or(s.Assertion.Alg, d.Assertion.Alg)
	s.AuthEndpoint = cmp.Or(s.AuthEndpoint, d.AuthEndpoint)
	if s.UpstreamCookie.Name == "" {
		s.UpstreamCookie = d.UpstreamCookie
	}
	return s
}

func (s UpstreamSettings) validate() error {
	a := s.Assertion
	if a.Alg != "" && a.Header == "" {
		return fmt.Errorf("okta_mfa: assertion alg is given without assertion header; write %q", "assertion header "+gateway.DefaultAssertionHeader)
	}
	if err := errors.Join(oneOf("assertion alg", a.Alg, algs), oneOf("auth_endpoint", s.AuthEndpoint, switches)); err != nil {
		return fmt.Errorf("okta_mfa: %w", err)
	}
	if c := s.UpstreamCookie; c.Name != off && (c.Name == "") != (c.Secret == "") {
		return errors.New("okta_mfa: upstream_cookie needs a name and a secret; write \"upstream_cookie app_user {env.APP_COOKIE_SECRET}\"")
	}
	return nil
}

// upstreamCookie makes the cookie of its settings and of the secret that was read; nil for none.
func (s UpstreamSettings) upstreamCookie(r *resolved) (*upstream.Cookie, error) {
	if s.UpstreamCookie.Name == "" || s.UpstreamCookie.Name == off {
		return nil, nil
	}
	c, err := upstream.NewCookie(s.UpstreamCookie.Name, r.upstreamCookieSecret)
	if err != nil {
		return nil, fmt.Errorf("okta_mfa: %w", err)
	}
	return c, nil
}

// subdirective parses
//
//	upstream_cookie <name> <placeholder> | off
func (c *UpstreamCookieSettings) subdirective(d *caddyfile.Dispenser) error {
	switch d.CountRemainingArgs() {
	case 1:
		if d.AllArgs(&c.Name); c.Name != off {
			return d.Errf("upstream_cookie %s has no secret; write \"upstream_cookie %[1]s {env.APP_COOKIE_SECRET}\"", c.Name)
		}
		return nil
	case 2:
		d.AllArgs(&c.Name, &c.Secret)
	default:
		return d.ArgErr()
	}
	if err := checkValue(d, "upstream_cookie", c.Secret); err != nil {
		return err
	}
	if err := errors.Join(upstream.CheckCookieName(c.Name), literalSecret("upstream_cookie")(c.Secret)); err != nil {
		return d.WrapErr(err)
	}
	return nil
}

// headers are the headers of the settings, the assertion's included.
func (s Settings) headers() gateway.Headers {
	h := s.Headers.gatewayHeaders()
	if s.Assertion.Header != headerOff {
		h.Assertion = s.Assertion.Header
	}
	return h
}

// subdirective parses
//
//	assertion [header <name>] [alg ES256|EdDSA] | off
func (a *AssertionSettings) subdirective(d *caddyfile.Dispenser) error {
	for d.NextArg() {
		word := d.Val()
		to, known := map[string]*string{"header": &a.Header, "alg": &a.Alg}[word]
		switch {
		case word == off && *a == AssertionSettings{} && d.CountRemainingArgs() == 0:
			a.Header = headerOff
			return nil
		case !known:
			return d.Errf("assertion %q is unknown; allowed: header <name>, alg ES256|EdDSA, or off alone", word)
		case *to != "":
			return d.Errf("assertion %s is given twice", word)
		case !d.NextArg():
			return d.ArgErr()
		}
		if *to = d.Val(); *to == "" {
			return d.Errf("assertion %s is empty", word)
		}
	}
	a.Header = cmp.Or(a.Header, gateway.DefaultAssertionHeader)
	if err := oneOf("assertion alg", a.Alg, algs); err != nil {
		return d.WrapErr(err)
	}
	if err := gateway.CheckHeaders(gateway.Headers{Assertion: a.Header}); err != nil {
		return d.WrapErr(err)
	}
	return nil
}

// oneOf checks a word that need not be given.
func oneOf(name, word string, allowed []string) error {
	for _, a := range allowed {
		if word == a || word == "" {
			return nil
		}
	}
	return fmt.Errorf("%s %q is unknown; allowed: %s", name, word, strings.Join(allowed, ", "))
}
