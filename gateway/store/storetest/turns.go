package storetest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"sidegate.example/sidegate/gateway/store"
)

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func wantErr(t *testing.T, what string, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("%s: %v, want %v", what, err, want)
	}
}

func turns(t *testing.T, a, b store.Store) {
	ctx := t.Context()
	_, err := a.Turns.Acquire(ctx, store.SignIns, "a", long)
	wantErr(t, "a turn at nothing", err, store.ErrNotFound)
	first, err := a.Turns.Begin(ctx, store.SignIns, "a", long)
	must(t, err)
	if first.Revision != 0 || first.Doc != nil {
		t.Errorf("what is yet to be is %+v", first)
	}
	_, err = b.Turns.Begin(ctx, store.SignIns, "a", long)
	wantErr(t, "to begin what another begins", err, store.ErrHeld)
	must(t, a.Turns.Commit(ctx, first, []byte("one"), long, false))
	if doc, err := b.Documents.Get(ctx, store.SignIns, "a"); string(doc) != "one" || err != nil {
		t.Errorf("committed: %q, %v", doc, err)
	}

	// One at a time, on both replicas, and nobody's change is lost.
	var wg sync.WaitGroup
	for i := range 10 {
		turns := []store.Turns{a.Turns, b.Turns}[i%2]
		wg.Go(func() {
			for {
				turn, err := turns.Acquire(ctx, store.SignIns, "a", long)
				if errors.Is(err, store.ErrHeld) {
					continue
				}
				if err != nil {
					t.Error(err)
					return
				}
				if err := turns.Commit(ctx, turn, append(turn.Doc, '+'), long, false); err != nil {
					t.Error(err)
				}
				return
			}
		})
	}
	wg.Wait()
	if doc, _ := a.Documents.Get(ctx, store.SignIns, "a"); string(doc) != "one++++++++++" {
		t.Errorf("ten changes left %q", doc)
	}

	turn, err := a.Turns.Acquire(ctx, store.SignIns, "a", long)
	must(t, err)
	_, err = b.Turns.Acquire(ctx, store.SignIns, "a", long)
	wantErr(t, "while another has the turn", err, store.ErrHeld)
	must(t, a.Turns.Release(ctx, turn))
	must(t, a.Turns.Release(ctx, turn))
	again, err := b.Turns.Acquire(ctx, store.SignIns, "a", long)
	must(t, err)
	if again.Revision != turn.Revision || string(again.Doc) != string(turn.Doc) {
		t.Errorf("a released turn changed %d %q to %d %q", turn.Revision, turn.Doc, again.Revision, again.Doc)
	}
	must(t, a.Turns.Release(ctx, turn)) // somebody else's by now
	_, err = a.Turns.Acquire(ctx, store.SignIns, "a", long)
	wantErr(t, "after an old turn was released once more", err, store.ErrHeld)
	must(t, b.Turns.Release(ctx, again))

	// A replica that died.
	dead, err := a.Turns.Acquire(ctx, store.SignIns, "a", short)
	must(t, err)
	var next store.Turn
	Eventually(t, "the dead one's turn is over", func() bool {
		next, err = b.Turns.Acquire(ctx, store.SignIns, "a", long)
		return err == nil
	})
	must(t, b.Turns.Commit(ctx, next, []byte("two"), long, false))
	wantErr(t, "the late one's commit", a.Turns.Commit(ctx, dead, []byte("late"), long, false), store.ErrLost)
	if doc, _ := b.Documents.Get(ctx, store.SignIns, "a"); string(doc) != "two" {
		t.Errorf("the late one left %q", doc)
	}

	// One that was late, and nobody came meanwhile.
	late, err := a.Turns.Acquire(ctx, store.SignIns, "a", time.Millisecond)
	must(t, err)
	Eventually(t, "its turn is over", func() bool {
		turn, err := b.Turns.Acquire(ctx, store.SignIns, "a", time.Millisecond)
		if err == nil {
			must(t, b.Turns.Release(ctx, turn))
		}
		return err == nil
	})
	must(t, a.Turns.Commit(ctx, late, []byte("three"), short, false))
	Eventually(t, "its time is over", func() bool {
		_, err := b.Turns.Acquire(ctx, store.SignIns, "a", long)
		return errors.Is(err, store.ErrNotFound)
	})
}

// After a lost answer the same Commit comes again; after a Delete, never.
func commitOnce(t *testing.T, a, b store.Store) {
	ctx := t.Context()
	turn, err := a.Turns.Begin(ctx, store.SignIns, "b", long)
	must(t, err)
	must(t, a.Turns.Commit(ctx, turn, []byte("one"), long, false))
	must(t, a.Turns.Commit(ctx, turn, []byte("one"), long, false))
	turn, err = b.Turns.Acquire(ctx, store.SignIns, "b", long)
	must(t, err)
	if turn.Revision != 1 {
		t.Errorf("committed twice is revision %d", turn.Revision)
	}
	must(t, a.Documents.Put(ctx, store.SignIns, "b", []byte("other"), long))
	wantErr(t, "after a Put", b.Turns.Commit(ctx, turn, []byte("two"), long, false), store.ErrLost)
	turn, err = b.Turns.Acquire(ctx, store.SignIns, "b", long)
	must(t, err)
	if doc, err := a.Documents.Take(ctx, store.SignIns, "b"); string(doc) != "other" || err != nil {
		t.Errorf("taken: %q, %v", doc, err)
	}
	wantErr(t, "after it was taken", b.Turns.Commit(ctx, turn, []byte("two"), long, false), store.ErrNotFound)
	if _, err := a.Documents.Get(ctx, store.SignIns, "b"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("what was taken is back: %v", err)
	}
}

