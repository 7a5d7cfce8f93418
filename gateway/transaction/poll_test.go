package transaction_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"sidegate.example/sidegate/flows"
	"sidegate.example/sidegate/gateway/identity"
	"sidegate.example/sidegate/gateway/transaction"
)

// gaps are the times between the end of one poll (or the begin) and the start of the next.
func (r *rig) gaps(began time.Time) []time.Duration {
	var gaps []time.Duration
	for _, p := range r.org.spans() {
		gaps = append(gaps, p.from.Sub(began))
		began = p.to
	}
	return gaps
}

// wantGaps: each at least as long as asked for, and at most a tenth longer.
func (r *rig) wantGaps(began time.Time, want ...time.Duration) {
	r.Helper()
	got := r.gaps(began)
	if len(got) != len(want) {
		r.Fatalf("%d polls (gaps %v), want %d", len(got), got, len(want))
	}
	for i, gap := range got {
		if gap < want[i] || gap > want[i]*11/10 {
			r.Errorf("poll %d came %v after the answer before it, want %v to %v", i+1, gap, want[i], want[i]*11/10)
		}
	}
}

func repeat(n int, d time.Duration) []time.Duration {
	all := make([]time.Duration, n)
	for i := range all {
		all[i] = d
	}
	return all
}

// One poll per interval, counted from the end of the answer before, with one tab or fifty (§5.7 rules 1-3).
func TestOnePollPerIntervalHoweverManyTabs(t *testing.T) {
	for _, tabs := range []int{1, 50} {
		within(t, transaction.Config{}, func(r *rig) {
			r.org.slow(700 * time.Millisecond)
			v := r.begin("ann")
			began := time.Now()
			for range tabs {
				defer r.watch(v).Close()
				r.Touch(v.ID, site)
			}
			time.Sleep(4 * time.Minute)
			synctest.Wait()
			polls := r.org.seen().polls
			// 240 s hold between 240/5.1 = 47 and 240/4.7 = 51 polls of 0.7 s every 4.0 to 4.4 s.
			if polls < 47 || polls > 51 {
				t.Fatalf("%d polls in 4 min with %d tabs", polls, tabs)
			}
			r.wantGaps(began, repeat(polls, interval)...)
		})
	}
}

// Nobody waits: no poll. Somebody comes back: at once, but never before the interval is over.
func TestPollsOnlyWhileSomebodyWaits(t *testing.T) {
	within(t, transaction.Config{MaxWait: time.Hour, Lifetime: 2 * time.Hour}, func(r *rig) {
		v := r.begin("ann")
		time.Sleep(3 * time.Minute)
		r.wantSeen(counts{starts: 1})

		w := r.watch(v)
		synctest.Wait()
		r.wantSeen(counts{starts: 1, polls: 1})

		time.Sleep(time.Second)
		w.Close()
		time.Sleep(time.Second)
		back := r.watch(v) // 2 s after the poll: the interval holds
		synctest.Wait()
		r.wantSeen(counts{starts: 1, polls: 1})
		time.Sleep(interval*11/10 - 2*time.Second)
		synctest.Wait()
		r.wantSeen(counts{starts: 1, polls: 2})
		back.Close()
		back.Close() // twice is once
		time.Sleep(3 * time.Minute)
		r.wantSeen(counts{starts: 1, polls: 2})
	})
}

// A page without script counts as waiting for 15 s after each refresh.
func TestTouchKeepsPollingForFifteenSeconds(t *testing.T) {
	within(t, transaction.Config{}, func(r *rig) {
		v := r.begin("ann")
		r.Touch(v.ID, site)
		began := time.Now()
		time.Sleep(2 * time.Minute)
		r.wantGaps(began, repeat(3, interval)...) // at about 4, 8 and 12 s
	})
}

// A tab hears of an approval in the instant of the poll that saw it, and all tabs do.
func TestWatchersAreToldInTheInstantOfThePoll(t *testing.T) {
	within(t, transaction.Config{}, func(r *rig) {
		v := r.begin("ann")
		told := make(chan time.Time, 50)
		for range cap(told) {
			w := r.watch(v)
			defer w.Close()
			go func() {
				for changed := w.Changed(); r.get(v).Step.Kind != flows.KindDone; changed = w.Changed() {
					<-changed
				}
				told <- time.Now()
			}()
		}
		time.Sleep(time.Minute)
		r.org.approve(v)
		for range cap(told) {
			at := <-told
			polls := r.org.spans()
			if last := polls[len(polls)-1]; !at.Equal(last.to) {
				t.Fatalf("a tab was told %v after the poll", at.Sub(last.to))
			}
		}
	})
}

