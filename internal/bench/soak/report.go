package main

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"sidegate.example/sidegate/internal/bench/measure"
)

// Budgets.
const (
	maxOverFloor = 3 << 10 // bytes of resident memory per waiting browser
	maxDelay     = 100 * time.Millisecond
)

// report prints the figures and fails when a budget is exceeded.
func report(o options, floor, gate waiting, delays []time.Duration) error {
	fmt.Printf("\n%d waiting browsers, HTTP/1.1 event streams\n\n", o.browsers)
	fmt.Printf("%-28s %12s %12s %12s\n", "each browser", "bare handler", "gate", "over")
	n := float64(o.browsers)
	row := func(name, unit string, of func(measure.State) float64) float64 {
		a, b := (of(floor.during)-of(floor.before))/n, (of(gate.during)-of(gate.before))/n
		fmt.Printf("%-28s %12.2f %12.2f %12.2f %s\n", name, a, b, b-a, unit)
		return b - a
	}
	over := row("resident, after a collection", "KiB", func(s measure.State) float64 { return float64(s.RSS) / 1024 })
	row("live heap", "KiB", func(s measure.State) float64 { return float64(s.Heap) / 1024 })
	row("pages of the heap, with gaps", "KiB", func(s measure.State) float64 { return float64(s.Spans) / 1024 })
	row("stacks", "KiB", func(s measure.State) float64 { return float64(s.Stacks) / 1024 })
	routines := row("goroutines", "", func(s measure.State) float64 { return float64(s.Goroutines) })
	a, b := (float64(floor.rss)-float64(floor.before.RSS))/n/1024, (float64(gate.rss)-float64(gate.before.RSS))/n/1024
	fmt.Printf("%-28s %12.2f %12.2f %12.2f KiB, the garbage of polls included\n", "resident, as it was", a, b, b-a)
	fmt.Printf("\nwhile they wait: %.0f %% of a core at the gateway; Okta sees, per second:\n", 100*gate.cpu)
	for _, path := range slices.Sorted(maps.Keys(gate.calls)) {
		fmt.Printf("  %8.1f %s\n", gate.calls[path], path)
	}
	polls := n / o.refresh.Seconds()
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
	if routines > 0.1 { // the pool of workers is shared by all
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
