package redisstore_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"sidegate.example/sidegate/gateway/store"
	"sidegate.example/sidegate/gateway/store/redisstore"
	"sidegate.example/sidegate/gateway/store/storetest"
)

// S45: Redis brings a message once at most, and a subscription to a server that the others have lost stands and brings none.
// What nobody was told of is found all the same.
func TestS45RevocationThatNobodyWasToldOf(t *testing.T) {
	t.Cleanup(redisstore.RejoinEvery(10 * time.Millisecond))
	server := storetest.Redis(t)
	elsewhere := connect(t, redisstore.Config{Addresses: []string{server.Addr}, Prefix: "elsewhere:"})
	here := connect(t, redisstore.Config{Addresses: []string{server.Addr}})
	got := make(chan store.Revocation, 1000)
	ctx, stop := context.WithCancel(t.Context())
	over := make(chan struct{})
	go func() {
		defer close(over)
		here.Revocations.Follow(ctx, func(r store.Revocation) {
			select {
			case got <- r:
			default:
			}
		}, ignore)
	}()
	if r := <-got; r != (store.Revocation{}) {
		t.Errorf("at the start: %v", r)
	}
	if err := elsewhere.Revocations.Revoke(t.Context(), store.Revocation{Session: "untold", Until: time.Now().Add(time.Hour)}); err != nil {
		t.Fatal(err)
	}
	server.CLI("copy", "elsewhere:{revocations}", "sidegate:{revocations}")
	storetest.Eventually(t, "it is found", func() bool {
		for len(got) > 0 {
			if r := <-got; r.Session == "untold" {
				return true
			}
		}
		return false
	})
	stop()
	<-over
}

// S45: what was revoked by a replica that is gone is given again by one that has heard of it, once, when Redis has lost its
// data; what is over is not.
func TestS45ReplicaAndRedisAreGone(t *testing.T) {
	t.Cleanup(redisstore.RejoinEvery(time.Nanosecond))
	server := storetest.Redis(t)
	type replica struct {
		store.Store
		heard sync.Map // of the sessions, with "" for all read
		reads atomic.Int64
		end   func()
	}
	start := func() *replica {
		ctx, stop := context.WithCancel(t.Context())
		r, over := &replica{Store: connect(t, redisstore.Config{Addresses: []string{server.Addr}})}, make(chan struct{})
		r.end = sync.OnceFunc(func() { stop(); <-over })
		t.Cleanup(r.end)
		go func() {
			defer close(over)
			r.Revocations.Follow(ctx, func(v store.Revocation) {
				r.heard.Store(v.Session, true)
				if v == (store.Revocation{}) {
					r.reads.Add(1)
				}
			}, ignore)
		}()
		return r
	}
	hears := func(r *replica, session string) {
		t.Helper()
		storetest.Eventually(t, "it hears of "+session, func() bool { _, ok := r.heard.Load(session); return ok })
	}
	gone, left := start(), start()
	hears(gone, "")
	hears(left, "")
	soon := time.Now().Add(200 * time.Millisecond)
	for session, until := range map[string]time.Time{"stolen": soon.Add(time.Hour), "over": soon} {
		if err := gone.Revocations.Revoke(t.Context(), store.Revocation{Session: session, Until: until}); err != nil {
			t.Fatal(err)
		}
	}
	hears(left, "stolen")
	gone.end()
	storetest.Eventually(t, "its time is over", func() bool { return time.Now().After(soon) })
	server.Kill()
	server.Start()
	third := start()
	hears(third, "stolen")
	given := func() string {
		_, calls, _ := strings.Cut(server.CLI("info", "commandstats"), "cmdstat_zadd:calls=")
		calls, _, _ = strings.Cut(calls, ",")
		return calls
	}
	storetest.Eventually(t, "it is there, and given no more", func() bool {
		before := given()
		for reads := left.reads.Load(); left.reads.Load() < reads+3; { // each message has it read all again
			server.CLI("publish", "sidegate:revocations:changes", "x")
		}
		return before != "" && given() == before
	})
	if _, ok := third.heard.Load("over"); ok {
		t.Error("what is over is brought back")
	}
	if n := strings.TrimSpace(server.CLI("zcard", "sidegate:{revocations}")); n != "1" {
		t.Errorf("%s are kept", n)
	}
}

// S45, S62: what a Redis does not take, because its own replicas are gone, is given to it as soon as it takes something, however often it has
// refused: not only when all is read again, a minute later.
func TestS45RevokedWhileRedisTakesNothing(t *testing.T) {
	server := storetest.Redis(t)
	there := follows(t, server, stamp{})
	there.hears(t, store.Revocation{})
	var refused atomic.Int64
	r, err := redisstore.New(redisstore.Config{Addresses: []string{server.Addr}, Sealer: stamp{}, Observe: func(string, error) { refused.Add(1) }})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close() //nolint:errcheck // the test is over
	ctx, stop := context.WithCancel(t.Context())
	read, over := make(chan struct{}, 100), make(chan struct{})
	go func() {
		defer close(over)
		r.Store().Revocations.Follow(ctx, func(store.Revocation) { read <- struct{}{} }, ignore)
	}()
	defer func() { stop(); <-over }()
	<-read
	server.CLI("config", "set", "min-replicas-to-write", "1")
	if err := r.Store().Revocations.Revoke(ctx, store.Revocation{Session: "one", Until: time.Now().Add(time.Hour)}); err == nil {
		t.Fatal("the Redis has taken a revocation")
	}
	storetest.Eventually(t, "it is given again, and refused again", func() bool { return refused.Load() >= 3 })
	server.CLI("config", "set", "min-replicas-to-write", "0")
	there.hears(t, store.Revocation{Session: "one"})
}

