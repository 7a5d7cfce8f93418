package transaction_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"sidegate.example/sidegate/flows"
	"sidegate.example/sidegate/gateway/identity"
	"sidegate.example/sidegate/gateway/transaction"
)

func bySubject(i identity.Identity) (string, error) { return "session of " + i.Subject, nil }

// S46: a transaction gets an id that nobody can have preset, and once redeemed the id is worth nothing.
func TestS46EveryBeginGetsAFreshID(t *testing.T) {
	within(t, transaction.Config{}, func(r *rig) {
		seen := map[string]bool{}
		for i := range 1000 {
			v := r.beginFrom(address(i), "ann")
			if len(v.ID) < 22 || seen[v.ID] {
				t.Fatalf("id %q is short or came twice", v.ID)
			}
			seen[v.ID] = true
		}
	})
}

// S48: 200 people at once, each with another delay, by push and by code: nobody gets another's identity.
func TestS48NobodyGetsAnothersIdentity(t *testing.T) {
	within(t, transaction.Config{}, func(r *rig) {
		r.org.script(func(o *org) { o.latency = func() time.Duration { return rand.N(900 * time.Millisecond) } })
		var people sync.WaitGroup
		for i := range 200 {
			people.Go(func() { r.signInAs(address(i), fmt.Sprintf("user%d", i), i%2 == 0) })
		}
		people.Wait()
		if got := len(r.heard.signIns); got != 200 {
			t.Errorf("%d sign-ins were counted, want 200", got)
		}
	})
}

func (r *rig) signInAs(addr, user string, byCode bool) {
	v := r.beginFrom(addr, user)
	if byCode {
		v, _ = r.answer(v, choose("totp"))
		_, _ = r.answer(v, digits("123456"))
	} else {
		w := r.watch(v)
		defer w.Close()
		time.Sleep(rand.N(20 * time.Second))
		r.org.approve(v)
		for changed := w.Changed(); r.get(v).Step.Kind != flows.KindDone; changed = w.Changed() {
			<-changed
		}
	}
	got, who, err := r.Redeem(v.ID, site, bySubject)
	if err != nil || who.Subject != user || got != "session of "+user {
		r.Errorf("%s got %q for %q: %v", user, got, who.Subject, err)
	}
}

// S74: two pushes for one person; the approval of one completes that one alone.
func TestS74ApprovalCompletesItsOwnTransactionOnly(t *testing.T) {
	within(t, transaction.Config{}, func(r *rig) {
		first, second := r.begin("ann"), r.begin("ann")
		defer r.watch(first).Close()
		defer r.watch(second).Close()
		r.org.approve(first)
		time.Sleep(2 * interval)
		synctest.Wait()
		r.wantKind(r.get(first), flows.KindDone)
		r.wantKind(r.get(second), flows.KindWait)
		r.wantNoRedemption(second.ID, transaction.ErrNotDone)
	})
}

// S74: what is approved after the person cancelled, or after the time was up, makes no session.
func TestS74ApprovalAfterTheEndMakesNoSession(t *testing.T) {
	end := map[string]func(r *rig, v transaction.View){
		"cancelled": func(r *rig, v transaction.View) { r.Cancel(context.Background(), v.ID, site) },
		"expired":   func(r *rig, v transaction.View) { time.Sleep(10 * time.Minute) },
		"cancelled while the approving poll is in flight": func(r *rig, v transaction.View) {
			r.org.slow(time.Second)
			w := r.watch(v)
			defer w.Close()
			r.org.approve(v)
			time.Sleep(interval * 11 / 10)
			r.Cancel(context.Background(), v.ID, site)
		},
	}
	for name, end := range end {
		t.Run(name, func(t *testing.T) {
			within(t, transaction.Config{MaxWait: time.Hour}, func(r *rig) {
				v := r.begin("ann")
				end(r, v)
				r.org.approve(v)
				r.Touch(v.ID, site)
				time.Sleep(time.Minute)
				if _, ok := r.Get(v.ID, site); ok {
					t.Error("the transaction is still there")
				}
				r.wantNoRedemption(v.ID, transaction.ErrGone)
				if got := fmt.Sprint(r.heard.signIns, r.heard.pending); got != "[abandoned] 0" {
					t.Errorf("sign-ins and pending are %s, want [abandoned] 0", got)
				}
				if got := fmt.Sprint(r.heard.challenges); strings.Contains(got, "accepted") {
					t.Errorf("challenges are %s: one was counted that came too late", got)
				}
			})
		})
	}
}

