package transaction

import (
	"container/list"
	"fmt"
	"net/netip"

	"sidegate.example/sidegate/flows"
	"sidegate.example/sidegate/gateway/store"
)

// origin is what transactions are counted by: an IPv4 address, or the /56 of an IPv6 one.
type origin netip.Addr

func originOf(c flows.ClientContext) origin {
	addr := c.Addr()
	if addr.Is6() {
		addr = netip.PrefixFrom(addr, 56).Masked().Addr()
	}
	return origin(addr)
}

// places counts who takes the MaxPending places, and knows who can be sent away. Nothing in it depends on how
// many there are. It is guarded by Manager.mu.
type places struct {
	share    // of all
	byOrigin map[origin]share
}

// share counts the places of some.
type share struct {
	taken int        // by those in byID, and those that just start
	vain  *list.List // of *txn, the one at its vain step for the longest time first; nil until there is one
}

func newPlaces() places {
	return places{share: share{vain: list.New()}, byOrigin: make(map[origin]share)}
}

func (p *places) take(from origin) {
	p.taken++
	s := p.byOrigin[from]
	s.taken++
	p.byOrigin[from] = s
}

func (p *places) giveBack(from origin) {
	p.taken--
	s := p.byOrigin[from]
	if s.taken--; s.taken == 0 {
		delete(p.byOrigin, from)
		return
	}
	p.byOrigin[from] = s
}

// leave is the end of t's place.
func (p *places) leave(t *txn) {
	p.unrank(t)
	p.giveBack(t.origin)
}

// rank puts t at the end of the queues.
func (p *places) rank(t *txn) {
	s := p.byOrigin[t.origin]
	if s.vain == nil {
		s.vain = list.New()
		p.byOrigin[t.origin] = s
	}
	t.rank, t.rankAtOrigin = p.vain.PushBack(t), s.vain.PushBack(t)
}

func (p *places) unrank(t *txn) {
	if t.rank != nil {
		p.vain.Remove(t.rank)
		p.byOrigin[t.origin].vain.Remove(t.rankAtOrigin)
		t.rank, t.rankAtOrigin = nil, nil
	}
}

// pop takes the oldest vain transaction of s out of the queues; nil for none.
func (p *places) pop(s share) *txn {
	if s.vain == nil || s.vain.Len() == 0 {
		return nil
	}
	t := s.vain.Front().Value.(*txn)
	p.unrank(t)
	return t
}

// reserve takes a place for a sign-in that begins; giveBack or adopt ends that. If its address has all it may have, the
// oldest vain transaction of that address makes room; if all are taken, the oldest of all.
func (m *Manager) reserve(name string, from origin) (engine, error) {
	for {
		e, oldest, err := m.tryReserve(name, from)
		if err != nil || oldest == nil {
			return e, err
		}
		m.evict(oldest)
	}
}

// tryReserve takes a place, unless it returns an error, or whom to evict before the next try. That one is out
// of the queue: each try costs what a transaction was queued for once.
func (m *Manager) tryReserve(name string, from origin) (engine, *txn, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	e, known := m.current(name)
	full, here := m.places.share, m.places.byOrigin[from]
	switch {
	case m.closed:
		return engine{}, nil, ErrClosed
	case !known:
		return engine{}, nil, fmt.Errorf("no engine is set under the name %q", name)
	case here.taken >= m.cfg.MaxPerAddress: // first: who has too many sends away nobody else
		full = here
	case full.taken < m.cfg.MaxPending:
		m.places.take(from)
		return e, nil, nil
	}
	if oldest := m.places.pop(full); oldest != nil {
		return engine{}, oldest, nil
	}
	return engine{}, nil, ErrBusy
}

// evict forgets t, unless its person has gone on since it was queued, or the store does not have it yet: whoever ends the call in
// flight queues it again if it is still vain then.
func (m *Manager) evict(t *txn) {
	t.mu.Lock()
	defer t.mu.Unlock()
	s := t.shared
	if t.busy || !t.vain() || s != nil && s.unsaved {
		t.rankedAs = 0
		return
	}
	if s == nil {
		m.forget(t)
		return
	}
	m.drop(t)
	if revision := s.revision; s.mine { // one of another replica is in that one's way
		m.workers.submit(func() { m.endVain(t, s.in, revision) })
	}
}

// endVain ends on every replica a t that was vain here at revision, and counts it. One that has gone on at another replica since, or
// that is having its turn there, goes on.
func (m *Manager) endVain(t *txn, in *link, revision uint64) {
	ctx, answered := m.asking()
	defer answered()
	turn, err := in.Load().Turns.Acquire(ctx, store.SignIns, t.id, m.lease())
	if err != nil {
		return
	}
	defer m.releaseInStore(in, turn)
	o := m.engine(t.engine).observer
	if turn.Revision != revision {
		d, bad := decode(turn.Doc)
		if bad != nil {
			return
		}
		t.mu.Lock()
		t.restore(d, o)
		vain := t.vain()
		t.mu.Unlock()
		if !vain {
			return
		}
	}
	if _, err := in.Load().Documents.Take(ctx, store.SignIns, t.id); err != nil {
		return // it ends by itself; if it was cancelled just now, who did that has counted it
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.end(o)
}

// giveBack ends a reservation of which nothing came; false means that the Manager is closed.
func (m *Manager) giveBack(from origin) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.places.giveBack(from)
	return !m.closed
}

// adopt makes a reservation the place of t; false means that the Manager is closed.
func (m *Manager) adopt(t *txn) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.byID == nil { // who has begun before Close goes on elsewhere
		return false
	}
	m.byID[t.id] = t
	return true
}

// rank queues t for eviction while its step is vain, by when it came to that step. It is called with t's lock
// held and no call in flight, and takes the Manager's only when the step is another one.
func (m *Manager) rank(t *txn) {
	want := uint64(0)
	if t.vain() {
		want = t.seq
	}
	if t.rankedAs == want {
		return
	}
	t.rankedAs = want
	m.mu.Lock()
	defer m.mu.Unlock()
	m.places.unrank(t)
	if want != 0 {
		m.places.rank(t)
	}
}
