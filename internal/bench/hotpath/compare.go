package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"sidegate.example/sidegate/internal/bench/measure"
)

// fleet is the servers under test. The cold gate is a process of its own, so that its new cookies push no warm
// one out of a cache.
type fleet struct {
	upstream, plain, twin, warm, lean, cold *measure.Child

	cookieBytes int
}

func start(servers, loader int, o options) (*fleet, error) {
	f := &fleet{}
	var err error
	if f.upstream, err = measure.Spawn(loader, "-role", roleUpstream); err != nil {
		return f, err
	}
	for _, s := range []struct {
		child   **measure.Child
		role    string
		profile string
	}{{&f.plain, rolePlain, ""}, {&f.twin, rolePlain, ""}, {&f.warm, roleGated, o.profile}, {&f.lean, roleLean, ""}, {&f.cold, roleGated, ""}} {
		*s.child, err = measure.Spawn(servers, "-role", s.role, "-upstream", f.upstream.Address, "-profile", s.profile)
		if err != nil {
			return f, err
		}
	}
	return f, nil
}

func (f *fleet) stop() {
	for _, c := range []*measure.Child{f.plain, f.twin, f.warm, f.lean, f.cold, f.upstream} {
		if c != nil {
			c.Stop()
		}
	}
}

// side is one server and what it is asked.
type side struct {
	server *measure.Child
	next   func() (source, error) // for one slice
}

// comparison collects the slices of one pair.
type comparison struct {
	name     string
	of, base side
	budget   float64 // 0 = none

	ratios, cost, baseCost []float64
}

// comparisons warms the servers up and pairs them.
func (f *fleet) comparisons(o options) ([]comparison, error) {
	m, err := newMint()
	if err != nil {
		return nil, err
	}
	people, err := m.requests(o.sessions)
	if err != nil {
		return nil, err
	}
	anonymous := request("")
	f.cookieBytes = len(people[0]) - len(anonymous)
	fresh, err := m.requests(1000)
	if err != nil {
		return nil, err
	}
	for _, w := range []struct {
		server *measure.Child
		next   source
	}{{f.plain, once(people)}, {f.twin, once(people)}, {f.warm, once(people)}, {f.lean, once(people)}, {f.cold, once(fresh)}} {
		if _, err := load(context.Background(), w.server.Address, w.next); err != nil {
			return nil, fmt.Errorf("warming up: %w", err)
		}
	}
	again := func(s source) func() (source, error) { return func() (source, error) { return s, nil } }
	minted := func() (source, error) {
		// More than a slice can use: a request costs no less than 100 µs.
		requests, err := m.requests(int(o.slice / (100 * time.Microsecond)))
		return once(requests), err
	}
	bare := side{f.plain, again(same(anonymous))}
	unread := side{f.plain, again(inTurn(people))}
	warm, cold := side{f.warm, again(inTurn(people))}, side{f.cold, minted}
	lean := side{f.lean, again(inTurn(people))}
	return []comparison{
		{name: "A/A: no gate, no cookie", of: side{f.twin, bare.next}, base: bare},
		{name: "no gate, the cookie goes along unread", of: side{f.twin, unread.next}, base: bare},
		{name: fmt.Sprintf("gate, %d warm sessions", o.sessions), of: warm, base: unread, budget: 1.05},
		{name: "  over requests without the cookie", of: warm, base: bare},
		{name: "  handing on no identity header", of: lean, base: unread},
		{name: "gate, every cookie for the first time", of: cold, base: unread, budget: 1.15},
		{name: "  over requests without the cookie", of: cold, base: bare},
	}, nil
}

// slice loads both sides for d at the same time and notes what each request cost.
func (c *comparison) slice(d time.Duration) error {
	next, err := c.of.next()
	if err != nil {
		return err
	}
	baseNext, err := c.base.next()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), d)
	defer cancel()
	type result struct {
		cost float64
		err  error
	}
	baseResult := make(chan result, 1)
	go func() {
		cost, err := cost(ctx, c.base.server, baseNext)
		baseResult <- result{cost, err}
	}()
	of, err := cost(ctx, c.of.server, next)
	base := <-baseResult
	if err := errors.Join(err, base.err); err != nil {
		return err
	}
	c.ratios = append(c.ratios, of/base.cost)
	c.cost = append(c.cost, of)
	c.baseCost = append(c.baseCost, base.cost)
	return nil
}

// cost is the CPU time per request of one server under load, in microseconds.
func cost(ctx context.Context, server *measure.Child, next source) (float64, error) {
	before, err := server.CPU()
	if err != nil {
		return 0, err
	}
	n, err := load(ctx, server.Address, next)
	if err != nil {
		return 0, err
	}
	after, err := server.CPU()
	if err != nil {
		return 0, err
	}
	if n < 100 {
		return 0, fmt.Errorf("only %d requests were answered in a slice", n)
	}
	return float64((after - before).Nanoseconds()) / 1000 / float64(n), nil
}
