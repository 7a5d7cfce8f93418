package gateway

import (
	"testing"
	"testing/synctest"
	"time"

	"sidegate.example/sidegate/flows"
)

// S86: of the groups that a recheck brings, too, only those that the configuration names reach the upstream, now and in a gate that
// reads what another one was told.
func TestS86RecheckedGroupsAreThoseThatAreWanted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		state := NewState()
		defer state.Close()
		flow := &oracle{script: straight(), says: flows.Standing{Subject: "00u1", Active: true, Groups: []string{"staff", "app-a", "board"}}}
		only := func(c *Config) { c.Groups = []string{"app-*"} }
		r := newRechecking(t, state, flow, only)
		r.enter()
		time.Sleep(15 * time.Minute)
		r.ask()
		r.want("after the recheck", 200, "staff,app-a")
		another := newRechecking(t, state, flow, only)
		another.cookie = r.cookie
		another.want("at another gate", 200, "staff,app-a")
		if flow.times() != 1 {
			t.Errorf("okta was asked %d times", flow.times())
		}
	})
}
