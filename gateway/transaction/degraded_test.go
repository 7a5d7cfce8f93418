package transaction_test

import (
	"testing"
	"testing/synctest"
	"time"

	"sidegate.example/sidegate/flows"
	"sidegate.example/sidegate/gateway/transaction"
)

func waitingForOkta() *flows.Step {
	return &flows.Step{Kind: flows.KindWait, Wait: &flows.Wait{Interval: interval, Degraded: true}}
}

// An Okta in safe mode is polled for; its wait is no challenge, and ends as an outage of Okta's. What was asked for when
// it came has been neither accepted nor refused.
func TestOktaInSafeModeIsWaitedFor(t *testing.T) {
	within(t, transaction.Config{MaxWait: 5 * time.Minute, Lifetime: 20 * time.Minute}, func(r *rig) {
		v := r.starting(mailed())
		watch := r.watch(v)
		defer watch.Close()
		brings := func(s *flows.Step, kind flows.Kind, after time.Duration) transaction.View {
			r.org.script(func(o *org) { o.signIns[v.Step.Person].shown = s })
			time.Sleep(after)
			synctest.Wait()
			now := r.get(v)
			r.wantKind(now, kind)
			return now
		}
		if now := brings(waitingForOkta(), flows.KindWait, 2*interval); !now.Step.Wait.Degraded || !isTold(watch.Changed()) {
			t.Errorf("the tab sees %+v", now.Step)
		}
		code := mailed()
		brings(&code, flows.KindCode, 2*interval)
		if now := brings(waitingForOkta(), flows.KindDenied, 6*time.Minute); now.Step.Denied.Reason != flows.DeniedUnavailable {
			t.Errorf("after five minutes: %+v", now.Step.Denied)
		}
		if len(r.heard.challenges) != 0 {
			t.Errorf("challenges are %v, want none", r.heard.challenges)
		}
	})
}

// A code that Okta could not judge has been neither accepted nor refused.
func TestCodeThatMeetsSafeModeIsNotJudged(t *testing.T) {
	within(t, transaction.Config{}, func(r *rig) {
		v := r.starting(code("ann"))
		now, err := r.answer(v, digits("777777"))
		if err != nil || !now.Step.Wait.Degraded || len(r.heard.challenges) != 0 {
			t.Errorf("%+v %v, challenges %v, want none", now.Step, err, r.heard.challenges)
		}
	})
}
