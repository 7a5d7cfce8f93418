package gateway

import (
	"context"
	"errors"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"sidegate.example/sidegate/flows"
	"sidegate.example/sidegate/gateway/store"
)

// twoRechecking are two replicas with one session of bob's; the first waits three seconds for Okta with its first question.
func twoRechecking(t *testing.T, flow *oracle, change ...func(*Config)) (here, there *rechecking) {
	t.Helper()
	state := NewState()
	t.Cleanup(state.Close)
	i := &interrupted{oracle: flow, meanwhile: func() { time.Sleep(3 * time.Second) }}
	here = newRechecking(t, state, flow, append([]func(*Config){func(c *Config) { c.Flow = i }}, change...)...)
	there = newRechecking(t, state, flow, change...)
	here.enter()
	there.cookie = here.cookie
	return here, there
}

func grace(d time.Duration) func(*Config) { return func(c *Config) { c.RecheckGrace = d } }

// S54, S77: who comes back after a night and sends requests to two replicas is not sent to sign in because only one of them asks Okta;
// the other one has its answer with its next glance, and does not ask too.
func TestRecheckWhileAnotherReplicaAsks_S54_S77(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		flow := &oracle{script: straight(), says: flows.Standing{Active: true, Renewal: "rt-2", Groups: []string{"staff"}}}
		here, there := twoRechecking(t, flow, grace(time.Hour))
		time.Sleep(8 * time.Hour)
		here.want("the request that asks", 200, "staff,finance")
		there.want("the other replica meanwhile", 200, "staff,finance")
		there.want("and again", 200, "staff,finance")
		time.Sleep(recheckGlance)
		there.want("the request that looks", 200, "staff,finance")
		there.want("with the answer", 200, "staff")
		if flow.times() != 1 {
			t.Errorf("asked %+v", flow.asked)
		}
	})
}

// S77: that another replica is asking is no answer: who is out because the grace is over stays out meanwhile.
func TestRecheckByAnotherReplicaEndsNoGrace_S77(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		flow := &oracle{script: straight(), err: errors.New("connection refused")}
		here, there := twoRechecking(t, flow, grace(time.Hour))
		time.Sleep(15 * time.Minute)
		there.want("the request that asks", 200, "staff,finance")
		time.Sleep(46 * time.Minute)
		here.want("a replica that has not asked yet", 200, "staff,finance")
		there.want("after the grace", 401, "")
		there.want("while the other one asks", 401, "")
	})
}

// S54: another replica's answer that is as old as the interval is not taken for a new one: who was suspended since is out at the
// request after the one that has Okta asked.
func TestRecheckAfterAnotherReplicasOldAnswer_S54(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		flow := &oracle{script: straight(), says: active}
		here, there := twoRechecking(t, flow)
		there.want("before it is due", 200, "staff,finance")
		time.Sleep(15 * time.Minute)
		here.want("the request that asks", 200, "staff,finance")
		time.Sleep(15*time.Minute + 3*time.Second)
		flow.say(flows.Standing{}, nil)
		there.want("the other replica asks", 200, "staff,finance")
		there.want("suspended", 401, "")
	})
}

// between does something before a turn is taken.
type between struct {
	store.Budget
	do func()
}

func (b *between) Take(ctx context.Context, key string, limit int, window time.Duration) (time.Duration, error) {
	if do := b.do; do != nil {
		b.do = nil
		do()
	}
	return b.Budget.Take(ctx, key, limit, window)
}