// What is saved in the middle of a turn is there if the turn's end never comes.
func save(t *testing.T, a, b store.Store) {
	ctx := t.Context()
	begun, err := a.Turns.Begin(ctx, store.SignIns, "s", long)
	must(t, err)
	told := follow(t, func(ctx context.Context, f func(store.Change)) { b.Turns.Changes(ctx, store.SignIns, f) })
	Eventually(t, "told that all may have changed", func() bool { return slices.Contains(told(), store.Change{}) })
	begun.Saves = 1
	must(t, a.Turns.Save(ctx, begun, []byte("half"), long))
	begun.Saves = 2
	must(t, a.Turns.Save(ctx, begun, []byte("two thirds"), long))
	if doc, err := b.Documents.Get(ctx, store.SignIns, "s"); string(doc) != "two thirds" || err != nil {
		t.Errorf("saved: %q, %v", doc, err)
	}
	_, err = b.Turns.Acquire(ctx, store.SignIns, "s", long)
	wantErr(t, "in the middle of another's turn", err, store.ErrHeld)
	must(t, a.Turns.Commit(ctx, begun, []byte("whole"), long, true))
	must(t, a.Turns.Commit(ctx, begun, []byte("whole"), long, true))
	Eventually(t, "told of the commit", func() bool { return slices.Contains(told(), store.Change{ID: "s", Revision: begun.Committed()}) })
	if n := len(told()); n != 2 {
		t.Errorf("told %d times: %v", n, told())
	}

	dead, err := a.Turns.Acquire(ctx, store.SignIns, "s", short)
	must(t, err)
	if string(dead.Doc) != "whole" || dead.Revision != begun.Committed() {
		t.Errorf("committed after a Save: %d %q", dead.Revision, dead.Doc)
	}
	dead.Saves = 1
	must(t, a.Turns.Save(ctx, dead, []byte("last words"), long))
	var next store.Turn
	Eventually(t, "the dead one's turn is over", func() bool {
		next, err = b.Turns.Acquire(ctx, store.SignIns, "s", long)
		return err == nil
	})
	if string(next.Doc) != "last words" || next.Revision != dead.Saved() {
		t.Errorf("a dead one left %d %q", next.Revision, next.Doc)
	}
	next.Saves = 1
	must(t, b.Turns.Save(ctx, next, []byte("other"), long))
	wantErr(t, "the late one's save", a.Turns.Save(ctx, dead, []byte("late"), long), store.ErrLost)
	wantErr(t, "the late one's commit", a.Turns.Commit(ctx, dead, []byte("late"), long, false), store.ErrLost)
	if doc, err := b.Documents.Take(ctx, store.SignIns, "s"); string(doc) != "other" || err != nil {
		t.Errorf("taken: %q, %v", doc, err)
	}
	wantErr(t, "a save of what was taken", b.Turns.Save(ctx, next, []byte("back"), long), store.ErrNotFound)
	wantErr(t, "a commit of what was taken", b.Turns.Commit(ctx, next, []byte("back"), long, false), store.ErrNotFound)
}

func changes(t *testing.T, a, b store.Store) {
	ctx := t.Context()
	got := follow(t, func(ctx context.Context, f func(store.Change)) { b.Turns.Changes(ctx, store.SignIns, f) })
	Eventually(t, "told that all may have changed", func() bool { return slices.Contains(got(), store.Change{}) })
	var want []string
	for i := range 20 {
		id := fmt.Sprint("c", i)
		turn, err := a.Turns.Begin(ctx, store.SignIns, id, long)
		must(t, err)
		must(t, a.Turns.Commit(ctx, turn, []byte("one"), long, i%2 == 0))
		if i%2 == 0 {
			want = append(want, id)
		}
	}
	must(t, a.Documents.Put(ctx, store.Posts, "p", []byte("x"), long))
	must(t, a.Documents.Delete(ctx, store.Posts, "p")) // another kind
	must(t, a.Documents.Delete(ctx, store.SignIns, "c1"))
	want = append(want, "c1")
	slices.Sort(want)
	told := func() []string { // in no order: a cluster has several sources
		var ids []string
		for _, c := range got() {
			if (c.Revision == 0) != (c.ID == "" || c.ID == "c1") || c.Revision > 1 {
				t.Errorf("told of %+v", c)
			}
			if c.ID != "" {
				ids = append(ids, c.ID)
			}
		}
		slices.Sort(ids)
		return ids
	}
	Eventually(t, "told of every change", func() bool { return len(told()) >= len(want) })
	if told := told(); !slices.Equal(told, want) {
		t.Errorf("told of %q, want %q", told, want)
	}
}
