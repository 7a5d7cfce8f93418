package transaction

import (
	"bytes"
	"context"
	"math/rand/v2"
	"slices"
	"time"

	"sidegate.example/sidegate/flows"
)

const (
	// fallbackInterval stands in where an engine gives none (identity-engine.md §5.7, rule 3).
	fallbackInterval = 4 * time.Second
	// rateLimitPause is kept after a 429 that does not say how long (§5.7, rule 4).
	rateLimitPause = time.Minute
	// maxBackoff bounds the growing pause while Okta gives no usable answer (§5.7, rule 5).
	maxBackoff = 30 * time.Second
)

// arm sets the timer for the next thing that is due. It is called with the lock held after every change;
// while a call is in flight whoever made it arms afterwards.
func (m *Manager) arm(t *txn) {
	if t.gone || t.busy {
		return
	}
	m.rank(t)
	if t.shared != nil && t.queued {
		return // who attends to it arms
	}
	now := time.Now()
	next := t.forgetAt
	if polled(&t.step) {
		next = earlier(next, m.patience(t))
		if at := later(t.nextPoll, now); !t.queued && t.awaited(at) {
			next = earlier(next, at)
		}
	}
	if s := t.shared; s != nil {
		if s.unsaved {
			next = now
		}
		next = later(next, s.notBefore)
	}
	t.timer.Reset(next.Sub(now))
}

// awaited reports whether somebody will be waiting at that time, as far as is known now.
func (t *txn) awaited(at time.Time) bool { return t.watchers > 0 || !at.After(t.touchedUntil) }

// due is the timer's function: it does what needs no call and hands the rest to the workers.
func (m *Manager) due(t *txn) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.gone || t.busy {
		return
	}
	now := time.Now()
	waiting := polled(&t.step)
	switch {
	case t.shared != nil:
		m.dueShared(t, now)
	case !now.Before(t.forgetAt):
		m.expire(t, now)
	case waiting && !now.Before(m.patience(t)):
		c, state := t.client, t.state
		m.losePatience(t)
		m.workers.submit(func() { m.cancelAtOkta(m.ctx, t, c, state) })
	case waiting && !t.queued && !now.Before(t.nextPoll) && t.awaited(now):
		t.queued = true
		m.workers.submit(func() { m.poll(t) })
	}
	m.arm(t)
}

// losePatience ends a wait that nobody has answered.
func (m *Manager) losePatience(t *txn) {
	why := flows.DeniedTimeout
	if completing(&t.step) || degraded(&t.step) {
		why = flows.DeniedUnavailable // it was Okta that did not answer
	}
	t.enter(m.engine(t.engine).observer, nil, t.denied(why, t.cause), nil)
}

// expire forgets a transaction whose time is up.
func (m *Manager) expire(t *txn, now time.Time) {
	if asks(&t.step) {
		t.challenged(m.engine(t.engine).observer, challengeTimeout, now)
	}
	m.forget(t)
}

// poll asks Okta once, on a worker. What was due when it was queued may not be any more.
func (m *Manager) poll(t *txn) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.queued = false
	now := time.Now()
	if t.gone || t.busy {
		return
	}
	if polled(&t.step) && !now.Before(t.nextPoll) && t.awaited(now) && now.Before(t.forgetAt) {
		t.busy = true
		m.pollNow(t)
		t.release()
	}
	m.arm(t)
}

// pollNow asks Okta once; the turn is had. The lock is held before and after, but not meanwhile.
func (m *Manager) pollNow(t *txn) {
	e, c, state := m.engine(t.engine), t.client, t.state
	ctx := m.keeping(m.ctx, t, c)
	t.mu.Unlock()
	state, step, failed := m.call(ctx, func(ctx context.Context) (flows.State, flows.Step, error) {
		return e.flow.Poll(ctx, c, state)
	})
	t.mu.Lock()
	switch {
	case failed == nil && t.gone:
		t.state = state // for who cancels it at Okta
	case t.gone:
	case failed == nil:
		t.enter(e.observer, state, step, nil)
	case failed.Reason == flows.ReasonExpired:
		t.enter(e.observer, nil, t.denied(flows.DeniedExpired, failed), nil)
	default:
		t.holdOff(failed)
		t.cause = failed
		if t.trouble != failed.Reason {
			t.trouble = failed.Reason
			t.publish()
		}
	}
}

// holdOff puts the next poll off after a call that got no answer. State and step stay (§5.7, rule 6).
func (t *txn) holdOff(failed *flows.Error) {
	t.failures++
	pause := interval(&t.step)
	switch {
	case failed.Reason != flows.ReasonRateLimited:
		pause = max(backoff(pause, t.failures), failed.RetryAfter)
	case failed.RetryAfter > 0:
		pause = max(pause, failed.RetryAfter)
	default:
		pause = max(pause, rateLimitPause)
	}
	t.nextPoll = time.Now().Add(jittered(pause))
}

// backoff doubles base once per failure, up to maxBackoff or base.
func backoff(base time.Duration, failures int) time.Duration {
	pause := base
	for range failures {
		if pause *= 2; pause >= maxBackoff {
			return max(base, maxBackoff)
		}
	}
	return pause
}

// jittered adds up to a tenth, so that those who began together do not poll together; never less.
func jittered(d time.Duration) time.Duration { return d + rand.N(d/10+1) }

func interval(s *flows.Step) time.Duration {
	if s.Wait == nil || s.Wait.Interval <= 0 {
		return fallbackInterval
	}
	return s.Wait.Interval
}

// polled reports whether Okta is asked how s goes on: somebody may end it elsewhere.
func polled(s *flows.Step) bool { return s.Kind == flows.KindWait || s.Wait != nil }

// patience is when an unanswered wait ends. A push ends after MaxWait, because whoever finds it later on the phone must
// not admit a browser that was left behind. A code can be typed, and an app be set up, for as long as the sign-in lives.
func (m *Manager) patience(t *txn) time.Time {
	if t.step.Kind != flows.KindWait || t.step.Enrolling {
		return t.forgetAt
	}
	return t.asked.Add(m.cfg.MaxWait)
}

// sameQuestion reports whether a poll brought what from asks already.
func sameQuestion(from, to *flows.Step) bool {
	return polled(from) && from.Kind == to.Kind && completing(from) == completing(to) && degraded(from) == degraded(to) && from.Enrolling == to.Enrolling &&
		(from.Kind == flows.KindWait || from.Factor == to.Factor)
}

// sameWait reports whether two steps of KindWait look the same to a person: the interval may differ.
func sameWait(a, b *flows.Step) bool {
	return completing(a) == completing(b) && degraded(a) == degraded(b) && a.Factor == b.Factor && a.Person == b.Person && a.Device == b.Device &&
		number(a) == number(b) && sameSetup(a.Setup, b.Setup) && slices.Equal(a.Choices, b.Choices) && slices.Equal(a.Messages, b.Messages)
}

func sameSetup(a, b *flows.Setup) bool {
	if a == nil || b == nil {
		return a == b
	}
	return a.Channel == b.Channel && bytes.Equal(a.QR, b.QR) && a.Secret == b.Secret && a.Link == b.Link && a.SentTo == b.SentTo &&
		slices.Equal(a.Devices, b.Devices)
}

func number(s *flows.Step) string {
	if s.Wait == nil {
		return ""
	}
	return s.Wait.Number
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}
