package session

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// DefaultRotateEvery is the age at which the newest key gets a successor.
	DefaultRotateEvery = 30 * 24 * time.Hour
	// DefaultKeepFor is how long a key still opens cookies after its successor began to seal.
	DefaultKeepFor = 30 * 24 * time.Hour

	rereadEvery  = 10 * time.Minute // how soon every replica knows a new key
	retryAfter   = time.Minute      // the next try when a re-read failed
	missedEvery  = 30 * time.Second // the most often that unknown key ids make us read
	firstEvery   = time.Second      // the most often that a first load is tried
	sealAfter    = time.Hour        // from making a key to sealing with it
	storageLimit = 30 * time.Second // for one visit to the storage
)

// Storage is where the replicas share one key ring. Load returns an error that is fs.ErrNotExist when
// there is none yet. Store must be atomic.
type Storage interface {
	Load(ctx context.Context) ([]byte, error)
	Store(ctx context.Context, ring []byte) error
	Lock(ctx context.Context) (unlock func(), err error)
}

// Rotation says how a Keeper changes its keys.
type Rotation struct {
	// Every is the age at which the newest key gets a successor. Default 30 days.
	Every time.Duration
	// KeepFor is how long a key still opens cookies after its successor began to seal: not less than the longest
	// lifetime of a session. Default 30 days.
	KeepFor time.Duration
}

// Keeper is the Keys that replicas share through a Storage. The first one that finds none makes a ring
// under the storage's lock; each reads it again every ten minutes, in the background, when it is used. A new key
// seals only an hour after it was stored, when all replicas have read it, so a rotation signs nobody out
// (immunity S53: no replica ever makes up a key of its own). A ring that cannot be read is an
// error until the first load has succeeded; later it is logged, and the keys in memory go on.
//
// To sign everybody out, delete the stored ring and reload the configuration of every replica.
type Keeper struct {
	rotation Rotation
	ring     atomic.Pointer[Ring]
	lastRead atomic.Int64 // Unix nanoseconds

	visit chan struct{} // holds one token while somebody talks to the storage

	ctx    context.Context // ends with Close
	cancel context.CancelFunc
	wg     sync.WaitGroup

	mu       sync.Mutex
	storage  Storage
	log      *slog.Logger
	mayMake  bool // a missing ring may be made anew
	failed   error
	failedAt time.Time
	closed   bool
}

var _ Keys = (*Keeper)(nil)

// NewKeeper makes a Keeper that has no storage yet: see Use. Close it in the end.
func NewKeeper(r Rotation) *Keeper {
	if r.Every <= 0 {
		r.Every = DefaultRotateEvery
	}
	if r.KeepFor <= 0 {
		r.KeepFor = DefaultKeepFor
	}
	k := &Keeper{rotation: r, visit: make(chan struct{}, 1), log: slog.New(slog.DiscardHandler)}
	k.ctx, k.cancel = context.WithCancel(context.Background())
	return k
}

// Use makes the Keeper work with another storage and logger (nil discards), after a reload of the
// configuration. The keys in memory stay in force until the storage's have been read, at the next use; if there are
// none in it, new ones are made.
func (k *Keeper) Use(s Storage, log *slog.Logger) {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.storage, k.log, k.mayMake, k.failed = s, log, true, nil
	k.lastRead.Store(0)
}

// Ring returns the keys in memory; only the first call waits for the storage.
func (k *Keeper) Ring(ctx context.Context) (*Ring, error) {
	r := k.ring.Load()
	if r == nil {
		return k.first(ctx)
	}
	k.reread(rereadEvery)
	return r, nil
}

// Close stops what runs in the background and waits for it. Ring goes on with the keys in memory.
func (k *Keeper) Close() {
	k.mu.Lock()
	k.closed = true
	k.mu.Unlock()
	k.cancel()
	k.wg.Wait()
}

