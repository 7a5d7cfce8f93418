package transaction

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"sidegate.example/sidegate/flows"
	"sidegate.example/sidegate/gateway/store"
)

const (
	// aheadTimeout bounds what a call to Okta in the middle may wait for the store.
	aheadTimeout = time.Second
	// closeTimeout bounds what Close waits for calls under way, and for the store after that. Whoever closes the store waits for both.
	closeTimeout = 700 * time.Millisecond
)

// errOldDocument: who can write to the store has put an older document in the place of a newer one.
var errOldDocument = errors.New("a sign-in of the store is not the one that its revision names")

// take takes the turn at t for one call: here, and in the store where one is shared; what other replicas have done is known
// then. wait is for a turn that another replica has; without it that is store.ErrHeld. The lock is held before and after,
// but not meanwhile. give or pass ends the turn.
func (m *Manager) take(ctx context.Context, t *txn, wait bool) error {
	if err := t.turn(ctx); err != nil {
		return fmt.Errorf("waiting for the call in flight: %w", err)
	}
	if t.gone {
		return m.goneErr()
	}
	t.busy = true
	if t.shared == nil {
		return nil
	}
	if !m.enter() {
		t.release()
		return ErrClosed
	}
	t.entrance = &m.calls
	err := m.acquire(ctx, t, t.shared, wait)
	if err != nil {
		t.release()
		m.arm(t)
	}
	return err
}

// acquire takes the turn in the store.
func (m *Manager) acquire(ctx context.Context, t *txn, s *shared, wait bool) error {
	if s.unsaved {
		if err := m.save(t, s, true); s.unsaved {
			return err
		}
	}
	t.mu.Unlock()
	turn, err := m.turnInStore(ctx, s.in, t.id, wait)
	var d *document
	if err == nil && turn.Revision != s.revision { // only who has the turn here changes the revision
		if d, err = decode(turn.Doc); err == nil && d.Revision != turn.Revision {
			err = errOldDocument
		}
		if err != nil {
			m.releaseInStore(s.in, turn)
		}
	}
	t.mu.Lock()
	switch {
	case errors.Is(err, store.ErrNotFound):
		m.vanish(t)
		return ErrGone
	case errors.Is(err, store.ErrHeld):
		return err
	case err != nil:
		return unavailable(err)
	case t.gone:
		m.giveUp(t, s.in, turn)
		return m.goneErr()
	}
	s.tries, s.held, s.stale = 0, turn, false
	if d != nil {
		s.revision = turn.Revision
		t.restore(d, m.engine(t.engine).observer)
	}
	return nil
}

// turnInStore waits for the turn for as long as ctx lasts.
func (m *Manager) turnInStore(ctx context.Context, in *link, id string, wait bool) (store.Turn, error) {
	ctx, cancel := context.WithTimeout(ctx, m.lease()+storeTimeout)
	defer cancel()
	defer context.AfterFunc(m.ctx, cancel)()
	for pause := firstPause; ; pause = min(2*pause, lastPause) {
		asking, answered := m.asking()
		turn, err := in.Load().Turns.Acquire(asking, store.SignIns, id, m.lease())
		answered()
		if !wait || !errors.Is(err, store.ErrHeld) {
			return turn, err
		}
		again := time.NewTimer(jittered(pause))
		select {
		case <-again.C:
		case <-ctx.Done():
			again.Stop()
			return turn, fmt.Errorf("waiting for another replica: %w", ctx.Err())
		}
	}
}

// asking is the context of a question to the store about a turn. It does not end with who asked, such as a browser that leaves:
// a turn whose answer nobody has heard is nobody's until its time is over, and the sign-in stands still. Close waits for it a little.
func (m *Manager) asking() (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(m.ctx), storeTimeout)
	stop := context.AfterFunc(m.ctx, func() { time.AfterFunc(closeTimeout, cancel) })
	return ctx, func() { stop(); cancel() }
}

func (m *Manager) lease() time.Duration { return m.cfg.CallTimeout + leaseMargin }

// give ends the turn; what has changed goes to the store. If the store is out of reach, it goes there later, and is good
// here meanwhile. news says whether a person sees something new.
func (m *Manager) give(t *txn, news bool) error {
	defer t.release()
	s := t.shared
	if s == nil {
		return nil
	}
	if t.gone { // where this process stops, another replica goes on as soon as the turn is free
		m.giveUp(t, s.in, s.held)
		return nil
	}
	return m.save(t, s, news)
}

