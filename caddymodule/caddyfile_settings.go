package caddymodule

import (
	"maps"
	"slices"
	"strings"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"sidegate.example/sidegate/gateway"
)

// subdirective parses the arguments of the subdirective that d stands on.
type subdirective func(d *caddyfile.Dispenser) error

// subdirectives are those that the global option and the handler share; they write into s. Only a site has matchers.
func (s *Settings) subdirectives(matcher matcherToken) map[string]subdirective {
	return map[string]subdirective{
		"engine":               word(&s.Engine, engines),
		"primary":              s.FactorsSettings.primarySubdirective,
		"api_token":            text(&s.APIToken, literalSecret("api_token")),
		"api_client_id":        text(&s.APIClientID),
		"api_private_key":      text(&s.APIPrivateKey, literalSecret("api_private_key")),
		"api_private_key_id":   text(&s.APIPrivateKeyID),
		"factors":              list(&s.Factors, checkFactors),
		"number_challenge":     word(&s.NumberChallenge, numbers),
		"user_groups":          word(&s.UserGroups, switches),
		"enroll":               list(&s.Enroll, checkEnrollable),
		"enroll_url":           text(&s.EnrollURL),
		"sms_template":         text(&s.SMSTemplate),
		"email_code_lifetime":  duration(&s.EmailCodeLifetime, nil),
		"limit":                s.Limits.subdirective,
		"org":                  text(&s.Org, unlessPlaceholder(checkOrg)),
		"authorization_server": text(&s.AuthorizationServer),
		"client_id":            text(&s.ClientID),
		"client_secret":        text(&s.ClientSecret, literalSecret("client_secret")),
		"private_key":          text(&s.PrivateKey, literalSecret("private_key")),
		"private_key_id":       text(&s.PrivateKeyID),
		"redirect_uri":         text(&s.RedirectURI, unlessPlaceholder(gateway.CheckRedirectURI)),
		"scopes":               list(&s.Scopes, checkScopes),
		"cookie_secret":        list(&s.CookieSecret, each(literalSecret("cookie_secret"))),
		"cookie_name":          text(&s.CookieName, gateway.CheckCookieName),
		"prefix":               text(&s.Prefix, gateway.CheckPrefix),
		"title":                text(&s.Title),
		"idle_timeout":         duration(&s.IdleTimeout, s.checkTimes),
		"lifetime":             duration(&s.Lifetime, s.checkTimes),
		"recheck":              duration(&s.Recheck, s.checkRecheck),
		"recheck_grace":        duration(&s.RecheckGrace, s.checkRecheck),
		"sign_in_form":         word(&s.SignInForm, signInForms),
		"push_context":         word(&s.PushContext, pushContexts),
		"enroll_requires":      list(&s.EnrollRequires, checkEnroll),
		"self_service":         list(&s.SelfService, checkSelfService),
		"webauthn":             word(&s.WebAuthn, switches),
		"remember_me":          word(&s.RememberMe, switches),
		"universal_logout":     word(&s.UniversalLogout, switches),
		"header":               s.Headers.subdirective,
		"assertion":            s.Assertion.subdirective,
		"groups":               list(&s.Groups, gateway.CheckGroups),
		"allow":                s.people(actionAllow, matcher),
		"deny":                 s.people(actionDeny, matcher),
		"require":              s.factor(matcher),
		"step_up":              s.factor(matcher),
		"upstream_cookie":      s.UpstreamCookie.subdirective,
		"cookie_domain":        text(&s.CookieDomain, gateway.CheckCookieDomain),
		"sso":                  list(&s.SSO, checkSSO),
		"auth_endpoint":        word(&s.AuthEndpoint, switches),
		"min_poll_interval":    duration(&s.MinPollInterval, nil),
	}
}

// repeatable subdirectives look for duplicates themselves.
var repeatable = []string{"header", "limit", "allow", "deny", "require", "step_up"}

