// Package storetest owns what every store has to hold to, as one suite that all of them run, and starts the servers that
// it needs. Only tests use it.
package storetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"sidegate.example/sidegate/gateway/store"
)

const (
	// long is a time that does not pass during a test, short one that does.
	long  = 5 * time.Minute
	short = 60 * time.Millisecond
	// patience is how long something that has to happen may take: a Sentinel that was itself held up for two seconds, on a busy
	// machine, does nothing for the next 30 (its TILT mode).
	patience = 75 * time.Second
)

// Run holds a store to its word. a and b are two replicas' handles of the same store, which is empty.
func Run(t *testing.T, a, b store.Store) {
	t.Run("budget", func(t *testing.T) { budget(t, a.Budget, b.Budget) })
	t.Run("documents", func(t *testing.T) { documents(t, a.Documents, b.Documents) })
	t.Run("turns", func(t *testing.T) { turns(t, a, b) })
	t.Run("commit once", func(t *testing.T) { commitOnce(t, a, b) })
	t.Run("save", func(t *testing.T) { save(t, a, b) })
	t.Run("changes", func(t *testing.T) { changes(t, a, b) })
	t.Run("revocations", func(t *testing.T) { revocations(t, a.Revocations, b.Revocations) })
}

// Eventually waits until ok.
func Eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	every := time.NewTicker(5 * time.Millisecond)
	defer every.Stop()
	for over := time.Now().Add(patience); !ok(); <-every.C {
		if time.Now().After(over) {
			t.Fatalf("%s: not within %v", what, patience)
		}
	}
}

// S63, S78: replicas share one budget.
func budget(t *testing.T, a, b store.Budget) {
	ctx := t.Context()
	take := func(in store.Budget, key string, limit int, window time.Duration) time.Duration {
		t.Helper()
		wait, err := in.Take(ctx, key, limit, window)
		if err != nil {
			t.Fatal(err)
		}
		return wait
	}
	var counted atomic.Int32
	var wg sync.WaitGroup
	for i := range 40 {
		wg.Go(func() {
			if wait, err := []store.Budget{a, b}[i%2].Take(ctx, "code/00u1", 3, long); err == nil && wait == 0 {
				counted.Add(1)
			}
		})
	}
	wg.Wait()
	if counted.Load() != 3 {
		t.Errorf("%d of 40 were counted at once on two replicas, want 3", counted.Load())
	}
	if wait := take(b, "code/00u1", 3, long); wait <= 0 || wait > long {
		t.Errorf("the next waits %v", wait)
	}
	if wait, err := a.Wait(ctx, "code/00u1", 3, long); err != nil || wait <= 0 || wait > long {
		t.Errorf("Wait is %v, %v", wait, err)
	}
	if wait := take(b, "code/00u2", 3, long) + take(b, "send/00u1", 3, long); wait != 0 {
		t.Error("somebody else, or something else, waits")
	}
	if wait := take(a, "code/00u1", 0, long); wait != long {
		t.Errorf("a limit of nothing waits %v", wait)
	}
	if err := a.Return(ctx, "code/00u1"); err != nil {
		t.Fatal(err)
	}
	if take(b, "code/00u1", 3, long) != 0 || take(a, "code/00u1", 3, long) == 0 {
		t.Error("one was returned, and not one more can be counted")
	}
	if err := b.Reset(ctx, "code/00u1"); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if take(a, "code/00u1", 3, long) != 0 {
			t.Error("after Reset something is left")
		}
	}
	if a.Return(ctx, "none/x") != nil || a.Reset(ctx, "none/x") != nil {
		t.Error("to return or reset what is not there fails")
	}
	name := "password/" + strings.Repeat("x", 1000)
	take(a, name+"1", 1, long)
	if take(a, name+"1", 1, long) == 0 || take(a, name+"2", 1, long) != 0 {
		t.Error("long keys are not told apart to their last byte (S72)")
	}
	take(a, "slide/a", 1, short)
	Eventually(t, "the window has passed", func() bool { return take(b, "slide/a", 1, short) == 0 })
	for range 3 { // a site with a shorter window makes one with a longer one forget nothing
		take(a, "send/b", 3, long)
	}
	take(a, "send/b", 1, time.Millisecond)
	if wait, _ := b.Wait(ctx, "send/b", 3, long); wait <= 0 {
		t.Error("a shorter window made forget what a longer one counts")
	}
	n := 0
	for range store.MaxEvents + 10 {
		if take(a, "many/a", 1_000_000, long) == 0 {
			n++
		}
	}
	if n != store.MaxEvents {
		t.Errorf("%d were counted, want no more than %d", n, store.MaxEvents)
	}
}

