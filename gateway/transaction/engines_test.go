package transaction_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"sidegate.example/sidegate/flows"
	"sidegate.example/sidegate/gateway/transaction"
)

// The order in which configurations make their first request and go is not that in which they were loaded. In use is
// always the newest that is still there.
func TestTheNewestEngineThatIsThereIsCurrent(t *testing.T) {
	const set, drop = true, false
	type event struct {
		set  bool
		rank uint64
	}
	for name, c := range map[string]struct {
		events []event
		want   uint64
	}{
		"reload":                                   {[]event{{set, 1}, {set, 2}}, 2},
		"reload, the old one goes":                 {[]event{{set, 1}, {set, 2}, {drop, 1}}, 2},
		"the old one's first request comes late":   {[]event{{set, 2}, {set, 1}}, 2},
		"the late old one goes":                    {[]event{{set, 2}, {set, 1}, {drop, 1}}, 2},
		"a failed reload hands back":               {[]event{{set, 1}, {set, 2}, {drop, 2}}, 1},
		"to the old one that came late, too":       {[]event{{set, 2}, {set, 1}, {drop, 2}}, 1},
		"two failed reloads":                       {[]event{{set, 1}, {set, 2}, {set, 3}, {drop, 3}, {drop, 2}}, 1},
		"two failed reloads, the other way":        {[]event{{set, 1}, {set, 2}, {set, 3}, {drop, 2}, {drop, 3}}, 1},
		"not to one that is gone":                  {[]event{{set, 1}, {set, 2}, {set, 3}, {drop, 2}, {drop, 3}, {set, 4}, {drop, 1}, {drop, 4}}, 4},
		"the last one stays":                       {[]event{{set, 1}, {drop, 1}}, 1},
		"the last one gives way to a new one":      {[]event{{set, 1}, {drop, 1}, {set, 2}, {drop, 2}}, 2},
		"and, being gone, to a late old one":       {[]event{{set, 2}, {drop, 2}, {set, 1}}, 1},
		"set again under the same rank":            {[]event{{set, 1}, {drop, 1}, {set, 1}, {set, 2}, {drop, 2}}, 1},
		"dropping twice, and what was never there": {[]event{{drop, 9}, {set, 1}, {set, 2}, {drop, 1}, {drop, 1}, {drop, 9}}, 2},
	} {
		t.Run(name, func(t *testing.T) {
			within(t, transaction.Config{}, func(r *rig) {
				orgs := map[uint64]*org{}
				r.SetEngine("other", 9, newOrg(), nil)
				for _, e := range c.events {
					if !e.set {
						r.DropEngine("ranked", e.rank)
						continue
					}
					orgs[e.rank] = newOrg()
					r.SetEngine("ranked", e.rank, orgs[e.rank], nil)
				}
				_, err := r.Begin(context.Background(), transaction.Begin{Engine: "ranked", Site: site, Client: client(t, "203.0.113.7"), Answer: typed("ann")})
				if err != nil {
					t.Fatal(err)
				}
				for rank, o := range orgs {
					if got, want := o.seen().starts == 1, rank == c.want; got != want {
						t.Errorf("asked %d: %v, want %v", rank, got, want)
					}
				}
			})
		})
	}
}

// What the operator's log gets: who, from where, and the error behind the ending.
func TestEndedSaysWhoAndWhy(t *testing.T) {
	unfit := failure(flows.ReasonBadAnswer, 0)
	policy, down := errors.New("errorCode access_denied"), failure(flows.ReasonUnavailable, 0)
	for name, c := range map[string]struct {
		do     func(r *rig)
		result string
		person string
		cause  error
	}{
		"failed begin": {func(r *rig) {
			r.org.onStart = func(flows.Answer) (flows.Step, error) { return flows.Step{}, down }
			_, _ = r.tryFrom("203.0.113.7", "ann")
		}, "unavailable", "ann", down},
		"begin with an answer that does not fit": {func(r *rig) {
			r.org.onStart = func(flows.Answer) (flows.Step, error) { return flows.Step{}, unfit }
			_, _ = r.tryFrom("203.0.113.7", "ann")
		}, "bad_answer", "ann", unfit},
		"denied by policy": {func(r *rig) {
			step := refusal(flows.DeniedPolicy, true)
			step.Cause = policy
			r.first(step)
			r.begin("ann")
		}, "policy", "ann#1", policy},
		"nobody answered while Okta was down": {func(r *rig) {
			r.org.onPoll = func(int) error { return down }
			r.unwatched(r.begin("ann"))
		}, "timeout", "ann#1", down},
		"nobody answered": {func(r *rig) { r.unwatched(r.begin("ann")) }, "timeout", "ann#1", nil},
		"approved after an outage": {func(r *rig) {
			r.org.onPoll = failing(down)
			v := r.begin("ann")
			r.polled(v)
			r.org.approve(v)
			time.Sleep(2 * interval)
			r.unwatched(v)
		}, "success", "ann", nil},
		"left during an outage": {func(r *rig) {
			r.org.onPoll = func(int) error { return down }
			v := r.begin("ann")
			r.polled(v)
			r.Cancel(context.Background(), v.ID, site)
		}, "abandoned", "ann#1", down},
	} {
		t.Run(name, func(t *testing.T) {
			within(t, transaction.Config{}, func(r *rig) {
				c.do(r)
				if len(r.heard.ended) != 1 {
					t.Fatalf("%d endings, want 1", len(r.heard.ended))
				}
				got := r.heard.ended[0]
				if got.Result != c.result || got.Person != c.person || got.Client != client(t, "203.0.113.7") {
					t.Errorf("heard %q of %q, want %q of %q", got.Result, got.Person, c.result, c.person)
				}
				if c.cause == nil != (got.Cause == nil) || !errors.Is(got.Cause, c.cause) {
					t.Errorf("cause %v, want %v", got.Cause, c.cause)
				}
			})
		})
	}
}
