package store

import (
	"container/list"
	"context"
	"crypto/sha256"
	"slices"
	"strings"
	"sync"
	"time"
)

// maxKeys is how many keys of one class Counters remember: of one class, because what costs an attacker nothing (names
// on the first page) must not push out what counts (codes of a person).
const maxKeys = 100_000

// MaxEvents is how many events are kept of one key, and so the highest limit: a higher one counts as this.
const MaxEvents = 100

// Counters are a Budget in memory. The class of a key is what stands before its first "/". The zero value is ready; it is
// safe for concurrent use. Its methods never fail.
type Counters struct {
	// Now is the clock that dates events. Default time.Now.
	Now func() time.Time

	mu      sync.Mutex
	classes map[string]*class
	max     int // of keys in a class; 0 is maxKeys
}

// class holds keys of one kind, the most recently used first.
type class struct {
	byKey map[digest]*list.Element
	order list.List
}

// digest stands for a key, of which it takes a fifth.
type digest [16]byte

func digestOf(key string) digest {
	sum := sha256.Sum256([]byte(key))
	return digest(sum[:16])
}

// events are the times at which something happened under key, oldest first. Who counts under one key need not agree on limit
// and window: what lies within the longest window that was asked about is kept, up to MaxEvents.
type events struct {
	key     digest
	at      []time.Time
	longest time.Duration
}

// Take implements Budget.
func (b *Counters) Take(_ context.Context, key string, limit int, window time.Duration) (wait time.Duration, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := b.now()
	if wait := b.wait(key, limit, window, now); wait > 0 {
		return wait, nil
	}
	c, of := b.class(key), digestOf(key)
	e, ok := c.byKey[of]
	if !ok {
		if len(c.byKey) >= b.limit() {
			c.drop(c.order.Back())
		}
		e = c.order.PushFront(&events{key: of})
		c.byKey[of] = e
	}
	c.order.MoveToFront(e)
	e.Value.(*events).add(now, window)
	return 0, nil
}

// Wait implements Budget.
func (b *Counters) Wait(_ context.Context, key string, limit int, window time.Duration) (time.Duration, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.wait(key, limit, window, b.now()), nil
}

// Return implements Budget.
func (b *Counters) Return(_ context.Context, key string) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	c := b.class(key)
	if e, ok := c.byKey[digestOf(key)]; ok {
		if ev := e.Value.(*events); len(ev.at) > 1 {
			ev.at = ev.at[:len(ev.at)-1]
		} else {
			c.drop(e)
		}
	}
	return nil
}

// Reset implements Budget.
func (b *Counters) Reset(_ context.Context, key string) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	c := b.class(key)
	if e, ok := c.byKey[digestOf(key)]; ok {
		c.drop(e)
	}
	return nil
}

// wait is Wait with the lock held.
func (b *Counters) wait(key string, limit int, window time.Duration, now time.Time) time.Duration {
	e, ok := b.class(key).byKey[digestOf(key)]
	if limit <= 0 {
		return window
	}
	if !ok {
		return 0
	}
	ev := e.Value.(*events)
	ev.longest = max(ev.longest, window)
	at := ev.at
	if limit = min(limit, MaxEvents); len(at) < limit {
		return 0
	}
	return max(at[len(at)-limit].Add(window).Sub(now), 0)
}

// add counts an event now, and forgets what is too old to matter to anybody.
func (ev *events) add(now time.Time, window time.Duration) {
	ev.longest = max(ev.longest, window)
	ev.at = append(ev.at, now)
	old := max(len(ev.at)-MaxEvents, 0)
	for old < len(ev.at)-1 && now.Sub(ev.at[old]) >= ev.longest {
		old++
	}
	ev.at = slices.Delete(ev.at, 0, old)
}

func (b *Counters) class(key string) *class {
	name, _, _ := strings.Cut(key, "/")
	c := b.classes[name]
	if c == nil {
		c = &class{byKey: map[digest]*list.Element{}}
		if b.classes == nil {
			b.classes = map[string]*class{}
		}
		b.classes[strings.Clone(name)] = c
	}
	return c
}

func (b *Counters) now() time.Time {
	if b.Now != nil {
		return b.Now()
	}
	return time.Now()
}

func (b *Counters) limit() int {
	if b.max > 0 {
		return b.max
	}
	return maxKeys
}

func (c *class) drop(e *list.Element) {
	c.order.Remove(e)
	delete(c.byKey, e.Value.(*events).key)
}
