package main

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"
)

// Budgets.
const (
	maxOverFloor = 3 << 10 // bytes of resident memory per waiting browser
	maxDelay     = 100 * time.Millisecond
)

// report prints the figures and fails when a budget is exceeded.
func report(o options, floor, gate waiting, delays []time.Duration) error {
	fmt.Printf("\nfrom %d to %d waiting browsers, event streams over %s\n\n", o.few(), o.browsers, map[bool]string{false: "HTTP/1.1", true: "HTTP/2 on TLS"}[o.http2])
	fmt.Printf("%-34s %12s %8s %8s\n", "each browser", "bare handler", "gate", "over")
	n := float64(o.browsers - o.few())
	row := func(name, unit string, of func(snapshot) float64) float64 {
		a, b := (of(floor.all)-of(floor.few))/n, (of(gate.all)-of(gate.few))/n
		fmt.Printf("%-34s %12.2f %8.2f %8.2f %s\n", name, a, b, b-a, unit)
		return b - a
	}
	over := row("resident, after a collection", "KiB", func(s snapshot) float64 { return float64(s.RSS) / 1024 })
	row("  live heap", "KiB", func(s snapshot) float64 { return float64(s.Heap) / 1024 })
	row("  pages of the heap, gaps included", "KiB", func(s snapshot) float64 { return float64(s.Spans) / 1024 })
	row("  stacks", "KiB", func(s snapshot) float64 { return float64(s.Stacks) / 1024 })
	row("resident, garbage included", "KiB", func(s snapshot) float64 { return float64(s.asIs) / 1024 })
	routines := row("goroutines", "", func(s snapshot) float64 { return float64(s.Goroutines) })
	fmt.Printf("\nwhile they wait: %.0f %% of a core at the gateway; Okta sees, per second:\n", 100*gate.cpu)
	for _, path := range slices.Sorted(maps.Keys(gate.calls)) {
		fmt.Printf("  %8.1f %s\n", gate.calls[path], path)
	}
	polls := float64(o.browsers) / o.refresh.Seconds()
	fmt.Printf("  at most %.1f polls are one per %s and browser\n\n", polls, o.refresh)

	slices.Sort(delays)
	var worst time.Duration
	if len(delays) > 0 {
		worst = delays[len(delays)-1]
		fmt.Printf("from the poll that saw the approval to the browser: median %s, worst of %d %s\n",
			delays[len(delays)/2].Round(100*time.Microsecond), len(delays), worst.Round(100*time.Microsecond))
	}
	return budgets(over*1024, routines, worst, gate.calls, polls)
}

func budgets(over, routines float64, worst time.Duration, calls map[string]float64, polls float64) error {
	var errs error
	if over > maxOverFloor {
		errs = errors.Join(errs, fmt.Errorf("%.0f bytes over the floor for each browser, more than %d", over, maxOverFloor))
	}
	if routines > 0.01 {
		errs = errors.Join(errs, fmt.Errorf("%.2f goroutines over the floor for each browser", routines))
	}
	if worst > maxDelay {
		errs = errors.Join(errs, fmt.Errorf("a browser learned of its approval %s after the poll that saw it, more than %s", worst, maxDelay))
	}
	if n := calls["/idp/idx/authenticators/poll"]; n > polls {
		errs = errors.Join(errs, fmt.Errorf("%.1f polls per second, more than %.1f", n, polls))
	}
	return errs
}
