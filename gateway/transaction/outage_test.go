package transaction_test

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"sidegate.example/sidegate/flows"
	"sidegate.example/sidegate/gateway/identity"
	"sidegate.example/sidegate/gateway/store"
	"sidegate.example/sidegate/gateway/transaction"
)

// While the store is away nothing begins and nobody gets in, and nothing of that reaches Okta; when it is back, all goes on.
func TestStoreGoesAwayAndComesBack(t *testing.T) {
	together(t, transaction.Config{}, func(r *replicas) {
		v, done := r.a.begin("ann"), r.a.done()
		w := r.a.watch(v)
		defer w.Close()
		before := r.org.seen()
		r.outage()
		if _, err := r.a.tryFrom("203.0.113.7", "bob"); !errors.Is(err, transaction.ErrUnavailable) {
			t.Errorf("Begin: %v", err)
		}
		if _, err := r.a.answer(v, choose("totp")); !errors.Is(err, transaction.ErrUnavailable) {
			t.Errorf("Answer: %v", err)
		}
		r.a.wantNoRedemption(done.ID, transaction.ErrUnavailable)
		if err := r.a.Cancel(context.Background(), r.a.get(v).ID+"x", site); !errors.Is(err, transaction.ErrUnavailable) {
			t.Errorf("Cancel of what is not here: %v", err)
		}
		if _, err := r.b.Manager.Get(context.Background(), v.ID, site); !errors.Is(err, transaction.ErrUnavailable) {
			t.Errorf("Get of what is not here: %v", err)
		}
		r.a.wantKind(r.a.get(v), flows.KindWait)
		time.Sleep(time.Minute)
		synctest.Wait()
		r.wantSeen(before)
		r.org.approve(v)
		r.back()
		time.Sleep(35 * time.Second)
		synctest.Wait()
		r.a.wantKind(r.a.get(v), flows.KindDone)
		r.b.wantKind(r.b.get(v), flows.KindDone)
	})
}

// The store goes away after Okta has answered: what Okta said is good here at once, and elsewhere later.
func TestWhatOktaSaidGetsThroughLater(t *testing.T) {
	together(t, transaction.Config{}, func(r *replicas) {
		v := r.a.begin("ann")
		r.org.slow(time.Second)
		time.AfterFunc(500*time.Millisecond, r.outage)
		on, err := r.a.answer(v, choose("totp"))
		if err != nil {
			t.Fatal(err)
		}
		r.a.wantKind(on, flows.KindCode)
		r.a.wantKind(r.a.get(v), flows.KindCode)
		time.Sleep(5 * time.Second)
		r.back()
		time.Sleep(15 * time.Second)
		synctest.Wait()
		r.b.wantKind(r.b.get(v), flows.KindCode)
		on, err = r.b.answer(on, digits("123456"))
		if err != nil {
			t.Fatal(err)
		}
		r.b.wantKind(on, flows.KindDone)
	})
}

// The store goes away while Okta looks at a code, and the person loads the page again and again: what Okta said of the code is
// known everywhere as soon as the store is back, before the turn of who asked ends and another replica would send a second code.
func TestAskingAgainDoesNotPutOffWhatOktaSaid(t *testing.T) {
	together(t, transaction.Config{}, func(r *replicas) {
		v := r.a.begin("ann")
		v, err := r.a.answer(v, choose("totp"))
		if err != nil {
			t.Fatal(err)
		}
		r.org.slow(time.Second)
		time.AfterFunc(500*time.Millisecond, r.outage)
		done, err := r.a.answer(v, digits("123456"))
		if err != nil {
			t.Fatal(err)
		}
		r.a.wantKind(done, flows.KindDone)
		for range 30 {
			r.a.wantNoRedemption(v.ID, transaction.ErrUnavailable)
			time.Sleep(100 * time.Millisecond)
		}
		before := r.org.seen()
		r.back()
		if got, err := r.b.answer(v, digits("123456")); !errors.Is(err, transaction.ErrStale) || got.Step.Kind != flows.KindDone {
			t.Errorf("the other replica is at %q, %v", got.Step.Kind, err)
		}
		r.wantSeen(before)
	})
}

// After a long outage who waits is asked for at once, and not when the last of the longer and longer pauses ends.
func TestReturnOfTheStoreEndsThePause(t *testing.T) {
	together(t, transaction.Config{}, func(r *replicas) {
		v := r.a.begin("ann")
		w := r.a.watch(v)
		defer w.Close()
		r.outage()
		time.Sleep(3*time.Minute + 5*time.Second)
		r.org.approve(v)
		r.back()
		time.Sleep(interval)
		synctest.Wait()
		r.b.wantKind(r.b.get(v), flows.KindDone)
	})
}

// asked counts the turns that a store is asked for.
type asked struct {
	*reach
	times atomic.Int64
}

func (a *asked) Acquire(ctx context.Context, k store.Kind, id string, hold time.Duration) (store.Turn, error) {
	a.times.Add(1)
	return a.reach.Acquire(ctx, k, id, hold)
}

// A reload in the middle of an outage has nobody ask for the store sooner than without it: all would ask at once.
func TestReloadInAnOutageAsksNoSooner(t *testing.T) {
	together(t, transaction.Config{}, func(r *replicas) {
		m := r.way[0].Documents.(*store.Memory)
		reload := func(down bool) *asked {
			way := &asked{reach: &reach{Documents: m, Turns: m}}
			way.down.Store(down)
			r.a.Use(&store.Store{Place: "redis", Documents: way, Turns: way})
			synctest.Wait()
			return way
		}
		old := reload(false)
		const n = 50
		for i := range n {
			defer r.a.watch(r.a.begin(fmt.Sprint("ann", i))).Close()
		}
		old.down.Store(true)
		time.Sleep(3 * time.Minute)
		next := reload(true)
		time.Sleep(100 * time.Millisecond)
		if got := next.times.Load(); got > n/5 {
			t.Errorf("in a tenth of a second after the reload %d of %d ask for the store that is away", got, n)
		}
	})
}

