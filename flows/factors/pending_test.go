package factors_test

import (
	"container/heap"
	"errors"
	"fmt"
	"net/http"
	"testing"
	"time"

	"sidegate.example/sidegate/flows"
	"sidegate.example/sidegate/flows/factors"
	"sidegate.example/sidegate/flows/okta/access"
	"sidegate.example/sidegate/oktasim"
)

// waiter is one person of the crowd, and when something is due for them.
type waiter struct {
	login    string
	due      time.Time
	state    flows.State
	step     flows.Step
	approved time.Time
}

type queue []*waiter

func (q queue) Len() int           { return len(q) }
func (q queue) Less(i, j int) bool { return q[i].due.Before(q[j].due) }
func (q queue) Swap(i, j int)      { q[i], q[j] = q[j], q[i] }
func (q *queue) Push(x any)        { *q = append(*q, x.(*waiter)) }
func (q *queue) Pop() any {
	old := *q
	x := old[len(old)-1]
	*q = old[:len(old)-1]
	return x
}

// crowd plays people through, on a clock of its own.
type crowd struct {
	*simulated
	queue   queue
	pending int
	lost    []string
	took    []time.Duration // from the answer on the phone to the end
	slow    int             // steps that tell the person why it takes long
}

// next does what is due for w; it comes back when Okta's limits or the engine's own interval say.
func (c *crowd) next(w *waiter, until func() time.Time) {
	again := func(after time.Duration) {
		w.due = c.now().Add(after + after/20)
		heap.Push(&c.queue, w)
	}
	var state flows.State
	var step flows.Step
	var err error
	switch w.step.Kind {
	case "":
		state, step, err = c.engine.Start(c.Context(), c.cc, "", flows.Answer{Values: map[string]string{flows.FieldIdentifier: w.login}})
	case flows.KindChoose:
		state, step, err = c.engine.Advance(c.Context(), c.cc, w.state, flows.Answer{Choice: w.step.Choices[0].ID})
	default:
		state, step, err = c.engine.Poll(c.Context(), c.cc, w.state)
	}
	if failed := new(flows.Error); errors.As(err, &failed) {
		if failed.Reason != flows.ReasonRateLimited {
			c.Fatalf("%s: %v", w.login, err)
		}
		again(max(failed.RetryAfter, time.Second))
		return
	}
	began := w.step.Kind != flows.KindWait && step.Kind == flows.KindWait
	w.state, w.step = state, step
	switch {
	case step.Kind == flows.KindDone:
		c.took = append(c.took, c.now().Sub(w.approved))
	case step.Kind == flows.KindDenied:
		c.lost = append(c.lost, fmt.Sprintf("%s: %s", w.login, step.Denied.Reason))
	case step.Kind == flows.KindWait:
		if began {
			c.pending++
			w.approved = until()
		}
		if len(step.Messages) > 0 {
			c.slow++
		}
		again(step.Wait.Interval)
	default:
		again(time.Second)
	}
}

// 500 people wait for their phones at once, under one API token of 600 calls a minute. They share it: everybody gets in,
// Okta hardly ever has to say 429, and the page says why it takes a while.
func TestFiveHundredPendingPushes(t *testing.T) {
	const people, ramp = 500, 200 * time.Second
	s := newSimulated(t, withToken, func(sim *oktasim.Config, _ *access.Config, cfg *factors.Config) {
		cfg.Primary, cfg.Factors = factors.PrimaryIdentity, nil
		sim.Tokens[0].RateLimit = 600
		sim.NoRecord = true
		sim.RateLimit = 1 << 30
		sim.Users = nil
		for i := range people {
			sim.Users = append(sim.Users, oktasim.User{Login: fmt.Sprintf("u%d@x.example", i), Password: "x", Device: "Pixel", Methods: []string{"push"}})
		}
	})
	refused := 0
	begin := s.now()
	inner := s.srv.Config.Handler
	s.srv.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		inner.ServeHTTP(&counting{w, &refused}, r)
	})
	c := &crowd{simulated: s}
	for i := range people {
		c.queue = append(c.queue, &waiter{login: fmt.Sprintf("u%d@x.example", i), due: begin.Add(time.Duration(i) * ramp / people)})
	}
	heap.Init(&c.queue)
	most, answered := 0, map[string]bool{}
	for c.queue.Len() > 0 {
		w := heap.Pop(&c.queue).(*waiter)
		if d := w.due.Sub(s.now()); d > 0 {
			s.later(d)
		}
		if !w.approved.IsZero() && !s.now().Before(w.approved) && !answered[w.login] {
			answered[w.login] = true
			for _, p := range s.org.Pushes(w.login) {
				if err := s.org.Tap(p.ID, w.step.Wait.Number); err != nil {
					t.Fatal(err)
				}
			}
		}
		// Nobody answers before nearly all wait; then everybody does, within half a minute.
		c.next(w, func() time.Time {
			at := begin.Add(ramp + 20*time.Second + time.Duration(c.pending)*30*time.Second/people)
			if least := s.now().Add(5 * time.Second); at.Before(least) {
				return least
			}
			return at
		})
		most = max(most, c.pending-len(c.took)-len(c.lost))
	}
	longest, sum := time.Duration(0), time.Duration(0)
	for _, d := range c.took {
		longest, sum = max(longest, d), sum+d
	}
	t.Logf("%d signed in, %d lost, %d waited at once, %d answers of 429 in %v; from the answer to the page %v on average, %v at most; %d pages said why",
		len(c.took), len(c.lost), most, refused, s.now().Sub(begin).Round(time.Second), (sum / people).Round(time.Second), longest.Round(time.Second), c.slow)
	if len(c.took) != people || most < 450 || refused > 5 || longest > 2*time.Minute || c.slow == 0 {
		t.Errorf("that is too few, too late or too much; lost: %v", c.lost)
	}
}

// counting counts the answers of 429.
type counting struct {
	http.ResponseWriter
	refused *int
}

func (c *counting) WriteHeader(status int) {
	if status == http.StatusTooManyRequests {
		*c.refused++
	}
	c.ResponseWriter.WriteHeader(status)
}
