package transaction_test

import (
	"testing"
	"testing/synctest"
	"time"

	"sidegate.example/sidegate/flows"
	"sidegate.example/sidegate/gateway/identity"
	"sidegate.example/sidegate/gateway/transaction"
)

// mailed is a code that a link in the same e-mail may make unnecessary.
func mailed() flows.Step {
	return flows.Step{Kind: flows.KindCode, Factor: identity.Email, Fields: []flows.Field{{Name: "code"}}, Wait: &flows.Wait{Interval: interval}}
}

// scanning is the set-up of a phone.
func scanning() flows.Step {
	return flows.Step{Kind: flows.KindWait, Enrolling: true, Factor: identity.Push, Wait: &flows.Wait{Interval: interval},
		Setup: &flows.Setup{Channel: flows.ChannelQR, QR: []byte("png")}}
}

func (r *rig) starting(step flows.Step) transaction.View {
	r.Helper()
	r.org.script(func(o *org) { o.onStart = func(flows.Answer) (flows.Step, error) { return step, nil } })
	return r.begin("ann")
}

// A person who types a code must not have the page replaced under their hands by polls that bring nothing.
func TestPollsBesideACodeKeepItsPage(t *testing.T) {
	within(t, transaction.Config{}, func(r *rig) {
		wrong := mailed()
		wrong.Fields = []flows.Field{{Name: "code", Messages: []flows.Message{{Key: "wrong", Error: true}}}}
		v := r.starting(wrong)
		r.org.script(func(o *org) {
			plain := mailed() // a poll does not bring the message again
			plain.Wait.Interval = 8 * time.Second
			o.signIns[v.Step.Person].shown = &plain
		})
		watch := r.watch(v)
		defer watch.Close()
		time.Sleep(time.Minute)
		synctest.Wait()
		if polls := r.org.seen().polls; polls < 6 || polls > 8 {
			t.Errorf("%d polls in a minute, want one after 4 s and then one each 8 s", polls)
		}
		now := r.get(v)
		if isTold(watch.Changed()) || now.Seq != v.Seq || len(now.Step.Fields[0].Messages) != 1 {
			t.Errorf("the page changed under the person's hands: seq %d, then %d, %+v", v.Seq, now.Seq, now.Step)
		}
		if len(r.heard.challenges) != 0 {
			t.Errorf("a poll counted as an answer: %v", r.heard.challenges)
		}
	})
}

// The link in the e-mail ends the wait as an approval does.
func TestMailedLinkEndsACode(t *testing.T) {
	within(t, transaction.Config{}, func(r *rig) {
		v := r.starting(mailed())
		watch := r.watch(v)
		defer watch.Close()
		r.org.phone(v, success("ann", identity.Email))
		time.Sleep(2 * interval)
		synctest.Wait()
		if !isTold(watch.Changed()) {
			t.Error("the tab was not told")
		}
		r.wantKind(r.get(v), flows.KindDone)
		if want := []string{"email accepted 4s"}; len(r.heard.challenges) != 1 || r.heard.challenges[0] != want[0] {
			t.Errorf("challenges %v, want %v", r.heard.challenges, want)
		}
	})
}

// To set a phone up takes longer than to answer a push: only the end of the sign-in ends it, and it is no challenge.
func TestSettingAPhoneUpMayTakeLong(t *testing.T) {
	within(t, transaction.Config{MaxWait: time.Minute, Lifetime: 20 * time.Minute}, func(r *rig) {
		v := r.starting(scanning())
		watch := r.watch(v)
		defer watch.Close()
		time.Sleep(10 * time.Minute)
		synctest.Wait()
		now := r.get(v)
		r.wantKind(now, flows.KindWait)
		if now.Seq != v.Seq || now.Step.Setup == nil || string(now.Step.Setup.QR) != "png" {
			t.Errorf("seq %d, then %d, set-up %+v: an unchanged poll must keep what is to be scanned", v.Seq, now.Seq, now.Step.Setup)
		}
		r.org.script(func(o *org) {
			other := scanning()
			other.Setup = &flows.Setup{Channel: flows.ChannelQR, QR: []byte("another")}
			o.signIns[v.Step.Person].shown = &other
		})
		time.Sleep(2 * interval)
		synctest.Wait()
		if now := r.get(v); now.Seq == v.Seq || string(now.Step.Setup.QR) != "another" {
			t.Errorf("a new picture was not shown: %+v", now.Step.Setup)
		}
		r.org.phone(v, success("ann", identity.Push))
		time.Sleep(2 * interval)
		synctest.Wait()
		r.wantKind(r.get(v), flows.KindDone)
		if len(r.heard.challenges) != 0 {
			t.Errorf("an enrolment counted as a challenge: %v", r.heard.challenges)
		}
	})
}
