package transaction

import (
	"context"
	"fmt"
	"testing"
	"time"

	"sidegate.example/sidegate/flows"
	"sidegate.example/sidegate/gateway/identity"
)

// idle is an org where nothing ever happens, at once.
type idle struct{ flows.Flow }

var pushed = flows.Step{Kind: flows.KindWait, Factor: identity.Push, Wait: &flows.Wait{Interval: 4 * time.Second}}

func (idle) Start(context.Context, flows.ClientContext, string, flows.Answer) (flows.State, flows.Step, error) {
	return flows.State("state"), pushed, nil
}

func (idle) Poll(_ context.Context, _ flows.ClientContext, s flows.State) (flows.State, flows.Step, error) {
	return s, pushed, nil
}

// BenchmarkPoll is what one poll costs beside the engine's call, with 10,000 others waiting: from the timer
// to the timer. At 2,500 polls/s, the budget of 8 us is 2 % of a core.
func BenchmarkPoll(b *testing.B) {
	m := NewManager(Config{})
	defer m.Close()
	m.SetEngine("org", 1, idle{}, nil)
	var all []*txn
	for i := range 10_000 {
		c, err := flows.NewClientContext(fmt.Sprintf("198.18.%d.%d", i>>8, i&255), "", "", "")
		if err != nil {
			b.Fatal(err)
		}
		v, err := m.Begin(context.Background(), Begin{Engine: "org", Client: c})
		if err != nil {
			b.Fatal(err)
		}
		t := m.byID[v.ID]
		t.watchers = 1
		all = append(all, t)
	}
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		t := all[i%len(all)]
		i++
		t.mu.Lock()
		t.nextPoll = time.Time{}
		t.queued = true // as due leaves it
		t.mu.Unlock()
		m.poll(t)
	}
}
