package session

import (
	"maps"
	"sync"
	"time"

	"sidegate.example/sidegate/gateway/store"
)

// sweepEvery is the least time between two looks through all revocations.
const sweepEvery = time.Minute

// Revocations is the list, in memory, of sessions that ended before their time (immunity S44). The zero
// value is ready; it is safe for concurrent use.
type Revocations struct {
	mu       sync.RWMutex
	sessions map[string]time.Time // by handle, to when it is remembered
	subjects map[person]cutoff
	swept    time.Time
}

// person is who a subject is in an org.
type person struct{ org, subject string }

// cutoff ends the sessions of a person that are older.
type cutoff struct{ before, until time.Time }

// Add ends the sessions that v names. What is known already changes nothing.
func (r *Revocations) Add(v store.Revocation) {
	now := time.Now()
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.sessions == nil {
		r.sessions, r.subjects = make(map[string]time.Time), make(map[person]cutoff)
	}
	if now.Sub(r.swept) >= sweepEvery {
		r.sweep(now)
	}
	if v.Session != "" && v.Until.After(r.sessions[v.Session]) {
		r.sessions[v.Session] = v.Until
	}
	if v.Subject != "" {
		who := person{v.Org, v.Subject}
		c := r.subjects[who]
		r.subjects[who] = cutoff{later(c.before, v.Before), later(c.until, v.Until)}
	}
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// sweep forgets what is over: that costs Add a look through the maps once a minute, and needs no
// goroutine.
func (r *Revocations) sweep(now time.Time) {
	r.swept = now
	maps.DeleteFunc(r.sessions, func(_ string, until time.Time) bool { return now.After(until) })
	maps.DeleteFunc(r.subjects, func(_ person, c cutoff) bool { return now.After(c.until) })
}

// Begin is the time of issue of a session of a person of org that begins now and whose last factor was accepted at proved: after
// all that has ended so far, although a revocation reaches a little beyond its time, for clocks that are ahead, and a time of issue
// has a precision of one second. Where everything has ended since proved, which has one of a millisecond, nothing begins, and ok is
// false: that goes by clocks in step, because with store.Skew to spare nobody could sign in again at once.
func (r *Revocations) Begin(org, subject string, proved, now time.Time) (issued time.Time, ok bool) {
	r.mu.RLock()
	c := r.subjects[person{org, subject}]
	r.mu.RUnlock()
	return later(now, c.before.Add(time.Second-1).Truncate(time.Second)), !proved.Before(c.before.Add(-store.Skew).Truncate(time.Millisecond))
}

// Revoked reports whether the session, of a person of org, was revoked.
func (r *Revocations) Revoked(org string, s *Opened) bool {
	r.mu.RLock()
	_, ended := r.sessions[s.Handle]
	if !ended && s.Kin != "" {
		_, ended = r.sessions[s.Kin]
	}
	c, cut := r.subjects[person{org, s.Identity.Subject}]
	r.mu.RUnlock()
	return ended || cut && s.IssuedAt.Before(c.before)
}

// All are the revocations remembered.
func (r *Revocations) All() []store.Revocation {
	r.mu.RLock()
	defer r.mu.RUnlock()
	all := make([]store.Revocation, 0, len(r.sessions)+len(r.subjects))
	for handle, until := range r.sessions {
		all = append(all, store.Revocation{Session: handle, Until: until})
	}
	for who, c := range r.subjects {
		all = append(all, store.Revocation{Org: who.org, Subject: who.subject, Before: c.before, Until: c.until})
	}
	return all
}

// Len is the number of revocations remembered.
func (r *Revocations) Len() int {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return len(r.sessions) + len(r.subjects)
}
