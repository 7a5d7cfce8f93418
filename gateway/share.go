package gateway

import (
	"cmp"
	"context"
	"errors"
	"iter"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"sidegate.example/sidegate/gateway/store"
)

// firstRead is how long who has a session waits for the revocations that other replicas have made, from when the store of
// those comes into use.
const firstRead = 2 * time.Second

// errUnread: this process has never read the revocations that other replicas have made, or cannot with its key ring, so it
// cannot know whose session has ended. Once it has, a store that is out of reach ends no session.
var errUnread = errors.New("the sessions that ended on other replicas are not known yet")

// storeInUse is what the replicas share, as the configurations that serve name it; State holds it.
type storeInUse struct {
	mu    sync.Mutex
	named []namedStore                // by rank
	store atomic.Pointer[store.Store] // the one in use
	stop  context.CancelFunc
	read  chan struct{} // closed when the revocations of the store were read
	since time.Time

	unread atomic.Bool // see errUnread
}

// namedStore is the store of one gate's configuration.
type namedStore struct {
	rank  uint64
	store store.Store
}

// use says that the gate of that rank serves, whose configuration names a store. The highest rank decides: a sign-in that
// began with another store goes on in this process.
func (s *State) use(rank uint64, named store.Store) {
	s.inUse.mu.Lock()
	defer s.inUse.mu.Unlock()
	at, _ := slices.BinarySearchFunc(s.inUse.named, rank, func(n namedStore, rank uint64) int { return cmp.Compare(n.rank, rank) })
	s.inUse.named = slices.Insert(s.inUse.named, at, namedStore{rank, named})
	s.choose()
}

// knowsRevoked reports whether it is known here who has ended. After a start or a reload it waits for that, but not for long.
func (s *State) knowsRevoked(ctx context.Context) bool {
	if !s.inUse.unread.Load() {
		return true
	}
	s.inUse.mu.Lock()
	read, over := s.inUse.read, s.inUse.since.Add(firstRead)
	s.inUse.mu.Unlock()
	if read != nil { // otherwise memory has come into use meanwhile
		wait := time.NewTimer(time.Until(over))
		defer wait.Stop()
		select {
		case <-read:
		case <-wait.C:
		case <-ctx.Done():
		}
	}
	return !s.inUse.unread.Load()
}

// leave says that the configuration of the gate of that rank is gone. The last store stays in use.
func (s *State) leave(rank uint64) {
	s.inUse.mu.Lock()
	defer s.inUse.mu.Unlock()
	if len(s.inUse.named) > 1 {
		s.inUse.named = slices.DeleteFunc(s.inUse.named, func(n namedStore) bool { return n.rank == rank })
		s.choose()
	}
}

// choose puts the store of the highest rank in use; the lock is held.
func (s *State) choose() {
	h := &s.inUse
	chosen, was := h.named[len(h.named)-1].store, s.current()
	if chosen == was {
		return
	}
	switch {
	case chosen == s.memory:
		h.unread.Store(false)
	case chosen.Place == "" || chosen.Place != was.Place:
		h.unread.Store(true)
	}
	if s.ctx.Err() != nil {
		return
	}
	if h.stop != nil {
		h.stop()
	}
	h.stop, h.read, h.since = nil, nil, time.Now()
	h.store.Store(&chosen)
	if chosen == s.memory {
		s.transactions.Use(nil)
		return
	}
	s.transactions.Use(&chosen)
	ctx, stop := context.WithCancel(s.ctx)
	read, once := make(chan struct{}), sync.Once{}
	h.stop, h.read = stop, read
	known := s.revocations.All() // after the store is in use: what is revoked from now on goes there
	s.background.Go(func() {
		there := map[store.Revocation]bool{}
		chosen.Revocations.Follow(ctx, func(r store.Revocation) {
			if r == (store.Revocation{}) {
				s.setUnread(read, false)
				once.Do(func() {
					close(read)
					s.later(func() { s.handOn(ctx, chosen.Revocations, known, there) })
				})
				return
			}
			select {
			case <-read:
			default:
				there[instant(r)] = true
			}
			s.end(r)
		}, func() { s.setUnread(read, true) })
	})
}

// setUnread notes whether the revocations of the store are unread of which read tells, if that one is still in use.
func (s *State) setUnread(read chan struct{}, unread bool) {
	s.inUse.mu.Lock()
	defer s.inUse.mu.Unlock()
	if s.inUse.read == read {
		s.inUse.unread.Store(unread)
	}
}

// handOn tells a store that has come into use what had ended before and is not there: others who start with it must know.
func (s *State) handOn(ctx context.Context, to store.Revocations, known []store.Revocation, there map[store.Revocation]bool) {
	for _, r := range known {
		if ctx.Err() == nil && !there[instant(r)] {
			_ = to.Revoke(ctx, r) // the store goes on trying
		}
	}
}

// instant is r with times that are equal where they are the same.
func instant(r store.Revocation) store.Revocation {
	r.Before, r.Until = time.UnixMicro(r.Before.UnixMicro()), time.UnixMicro(r.Until.UnixMicro())
	return r
}

// current is the store in use.
func (s *State) current() store.Store { return *s.inUse.store.Load() }

// storeTimeout bounds what a request waits for a store that does not answer.
const storeTimeout = 5 * time.Second

// documents are those of the store in use.
type documents struct{ *State }

func (d documents) Put(ctx context.Context, kind store.Kind, id string, doc []byte, ttl time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	return d.current().Documents.Put(ctx, kind, id, doc, ttl)
}

func (d documents) Get(ctx context.Context, kind store.Kind, id string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	return d.current().Documents.Get(ctx, kind, id)
}

func (d documents) Take(ctx context.Context, kind store.Kind, id string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	return d.current().Documents.Take(ctx, kind, id)
}

func (d documents) Delete(ctx context.Context, kind store.Kind, id string) error {
	ctx, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	return d.current().Documents.Delete(ctx, kind, id)
}

func (d documents) All(ctx context.Context, kind store.Kind) iter.Seq2[[]byte, error] {
	return d.current().Documents.All(ctx, kind)
}
