package store

import (
	"errors"
	"slices"
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
