package session

import (
	"context"
	"fmt"
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

	rereadEvery = 10 * time.Minute // how soon every replica knows a new key
	retryAfter  = time.Minute      // the next try when a re-read failed
	missedEvery = 30 * time.Second // the most often that unknown key ids make us read
	firstEvery  = time.Second      // the most often that a first load is tried
)

// Rotation says how a Keeper changes its keys.
type Rotation struct {
	// Every is the age at which the newest key gets a successor. Default 30 days.
	Every time.Duration
	// KeepFor is how long a key still opens cookies after its successor began to seal: not less than the
	// longest lifetime of a session. Default 30 days.
	KeepFor time.Duration
}

// Keeper is the Keys that replicas share through a Storage. The first one that finds no ring there makes
// it under the storage's lock; after its first load each reads the ring again every ten minutes, in the
// background. A new key seals only an hour after it was stored, when all replicas have read it, so a
// rotation signs nobody out, and no replica ever makes up a key of its own (immunity S53). A ring that
// cannot be read is an error until the first load has succeeded; later it is logged, and the keys in
// memory go on.
//
// To sign everybody out, delete the stored ring and reload the configuration of every replica; where they share a Redis,
// {ring} has to go there afterwards, because it is the old ring's until then, and nobody with a session is let in.
type Keeper struct {
	rotation Rotation
	ring     atomic.Pointer[Ring]
	lastRead atomic.Int64  // Unix nanoseconds
	wake     chan struct{} // asks the background for a re-read now
	first    chan struct{} // holds a token while somebody loads the ring for the first time

	ctx    context.Context // ends with Close
	cancel context.CancelFunc
	wg     sync.WaitGroup

	mu       sync.Mutex
	source   source
	failed   error // of the last first load
	failedAt time.Time
	closed   bool
}

// source is where the ring comes from, between two calls of Use.
type source struct {
	storage Storage
	log     *slog.Logger
	// generation tells one Use from the next.
	generation int
	// mayMake allows a missing ring to be made: until the ring was there once.
	mayMake bool
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
	k := &Keeper{rotation: r, wake: make(chan struct{}, 1), first: make(chan struct{}, 1)}
	k.ctx, k.cancel = context.WithCancel(context.Background())
	return k
}

// Use makes the Keeper work with a storage and a logger (nil discards): once at the start, and again
// after a reload of the configuration. The keys in memory stay in force until those of the storage have
// been read, which is at once and in the background; if it holds none, new ones are made.
func (k *Keeper) Use(s Storage, log *slog.Logger) {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	k.mu.Lock()
	k.source = source{storage: s, log: log, generation: k.source.generation + 1, mayMake: true}
	k.failed = nil
	k.mu.Unlock()
	k.rereadNow()
}

// Ring returns the keys in memory; only before the first load has succeeded does it wait for the storage.
func (k *Keeper) Ring(ctx context.Context) (*Ring, error) {
	if r := k.ring.Load(); r != nil {
		return r, nil
	}
	return k.firstRing(ctx)
}

// Close stops what runs in the background and waits for it. Ring goes on with the keys in memory.
func (k *Keeper) Close() {
	k.mu.Lock()
	k.closed = true
	k.mu.Unlock()
	k.cancel()
	k.wg.Wait()
}

// firstRing loads the ring while the callers wait: one of them at a time, and for a second after a
// failure none, so that a broken storage is not stormed. The load is not tied to the caller's context, because
// the others wait for it too.
func (k *Keeper) firstRing(ctx context.Context) (*Ring, error) {
	select {
	case k.first <- struct{}{}:
		defer func() { <-k.first }()
	case <-ctx.Done():
		return nil, fmt.Errorf("waiting for the key ring: %w", ctx.Err())
	}
	if r := k.ring.Load(); r != nil {
		return r, nil
	}
	if err := k.recentFailure(); err != nil {
		return nil, err
	}
	r, err := k.read()
	k.mu.Lock()
	defer k.mu.Unlock()
	k.failed, k.failedAt = err, time.Now()
	if err == nil && !k.closed {
		k.wg.Go(k.run)
	}
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

// run reads the ring again and again until Close. It does not wait for requests to ask for it: a replica
// without traffic for an hour would not know the key that the others seal with by then.
func (k *Keeper) run() {
	wait := rereadEvery
	for {
		select {
		case <-k.ctx.Done():
			return
		case <-time.After(wait):
		case <-k.wake:
		}
		wait = rereadEvery
		if _, err := k.read(); err != nil && k.ctx.Err() == nil {
			wait = retryAfter
			k.from().log.ErrorContext(k.ctx, "the cookie keys cannot be read again; those in memory go on", "error", err)
		}
	}
}

// missed is what the ring calls when a cookie names a key that it does not have.
func (k *Keeper) missed() {
	now, last := time.Now().UnixNano(), k.lastRead.Load()
	if now-last >= int64(missedEvery) && k.lastRead.CompareAndSwap(last, now) {
		k.rereadNow()
	}
}

func (k *Keeper) rereadNow() {
	select {
	case k.wake <- struct{}{}:
	default: // it was asked already
	}
}

func (k *Keeper) from() source {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.source
}
