package gateway

import (
	"context"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"sidegate.example/sidegate/flows"
	"sidegate.example/sidegate/gateway/session"
	"sidegate.example/sidegate/gateway/store"
)

// S54: the sites that share a sign-in are rechecked as one, with the one renewal that there is, and end as one.
func TestRecheckOfAFamily_S54(t *testing.T) {
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
		time.Sleep(15 * time.Minute)
		there.want("the other site asks", 200, "staff,finance")
		here.want("this one", 200, "staff,finance")
		if flow.times() != 1 || flow.asked[0].Renewal != bobsFirst {
			t.Errorf("asked %+v", flow.asked)
		}
		flow.say(flows.Standing{Subject: "00u1"}, nil)
		time.Sleep(15 * time.Minute)
		here.want("the request that asks", 200, "staff,finance")
		here.want("suspended", 401, "")
		there.want("suspended, on the other site", 401, "")
		if list, err := state.Sessions(t.Context(), func(*SessionInfo) bool { return true }); err != nil || len(list) != 0 {
			t.Errorf("%+v, %v", list, err)
		}
	})
}

// S54: a session that began before there were other sites takes its renewal along into the family that the first hand-over makes.
func TestRecheckOfAFamilyMadeLate_S54(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		state := NewState()
		defer state.Close()
		flow := &oracle{script: straight(), says: active}
		here, there := newRechecking(t, state, flow), newRechecking(t, state, flow)
		here.enter()
		time.Sleep(15 * time.Minute)
		here.want("before the hand-over", 200, "staff,finance")
		there.family, there.bare = here.handOver(), true
		there.enter()
		flow.say(flows.Standing{Subject: "00u1"}, nil)
		time.Sleep(15 * time.Minute)
		there.want("the other site asks", 200, "staff,finance")
		there.want("suspended, there", 401, "")
		here.want("suspended, here", 401, "")
		if flow.times() != 2 || flow.asked[1].Renewal != "rt-2" {
			t.Errorf("asked %+v", flow.asked)
		}
	})
}

// interrupted does something while Okta is asked.
type interrupted struct {
	*oracle
	meanwhile func()
}

func (i *interrupted) Recheck(ctx context.Context, c flows.ClientContext, s flows.Standing) (flows.Standing, error) {
	if do := i.meanwhile; do != nil {
		i.meanwhile = nil
		do()
	}
	return i.oracle.Recheck(ctx, c, s)
}

// opened is the session of the cookie, in a request that can hand it over.
func (r *rechecking) opened() (*exchange, *session.Opened, *httptest.ResponseRecorder) {
	r.t.Helper()
	req, w := httptest.NewRequest("GET", "https://example.com/", nil), httptest.NewRecorder()
	req.AddCookie(r.cookie)
	x := &exchange{Gate: r.Gate, policy: "p", site: "example.com", w: w, r: req, facts: Facts{ClientIP: clientIP}}
	s, ok := x.current()
	if !ok || s == nil {
		r.t.Fatal("no session")
	}
	return x, s, w
}

// handOver makes a family of the session.
func (r *rechecking) handOver() session.ID {
	r.t.Helper()
	x, s, w := r.opened()
	family, err := x.familyOf(s)
	if err != nil {
		r.t.Fatal(err)
	}
	r.cookie = w.Result().Cookies()[0]
	return family
}

