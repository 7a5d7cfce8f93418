package transaction_test

import (
	"context"
	"testing"
	"time"

	"sidegate.example/sidegate/flows"
	"sidegate.example/sidegate/gateway/store"
	"sidegate.example/sidegate/gateway/transaction"
)

// distant is a store whose answers about turns take a while, and come to nobody where nobody waits for them any more.
type distant struct{ store.Turns }

func (d distant) Acquire(ctx context.Context, k store.Kind, id string, hold time.Duration) (store.Turn, error) {
	turn, err := d.Turns.Acquire(ctx, k, id, hold)
	select {
	case <-time.After(600 * time.Millisecond): // longer than polls are spread
		return turn, err
	case <-ctx.Done():
		return store.Turn{}, ctx.Err()
	}
}

// What the store answers to who has left, or to a replica that is shut down, is not lost: a turn that nobody knows of would hold
// the sign-in up for 20 s.
func TestNobodyLeavesWithTheTurn(t *testing.T) {
	for name, leave := range map[string]func(r *replicas, v transaction.View){
		"the browser leaves while its answer asks for the turn": func(r *replicas, v transaction.View) {
			ctx, cancel := context.WithTimeout(r.Context(), 100*time.Millisecond)
			defer cancel()
			v, err := r.a.Answer(ctx, v.ID, site, v.Seq, v.Client, choose("totp"))
			if err != nil {
				r.Error(err)
			}
			r.a.wantKind(v, flows.KindCode)
		},
		"the replica is shut down while a poll asks for it": func(r *replicas, v transaction.View) {
			defer r.a.watch(v).Close()
			time.Sleep(interval + 500*time.Millisecond)
			r.a.Close()
		},
	} {
		t.Run(name, func(t *testing.T) {
			together(t, transaction.Config{}, func(r *replicas) {
				r.a.Use(&store.Store{Documents: r.way[0], Turns: distant{r.way[0]}})
				v := r.a.begin("ann")
				leave(r, v)
				began := time.Now()
				on, err := r.b.answer(r.b.get(v), choose("push"))
				if took := time.Since(began); err != nil || took > time.Second {
					r.Fatalf("the next answer took %s: %v", took, err)
				}
				r.b.wantKind(on, flows.KindWait)
			})
		})
	}
}
