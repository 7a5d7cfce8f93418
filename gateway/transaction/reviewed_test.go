package transaction_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"sidegate.example/sidegate/flows"
	"sidegate.example/sidegate/gateway/store"
	"sidegate.example/sidegate/gateway/transaction"
)

// lossy is a way to the store on which the answer to a Take, or which a Release, does not come through.
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

// Two replicas make room of one sign-in, which began at one and went on, in vain as well, at the other: it is counted once, and the store
// does not fill with such.
func TestWhoMakesRoomOnBothReplicasIsCounted(t *testing.T) {
	together(t, transaction.Config{MaxPerAddress: 1}, func(r *replicas) {
		r.a.refuse()
		for range 5 {
			v := r.a.begin("eve")
			if _, err := r.b.answer(r.b.get(v), typed("eve")); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
		}
		r.a.begin("mallory")
		r.b.begin("mallory")
		synctest.Wait()
		if got := r.kept(); got != 2 {
			t.Errorf("%d are kept, want the last 2", got)
		}
		time.Sleep(time.Hour)
		synctest.Wait()
		r.wantHeard(slices.Repeat([]string{"abandoned"}, 7)...)
	})
}

// A replica is shut down while Okta answers the first page of a sign-in, which takes less than closeTimeout: the person need not start over,
// and where they must, the push that Okta has just sent does not stay open.
func TestShutDownDuringABegin(t *testing.T) {
	together(t, transaction.Config{}, func(r *replicas) {
		r.org.slow(300 * time.Millisecond)
		time.AfterFunc(100*time.Millisecond, r.a.Close)
		v, err := r.a.tryFrom("203.0.113.7", "ann")
		synctest.Wait()
		if err == nil {
			r.b.wantKind(r.b.get(v), flows.KindWait)
			return
		}
		if !errors.Is(err, transaction.ErrClosed) {
			t.Fatal(err)
		}
		t.Errorf("the person has to start over; Okta saw %+v, heard %q", r.org.seen(), r.heard.signIns)
	})
}

// S74: a replica is shut down while Okta takes a cancel, which needs less than closeTimeout. No other replica knows of the sign-in any more:
// the push does not stay open.
func TestS74ShutDownDuringACancel(t *testing.T) {
	together(t, transaction.Config{}, func(r *replicas) {
		v := r.a.begin("ann")
		r.org.slow(300 * time.Millisecond)
		time.AfterFunc(100*time.Millisecond, r.a.Close)
		if err := r.a.Cancel(context.Background(), v.ID, site); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if got := r.org.seen().cancels; got != 1 {
			t.Errorf("%d cancels at Okta, want 1: the push is open", got)
		}
	})
}