// A list of sessions asks Redis for many documents at once: one after the other, people would wait for it.
func TestDocumentsAreListedTogether(t *testing.T) {
	server := storetest.Redis(t)
	s := connect(t, redisstore.Config{Addresses: []string{server.Addr}})
	const n = 1500
	for i := range n {
		if err := s.Documents.Put(t.Context(), store.Sessions, fmt.Sprint(i), []byte("x"), time.Minute); err != nil {
			t.Fatal(err)
		}
	}
	server.CLI("config", "resetstat")
	found := 0
	for _, err := range s.Documents.All(t.Context(), store.Sessions) {
		if err != nil {
			t.Fatal(err)
		}
		found++
	}
	if found != n {
		t.Errorf("%d of %d are listed", found, n)
	}
	var reads int
	for line := range strings.Lines(server.CLI("info", "stats")) {
		_, _ = fmt.Sscanf(line, "total_reads_processed:%d", &reads)
	}
	if reads == 0 || reads > n/4 {
		t.Errorf("Redis was read from %d times", reads)
	}
}

// kept is a stamp that remembers what it has sealed.
type kept struct {
	stamp
	latest *[]byte
}

func (k kept) Seal(ctx context.Context, purpose string, doc []byte) ([]byte, error) {
	sealed, err := k.stamp.Seal(ctx, purpose, doc)
	*k.latest = bytes.Clone(sealed)
	return sealed, err
}

// Who can write to Redis brings no document back after its time, neither to be read nor to go on with.
func TestDocumentPutBackAfterItsTime(t *testing.T) {
	server := storetest.Redis(t)
	var sealed []byte
	r, err := redisstore.New(redisstore.Config{Addresses: []string{server.Addr}, Sealer: kept{latest: &sealed}})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close() //nolint:errcheck // the test is over
	s, ctx := r.Store(), t.Context()
	raw := redis.NewClient(&redis.Options{Addr: server.Addr})
	defer raw.Close() //nolint:errcheck // as above
	for ttl, want := range map[time.Duration]error{time.Minute: nil, -time.Minute: store.ErrNotFound} {
		if err := s.Documents.Put(ctx, store.EnrollCodes, "a", []byte("x"), time.Hour); err != nil {
			t.Fatal(err)
		}
		key := strings.TrimSpace(server.CLI("keys", "*enrollcode*"))
		if err := s.Documents.Put(ctx, store.EnrollCodes, "a", []byte("x"), ttl); err != nil {
			t.Fatal(err)
		}
		putBack := func() {
			t.Helper()
			raw.Del(ctx, key)
			if err := raw.HSet(ctx, key, "d", sealed, "r", 1, "b", "").Err(); err != nil {
				t.Fatal(err)
			}
		}
		putBack()
		if doc, err := s.Documents.Get(ctx, store.EnrollCodes, "a"); !errors.Is(err, want) || err == nil && string(doc) != "x" {
			t.Errorf("good for %v, Get: %q, %v", ttl, doc, err)
		}
		for doc, err := range s.Documents.All(ctx, store.EnrollCodes) {
			if want != nil {
				t.Errorf("good for %v, All: %q, %v", ttl, doc, err)
			}
		}
		turn, err := s.Turns.Acquire(ctx, store.EnrollCodes, "a", time.Minute)
		if !errors.Is(err, want) {
			t.Errorf("good for %v, Acquire: %v", ttl, err)
		} else if err == nil {
			_ = s.Turns.Release(ctx, turn)
		}
		if doc, err := s.Documents.Take(ctx, store.EnrollCodes, "a"); !errors.Is(err, want) {
			t.Errorf("good for %v, Take: %q, %v", ttl, doc, err)
		}
	}
}

// S63: an event is taken back once, also when the answer to that is lost and Redis is asked again.
func TestReturnWhoseAnswerIsLost_S63(t *testing.T) {
	proxy := storetest.NewProxy(t, storetest.Redis(t).Addr)
	b, ctx := connect(t, redisstore.Config{Addresses: []string{proxy.Addr}}).Budget, t.Context()
	counted := func() (n int) {
		for {
			wait, err := b.Take(ctx, "push/00u1", 4, time.Hour)
			if err != nil {
				t.Fatal(err)
			}
			if wait > 0 {
				return n
			}
			n++
		}
	}
	if n := counted(); n != 4 {
		t.Fatalf("%d were counted", n)
	}
	for _, lose := range []bool{false, true} {
		proxy.Lose.Store(lose)
		if err := b.Return(ctx, "push/00u1"); err != nil {
			t.Fatal(err)
		}
	}
	if proxy.Lose.Load() {
		t.Error("no answer was lost")
	}
	if n := counted(); n != 2 {
		t.Errorf("two were taken back, and %d more can be counted", n)
	}
}
