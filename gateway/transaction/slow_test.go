package transaction_test

import (
	"context"
	"errors"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"sidegate.example/sidegate/flows"
	"sidegate.example/sidegate/gateway/store"
	"sidegate.example/sidegate/gateway/transaction"
)

// sluggish is a store whose requests or replies are on their way for a while; news are not.
type sluggish struct {
	*reach
	request, reply, take, commit atomic.Int64 // of Get, Take and Commit
}

func (s *sluggish) Get(ctx context.Context, k store.Kind, id string) ([]byte, error) {
	request, reply := s.request.Swap(0), s.reply.Swap(0)
	time.Sleep(time.Duration(request))
	b, err := s.reach.Get(ctx, k, id)
	time.Sleep(time.Duration(reply))
	return b, err
}

func (s *sluggish) Take(ctx context.Context, k store.Kind, id string) ([]byte, error) {
	b, err := s.reach.Take(ctx, k, id)
	time.Sleep(time.Duration(s.take.Swap(0)))
	return b, err
}

func (s *sluggish) Commit(ctx context.Context, t store.Turn, doc []byte, ttl time.Duration, tell bool) error {
	err := s.reach.Commit(ctx, t, doc, ttl, tell)
	time.Sleep(time.Duration(s.commit.Swap(0)))
	return err
}

// sluggish makes the first replica's way to the store one.
func (r *replicas) sluggish() *sluggish {
	s := &sluggish{reach: r.way[0]}
	r.a.Use(&store.Store{Documents: s, Turns: s})
	synctest.Wait()
	return s
}

// S74: a sign-in that somebody waits for is cancelled, and the news of that come before the store's reply: it is cancelled at Okta all
// the same, for whoever finds it on the phone, and counted.
func TestS74NewsOfACancelAreQuickerThanTheReply(t *testing.T) {
	together(t, transaction.Config{}, func(r *replicas) {
		way := r.sluggish()
		v := r.a.begin("ann")
		defer r.a.watch(v).Close()
		way.take.Store(int64(time.Second))
		if err := r.a.Cancel(context.Background(), v.ID, site); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		r.wantSeen(counts{starts: 1, cancels: 1})
		if got := r.heard; !slices.Equal(got.signIns, []string{"abandoned"}) || got.pending != 0 {
			t.Errorf("heard %q, %d pending", got.signIns, got.pending)
		}
	})
}

// The store goes away before it has a sign-in that has begun here, and is there again: the person loads the page before it is kept,
// and is not told that there is none.
func TestPageOfASignInThatTheStoreDoesNotHaveYet(t *testing.T) {
	together(t, transaction.Config{}, func(r *replicas) {
		r.org.slow(time.Second)
		time.AfterFunc(500*time.Millisecond, func() { r.way[0].down.Store(true) })
		v := r.a.begin("ann")
		r.way[0].down.Store(false)
		r.a.wantKind(r.a.get(v), flows.KindWait)
		time.Sleep(putOff * 11 / 10)
		synctest.Wait()
		r.b.wantKind(r.b.get(v), flows.KindWait)
	})
}

// A page is loaded while the person's code is with Okta, and while what Okta said is not in the store yet: it waits for no store that
// does not answer.
func TestPageWaitsForNoStoreThatKnowsNoMore(t *testing.T) {
	together(t, transaction.Config{}, func(r *replicas) {
		way := r.sluggish()
		v := r.a.begin("ann")
		r.org.slow(time.Second)
		time.AfterFunc(500*time.Millisecond, func() {
			way.request.Store(int64(4 * time.Second))
			began := time.Now()
			r.a.wantKind(r.a.get(v), flows.KindWait)
			if took := time.Since(began); took != 0 {
				t.Errorf("during the call the page took %v", took)
			}
			r.outage()
		})
		v, err := r.a.answer(v, choose("totp"))
		if err != nil {
			t.Fatal(err)
		}
		way.request.Store(int64(4 * time.Second))
		began := time.Now()
		r.a.wantKind(r.a.get(v), flows.KindCode)
		if took := time.Since(began); took != 0 {
			t.Errorf("after the call the page took %v", took)
		}
	})
}

// A page is loaded, and before the store has the request, the person's approval is polled for and kept ahead: what was kept in the
// middle of a call here is no news here, and the approval is counted.
func TestPageDoesNotReadTheMiddleOfACallHere(t *testing.T) {
	together(t, transaction.Config{}, func(r *replicas) {
		way := r.sluggish()
		v := r.a.begin("ann")
		defer r.a.watch(v).Close()
		r.org.script(func(o *org) { o.onKept = func() { time.Sleep(2 * time.Second) } })
		r.org.approve(v)
		time.Sleep(interval - 100*time.Millisecond)
		way.request.Store(int64(time.Second))
		r.a.wantKind(r.a.get(v), flows.KindWait) // 100 ms to 1 s after the poll began
		time.Sleep(3 * time.Second)
		synctest.Wait()
		r.a.wantKind(r.a.get(v), flows.KindDone)
		if got := r.heard.challenges; len(got) != 1 {
			t.Errorf("heard %q", got)
		}
	})
}

