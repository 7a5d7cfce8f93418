package transaction_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"sidegate.example/sidegate/flows"
	"sidegate.example/sidegate/gateway/transaction"
)

// A replica dies in the middle of a call, after Okta gave what it gives only once: the person goes on through another from
// there, and what the dead one might still have to say is not heard.
func TestReplicaDiesBetweenApprovalAndTokens(t *testing.T) {
	together(t, transaction.Config{}, func(r *replicas) {
		v := r.a.begin("ann")
		on := r.b.get(v)
		resume := make(chan struct{})
		r.org.script(func(o *org) {
			o.onKept = func() {
				r.way[0].down.Store(true)
				<-resume
			}
		})
		r.org.approve(v)
		r.a.polled(v)
		before := r.org.seen().polls
		if got := r.b.get(v); got.Step.Wait == nil || !got.Step.Wait.Completing || got.Seq == on.Seq {
			t.Errorf("on another replica: %+v", got)
		}
		w := r.b.watch(v)
		defer w.Close()
		time.Sleep(25 * time.Second) // the turn of the dead one ends
		synctest.Wait()
		r.org.script(func(o *org) { o.overlap = false }) // the dead one's call is none
		if n := r.org.seen().polls - before; n != 1 {
			t.Errorf("%d polls went on from what was kept, want 1", n)
		}
		r.b.wantKind(r.b.get(v), flows.KindDone)
		close(resume)
		time.Sleep(time.Minute)
		synctest.Wait()
		r.org.script(func(o *org) { o.overlap, o.outdated = false, false })
		r.way[0].back()
		synctest.Wait()
		if n := len(r.heard.challenges); n != 1 {
			t.Errorf("heard %q", r.heard.challenges)
		}
	})
}

// What is kept ahead is the middle of a step: who watches on another replica and has read it hears of its end all the same, and
// a page that was made of it and asks only then whether there is news is not taken for one of the end.
func TestWhatIsKeptAheadHidesNoEnd(t *testing.T) {
	together(t, transaction.Config{}, func(r *replicas) {
		v := r.a.begin("ann")
		var changed <-chan struct{}
		var middle transaction.View
		r.org.script(func(o *org) {
			o.onKept = func() {
				if middle = r.b.get(v); middle.Step.Wait == nil || !middle.Step.Wait.Completing {
					t.Errorf("in the middle it is %+v", middle)
				}
				w := r.b.watch(v)
				t.Cleanup(w.Close)
				changed = w.Changed()
			}
		})
		r.org.approve(v)
		r.a.polled(v)
		time.Sleep(interval)
		synctest.Wait()
		if !isTold(changed) {
			t.Error("the end was not told")
		}
		end := r.b.get(v)
		r.b.wantKind(end, flows.KindDone)
		if end.Seq == middle.Seq || middle.Seq == v.Seq {
			t.Errorf("the steps are %d, %d and %d", v.Seq, middle.Seq, end.Seq)
		}
	})
}

// twice is an org whose poll gets what it gets once in two pieces, and keeps both: the code, and the tokens for it.
type twice struct {
	*org
	between, then func()
	after         []string // what later polls went on with
}

func (o *twice) Poll(ctx context.Context, c flows.ClientContext, s flows.State) (flows.State, flows.Step, error) {
	if o.then == nil {
		o.after = append(o.after, string(s))
		return s, completing("ann", ""), nil
	}
	then := o.then
	o.then = nil
	flows.Keep(ctx, flows.State("code"), completing("ann", ""))
	o.between()
	flows.Keep(ctx, flows.State("tokens"), completing("ann", ""))
	then()
	return flows.State("tokens"), completing("ann", ""), nil
}

// A replica that has read what was kept first goes on with what was kept last: the code is spent by then.
func TestWhatIsKeptSecondIsSeen(t *testing.T) {
	together(t, transaction.Config{}, func(r *replicas) {
		v, resume := r.a.begin("ann"), make(chan struct{})
		o := &twice{org: r.org, between: func() { r.b.get(v) }}
		o.then = func() {
			r.way[0].down.Store(true) // the first replica dies
			<-resume
		}
		r.a.SetEngine(engine, 2, o, r.heard)
		r.b.SetEngine(engine, 2, o, r.heard)
		r.a.polled(v)
		w := r.b.watch(v)
		time.Sleep(25 * time.Second) // the turn of the dead one ends
		synctest.Wait()
		w.Close()
		if len(o.after) == 0 || o.after[0] != "tokens" {
			t.Errorf("the other replica went on with %q", o.after)
		}
		close(resume)
		synctest.Wait()
	})
}
