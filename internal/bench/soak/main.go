// Command soak lets ten thousand browsers wait for their phones at one gateway process and prints what each of
// them costs: resident memory and goroutines over those of a bare blocking handler in the same Caddy,
// measured in the same run, and what Okta sees of it. Then it approves some pushes, one after the other, and
// prints how long after the poll that saw it the browser knew.
//
// Okta is oktasim in a process of its own. The browsers sign in over HTTP up to the push, each as another user,
// and then hold an event stream open, as the wait page does: over HTTP/1.1, or with -http2 over HTTP/2 on TLS.
package main

import (
	"flag"
	"fmt"
	"os"
	"time"

	_ "sidegate.example/sidegate/caddymodule" // the handler under test
	"sidegate.example/sidegate/internal/bench/measure"
	"sidegate.example/sidegate/internal/bench/server"
)

// Roles of a process of this program.
const (
	roleOkta  = "okta"
	roleGated = "gated"
	roleFloor = "floor"
)

// The app as the simulated org knows it, and the site behind the gate.
const (
	clientID     = "0oasoak00000000000d7"
	clientSecret = "benchmark-only"
	cookieSecret = "benchmark-only-0123456789abcdef0123456789abcdef0123456789abcdef"
	password     = "benchmark-Passw0rd"
	site         = "legacy.localhost" // browsers and the gate take http on loopback for secure
)

type options struct {
	browsers, approvals int
	refresh, watch      time.Duration
	http2               bool
}

// serve runs Caddy as the browsers are to speak with it.
func (o options) serve(handlers ...server.Handler) (string, error) {
	if o.http2 {
		return server.CaddyTLS(site, handlers...)
	}
	return server.Caddy(handlers...)
}

// scheme is what the browsers speak.
func (o options) scheme() string {
	if o.http2 {
		return "https"
	}
	return "http"
}

func main() {
	var o options
	flag.IntVar(&o.browsers, "n", 10_000, "waiting browsers")
	flag.DurationVar(&o.refresh, "refresh", 4*time.Second, "poll interval that Okta asks for")
	flag.DurationVar(&o.watch, "watch", 20*time.Second, "how long to watch them wait")
	flag.IntVar(&o.approvals, "approvals", 15, "pushes to approve")
	flag.BoolVar(&o.http2, "http2", false, "the browsers speak HTTP/2 on TLS, each on a connection of its own")
	role := flag.String("role", "", "what this process is (set by the program itself)")
	okta := flag.String("okta", "", "URL of the simulated org (set by the program itself)")
	flag.Parse()
	var err error
	if *role == "" {
		err = run(o)
	} else {
		err = child(*role, *okta, o)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "soak:", err)
		os.Exit(1)
	}
}

// child runs one server until the parent ends it.
func child(role, okta string, o options) error {
	var address string
	var err error
	switch role {
	case roleOkta:
		address, err = simulate(o)
	case roleFloor:
		address, err = o.serve(server.Handler{"handler": "bench_floor"})
	case roleGated:
		address, err = o.serve(server.Handler{
			"handler": "okta_mfa", "org": okta, "authorization_server": "default",
			"client_id": clientID, "client_secret": server.Secret("BENCH_CLIENT_SECRET", clientSecret),
			"cookie_secret": []string{server.Secret("BENCH_COOKIE_SECRET", cookieSecret)},
		}, server.Handler{"handler": "static_response", "body": "in"})
	default:
		err = fmt.Errorf("unknown role %q", role)
	}
	if err != nil {
		return err
	}
	return measure.Serve(address)
}

func spawn(role, okta string, o options) (*measure.Child, error) {
	return measure.Spawn(-1, "-role", role, "-okta", okta, "-n", fmt.Sprint(o.browsers), "-refresh", o.refresh.String(), fmt.Sprintf("-http2=%v", o.http2))
}

func run(o options) error {
	if err := measure.AllowFiles(uint64(o.browsers) + 1000); err != nil {
		return err
	}
	floor, err := measureFloor(o)
	if err != nil {
		return fmt.Errorf("measuring the floor: %w", err)
	}
	okta, err := spawn(roleOkta, "", o)
	if err != nil {
		return err
	}
	defer okta.Stop()
	gate, err := spawn(roleGated, okta.Address, o)
	if err != nil {
		return err
	}
	defer gate.Stop()
	s := soak{options: o, okta: newOktaClient(okta.Address), gate: gate, streams: streams{http2: o.http2}}
	got, err := s.wait()
	if err != nil {
		return err
	}
	delays, err := s.approve()
	if err != nil {
		return err
	}
	return report(o, floor, got, delays)
}
