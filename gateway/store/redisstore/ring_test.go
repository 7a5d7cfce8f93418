package redisstore_test

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"sidegate.example/sidegate/gateway/store"
	"sidegate.example/sidegate/gateway/store/redisstore"
	"sidegate.example/sidegate/gateway/store/storetest"
)

// ignore is for who hears of no refusal.
func ignore() {}

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

// renewed is the Sealer of a replica whose key ring is made anew while it runs.
type renewed struct{ *atomic.Bool }

func (r renewed) ring() redisstore.Sealer {
	if r.Load() {
		return otherRing{}
	}
	return stamp{}
}

func (r renewed) Seal(ctx context.Context, purpose string, doc []byte) ([]byte, error) {
	return r.ring().Seal(ctx, purpose, doc)
}

func (r renewed) Open(ctx context.Context, purpose string, sealed []byte) ([]byte, error) {
	return r.ring().Open(ctx, purpose, sealed)
}

func (r renewed) Name(ctx context.Context, text string) (string, error) {
	return r.ring().Name(ctx, text)
}

// follower is a replica, and what it hears.
type follower struct {
	store.Store
	heard   chan store.Revocation
	refused chan struct{}
}

func follows(t *testing.T, server *storetest.Server, s redisstore.Sealer) *follower {
	t.Helper()
	r, err := redisstore.New(redisstore.Config{Addresses: []string{server.Addr}, Sealer: s})
	if err != nil {
		t.Fatal(err)
	}
	f := &follower{r.Store(), make(chan store.Revocation, 10_000), make(chan struct{}, 10_000)}
	ctx, stop := context.WithCancel(t.Context())
	over := make(chan struct{})
	t.Cleanup(func() { stop(); <-over; r.Close() })
	go func() {
		defer close(over)
		f.Revocations.Follow(ctx, func(r store.Revocation) { f.heard <- r }, func() { f.refused <- struct{}{} })
	}()
	return f
}

// hears waits until a revocation is heard of.
func (f *follower) hears(t *testing.T, want store.Revocation) {
	t.Helper()
	storetest.Eventually(t, fmt.Sprintf("%q is heard of", want.Session), func() bool {
		for len(f.heard) > 0 {
			if r := <-f.heard; r.Session == want.Session {
				return true
			}
		}
		return false
	})
}

func (f *follower) isRefused(t *testing.T) {
	t.Helper()
	storetest.Eventually(t, "it is refused", func() bool { return len(f.refused) > 0 })
	<-f.refused
}

// S45, S62: who revokes through a replica with a key ring of its own is not told that it is done, as no other replica can read it,
// and nothing of it comes to this Redis; once the Redis is that ring's, what was revoked meanwhile is there.
func TestRevokedUnderAnotherKeyRing_S45_S62(t *testing.T) {
	server := storetest.Redis(t)
	here := follows(t, server, stamp{})
	here.hears(t, store.Revocation{})
	other := follows(t, server, otherRing{})
	other.isRefused(t)
	one := store.Revocation{Session: "one", Until: time.Now().Add(time.Hour)}
	if err := other.Revocations.Revoke(t.Context(), one); err == nil || !strings.Contains(err.Error(), "another key ring") {
		t.Errorf("the revocation: %v", err)
	}
	if n := strings.TrimSpace(server.CLI("zcard", "sidegate:{revocations}")); n != "0" {
		t.Errorf("%s revocations are kept that nobody can read", n)
	}
	server.CLI("set", "sidegate:{ring}", strings.TrimSpace(server.CLI("get", "sidegate:{ring}"))+"x")
	if err := here.Revocations.Revoke(t.Context(), one); err == nil {
		t.Error("the Redis has become another ring's, and a revocation is said to be known everywhere")
	}
	name, err := otherRing{}.Name(t.Context(), "ring")
	if err != nil {
		t.Fatal(err)
	}
	server.CLI("set", "sidegate:{ring}", name) // here goes on trying: it would mark a Redis that is nobody's as its own
	other.hears(t, store.Revocation{})
	follows(t, server, otherRing{}).hears(t, one)
}

// S45, S62: when the key ring is made anew while replicas run, and the Redis stays the old one's, they know that they cannot know
// who has ended: all of them when they look, and who gets something unreadable from another one at once. Nobody is told
// that a session has ended everywhere.
func TestKeyRingMadeAnewWhileReplicasRun_S45_S62(t *testing.T) {
	server := storetest.Redis(t)
	behind, ahead := renewed{new(atomic.Bool)}, renewed{new(atomic.Bool)}
	a, b := follows(t, server, behind), follows(t, server, ahead)
	a.hears(t, store.Revocation{})
	b.hears(t, store.Revocation{})
	ahead.Store(true)
	one := store.Revocation{Session: "one", Until: time.Now().Add(time.Hour)}
	if err := a.Revocations.Revoke(t.Context(), one); err != nil { // it has not read the new ring yet
		t.Fatal(err)
	}
	a.hears(t, one)
	b.isRefused(t)
	if err := b.Revocations.Revoke(t.Context(), one); err == nil {
		t.Error("it is said to be known everywhere")
	}
	behind.Store(true)
	server.CLI("client", "kill", "type", "pubsub") // as after a minute, they look
	a.isRefused(t)
	b.isRefused(t)
	server.CLI("del", "sidegate:{ring}")
	a.hears(t, one)
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
			s.Revocations.Follow(ctx, func(r store.Revocation) { got <- r }, ignore)
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
