package session

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"time"
)

const (
	sealAfter    = time.Hour        // from making a key to sealing with it; longer than rereadEvery
	storageLimit = 30 * time.Second // for one visit to the storage
)

// Storage is where the replicas share one key ring. Load returns an error that is fs.ErrNotExist when
// there is none yet. Store replaces the ring as a whole or not at all.
type Storage interface {
	Load(ctx context.Context) ([]byte, error)
	Store(ctx context.Context, ring []byte) error
	Lock(ctx context.Context) (unlock func(), err error)
}

// read brings the ring of the storage into memory, and makes or rotates it when that is due.
func (k *Keeper) read() (*Ring, error) {
	from := k.from()
	if from.storage == nil {
		return nil, errors.New("the key ring has no storage yet")
	}
	ctx, cancel := context.WithTimeout(k.ctx, storageLimit)
	defer cancel()
	k.lastRead.Store(time.Now().UnixNano())

	stored, err := load(ctx, from.storage)
	switch {
	case err == nil:
		stored = k.rotate(ctx, from, stored)
	case errors.Is(err, fs.ErrNotExist) && from.mayMake:
		if stored, err = k.amend(ctx, from); err == nil {
			from.log.WarnContext(ctx, "no cookie keys were stored; they are now, and every session made before has ended")
		}
	case errors.Is(err, fs.ErrNotExist):
		err = fmt.Errorf("the stored key ring has gone; reload the configuration to make a new one: %w", err)
	}
	if err != nil {
		return nil, err
	}
	return k.adopt(from, stored)
}

// rotate gives the ring a new key if it is time. A ring that cannot be rotated goes on as it is.
func (k *Keeper) rotate(ctx context.Context, from source, stored *storedRing) *storedRing {
	if !stored.due(time.Now(), k.rotation.Every) {
		return stored
	}
	rotated, err := k.amend(ctx, from)
	if err != nil {
		from.log.ErrorContext(ctx, "the cookie keys cannot be rotated; the old ones go on", "error", err)
		return stored
	}
	from.log.InfoContext(ctx, "the cookie keys are rotated", "keys", len(rotated.Keys))
	return rotated
}

// amend makes or rotates the stored ring under the storage's lock, unless another replica did so meanwhile.
func (k *Keeper) amend(ctx context.Context, from source) (*storedRing, error) {
	unlock, err := from.storage.Lock(ctx)
	if err != nil {
		return nil, fmt.Errorf("locking the key ring: %w", err)
	}
	defer unlock()
	now := time.Now()
	stored, err := load(ctx, from.storage)
	switch {
	case errors.Is(err, fs.ErrNotExist) && from.mayMake:
		stored = newStoredRing(now)
	case err != nil:
		return nil, err
	case !stored.due(now, k.rotation.Every):
		return stored, nil
	default:
		stored.amend(now, k.rotation)
	}
	raw, err := stored.encode()
	if err != nil {
		return nil, err
	}
	if err := from.storage.Store(ctx, raw); err != nil {
		return nil, fmt.Errorf("storing the key ring: %w", err)
	}
	return stored, nil
}

// adopt puts the stored ring in force. When Use has changed the source meanwhile, the new one is read next.
func (k *Keeper) adopt(from source, stored *storedRing) (*Ring, error) {
	r, err := stored.ring()
	if err != nil {
		return nil, err
	}
	r.missed = k.missed
	k.ring.Store(r)
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.source.generation == from.generation {
		k.source.mayMake = false
	}
	return r, nil
}
