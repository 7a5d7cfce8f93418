package session

import (
	"bytes"
	"context"
	"encoding/json"
	"io/fs"
	"sync"
	"testing"
	"time"
)

// sharedStorage is a Storage in memory that several Keepers share and that fails on demand.
type sharedStorage struct {
	lock chan struct{}

	mu     sync.Mutex
	ring   []byte
	loads  int
	stores int
	// What the next calls answer when set.
	loadErr, storeErr, lockErr error
}

func newSharedStorage() *sharedStorage { return &sharedStorage{lock: make(chan struct{}, 1)} }

func (s *sharedStorage) Load(context.Context) ([]byte, error) {
	time.Sleep(time.Millisecond) // in the bubble: lets two Keepers meet
	s.mu.Lock()
	defer s.mu.Unlock()
	s.loads++
	if s.loadErr != nil {
		return nil, s.loadErr
	}
	if s.ring == nil {
		return nil, fs.ErrNotExist
	}
	return bytes.Clone(s.ring), nil
}

func (s *sharedStorage) Store(_ context.Context, ring []byte) error {
	time.Sleep(time.Millisecond)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.storeErr != nil {
		return s.storeErr
	}
	s.stores++
	s.ring = bytes.Clone(ring)
	return nil
}

func (s *sharedStorage) Lock(ctx context.Context) (func(), error) {
	s.mu.Lock()
	err := s.lockErr
	s.mu.Unlock()
	if err != nil {
		return nil, err
	}
	select {
	case s.lock <- struct{}{}:
		return func() { <-s.lock }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (s *sharedStorage) set(change func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change()
}

func (s *sharedStorage) counts() (loads, stores int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.loads, s.stores
}

func (s *sharedStorage) keys(t *testing.T) int {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	var r storedRing
	if err := json.Unmarshal(s.ring, &r); err != nil {
		t.Fatal(err)
	}
	return len(r.Keys)
}
