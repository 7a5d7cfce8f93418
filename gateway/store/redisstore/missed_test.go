package redisstore_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

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
		})
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
