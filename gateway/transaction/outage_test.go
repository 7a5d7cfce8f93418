package transaction_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"sidegate.example/sidegate/flows"
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
