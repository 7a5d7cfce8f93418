package transaction_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"sidegate.example/sidegate/gateway/store"
	"sidegate.example/sidegate/gateway/transaction"
)

// slowTurns is a store whose turns take three seconds to get, as of a Redis in trouble.
type slowTurns struct{ store.Turns }

func (s slowTurns) Acquire(ctx context.Context, k store.Kind, id string, hold time.Duration) (store.Turn, error) {
	time.Sleep(3 * time.Second)
	return s.Turns.Acquire(ctx, k, id, hold)
}

// A reload takes the store away while the end of a sign-in that was left alone is under way: that ends, and no process with it.
func TestAnotherStoreAtTheEndOfASignIn(t *testing.T) {
	within(t, transaction.Config{}, func(r *rig) {
		st := store.NewMemory()
		st.Turns = slowTurns{st.Turns}
		r.Use(&st)
		v, err := r.answer(r.begin("ann"), choose("totp"))
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(10*time.Minute - 10*time.Second)
		r.get(v)
		time.Sleep(8 * time.Second) // its time is over, and its turn asked for
		r.Use(nil)
		time.Sleep(10 * time.Second)
		synctest.Wait()
		r.wantNoRedemption(v.ID, transaction.ErrGone)
		if got := r.heard.signIns; len(got) != 1 || got[0] != "abandoned" {
			t.Errorf("heard %q", got)
		}
	})
}

// A sign-in that no other replica has touched goes on when a reload takes the store away or names another: that this one has
// changed it is no news.
func TestAnotherStoreKeepsWhatBeganHere(t *testing.T) {
	for name, next := range map[string]*store.Store{"none": nil, "another": new(store.NewMemory())} {
		t.Run(name, func(t *testing.T) {
			within(t, transaction.Config{}, func(r *rig) {
				st := store.NewMemory()
				r.Use(&st)
				synctest.Wait() // it has heard that all may have changed
				v, err := r.answer(r.begin("ann"), choose("totp"))
				if err != nil {
					t.Fatal(err)
				}
				synctest.Wait()
				r.Use(next)
				synctest.Wait()
				r.wantKind(r.get(v), "code")
			})
		})
	}
}

// One that another replica has gone further with does not go on here from where it was, when a reload takes the store away.
func TestAnotherStoreDropsWhatWentOnElsewhere(t *testing.T) {
	together(t, transaction.Config{}, func(r *replicas) {
		v := r.a.begin("ann")
		if _, err := r.b.answer(r.b.get(v), choose("totp")); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		r.a.Use(nil)
		if got, ok := r.a.Get(v.ID, site); ok {
			t.Errorf("here it is still at %q", got.Step.Kind)
		}
		r.b.wantKind(r.b.get(v), "code")
	})
}

// A reload takes the store away in the middle of a call, before what Okta gives once could be kept: the call goes on.
func TestAnotherStoreInTheMiddleOfACall(t *testing.T) {
	together(t, transaction.Config{}, func(r *replicas) {
		v := r.a.begin("ann")
		o := &twice{org: r.org, between: func() { r.a.Use(nil) }, then: func() {}}
		r.a.SetEngine(engine, 2, o, r.heard)
		r.a.polled(v)
		if got := r.a.get(v); !got.Step.Wait.Completing || got.Trouble != "" {
			t.Errorf("%+v %v", got.Step, got.Cause)
		}
	})
}
