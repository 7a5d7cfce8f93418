package caddymodule

import (
	"strings"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"sidegate.example/sidegate/gateway/decision"
)

// matcherToken takes a matcher of the site's that is the next argument, as httpcaddyfile.Helper does; nil where there is no
// site, in the global options.
type matcherToken func() (caddy.ModuleMap, bool, error)

// people parses
//
//	allow|deny [@matcher] groups|users|email_domains <values...>
//	allow|deny [@matcher] claim <name> <values...>
func (s *Settings) people(action string, matcher matcherToken) subdirective {
	return func(d *caddyfile.Dispenser) error {
		r := Rule{Action: action}
		if err := r.match(d, matcher); err != nil {
			return err
		}
		args := d.RemainingArgs()
		if len(args) == 0 {
			return d.ArgErr()
		}
		r.Subject, args = args[0], args[1:]
		if r.Subject == string(decision.ClaimOf) && len(args) > 0 {
			r.Claim, args = args[0], args[1:]
		}
		r.Values = args
		return s.addRule(d, r)
	}
}

// factor parses
//
//	require <class> [max_age <duration>]
//	step_up @matcher <class> [max_age <duration>]
func (s *Settings) factor(matcher matcherToken) subdirective {
	return func(d *caddyfile.Dispenser) error {
		name := d.Val()
		r := Rule{Action: actionRequire}
		if err := r.match(d, matcher); err != nil {
			return err
		}
		switch matched := len(r.MatcherSetsRaw) > 0; {
		case name == actionRequire && matched:
			return d.Errf("require is for all requests; write step_up with a matcher")
		case name != actionRequire && !matched:
			return d.Errf("%s needs a matcher, such as @transfer; for all requests write require", name)
		}
		args := d.RemainingArgs()
		if len(args) != 1 && (len(args) != 3 || args[1] != "max_age") {
			return d.ArgErr()
		}
		r.Factor = args[0]
		if len(args) == 3 {
			age, err := caddy.ParseDuration(args[2])
			if err != nil || age <= 0 {
				return d.Errf("max_age %q is no duration; give one above zero, such as 30m, 12h or 7d", args[2])
			}
			r.MaxAge = caddy.Duration(age)
		}
		return s.addRule(d, r)
	}
}

// match takes the matcher in front of the rule, if there is one.
func (r *Rule) match(d *caddyfile.Dispenser, matcher matcherToken) error {
	if !d.NextArg() {
		return nil
	}
	name := d.Val()
	d.Prev()
	switch {
	case strings.HasPrefix(name, "/") || name == "*":
		return d.Errf("%s is no name of a matcher; define one in the site (@name path %s) and write @name", name, name)
	case !strings.HasPrefix(name, "@"):
		return nil
	case matcher == nil:
		return d.Errf("the global options know no matcher; write the rule with %s in the okta_mfa block of a site", name)
	}
	set, ok, err := matcher()
	if err != nil || !ok {
		return d.Errf("the matcher %s is not defined in this site; define it beside okta_mfa, outside of its block", name)
	}
	r.MatcherSetsRaw = caddyhttp.RawMatcherSets{set}
	return nil
}

func (s *Settings) addRule(d *caddyfile.Dispenser, r Rule) error {
	for _, v := range r.Values {
		if err := checkValue(d, r.Action, v); err != nil {
			return err
		}
	}
	s.Rules = append(s.Rules, r)
	if err := s.checkRules(); err != nil {
		return d.WrapErr(err)
	}
	return nil
}
