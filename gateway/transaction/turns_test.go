package transaction_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"sidegate.example/sidegate/flows"
	"sidegate.example/sidegate/gateway/identity"
	"sidegate.example/sidegate/gateway/store"
	"sidegate.example/sidegate/gateway/transaction"
)

// noted counts what a replica asks of the store.
type noted struct {
	store.Turns
	mu                sync.Mutex
	acquires, commits int
}

func (n *noted) Acquire(ctx context.Context, k store.Kind, id string, hold time.Duration) (store.Turn, error) {
	n.mu.Lock()
	n.acquires++
	n.mu.Unlock()
	return n.Turns.Acquire(ctx, k, id, hold)
}

func (n *noted) Commit(ctx context.Context, t store.Turn, doc []byte, ttl time.Duration, tell bool) error {
	n.mu.Lock()
	n.commits++
	n.mu.Unlock()
	return n.Turns.Commit(ctx, t, doc, ttl, tell)
}

func (n *noted) seen() (acquires, commits int) {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.acquires, n.commits
}

// note counts what the first replica asks from now on.
func (r *replicas) note() *noted {
	n := &noted{Turns: r.way[0]}
	r.a.Use(&store.Store{Documents: r.way[0], Turns: n})
	return n
}

// What did not get through to the store is tried again each second, however long that takes and however often the person asks
// meanwhile, and without news that the store is back: another replica would send the code a second time.
func TestWhatOktaSaidIsTriedEachSecond(t *testing.T) {
	together(t, transaction.Config{}, func(r *replicas) {
		n := r.note()
		v, err := r.a.answer(r.a.begin("ann"), choose("totp"))
		if err != nil {
			t.Fatal(err)
		}
		r.org.slow(time.Second)
		time.AfterFunc(500*time.Millisecond, r.outage)
		if v, err = r.a.answer(v, digits("123456")); err != nil {
			t.Fatal(err)
		}
		r.a.wantKind(v, flows.KindDone)
		for range 30 {
			r.a.wantNoRedemption(v.ID, transaction.ErrUnavailable)
			time.Sleep(300 * time.Millisecond)
		}
		_, before := n.seen()
		time.Sleep(20 * time.Second)
		if _, after := n.seen(); after-before < 18 || after-before > 20 {
			t.Errorf("%d tries in 20 s", after-before)
		}
		r.way[0].down.Store(false)
		r.way[1].down.Store(false)
		time.Sleep(putOff * 11 / 10)
		synctest.Wait()
		if got, _, err := r.b.Redeem(v.ID, site, bySubject); got != "session of ann" {
			t.Errorf("Redeem on another replica: %q, %v", got, err)
		}
	})
}

// putOff is the time between two tries.
const putOff = time.Second

// crowd begins many sign-ins that somebody waits for.
func (r *replicas) crowd(n int) {
	for i := range n {
		r.Cleanup(r.a.watch(r.a.beginFrom(address(i), fmt.Sprint("user", i))).Close)
	}
}

// When the store is back after a long outage all who wait are asked for within one interval, and not at the same moment, however
// often it is said that the store is back: the store and Okta would be away again.
func TestReturnOfTheStoreIsNoRush(t *testing.T) {
	together(t, transaction.Config{}, func(r *replicas) {
		const n, parts = 400, 4
		r.crowd(n)
		r.outage()
		time.Sleep(3 * time.Minute)
		synctest.Wait()
		r.wantSeen(counts{starts: n})
		for range 5 {
			r.back()
		}
		for i, before := 0, 0; i < parts; i++ {
			time.Sleep(interval / parts)
			synctest.Wait()
			polls := r.org.seen().polls
			if got := polls - before; got < n/parts/2 || got > n/parts*3/2 {
				t.Errorf("%d of %d polls in part %d of %d", got, n, i+1, parts)
			}
			before = polls
		}
		if polls := r.org.seen().polls; polls != n {
			t.Errorf("%d polls in the first interval, want %d", polls, n)
		}
	})
}

// A short outage costs who waits no more than the second that they wait anyway.
func TestReturnOfTheStoreMakesNoPauseLonger(t *testing.T) {
	together(t, transaction.Config{}, func(r *replicas) {
		const n = 50
		r.crowd(n)
		time.Sleep(interval - time.Millisecond)
		r.outage()
		time.Sleep(interval / 10)
		r.back()
		time.Sleep(putOff*11/10 + time.Millisecond)
		synctest.Wait()
		if polls := r.org.seen().polls; polls != n {
			t.Errorf("%d were asked for, want %d", polls, n)
		}
	})
}

// Nobody says that the store is back, but a click gets through: who waits afterwards is asked for at once, and not when the pause
// ends that the outage has made longer and longer.
func TestClickEndsThePauseOfAnOutage(t *testing.T) {
	together(t, transaction.Config{}, func(r *replicas) {
		n := r.note()
		v := r.a.begin("ann")
		w := r.a.watch(v)
		defer w.Close()
		r.outage()
		for tries := 0; tries < 7; tries, _ = n.seen() {
			time.Sleep(100 * time.Millisecond)
		}
		r.way[0].down.Store(false)
		v, err := r.a.answer(v, choose("push"))
		if err != nil {
			t.Fatal(err)
		}
		r.org.approve(v)
		time.Sleep(interval * 11 / 10)
		synctest.Wait()
		r.a.wantKind(r.a.get(v), flows.KindDone)
	})
}

// S46: who can write to the store puts the document of a sign-in that has made its session back to before that: no replica makes a
// second one of it, neither who knows better nor who has nothing but the document. Nobody keeps the turn.
func TestS46OldDocumentMakesNoSecondSession(t *testing.T) {
	together(t, transaction.Config{}, func(r *replicas) {
		ctx, documents := context.Background(), r.way[0].Documents
		v := r.a.done()
		old, err := documents.Get(ctx, store.SignIns, v.ID)
		if err != nil {
			t.Fatal(err)
		}
		if got, _, err := r.a.Redeem(v.ID, site, bySubject); got != "session of ann" {
			t.Fatalf("Redeem: %q, %v", got, err)
		}
		if err := documents.Put(ctx, store.SignIns, v.ID, old, time.Minute); err != nil {
			t.Fatal(err)
		}
		r.a.wantNoRedemption(v.ID, transaction.ErrUnavailable)
		r.b.wantKind(r.b.get(v), flows.KindDone)
		r.b.wantNoRedemption(v.ID, transaction.ErrUnavailable)
		if _, err := r.way[0].Acquire(ctx, store.SignIns, v.ID, time.Second); err != nil {
			t.Errorf("the turn: %v", err)
		}
	})
}

// S46: a replica takes so long over a session that its turn ends, and another one has made the session meanwhile: both browsers get
// that one, because only that one is known of.
func TestS46SlowReplicaGivesOutTheOtherOnesSession(t *testing.T) {
	together(t, transaction.Config{}, func(r *replicas) {
		v := r.a.done()
		synctest.Wait()
		var wg sync.WaitGroup
		wg.Go(func() {
			slow := func(identity.Identity) (string, error) { time.Sleep(25 * time.Second); return "too late", nil }
			if got, _, err := r.a.Redeem(v.ID, site, slow); got != "session of ann" || err != nil {
				t.Errorf("the slow replica: %q, %v", got, err)
			}
		})
		time.Sleep(21 * time.Second)
		if got, _, err := r.b.Redeem(v.ID, site, bySubject); got != "session of ann" || err != nil {
			t.Errorf("the other replica: %q, %v", got, err)
		}
		wg.Wait()
	})
}