// parseBlock parses the one block of the okta_mfa that d stands on, with or without braces.
func parseBlock(d *caddyfile.Dispenser, known map[string]subdirective) error {
	if d.CountRemainingArgs() > 0 {
		return d.Errf("okta_mfa takes no argument; write its settings in a block { ... }")
	}
	seen := make(map[string]bool)
	for nesting := d.Nesting(); d.NextBlock(nesting); {
		name := d.Val()
		parse, ok := known[name]
		if !ok {
			return d.Errf("unrecognized okta_mfa subdirective %q; allowed: %s",
				name, strings.Join(slices.Sorted(maps.Keys(known)), ", "))
		}
		if seen[name] && !slices.Contains(repeatable, name) {
			return d.Errf("%s is given twice", name)
		}
		seen[name] = true
		if err := parse(d); err != nil {
			return err
		}
		if d.NextBlock(d.Nesting()) {
			return d.Errf("%s takes no block", name)
		}
	}
	return nil
}

// text takes exactly one argument that is not empty and passes the checks.
func text(to *string, checks ...func(string) error) subdirective {
	return func(d *caddyfile.Dispenser) error {
		name := d.Val()
		if !d.AllArgs(to) {
			return d.ArgErr()
		}
		if err := checkValue(d, name, *to); err != nil {
			return err
		}
		for _, check := range checks {
			if err := check(*to); err != nil {
				return d.WrapErr(err)
			}
		}
		return nil
	}
}

// list takes one or more arguments that pass the check.
func list(to *[]string, check func([]string) error) subdirective {
	return func(d *caddyfile.Dispenser) error {
		name := d.Val()
		*to = d.RemainingArgs()
		if len(*to) == 0 {
			return d.ArgErr()
		}
		for _, value := range *to {
			if err := checkValue(d, name, value); err != nil {
				return err
			}
		}
		if err := check(*to); err != nil {
			return d.WrapErr(err)
		}
		return nil
	}
}

// rewrittenFile is what Caddy makes of {file.name} in a site block before any directive sees it
// (caddy-notes T9).
const rewrittenFile = "{http.request.uri.path.file."

func checkValue(d *caddyfile.Dispenser, name, value string) error {
	if value == "" {
		return d.Errf("%s is empty", name)
	}
	if _, after, found := strings.Cut(value, rewrittenFile); found {
		file, _, _ := strings.Cut(after, "}")
		return d.Errf("%s: in a site block Caddy reads {file.%s} as a part of the request's path; write {file./absolute/path/to/%s}, or move the setting to okta_mfa in the global options",
			name, file, file)
	}
	return nil
}

// word takes one argument out of a closed set.
func word(to *string, allowed []string) subdirective {
	return func(d *caddyfile.Dispenser) error {
		name := d.Val()
		if !d.AllArgs(to) {
			return d.ArgErr()
		}
		if !slices.Contains(allowed, *to) {
			return d.Errf("%s %q is unknown; allowed: %s", name, *to, strings.Join(allowed, ", "))
		}
		return nil
	}
}

// duration takes one duration above zero that passes the check, if there is one.
func duration(to *caddy.Duration, check func() error) subdirective {
	return func(d *caddyfile.Dispenser) error {
		name := d.Val()
		var arg string
		if !d.AllArgs(&arg) {
			return d.ArgErr()
		}
		parsed, err := caddy.ParseDuration(arg)
		if err != nil || parsed <= 0 {
			return d.Errf("%s %q is no duration; give one above zero, such as 30m, 12h or 7d", name, arg)
		}
		*to = caddy.Duration(parsed)
		if check == nil {
			return nil
		}
		if err := check(); err != nil {
			return d.WrapErr(err)
		}
		return nil
	}
}

// subdirective parses
//
//	header user|name|email|groups <name>|off
func (h *HeaderNames) subdirective(d *caddyfile.Dispenser) error {
	var claim, name string
	if !d.AllArgs(&claim, &name) {
		return d.ArgErr()
	}
	to, ok := map[string]*string{"user": &h.User, "name": &h.Name, "email": &h.Email, "groups": &h.Groups}[claim]
	switch {
	case !ok:
		return d.Errf("header %q is unknown; allowed: user, name, email, groups", claim)
	case *to != "":
		return d.Errf("header %s is given twice", claim)
	case name == "":
		return d.Errf("header %s is empty; give a header name or %q", claim, headerOff)
	}
	*to = name
	if err := gateway.CheckHeaders(h.given()); err != nil {
		return d.WrapErr(err)
	}
	return nil
}