// pass ends the turn; nothing has changed.
func (m *Manager) pass(t *txn) {
	if s := t.shared; s != nil {
		m.giveUp(t, s.in, s.held)
	}
	t.release()
	m.arm(t)
}

// giveUp is releaseInStore with the lock held before and after, but not meanwhile. It is not left to a worker: at Close they take nothing
// more, and another replica's person would wait for the end of the turn.
func (m *Manager) giveUp(t *txn, in *link, turn store.Turn) {
	t.mu.Unlock()
	m.releaseInStore(in, turn)
	t.mu.Lock()
}

// releaseInStore gives a turn back; if that fails, it ends by itself.
func (m *Manager) releaseInStore(in *link, turn store.Turn) {
	ctx, answered := m.asking()
	defer answered()
	_ = in.Load().Turns.Release(ctx, turn)
}

// save commits what t has become. The lock is held before and after, but not meanwhile; the turn here is had.
func (m *Manager) save(t *txn, s *shared, news bool) error {
	revision := s.held.Committed()
	doc, err := t.document(revision).encode()
	if err != nil {
		return unavailable(err)
	}
	turn, live := s.held, time.Until(t.forgetAt)+graceForCounting
	t.mu.Unlock()
	ctx, answered := m.asking()
	err = s.in.Load().Turns.Commit(ctx, turn, doc, live, news)
	answered()
	t.mu.Lock()
	s.unsaved = false
	switch {
	case err == nil:
		s.notBefore, s.revision = time.Time{}, revision
		return nil
	case errors.Is(err, store.ErrNotFound):
		m.vanish(t)
		return ErrGone
	case errors.Is(err, store.ErrLost): // another replica has gone on, after this one took too long
		s.stale = true
		return err
	}
	// There are few of these, as nothing is begun that cannot be kept; their turn must not end before they get through.
	s.unsaved, s.notBefore = true, time.Now().Add(jittered(putOff))
	return unavailable(err)
}

// vanish drops a t that the store has no more. Either it has ended on another replica, which has counted it, or the store has
// lost it, and then nobody else tells Okta. To tell Okta twice is harmless, to count twice is not. A copy that nobody has looked at
// until its time is over is what most sign-ins leave behind that went on elsewhere: Okta hears nothing of those. No call is in flight.
func (m *Manager) vanish(t *txn) {
	c, state := t.client, t.state
	live := !t.over() && !t.gone && time.Now().Before(m.patience(t))
	m.drop(t)
	if live {
		m.workers.submit(func() { m.cancelAtOkta(m.ctx, t, c, state) })
	}
}

// keeping has an engine keep what t comes to within a call for c, where a store is shared. The turn is had.
func (m *Manager) keeping(ctx context.Context, t *txn, c flows.ClientContext) context.Context {
	if t.shared == nil {
		return ctx
	}
	return flows.WithKeeper(ctx, func(ctx context.Context, state flows.State, step flows.Step) { m.keepAhead(ctx, t, c, state, step) })
}

// keepAhead saves what t has come to in the middle of a call. If that fails, the call goes on: it is only against the death
// of this process.
func (m *Manager) keepAhead(ctx context.Context, t *txn, c flows.ClientContext, state flows.State, step flows.Step) {
	t.mu.Lock()
	s := t.shared
	if s == nil { // a reload has taken the store away
		t.mu.Unlock()
		return
	}
	s.held.Saves++
	turn, live := s.held, time.Until(t.expires)+graceForCounting
	doc, err := t.ahead(turn.Saved(), c, state, step).encode()
	t.mu.Unlock()
	if err != nil {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, aheadTimeout)
	defer cancel()
	_ = s.in.Load().Turns.Save(ctx, turn, doc, live)
}

// later puts off what the store was out of reach for.
func (s *shared) later() {
	s.tries++
	s.notBefore = time.Now().Add(jittered(backoff(putOff/2, s.tries)))
}

// resume ends that pause, as the store is back; not for all at the same moment.
func (m *Manager) resume(t *txn) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if s := t.shared; s != nil && s.tries > 0 {
		s.tries, s.notBefore = 0, earlier(s.notBefore, time.Now().Add(rand.N(fallbackInterval)))
		m.arm(t)
	}
}

// dueShared hands what is due to a worker.
func (m *Manager) dueShared(t *txn, now time.Time) {
	s, over := t.shared, !now.Before(t.forgetAt)
	switch {
	case t.queued, now.Before(s.notBefore):
	case over && t.ended && !s.unsaved:
		m.drop(t)
	case over, s.unsaved, polled(&t.step) && (!now.Before(m.patience(t)) || !now.Before(t.nextPoll) && t.awaited(now)):
		t.queued = true
		m.workers.submit(func() { m.attend(t) })
	}
}

