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
