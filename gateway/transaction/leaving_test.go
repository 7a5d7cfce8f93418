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

// distant is a store whose answers about turns take a while, and come to nobody where nobody waits for them any more.
type distant struct{ store.Turns }

func (d distant) Acquire(ctx context.Context, k store.Kind, id string, hold time.Duration) (store.Turn, error) {
	turn, err := d.Turns.Acquire(ctx, k, id, hold)
	select {
	case <-time.After(600 * time.Millisecond): // longer than polls are spread
		return turn, err
	case <-ctx.Done():
		return store.Turn{}, ctx.Err()
	}
}

// What the store answers to who has left, or to a replica that is shut down, is not lost: a turn that nobody knows of would hold
// the sign-in up for 20 s.
func TestNobodyLeavesWithTheTurn(t *testing.T) {
	for name, leave := range map[string]func(r *replicas, v transaction.View){
		"the browser leaves while its answer asks for the turn": func(r *replicas, v transaction.View) {
			ctx, cancel := context.WithTimeout(r.Context(), 100*time.Millisecond)
			defer cancel()
			v, err := r.a.Answer(ctx, v.ID, site, v.Seq, v.Client, choose("totp"))
			if err != nil {
				r.Error(err)
			}
			r.a.wantKind(v, flows.KindCode)
		},
		"the replica is shut down while a poll asks for it": func(r *replicas, v transaction.View) {
			defer r.a.watch(v).Close()
			time.Sleep(interval + 500*time.Millisecond)
			r.a.Close()
		},
	} {
		t.Run(name, func(t *testing.T) {
			together(t, transaction.Config{}, func(r *replicas) {
				r.a.Use(&store.Store{Documents: r.way[0], Turns: distant{r.way[0]}})
				v := r.a.begin("ann")
				leave(r, v)
				began := time.Now()
				on, err := r.b.answer(r.b.get(v), choose("push"))
				if took := time.Since(began); err != nil || took > time.Second {
					r.Fatalf("the next answer took %s: %v", took, err)
				}
				r.b.wantKind(on, flows.KindWait)
			})
		})
	}
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

// A replica is shut down while Okta answers the first page of a sign-in, which takes less than closeTimeout: the person need not start over,
// and where they must, the push that Okta has just sent does not stay open.
func TestShutDownDuringABegin(t *testing.T) {
	together(t, transaction.Config{}, func(r *replicas) {
		r.org.slow(300 * time.Millisecond)
		time.AfterFunc(100*time.Millisecond, r.a.Close)
		v, err := r.a.tryFrom("203.0.113.7", "ann")
		synctest.Wait()
		if err == nil {
			r.b.wantKind(r.b.get(v), flows.KindWait)
			return
		}
		if !errors.Is(err, transaction.ErrClosed) {
			t.Fatal(err)
		}
		t.Errorf("the person has to start over; Okta saw %+v, heard %q", r.org.seen(), r.heard.signIns)
	})
}

// S74: a replica is shut down while Okta takes a cancel, which needs less than closeTimeout. No other replica knows of the sign-in any more:
// the push does not stay open.
func TestS74ShutDownDuringACancel(t *testing.T) {
	together(t, transaction.Config{}, func(r *replicas) {
		v := r.a.begin("ann")
		r.org.slow(300 * time.Millisecond)
		time.AfterFunc(100*time.Millisecond, r.a.Close)
		if err := r.a.Cancel(context.Background(), v.ID, site); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if got := r.org.seen().cancels; got != 1 {
			t.Errorf("%d cancels at Okta, want 1: the push is open", got)
		}
	})
}
