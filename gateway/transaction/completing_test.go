package transaction_test

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"sidegate.example/sidegate/flows"
	"sidegate.example/sidegate/gateway/identity"
	"sidegate.example/sidegate/gateway/transaction"
)

// Once a factor was accepted it counts once, and whatever Okta's last answer does then is not the person's doing.
func TestCompletingAsksForNothing(t *testing.T) {
	// byCode and byPush lead to a sign-in that has only Okta's last answer to wait for, after 5 s.
	byCode := func(r *rig) transaction.View {
		v, _ := r.answer(r.begin("ann"), choose("totp"))
		time.Sleep(5 * time.Second)
		v, _ = r.answer(v, digits("654321"))
		r.org.phone(v, completing(v.Step.Person, identity.TOTP))
		return v
	}
	byPush := func(r *rig) transaction.View {
		v := r.begin("ann")
		time.Sleep(5 * time.Second)
		r.org.phone(v, completing(v.Step.Person, identity.Push))
		r.Touch(v.ID, site)
		synctest.Wait()
		time.Sleep(time.Second)
		return r.get(v)
	}
	ends := map[string]struct {
		do     func(r *rig, v transaction.View)
		result string
	}{
		"done": {func(r *rig, v transaction.View) { r.org.approve(v); r.unwatched(v) }, "success"},
		"not done by Okta in time": {func(r *rig, v transaction.View) {
			r.polled(v)
			time.Sleep(5*time.Minute + time.Second)
			r.wantDenied(r.get(v), flows.DeniedUnavailable)
		}, "unavailable"},
		"denied as unavailable": {func(r *rig, v transaction.View) {
			r.org.phone(v, refusal(flows.DeniedUnavailable, true))
			r.unwatched(v)
		}, "unavailable"},
		"expired at Okta": {func(r *rig, v transaction.View) {
			r.org.script(func(o *org) { clear(o.signIns) })
			r.unwatched(v)
		}, "expired"},
		"cancelled": {func(r *rig, v transaction.View) { r.Cancel(context.Background(), v.ID, site) }, "abandoned"},
	}
	for end, e := range ends {
		for by, reach := range map[string]func(*rig) transaction.View{"totp": byCode, "push": byPush} {
			t.Run(by+", "+end, func(t *testing.T) {
				within(t, transaction.Config{}, func(r *rig) {
					v := reach(r)
					if v.Step.Wait == nil || !v.Step.Wait.Completing {
						t.Fatalf("step is %+v, want one that completes", v.Step)
					}
					e.do(r, v)
					synctest.Wait()
					want := fmt.Sprintf("[%s] [%s accepted 5s]", e.result, by)
					if got := fmt.Sprint(r.heard.signIns, r.heard.challenges); got != want {
						t.Errorf("heard %s, want %s", got, want)
					}
				})
			})
		}
	}
}

// The end of the lifetime finds a sign-in that completes: nobody was too slow.
func TestLifetimeEndsWhileCompleting(t *testing.T) {
	within(t, transaction.Config{MaxWait: time.Hour}, func(r *rig) {
		v, _ := r.answer(r.begin("ann"), choose("totp"))
		_, _ = r.answer(v, digits("654321"))
		time.Sleep(time.Hour)
		synctest.Wait()
		if got := fmt.Sprint(r.heard.signIns, r.heard.challenges); got != "[abandoned] [totp accepted 0s]" {
			t.Errorf("heard %s", got)
		}
	})
}

// A push that is approved in its last second leaves Okta the whole MaxWait to complete it, and the page is told.
func TestCompletingHasATimeOfItsOwn(t *testing.T) {
	within(t, transaction.Config{}, func(r *rig) {
		v := r.begin("ann")
		time.Sleep(5*time.Minute - 10*time.Second)
		r.org.phone(v, completing(v.Step.Person, identity.Push))
		r.polled(v)
		now := r.get(v)
		if now.Seq == v.Seq {
			t.Error("the page was not told that nobody is to look at a phone any more")
		}
		time.Sleep(5*time.Minute - 10*time.Second)
		r.wantKind(r.get(v), flows.KindWait)
	})
}
