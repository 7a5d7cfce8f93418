package transaction_test

import (
	"context"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"sidegate.example/sidegate/flows"
	"sidegate.example/sidegate/gateway/store"
	"sidegate.example/sidegate/gateway/transaction"
)

// lose has the store lose v; nobody is told of that.
func (r *replicas) lose(v transaction.View) {
	if err := r.way[0].Put(context.Background(), store.SignIns, v.ID, nil, 0); err != nil {
		r.Fatal(err)
	}
}

func (r *replicas) kept() int {
	n := 0
	for range r.way[0].All(context.Background(), store.SignIns) {
		n++
	}
	return n
}

func (r *replicas) wantHeard(want ...string) {
	r.Helper()
	r.heard.mu.Lock()
	defer r.heard.mu.Unlock()
	if !slices.Equal(r.heard.signIns, want) || r.heard.pending != 0 {
		r.Errorf("heard %q, %d pending, want %q", r.heard.signIns, r.heard.pending, want)
	}
}

// S74: the store has lost its data while somebody waits for a phone. The next poll, or a cancel during one, finds that out: the push
// does not stay open, and Okta is told with the state that the poll brought.
func TestS74PollOfWhatTheStoreHasLost(t *testing.T) {
	for name, cancel := range map[string]bool{"polled for": false, "cancelled during a poll": true} {
		t.Run(name, func(t *testing.T) {
			together(t, transaction.Config{}, func(r *replicas) {
				v := r.a.begin("ann")
				defer r.a.watch(v).Close()
				if cancel {
					r.org.slow(2 * time.Second)
					time.Sleep(interval*11/10 + time.Second)
				}
				r.lose(v)
				if cancel {
					if err := r.a.Cancel(context.Background(), v.ID, site); err != nil {
						t.Fatal(err)
					}
				}
				time.Sleep(interval * 2)
				synctest.Wait()
				if got := r.org.seen().cancels; got != 1 {
					t.Errorf("%d cancels at Okta, want 1", got)
				}
				r.wantHeard()
			})
		})
	}
}

// A sign-in that two replicas know of ends on one: the other one does not tell Okta of an end.
func TestCopyOfWhatHasEndedTellsOktaNothing(t *testing.T) {
	together(t, transaction.Config{}, func(r *replicas) {
		v := r.a.begin("ann")
		r.b.wantKind(r.b.get(v), flows.KindWait)
		r.org.approve(v)
		r.a.polled(v)
		if _, _, err := r.a.Redeem(v.ID, site, bySubject); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Hour)
		synctest.Wait()
		if got := r.org.seen().cancels; got != 0 {
			t.Errorf("%d cancels at Okta, want none", got)
		}
		r.wantHeard("success")
	})
}

// remote is a store that the next Commit takes a while to get to.
type remote struct {
	*reach
	by atomic.Int64
}

func (f *remote) Commit(ctx context.Context, t store.Turn, doc []byte, ttl time.Duration, tell bool) error {
	time.Sleep(time.Duration(f.by.Swap(0)))
	return f.reach.Commit(ctx, t, doc, ttl, tell)
}

// S74: a person cancels while the sign-in is on its way to the store: it does not come to be there afterwards.
func TestS74CancelOfWhatIsJustSaved(t *testing.T) {
	together(t, transaction.Config{}, func(r *replicas) {
		way := &remote{reach: r.way[0]}
		r.a.Use(&store.Store{Documents: way, Turns: way})
		synctest.Wait()
		r.org.slow(time.Second)
		time.AfterFunc(500*time.Millisecond, r.outage)
		v := r.a.begin("ann")
		r.back()
		way.by.Store(int64(3 * time.Second))
		time.Sleep(putOff * 3 / 2)
		if err := r.a.Cancel(context.Background(), v.ID, site); err != nil {
			t.Fatal(err)
		}
		time.Sleep(5 * time.Second)
		synctest.Wait()
		if got, kept := r.org.seen().cancels, r.kept(); got != 1 || kept != 0 {
			t.Errorf("%d cancels at Okta, want 1; %d are kept, want none", got, kept)
		}
		r.wantHeard("abandoned")
	})
}

