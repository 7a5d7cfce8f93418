package transaction

import (
	"context"
	"crypto/rand"
	"errors"
	"time"
	"unique"

	"sidegate.example/sidegate/flows"
	"sidegate.example/sidegate/gateway/identity"
)

// Begin is what a sign-in begins with.
type Begin struct {
	// Engine is a name given to SetEngine.
	Engine string
	// Site is what the transaction belongs to; every other method must name the same.
	Site string
	// Client is the browser; polls use it until another one answers. Its address is the one that counts
	// for Config.MaxPerAddress, to the end.
	Client flows.ClientContext
	// RedirectURI is passed on to the engine.
	RedirectURI string
	// Answer is what was typed on the first page. It is not kept.
	Answer flows.Answer
	// StepUp makes it no sign-in but one more proof of a person who is signed in; nil for a sign-in. The engine must be a
	// flows.StepUpper.
	StepUp *StepUp
	// Back is kept for the View.
	Back string
}

// StepUp is what a Begin asks for: a proof of Who by one of Factors. It is not kept.
type StepUp struct {
	Who     identity.Identity
	Factors []identity.Factor
}

// start calls the engine.
func (b *Begin) start(ctx context.Context, f flows.Flow) (flows.State, flows.Step, error) {
	if b.StepUp == nil {
		return f.Start(ctx, b.Client, b.RedirectURI, b.Answer)
	}
	up, ok := f.(flows.StepUpper)
	if !ok {
		return nil, flows.Step{}, &flows.Error{Reason: flows.ReasonMisconfigured, Err: errors.New("this engine has no step-up")}
	}
	return up.StepUp(ctx, b.Client, b.RedirectURI, b.StepUp.Who, b.StepUp.Factors)
}

// person is who begins, as far as is known before Okta says it.
func (b *Begin) person() string {
	if b.StepUp != nil {
		return b.StepUp.Who.Login
	}
	return b.Answer.Values[flows.FieldIdentifier]
}

