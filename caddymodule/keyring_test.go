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
			oldStorage, newStorage := new(memory), new(memory)
			before, err := joinKeyring(rotation, &keyringStorage{oldStorage}, nil)
			if err != nil {
				t.Fatal(err)
			}
			after, err := joinKeyring(rotation, &keyringStorage{newStorage}, nil)
			if err != nil || after.ring != before.ring {
				t.Fatalf("the second user got another key ring: %v", err)
			}
			leaves, stays, serves, closed := before, after, newStorage, oldStorage
			if test.newLeaves {
				leaves, stays, serves, closed = after, before, oldStorage, newStorage
			}
			if err := leaves.leave(); err != nil {
				t.Fatal(err)
			}
			if _, err := stays.Ring(t.Context()); err != nil {
				t.Fatal(err)
			}
			if serves.visits() == 0 || closed.visits() != 0 || serves.locked {
				t.Errorf("%d visits to the storage that serves, %d to the closed one; locked %v", serves.visits(), closed.visits(), serves.locked)
			}
			if err := stays.leave(); err != nil {
				t.Fatal(err)
			}
			if _, err := stays.Ring(t.Context()); err != nil {
				t.Errorf("a request that outlives its configuration: %v", err)
			}
		})
	}
}

// A configuration that serves and then leaves gives the keys back to the one before it, and one that is
// provisioned and never serves is never asked for keys.
func TestKeyRingIsAskedWhereRequestsAre(t *testing.T) {
	rotation := session.Rotation{Every: 49 * time.Hour}
	storages := []*memory{new(memory), new(memory), new(memory)}
	var users []*configKeys
	for _, s := range storages {
		u, err := joinKeyring(rotation, &keyringStorage{s}, nil)
		if err != nil {
			t.Fatal(err)
		}
		users = append(users, u)
	}
	for _, i := range []int{1, 0} { // the older one's first request comes late: the newer one goes on serving
		if _, err := users[i].Ring(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if users[0].ring.serving != users[1] || storages[2].visits() != 0 || storages[0].visits() != 0 {
		t.Errorf("visits: %d, %d, %d", storages[0].visits(), storages[1].visits(), storages[2].visits())
	}
	for _, i := range []int{1, 2, 0} {
		if err := users[i].leave(); err != nil {
			t.Fatal(err)
		}
		if i == 1 && users[0].ring.serving != users[0] {
			t.Error("the keys did not go back to the configuration before")
		}
	}
}

// TestKeyRingLeavesAStorageThatIsClosed (T11): after a good reload that no request has come to yet, the old configuration
// leaves, and what the key ring reads in the background comes from the storage that is open.
func TestKeyRingLeavesAStorageThatIsClosed(t *testing.T) {
	rotation := session.Rotation{Every: 50 * time.Hour}
	oldStorage, newStorage := new(memory), new(memory)
	before, err := joinKeyring(rotation, &keyringStorage{oldStorage}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := before.Ring(t.Context()); err != nil {
		t.Fatal(err)
	}
	after, err := joinKeyring(rotation, &keyringStorage{newStorage}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := before.leave(); err != nil {
		t.Fatal(err)
	}
	if after.ring.serving != after {
		t.Error("the key ring still reads the storage of the configuration that has left")
	}
	if err := after.leave(); err != nil {
		t.Fatal(err)
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