// A change that comes between the reading of the View and the asking for the channel is not missed.
func TestChangedMissesNothing(t *testing.T) {
	within(t, transaction.Config{}, func(r *rig) {
		v := r.begin("ann")
		w := r.watch(v)
		defer w.Close()
		if isTold(w.Changed()) {
			t.Fatal("told of a change before there was one")
		}
		_, _ = r.answer(v, choose("totp"))
		if !isTold(w.Changed()) {
			t.Error("the change before Changed was missed")
		}
		changed := w.Changed()
		if isTold(changed) {
			t.Error("told again of the same change")
		}
		r.Cancel(context.Background(), v.ID, site)
		if !isTold(changed) || !isTold(w.Changed()) {
			t.Error("not told that the transaction is gone")
		}
	})
}

// Only what a person can see is a change: the next poll's interval is not.
func TestSamePushIsNoChangeANewNumberIs(t *testing.T) {
	within(t, transaction.Config{}, func(r *rig) {
		v := r.begin("ann")
		w := r.watch(v)
		defer w.Close()
		changed := w.Changed()
		time.Sleep(20 * time.Second)
		synctest.Wait()
		if now := r.get(v); isTold(changed) || now.Seq != v.Seq {
			t.Fatalf("polls without news made seq %d of %d", now.Seq, v.Seq)
		}
		r.org.script(func(o *org) { o.signIns[v.Step.Person].number = "42" })
		time.Sleep(interval * 11 / 10)
		synctest.Wait()
		if now := r.get(v); !isTold(changed) || now.Seq == v.Seq || now.Step.Wait.Number != "42" {
			t.Errorf("a new number: seq %d, number %q", now.Seq, now.Step.Wait.Number)
		}
	})
}

// S22, S23: the phone shows the browser that asked for this push; polls say the same, and so does the page.
func TestS23PollsAndPageShowTheClientOfTheLatestGesture(t *testing.T) {
	within(t, transaction.Config{}, func(r *rig) {
		v := r.begin("ann")
		now, err := r.Answer(context.Background(), v.ID, site, v.Seq, client(t, "198.51.100.99"), choose("push"))
		if err != nil {
			t.Fatal(err)
		}
		if got := now.Client.Addr().String(); got != "198.51.100.99" {
			t.Errorf("the page says %s", got)
		}
		w := r.watch(now)
		time.Sleep(20 * time.Second)
		synctest.Wait()
		w.Close()
		r.Cancel(context.Background(), v.ID, site)
		r.org.mu.Lock()
		defer r.org.mu.Unlock()
		for _, c := range r.org.clients {
			if c.Addr().String() != "198.51.100.99" {
				t.Errorf("a call after the gesture carried %v", c.Addr())
			}
		}
		if len(r.org.clients) != len(r.org.polls)+1 || len(r.org.polls) == 0 {
			t.Errorf("%d clients of %d polls and a cancel", len(r.org.clients), len(r.org.polls))
		}
	})
}

// A gesture of which Okta never heard does not change whom the phone shows; one that was stale does not either.
func TestS23OnlyWhatOktaWasShownIsTheClient(t *testing.T) {
	within(t, transaction.Config{}, func(r *rig) {
		v := r.begin("ann")
		for _, c := range []struct {
			seq    uint64
			choice string
			want   string
		}{
			{v.Seq, "unknown", "203.0.113.7"},
			{v.Seq + 1, "push", "203.0.113.7"},
			{v.Seq, "malformed", "198.51.100.99"}, // Okta may have heard of it
		} {
			got, err := r.Answer(context.Background(), v.ID, site, c.seq, client(t, "198.51.100.99"), choose(c.choice))
			if err == nil || got.Client.Addr().String() != c.want {
				t.Errorf("%s at %d: %v with client %v, want an error with %s", c.choice, c.seq, err, got.Client.Addr(), c.want)
			}
		}
	})
}