// A page is loaded, and the store's reply takes so long that the person has gone on in another tab: the page is not of the step
// that is over, and neither is the next.
func TestLateReplyTakesNobodyBack(t *testing.T) {
	together(t, transaction.Config{}, func(r *replicas) {
		way := r.sluggish()
		v := r.a.begin("ann")
		time.AfterFunc(time.Second, func() {
			if _, err := r.a.answer(v, choose("totp")); err != nil {
				t.Error(err)
			}
		})
		way.reply.Store(int64(3 * time.Second))
		r.a.wantKind(r.a.get(v), flows.KindCode)
	})
}

// The news of what this replica has done come before the store's reply: they are no news here, and a reload that takes the store away
// keeps the sign-in.
func TestNewsOfAChangeHereAreQuickerThanTheReply(t *testing.T) {
	together(t, transaction.Config{}, func(r *replicas) {
		way := r.sluggish()
		v := r.a.begin("ann")
		way.commit.Store(int64(time.Second))
		v, err := r.a.answer(v, choose("totp"))
		if err != nil {
			t.Fatal(err)
		}
		r.a.Use(nil)
		r.a.wantKind(r.a.get(v), flows.KindCode)
	})
}

// Another replica asked for a push in place of the code and dies: who waits here is polled for from here.
func TestReplicaThatReadsAPushPollsForIt(t *testing.T) {
	together(t, transaction.Config{}, func(r *replicas) {
		v, err := r.a.answer(r.a.begin("ann"), choose("totp"))
		if err != nil {
			t.Fatal(err)
		}
		defer r.a.watch(v).Close()
		if v, err = r.b.answer(r.b.get(v), choose("push")); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		r.b.Close()
		r.org.approve(v)
		time.Sleep(interval * 11 / 10)
		synctest.Wait()
		r.a.wantKind(r.a.get(v), flows.KindDone)
	})
}

// A replica that could not read what another one has done does not go on alone from where it was when a reload takes the store away.
func TestAnotherStoreDropsWhatCouldNotBeRead(t *testing.T) {
	together(t, transaction.Config{}, func(r *replicas) {
		v := r.a.begin("ann")
		r.way[0].down.Store(true)
		if _, err := r.b.answer(r.b.get(v), choose("totp")); err != nil {
			t.Fatal(err)
		}
		r.a.wantKind(r.a.get(v), flows.KindWait)
		r.a.Use(nil)
		if _, err := r.a.Manager.Get(context.Background(), v.ID, site); !errors.Is(err, transaction.ErrGone) {
			t.Errorf("Get: %v", err)
		}
	})
}

// The same page has its reply only after the call, whose end is not in the store, which has gone away: what Okta said at the end, and
// says once, is not replaced by the middle.
func TestLateReplyDoesNotReplaceWhatIsNotKeptYet(t *testing.T) {
	together(t, transaction.Config{}, func(r *replicas) {
		way := r.sluggish()
		v := r.a.begin("ann")
		defer r.a.watch(v).Close()
		r.org.script(func(o *org) { o.onKept = func() { time.Sleep(2 * time.Second) } })
		r.org.approve(v)
		time.Sleep(interval - 100*time.Millisecond)
		way.request.Store(int64(time.Second))
		way.reply.Store(int64(3 * time.Second))
		time.AfterFunc(1500*time.Millisecond, r.outage)
		r.a.wantKind(r.a.get(v), flows.KindDone)
		r.back()
		time.Sleep(putOff * 11 / 10)
		synctest.Wait()
		r.b.wantKind(r.b.get(v), flows.KindDone)
	})
}

// A sign-in of an org that is not configured here, as during a rollout, is one that is not there.
func TestSignInOfAnUnknownEngineIsGone(t *testing.T) {
	together(t, transaction.Config{}, func(r *replicas) {
		r.a.SetEngine("new", 1, r.org, r.heard)
		v, err := r.a.Begin(context.Background(), transaction.Begin{Engine: "new", Site: site, Client: client(t, address(0)), Answer: typed("ann")})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := r.b.Manager.Get(context.Background(), v.ID, site); !errors.Is(err, transaction.ErrGone) {
			t.Errorf("Get: %v", err)
		}
	})
}