// Cancel waits for the gesture in flight and then ends what that gesture began (no push stays on the phone); the
// gesture itself finds nothing any more.
func TestCancelDuringAGesture(t *testing.T) {
	within(t, transaction.Config{}, func(r *rig) {
		v := r.begin("ann")
		r.org.slow(time.Second)
		answered := make(chan error, 1)
		go func() {
			_, err := r.answer(v, choose("push"))
			answered <- err
		}()
		synctest.Wait()
		r.Cancel(context.Background(), v.ID, site)
		if err := <-answered; !errors.Is(err, transaction.ErrGone) {
			t.Errorf("the gesture: %v, want ErrGone", err)
		}
		r.wantSeen(counts{starts: 1, advances: 1, cancels: 1})
	})
}

// Cancel ends the push at Okta even when the browser hung up at once.
func TestCancelReachesOktaThoughTheBrowserIsGone(t *testing.T) {
	within(t, transaction.Config{}, func(r *rig) {
		v := r.begin("ann")
		gone, hangUp := context.WithCancel(context.Background())
		hangUp()
		r.Cancel(gone, v.ID, site)
		r.wantSeen(counts{starts: 1, cancels: 1})
	})
}

// Cancel takes a bounded time though Okta hangs.
func TestCancelIsBounded(t *testing.T) {
	within(t, transaction.Config{CallTimeout: 5 * time.Second}, func(r *rig) {
		v := r.begin("ann")
		r.org.slow(time.Hour)
		began := time.Now()
		r.Cancel(context.Background(), v.ID, site)
		if took := time.Since(began); took != 5*time.Second {
			t.Errorf("Cancel took %v, want 5s", took)
		}
	})
}

// S75: with another site, or an id that is not exactly right, there is nothing: not to read, not to drive, not
// to end. The number to tap goes to the browser that started it alone.
func TestS75OthersSeeNothing(t *testing.T) {
	within(t, transaction.Config{}, func(r *rig) {
		v := r.begin("ann")
		r.org.script(func(o *org) { o.signIns[v.Step.Person].number = "42" })
		for _, who := range []struct{ id, site string }{
			{v.ID, "other.example.com"}, {v.ID, ""}, {"", site}, {v.ID + "A", site}, {v.ID[:len(v.ID)-1], site},
		} {
			if got, ok := r.Get(who.id, who.site); ok || got.ID != "" {
				t.Errorf("%v may read it", who)
			}
			if _, ok := r.Watch(who.id, who.site); ok {
				t.Errorf("%v may watch it", who)
			}
			if got, err := r.Answer(context.Background(), who.id, who.site, v.Seq, client(t, "198.51.100.1"), choose("push")); !errors.Is(err, transaction.ErrGone) || got.ID != "" {
				t.Errorf("%v may answer it: %v", who, err)
			}
			r.Touch(who.id, who.site)
			r.Cancel(context.Background(), who.id, who.site)
			if _, _, err := r.Redeem(who.id, who.site, bySubject); !errors.Is(err, transaction.ErrGone) {
				t.Errorf("%v may redeem it: %v", who, err)
			}
		}
		time.Sleep(time.Minute)
		r.wantSeen(counts{starts: 1})
		r.wantKind(r.get(v), flows.KindWait)
	})
}

// S79: reading, watching and touching make Okta do nothing but answer polls.
func TestS79OnlyGesturesReachStartAndAdvance(t *testing.T) {
	within(t, transaction.Config{}, func(r *rig) {
		v := r.begin("ann")
		for range 20 {
			w := r.watch(v)
			r.Touch(v.ID, site)
			r.get(v)
			time.Sleep(time.Second)
			w.Close()
		}
		seen := r.org.seen()
		if seen.starts != 1 || seen.advances != 0 || seen.cancels != 0 || seen.polls == 0 {
			t.Errorf("Okta saw %+v, want one start and polls only", seen)
		}
	})
}

func TestStaleAnswerSendsNothing(t *testing.T) {
	within(t, transaction.Config{}, func(r *rig) {
		v := r.begin("ann")
		now, err := r.answer(v, choose("totp"))
		if err != nil || now.Seq <= v.Seq {
			t.Fatalf("seq went from %d to %d: %v", v.Seq, now.Seq, err)
		}
		again, err := r.answer(v, choose("push"))
		if !errors.Is(err, transaction.ErrStale) || again.Seq != now.Seq {
			t.Errorf("answer to the step before: %v with seq %d, want ErrStale with the current %d", err, again.Seq, now.Seq)
		}
		done, _ := r.answer(now, digits("123456"))
		if _, err := r.answer(done, choose("push")); !errors.Is(err, transaction.ErrStale) {
			t.Errorf("answer to Done: %v, want ErrStale", err)
		}
		r.wantSeen(counts{starts: 1, advances: 2})
	})
}