// An unanswered push is taken back after MaxWait, whether somebody waits or not.
func TestMaxWaitCancelsAtOkta(t *testing.T) {
	for name, waiting := range map[string]bool{"somebody waits": true, "nobody waits": false} {
		t.Run(name, func(t *testing.T) {
			within(t, transaction.Config{MaxWait: time.Minute}, func(r *rig) {
				v := r.begin("ann")
				if waiting {
					defer r.watch(v).Close()
				}
				time.Sleep(time.Minute - time.Nanosecond)
				r.wantKind(r.get(v), flows.KindWait)
				time.Sleep(time.Nanosecond)
				synctest.Wait()
				r.wantDenied(r.get(v), flows.DeniedTimeout)
				polls := r.org.seen().polls
				r.wantSeen(counts{starts: 1, polls: polls, cancels: 1})
				r.org.approve(v)
				time.Sleep(time.Minute)
				r.wantSeen(counts{starts: 1, polls: polls, cancels: 1})
				r.wantNoRedemption(v.ID, transaction.ErrNotDone)
			})
		})
	}
}

// A push that is sent again has its own time.
func TestMaxWaitStartsOverWithAResend(t *testing.T) {
	within(t, transaction.Config{MaxWait: time.Minute}, func(r *rig) {
		v := r.begin("ann")
		time.Sleep(50 * time.Second)
		if _, err := r.answer(v, choose("push")); err != nil {
			t.Fatal(err)
		}
		time.Sleep(59 * time.Second)
		r.wantKind(r.get(v), flows.KindWait)
		time.Sleep(time.Second)
		synctest.Wait()
		r.wantDenied(r.get(v), flows.DeniedTimeout)
	})
}

// §5.7 rule 1: the gesture comes after the poll in flight, and gives up waiting when its browser does.
func TestGestureWaitsForThePollInFlight(t *testing.T) {
	within(t, transaction.Config{}, func(r *rig) {
		v := r.begin("ann")
		r.org.slow(3 * time.Second)
		defer r.watch(v).Close()
		for r.org.seen().polls == 0 {
			time.Sleep(10 * time.Millisecond)
		}
		hasty, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		if _, err := r.Answer(hasty, v.ID, site, v.Seq, client(t, "203.0.113.7"), choose("totp")); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("a gesture whose browser left: %v, want its context's error", err)
		}
		if _, err := r.answer(v, choose("totp")); err != nil {
			t.Errorf("a patient gesture: %v", err)
		}
		r.wantSeen(counts{starts: 1, polls: 1, advances: 1})
	})
}

// The poll in flight may be the one that ends the step: then the gesture is stale and nothing is sent.
func TestGestureAfterAnApprovingPollIsStale(t *testing.T) {
	within(t, transaction.Config{}, func(r *rig) {
		v := r.begin("ann")
		r.org.slow(time.Second)
		defer r.watch(v).Close()
		r.org.approve(v)
		time.Sleep(interval * 11 / 10)
		now, err := r.answer(v, choose("totp"))
		if !errors.Is(err, transaction.ErrStale) || now.Step.Kind != flows.KindDone {
			t.Errorf("%v at %q, want ErrStale at done", err, now.Step.Kind)
		}
		r.wantSeen(counts{starts: 1, polls: 1})
	})
}

// Workers bounds what is in flight; the others have their turn in time, none is lost.
func TestPollsNeverExceedTheWorkers(t *testing.T) {
	within(t, transaction.Config{Workers: 3}, func(r *rig) {
		r.org.slow(time.Second)
		var views []transaction.View
		for range 30 {
			v := r.begin("ann")
			views = append(views, v)
			defer r.watch(v).Close()
			r.org.phone(v, success("ann", identity.Push))
		}
		time.Sleep(30 * time.Second)
		synctest.Wait()
		for _, v := range views {
			r.wantKind(r.get(v), flows.KindDone)
		}
		for _, a := range r.org.spans() {
			inFlight := 0
			for _, b := range r.org.spans() {
				if !b.from.After(a.from) && b.to.After(a.from) {
					inFlight++
				}
			}
			if inFlight > 3 {
				t.Fatalf("%d polls in flight, want at most 3", inFlight)
			}
		}
	})
}
