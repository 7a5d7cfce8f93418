package session

import (
	"sync"
	"time"
)

// sweepEvery is the least time between two looks through all revocations.
const sweepEvery = time.Minute

// Revocations is the list, in memory, of sessions that ended before their time (immunity S44). The zero
// value is ready; it is safe for concurrent use.
type Revocations struct {
	mu    sync.RWMutex
	until map[ID]time.Time
	swept time.Time
}

// Revoke ends a session. until is the session's ExpiresAt: after it the cookie is dead by itself, and the
// entry may be forgotten.
func (r *Revocations) Revoke(id ID, until time.Time) {
	now := time.Now()
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.until == nil {
		r.until = make(map[ID]time.Time)
	}
	if now.Sub(r.swept) >= sweepEvery {
		r.sweep(now)
	}
	if until.After(r.until[id]) {
		r.until[id] = until
	}
}

// sweep forgets what is over: that costs Revoke a look through the map once a minute, and needs no
// goroutine.
func (r *Revocations) sweep(now time.Time) {
	r.swept = now
	for id, until := range r.until {
		if now.After(until) {
			delete(r.until, id)
		}
	}
}

// Revoked reports whether the session was revoked.
func (r *Revocations) Revoked(id ID) bool {
	r.mu.RLock()
	_, ok := r.until[id]
	r.mu.RUnlock()
	return ok
}

// Len is the number of revocations remembered.
func (r *Revocations) Len() int {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return len(r.until)
}