// S45, S54: a session is handed over for the first time while Okta is asked about it. The other site's session is not asked about with the
// renewal that is being spent, then with the one that came of it; who revokes the first by its handle ends both; and the old cookie,
// which another tab may still send, is of the same family.
func TestFamilyMadeDuringARecheck_S45_S54(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		state := NewState()
		defer state.Close()
		flow := &oracle{script: straight(), says: active}
		i := &interrupted{oracle: flow}
		here, there := newRechecking(t, state, flow, func(c *Config) { c.Flow = i }), newRechecking(t, state, flow)
		here.enter()
		old := *here.cookie
		i.meanwhile = func() {
			there.family, there.bare, there.issued = here.handOver(), true, time.Now().Add(-15*time.Minute)
			there.enter()
			there.Handle(httptest.NewRecorder(), there.request(), Facts{ClientIP: clientIP, Secure: true})
			time.Sleep(time.Second)
		}
		time.Sleep(15 * time.Minute)
		here.want("the request that asks", 200, "staff,finance")
		time.Sleep(recheckGlance)
		there.want("the other site", 200, "staff,finance")
		if flow.times() != 1 {
			t.Errorf("asked %d times", flow.times())
		}
		time.Sleep(15 * time.Minute)
		there.want("the other site asks", 200, "staff,finance")
		other := newRechecking(t, state, flow)
		other.cookie = &old
		other.want("another tab, at another replica", 200, "staff,finance")
		if flow.times() != 2 || flow.asked[1].Renewal != "rt-2" {
			t.Errorf("asked %+v", flow.asked)
		}
		_, s, _ := here.opened()
		if err := state.Revoke(t.Context(), store.Revocation{Session: s.Handle, Until: s.ExpiresAt}); err != nil { // as caddy okta-mfa revoke --session
			t.Fatal(err)
		}
		here.want("revoked", 401, "")
		there.want("the other site's session of the same sign-in", 401, "")
	})
}

// S45: two tabs ask for the first hand-over at once, and a document is being changed by another replica at that: there is one family,
// with the renewal, and everything else that was known of the session.
func TestFamilyMadeInTwoTabs_S45(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		state := NewState()
		defer state.Close()
		r := newRechecking(t, state, &oracle{script: straight(), says: active})
		r.enter()
		x, s, _ := r.opened()
		before, err := state.document(t.Context(), "", s)
		if err != nil {
			t.Fatal(err)
		}
		turn, err := state.memory.Turns.Acquire(t.Context(), store.Sessions, s.Handle, time.Second)
		if err != nil {
			t.Fatal(err)
		}
		first := make(chan session.ID, 1)
		go func() {
			family, err := x.familyOf(s)
			if err != nil {
				t.Error(err)
			}
			first <- family
		}()
		time.Sleep(100 * time.Millisecond)
		if err := state.memory.Turns.Release(t.Context(), turn); err != nil {
			t.Fatal(err)
		}
		family := <-first
		if again := r.handOver(); again != family {
			t.Errorf("two families: %s, %s", family, again)
		}
		doc, err := state.document(t.Context(), "", s)
		if err != nil || doc.Handle != family.Handle() || doc.Renewal != bobsFirst {
			t.Errorf("the family is %+v, %v", doc, err)
		}
		list, err := state.Sessions(t.Context(), func(*SessionInfo) bool { return true })
		if err != nil || len(list) != 1 || list[0].Site != before.Site || list[0].Agent != before.Agent || !list[0].Issued.Equal(before.Issued) {
			t.Errorf("%+v, %v; before: %+v", list, err, before.SessionInfo)
		}
	})
}

// S54: an old cookie, from before the family, is rechecked in the family's turn: while one tab's recheck is on its way to Okta, the
// other's would spend the same renewal, which Okta takes for theft.
func TestRecheckOfAnOldCookieTakesTheFamilysTurn_S54(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		state := NewState()
		defer state.Close()
		flow := &oracle{script: straight(), says: active}
		i := &interrupted{oracle: flow}
		here, other := newRechecking(t, state, flow, func(c *Config) { c.Flow = i }), newRechecking(t, state, flow)
		here.enter()
		old := *here.cookie
		other.cookie = &old
		here.handOver()
		i.meanwhile = func() {
			other.Handle(httptest.NewRecorder(), other.request(), Facts{ClientIP: clientIP, Secure: true})
			time.Sleep(time.Second)
		}
		time.Sleep(15 * time.Minute)
		here.want("the request that asks", 200, "staff,finance")
		time.Sleep(2 * time.Second)
		if flow.times() != 1 {
			t.Errorf("asked %+v", flow.asked)
		}
	})
}
