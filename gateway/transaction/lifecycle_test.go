package transaction_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"sidegate.example/sidegate/flows"
	"sidegate.example/sidegate/gateway/transaction"
)

// caddy-notes T5: old requests run on after the module's end. Whatever they call answers, and nothing is left.
func TestCloseEndsPollsAndLeavesEverythingCallable(t *testing.T) {
	within(t, transaction.Config{}, func(r *rig) {
		v, done := r.begin("ann"), r.done()
		r.org.slow(time.Hour)
		w := r.watch(v)
		changed := w.Changed()
		time.Sleep(interval * 11 / 10)
		synctest.Wait() // a poll hangs
		answered := make(chan error, 1)
		go func() {
			_, err := r.answer(v, choose("totp"))
			answered <- err
		}()
		synctest.Wait()

		began := time.Now()
		r.Close()
		if took := time.Since(began); took != 0 {
			t.Errorf("Close took %v with a poll in flight", took)
		}
		if err := <-answered; !errors.Is(err, transaction.ErrClosed) {
			t.Errorf("a gesture in the middle: %v, want ErrClosed", err)
		}
		if !isTold(changed) || !isTold(w.Changed()) {
			t.Error("a watcher was not told")
		}
		w.Close()
		r.Close()
		ctx := context.Background()
		if _, err := r.Begin(ctx, transaction.Begin{Engine: engine, Site: site}); !errors.Is(err, transaction.ErrClosed) {
			t.Errorf("Begin: %v", err)
		}
		if _, err := r.answer(v, choose("totp")); !errors.Is(err, transaction.ErrClosed) {
			t.Errorf("Answer: %v", err)
		}
		r.wantNoRedemption(done.ID, transaction.ErrClosed)
		if _, ok := r.Get(v.ID, site); ok {
			t.Error("Get found something")
		}
		if _, ok := r.Watch(v.ID, site); ok {
			t.Error("Watch found something")
		}
		r.Touch(v.ID, site)
		r.Cancel(ctx, v.ID, site)
		r.SetEngine(engine, 1, r.org, nil)
		seen := r.org.seen()
		time.Sleep(time.Hour)
		if r.org.seen() != seen {
			t.Errorf("Okta saw %+v, then %+v after Close", seen, r.org.seen())
		}
		if got := fmt.Sprint(r.heard.signIns, r.heard.pending); got != "[success abandoned] 0" {
			t.Errorf("sign-ins and pending are %s, want [success abandoned] 0", got)
		}
	})
}

// A sign-in whose first call is still under way when the Manager closes is not kept.
func TestCloseDuringBegin(t *testing.T) {
	within(t, transaction.Config{}, func(r *rig) {
		r.org.slow(time.Hour)
		began := make(chan error, 1)
		go func() {
			_, err := r.Begin(context.Background(), transaction.Begin{Engine: engine, Site: site, Answer: typed("ann")})
			began <- err
		}()
		synctest.Wait()
		r.Close()
		if err := <-began; !errors.Is(err, transaction.ErrClosed) {
			t.Errorf("Begin: %v, want ErrClosed", err)
		}
	})
}

// A configuration reload in the middle of a push: the person still gets in, through the new engine.
func TestEngineSwapInTheMiddleOfAPush(t *testing.T) {
	within(t, transaction.Config{}, func(r *rig) {
		v := r.begin("ann")
		w := r.watch(v)
		defer w.Close()
		time.Sleep(10 * time.Second)
		before := r.org.seen()

		renewed, heard := newOrg(), &observer{}
		renewed.signIns = r.org.signIns // the same Okta
		r.SetEngine(engine, 2, renewed, heard)
		renewed.approve(v)
		changed := w.Changed()
		<-changed
		r.wantKind(r.get(v), flows.KindDone)
		if _, who, err := r.Redeem(v.ID, site, bySubject); err != nil || who.Subject != "ann" {
			t.Errorf("Redeem: %q, %v", who.Subject, err)
		}
		if r.org.seen() != before {
			t.Error("the old engine was called after the swap")
		}
		if r.heard.pending+heard.pending != 0 || fmt.Sprint(heard.signIns) != "[success]" {
			t.Errorf("pending is %d+%d, sign-ins %v", r.heard.pending, heard.pending, heard.signIns)
		}
	})
}

