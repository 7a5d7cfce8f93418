package transaction_test

import (
	"context"
	"fmt"
	"runtime"
	"testing"
	"time"
	"unsafe"

	"sidegate.example/sidegate/flows"
	"sidegate.example/sidegate/gateway/identity"
	"sidegate.example/sidegate/gateway/transaction"
)

// bytesPerTransaction is the budget of performance.md's soak for our part of one waiting browser, beside what
// the flow's State and Step. Measured: 1,150 B with one open Watch, its channel, the timer, the entries of the map and of
// an address of its own, and 150 B of User-Agent, languages and device token.
const bytesPerTransaction = 1100

// still is an org that costs no memory: one State and one Step for all.
type still struct {
	flows.Flow
	state flows.State
	step  flows.Step
}

func (s still) Start(context.Context, flows.ClientContext, string, flows.Answer) (flows.State, flows.Step, error) {
	return s.state, s.step, nil
}

func heap() uint64 {
	runtime.GC()
	runtime.GC() // what the first one freed late
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return stats.HeapAlloc
}

// waiting begins n transactions with a Watch each, every one with an address of its own and one of 300 User-Agents, of which
// browsers say less and less, and returns the bytes that each takes.
func waiting(t testing.TB, n int) float64 {
	m := transaction.NewManager(transaction.Config{})
	defer m.Close()
	m.SetEngine(engine, 1, still{
		state: flows.State("state"),
		step:  flows.Step{Kind: flows.KindWait, Factor: identity.Push, Wait: &flows.Wait{Interval: time.Hour}},
	}, nil)
	tabs := make([]*transaction.Watch, n)
	before := heap()
	for i := range tabs {
		agent := fmt.Sprintf("Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.%d.0 Safari/537.36", i%300)
		c, err := flows.NewClientContext(address(i), agent, "en-GB,en;q=0.9", fmt.Sprintf("device-%d", i))
		if err != nil {
			t.Fatal(err)
		}
		v, err := m.Begin(context.Background(), transaction.Begin{Engine: engine, Site: site, Client: c})
		if err != nil {
			t.Fatal(err)
		}
		tabs[i], _ = m.Watch(context.Background(), v.ID, site)
		tabs[i].Changed()
	}
	per := float64(heap()-before)/float64(n) - float64(unsafe.Sizeof(flows.Step{}))
	runtime.KeepAlive(tabs)
	return per
}

func TestMemoryPerWaitingTransaction(t *testing.T) {
	per := waiting(t, 10_000)
	t.Logf("%.0f B per waiting transaction (budget %d B)", per, bytesPerTransaction)
	if per > bytesPerTransaction {
		t.Errorf("%.0f B per waiting transaction, budget %d B", per, bytesPerTransaction)
	}
}

// BenchmarkWaiting reports the bytes of one waiting transaction; budget 1,100 B.
func BenchmarkWaiting(b *testing.B) {
	var per float64
	for b.Loop() {
		per = waiting(b, 10_000)
	}
	b.ReportMetric(per, "B/transaction")
	b.ReportMetric(0, "ns/op")
}
