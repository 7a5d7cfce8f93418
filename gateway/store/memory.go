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

const (
	// maxDocuments is how many documents of one kind a Memory keeps: the oldest makes room.
	maxDocuments = 100_000
	// maxPosts bounds all Posts together, in bytes, because anybody can have some kept.
	maxPosts = 64 << 20
)

// Memory keeps documents and revocations in this process. The zero value is ready; it is safe for concurrent use. Its
// methods fail only for what the documents are.
type Memory struct {
	mu        sync.Mutex
	kinds     map[Kind]*shelf
	revoked   []Revocation
	followers readers[Revocation]
}

// shelf holds the documents of one kind, the one put last in front.
type shelf struct {
	byID    map[string]*list.Element
	order   list.List
	turns   map[string]turn
	readers readers[Change]
	size    int // of all documents, in bytes
	most    int // of size; 0 for no bound
}

type document struct {
	id       string
	bytes    []byte
	until    time.Time
	revision uint64
	by       string // the token of the turn that it is from
	saved    bool   // by a Save
}

var (
	_ Documents   = (*Memory)(nil)
	_ Turns       = (*Memory)(nil)
	_ Revocations = (*Memory)(nil)
)

// Put implements Documents.
func (m *Memory) Put(_ context.Context, kind Kind, id string, doc []byte, ttl time.Duration) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	s := m.shelf(kind)
	revision := uint64(0)
	if old := s.get(id); old != nil {
		revision = old.revision
	}
	s.put(&document{id: id, bytes: bytes.Clone(doc), until: time.Now().Add(ttl), revision: revision + 1})
	return nil
}

// Get implements Documents.
func (m *Memory) Get(_ context.Context, kind Kind, id string) ([]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.shelf(kind).bytes(id)
}

// Take implements Documents.
func (m *Memory) Take(_ context.Context, kind Kind, id string) ([]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	s := m.shelf(kind)
	doc, err := s.bytes(id)
	s.drop(id)
	tell(s.readers, Change{ID: id})
	return doc, err
}

// Delete implements Documents.
func (m *Memory) Delete(_ context.Context, kind Kind, id string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	s := m.shelf(kind)
	s.drop(id)
	tell(s.readers, Change{ID: id})
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
			doc, err := s.bytes(id)
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
		s = &shelf{byID: map[string]*list.Element{}, turns: map[string]turn{}}
		if m.kinds == nil {
			m.kinds = map[Kind]*shelf{}
		}
		if kind == Posts {
			s.most = maxPosts
		}
		m.kinds[kind] = s
	}
	return s
}

// put makes room for d, and forgets what is over and stands behind.
func (s *shelf) put(d *document) {
	s.drop(d.id)
	s.size += len(d.bytes)
	now := time.Now()
	for e := s.order.Back(); e != nil && (len(s.byID) >= maxDocuments || s.most > 0 && s.size > s.most || !now.Before(e.Value.(*document).until)); e = s.order.Back() {
		s.drop(e.Value.(*document).id)
	}
	s.byID[d.id] = s.order.PushFront(d)
}

// get is nil where there is none.
func (s *shelf) get(id string) *document {
	e, ok := s.byID[id]
	if !ok || !time.Now().Before(e.Value.(*document).until) {
		return nil
	}
	return e.Value.(*document)
}

func (s *shelf) bytes(id string) ([]byte, error) {
	d := s.get(id)
	if d == nil {
		return nil, ErrNotFound
	}
	return bytes.Clone(d.bytes), nil
}

func (s *shelf) drop(id string) {
	if e, ok := s.byID[id]; ok {
		s.order.Remove(e)
		s.size -= len(e.Value.(*document).bytes)
		delete(s.byID, id)
	}
}
