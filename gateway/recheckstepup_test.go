package gateway

import (
	"errors"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"sidegate.example/sidegate/flows"
	"sidegate.example/sidegate/gateway/decision"
	"sidegate.example/sidegate/gateway/identity"
	"sidegate.example/sidegate/gateway/session"
)

// stepUp raises the session: Okta has just said that it is bob, who is in these groups.
func (r *rechecking) stepUp(groups []string, renewal string) {
	r.t.Helper()
	x, s, _ := r.opened()
	x.session = s
	id := *bob()
	id.Groups, id.Renewal = groups, identity.Secret(renewal)
	for i := range id.Proofs {
		id.Proofs[i].At = time.Now()
	}
	value, err := x.mint(id)
	if err != nil {
		r.t.Fatal(err)
	}
	x.superseded()
	r.cookie = &http.Cookie{Name: DefaultCookieName, Value: value}
}

// S46, S54: recheck_grace counts from Okta's last answer, not from the sign-in, also after a step-up: one question without an answer
// puts nobody out whom Okta has vouched for a moment ago.
func TestRecheckGraceAfterAStepUp_S54(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		state := NewState()
		defer state.Close()
		flow := &oracle{script: straight(), says: active}
		r := newRechecking(t, state, flow, grace(time.Hour))
		r.enter()
		for range 8 {
			time.Sleep(15 * time.Minute)
			r.want("the request that asks", 200, "staff,finance")
		}
		r.stepUp([]string{"staff", "finance"}, "rt-8")
		flow.say(flows.Standing{}, errors.New("429"))
		time.Sleep(time.Second)
		r.want("after the step-up", 200, "staff,finance")
		r.want("and again", 200, "staff,finance")
	})
}

// S54: who has lost a group does not have it again on another site because they have confirmed something on this one: not at a replica
// that knows nothing but the store, and not at all while Okta does not answer.
func TestStepUpGivesNoGroupBackOnAnotherSite_S54(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		state := NewState()
		defer state.Close()
		flow := &oracle{script: straight(), says: flows.Standing{Active: true, Groups: []string{"finance"}}}
		finance, err := decision.NewRules([]decision.Scope{{Allow: []decision.Condition{{Subject: decision.Groups, Values: []string{"finance"}}}}})
		if err != nil {
			t.Fatal(err)
		}
		here, there := newRechecking(t, state, flow, func(c *Config) { c.Rules = finance }), newRechecking(t, state, flow)
		here.family = session.NewID()
		there.family = here.family
		here.enter()
		there.bare = true
		there.enter()
		time.Sleep(15 * time.Minute)
		here.want("the request that asks", 200, "staff,finance")
		there.want("no longer staff", 403, "")
		here.stepUp([]string{"finance"}, "rt-8")
		flow.say(flows.Standing{}, errors.New("connection refused"))
		another := newRechecking(t, state, flow)
		another.cookie = there.cookie
		another.want("at another replica, after a step-up on the other site", 403, "")
		another.want("and again", 403, "")
	})
}

// S54: a step-up is approved at Okta, and its page comes back a minute later. Meanwhile a recheck has found that a group was lost. What
// Okta had said before that does not give the group back, on no site, for another 15 minutes.
func TestStepUpThatComesLateGivesNoGroupBack_S54(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		state := NewState()
		defer state.Close()
		flow := &oracle{script: straight(), says: active}
		here, there := newRechecking(t, state, flow), newRechecking(t, state, flow)
		here.family = session.NewID()
		there.family = here.family
		here.enter()
		there.bare = true
		there.enter()
		time.Sleep(14*time.Minute + 30*time.Second)
		x, s, _ := here.opened()
		x.session = s
		id := *bob()
		id.Groups, id.Renewal = []string{"staff", "finance"}, "rt-8"
		for i := range id.Proofs {
			id.Proofs[i].At = time.Now() // approved, and not redeemed yet
		}
		time.Sleep(time.Minute)
		flow.say(flows.Standing{Active: true, Groups: []string{"finance"}}, nil)
		there.want("the request that asks", 200, "staff,finance")
		there.want("no longer staff", 403, "")
		if _, err := x.mint(id); err != nil {
			t.Fatal(err)
		}
		another := newRechecking(t, state, flow)
		another.cookie = there.cookie
		another.want("at another replica, after the step-up", 403, "")
	})
}

// S54: a person steps up while a recheck of the same sign-in is with Okta, which gives no answer but another renewal. What the step-up has
// kept of the person's groups stays.
func TestStepUpDuringARecheck_S54(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		state := NewState()
		defer state.Close()
		flow := &oracle{script: straight(), says: active}
		i := &interrupted{oracle: flow}
		here, there := newRechecking(t, state, flow, func(c *Config) { c.Flow = i }), newRechecking(t, state, flow)
		here.family = session.NewID()
		there.family = here.family
		here.enter()
		there.bare = true
		there.enter()
		i.meanwhile = func() { here.stepUp([]string{"finance"}, "rt-8") }
		flow.say(flows.Standing{Renewal: "rt-2"}, errors.New("503"))
		time.Sleep(15 * time.Minute)
		here.want("the request that asks", 200, "staff,finance")
		time.Sleep(time.Second)
		flow.say(flows.Standing{}, errors.New("connection refused"))
		another := newRechecking(t, state, flow)
		another.cookie = there.cookie
		another.want("at another replica, after the step-up", 403, "")
		another.want("and again", 403, "")
	})
}