// S54, S77: another replica's turn ends, with an answer or with no more than a new renewal, after this one has read the document and
// before it has the turn: it is not put with the renewal that is spent, which Okta takes for theft.
func TestRecheckReadsWhatTheTurnBeforeHasLeft_S54_S77(t *testing.T) {
	for name, c := range map[string]struct {
		answered bool
		asked    []string
		groups   string
	}{"an answer": {true, nil, "staff"}, "a renewal": {false, []string{"rt-2"}, "staff,finance"}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				state := NewState()
				defer state.Close()
				budget := &between{Budget: state.memory.Budget}
				state.memory.Budget = budget
				flow := &oracle{script: straight(), says: active}
				r := newRechecking(t, state, flow)
				r.enter()
				_, s, _ := r.opened()
				time.Sleep(15 * time.Minute)
				told := standing{Renewal: "rt-2"}
				if c.answered {
					told.Checked, told.Groups = time.Now(), []string{"staff"}
				}
				budget.do = func() {
					if err := state.settle(t.Context(), "", s, told); err != nil {
						t.Error(err)
					}
				}
				r.want("the request that is due", 200, "staff,finance")
				r.want("the next one", 200, c.groups)
				if flow.times() != len(c.asked) || len(c.asked) > 0 && flow.asked[0].Renewal != c.asked[0] {
					t.Errorf("asked %+v, want with %q", flow.asked, c.asked)
				}
			})
		})
	}
}

// S54, S77: who has lost a group does not have it again because Okta does not answer at the next recheck.
func TestRecheckWithoutAnAnswerGivesNoGroupBack_S54_S77(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		state := NewState()
		defer state.Close()
		flow := &oracle{script: straight(), says: flows.Standing{Active: true, Groups: []string{"finance"}}}
		r := newRechecking(t, state, flow)
		r.enter()
		time.Sleep(15 * time.Minute)
		r.want("the request that asks", 200, "staff,finance")
		r.want("no longer staff", 403, "")
		flow.say(flows.Standing{}, errors.New("connection refused"))
		time.Sleep(15 * time.Minute)
		r.ask()
		r.want("after the question without an answer", 403, "")
		if flow.times() != 2 {
			t.Errorf("asked %d times", flow.times())
		}
	})
}

// S77: a renewal that could not be kept is not what is asked with once another replica has kept a later one.
func TestRecheckForgetsTheRenewalThatWasNotKept_S77(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		state := NewState()
		defer state.Close()
		turns := &turnstile{Turns: state.memory.Turns}
		state.memory.Turns = turns
		flow := &oracle{script: straight(), says: active}
		here, there := newRechecking(t, state, flow), newRechecking(t, state, flow)
		here.enter()
		there.cookie = here.cookie
		time.Sleep(15 * time.Minute)
		turns.shut.Store(true)
		here.want("the answer is not kept", 200, "staff,finance")
		turns.shut.Store(false)
		time.Sleep(time.Minute)
		flow.say(flows.Standing{Active: true, Renewal: "rt-9"}, nil)
		there.want("another replica asks", 200, "staff,finance")
		time.Sleep(30 * time.Minute)
		here.want("and the first again", 200, "staff,finance")
		if flow.times() != 3 || flow.asked[2].Renewal != "rt-9" {
			t.Errorf("asked %+v", flow.asked)
		}
	})
}

// obedient reads nothing for who has gone, as a store out of this process.
type obedient struct{ store.Documents }

func (o obedient) Get(ctx context.Context, k store.Kind, id string) ([]byte, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return o.Documents.Get(ctx, k, id)
}

// S54: who has lost a group does not have it again at a replica that a client of theirs has left before it knew.
func TestRecheckIsReadForWhoLeaves_S54(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		state := NewState()
		defer state.Close()
		state.documents = obedient{state.documents}
		flow := &oracle{script: straight(), says: flows.Standing{Active: true, Groups: []string{"finance"}}}
		r := newRechecking(t, state, flow)
		r.enter()
		time.Sleep(15 * time.Minute)
		r.ask()
		r.want("no longer staff", 403, "")
		another := newRechecking(t, state, flow)
		another.cookie = r.cookie
		ctx, leave := context.WithCancel(t.Context())
		leave()
		another.Handle(httptest.NewRecorder(), another.request().WithContext(ctx), Facts{ClientIP: clientIP, Secure: true})
		another.want("at another replica, after one that was left", 403, "")
	})
}
