package redisstore

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/redis/go-redis/v9"
)

const (
	// ringLock is how long the lock of the key ring holds when whoever took it died.
	ringLock = 30 * time.Second
	// lockPause is the time between two tries for it.
	lockPause = 100 * time.Millisecond
)

// KeyRing is where the replicas share the key ring, for those that share nothing but Redis. It is a session.Storage.
type KeyRing struct {
	redis  *Redis
	sealer Sealer
}

// KeyRing keeps the key ring sealed with a secret that the replicas have by other ways.
func (r *Redis) KeyRing(sealer Sealer) *KeyRing { return &KeyRing{r, sealer} }

func (k *KeyRing) name() string { return k.redis.cfg.Prefix + "{keyring}" }

// Load returns an error that wraps fs.ErrNotExist when no ring was stored yet.
func (k *KeyRing) Load(ctx context.Context) ([]byte, error) {
	sealed, err := k.redis.client.Get(ctx, k.name()).Bytes()
	switch {
	case errors.Is(err, redis.Nil):
		return nil, fmt.Errorf("the store: %s: %w", opKeyRing, fs.ErrNotExist)
	case err != nil:
		return nil, k.redis.failed(opKeyRing, err)
	}
	ring, err := k.sealer.Open(ctx, opKeyRing, sealed)
	if err != nil {
		return nil, k.redis.failed(opKeyRing, fmt.Errorf("it is sealed with another secret: %w", err))
	}
	return ring, nil
}

// Store replaces the ring.
func (k *KeyRing) Store(ctx context.Context, ring []byte) error {
	sealed, err := k.sealer.Seal(ctx, opKeyRing, ring)
	if err != nil {
		return k.redis.failed(opKeyRing, err)
	}
	if err := k.redis.client.Set(ctx, k.name(), sealed, 0).Err(); err != nil {
		return k.redis.failed(opKeyRing, err)
	}
	return nil
}

// Lock keeps other replicas from writing. The lock is given back even when ctx has ended.
func (k *KeyRing) Lock(ctx context.Context) (unlock func(), err error) {
	lock, token := k.name()+":lock", rand.Text()
	for {
		_, err := k.redis.client.SetArgs(ctx, lock, token, redis.SetArgs{Mode: "NX", TTL: ringLock}).Result()
		switch {
		case err == nil:
			return func() {
				// Nothing can be done about a failure: a lock that is not given back ends by itself.
				_ = releasing.Run(context.WithoutCancel(ctx), k.redis.client, []string{lock}, token).Err()
			}, nil
		case !errors.Is(err, redis.Nil):
			return nil, k.redis.failed(opKeyRing, err)
		}
		pause := time.NewTimer(lockPause)
		select {
		case <-pause.C:
		case <-ctx.Done():
			pause.Stop()
			return nil, k.redis.failed(opKeyRing, ctx.Err())
		}
	}
}
