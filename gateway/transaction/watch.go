package transaction

import (
	"context"
	"sync"
	"time"
)

// touchFor is how long a page that refreshes itself counts as waiting after each time.
const touchFor = 15 * time.Second

// told is what a Watch that is behind gets for a channel.
var told = func() chan struct{} { c := make(chan struct{}); close(c); return c }()

// Watch is one tab that waits. While at least one is open, the transaction is polled.
type Watch struct {
	m    *Manager
	t    *txn
	stop sync.Once
	seen uint64 // guarded by t.mu
}

// Watch opens a Watch; close it. The error is one of Get.
func (m *Manager) Watch(ctx context.Context, id, site string) (*Watch, error) {
	t, err := m.hold(ctx, id, site)
	if err != nil {
		return nil, err
	}
	defer t.mu.Unlock()
	t.watchers++
	m.arm(t)
	return &Watch{m: m, t: t, seen: t.version}, nil
}

// Changed returns a channel that is closed at the next change of the View (step or trouble), or when the
// transaction is forgotten; read the new View by Get. No change is ever missed, in whatever order Get and
// Changed are called; one may be told twice, so compare Seq and Trouble.
func (w *Watch) Changed() <-chan struct{} {
	t := w.t
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.gone || w.seen != t.version {
		w.seen = t.version
		return told
	}
	if t.changed == nil {
		t.changed = make(chan struct{})
	}
	return t.changed
}

// Close says that the tab waits no more. Closing twice is harmless.
func (w *Watch) Close() {
	w.stop.Do(func() {
		w.t.mu.Lock()
		defer w.t.mu.Unlock()
		w.t.watchers--
		w.m.arm(w.t)
	})
}

// Touch says that a tab without script has refreshed itself: it counts as waiting for the next 15 s.
func (m *Manager) Touch(ctx context.Context, id, site string) {
	t, err := m.hold(ctx, id, site)
	if err != nil {
		return
	}
	defer t.mu.Unlock()
	t.touchedUntil = time.Now().Add(touchFor)
	m.arm(t)
}
