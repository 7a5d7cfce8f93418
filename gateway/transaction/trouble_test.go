package transaction_test

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"sidegate.example/sidegate/flows"
	"sidegate.example/sidegate/gateway/transaction"
)

// failing answers the polls with these errors in turn, nil ones with the push.
func failing(errs ...error) func(int) error {
	return func(n int) error {
		if n > len(errs) {
			return nil
		}
		return errs[n-1]
	}
}

func failure(why flows.Reason, after time.Duration) error {
	return &flows.Error{Reason: why, RetryAfter: after, Err: errors.New("scripted")}
}

// What gives no answer slows the polling down, keeps the page, and is told when it starts and when it ends.
func TestPausesWhenOktaGivesNoAnswer(t *testing.T) {
	down, malformed := failure(flows.ReasonUnavailable, 0), failure(flows.ReasonMalformed, 0)
	misconfigured := failure(flows.ReasonMisconfigured, 0)
	s := time.Second
	for name, c := range map[string]struct {
		errs []error
		want []time.Duration
	}{
		"5xx doubles up to 30 s":          {[]error{down, down, down, down, down, nil}, []time.Duration{4 * s, 8 * s, 16 * s, 30 * s, 30 * s, 30 * s, 4 * s}},
		"success starts over":             {[]error{down, nil, down, nil}, []time.Duration{4 * s, 8 * s, 4 * s, 8 * s, 4 * s}},
		"malformed":                       {[]error{malformed, malformed}, []time.Duration{4 * s, 8 * s, 16 * s, 4 * s}},
		"misconfigured":                   {[]error{misconfigured}, []time.Duration{4 * s, 8 * s, 4 * s}},
		"5xx with Retry-After":            {[]error{failure(flows.ReasonUnavailable, 20*s)}, []time.Duration{4 * s, 20 * s, 4 * s}},
		"429 that does not say how long":  {[]error{failure(flows.ReasonRateLimited, 0)}, []time.Duration{4 * s, 60 * s, 4 * s}},
		"429 that says":                   {[]error{failure(flows.ReasonRateLimited, 25*s)}, []time.Duration{4 * s, 25 * s, 4 * s}},
		"429 that says less than we wait": {[]error{failure(flows.ReasonRateLimited, s)}, []time.Duration{4 * s, 4 * s, 4 * s}},
		"an error that is no flows.Error": {[]error{errors.New("bare")}, []time.Duration{4 * s, 8 * s, 4 * s}},
	} {
		t.Run(name, func(t *testing.T) {
			within(t, transaction.Config{}, func(r *rig) {
				r.org.onPoll = failing(c.errs...)
				v := r.begin("ann")
				began := time.Now()
				w := r.watch(v)
				for r.org.seen().polls < len(c.want) {
					time.Sleep(100 * time.Millisecond)
				}
				w.Close()
				r.wantGaps(began, c.want...)
				if now := r.get(v); now.Seq != v.Seq || now.Trouble != "" || now.Cause != nil {
					t.Errorf("afterwards seq %d (was %d) and trouble %q", now.Seq, v.Seq, now.Trouble)
				}
			})
		})
	}
}

func TestWatchersAreToldOfTroubleOnceAndOfItsEnd(t *testing.T) {
	within(t, transaction.Config{}, func(r *rig) {
		down := failure(flows.ReasonUnavailable, 0)
		r.org.onPoll = failing(down, down, failure(flows.ReasonRateLimited, 0))
		v := r.begin("ann")
		w := r.watch(v)
		defer w.Close()
		var troubles []flows.Reason
		for changed := w.Changed(); ; {
			<-changed
			changed = w.Changed()
			if isTold(changed) {
				changed = w.Changed()
			}
			now := r.get(v)
			r.wantKind(now, flows.KindWait)
			if now.Trouble != "" && now.Cause == nil {
				t.Error("trouble without its cause")
			}
			if troubles = append(troubles, now.Trouble); now.Trouble == "" {
				break
			}
		}
		if len(troubles) != 3 || troubles[0] != flows.ReasonUnavailable || troubles[1] != flows.ReasonRateLimited {
			t.Errorf("told of %q, want unavailable, rate_limited, recovered", troubles)
		}
	})
}

// A poll that panics is trouble for one transaction, not the end of the server.
func TestPanickingEngineIsTrouble(t *testing.T) {
	within(t, transaction.Config{}, func(r *rig) {
		r.org.onPoll = func(n int) error {
			if n == 1 {
				panic("nil map")
			}
			return nil
		}
		v := r.begin("ann")
		defer r.watch(v).Close()
		time.Sleep(interval * 11 / 10)
		synctest.Wait()
		if now := r.get(v); now.Trouble != flows.ReasonMalformed {
			t.Fatalf("trouble is %q, want malformed", now.Trouble)
		}
		r.org.approve(v)
		time.Sleep(interval * 22 / 10)
		synctest.Wait()
		r.wantKind(r.get(v), flows.KindDone)
	})
}

func TestExpiredPollEndsInADeniedStep(t *testing.T) {
	within(t, transaction.Config{}, func(r *rig) {
		v := r.begin("ann")
		defer r.watch(v).Close()
		r.org.script(func(o *org) { o.onPoll = failing(failure(flows.ReasonExpired, 0)) })
		time.Sleep(time.Minute)
		r.wantDenied(r.get(v), flows.DeniedExpired)
		r.wantSeen(counts{starts: 1, polls: 1})
	})
}

func TestHangingPollIsGivenUp(t *testing.T) {
	within(t, transaction.Config{CallTimeout: 2 * time.Second}, func(r *rig) {
		v := r.begin("ann")
		r.org.slow(time.Hour)
		defer r.watch(v).Close()
		time.Sleep(interval*11/10 + 2*time.Second)
		synctest.Wait()
		if now := r.get(v); now.Trouble != flows.ReasonUnavailable {
			t.Errorf("trouble is %q, want unavailable", now.Trouble)
		}
	})
}
