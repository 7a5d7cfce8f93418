package caddymodule

import (
	"context"
	"fmt"

	"sidegate.example/sidegate/gateway/session"
)

// keyringKey is where the sealing keys live in Caddy's storage. All instances that share the storage
// share the keys.
const keyringKey = "okta_mfa/keyring.json"

// keyValues is the part of Caddy's storage (certmagic.Storage) that the key ring needs.
type keyValues interface {
	Load(ctx context.Context, key string) ([]byte, error)
	Store(ctx context.Context, key string, value []byte) error
	Lock(ctx context.Context, name string) error
	Unlock(ctx context.Context, name string) error
}

// keyringStorage keeps the key ring in Caddy's storage.
type keyringStorage struct{ kv keyValues }

// Load returns an error that wraps fs.ErrNotExist when no ring was stored yet.
func (s *keyringStorage) Load(ctx context.Context) ([]byte, error) {
	b, err := s.kv.Load(ctx, keyringKey)
	if err != nil {
		return nil, fmt.Errorf("loading %s from Caddy's storage: %w", keyringKey, err)
	}
	return b, nil
}

// Store replaces the ring.
func (s *keyringStorage) Store(ctx context.Context, b []byte) error {
	if err := s.kv.Store(ctx, keyringKey, b); err != nil {
		return fmt.Errorf("storing %s in Caddy's storage: %w", keyringKey, err)
	}
	return nil
}

// Lock keeps other instances from writing. The lock is given back even when ctx has ended.
func (s *keyringStorage) Lock(ctx context.Context) (unlock func(), err error) {
	if err := s.kv.Lock(ctx, keyringKey); err != nil {
		return nil, fmt.Errorf("locking %s in Caddy's storage: %w", keyringKey, err)
	}
	return func() {
		// Nothing can be done about a failure: a lock that is not given back goes stale by itself.
		_ = s.kv.Unlock(context.WithoutCancel(ctx), keyringKey)
	}, nil
}

var _ session.Storage = (*keyringStorage)(nil)
