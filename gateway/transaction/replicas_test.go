package transaction_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"sidegate.example/sidegate/flows"
	"sidegate.example/sidegate/gateway/identity"
	"sidegate.example/sidegate/gateway/store"
	"sidegate.example/sidegate/gateway/transaction"
)

// One poll per interval over all replicas, however many tabs wait on each.
func TestReplicasPollOncePerInterval(t *testing.T) {
	together(t, transaction.Config{}, func(r *replicas) {
		r.org.slow(700 * time.Millisecond)
		v := r.a.begin("ann")
		began := time.Now()
		for range 5 {
			defer r.a.watch(v).Close()
			defer r.b.watch(v).Close()
		}
		time.Sleep(4 * time.Minute)
		synctest.Wait()
		polls := r.org.seen().polls
		if polls < 45 || polls > 51 {
			t.Errorf("%d polls in 4 min", polls)
		}
		at := began
		for i, p := range r.org.spans() {
			if gap := p.from.Sub(at); gap < interval {
				t.Errorf("poll %d came %v after the answer before it", i+1, gap)
			}
			at = p.to
		}
		// The tabs of both replicas hear of the approval.
		onA, onB := r.a.watch(v), r.b.watch(v)
		defer onA.Close()
		defer onB.Close()
		changed := []<-chan struct{}{onA.Changed(), onB.Changed()}
		r.org.approve(v)
		time.Sleep(6 * time.Second)
		for i, ch := range changed {
			if !isTold(ch) {
				t.Errorf("replica %d was not told", i)
			}
		}
		r.a.wantKind(r.a.get(v), flows.KindDone)
		r.b.wantKind(r.b.get(v), flows.KindDone)
	})
}

// Any replica goes on with any sign-in, and nothing is lost on the way: the phone shows the browser of the first click,
// and each end is counted once.
func TestAnyReplicaGoesOn(t *testing.T) {
	together(t, transaction.Config{}, func(r *replicas) {
		v := r.a.begin("ann")
		on := r.b.get(v)
		if on.Seq != v.Seq || on.Client != v.Client || on.Step.Wait.Interval != interval || !on.Expires.Equal(v.Expires) {
			t.Errorf("on another replica: %+v", on)
		}
		if _, err := r.b.Manager.Get(context.Background(), v.ID, "other.example.com"); !errors.Is(err, transaction.ErrGone) {
			t.Errorf("on another site: %v (S75)", err)
		}
		on, err := r.b.answer(on, choose("totp"))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := r.a.answer(v, choose("push")); !errors.Is(err, transaction.ErrStale) {
			t.Errorf("a step that is over elsewhere: %v", err)
		}
		on, err = r.a.answer(on, digits("123456"))
		if err != nil {
			t.Fatal(err)
		}
		r.a.wantKind(on, flows.KindDone)
		synctest.Wait()
		r.b.wantKind(r.b.get(v), flows.KindDone)
		time.Sleep(time.Hour)
		synctest.Wait()
		if got := r.heard; !slices.Equal(got.signIns, []string{"success"}) || !slices.Equal(got.challenges, []string{"totp accepted 0s"}) || got.pending != 0 {
			t.Errorf("heard %q, %q, %d pending", got.signIns, got.challenges, got.pending)
		}
	})
}

// S46: a sign-in makes one session, however many tabs on however many replicas ask for it at once.
func TestReplicasRedeemOnce(t *testing.T) {
	together(t, transaction.Config{}, func(r *replicas) {
		v := r.a.done()
		var mints atomic.Int32
		mint := func(identity.Identity) (string, error) { return fmt.Sprint("session ", mints.Add(1)), nil }
		var wg sync.WaitGroup
		for i := range 10 {
			wg.Go(func() {
				got, who, err := []*rig{r.a, r.b}[i%2].Redeem(v.ID, site, mint)
				if got != "session 1" || who.Subject != "ann" || err != nil {
					t.Errorf("Redeem: %q, %q, %v", got, who.Subject, err)
				}
			})
		}
		wg.Wait()
		time.Sleep(10 * time.Second)
		synctest.Wait()
		r.a.wantNoRedemption(v.ID, transaction.ErrGone)
		r.b.wantNoRedemption(v.ID, transaction.ErrGone)
	})
}