// attend does on a worker what is due for a transaction of a shared store.
func (m *Manager) attend(t *txn) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.queued = false
	s := t.shared
	if t.gone || t.busy {
		return
	}
	if s == nil {
		m.arm(t)
		return
	}
	switch err := m.take(m.ctx, t, false); {
	case t.gone:
		return
	case errors.Is(err, store.ErrHeld):
		s.notBefore = time.Now().Add(jittered(putOff))
	case err != nil && !time.Now().Before(t.forgetAt):
		m.forget(t) // nobody else can be asked whether it was counted
		return
	case s.unsaved: // save has put it off
	case err != nil:
		s.later()
	default:
		m.dueInTurn(t)
	}
	m.arm(t)
}

// dueInTurn does what is due, if it still is, and ends the turn.
func (m *Manager) dueInTurn(t *txn) {
	now, version := time.Now(), t.version
	o := m.engine(t.engine).observer
	switch {
	case !now.Before(t.forgetAt):
		if asks(&t.step) && !t.ended {
			t.challenged(o, challengeTimeout, now)
		}
		m.forget(t)
		if s := t.shared; s != nil { // a reload may have named another store meanwhile
			m.workers.submit(func() { m.deleteInStore(s.in, t.id) })
		}
		t.release()
	case polled(&t.step) && !now.Before(m.patience(t)):
		c, state := t.client, t.state
		m.losePatience(t)
		_ = m.give(t, true)
		m.workers.submit(func() { m.cancelAtOkta(m.ctx, t, c, state) })
	case polled(&t.step) && !now.Before(t.nextPoll) && t.awaited(now):
		m.pollNow(t)
		_ = m.give(t, t.version != version)
	default:
		m.pass(t)
	}
}

func (m *Manager) deleteInStore(in *link, id string) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(m.ctx), storeTimeout)
	defer cancel()
	_ = in.Load().Documents.Delete(ctx, store.SignIns, id) // otherwise it ends by itself
}

// takeOut takes t's document out of the store for good, which ends the sign-in on every replica; of all who do, one gets
// it, and counts: ErrGone is for the others. The lock is held before and after, but not meanwhile.
func (m *Manager) takeOut(ctx context.Context, t *txn) error {
	s := t.shared
	if err := m.saveFirst(ctx, t, s); err != nil {
		return err
	}
	t.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), storeTimeout)
	b, err := s.in.Load().Documents.Take(ctx, store.SignIns, t.id)
	cancel()
	t.mu.Lock()
	switch {
	case errors.Is(err, store.ErrNotFound):
		return ErrGone
	case err != nil:
		return unavailable(err)
	}
	if d, bad := decode(b); bad == nil && !t.busy && d.Revision > s.revision {
		t.restore(d, m.engine(t.engine).observer)
	}
	return nil
}

// saveFirst saves what the store does not have yet: without it the store has nothing to take out, or what was kept ahead, and who is
// about to save it would bring it back afterwards. The lock is held before and after, but not meanwhile.
func (m *Manager) saveFirst(ctx context.Context, t *txn, s *shared) error {
	if !s.unsaved {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), storeTimeout)
	defer cancel()
	err := t.turn(ctx)
	switch {
	case t.gone, !s.unsaved:
		return nil
	case err != nil:
		return unavailable(err)
	}
	t.busy = true
	defer t.release()
	if err = m.save(t, s, false); errors.Is(err, store.ErrLost) {
		return nil // another replica has gone on
	}
	return err
}

// keep takes the turn of a sign-in that is about to begin, before Okta hears of it: what cannot be kept must not begin. nil
// where no store is shared.
func (m *Manager) keep(ctx context.Context, id string) (*shared, error) {
	m.mu.RLock()
	in := m.shared
	m.mu.RUnlock()
	if in == nil {
		return nil, nil
	}
	ctx, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	turn, err := in.Load().Turns.Begin(ctx, store.SignIns, id, m.lease())
	if err != nil {
		return nil, unavailable(err)
	}
	return &shared{in: in, mine: true, held: turn}, nil
}

// unkeep is the end of a sign-in that did not begin.
func (m *Manager) unkeep(s *shared) {
	if s != nil {
		m.workers.submit(func() { m.releaseInStore(s.in, s.held) })
	}
}