func documents(t *testing.T, a, b store.Documents) {
	ctx := t.Context()
	put := func(kind store.Kind, id, doc string, ttl time.Duration) {
		t.Helper()
		if err := a.Put(ctx, kind, id, []byte(doc), ttl); err != nil {
			t.Fatal(err)
		}
	}
	gone := func(kind store.Kind, id string) bool {
		t.Helper()
		_, err := b.Get(ctx, kind, id)
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			t.Fatal(err)
		}
		return err != nil
	}
	big := string(bytes.Repeat([]byte{0, 255, '\r', '\n'}, 64<<10))
	put(store.Posts, "a", "zero", long)
	put(store.Posts, "a", big, long)
	if got, err := b.Get(ctx, store.Posts, "a"); string(got) != big || err != nil {
		t.Errorf("Get: %d bytes, %v, want %d", len(got), err, len(big))
	}
	if !gone(store.Handovers, "a") || !gone(store.Posts, "A") || !gone(store.Posts, "") {
		t.Error("another kind or id has the document")
	}
	put(store.Posts, "brief", "x", short)
	Eventually(t, "its time is over", func() bool { return gone(store.Posts, "brief") })
	put(store.Posts, "empty", "", long)
	if got, err := b.Get(ctx, store.Posts, "empty"); len(got) != 0 || err != nil {
		t.Errorf("an empty document is %q, %v", got, err)
	}
	if err := b.Delete(ctx, store.Posts, "empty"); err != nil || !gone(store.Posts, "empty") || b.Delete(ctx, store.Posts, "empty") != nil {
		t.Errorf("Delete: %v", err)
	}

	put(store.Handovers, "once", "one", long)
	var taken atomic.Int32
	var wg sync.WaitGroup
	for i := range 20 {
		wg.Go(func() {
			if doc, err := []store.Documents{a, b}[i%2].Take(ctx, store.Handovers, "once"); err == nil && string(doc) == "one" {
				taken.Add(1)
			} else if !errors.Is(err, store.ErrNotFound) {
				t.Errorf("Take: %q, %v", doc, err)
			}
		})
	}
	wg.Wait()
	if taken.Load() != 1 {
		t.Errorf("taken %d times", taken.Load())
	}

	var want, got []string
	for i := range 50 {
		want = append(want, fmt.Sprint("session ", i))
		put(store.Sessions, fmt.Sprint(i), want[i], long)
	}
	for doc, err := range b.All(ctx, store.Sessions) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, string(doc))
	}
	slices.Sort(want)
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("All is %q", got)
	}
	for range b.All(ctx, store.Sessions) {
		break
	}
}

// follow collects what is told until the test ends.
func follow[T any](t *testing.T, run func(context.Context, func(T))) (got func() []T) {
	ctx, cancel := context.WithCancel(context.Background())
	var mu sync.Mutex
	var all []T
	var wg sync.WaitGroup
	wg.Go(func() {
		run(ctx, func(v T) {
			mu.Lock()
			defer mu.Unlock()
			all = append(all, v)
		})
	})
	t.Cleanup(func() { cancel(); wg.Wait() })
	return func() []T {
		mu.Lock()
		defer mu.Unlock()
		return slices.Clone(all)
	}
}

// S44, S45: no replica misses a revocation, whenever it came.
func revocations(t *testing.T, a, b store.Revocations) {
	ctx := t.Context()
	now := time.Now().Truncate(time.Second)
	one := store.Revocation{Session: "0011223344556677", Until: now.Add(long)}
	all := store.Revocation{Subject: "00u1", Before: now, Until: now.Add(2 * long)}
	over := store.Revocation{Session: "over", Until: now.Add(-time.Second)}
	for _, r := range []store.Revocation{over, one} {
		if err := a.Revoke(ctx, r); err != nil {
			t.Fatal(err)
		}
	}
	has := func(got []store.Revocation, want store.Revocation) bool {
		return slices.ContainsFunc(got, func(r store.Revocation) bool {
			return r.Session == want.Session && r.Subject == want.Subject && r.Before.Equal(want.Before) && r.Until.Equal(want.Until)
		})
	}
	of := func(v store.Revocations) func(context.Context, func(store.Revocation)) {
		return func(ctx context.Context, apply func(store.Revocation)) {
			v.Follow(ctx, apply, func() { t.Error("what is kept is said to be unreadable") })
		}
	}
	onA, onB := follow(t, of(a)), follow(t, of(b))
	for _, got := range []func() []store.Revocation{onA, onB} {
		Eventually(t, "all were read", func() bool { return has(got(), store.Revocation{}) })
		if read := got(); !has(read, one) || has(read, all) {
			t.Errorf("read at the start: %v", read)
		}
	}
	if err := a.Revoke(ctx, all); err != nil {
		t.Fatal(err)
	}
	Eventually(t, "told", func() bool { return has(onA(), all) && has(onB(), all) })
	late := follow(t, of(b))
	Eventually(t, "read by who comes late", func() bool { return has(late(), all) && has(late(), one) && has(late(), store.Revocation{}) })
	if has(late(), over) {
		t.Error("a revocation that is over is kept")
	}
}