// S74: what was cancelled on one replica is over on all, also what a poll was just about to find approved.
func TestCancelOnAnotherReplicaDuringAPoll(t *testing.T) {
	together(t, transaction.Config{}, func(r *replicas) {
		v := r.a.begin("ann")
		w := r.a.watch(v)
		defer w.Close()
		r.org.slow(2 * time.Second)
		r.org.approve(v)
		time.Sleep(interval + interval/2) // the poll is in flight
		changed := w.Changed()
		if err := r.b.Cancel(context.Background(), v.ID, site); err != nil {
			t.Fatal(err)
		}
		time.Sleep(5 * time.Second)
		synctest.Wait()
		if !isTold(changed) {
			t.Error("the tab was not told")
		}
		r.a.wantNoRedemption(v.ID, transaction.ErrGone)
		r.b.wantNoRedemption(v.ID, transaction.ErrGone)
		r.org.script(func(o *org) { o.overlap = false }) // Okta ends it whenever it is asked to
	})
}

// A gesture waits for the poll that another replica has in flight.
func TestGestureDuringAPollOfAnotherReplica(t *testing.T) {
	together(t, transaction.Config{}, func(r *replicas) {
		v := r.a.begin("ann")
		defer r.a.watch(v).Close()
		r.org.slow(2 * time.Second)
		time.Sleep(interval + interval/2)
		began := time.Now()
		on, err := r.b.answer(v, choose("totp"))
		if err != nil {
			t.Fatal(err)
		}
		r.b.wantKind(on, flows.KindCode)
		if took := time.Since(began); took < 2*time.Second || took > 5*time.Second {
			t.Errorf("the gesture took %v", took)
		}
		synctest.Wait()
		r.a.wantKind(r.a.get(v), flows.KindCode)
	})
}

// A replica is killed with the turn in its hands: the person goes on through another when the turn's time is over.
func TestReplicaDiesInItsTurn(t *testing.T) {
	together(t, transaction.Config{}, func(r *replicas) {
		v := r.a.begin("ann")
		turn, err := r.way[0].Turns.Acquire(context.Background(), store.SignIns, v.ID, 20*time.Second)
		if err != nil || turn.Revision == 0 {
			t.Fatal(err)
		}
		r.way[0].down.Store(true) // nothing of it is heard any more
		defer r.b.watch(v).Close()
		r.org.approve(v)
		time.Sleep(19 * time.Second)
		r.wantSeen(counts{starts: 1})
		time.Sleep(3 * time.Second)
		synctest.Wait()
		r.b.wantKind(r.b.get(v), flows.KindDone)
		if got, _, err := r.b.Redeem(v.ID, site, bySubject); got != "session of ann" {
			t.Errorf("Redeem: %q, %v", got, err)
		}
	})
}

// S75, S79: a push that nobody answers ends once, on time, over all replicas.
func TestReplicasLosePatienceOnce(t *testing.T) {
	together(t, transaction.Config{}, func(r *replicas) {
		v := r.a.begin("ann")
		defer r.a.watch(v).Close()
		defer r.b.watch(v).Close()
		time.Sleep(5*time.Minute + time.Second)
		synctest.Wait()
		r.a.wantDenied(r.a.get(v), flows.DeniedTimeout)
		r.b.wantDenied(r.b.get(v), flows.DeniedTimeout)
		if seen := r.org.seen(); seen.cancels != 1 {
			t.Errorf("cancelled %d times at Okta", seen.cancels)
		}
		time.Sleep(time.Hour)
		synctest.Wait()
		if got := r.heard; !slices.Equal(got.signIns, []string{"timeout"}) || got.pending != 0 {
			t.Errorf("heard %q, %d pending", got.signIns, got.pending)
		}
	})
}

// A sign-in that is left alone is counted once, and nothing of it is kept.
func TestReplicasCountWhoGaveUpOnce(t *testing.T) {
	together(t, transaction.Config{}, func(r *replicas) {
		r.org.script(func(o *org) {
			o.onStart = func(flows.Answer) (flows.Step, error) { return code(""), nil }
		})
		v := r.a.begin("ann")
		r.b.get(v)
		time.Sleep(time.Hour)
		synctest.Wait()
		if got := r.heard; !slices.Equal(got.signIns, []string{"abandoned"}) || got.pending != 0 {
			t.Errorf("heard %q, %d pending", got.signIns, got.pending)
		}
		for range r.way[0].All(context.Background(), store.SignIns) {
			t.Error("something is kept")
		}
	})
}

