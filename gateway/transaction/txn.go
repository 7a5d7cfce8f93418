package transaction

import (
	"bytes"
	"container/list"
	"context"
	"slices"
	"sync"
	"time"
	"unique"

	"sidegate.example/sidegate/flows"
	"sidegate.example/sidegate/gateway/identity"
)

const (
	// shortLife is how long a transaction stays at a step that leads nowhere: for as long as it takes the
	// person to read it.
	shortLife = 2 * time.Minute
	// doneLife is how long a success waits to be redeemed. The page that waits does so at once; what an
	// approval left behind must not stay good for whoever opens the browser next.
	doneLife = 2 * time.Minute
)

// txn is one sign-in in progress. The fields above mu never change.
type txn struct {
	id      string
	site    unique.Handle[string] // one text for all of a site, which gates make anew for each request
	engine  string
	origin  origin
	back    string
	started time.Time
	expires time.Time
	timer   *time.Timer // set for the next thing that is due, see arm

	mu     sync.Mutex
	gone   bool                // forgotten: whatever still comes in for it counts for nothing
	ended  bool                // SignIn was told
	inside bool                // Pending was told of the begin, and not of the end
	client flows.ClientContext // of the latest gesture
	state  flows.State         // nil once it is over
	step   flows.Step
	seq    uint64
	asked  time.Time // when the factor of step was asked for
	// forgetAt is expires at first; some steps move it, and so does the first redemption.
	forgetAt time.Time
	rankedAs uint64 // the seq that rank has put into the queues, 0 for none
	// Its places in the queue of all and in that of its origin, nil for none; guarded by Manager.mu.
	rank, rankAtOrigin *list.Element

	proved   bool // the person has given something that others do not know
	redeemed bool
	minted   string

	busy     bool            // a call for state is in flight, or about to be
	idle     chan struct{}   // made by who waits for busy to end, closed then
	entrance *sync.WaitGroup // of Manager.enter, while a turn is had in the store
	queued   bool            // a poll is with the workers
	nextPoll time.Time       // not before
	failures int             // calls without an answer since the last with one
	trouble  flows.Reason
	cause    error

	watchers     int
	touchedUntil time.Time
	version      uint64        // counts what watchers are told of
	changed      chan struct{} // made by who watches, closed at the next change

	shared *shared // nil where no store is shared
}

// over reports whether no call for this transaction makes sense any more.
func (t *txn) over() bool {
	return t.step.Kind == flows.KindDone || t.step.Kind == flows.KindDenied && t.step.Denied.Final
}

// vain reports whether the transaction can be had for a name alone: nobody has proved anything, nothing is
// pending at Okta, and beginning again costs a person a page or two.
func (t *txn) vain() bool {
	switch t.step.Kind {
	case flows.KindChoose, flows.KindCode, flows.KindForm, flows.KindWebAuthn:
		return !t.proved
	}
	return t.leadsNowhere()
}

// leadsNowhere reports whether beginning again is all that the step leaves.
func (t *txn) leadsNowhere() bool {
	return t.step.Kind == flows.KindIdentify || t.step.Kind == flows.KindDenied && t.step.Denied.Final
}

// forgottenAt is when a transaction that came to its step now is forgotten.
func (t *txn) forgottenAt(now time.Time) time.Time {
	switch {
	case t.step.Kind == flows.KindDone:
		return earlier(t.expires, now.Add(doneLife))
	case t.leadsNowhere():
		return earlier(t.expires, now.Add(shortLife))
	}
	return t.expires
}

// publish tells those who watch.
func (t *txn) publish() {
	t.version++
	if t.changed != nil {
		close(t.changed)
		t.changed = nil
	}
}

// turn waits until no call is in flight. The lock is held before and after, but not meanwhile.
func (t *txn) turn(ctx context.Context) error {
	for t.busy {
		if t.idle == nil {
			t.idle = make(chan struct{})
		}
		idle := t.idle
		t.mu.Unlock()
		select {
		case <-idle:
		case <-ctx.Done():
		}
		t.mu.Lock()
		if err := ctx.Err(); err != nil {
			return err
		}
	}
	return nil
}

// release ends the turn of who set busy.
func (t *txn) release() {
	t.busy = false
	if t.entrance != nil {
		t.entrance.Done()
		t.entrance = nil
	}
	if t.idle != nil {
		close(t.idle)
		t.idle = nil
	}
}

