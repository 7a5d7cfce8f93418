package caddymodule

import (
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

	mu    sync.Mutex
	users []keyringUser // oldest first
}

// keyringUser is one configuration. Its storage and its log are good until it is cleaned up.
type keyringUser struct {
	app     *App
	storage session.Storage
	log     *slog.Logger
}

// joinKeyring counts one more user. From now on the keys are kept in this user's storage. Nothing is read
// or written before the first request.
func joinKeyring(rotation session.Rotation, u keyringUser) (*keyring, error) {
	v, _, err := keyrings.LoadOrNew(rotation, func() (caddy.Destructor, error) {
		return &keyring{Keeper: session.NewKeeper(rotation), rotation: rotation}, nil
	})
	if err != nil {
		return nil, fmt.Errorf("okta_mfa: making the key ring: %w", err)
	}
	k := v.(*keyring)
	k.mu.Lock()
	defer k.mu.Unlock()
	k.users = append(k.users, u)
	k.Use(u.storage, u.log)
	return k, nil
}

// leave counts one user less; only who joined may leave. If the newest leaves, the keys go back to the storage of
// the one before: that is the old configuration after a reload that failed.
func (k *keyring) leave(app *App) error {
	k.mu.Lock()
	last := len(k.users) - 1
	newest := k.users[last].app == app
	k.users = slices.DeleteFunc(k.users, func(u keyringUser) bool { return u.app == app })
	if newest && last > 0 {
		k.Use(k.users[last-1].storage, k.users[last-1].log)
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
