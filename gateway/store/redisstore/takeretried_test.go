package redisstore_test

import (
	"errors"
	"testing"
	"time"

	"sidegate.example/sidegate/gateway/store"
	"sidegate.example/sidegate/gateway/store/redisstore"
	"sidegate.example/sidegate/gateway/store/storetest"
)

// A document is taken, and the answer is lost with its connection. Whoever took it is not told that there was none: it would count for
// nobody's.
func TestTakeWhoseAnswerIsLost(t *testing.T) {
	s := storetest.Redis(t)
	p := storetest.NewProxy(t, s.Addr)
	st := connect(t, redisstore.Config{Addresses: []string{p.Addr}})
	ctx := t.Context()
	for _, id := range []string{"first", "id"} {
		if err := st.Documents.Put(ctx, store.SignIns, id, []byte("doc"), time.Minute); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := st.Documents.Take(ctx, store.SignIns, "first"); err != nil { // the script is known to the server then
		t.Fatal(err)
	}
	p.Lose.Store(true)
	if doc, err := st.Documents.Take(ctx, store.SignIns, "id"); errors.Is(err, store.ErrNotFound) {
		t.Errorf("%q, %v", doc, err)
	}
}
