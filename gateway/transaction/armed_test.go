package transaction_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"sidegate.example/sidegate/flows"
	"sidegate.example/sidegate/gateway/store"
	"sidegate.example/sidegate/gateway/transaction"
)

// A replica is shut down in the middle of a poll, or while it gets the turn for one: a person's click on another does not wait until
// the time of that turn is over.
func TestShutDownDuringAPollGivesTheTurnBack(t *testing.T) {
	for name, c := range map[string]struct{ turn, okta time.Duration }{"in the middle": {0, 5 * time.Second}, "in the turn": {2 * time.Second, 0}} {
		t.Run(name, func(t *testing.T) {
			together(t, transaction.Config{}, func(r *replicas) {
				r.a.Use(&store.Store{Documents: r.way[0], Turns: &lateReply{Turns: r.way[0], by: c.turn}})
				v := r.a.begin("ann")
				defer r.a.watch(v).Close()
				r.org.slow(c.okta)
				time.Sleep(interval + time.Second)
				r.a.Close()
				r.org.slow(0)
				began := time.Now()
				on, err := r.b.answer(v, choose("totp"))
				if err != nil {
					t.Fatal(err)
				}
				r.b.wantKind(on, flows.KindCode)
				if took := time.Since(began); took > time.Second {
					t.Errorf("the click took %v", took)
				}
			})
		})
	}
}

// lateReply is a store that gives turns at once, of which is heard late.
type lateReply struct {
	store.Turns
	by time.Duration
}

func (l *lateReply) Acquire(ctx context.Context, k store.Kind, id string, hold time.Duration) (store.Turn, error) {
	turn, err := l.Turns.Acquire(ctx, k, id, hold)
	time.Sleep(l.by)
	return turn, err
}

// A second click on a step that is over has the turn, or waits for a store that is away, at the moment of a poll: who waits is polled
// for all the same.
func TestVainClickAtTheTimeOfAPollEndsNoPolling(t *testing.T) {
	for name, want := range map[string]error{"a step that is over": transaction.ErrStale, "no store": transaction.ErrUnavailable} {
		t.Run(name, func(t *testing.T) {
			together(t, transaction.Config{}, func(r *replicas) {
				m := &late{Turns: r.way[0]}
				r.a.Use(&store.Store{Documents: r.way[0], Turns: m})
				v := r.a.begin("ann")
				defer r.a.watch(v).Close()
				r.org.approve(v)
				time.Sleep(interval - time.Second)
				m.by.Store(int64(2 * time.Second))
				r.way[0].down.Store(errors.Is(want, transaction.ErrUnavailable))
				v.Seq--
				if _, err := r.a.answer(v, choose("totp")); !errors.Is(err, want) {
					t.Errorf("Answer: %v, want %v", err, want)
				}
				m.by.Store(0)
				r.way[0].down.Store(false)
				time.Sleep(interval)
				synctest.Wait()
				r.wantSeen(counts{starts: 1, polls: 1})
			})
		})
	}
}

// A push is not given up for time while the person's click for another factor is with Okta.
func TestPatienceEndsDuringAGesture(t *testing.T) {
	within(t, transaction.Config{}, func(r *rig) {
		v := r.begin("ann")
		time.Sleep(5*time.Minute - time.Second)
		r.org.slow(2 * time.Second)
		v, err := r.answer(v, choose("totp"))
		if err != nil {
			t.Fatal(err)
		}
		r.wantKind(v, flows.KindCode)
		synctest.Wait()
		r.wantSeen(counts{starts: 1, advances: 1})
	})
}

// A poll that had to wait for a worker finds the person's click with Okta: it is not made beside it.
func TestPollThatWaitedFindsAGesture(t *testing.T) {
	within(t, transaction.Config{Workers: 1}, func(r *rig) {
		first, v := r.begin("bob"), r.begin("ann")
		defer r.watch(first).Close()
		time.Sleep(interval / 8) // ann's is due after bob's, whatever was added to both
		v, err := r.answer(v, choose("push"))
		if err != nil {
			t.Fatal(err)
		}
		defer r.watch(v).Close()
		r.org.slow(3 * time.Second)
		time.Sleep(interval*11/10 + time.Second/2) // ann's is due, and bob's with Okta
		r.wantSeen(counts{starts: 2, advances: 1, polls: 1})
		if _, err := r.answer(v, choose("push")); err != nil { // longer than bob's poll
			t.Fatal(err)
		}
	})
}

// A sign-in is cancelled while a click waits for the poll in flight: the click is not heard of, and Okta is told of the end at once,
// not when the time of a call is over.
func TestS74CancelWhileAClickWaits(t *testing.T) {
	within(t, transaction.Config{}, func(r *rig) {
		for range 20 { // who of both comes first is chance
			v := r.begin("ann")
			w := r.watch(v)
			r.org.slow(2 * time.Second)
			time.Sleep(interval*11/10 + time.Second)
			before := r.org.seen()
			clicked := make(chan error)
			go func() {
				_, err := r.answer(v, choose("totp"))
				clicked <- err
			}()
			synctest.Wait()
			r.org.slow(0)
			began := time.Now()
			if err := r.Cancel(context.Background(), v.ID, site); err != nil {
				t.Error(err)
			}
			if err := <-clicked; !errors.Is(err, transaction.ErrGone) {
				t.Errorf("Answer: %v", err)
			}
			if now := r.org.seen(); now.cancels != before.cancels+1 || now.advances != before.advances || time.Since(began) > 2*time.Second {
				t.Errorf("after %v Okta saw %+v, before %+v", time.Since(began), now, before)
			}
			w.Close()
		}
	})
}
