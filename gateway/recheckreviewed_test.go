package gateway

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"sidegate.example/sidegate/flows"
	"sidegate.example/sidegate/gateway/session"
)

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
