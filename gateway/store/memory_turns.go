package store

import (
	"bytes"
	"context"
	"crypto/rand"
	"time"
)

// turn is who may change a document, and until when.
type turn struct {
	token string
	until time.Time
}

// Begin implements Turns.
func (m *Memory) Begin(_ context.Context, kind Kind, id string, hold time.Duration) (Turn, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.shelf(kind).acquire(kind, id, hold)
}

// Acquire implements Turns.
func (m *Memory) Acquire(_ context.Context, kind Kind, id string, hold time.Duration) (Turn, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	s := m.shelf(kind)
	d := s.get(id)
	if d == nil {
		return Turn{}, ErrNotFound
	}
	t, err := s.acquire(kind, id, hold)
	if err != nil {
		return Turn{}, err
	}
	t.Doc, t.Revision = bytes.Clone(d.bytes), d.revision
	return t, nil
}

func (s *shelf) acquire(kind Kind, id string, hold time.Duration) (Turn, error) {
	now := time.Now()
	if held, ok := s.turns[id]; ok && now.Before(held.until) {
		return Turn{}, ErrHeld
	}
	t := Turn{Kind: kind, ID: id, Token: rand.Text()}
	s.turns[id] = turn{token: t.Token, until: now.Add(hold)}
	return t, nil
}

// Commit implements Turns.
func (m *Memory) Commit(_ context.Context, t Turn, doc []byte, ttl time.Duration, told bool) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	s := m.shelf(t.Kind)
	defer s.release(t)
	if d := s.get(t.ID); d != nil && d.by == t.Token && !d.saved { // it took effect
		return nil
	}
	if err := s.change(t, document{bytes: doc, revision: t.Committed()}, ttl); err != nil {
		return err
	}
	if told {
		tell(s.readers, Change{t.ID, t.Committed()})
	}
	return nil
}

// Save implements Turns.
func (m *Memory) Save(_ context.Context, t Turn, doc []byte, ttl time.Duration) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.shelf(t.Kind).change(t, document{bytes: doc, revision: t.Saved(), saved: true}, ttl)
}

// change puts a document in place that nobody else has changed since t.
func (s *shelf) change(t Turn, to document, ttl time.Duration) error {
	d := s.get(t.ID)
	switch {
	case d == nil && t.Revision > 0:
		return ErrNotFound
	case d != nil && d.revision != t.Revision && (d.by != t.Token || !d.saved):
		return ErrLost
	}
	to.id, to.bytes, to.until, to.by = t.ID, bytes.Clone(to.bytes), time.Now().Add(ttl), t.Token
	s.put(&to)
	return nil
}

// Release implements Turns.
func (m *Memory) Release(_ context.Context, t Turn) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.shelf(t.Kind).release(t)
	return nil
}

func (s *shelf) release(t Turn) {
	if s.turns[t.ID].token == t.Token {
		delete(s.turns, t.ID)
	}
}

// Changes implements Turns.
func (m *Memory) Changes(ctx context.Context, kind Kind, changed func(Change)) {
	m.mu.Lock()
	h := join(&m.shelf(kind).readers)
	m.mu.Unlock()
	h.put(Change{})
	h.run(ctx, changed)
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.shelf(kind).readers, h)
}
