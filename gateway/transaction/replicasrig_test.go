package transaction_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"sidegate.example/sidegate/gateway/store"
	"sidegate.example/sidegate/gateway/transaction"
)

// reach is one replica's way to the store that all share.
type reach struct {
	store.Documents
	store.Turns
	down atomic.Bool
	mu   sync.Mutex
	told []func(store.Change)
}

var errDown = errors.New("connection refused")

func (r *reach) Get(ctx context.Context, k store.Kind, id string) ([]byte, error) {
	if r.down.Load() {
		return nil, errDown
	}
	return r.Documents.Get(ctx, k, id)
}

func (r *reach) Take(ctx context.Context, k store.Kind, id string) ([]byte, error) {
	if r.down.Load() {
		return nil, errDown
	}
	return r.Documents.Take(ctx, k, id)
}

func (r *reach) Begin(ctx context.Context, k store.Kind, id string, hold time.Duration) (store.Turn, error) {
	if r.down.Load() {
		return store.Turn{}, errDown
	}
	return r.Turns.Begin(ctx, k, id, hold)
}

func (r *reach) Acquire(ctx context.Context, k store.Kind, id string, hold time.Duration) (store.Turn, error) {
	if r.down.Load() {
		return store.Turn{}, errDown
	}
	return r.Turns.Acquire(ctx, k, id, hold)
}

func (r *reach) Commit(ctx context.Context, t store.Turn, doc []byte, ttl time.Duration, tell bool) error {
	if r.down.Load() {
		return errDown
	}
	return r.Turns.Commit(ctx, t, doc, ttl, tell)
}

func (r *reach) Save(ctx context.Context, t store.Turn, doc []byte, ttl time.Duration) error {
	if r.down.Load() {
		return errDown
	}
	return r.Turns.Save(ctx, t, doc, ttl)
}

func (r *reach) Release(ctx context.Context, t store.Turn) error {
	if r.down.Load() {
		return errDown
	}
	return r.Turns.Release(ctx, t)
}

func (r *reach) Changes(ctx context.Context, k store.Kind, changed func(store.Change)) {
	r.mu.Lock()
	r.told = append(r.told, changed)
	r.mu.Unlock()
	r.Turns.Changes(ctx, k, func(c store.Change) {
		if !r.down.Load() {
			changed(c)
		}
	})
}

// back ends an outage; what was told meanwhile is not told again.
func (r *reach) back() {
	r.down.Store(false)
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, changed := range r.told {
		changed(store.Change{})
	}
}

// replicas are two rigs with one org and one store.
type replicas struct {
	*testing.T
	org   *org
	heard *observer // of both
	a, b  *rig
	way   [2]*reach
}

func (r *replicas) outage() {
	for _, w := range r.way {
		w.down.Store(true)
	}
}

func (r *replicas) back() {
	for _, w := range r.way {
		w.back()
	}
	synctest.Wait()
}

// together runs test with two replicas in a bubble.
func together(t *testing.T, cfg transaction.Config, test func(r *replicas)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		m := new(store.Memory)
		r := &replicas{T: t, org: newOrg(), heard: &observer{}}
		for i, to := range []**rig{&r.a, &r.b} {
			r.way[i] = &reach{Documents: m, Turns: m}
			*to = &rig{T: t, Manager: transaction.NewManager(cfg), org: r.org, heard: r.heard}
			(*to).Use(&store.Store{Documents: r.way[i], Turns: r.way[i]})
			(*to).SetEngine(engine, 1, r.org, r.heard)
			defer (*to).Close()
		}
		synctest.Wait()
		test(r)
		r.org.mu.Lock()
		defer r.org.mu.Unlock()
		if r.org.overlap {
			t.Error("two calls for one State were in flight at the same time")
		}
		if r.org.outdated {
			t.Error("a call was made with a State that had been replaced")
		}
	})
}

func (r *replicas) wantSeen(want counts) {
	r.Helper()
	r.a.wantSeen(want)
}
