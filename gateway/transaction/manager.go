// Package transaction owns the sign-ins in progress of one process, or of all replicas that share a store: what each is at, who may read
// it, and the polling of Okta while a person waits for a phone. It decides nothing about
// sessions, cookies or pages: the gate drives it with a person's gestures, and a flows.Flow speaks to
// Okta.
package transaction

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"sidegate.example/sidegate/flows"
)

// What the methods of a Manager refuse with, besides a *flows.Error.
var (
	// ErrBusy: MaxPerAddress sign-ins of this address are in progress, or MaxPending of all, none of which
	// can make room; nothing was sent to Okta.
	ErrBusy = errors.New("too many sign-ins in progress")
	// ErrStale: the answer was given to a step that is not the current one, or to one that takes no
	// answer any more; nothing was sent to Okta. The View beside it is the current one.
	ErrStale = errors.New("answer to a step that is over")
	// ErrGone: no such sign-in here, or it is over and forgotten.
	ErrGone = errors.New("no such sign-in")
	// ErrNotDone: the sign-in has not succeeded (yet).
	ErrNotDone = errors.New("sign-in is not done")
	// ErrUnavailable: the store that replicas share is out of reach; nothing was sent to Okta.
	ErrUnavailable = errors.New("the shared store is out of reach")
	// ErrClosed: the Manager is closed.
	ErrClosed = errors.New("sign-ins are shut down")
)

// Config holds the limits of a Manager. A zero field takes its default.
type Config struct {
	// Lifetime ends a transaction so long after its begin, whatever happens. Default 10 min.
	Lifetime time.Duration
	// MaxPending is how many transactions are held at most. Default 20,000. One more takes the place of the
	// one that is vain the longest (see vain), so that what costs an attacker nothing cannot fill it.
	MaxPending int
	// MaxPerAddress is how many of them one client address (IPv6: one /56, which is what one customer gets)
	// may have at most. Default 100: an office behind one address signs 200 people in a minute with it, at
	// half a minute each, while one anonymous client holds a 200th of MaxPending. One more takes the place of
	// the one of that address that is vain the longest, so that an attacker behind the same address keeps nobody
	// out with wrong passwords. Behind a proxy whose header is not trusted all people are one address.
	MaxPerAddress int
	// MaxWait is how long one push may go unanswered before it is cancelled at Okta, and how long Okta may take to
	// complete what was accepted. Default 5 min.
	MaxWait time.Duration
	// Workers is how many polls run at the same time at most. Default 64.
	Workers int
	// CallTimeout bounds one call to the engine. Default 15 s.
	CallTimeout time.Duration
}

func (c Config) withDefaults() Config {
	c.Lifetime = cmp.Or(c.Lifetime, 10*time.Minute)
	c.MaxPending = cmp.Or(c.MaxPending, 20_000)
	c.MaxPerAddress = cmp.Or(c.MaxPerAddress, 100)
	c.MaxWait = cmp.Or(c.MaxWait, 5*time.Minute)
	c.Workers = cmp.Or(c.Workers, 64)
	c.CallTimeout = cmp.Or(c.CallTimeout, 15*time.Second)
	return c
}

// Manager holds transactions and polls for them. It is safe for concurrent use.
//
// It owns no goroutine while nothing is due: each transaction has one runtime timer, and a worker
// runs only while there is a poll to make. Locks are taken in the order transaction, Manager, and none is
// held over a call to an engine.
type Manager struct {
	cfg     Config
	ctx     context.Context // ends at Close, and every call to an engine with it
	cancel  context.CancelFunc
	workers *pool

	mu      sync.RWMutex
	closed  bool
	byID    map[string]*txn
	places  places
	engines map[string][]engine // by name, then by rank, see SetEngine

	calls     sync.WaitGroup // that Close waits for, see enter
	shared    *link          // nil for this process alone
	unfollow  context.CancelFunc
	following sync.WaitGroup
}