// A wrong code shows the same step again, but the form of the first try is used up.
func TestRepeatedStepHasANewSeq(t *testing.T) {
	within(t, transaction.Config{}, func(r *rig) {
		v, _ := r.answer(r.begin("ann"), choose("totp"))
		wrong, _ := r.answer(v, digits("000000"))
		again, _ := r.answer(wrong, digits("000000"))
		if !(v.Seq < wrong.Seq && wrong.Seq < again.Seq) {
			t.Errorf("seq went %d, %d, %d", v.Seq, wrong.Seq, again.Seq)
		}
	})
}

// A double click: the browser gives the first request up and sends a second. Okta hears of one.
func TestDoubleClickIsOneGesture(t *testing.T) {
	within(t, transaction.Config{}, func(r *rig) {
		v := r.begin("ann")
		r.org.slow(time.Second)
		first, hangUp := context.WithCancel(context.Background())
		go func() { _, _ = r.Answer(first, v.ID, site, v.Seq, client(t, "203.0.113.7"), choose("totp")) }()
		synctest.Wait()
		hangUp()
		now, err := r.answer(v, choose("totp"))
		if !errors.Is(err, transaction.ErrStale) || now.Step.Kind != flows.KindCode {
			t.Errorf("second click: %v at %q, want ErrStale at the code step that the first one reached", err, now.Step.Kind)
		}
		r.wantSeen(counts{starts: 1, advances: 1})
	})
}

// An answer that Okta did not take leaves the step and its form as they are; so does an engine that panics.
func TestFailedAnswerKeepsTheStep(t *testing.T) {
	for _, fault := range []string{"malformed", "panic"} {
		t.Run(fault, func(t *testing.T) {
			within(t, transaction.Config{}, func(r *rig) {
				v := r.begin("ann")
				got, err := r.answer(v, choose(fault))
				var failed *flows.Error
				if !errors.As(err, &failed) || failed.Reason != flows.ReasonMalformed || got.Seq != v.Seq {
					t.Fatalf("%v with seq %d, want malformed with seq %d", err, got.Seq, v.Seq)
				}
				if now, err := r.answer(v, choose("totp")); err != nil || now.Step.Kind != flows.KindCode {
					t.Errorf("the same form again: %v at %q", err, now.Step.Kind)
				}
			})
		})
	}
}

// S71: a State that comes beside an error is the one to go on with, under the same step: an engine keeps in it that
// somebody has left a set-up, which the next poll must not count.
func TestStateBesideAnErrorIsGoneOnWith(t *testing.T) {
	within(t, transaction.Config{}, func(r *rig) {
		v := r.begin("ann")
		got, err := r.answer(v, choose("lost"))
		var failed *flows.Error
		if !errors.As(err, &failed) || failed.Reason != flows.ReasonUnavailable || got.Seq != v.Seq || got.Step.Kind != v.Step.Kind {
			t.Fatalf("%v with seq %d at %q, want the step of seq %d", err, got.Seq, got.Step.Kind, v.Seq)
		}
		if now, err := r.answer(v, choose("totp")); err != nil || now.Step.Kind != flows.KindCode {
			t.Errorf("the same form again: %v at %q", err, now.Step.Kind)
		}
	}) // the rig notices a call with the State that there was before
}

func TestAnswerToAnExpiredStateIsADeniedStep(t *testing.T) {
	within(t, transaction.Config{}, func(r *rig) {
		v := r.begin("ann")
		r.org.script(func(o *org) { clear(o.signIns) })
		now, err := r.answer(v, choose("totp"))
		if err != nil {
			t.Fatal(err)
		}
		r.wantDenied(now, flows.DeniedExpired)
	})
}

func TestFailedBeginKeepsNothing(t *testing.T) {
	within(t, transaction.Config{MaxPending: 1}, func(r *rig) {
		r.org.onStart = func(flows.Answer) (flows.Step, error) {
			return flows.Step{}, &flows.Error{Reason: flows.ReasonUnavailable, Err: errors.New("502")}
		}
		for range 3 {
			_, err := r.Begin(context.Background(), transaction.Begin{Engine: engine, Site: site, Client: client(t, "203.0.113.7"), Answer: typed("ann")})
			var failed *flows.Error
			if !errors.As(err, &failed) || failed.Reason != flows.ReasonUnavailable {
				t.Fatalf("Begin: %v", err)
			}
		}
		if got := fmt.Sprint(r.heard.signIns, r.heard.pending); got != "[unavailable unavailable unavailable] 0" {
			t.Errorf("sign-ins and pending are %s", got)
		}
	})
}

func TestBeginUnderAnUnknownEngine(t *testing.T) {
	within(t, transaction.Config{}, func(r *rig) {
		if _, err := r.Begin(context.Background(), transaction.Begin{Engine: "org-b", Site: site}); err == nil {
			t.Error("Begin took an engine that nobody set")
		}
	})
}