// S74: a push is sent, and the store goes away before it has the sign-in. It is back, and the person cancels before it is kept: that
// the store does not know of it is not because another replica has cancelled it.
func TestS74CancelOfWhatTheStoreDoesNotHaveYet(t *testing.T) {
	together(t, transaction.Config{}, func(r *replicas) {
		r.org.slow(time.Second)
		time.AfterFunc(500*time.Millisecond, r.outage)
		v := r.a.begin("ann")
		r.back()
		if err := r.a.Cancel(context.Background(), v.ID, site); err != nil {
			t.Fatal(err)
		}
		time.Sleep(20 * time.Second)
		synctest.Wait()
		if got := r.org.seen().cancels; got != 1 {
			t.Errorf("%d cancels at Okta, want 1: the push is open", got)
		}
		if got := r.heard.signIns; !slices.Equal(got, []string{"abandoned"}) {
			t.Errorf("heard %q", got)
		}
	})
}

// S74: the store has lost its data, a push is open, and the person cancels, or begins anew: the push does not stay open.
func TestS74CancelOfWhatTheStoreHasLost(t *testing.T) {
	together(t, transaction.Config{}, func(r *replicas) {
		v := r.a.begin("ann")
		m := new(store.Memory) // empty
		r.way[0].Documents, r.way[0].Turns, r.way[1].Documents, r.way[1].Turns = m, m, m, m
		r.back()
		_ = r.a.Cancel(context.Background(), v.ID, site)
		time.Sleep(20 * time.Second)
		synctest.Wait()
		if got := r.org.seen().cancels; got != 1 {
			t.Errorf("%d cancels at Okta, want 1: the push is open", got)
		}
	})
}

// A success is known here and not yet in the store, which has what was kept ahead of it: a cancel does not count the sign-in twice.
func TestCancelDoesNotGoBackToWhatWasKeptAhead(t *testing.T) {
	together(t, transaction.Config{}, func(r *replicas) {
		v := r.a.begin("ann")
		defer r.a.watch(v).Close()
		r.org.script(func(o *org) { o.onKept = r.outage })
		r.org.approve(v)
		time.Sleep(interval * 11 / 10)
		synctest.Wait()
		r.a.wantKind(r.a.get(v), flows.KindDone)
		r.back()
		_ = r.a.Cancel(context.Background(), v.ID, site)
		time.Sleep(time.Second)
		synctest.Wait()
		if got := fmt.Sprint(r.heard.signIns, r.org.seen().cancels); got != "[success] 0" {
			t.Errorf("heard %s", got)
		}
	})
}

// lossy is a way to the store on which the answer to a Take does not come through.
type lossy struct {
	*reach
	lost error
}

func (m *lossy) Take(ctx context.Context, k store.Kind, id string) ([]byte, error) {
	b, err := m.reach.Take(ctx, k, id)
	if m.lost == nil {
		return b, err
	}
	time.Sleep(100 * time.Millisecond) // the news are quicker
	return nil, m.lost
}

func (r *replicas) losing() *lossy {
	m := &lossy{reach: r.way[0]}
	r.a.Use(&store.Store{Documents: m, Turns: m})
	synctest.Wait()
	return m
}

// S74: the store takes a cancelled sign-in out, and its answer to that is lost, or is that of the client's second try. The news of it come
// through: the push does not stay open.
func TestS74CancelWhoseAnswerIsLost(t *testing.T) {
	for name, answer := range map[string]error{"no answer": errDown, "the answer of a second try": store.ErrNotFound} {
		t.Run(name, func(t *testing.T) {
			together(t, transaction.Config{}, func(r *replicas) {
				way := r.losing()
				v := r.a.begin("ann")
				way.lost = answer
				_ = r.a.Cancel(context.Background(), v.ID, site)
				time.Sleep(20 * time.Second)
				synctest.Wait()
				if got := r.org.seen().cancels; got != 1 {
					t.Errorf("%d cancels at Okta, want 1: the push is open", got)
				}
			})
		})
	}
}
