package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"time"
)

// payrollFactors are all that can be had in the demo without a key of one's own.
const payrollFactors = "push number_challenge totp google_otp sms hardware_otp"

// options are the demo's flags.
type options struct {
	freePorts               bool
	json                    bool
	printCaddyfile          bool
	behindProxy             bool
	zoneOff                 bool
	embeddedPushShowsServer bool
	enrollByPassword        bool
	payrollFactors          string
	refresh                 time.Duration
}

// parseOptions reads the flags; flag.ErrHelp means that the usage was asked for and is on stderr.
func parseOptions(args []string, stderr io.Writer) (options, error) {
	var o options
	var ports, zone string
	f := flag.NewFlagSet("demo", flag.ContinueOnError)
	f.SetOutput(stderr)
	f.StringVar(&ports, "ports", "usual", "`usual` (8080 to 8082, where they are free) or free")
	f.StringVar(&zone, "zone", "on", "`on`: a network zone of the org lists the gateway as trusted proxy, so that Okta believes it about the browser's address; off: Okta takes the gateway's own")
	f.BoolVar(&o.embeddedPushShowsServer, "embedded-push-shows-server", false, "act as Okta documents pushes of the embedded flow: the phone shows the server's address and agent, whatever is passed on")
	f.BoolVar(&o.enrollByPassword, "enroll-by-password", false, "let whoever knows the password set up the first factor, as enroll_requires okta_policy does: by default a code by email or another factor comes first")
	f.StringVar(&o.payrollFactors, "payroll-factors", payrollFactors, "the `list` of factors that can end a sign-in at Payroll; webauthn only serves keys that were made on that very site")
	f.BoolVar(&o.behindProxy, "behind-proxy", false, "Caddy believes X-Forwarded-For from this machine, so that a proxy, a test or a browser extension can pretend to come from elsewhere")
	f.DurationVar(&o.refresh, "refresh", 2*time.Second, "how often Okta lets the gateway ask whether the push was answered")
	f.BoolVar(&o.json, "json", false, "print one line of JSON instead of the table when everything is up")
	f.BoolVar(&o.printCaddyfile, "print-caddyfile", false, "print the Caddyfile in use as well")
	if err := f.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return o, err
		}
		return o, fmt.Errorf("reading the flags: %w", err)
	}
	if f.NArg() > 0 {
		return o, fmt.Errorf("unknown argument %q; see -help", f.Arg(0))
	}
	var err error
	if o.freePorts, err = oneOf("ports", ports, "usual", "free"); err != nil {
		return o, err
	}
	if o.zoneOff, err = oneOf("zone", zone, "on", "off"); err != nil {
		return o, err
	}
	if o.refresh <= 0 {
		return o, fmt.Errorf("-refresh=%s is not a time span above zero", o.refresh)
	}
	return o, nil
}

// oneOf reports whether the value of a flag is second rather than first; anything else is an error.
func oneOf(name, value, first, second string) (bool, error) {
	if value != first && value != second {
		return false, fmt.Errorf("-%s=%s: say %s or %s", name, value, first, second)
	}
	return value == second, nil
}