// Begin starts a sign-in at Okta and keeps it under a new random id, whatever its first step
// is: an id that a browser brought is never adopted (immunity S46). On a *flows.Error, ErrBusy, ErrUnavailable
// or ErrClosed nothing is kept.
func (m *Manager) Begin(ctx context.Context, b Begin) (View, error) {
	if !m.enter() {
		return View{}, ErrClosed
	}
	defer m.calls.Done()
	from := originOf(b.Client)
	e, err := m.reserve(b.Engine, from)
	if err != nil {
		return View{}, err
	}
	id := rand.Text()
	kept, err := m.keep(ctx, id)
	if err != nil {
		m.giveBack(from)
		return View{}, err
	}
	state, step, failed := m.call(ctx, func(ctx context.Context) (flows.State, flows.Step, error) {
		return b.start(ctx, e.flow)
	})
	if failed != nil {
		m.unkeep(kept)
		if !m.giveBack(from) {
			return View{}, ErrClosed
		}
		e.observer.SignIn(Ended{
			Result: string(failed.Reason), Person: b.person(), Client: b.Client, Cause: failed,
		})
		return View{}, failed
	}
	now := time.Now()
	t := &txn{
		id: id, site: unique.Make(b.Site), engine: b.Engine, origin: from, client: b.Client,
		back: b.Back, started: now, expires: now.Add(m.cfg.Lifetime), forgetAt: now.Add(m.cfg.Lifetime), shared: kept, busy: true,
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if !m.adopt(t) {
		m.unkeep(kept)
		return View{}, ErrClosed
	}
	t.timer = time.AfterFunc(m.cfg.Lifetime, func() { m.due(t) })
	t.entered(e.observer)
	t.enter(e.observer, state, step, &b.Answer)
	_ = m.give(t, false) // nobody else knows of it; what did not get through is good here, and goes there later
	m.arm(t)
	return t.view(), nil
}

// Answer gives the current step the answer of a person who saw it as seq; c is the browser that
// sent it, and the one that Okta is shown from then on. It waits for a poll in flight, for as long as ctx lasts; the call to Okta itself then
// outlives ctx, so that a second click which ends the first request leaves no half-done step.
//
// ErrStale, ErrGone, ErrUnavailable and ErrClosed mean that nothing was sent. A *flows.Error keeps the step, so that
// the same form may be sent again, except that ReasonExpired is no error here but the step
// DeniedExpired. The View is the current one also beside ErrStale and a *flows.Error.
func (m *Manager) Answer(ctx context.Context, id, site string, seq uint64, c flows.ClientContext, a flows.Answer) (View, error) {
	t, err := m.hold(ctx, id, site)
	if err != nil {
		return View{}, err
	}
	defer t.mu.Unlock()
	if t.shared == nil && (seq != t.seq || t.over()) {
		return t.view(), ErrStale
	}
	err = m.take(ctx, t, true)
	if t.gone {
		return View{}, m.goneErr()
	}
	if err != nil {
		return t.view(), err
	}
	if seq != t.seq || t.over() {
		m.pass(t)
		return t.view(), ErrStale
	}
	failed := m.advance(context.WithoutCancel(ctx), t, c, a)
	if t.gone {
		return View{}, m.goneErr()
	}
	if failed != nil {
		return t.view(), failed
	}
	return t.view(), nil
}

// advance makes one call and ends the turn. The lock is held before and after, but not meanwhile.
func (m *Manager) advance(ctx context.Context, t *txn, c flows.ClientContext, a flows.Answer) *flows.Error {
	version := t.version
	e, state := m.engine(t.engine), t.state
	ctx = m.keeping(ctx, t, c)
	t.mu.Unlock()
	state, step, failed := m.call(ctx, func(ctx context.Context) (flows.State, flows.Step, error) {
		return e.flow.Advance(ctx, c, state, a)
	})
	t.mu.Lock()
	if failed == nil || failed.Reason != flows.ReasonBadAnswer {
		t.client = c // Okta has been shown it, and the phone shows what Okta was shown (immunity S22, S23)
	}
	switch {
	case failed == nil && t.gone:
		t.state = state // for who cancels it at Okta
	case failed == nil:
		t.enter(e.observer, state, step, &a)
	case failed.Reason == flows.ReasonExpired && !t.gone:
		t.enter(e.observer, nil, t.denied(flows.DeniedExpired, failed), nil)
		failed = nil
	case failed.Reason != flows.ReasonBadAnswer:
		if len(state) > 0 {
			t.state = state // what the answer that was lost has changed already (immunity S71)
		}
		t.holdOff(failed)
	}
	_ = m.give(t, t.version != version) // what did not get through is good here, and goes there later
	m.arm(t)
	return failed
}

// Cancel forgets the transaction and then ends it at Okta as well as it can, within Config.CallTimeout
// and even if ctx ends: a push that is approved later makes no session (immunity S74). The only error is ErrUnavailable:
// other replicas may go on with it.
func (m *Manager) Cancel(ctx context.Context, id, site string) error {
	t, err := m.hold(ctx, id, site)
	if errors.Is(err, ErrUnavailable) {
		return err
	}
	if err != nil {
		return nil
	}
	defer t.mu.Unlock()
	if m.enter() {
		defer m.calls.Done()
	}
	if t.shared != nil {
		err = m.takeOut(ctx, t)
	}
	live := !t.over()
	if !errors.Is(err, ErrGone) { // see vanish
		t.end(m.engine(t.engine).observer) // also where the news of what was taken out were here first, and have dropped it
	}
	if t.gone || errors.Is(err, ErrGone) {
		err = nil
	}
	m.drop(t)
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), m.cfg.CallTimeout)
	defer cancel()
	if !live || t.turn(ctx) != nil {
		return err
	}
	c, state := t.client, t.state
	t.mu.Unlock()
	m.cancelAtOkta(ctx, t, c, state)
	t.mu.Lock()
	return err
}

func (m *Manager) cancelAtOkta(ctx context.Context, t *txn, c flows.ClientContext, s flows.State) {
	e := m.engine(t.engine)
	// The answer changes nothing: the transaction is over here, and Okta ends it by itself in time.
	_, _, _ = m.call(ctx, func(ctx context.Context) (flows.State, flows.Step, error) {
		return nil, flows.Step{}, e.flow.Cancel(ctx, c, s)
	})
}

// forget ends t and takes it out, with its lock held.
func (m *Manager) forget(t *txn) {
	if t.gone {
		return
	}
	t.end(m.engine(t.engine).observer)
	m.drop(t)
}

// drop takes t out, with its lock held. Where a store is shared, the sign-in may go on elsewhere.
func (m *Manager) drop(t *txn) {
	if t.gone {
		return
	}
	t.gone = true
	t.timer.Stop()
	t.left(m.engine(t.engine).observer)
	t.publish()
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.byID, t.id)
	m.places.leave(t)
}
