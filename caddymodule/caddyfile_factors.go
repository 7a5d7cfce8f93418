package caddymodule

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"sidegate.example/sidegate/flows/factors"
	"sidegate.example/sidegate/flows/limits"
)

// primarySubdirective parses
//
//	primary password|identity_engine
//	primary identity <placeholder>
func (f *FactorsSettings) primarySubdirective(d *caddyfile.Dispenser) error {
	args := d.RemainingArgs()
	if len(args) == 0 {
		return d.ArgErr()
	}
	if !slices.Contains(primaries, args[0]) {
		return d.Errf("primary %q is unknown; allowed: %s", args[0], strings.Join(primaries, ", "))
	}
	f.Primary = args[0]
	switch named := args[0] == string(factors.PrimaryIdentity); {
	case named && len(args) == 1:
		return d.Errf("primary identity needs the placeholder that says who it is, such as {http.auth.user.id}")
	case named && len(args) == 2:
		f.PrimaryIdentity = args[1]
		if err := checkIdentitySource(args[1]); err != nil {
			return d.WrapErr(err)
		}
	case len(args) > 1:
		return d.ArgErr()
	}
	return nil
}

// subdirective parses
//
//	limit wrong_codes|passwords|address_passwords|pushes <number>
//	limit window|cool_down|not_me <duration>
func (l *LimitSettings) subdirective(d *caddyfile.Dispenser) error {
	var name, value string
	if !d.AllArgs(&name, &value) {
		return d.ArgErr()
	}
	if to, ok := map[string]*int{"wrong_codes": &l.WrongCodes, "passwords": &l.Passwords, "address_passwords": &l.AddressPasswords, "pushes": &l.Pushes}[name]; ok {
		n, err := strconv.Atoi(value)
		switch {
		case *to != 0:
			return d.Errf("limit %s is given twice", name)
		case err != nil || n < 1:
			return d.Errf("limit %s %q is no number above zero", name, value)
		case name == "wrong_codes" && n > 4:
			return d.Errf("limit wrong_codes %d is too many: Okta locks the account at the fifth; give at most 4", n)
		case n > limits.MaxCount:
			return d.Errf("limit %s %d is more than can be counted; give at most %d", name, n, limits.MaxCount)
		}
		*to = n
		return nil
	}
	to, ok := map[string]*caddy.Duration{"window": &l.Window, "cool_down": &l.CoolDown, "not_me": &l.NotMe}[name]
	parsed, err := caddy.ParseDuration(value)
	switch {
	case !ok:
		return d.Errf("limit %q is unknown; allowed: address_passwords, cool_down, not_me, passwords, pushes, window, wrong_codes", name)
	case *to != 0:
		return d.Errf("limit %s is given twice", name)
	case err != nil || parsed <= 0:
		return d.Errf("limit %s %q is no duration; give one above zero, such as 5m", name, value)
	case name == "window" && parsed < limits.MinWindow:
		return d.Errf("limit window %s is too short; give 1m or more", value)
	}
	*to = caddy.Duration(parsed)
	return nil
}

func checkFactors(names []string) error    { return checkNames("factors", names, factors.Verifiable()) }
func checkEnrollable(names []string) error { return checkNames("enroll", names, factors.Enrollable()) }

// checkNames holds a list to what the engine knows.
func checkNames[F ~string](setting string, names []string, known []F) error {
	var allowed []string
	for _, f := range known {
		allowed = append(allowed, string(f))
	}
	slices.Sort(allowed)
	for _, n := range names {
		if !slices.Contains(allowed, n) {
			return fmt.Errorf("%s %q is unknown; allowed: %s", setting, n, strings.Join(allowed, ", "))
		}
	}
	return nil
}
