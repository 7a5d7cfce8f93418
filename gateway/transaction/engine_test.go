package transaction

import (
	"context"
	"sync"
	"testing"
	"time"

	"sidegate.example/sidegate/flows"
)

// odd is an engine that Go cannot compare.
type odd struct {
	idle
	hidden []byte
}

// flowOf is the engine of the name "org" as a sign-in would find it.
func flowOf(m *Manager) flows.Flow { return m.engine("org").flow }

// A gate says which engine is its own with every request: that must not stop the others.
func TestSetEngineAgainTakesNoExclusiveLock(t *testing.T) {
	m := NewManager(Config{})
	defer m.Close()
	flow := &idle{}
	m.SetEngine("org", flow, nil)
	m.mu.RLock()
	done := make(chan struct{})
	go func() {
		defer close(done)
		m.SetEngine("org", flow, nil)
	}()
	select {
	case <-done:
	case <-time.After(10 * time.Second):
		t.Error("it waits for those who read")
	}
	m.mu.RUnlock()
	if allocs := testing.AllocsPerRun(100, func() { m.SetEngine("org", flow, nil) }); allocs != 0 {
		t.Errorf("%v allocations, want none", allocs)
	}
}

// One that Go cannot compare is set each time, without a panic, and another one always.
func TestSetEngineTakesEveryOther(t *testing.T) {
	m := NewManager(Config{})
	defer m.Close()
	first, second := &idle{}, &odd{}
	for _, f := range []flows.Flow{first, second, odd{hidden: []byte("1")}, odd{hidden: []byte("2")}, first} {
		m.SetEngine("org", f, nil)
		if o, isOdd := f.(odd); isOdd {
			if got, same := flowOf(m).(odd); !same || string(got.hidden) != string(o.hidden) {
				t.Errorf("the engine is %v, want %v", flowOf(m), o)
			}
		} else if flowOf(m) != f {
			t.Errorf("the engine is %T, want %T", flowOf(m), f)
		}
	}
	heard := &nobodyElse{}
	m.SetEngine("org", first, heard)
	if m.engine("org").observer != heard {
		t.Error("another observer of the same engine was not taken")
	}
}

type nobodyElse struct {
	nobody
	_ int
}

// Many gates at once, while people sign in: for the race detector.
func TestSetEngineFromManyRequests(t *testing.T) {
	m := NewManager(Config{MaxPerAddress: 10_000})
	defer m.Close()
	one, two := &idle{}, &odd{}
	m.SetEngine("org", one, nil)
	var requests sync.WaitGroup
	for i := range 8 {
		requests.Go(func() {
			for range 200 {
				m.SetEngine("org", one, nil)
				if i == 0 {
					m.SetEngine("org", two, nil)
				}
				if _, err := m.Begin(context.Background(), Begin{Engine: "org"}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	requests.Wait()
}
