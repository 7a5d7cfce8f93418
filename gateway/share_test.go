package gateway

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"sidegate.example/sidegate/gateway/store"
)

// The newest configuration that serves decides on the store, and when it is gone the one before does; what a store that
// is not in use any more tells counts for nothing.
func TestTheServingConfigurationNamesTheStore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := NewState()
		defer s.Close()
		a, b := store.NewMemory(), store.NewMemory()
		in := func(want store.Store, name string) {
			t.Helper()
			if s.current() != want {
				t.Errorf("the store is not %s", name)
			}
		}
		in(s.memory, "memory")
		s.use(3, a)
		in(a, "a")
		s.use(2, b) // an older configuration's first request comes late
		in(a, "a")
		s.use(5, b)
		in(b, "b")
		if err := s.documents.Put(t.Context(), store.Posts, "p", []byte("x"), time.Hour); err != nil {
			t.Fatal(err)
		}
		if doc, err := b.Documents.Get(t.Context(), store.Posts, "p"); string(doc) != "x" {
			t.Errorf("b has %q, %v", doc, err)
		}
		revoke := func(in store.Store, session string) {
			_ = in.Revocations.Revoke(t.Context(), store.Revocation{Session: session, Until: time.Now().Add(time.Hour)})
			synctest.Wait()
		}
		revoke(a, "one")
		if n := s.revocations.Len(); n != 0 {
			t.Errorf("%d revocations of a store that is not in use", n)
		}
		s.leave(5)
		in(a, "a")
		synctest.Wait()
		if n := s.revocations.Len(); n != 1 {
			t.Errorf("%d revocations were read on the way back", n)
		}
		s.leave(3)
		s.leave(2)
		s.leave(1)
		in(b, "b") // the last one stays
	})
}

// silent is a store that is out of reach.
type silent struct{ store.Revocations }

func (silent) Follow(ctx context.Context, _ func(store.Revocation)) { <-ctx.Done() }

// The first request waits for the revocations of other replicas, and not for ever.
func TestFirstRequestWaitsForRevocations(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for name, want := range map[string]time.Duration{"in reach": 0, "out of reach": firstRead} {
			s := NewState()
			shared := store.NewMemory()
			if want > 0 {
				shared.Revocations = silent{}
			}
			_ = shared.Documents.Put(t.Context(), store.Posts, "p", nil, time.Hour)
			began := time.Now()
			s.use(1, shared)
			if took := time.Since(began); took != want {
				t.Errorf("%s: the first request waits %v, want %v", name, took, want)
			}
			s.Close()
		}
	})
}
