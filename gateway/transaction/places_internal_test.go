package transaction

import (
	"context"
	"testing"

	"sidegate.example/sidegate/flows"
)

// refusing is an org where every password is wrong.
type refusing struct{ flows.Flow }

func (refusing) Start(context.Context, flows.ClientContext, string, flows.Answer) (flows.State, flows.Step, error) {
	return flows.State("state"), flows.Step{Kind: flows.KindIdentify}, nil
}

func (refusing) Cancel(context.Context, flows.ClientContext, flows.State) error { return nil }

// What is forgotten leaves nothing behind: who attacks would fill the memory with it.
func TestPlacesKeepNothingOfTheForgotten(t *testing.T) {
	m := NewManager(Config{})
	defer m.Close()
	m.SetEngine("org", 1, refusing{}, nil)
	for range 10 {
		v, err := m.Begin(context.Background(), Begin{Engine: "org"})
		if err != nil {
			t.Fatal(err)
		}
		all, here := m.places.vain.Len(), m.places.byOrigin[origin{}].vain.Len()
		if all != 1 || here != 1 {
			t.Fatalf("%d are queued, and %d of the address; want 1 and 1", all, here)
		}
		m.Cancel(context.Background(), v.ID, "")
	}
	if p := &m.places; p.taken != 0 || len(p.byOrigin) != 0 || p.vain.Len() != 0 {
		t.Errorf("%d places, %d addresses and %d queued are left", p.taken, len(p.byOrigin), p.vain.Len())
	}
}

// Between being chosen to make room and being asked to, a person may have gone on.
func TestEvictSparesWhoHasGoneOn(t *testing.T) {
	m := NewManager(Config{})
	defer m.Close()
	m.SetEngine("org", 1, idle{}, nil)
	v, err := m.Begin(context.Background(), Begin{Engine: "org"})
	if err != nil {
		t.Fatal(err)
	}
	m.evict(m.byID[v.ID])
	if _, err := m.Get(context.Background(), v.ID, ""); err != nil {
		t.Error("somebody who waits for a push was sent away")
	}
}
