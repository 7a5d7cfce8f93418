package transaction

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"sidegate.example/sidegate/gateway/store"
)

const (
	// storeTimeout bounds one question to the store.
	storeTimeout = 5 * time.Second
	// leaseMargin is how much longer than Config.CallTimeout a turn in the store is held, to commit what came of the call.
	leaseMargin = storeTimeout
	// firstPause and lastPause are the least and the greatest time between two tries for a turn that another replica has.
	firstPause, lastPause = 20 * time.Millisecond, 500 * time.Millisecond
	// putOff is when something is tried again that another replica was at, or that did not get through to the store.
	putOff = time.Second
)

// link is a store that is shared, by the way in which it is reached now.
type link struct{ atomic.Pointer[store.Store] }

// shared is what a transaction has on top where a store is shared. It is guarded by txn.mu.
type shared struct {
	in   *link
	mine bool // it began here
	// revision is that of the document that the transaction here is; held is the turn that is had, or whose Commit has not
	// got through (unsaved).
	revision uint64
	held     store.Turn
	unsaved  bool
	stale    bool // the store may have something newer
	// tries counts how often the store was out of reach in a row; nothing is begun before notBefore.
	tries     int
	notBefore time.Time
}

// Use makes sign-ins known to all who share st; nil is this process alone. Those under way go on in it where it is the same
// store reached in another way, otherwise here alone, unless another replica may have gone further with them. The store is
// not closed.
func (m *Manager) Use(st *store.Store) {
	m.mu.Lock()
	var was *store.Store
	if m.shared != nil {
		was = m.shared.Load()
	}
	if m.closed || was == st || was != nil && st != nil && *was == *st {
		m.mu.Unlock()
		return
	}
	if m.unfollow != nil {
		m.unfollow()
		m.unfollow = nil
	}
	switch {
	case st == nil:
		m.shared = nil
	case was != nil && was.Place != "" && was.Place == st.Place:
		m.shared.Store(st)
	default:
		m.shared = new(link)
		m.shared.Store(st)
	}
	in := m.shared
	if st != nil {
		ctx, stop := context.WithCancel(m.ctx)
		m.unfollow = stop
		m.following.Go(func() { st.Turns.Changes(ctx, store.SignIns, m.changed) })
	}
	m.mu.Unlock()
	for _, t := range m.all() {
		t.mu.Lock()
		if s := t.shared; s != nil && s.in != in { // in the same, what is put off resumes once Changes says that it is in reach
			if s.stale {
				m.drop(t)
			}
			t.shared = nil
			m.arm(t)
		}
		t.mu.Unlock()
	}
}

func (m *Manager) all() []*txn {
	m.mu.RLock()
	defer m.mu.RUnlock()
	all := make([]*txn, 0, len(m.byID))
	for _, t := range m.byID {
		all = append(all, t)
	}
	return all
}

// changed is what the store calls when a replica, this one included, has changed a sign-in, or, with the zero Change, may have.
func (m *Manager) changed(c store.Change) {
	if c == (store.Change{}) {
		for _, t := range m.all() {
			m.news(t, 0)
			m.resume(t)
		}
		return
	}
	m.mu.RLock()
	t := m.byID[c.ID]
	m.mu.RUnlock()
	switch {
	case t == nil:
	case c.Revision == 0:
		m.takenOut(t)
	default:
		m.news(t, c.Revision)
	}
}

// takenOut drops a t that was taken out of the store: who did that counts it, and tells Okta. Who has the turn here, or has something
// to save, finds out by itself.
func (m *Manager) takenOut(t *txn) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if s := t.shared; s != nil && !t.busy && !s.unsaved {
		m.drop(t)
	}
}

// news notes that t may have changed elsewhere, and reads it if somebody watches. Who has the turn here knows by itself.
// revision is that of the change; 0 is unknown.
func (m *Manager) news(t *txn, revision uint64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.gone || t.busy || t.shared == nil || revision != 0 && revision <= t.shared.revision {
		return
	}
	t.shared.stale = true
	if t.watchers > 0 {
		m.workers.submit(func() {
			t.mu.Lock()
			defer t.mu.Unlock()
			m.reload(m.ctx, t)
		})
	}
}

// reload reads what other replicas have done. The lock is held before and after, but not meanwhile. If the store is out
// of reach, what is here goes on.
func (m *Manager) reload(ctx context.Context, t *txn) {
	s := t.shared
	if t.gone || t.busy || s == nil || !s.stale || s.unsaved {
		return
	}
	s.stale = false
	t.mu.Unlock()
	ctx, cancel := context.WithTimeout(ctx, storeTimeout)
	doc, err := s.in.Load().Documents.Get(ctx, store.SignIns, t.id)
	cancel()
	t.mu.Lock()
	if t.gone || t.busy || t.shared != s || s.unsaved {
		return
	}
	d, bad := decode(doc)
	switch {
	case errors.Is(err, store.ErrNotFound):
		m.vanish(t)
		return
	case err != nil || bad != nil:
		s.stale = true
		return
	case d.Revision > s.revision:
		s.revision = d.Revision
		t.restore(d, m.engine(t.engine).observer)
	}
	m.arm(t)
}

// load makes a copy of a transaction that began elsewhere.
func (m *Manager) load(ctx context.Context, in *link, id, site string) (*txn, error) {
	ctx, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	b, err := in.Load().Documents.Get(ctx, store.SignIns, id)
	if errors.Is(err, store.ErrNotFound) {
		return nil, ErrGone
	}
	if err != nil {
		return nil, unavailable(err)
	}
	d, err := decode(b)
	if err != nil || d.Site != site {
		return nil, ErrGone
	}
	t := d.transaction(id)
	t.shared = &shared{in: in, revision: d.Revision}
	t.mu.Lock()
	defer t.mu.Unlock()
	e, known := m.find(d.Engine)
	if !known {
		return nil, ErrGone
	}
	if there, err := m.adoptCopy(t, in); there != nil || err != nil {
		return there, err
	}
	t.timer = time.AfterFunc(time.Until(t.expires), func() { m.due(t) })
	t.restore(d, e.observer)
	if !t.ended {
		t.entered(e.observer)
	}
	m.arm(t)
	return t, nil
}

// adoptCopy takes a place for t, unless the transaction is there already.
func (m *Manager) adoptCopy(t *txn, in *link) (there *txn, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed || m.shared != in {
		return nil, ErrClosed
	}
	if there := m.byID[t.id]; there != nil {
		return there, nil
	}
	m.places.take(t.origin)
	m.byID[t.id] = t
	return nil, nil
}

func unavailable(err error) error { return fmt.Errorf("%w: %w", ErrUnavailable, err) }