// Everything is forgotten at its time though nobody asks for it, and the places are free again.
func TestExpiredTransactionsAreSwept(t *testing.T) {
	within(t, transaction.Config{MaxPending: 100, Lifetime: time.Minute}, func(r *rig) {
		var last transaction.View
		for range 100 {
			last = r.begin("ann")
		}
		changed := r.watch(last).Changed()
		if last.Expires.Sub(last.Started) != time.Minute {
			t.Errorf("expires %v after the start", last.Expires.Sub(last.Started))
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		if !isTold(changed) {
			t.Error("a watcher was not told")
		}
		for range 100 {
			r.begin("bob")
		}
	})
}

// Ten thousand people wait, and no goroutine with them; while nothing is due there is none at all.
func TestNoGoroutinePerWaitingPerson(t *testing.T) {
	const people = 10_000
	within(t, transaction.Config{}, func(r *rig) {
		var tabs []*transaction.Watch
		var views []transaction.View
		before := runtime.NumGoroutine()
		for i := range people {
			v := r.beginFrom(address(i), "ann")
			w := r.watch(v)
			w.Changed()
			tabs, views = append(tabs, w), append(views, v)
		}
		for range 3 {
			time.Sleep(interval)
			synctest.Wait()
			// A few may be counted that are just ending.
			if now := runtime.NumGoroutine(); now > before+10 {
				t.Errorf("%d goroutines, %d before anybody waited", now, before)
			}
		}
		if polls := r.org.seen().polls; polls < people || polls > 3*people {
			t.Errorf("%d polls of %d people in 12 s", polls, people)
		}
		for i, w := range tabs {
			w.Close()
			r.Cancel(context.Background(), views[i].ID, site)
		}
	})
}

// What the observer hears: one result per sign-in, one per factor that was answered, and how long it took.
func TestObserver(t *testing.T) {
	denied := func(why flows.DeniedReason) func(r *rig) {
		return func(r *rig) {
			v := r.begin("ann")
			w := r.watch(v)
			r.org.phone(v, refusal(why, true))
			time.Sleep(interval * 11 / 10)
			w.Close()
		}
	}
	for name, c := range map[string]struct {
		do   func(r *rig)
		want string
	}{
		"push approved": {func(r *rig) {
			v := r.begin("ann")
			time.Sleep(30 * time.Second)
			r.org.approve(v)
			r.Touch(v.ID, site)
			time.Sleep(time.Second)
			_, _, _ = r.Redeem(v.ID, site, bySubject)
			time.Sleep(time.Hour)
		}, "[success] [push accepted 30s]"},
		"push denied on the phone": {denied(flows.DeniedOnPhone), "[denied_on_phone] [push rejected 4s]"},
		"push timed out at Okta":   {denied(flows.DeniedTimeout), "[timeout] [push timeout 4s]"},
		"let through without it":   {denied(flows.DeniedNoFactor), "[no_factor] [push accepted 4s]"},
		"refused, and left there": {func(r *rig) {
			v := r.begin("ann")
			r.Touch(v.ID, site)
			r.org.phone(v, refusal(flows.DeniedOnPhone, false))
			time.Sleep(time.Hour)
		}, "[denied_on_phone] [push rejected 4s]"},
		"nobody answered": {func(r *rig) { r.begin("ann"); time.Sleep(time.Hour) }, "[timeout] [push timeout 5m0s]"},
		"code typed wrong, then right": {func(r *rig) {
			v, _ := r.answer(r.begin("ann"), choose("totp"))
			time.Sleep(7 * time.Second)
			v, _ = r.answer(v, digits("000000"))
			time.Sleep(5 * time.Second)
			_, _ = r.answer(v, digits("123456"))
		}, "[success] [totp rejected 7s totp accepted 5s]"},
		"turned from one factor to another and left": {func(r *rig) {
			v, _ := r.answer(r.begin("ann"), choose("totp"))
			v, _ = r.answer(v, choose("push"))
			r.Cancel(context.Background(), v.ID, site)
		}, "[abandoned] []"},
		"code never typed": {func(r *rig) {
			_, _ = r.answer(r.begin("ann"), choose("totp"))
			time.Sleep(time.Hour)
		}, "[abandoned] [totp timeout 10m0s]"},
		"push, then a code": {func(r *rig) {
			v := r.begin("ann")
			r.Touch(v.ID, site)
			r.org.phone(v, code(v.Step.Person))
			time.Sleep(time.Minute)
			_, _ = r.answer(r.get(v), digits("123456"))
		}, "[success] [push accepted 4s totp accepted 56s]"},
		"push refused, back to the choice": {func(r *rig) {
			v := r.begin("ann")
			r.Touch(v.ID, site)
			r.org.phone(v, flows.Step{Kind: flows.KindChoose, Messages: []flows.Message{{Error: true}}})
			time.Sleep(time.Hour)
		}, "[abandoned] [push rejected 4s]"},
		"denied at once": {func(r *rig) {
			r.org.onStart = func(flows.Answer) (flows.Step, error) { return refusal(flows.DeniedLocked, true), nil }
			r.begin("ann")
			time.Sleep(time.Hour)
		}, "[locked] []"},
	} {
		t.Run(name, func(t *testing.T) {
			within(t, transaction.Config{}, func(r *rig) {
				c.do(r)
				synctest.Wait()
				if got := fmt.Sprint(r.heard.signIns, r.heard.challenges); got != c.want {
					t.Errorf("heard %s, want %s", got, c.want)
				}
				if r.heard.pending != 0 {
					t.Errorf("pending is %d", r.heard.pending)
				}
			})
		})
	}
}
