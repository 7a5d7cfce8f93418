package store

import (
	"bytes"
	"container/list"
	"context"
	"iter"
	"maps"
	"slices"
	"sync"
	"time"
)

// maxDocuments is how many documents of one kind a Memory keeps: the oldest makes room.
const maxDocuments = 100_000

// Memory keeps documents in this process. The zero value is ready; it is safe for concurrent use. Its methods never fail:
// the errors are there for stores that can.
type Memory struct {
	mu    sync.Mutex
	kinds map[Kind]*shelf
}

// shelf holds the documents of one kind, the one put last in front.
type shelf struct {
	byID  map[string]*list.Element
	order list.List
}

type document struct {
	id    string
	bytes []byte
	until time.Time
}

var _ Documents = (*Memory)(nil)

// Put implements Documents.
func (m *Memory) Put(_ context.Context, kind Kind, id string, doc []byte, ttl time.Duration) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	s := m.shelf(kind)
	s.drop(id)
	now := time.Now()
	for e := s.order.Back(); e != nil && (len(s.byID) >= maxDocuments || !now.Before(e.Value.(*document).until)); e = s.order.Back() {
		s.drop(e.Value.(*document).id)
	}
	s.byID[id] = s.order.PushFront(&document{id: id, bytes: bytes.Clone(doc), until: now.Add(ttl)})
	return nil
}

// Get implements Documents.
func (m *Memory) Get(_ context.Context, kind Kind, id string) ([]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.shelf(kind).get(id)
}

// Take implements Documents.
func (m *Memory) Take(_ context.Context, kind Kind, id string) ([]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	s := m.shelf(kind)
	defer s.drop(id)
	return s.get(id)
}

// Delete implements Documents.
func (m *Memory) Delete(_ context.Context, kind Kind, id string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.shelf(kind).drop(id)
	return nil
}

// All implements Documents.
func (m *Memory) All(_ context.Context, kind Kind) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		m.mu.Lock()
		s := m.shelf(kind)
		ids := slices.Collect(maps.Keys(s.byID))
		m.mu.Unlock()
		for _, id := range ids {
			m.mu.Lock()
			doc, err := s.get(id)
			m.mu.Unlock()
			if err == nil && !yield(doc, nil) {
				return
			}
		}
	}
}

func (m *Memory) shelf(kind Kind) *shelf {
	s := m.kinds[kind]
	if s == nil {
		s = &shelf{byID: map[string]*list.Element{}}
		if m.kinds == nil {
			m.kinds = map[Kind]*shelf{}
		}
		m.kinds[kind] = s
	}
	return s
}

func (s *shelf) get(id string) ([]byte, error) {
	e, ok := s.byID[id]
	if !ok || !time.Now().Before(e.Value.(*document).until) {
		return nil, ErrNotFound
	}
	return bytes.Clone(e.Value.(*document).bytes), nil
}

func (s *shelf) drop(id string) {
	if e, ok := s.byID[id]; ok {
		s.order.Remove(e)
		delete(s.byID, id)
	}
}