// enter makes step the current one; gesture is the answer that led there, nil for a poll or a timeout.
// The caller arms.
func (t *txn) enter(o Observer, state flows.State, step flows.Step, gesture *flows.Answer) {
	step = checked(step)
	now := time.Now()
	result := verdict(&t.step, &step, gesture)
	if result != "" {
		t.challenged(o, result, now)
	} else if gesture != nil && step.Cause != nil && step.Kind != flows.KindDenied {
		o.Refused(Ended{Person: step.Person, Client: t.client, Cause: step.Cause})
	}
	t.proved = t.proved || result == challengeAccepted || passwordTaken(&t.step, gesture, &step)
	same := gesture == nil && sameQuestion(&t.step, &step)
	news := !same || step.Kind == flows.KindWait && !sameWait(&t.step, &step)
	if !same {
		t.asked = now
	}
	if same && step.Kind != flows.KindWait {
		kept := t.step // somebody may be typing into it
		kept.Wait = step.Wait
		step = kept
	}
	// What an unchanged poll brought again is dropped: replaced at each poll, objects that live long would end up
	// scattered over a heap of garbage, with gaps between them that stay resident.
	if news || interval(&t.step) != interval(&step) || !bytes.Equal(t.state, state) {
		t.state, t.step = state, step
	}
	t.forgetAt = t.forgottenAt(now)
	recovered := t.settle()
	if t.over() {
		t.state = nil
		t.end(o)
	}
	if news {
		t.seq += 2 // the one between is for what is kept ahead
	}
	if recovered || news {
		t.publish()
	}
}

// passwordTaken reports whether gesture held the password that from asked for (the first page, which is no step here,
// may ask for it) and to says that it was right: it does not ask for it again.
func passwordTaken(from *flows.Step, gesture *flows.Answer, to *flows.Step) bool {
	if gesture == nil || gesture.Values[flows.FieldPassword] == "" || saysError(to) || degraded(to) {
		return false
	}
	isPassword := func(f flows.Field) bool { return f.Name == flows.FieldPassword }
	if from.Kind != "" && !slices.ContainsFunc(from.Fields, isPassword) {
		return false
	}
	switch to.Kind {
	case flows.KindChoose:
		return !slices.ContainsFunc(to.Choices, func(c flows.Choice) bool { return c.Factor == identity.Password })
	case flows.KindCode:
		return to.Factor != identity.Password
	}
	return to.Kind == flows.KindWait || to.Kind == flows.KindForm || to.Kind == flows.KindWebAuthn
}

// settle notes that Okta answered, and reports whether it did not before.
func (t *txn) settle() (recovered bool) {
	recovered = t.trouble != ""
	t.failures, t.trouble, t.cause = 0, "", nil
	t.nextPoll = time.Now().Add(jittered(interval(&t.step)))
	return recovered
}

// challenged tells the observer what became of the current step's factor.
func (t *txn) challenged(o Observer, result string, now time.Time) {
	o.Challenge(Challenged{
		Factor: t.step.Factor, Result: result, Took: now.Sub(t.asked), Person: t.step.Person, Client: t.client,
	})
}

// entered and left tell the observer of a sign-in that is in progress here.
func (t *txn) entered(o Observer) {
	t.inside = true
	o.Pending(+1)
}

func (t *txn) left(o Observer) {
	if t.inside {
		t.inside = false
		o.Pending(-1)
	}
}

// end tells the observer, once over all replicas, how the sign-in ended.
func (t *txn) end(o Observer) {
	defer t.left(o)
	if t.ended {
		return
	}
	t.ended = true
	how := Ended{Result: signInAbandoned, Person: t.step.Person, Client: t.client, Cause: t.step.Cause}
	switch t.step.Kind {
	case flows.KindDone:
		how.Result = signInSuccess
	case flows.KindDenied:
		how.Result = string(t.step.Denied.Reason)
	}
	if how.Cause == nil {
		how.Cause = t.cause
	}
	o.SignIn(how)
}

// checked holds an engine to its word: a success must say who, and what besides a password proved it
// (immunity S71); a refusal must say why.
func checked(s flows.Step) flows.Step {
	switch {
	case s.Kind == flows.KindDone && (s.Identity == nil || s.Identity.Subject == "" || !s.Identity.SecondFactor()):
		return denied(s.Person, flows.DeniedNoFactor, s.Cause)
	case s.Kind == flows.KindDenied && s.Denied == nil:
		return denied(s.Person, flows.DeniedUnsupported, s.Cause)
	}
	return s
}

// denied is a final refusal of our own making.
func denied(person string, why flows.DeniedReason, cause error) flows.Step {
	return flows.Step{Kind: flows.KindDenied, Person: person, Denied: &flows.Denied{Reason: why, Final: true}, Cause: cause}
}

// denied refuses t itself.
func (t *txn) denied(why flows.DeniedReason, cause error) flows.Step {
	return denied(t.step.Person, why, cause)
}
