package gateway

import (
	"net/http"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"sidegate.example/sidegate/flows"
	"sidegate.example/sidegate/gateway/decision"
	"sidegate.example/sidegate/gateway/session"
	"sidegate.example/sidegate/gateway/store"
)

// S54: the store has lost what it knew of a family, or of all its sessions too, as one in memory does when it starts again. Okta is asked
// once for all of them, its answer is theirs together, and who is suspended is out of all sites at once: the sign-in site would hand
// the session over again.
func TestRecheckOfAForgottenFamily_S54(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		state := NewState()
		defer state.Close()
		flow := &oracle{script: straight(), says: flows.Standing{Active: true, Groups: []string{"staff"}}}
		here, there := newRechecking(t, state, flow), newRechecking(t, state, flow)
		here.family = session.NewID()
		there.family = here.family
		forget := func(handle string) {
			if err := state.documents.Delete(t.Context(), store.Sessions, handle); err != nil {
				t.Fatal(err)
			}
		}
		here.enter()
		there.enter()
		sessions, err := state.Sessions(t.Context(), func(*SessionInfo) bool { return true })
		if err != nil || len(sessions) != 2 {
			t.Fatalf("%d sessions, %v", len(sessions), err)
		}
		forget(here.family.Handle())
		time.Sleep(15 * time.Minute)
		here.want("this site asks", 200, "staff,finance")
		here.want("this site", 200, "staff")
		there.want("the other one reads it", 200, "staff")
		if flow.times() != 1 {
			t.Errorf("asked %d times", flow.times())
		}
		forget(here.family.Handle())
		for _, s := range sessions {
			forget(s.Handle)
		}
		flow.say(flows.Standing{}, nil)
		time.Sleep(15 * time.Minute)
		here.want("this site asks again", 200, "staff")
		here.want("suspended", 401, "")
		there.want("suspended, on the other site", 401, "")
		if flow.times() != 2 {
			t.Errorf("asked %d times", flow.times())
		}
	})
}

// S45: an operator revokes one session of a family that the store had lost before its recheck: the others go with it.
func TestRecheckLeavesTheFamilyItsName_S45(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		state := NewState()
		defer state.Close()
		flow := &oracle{script: straight(), says: active}
		here, there := newRechecking(t, state, flow), newRechecking(t, state, flow)
		here.family = session.NewID()
		there.family = here.family
		here.enter()
		mine, err := state.Sessions(t.Context(), func(*SessionInfo) bool { return true })
		if err != nil || len(mine) != 1 {
			t.Fatalf("%d sessions, %v", len(mine), err)
		}
		there.enter()
		if err := state.documents.Delete(t.Context(), store.Sessions, here.family.Handle()); err != nil {
			t.Fatal(err)
		}
		time.Sleep(15 * time.Minute)
		here.want("the request that asks", 200, "staff,finance")
		if err := state.Revoke(t.Context(), store.Revocation{Session: mine[0].Handle, Until: mine[0].Expires}); err != nil {
			t.Fatal(err)
		}
		here.want("revoked", 401, "")
		there.want("revoked, on the other site", 401, "")
	})
}

// S54, S86: of the groups that Okta names at a recheck the session keeps what groups and the rules name, as at the sign-in; who is in none
// of them has none, and not those of the sign-in again.
func TestRecheckKeepsTheGroupsWanted_S54_S86(t *testing.T) {
	for name, c := range map[string]struct {
		says   []string
		status int
		groups string
	}{
		"some":         {[]string{"hr", "app-a", "staff", "finance"}, 200, "app-a,staff"},
		"by rule only": {[]string{"hr", "staff"}, 200, "staff"},
		"none":         {[]string{"hr"}, 403, ""},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				state := NewState()
				defer state.Close()
				flow := &oracle{script: straight(), says: flows.Standing{Active: true, Groups: c.says}}
				r := newRechecking(t, state, flow, func(cfg *Config) { cfg.Groups = []string{"app-*"} })
				r.enter()
				time.Sleep(15 * time.Minute)
				r.ask()
				r.want("after the answer", c.status, c.groups)
				again := newRechecking(t, state, flow)
				again.cookie = r.cookie
				again.want("another replica", c.status, c.groups)
			})
		})
	}
}

// S54: who has lost a group does not have it again because Okta does not say at the next recheck: what it said last counts, and is what
// the next question is put with.
func TestRecheckRemembersTheGroupsThatWereLost_S54(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		state := NewState()
		defer state.Close()
		flow := &oracle{script: straight()}
		r := newRechecking(t, state, flow, func(c *Config) { c.Rules, c.Applies = (*decision.Rules)(nil), func(*http.Request) uint64 { return 0 } })
		r.enter()
		for i, c := range []struct{ says, asked, want []string }{
			{[]string{"staff"}, []string{"staff", "finance"}, []string{"staff"}},
			{nil, []string{"staff"}, []string{"staff"}},
			{[]string{}, []string{"staff"}, nil},
			{nil, nil, nil},
			{nil, nil, nil},
		} {
			flow.say(flows.Standing{Active: true, Groups: c.says}, nil)
			time.Sleep(15 * time.Minute)
			r.ask()
			if got := flow.asked[len(flow.asked)-1].Groups; len(flow.asked) != i+1 || !slices.Equal(got, c.asked) {
				t.Errorf("question %d of %d was put with %q, want %q", len(flow.asked), i+1, got, c.asked)
			}
			groups := ""
			if c.want != nil {
				groups = c.want[0]
			}
			r.want("after the answer", 200, groups)
		}
	})
}
