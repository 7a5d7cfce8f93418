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

// S74: a phone that is set up after the sign-in ended, or in another one, lets nobody in.
func TestS74EnrolmentOfAnotherOrAnEndedSignIn(t *testing.T) {
	for name, end := range map[string]func(r *rig, v transaction.View){
		"cancelled": func(r *rig, v transaction.View) { r.Cancel(context.Background(), v.ID, site) },
		"expired":   func(r *rig, v transaction.View) { time.Sleep(25 * time.Minute) },
		"cancelled while the poll that saw it is in flight": func(r *rig, v transaction.View) {
			r.org.slow(time.Second)
			w := r.watch(v)
			defer w.Close()
			r.org.approve(v)
			time.Sleep(interval * 11 / 10)
			r.Cancel(context.Background(), v.ID, site)
		},
	} {
		t.Run(name, func(t *testing.T) {
			within(t, transaction.Config{Lifetime: 20 * time.Minute}, func(r *rig) {
				v := r.starting(scanning())
				other := r.starting(scanning())
				end(r, v)
				r.org.approve(v)
				r.Touch(v.ID, site)
				time.Sleep(time.Minute)
				synctest.Wait()
				if _, ok := r.Get(v.ID, site); ok {
					t.Error("the transaction is still there")
				}
				r.wantNoRedemption(v.ID, transaction.ErrGone)
				if got, ok := r.Get(other.ID, site); ok {
					r.wantKind(got, flows.KindWait)
					r.wantNoRedemption(other.ID, transaction.ErrNotDone)
				}
				if len(r.heard.challenges) != 0 {
					t.Errorf("challenges are %v, want none: nothing was asked for", r.heard.challenges)
				}
			})
		})
	}
}

// S75: what sets a phone up goes to the browser that began it, and to no other.
func TestS75SetUpIsShownToItsOwnTransaction(t *testing.T) {
	within(t, transaction.Config{}, func(r *rig) {
		v := r.starting(scanning())
		for _, who := range []struct{ id, site string }{{v.ID, "other.example.com"}, {"", site}, {v.ID[1:], site}} {
			if got, ok := r.Get(who.id, who.site); ok || got.Step.Setup != nil {
				t.Errorf("%v may read it: %+v", who, got.Step.Setup)
			}
			if got, err := r.Answer(context.Background(), who.id, who.site, v.Seq, client(t, "198.51.100.1"), choose("channel-email")); !errors.Is(err, transaction.ErrGone) || got.Step.Setup != nil {
				t.Errorf("%v may switch the channel: %v", who, err)
			}
		}
		if got := r.get(v); got.Step.Setup == nil || r.org.seen().advances != 0 {
			t.Errorf("its own browser sees %+v after %+v", got.Step.Setup, r.org.seen())
		}
	})
}
