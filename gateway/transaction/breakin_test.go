package transaction_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"sidegate.example/sidegate/flows"
	"sidegate.example/sidegate/gateway/store"
	"sidegate.example/sidegate/gateway/transaction"
)

// S74: a push is sent, and the store goes away before it has the sign-in. It is back, and the person cancels before it is kept: that
// the store does not know of it is not because another replica has cancelled it.
func TestS74CancelOfWhatTheStoreDoesNotHaveYet(t *testing.T) {
	together(t, transaction.Config{}, func(r *replicas) {
		r.org.slow(time.Second)
		time.AfterFunc(500*time.Millisecond, r.outage)
		v := r.a.begin("ann")
		r.back()
		if err := r.a.Cancel(context.Background(), v.ID, site); err != nil {
			t.Fatal(err)
		}
		time.Sleep(20 * time.Second)
		synctest.Wait()
		if got := r.org.seen().cancels; got != 1 {
			t.Errorf("%d cancels at Okta, want 1: the push is open", got)
		}
		if got := r.heard.signIns; !slices.Equal(got, []string{"abandoned"}) {
			t.Errorf("heard %q", got)
		}
	})
}

// S74: the store has lost its data, a push is open, and the person cancels, or begins anew: the push does not stay open.
func TestS74CancelOfWhatTheStoreHasLost(t *testing.T) {
	together(t, transaction.Config{}, func(r *replicas) {
		v := r.a.begin("ann")
		m := new(store.Memory) // empty
		r.way[0].Documents, r.way[0].Turns, r.way[1].Documents, r.way[1].Turns = m, m, m, m
		r.back()
		_ = r.a.Cancel(context.Background(), v.ID, site)
		time.Sleep(20 * time.Second)
		synctest.Wait()
		if got := r.org.seen().cancels; got != 1 {
			t.Errorf("%d cancels at Okta, want 1: the push is open", got)
		}
	})
}

// A success is known here and not yet in the store, which has what was kept ahead of it: a cancel does not count the sign-in twice.
func TestCancelDoesNotGoBackToWhatWasKeptAhead(t *testing.T) {
	together(t, transaction.Config{}, func(r *replicas) {
		v := r.a.begin("ann")
		defer r.a.watch(v).Close()
		r.org.script(func(o *org) { o.onKept = r.outage })
		r.org.approve(v)
		time.Sleep(interval * 11 / 10)
		synctest.Wait()
		r.a.wantKind(r.a.get(v), flows.KindDone)
		r.back()
		_ = r.a.Cancel(context.Background(), v.ID, site)
		time.Sleep(time.Second)
		synctest.Wait()
		if got := fmt.Sprint(r.heard.signIns, r.org.seen().cancels); got != "[success] 0" {
			t.Errorf("heard %s", got)
		}
	})
}

// far is a store that a request takes a while to get to.
type far struct {
	*reach
	by time.Duration
}

func (f far) Release(ctx context.Context, t store.Turn) error {
	select {
	case <-time.After(f.by):
		return f.reach.Release(ctx, t)
	case <-ctx.Done():
		return ctx.Err()
	}
}

// A replica is shut down while a person's click is with Okta, and the store's connections are closed as soon as Close has returned, as
// caddymodule does: the turn was given back by then.
func TestShutDownDuringAClickGivesTheTurnBack(t *testing.T) {
	together(t, transaction.Config{}, func(r *replicas) {
		way := far{r.way[0], 5 * time.Millisecond}
		r.a.Use(&store.Store{Documents: way, Turns: way})
		v := r.a.begin("ann")
		r.org.slow(5 * time.Second)
		clicked := make(chan struct{})
		go func() {
			defer close(clicked)
			_, _ = r.a.answer(v, choose("totp"))
		}()
		time.Sleep(time.Second)
		r.a.Close()
		r.way[0].down.Store(true)
		r.org.slow(0)
		began := time.Now()
		_, err := r.b.answer(r.b.get(v), choose("totp"))
		if took := time.Since(began); err != nil || took > time.Second {
			t.Errorf("the click on the other replica took %v: %v", took, err)
		}
		<-clicked
	})
}

// A replica is shut down while Okta's last answer to a sign-in comes in: what came is not thrown away, for nobody gets it twice.
func TestShutDownKeepsWhatOktaHasSaid(t *testing.T) {
	together(t, transaction.Config{}, func(r *replicas) {
		v := r.a.begin("ann")
		defer r.a.watch(v).Close()
		r.org.script(func(o *org) {
			o.onKept = func() {
				go r.a.Close()
				time.Sleep(10 * time.Millisecond)
			}
		})
		r.org.approve(v)
		time.Sleep(interval * 11 / 10)
		synctest.Wait()
		r.b.wantKind(r.b.get(v), flows.KindDone)
	})
}

// A sign-in began here in vain and has gone on at another replica, where the person has proved something and waits for a phone. That
// this one needs its place, for somebody behind the same address, ends nothing there.
func TestRoomIsNotMadeOfWhoHasGoneOnElsewhere(t *testing.T) {
	together(t, transaction.Config{MaxPerAddress: 1}, func(r *replicas) {
		r.org.script(func(o *org) {
			o.onStart = func(flows.Answer) (flows.Step, error) { return refused(""), nil }
		})
		v := r.a.begin("ann")
		on, err := r.b.answer(r.b.get(v), choose("push"))
		if err != nil {
			t.Fatal(err)
		}
		r.b.wantKind(on, flows.KindWait)
		synctest.Wait()
		r.a.begin("eve")
		synctest.Wait()
		if _, ok := r.b.Get(v.ID, site); !ok {
			t.Errorf("the sign-in that waits for a phone is gone; Okta saw %+v", r.org.seen())
		}
	})
}
