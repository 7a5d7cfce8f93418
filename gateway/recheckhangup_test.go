package gateway

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"sidegate.example/sidegate/flows"
	"sidegate.example/sidegate/gateway/store"
)

// slowly rotates a renewal, and answers after a while.
type slowly struct {
	*rotating
	by time.Duration
}

func (o *slowly) Recheck(ctx context.Context, c flows.ClientContext, s flows.Standing) (flows.Standing, error) {
	is, err := o.rotating.Recheck(ctx, c, s)
	select {
	case <-time.After(o.by):
		return is, err
	case <-ctx.Done():
		return flows.Standing{}, ctx.Err()
	}
}

// hungUp is a store whose connections are closed.
type hungUp struct {
	store.Turns
	closed atomic.Bool
}

func (h *hungUp) Acquire(ctx context.Context, k store.Kind, id string, hold time.Duration) (store.Turn, error) {
	if h.closed.Load() {
		return store.Turn{}, errors.New("client is closed")
	}
	return h.Turns.Acquire(ctx, k, id, hold)
}

// S54: a replica is shut down in good order while Okta answers a recheck, and a sign-in there keeps Close for its 700 ms. caddymodule closes
// the store 1.5 s after it has begun: what Okta gave until the recheck was told to stop is kept by then.
func TestRecheckDuringAShutDownThatTakesLong_S54(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		state, next := NewState(), NewState()
		defer next.Close()
		way := &hungUp{Turns: next.memory.Turns}
		shared := next.memory
		shared.Turns = way
		flow := &oracle{script: straight(), says: active}
		okta := &slowly{&rotating{oracle: flow, good: bobsFirst}, 1450 * time.Millisecond} // 1.65 s in all
		here := newRechecking(t, state, flow, func(c *Config) { c.Flow, c.Store = okta, shared })
		there := newRechecking(t, next, flow, func(c *Config) { c.Flow = okta })
		here.joinOnce.Do(here.join)
		synctest.Wait()
		here.enter()
		there.cookie = here.cookie
		time.Sleep(15 * time.Minute)
		go here.Handle(nil, here.request(), Facts{ClientIP: clientIP, Secure: true})
		time.Sleep(10 * time.Millisecond)
		time.AfterFunc(1500*time.Millisecond, func() { way.closed.Store(true) })
		time.Sleep(700 * time.Millisecond) // of State.Close in transactions.Close, while a sign-in is with Okta
		state.Close()
		okta.by = 0
		time.Sleep(time.Minute)
		there.want("the request that asks", 200, "staff,finance")
		time.Sleep(time.Second)
		there.want("and the next", 200, "staff,finance")
	})
}
