package redisstore_test

import (
	"testing"
	"time"

	"sidegate.example/sidegate/gateway/store"
	"sidegate.example/sidegate/gateway/store/redisstore"
	"sidegate.example/sidegate/gateway/store/storetest"
)

// A Redis takes a turn down and does not answer for as long as anybody waits; then it is well again. Nobody has the turn, and who asks
// next does not wait until it would be over.
func TestTurnWhoseAnswerNeverCame(t *testing.T) {
	s := storetest.Redis(t)
	p := storetest.NewProxy(t, s.Addr)
	st := connect(t, redisstore.Config{Addresses: []string{p.Addr}})
	ctx := t.Context()
	if err := st.Documents.Put(ctx, store.SignIns, "id", []byte("doc"), time.Minute); err != nil {
		t.Fatal(err)
	}
	if turn, err := st.Turns.Acquire(ctx, store.SignIns, "id", time.Minute); err != nil { // the script is known to the server then
		t.Fatal(err)
	} else if err := st.Turns.Release(ctx, turn); err != nil {
		t.Fatal(err)
	}
	p.Hang.Store(true)
	if turn, err := st.Turns.Acquire(ctx, store.SignIns, "id", time.Minute); err == nil {
		t.Fatalf("%+v", turn)
	}
	p.Hang.Store(false)
	began := time.Now()
	storetest.Eventually(t, "the turn is free", func() bool {
		_, err := st.Turns.Acquire(ctx, store.SignIns, "id", time.Minute)
		return err == nil
	})
	if took := time.Since(began); took > 20*time.Second {
		t.Errorf("the turn was free after %s", took)
	}
}

// A Redis is away when a turn is to be given back: it is once the Redis is there again.
func TestTurnThatCouldNotBeGivenBack(t *testing.T) {
	s := storetest.Redis(t, "--appendonly", "yes", "--appendfsync", "always")
	st := connect(t, redisstore.Config{Addresses: []string{s.Addr}})
	ctx := t.Context()
	if err := st.Documents.Put(ctx, store.SignIns, "id", []byte("doc"), time.Hour); err != nil {
		t.Fatal(err)
	}
	turn, err := st.Turns.Acquire(ctx, store.SignIns, "id", 10*time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	s.Kill()
	if err := st.Turns.Release(ctx, turn); err == nil {
		t.Fatal("a dead Redis has answered")
	}
	s.Start()
	storetest.Eventually(t, "the turn is free", func() bool {
		_, err := st.Turns.Acquire(ctx, store.SignIns, "id", time.Minute)
		return err == nil
	})
}
