package caddymodule

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"sync"

	"github.com/caddyserver/caddy/v2"

	"sidegate.example/sidegate/gateway/session"
)

// keyrings holds one keyring for each session.Rotation in use, so that the keys in memory survive a reload
// that finds the storage down. A reload that changes the rotation reads them from the storage again.
var keyrings = caddy.NewUsagePool()

// keyring is a session.Keeper that several configurations use, one after the other and, during a reload, at
// the same time.
type keyring struct {
	*session.Keeper
	rotation session.Rotation

	mu      sync.Mutex
	users   []*configKeys // oldest first
	serving *configKeys   // whose storage the Keeper uses
}

// configKeys are the keys as the gates of one configuration ask for them.
type configKeys struct {
	ring *keyring
	// storage and log are good until the configuration is cleaned up.
	storage session.Storage
	log     *slog.Logger
	once    sync.Once
}

var _ session.Keys = (*configKeys)(nil)

// joinKeyring counts one more user. Nothing is read or written, and nothing changes for the others, before its first
// request: a configuration that fails to load never has one.
func joinKeyring(rotation session.Rotation, storage session.Storage, log *slog.Logger) (*configKeys, error) {
	v, _, err := keyrings.LoadOrNew(rotation, func() (caddy.Destructor, error) {
		return &keyring{Keeper: session.NewKeeper(rotation), rotation: rotation}, nil
	})
	if err != nil {
		return nil, fmt.Errorf("okta_mfa: making the key ring: %w", err)
	}
	c := &configKeys{ring: v.(*keyring), storage: storage, log: log}
	c.ring.mu.Lock()
	defer c.ring.mu.Unlock()
	c.ring.users = append(c.ring.users, c)
	return c, nil
}

// Ring implements session.Keys.
func (c *configKeys) Ring(ctx context.Context) (*session.Ring, error) {
	c.once.Do(c.serve)
	return c.ring.Keeper.Ring(ctx)
}

// serve makes the Keeper use this configuration's storage, unless a newer one serves or this one has left.
func (c *configKeys) serve() {
	k := c.ring
	k.mu.Lock()
	defer k.mu.Unlock()
	if slices.Index(k.users, c) > slices.Index(k.users, k.serving) {
		k.use(c)
	}
}

func (k *keyring) use(c *configKeys) {
	k.serving = c
	k.Use(c.storage, c.log)
}

// leave counts one user less; only who joined may leave. If it served, the keys go back to the storage of the one
// before it, whose configuration goes on when a reload fails late, or to that of the new one, which has had no request
// yet: the background must not read what Caddy has closed.
func (c *configKeys) leave() error {
	k := c.ring
	k.mu.Lock()
	i := slices.Index(k.users, c)
	k.users = slices.Delete(k.users, i, i+1)
	if k.serving == c && len(k.users) > 0 {
		k.use(k.users[max(i-1, 0)])
	}
	k.mu.Unlock()
	if _, err := keyrings.Delete(k.rotation); err != nil {
		return fmt.Errorf("okta_mfa: releasing the key ring: %w", err)
	}
	return nil
}

// Destruct ends what the keyring does in the background when the last user has left. Requests that still
// run go on with the keys in memory.
func (k *keyring) Destruct() error {
	k.Close()
	return nil
}

var _ caddy.Destructor = (*keyring)(nil)