// first loads the ring while the callers wait: one of them at a time, and for a second after a failure
// none, so that a broken storage is not stormed.
func (k *Keeper) first(ctx context.Context) (*Ring, error) {
	select {
	case k.visit <- struct{}{}:
		defer func() { <-k.visit }()
	case <-ctx.Done():
		return nil, fmt.Errorf("waiting for the key ring: %w", ctx.Err())
	}
	if r := k.ring.Load(); r != nil {
		return r, nil
	}
	if err := k.recentFailure(); err != nil {
		return nil, err
	}
	// The visit is not the caller's alone: it goes on when the caller's browser has gone.
	r, err := k.read()
	k.mu.Lock()
	k.failed, k.failedAt = err, time.Now()
	k.mu.Unlock()
	return r, err
}

func (k *Keeper) recentFailure() error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if time.Since(k.failedAt) < firstEvery {
		return k.failed
	}
	return nil
}

// reread starts a visit in the background if the last one is age or more ago.
func (k *Keeper) reread(age time.Duration) {
	now, last := time.Now().UnixNano(), k.lastRead.Load()
	if now-last < int64(age) || !k.lastRead.CompareAndSwap(last, now) {
		return
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.closed {
		return
	}
	k.wg.Go(func() {
		k.visit <- struct{}{}
		defer func() { <-k.visit }()
		if _, err := k.read(); err != nil {
			k.lastRead.Store(time.Now().Add(retryAfter - rereadEvery).UnixNano())
			k.logger().ErrorContext(k.ctx, "the cookie keys cannot be read again; going on with those in memory", "error", err)
		}
	})
}

// missed is what the ring calls when a cookie names a key that it does not have.
func (k *Keeper) missed() { k.reread(missedEvery) }

func (k *Keeper) logger() *slog.Logger {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.log
}

// read brings the ring of the storage into memory, and makes or rotates it when that is due. The caller
// holds visit.
func (k *Keeper) read() (*Ring, error) {
	k.mu.Lock()
	s, log, mayMake := k.storage, k.log, k.mayMake
	k.mu.Unlock()
	if s == nil {
		return nil, errors.New("the key ring has no storage yet")
	}
	ctx, cancel := context.WithTimeout(k.ctx, storageLimit)
	defer cancel()

	stored, err := load(ctx, s)
	switch {
	case errors.Is(err, fs.ErrNotExist) && !mayMake:
		return nil, fmt.Errorf("the stored key ring has gone; reload the configuration to make a new one: %w", err)
	case errors.Is(err, fs.ErrNotExist):
		if stored, err = k.amend(ctx, s, true); err == nil {
			log.WarnContext(ctx, "no key ring was stored; it has one now, and all earlier sessions have ended")
		}
	case err == nil && stored.due(time.Now(), k.rotation.Every):
		rotated, rotErr := k.amend(ctx, s, false)
		if rotErr != nil {
			log.ErrorContext(ctx, "the cookie keys cannot be rotated; the old ones go on", "error", rotErr)
			break
		}
		stored = rotated
	}
	if err != nil {
		return nil, err
	}
	return k.adopt(s, stored)
}

// amend makes or rotates the stored ring under the storage's lock, unless another replica did so meanwhile.
func (k *Keeper) amend(ctx context.Context, s Storage, mayMake bool) (*storedRing, error) {
	unlock, err := s.Lock(ctx)
	if err != nil {
		return nil, fmt.Errorf("locking the key ring: %w", err)
	}
	defer unlock()
	now := time.Now()
	stored, err := load(ctx, s)
	switch {
	case errors.Is(err, fs.ErrNotExist) && mayMake:
		stored = &storedRing{Version: storedVersion}
		stored.add(now)
	case err != nil:
		return nil, err
	case stored.due(now, k.rotation.Every):
		stored.add(now.Add(sealAfter))
		stored.prune(now, k.rotation.KeepFor)
	default:
		return stored, nil
	}
	raw, err := stored.encode()
	if err != nil {
		return nil, err
	}
	if err := s.Store(ctx, raw); err != nil {
		return nil, fmt.Errorf("storing the key ring: %w", err)
	}
	return stored, nil
}

// adopt puts the stored ring in force, unless Use has changed the storage meanwhile.
func (k *Keeper) adopt(from Storage, stored *storedRing) (*Ring, error) {
	r, err := stored.ring()
	if err != nil {
		return nil, err
	}
	r.missed = k.missed
	k.mu.Lock()
	defer k.mu.Unlock()
	k.ring.Store(r)
	if k.storage == from {
		k.mayMake = false
	}
	return r, nil
}
