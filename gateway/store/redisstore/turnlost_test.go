package redisstore_test

import (
	"io"
	"net"
	"sync"
	"sync/atomic"
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

// restarting is what stands before a server, such as a balancer: it loses an answer, and then takes no connection for a while.
type restarting struct {
	addr, server string
	lose         atomic.Bool
	down         chan struct{} // closed when it has lost one
	mu           sync.Mutex
	l            net.Listener
}

func (r *restarting) up(t *testing.T) {
	t.Helper()
	l, err := net.Listen("tcp", r.addr)
	if err != nil {
		t.Fatal(err)
	}
	r.mu.Lock()
	r.l, r.addr = l, l.Addr().String()
	r.mu.Unlock()
	go func() {
		for {
			in, err := l.Accept()
			if err != nil {
				return
			}
			out, err := net.Dial("tcp", r.server)
			if err != nil {
				_ = in.Close()
				continue
			}
			go func() { _, _ = io.Copy(out, in); _ = out.Close() }()
			go func() {
				defer in.Close() //nolint:errcheck // it is over
				buf := make([]byte, 4096)
				for {
					n, err := out.Read(buf)
					if err != nil {
						return
					}
					if r.lose.Swap(false) {
						r.mu.Lock()
						_ = r.l.Close()
						r.mu.Unlock()
						close(r.down)
						return
					}
					if _, err := in.Write(buf[:n]); err != nil {
						return
					}
				}
			}()
		}
	}()
}

// A turn is taken and the answer lost with its connection; the client's second and third try find nobody who listens. That these were
// never asked says nothing of the first: the turn is given back.
func TestTurnWhoseAnswerNeverCameAndNobodyListensThen(t *testing.T) {
	s := storetest.Redis(t)
	p := &restarting{addr: "127.0.0.1:0", server: s.Addr, down: make(chan struct{})}
	p.up(t)
	t.Cleanup(func() { _ = p.l.Close() })
	st := connect(t, redisstore.Config{Addresses: []string{p.addr}})
	ctx := t.Context()
	if err := st.Documents.Put(ctx, store.SignIns, "id", []byte("doc"), time.Minute); err != nil {
		t.Fatal(err)
	}
	if turn, err := st.Turns.Acquire(ctx, store.SignIns, "id", time.Minute); err != nil { // the script is known to the server then
		t.Fatal(err)
	} else if err := st.Turns.Release(ctx, turn); err != nil {
		t.Fatal(err)
	}
	p.lose.Store(true)
	turn, err := st.Turns.Acquire(ctx, store.SignIns, "id", time.Minute)
	if err == nil {
		t.Fatalf("%+v", turn)
	}
	t.Log(err)
	<-p.down
	p.up(t)
	began := time.Now()
	storetest.Eventually(t, "the turn is free", func() bool {
		_, err := st.Turns.Acquire(ctx, store.SignIns, "id", time.Minute)
		return err == nil
	})
	if took := time.Since(began); took > 20*time.Second {
		t.Errorf("the turn was free after %s", took)
	}
}
