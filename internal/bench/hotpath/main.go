// Command hotpath prints what the gate costs an authenticated request: the CPU time per request of Caddy with
// okta_mfa over that of the same Caddy without it.
//
// Two server processes run at the same time on one core, each under its own load, and the program that loads
// them and the upstream run on another; a slice yields the ratio of the two process clocks per request. Slices
// of the comparisons take turns, because the speed of a machine drifts within seconds. The baseline, 1.00, is Caddy's
// reverse_proxy with the very same requests; lines of their own say what the cookie's bytes cost even where
// nobody looks at them, and what it costs to hand the identity on.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"time"

	_ "sidegate.example/sidegate/caddymodule" // the handler under test
	"sidegate.example/sidegate/internal/bench/measure"
	"sidegate.example/sidegate/internal/bench/server"
)

// Roles of a process of this program.
const (
	rolePlain    = "plain"
	roleGated    = "gated"
	roleLean     = "lean"
	roleUpstream = "upstream"
)

func main() {
	var o options
	flag.IntVar(&o.rounds, "rounds", 15, "slices of each comparison")
	flag.DurationVar(&o.slice, "slice", time.Second, "length of a slice")
	flag.IntVar(&o.sessions, "sessions", 10_000, "warm sessions")
	flag.StringVar(&o.profile, "profile", "", "write a CPU profile of the warm gate to this file")
	flag.StringVar(&o.only, "only", "", "run only the comparisons whose name contains this")
	role := flag.String("role", "", "what this process is (set by the program itself)")
	upstream := flag.String("upstream", "", "address of the upstream (set by the program itself)")
	flag.Parse()
	err := child(*role, *upstream, o.profile)
	if *role == "" {
		err = run(o)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "hotpath:", err)
		os.Exit(1)
	}
}

type options struct {
	rounds, sessions int
	slice            time.Duration
	profile, only    string
}

// child runs one server until the parent ends it.
func child(role, upstream, profile string) error {
	var address string
	var err error
	switch role {
	case "":
		return nil
	case rolePlain:
		address, err = server.Caddy(server.Proxy(upstream))
	case roleGated, roleLean:
		address, err = server.Caddy(gate(role == roleLean), server.Proxy(upstream))
	case roleUpstream:
		address, err = server.Upstream()
	default:
		err = fmt.Errorf("unknown role %q", role)
	}
	if err != nil {
		return err
	}
	if profile != "" {
		return measure.Profiled(profile, func() error { return measure.Serve(address) })
	}
	return measure.Serve(address)
}

// cores chooses where the servers and the load run.
func cores() (servers, load int, err error) {
	if _, err := exec.LookPath("taskset"); err != nil || runtime.NumCPU() < 2 && os.Getenv("SIDEGATE_BENCH_PINNED") == "" {
		fmt.Println("taskset or a second core is missing: servers and load are not kept apart, the ratios are rough")
		return -1, -1, nil
	}
	if _, err := measure.PinSelf(1); err != nil {
		return 0, 0, err
	}
	return 0, 1, nil
}

func run(o options) error {
	servers, loader, err := cores()
	if err != nil {
		return err
	}
	f, err := start(servers, loader, o)
	defer f.stop()
	if err != nil {
		return err
	}
	comparisons, err := f.comparisons(o)
	if err != nil {
		return err
	}
	comparisons = slices.DeleteFunc(comparisons, func(c comparison) bool { return !strings.Contains(c.name, o.only) })
	fmt.Printf("%d rounds of %s, %d connections to each server, cookie of %d bytes\n\n", o.rounds, o.slice, connections, f.cookieBytes)
	for range o.rounds {
		for i := range comparisons {
			if err := comparisons[i].slice(o.slice); err != nil {
				return fmt.Errorf("%s: %w", comparisons[i].name, err)
			}
		}
	}
	return report(comparisons)
}

// report prints the table and fails when a budget is exceeded.
func report(comparisons []comparison) error {
	fmt.Printf("%-44s %7s %17s %9s %9s %8s\n", "CPU per request, ratio to the baseline", "median", "quartiles", "µs", "base µs", "budget")
	var over error
	for _, c := range comparisons {
		r := measure.QuartilesOf(c.ratios)
		budget := ""
		if c.budget > 0 {
			budget = fmt.Sprintf("%.2f", c.budget)
		}
		fmt.Printf("%-44s %7.3f %8.3f..%.3f %9.1f %9.1f %8s\n", c.name, r.Median, r.Low, r.High,
			measure.QuartilesOf(c.cost).Median, measure.QuartilesOf(c.baseCost).Median, budget)
		if c.budget > 0 && r.Median > c.budget {
			over = errors.Join(over, fmt.Errorf("%s: %.3f is over the budget of %.2f", c.name, r.Median, c.budget))
		}
	}
	return over
}
