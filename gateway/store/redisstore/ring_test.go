package redisstore_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"sidegate.example/sidegate/gateway/store"
	"sidegate.example/sidegate/gateway/store/redisstore"
	"sidegate.example/sidegate/gateway/store/storetest"
)

// otherRing is the Sealer of a replica with a key ring of its own.
type otherRing struct{ stamp }

func (o otherRing) Seal(ctx context.Context, purpose string, doc []byte) ([]byte, error) {
	return o.stamp.Seal(ctx, "other "+purpose, doc)
}

func (o otherRing) Open(ctx context.Context, purpose string, sealed []byte) ([]byte, error) {
	return o.stamp.Open(ctx, "other "+purpose, sealed)
}

func (o otherRing) Name(ctx context.Context, text string) (string, error) {
	return o.stamp.Name(ctx, "other "+text)
}

// S45: a replica that has a key ring of its own could not read what the others have revoked. It never says that it has read
// all, until the other ring is gone for good.
func TestS45AnotherKeyRing(t *testing.T) {
	server := storetest.Redis(t)
	one := store.Revocation{Session: "one", Until: time.Now().Add(time.Hour)}
	here := connect(t, redisstore.Config{Addresses: []string{server.Addr}})
	read := func(s store.Store) (<-chan store.Revocation, func()) {
		ctx, stop := context.WithCancel(t.Context())
		got, over := make(chan store.Revocation, 100), make(chan struct{})
		go func() {
			defer close(over)
			s.Revocations.Follow(ctx, func(r store.Revocation) { got <- r })
		}()
		return got, func() { stop(); <-over }
	}
	got, stop := read(here)
	if r := <-got; r != (store.Revocation{}) {
		t.Errorf("the first replica heard %v", r)
	}
	if err := here.Revocations.Revoke(t.Context(), one); err != nil {
		t.Fatal(err)
	}
	if r := <-got; r.Session != "one" {
		t.Errorf("the first replica heard %v", r)
	}
	stop()
	again, stop := read(here)
	if r := <-again; r.Session != "one" {
		t.Errorf("begun again, it heard %v", r)
	}
	stop()

	refused := make(chan string, 100)
	r, err := redisstore.New(redisstore.Config{Addresses: []string{server.Addr}, Sealer: otherRing{}, Observe: func(operation string, err error) {
		if operation == "key_ring" {
			refused <- err.Error()
		}
	}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	other, stop := read(r.Store())
	defer stop()
	<-refused
	if said := <-refused; !strings.Contains(said, "another key ring") || !strings.Contains(said, "delete sidegate:{ring}") {
		t.Errorf("it says %q", said)
	}
	if len(other) > 0 {
		t.Errorf("it has read %v", <-other)
	}
	server.CLI("del", "sidegate:{ring}")
	if r := <-other; r != (store.Revocation{}) {
		t.Errorf("with a ring of its own, it heard %v", r)
	}
}