// One replica is shut down in good order: the others go on, and nobody is counted as gone.
func TestReplicaIsShutDown(t *testing.T) {
	together(t, transaction.Config{}, func(r *replicas) {
		v := r.a.begin("ann")
		r.a.Close()
		if len(r.heard.signIns) != 0 {
			t.Errorf("heard %q", r.heard.signIns)
		}
		r.b.polled(v)
		r.b.wantKind(r.b.get(v), flows.KindWait)
		on, err := r.b.answer(r.b.get(v), choose("totp"))
		if err != nil {
			t.Fatal(err)
		}
		r.b.wantKind(on, flows.KindCode)
	})
}

// A reload that names another store leaves nobody behind: sign-ins under way go on here alone.
func TestAnotherStoreLeavesNobodyBehind(t *testing.T) {
	together(t, transaction.Config{}, func(r *replicas) {
		v, w := r.a.begin("ann"), r.a.begin("bob")
		r.a.Use(nil)
		r.way[0].down.Store(true)
		on, err := r.a.answer(v, choose("totp"))
		if err != nil {
			t.Fatal(err)
		}
		r.a.wantKind(on, flows.KindCode)
		other := store.NewMemory()
		r.a.Use(&other)
		r.a.wantKind(r.a.get(w), flows.KindWait)
		x := r.a.begin("eve")
		if _, err := other.Documents.Get(context.Background(), store.SignIns, x.ID); err != nil {
			t.Errorf("what begins now is not in the new store: %v", err)
		}
	})
}

// A reload that changes nothing but how the same store is reached parts nobody from it: what is cancelled afterwards does not
// come back on another replica, and what others do is heard of.
func TestSameStoreReachedInAnotherWay(t *testing.T) {
	together(t, transaction.Config{}, func(r *replicas) {
		m := r.way[0].Documents.(*store.Memory)
		reload := func() *reach {
			way := &reach{Documents: m, Turns: m}
			r.a.Use(&store.Store{Place: "redis", Documents: way, Turns: way})
			return way
		}
		old := reload()
		v, w, x := r.a.begin("ann"), r.a.begin("bob"), r.a.begin("eve")
		defer r.a.watch(x).Close()
		old.down.Store(true)
		time.Sleep(3 * time.Minute)
		r.org.approve(x)
		reload()
		time.Sleep(interval)
		synctest.Wait()
		r.a.wantKind(r.a.get(x), flows.KindDone)
		if err := r.a.Cancel(context.Background(), v.ID, site); err != nil {
			t.Fatal(err)
		}
		if _, err := r.b.Manager.Get(context.Background(), v.ID, site); !errors.Is(err, transaction.ErrGone) {
			t.Errorf("cancelled here, on another replica: %v", err)
		}
		if _, err := r.b.answer(r.b.get(w), choose("totp")); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		r.a.wantKind(r.a.get(w), flows.KindCode)
	})
}

// deaf never hears what other replicas do.
type deaf struct{ store.Turns }

func (deaf) Changes(ctx context.Context, _ store.Kind, _ func(store.Change)) { <-ctx.Done() }

// After a form was sent to one replica the browser loads the page from another, before that one has heard of it: it is the
// next page all the same.
func TestPageIsQuickerThanTheNews(t *testing.T) {
	together(t, transaction.Config{}, func(r *replicas) {
		r.b.Use(&store.Store{Documents: r.way[1], Turns: deaf{r.way[1]}})
		v := r.a.begin("ann")
		before := r.b.get(v)
		r.org.approve(v)
		w := r.a.watch(v)
		defer w.Close()
		time.Sleep(6 * time.Second)
		r.a.wantKind(r.a.get(v), flows.KindDone)
		if after := r.b.get(v); after.Step.Kind != flows.KindDone {
			t.Errorf("the page is %v as before (%v)", after.Step.Kind, before.Step.Kind)
		}
	})
}