// NewManager returns a Manager without engines. Close it in the end.
func NewManager(cfg Config) *Manager {
	m := &Manager{
		cfg:     cfg.withDefaults(),
		byID:    make(map[string]*txn),
		places:  newPlaces(),
		engines: make(map[string][]engine),
	}
	m.ctx, m.cancel = context.WithCancel(context.Background())
	m.workers = newPool(m.cfg.Workers)
	return m
}

// Close ends all calls in flight, waits for the workers and forgets all transactions; those who
// watch one are told. Nothing is cancelled at Okta. Where a store is shared, calls have closeTimeout to end by themselves, so that
// what Okta says is kept, and no turn stays taken. Afterwards every method still works: it finds
// nothing or returns ErrClosed (caddy-notes T5). Closing twice is harmless.
func (m *Manager) Close() {
	m.mu.Lock()
	m.closed = true
	m.mu.Unlock()
	m.awaitCalls()

	m.mu.Lock()
	left := m.byID
	m.byID = nil
	m.mu.Unlock()
	for _, t := range left {
		t.mu.Lock()
		if t.shared != nil {
			m.drop(t) // another replica goes on
		}
		m.forget(t)
		t.mu.Unlock()
	}
	m.cancel() // only now: a call that ends by this must find its transaction gone, not in trouble
	m.awaitCalls()
	m.following.Wait()
	m.workers.close()
}

// awaitCalls waits for who has entered, for closeTimeout at most.
func (m *Manager) awaitCalls() {
	given := make(chan struct{})
	go func() {
		m.calls.Wait()
		close(given)
	}()
	over := time.NewTimer(closeTimeout)
	defer over.Stop()
	select {
	case <-given:
	case <-over.C:
	}
}

// enter has Close wait for who has called it, until calls.Done, and reports whether there is still time to begin something. Who has a turn
// in the store has entered: txn.release ends that.
func (m *Manager) enter() bool {
	m.mu.RLock()
	defer m.mu.RUnlock()
	if m.closed {
		return false
	}
	m.calls.Add(1)
	return true
}

// hold returns the transaction with its lock held, as it is on all replicas as far as is known here. Somebody else's id
// and an unknown one look the same.
func (m *Manager) hold(ctx context.Context, id, site string) (*txn, error) {
	m.mu.RLock()
	t, closed, shared := m.byID[id], m.closed, m.shared
	m.mu.RUnlock()
	if closed {
		return nil, ErrClosed
	}
	if t == nil && shared != nil && id != "" {
		var err error
		if t, err = m.load(ctx, shared, id, site); err != nil {
			return nil, err
		}
	}
	if t == nil || t.site.Value() != site {
		return nil, ErrGone
	}
	t.mu.Lock()
	if t.shared != nil {
		// A browser asks a moment after another replica has changed it, and may be quicker than the news of that.
		t.shared.stale = true
		m.reload(ctx, t)
	}
	if t.gone || !time.Now().Before(t.forgetAt) {
		t.mu.Unlock()
		return nil, m.goneErr()
	}
	return t, nil
}

// goneErr says why a transaction that was here is not any more.
func (m *Manager) goneErr() error {
	m.mu.RLock()
	defer m.mu.RUnlock()
	if m.closed {
		return ErrClosed
	}
	return ErrGone
}

// call makes one call to an engine: bounded in time, ended by Close, and never a panic, for one on a
// worker would take the whole server down. A non-nil error is always a *flows.Error.
func (m *Manager) call(ctx context.Context, do func(context.Context) (flows.State, flows.Step, error)) (s flows.State, step flows.Step, failed *flows.Error) {
	ours := ctx.Done() == m.ctx.Done() // of a poll: it ends with m.ctx anyway
	ctx, cancel := context.WithTimeout(ctx, m.cfg.CallTimeout)
	defer cancel()
	if !ours {
		defer context.AfterFunc(m.ctx, cancel)()
	}
	defer func() {
		if r := recover(); r != nil {
			failed = &flows.Error{Reason: flows.ReasonMalformed, Err: fmt.Errorf("the engine panicked: %v", r)}
		}
	}()
	s, step, err := do(ctx)
	if err != nil && !errors.As(err, &failed) {
		failed = &flows.Error{Reason: flows.ReasonUnavailable, Err: err}
	}
	return s, step, failed
}