// older brings the document of a moment ago, as a Redis does that has lost its latest writes in a failover.
type older struct {
	store.Turns
	was *store.Turn
}

func (o *older) Acquire(ctx context.Context, k store.Kind, id string, hold time.Duration) (store.Turn, error) {
	turn, err := o.Turns.Acquire(ctx, k, id, hold)
	if o.was != nil {
		turn.Doc, turn.Revision = o.was.Doc, o.was.Revision
	}
	return turn, err
}

// A Redis has lost its latest writes, the approval among them: nobody is let in by what it does not know of, and the sign-in
// is not stuck.
func TestStoreHasLostTheApproval(t *testing.T) {
	together(t, transaction.Config{}, func(r *replicas) {
		m := &older{Turns: r.way[0].Turns}
		r.a.Use(&store.Store{Documents: r.way[0].Documents, Turns: m})
		v := r.a.begin("ann")
		was, err := r.way[0].Turns.Acquire(t.Context(), store.SignIns, v.ID, time.Second)
		if err == nil {
			err = r.way[0].Turns.Release(t.Context(), was)
		}
		if err != nil {
			t.Fatal(err)
		}
		r.org.approve(v)
		r.a.polled(v)
		r.a.wantKind(r.a.get(v), flows.KindDone)
		m.was = &was
		r.a.wantNoRedemption(v.ID, transaction.ErrNotDone)
		m.was = nil
		if got, _, err := r.a.Redeem(v.ID, site, bySubject); err != nil || got != "session of ann" {
			t.Errorf("Redeem: %q, %v", got, err)
		}
	})
}

// mute loses the answer to one Commit.
type mute struct {
	store.Turns
	lose bool
}

func (m *mute) Commit(ctx context.Context, t store.Turn, doc []byte, ttl time.Duration, tell bool) error {
	err := m.Turns.Commit(ctx, t, doc, ttl, tell)
	if m.lose {
		m.lose = false
		return errDown
	}
	return err
}

// The time in which the other tabs of a browser get the same session begins when the first has it, and not while the store is
// away, whether it heard of the session or not.
func TestSessionThatNobodyHasHadOutlivesAnOutage(t *testing.T) {
	for _, heard := range []bool{true, false} {
		together(t, transaction.Config{}, func(r *replicas) {
			m := &mute{Turns: r.way[0]}
			r.a.Use(&store.Store{Documents: r.way[0].Documents, Turns: m})
			v := r.a.begin("ann")
			r.org.approve(v)
			r.a.polled(v)
			m.lose = heard
			mints := 0
			mint := func(who identity.Identity) (string, error) {
				mints++
				r.way[0].down.Store(!heard)
				return bySubject(who)
			}
			if _, _, err := r.a.Redeem(v.ID, site, mint); !errors.Is(err, transaction.ErrUnavailable) {
				t.Fatalf("Redeem: %v", err)
			}
			r.outage()
			time.Sleep(15 * time.Second)
			r.back()
			for range 2 {
				if got, _, err := r.a.Redeem(v.ID, site, mint); err != nil || got != "session of ann" || mints != 1 {
					t.Errorf("heard %v: %q after %d, %v", heard, got, mints, err)
				}
				time.Sleep(9 * time.Second)
			}
			time.Sleep(2 * time.Second)
			r.a.wantNoRedemption(v.ID, transaction.ErrGone)
		})
	}
}

// A store that does not answer holds up what Okta said for no more than a second: keeping it ahead is only against the death of
// this process.
func TestKeepingAheadWaitsASecond(t *testing.T) {
	together(t, transaction.Config{}, func(r *replicas) {
		r.a.Use(&store.Store{Documents: r.way[0], Turns: stuck{r.way[0]}})
		r.org.script(func(o *org) { o.onKept = func() {} })
		v := r.a.begin("ann")
		defer r.a.watch(v).Close()
		r.org.approve(v)
		time.Sleep(interval*11/10 + time.Second + 100*time.Millisecond)
		synctest.Wait()
		r.a.wantKind(r.a.get(v), flows.KindDone)
	})
}

// stuck is a store that takes no Save.
type stuck struct{ store.Turns }

func (stuck) Save(ctx context.Context, _ store.Turn, _ []byte, _ time.Duration) error {
	<-ctx.Done()
	return ctx.Err()
}

// Who had to wait for the turn may find the time over in which the other tabs get the same session: no other one is made.
func TestTimeOfASessionIsOverAfterTheTurn(t *testing.T) {
	together(t, transaction.Config{}, func(r *replicas) {
		m := &late{Turns: r.way[1]}
		r.b.Use(&store.Store{Documents: r.way[1], Turns: m})
		v := r.a.begin("ann")
		r.org.approve(v)
		r.a.polled(v)
		if got, _, err := r.a.Redeem(v.ID, site, bySubject); err != nil || got != "session of ann" {
			t.Fatalf("Redeem: %q, %v", got, err)
		}
		time.Sleep(5 * time.Second)
		m.by.Store(int64(6 * time.Second))
		r.b.wantNoRedemption(v.ID, transaction.ErrGone)
	})
}

// late is a store whose turns take a while to get.
type late struct {
	store.Turns
	by atomic.Int64 // nanoseconds
}

func (l *late) Acquire(ctx context.Context, k store.Kind, id string, hold time.Duration) (store.Turn, error) {
	time.Sleep(time.Duration(l.by.Load()))
	return l.Turns.Acquire(ctx, k, id, hold)
}
