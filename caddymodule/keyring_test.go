package caddymodule

import (
	"context"
	"errors"
	"io/fs"
	"sync"
	"testing"
	"time"

	"sidegate.example/sidegate/gateway/session"
)

// memory is a part of Caddy's storage that counts its visitors.
type memory struct {
	mu     sync.Mutex
	value  []byte
	loads  int
	locked bool
	err    error
}

func (m *memory) Load(_ context.Context, key string) ([]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.loads++
	switch {
	case m.err != nil:
		return nil, m.err
	case key != keyringKey || m.value == nil:
		return nil, fs.ErrNotExist
	}
	return m.value, nil
}

func (m *memory) Store(_ context.Context, _ string, value []byte) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.value = value
	return m.err
}

func (m *memory) Lock(context.Context, string) error {
	m.locked = true
	return m.err
}

func (m *memory) Unlock(ctx context.Context, _ string) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	m.locked = false
	return nil
}

func (m *memory) visits() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.loads
}

// TestKeyRingFollowsTheConfigurationThatServes (T11): a reload that fails gives the keys back to the old configuration's
// storage, because the new one's has been closed; one that succeeds leaves them in the new one's.
func TestKeyRingFollowsTheConfigurationThatServes(t *testing.T) {
	for name, test := range map[string]struct{ newLeaves bool }{"failed reload": {true}, "good reload": {false}} {
		t.Run(name, func(t *testing.T) {
			rotation := session.Rotation{Every: 48 * time.Hour}
			oldApp, newApp, oldStorage, newStorage := new(App), new(App), new(memory), new(memory)
			k, err := joinKeyring(rotation, keyringUser{app: oldApp, storage: &keyringStorage{oldStorage}})
			if err != nil {
				t.Fatal(err)
			}
			again, err := joinKeyring(rotation, keyringUser{app: newApp, storage: &keyringStorage{newStorage}})
			if err != nil || again != k {
				t.Fatalf("the second user got another key ring: %v", err)
			}
			leaves, stays, serves, closed := oldApp, newApp, newStorage, oldStorage
			if test.newLeaves {
				leaves, stays, serves, closed = newApp, oldApp, oldStorage, newStorage
			}
			if err := k.leave(leaves); err != nil {
				t.Fatal(err)
			}
			if _, err := k.Ring(t.Context()); err != nil {
				t.Fatal(err)
			}
			if serves.visits() == 0 || closed.visits() != 0 || serves.locked {
				t.Errorf("%d visits to the storage that serves, %d to the closed one; locked %v", serves.visits(), closed.visits(), serves.locked)
			}
			if err := k.leave(stays); err != nil {
				t.Fatal(err)
			}
			if _, err := k.Ring(t.Context()); err != nil {
				t.Errorf("a request that outlives its configuration: %v", err)
			}
		})
	}
}

// TestStorageErrorsAreWrapped: the key ring tells "none yet" from every other failure.
func TestStorageErrorsAreWrapped(t *testing.T) {
	s := &keyringStorage{new(memory)}
	if _, err := s.Load(t.Context()); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no ring: %v", err)
	}
	broken := errors.New("disk on fire")
	s = &keyringStorage{&memory{err: broken}}
	_, load := s.Load(t.Context())
	_, lock := s.Lock(t.Context())
	for call, err := range map[string]error{"load": load, "store": s.Store(t.Context(), nil), "lock": lock} {
		if !errors.Is(err, broken) || errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: %v", call, err)
		}
	}
}

// TestLockIsGivenBackByACancelledVisit: a lock that stays would stop every replica's rotation.
func TestLockIsGivenBackByACancelledVisit(t *testing.T) {
	m := new(memory)
	ctx, cancel := context.WithCancel(t.Context())
	unlock, err := (&keyringStorage{m}).Lock(ctx)
	if err != nil || !m.locked {
		t.Fatalf("locked %v, %v", m.locked, err)
	}
	cancel()
	unlock()
	if m.locked {
		t.Error("the lock was not given back")
	}
}
