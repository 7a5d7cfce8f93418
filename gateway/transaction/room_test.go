package transaction_test

import (
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"sidegate.example/sidegate/flows"
	"sidegate.example/sidegate/gateway/transaction"
)

// Who makes room is counted once, and ends on every replica: the store does not fill with them.
func TestWhoMakesRoomEndsEverywhere(t *testing.T) {
	together(t, transaction.Config{MaxPerAddress: 1}, func(r *replicas) {
		r.a.refuse()
		for i := range 5 {
			v := r.a.begin(fmt.Sprint("eve", i))
			r.b.get(v)
		}
		synctest.Wait()
		if got := r.kept(); got != 1 {
			t.Errorf("%d are kept, want the last", got)
		}
		time.Sleep(time.Hour)
		synctest.Wait()
		r.wantHeard(slices.Repeat([]string{"abandoned"}, 5)...)
	})
}

// A replica makes room while the person's right password, typed at another one, is with Okta: that goes on, and is counted there.
func TestRoomIsNotMadeOfAGestureElsewhere(t *testing.T) {
	together(t, transaction.Config{MaxPerAddress: 1}, func(r *replicas) {
		r.a.refuse()
		v := r.a.begin("ann")
		on := r.b.get(v)
		r.org.slow(2 * time.Second)
		answered := make(chan transaction.View)
		go func() {
			now, err := r.b.answer(on, choose("push"))
			if err != nil {
				t.Error(err)
			}
			answered <- now
		}()
		time.Sleep(time.Second)
		r.org.slow(0)
		r.a.begin("eve")
		r.b.wantKind(<-answered, flows.KindWait)
		r.b.wantKind(r.b.get(v), flows.KindWait)
		time.Sleep(time.Hour)
		synctest.Wait()
		r.wantHeard("abandoned", "timeout")
	})
}

// What the store does not have yet makes no room: the store could not be told of its end.
func TestRoomIsNotMadeOfWhatTheStoreDoesNotHaveYet(t *testing.T) {
	together(t, transaction.Config{MaxPerAddress: 1}, func(r *replicas) {
		r.a.refuse()
		r.org.slow(time.Second)
		time.AfterFunc(500*time.Millisecond, r.outage)
		v := r.a.begin("ann")
		r.a.wantBusy("203.0.113.7")
		r.a.get(v)
		r.back()
		time.Sleep(putOff * 11 / 10)
		r.a.begin("eve")
		synctest.Wait()
		r.a.wantGone(v)
		time.Sleep(time.Hour)
		synctest.Wait()
		r.wantHeard("abandoned", "abandoned")
	})
}

// A replica makes room of its copy of a sign-in that began at another one: it goes on there, and is not counted.
func TestRoomIsMadeOfTheCopyAlone(t *testing.T) {
	together(t, transaction.Config{MaxPerAddress: 1}, func(r *replicas) {
		r.a.refuse()
		v := r.a.begin("ann")
		r.b.get(v)
		r.b.begin("bob")
		synctest.Wait()
		r.a.wantKind(r.a.get(v), flows.KindIdentify)
		if got := r.heard.signIns; len(got) != 0 {
			t.Errorf("heard %q", got)
		}
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

// Two replicas make room of one sign-in, which began at one and went on, in vain as well, at the other: it is counted once, and the store
// does not fill with such.
func TestWhoMakesRoomOnBothReplicasIsCounted(t *testing.T) {
	together(t, transaction.Config{MaxPerAddress: 1}, func(r *replicas) {
		r.a.refuse()
		for range 5 {
			v := r.a.begin("eve")
			if _, err := r.b.answer(r.b.get(v), typed("eve")); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
		}
		r.a.begin("mallory")
		r.b.begin("mallory")
		synctest.Wait()
		if got := r.kept(); got != 2 {
			t.Errorf("%d are kept, want the last 2", got)
		}
		time.Sleep(time.Hour)
		synctest.Wait()
		r.wantHeard(slices.Repeat([]string{"abandoned"}, 7)...)
	})
}
