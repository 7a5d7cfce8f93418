package store

import (
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

func TestDocumentsLiveForTheirTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, ctx := new(Memory), t.Context()
		doc := []byte("one")
		if err := m.Put(ctx, Posts, "a", doc, time.Minute); err != nil {
			t.Fatal(err)
		}
		doc[0] = 'X' // whoever put it goes on using the bytes
		if got, err := m.Get(ctx, Posts, "a"); string(got) != "one" || err != nil {
			t.Errorf("Get is %q, %v", got, err)
		}
		if got, err := m.Get(ctx, Handovers, "a"); !errors.Is(err, ErrNotFound) {
			t.Errorf("of another kind: %q, %v", got, err)
		}
		_ = m.Put(ctx, Posts, "b", []byte("two"), time.Hour)
		time.Sleep(time.Minute)
		if got, err := m.Get(ctx, Posts, "a"); !errors.Is(err, ErrNotFound) {
			t.Errorf("after its time: %q, %v", got, err)
		}
		var all []string
		for doc, err := range m.All(ctx, Posts) {
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, string(doc))
		}
		if !slices.Equal(all, []string{"two"}) {
			t.Errorf("All is %q", all)
		}
		_ = m.Delete(ctx, Posts, "b")
		_ = m.Delete(ctx, Posts, "b")
		if _, err := m.Get(ctx, Posts, "b"); !errors.Is(err, ErrNotFound) {
			t.Errorf("deleted: %v", err)
		}
	})
}

// A hand-over or a kept request is good once, however many ask for it at the same time.
func TestDocumentIsTakenOnce(t *testing.T) {
	m, ctx := new(Memory), t.Context()
	_ = m.Put(ctx, Handovers, "a", []byte("one"), time.Minute)
	var taken atomic.Int32
	var wg sync.WaitGroup
	for range 50 {
		wg.Go(func() {
			if doc, err := m.Take(ctx, Handovers, "a"); err == nil && string(doc) == "one" {
				taken.Add(1)
			}
		})
	}
	wg.Wait()
	if taken.Load() != 1 {
		t.Errorf("taken %d times", taken.Load())
	}
}
