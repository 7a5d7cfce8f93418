package gateway

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"sidegate.example/sidegate/flows"
	"sidegate.example/sidegate/gateway/identity"
	"sidegate.example/sidegate/gateway/session"
	"sidegate.example/sidegate/gateway/store"
)

// channel carries revocations between States, as a store that replicas share does.
type channel struct {
	mu        sync.Mutex
	err       error
	told      []store.Revocation
	followers map[*func(store.Revocation)]bool
}

func (c *channel) Revoke(_ context.Context, r store.Revocation) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err != nil {
		return c.err
	}
	c.told = append(c.told, r)
	for f := range c.followers {
		(*f)(r)
	}
	return nil
}

func (c *channel) Follow(ctx context.Context, f func(store.Revocation), _ func()) {
	c.mu.Lock()
	for _, r := range c.told {
		f(r)
	}
	f(store.Revocation{})
	if c.followers == nil {
		c.followers = map[*func(store.Revocation)]bool{}
	}
	c.followers[&f] = true
	c.mu.Unlock()
	<-ctx.Done()
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.followers, &f)
}

// store is one with c for its revocations.
func (c *channel) store() store.Store {
	s := store.NewMemory()
	s.Revocations = c
	return s
}

func (c *channel) fail(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.err = err
}

// sharing is a world whose State shares c.
func sharing(t *testing.T, c *channel) *world {
	t.Helper()
	return newWorld(t, straight(), func(cfg *Config) { cfg.Store = c.store() })
}

// S62: while the store cannot be reached the page does not say that the person is signed out: it says what is so, with an
// error's status. The session is dead on this replica all the same.
func TestSignOutWhileTheStoreIsDown_S62(t *testing.T) {
	c := &channel{}
	w := sharing(t, c)
	b := w.browser(t)
	copied := b.signIn2(t)
	page := b.get("/_mfa/signout")
	c.fail(errors.New("connection refused"))
	a := b.post("/_mfa/signout", url.Values{"csrf": {page.csrf(t)}})
	if a.StatusCode != http.StatusServiceUnavailable || a.shows() != "error not_everywhere" || strings.Contains(a.body, "signedout") || b.cookie(DefaultCookieName) != nil {
		t.Errorf("%d shows %q, cookie %v", a.StatusCode, a.shows(), b.cookie(DefaultCookieName))
	}
	r := w.browser(t).request("GET", protected, "")
	r.AddCookie(copied)
	blocked401(t, w.browser(t).do(r))
	if logs := w.logs.String(); !strings.Contains(logs, "not yet on the other replicas") || !strings.Contains(logs, "connection refused") {
		t.Errorf("the operator does not hear of it:\n%s", logs)
	}
}

// S44, S60: signing out everywhere ends what the person has in every browser and nothing of anybody else's; the page lists
// the person's own sessions and no other, and nothing on it opens one.
func TestSignOutEverywhere_S44_S60(t *testing.T) {
	flow, who := straight(), bob()
	flow.poll = func() (flows.Step, error) { return flows.Step{Kind: flows.KindDone, Identity: who}, nil }
	w := newWorld(t, flow)
	here, there, other := w.browser(t), w.browser(t), w.browser(t)
	cookies := []*http.Cookie{here.signIn2(t), there.signIn2(t)}
	who = &identity.Identity{Subject: "00u2", Login: "ann", Email: "ann@example.com", Proofs: bob().Proofs}
	other.signIn()

	page := here.get("/_mfa/signout")
	if n := strings.Count(page.body, "<li>"); page.StatusCode != 200 || n != 2 || strings.Count(page.body, "This session") != 1 || !strings.Contains(page.body, clientIP) || !strings.Contains(page.body, "Chrome on Windows") {
		t.Errorf("%d, %d sessions:\n%s", page.StatusCode, n, page.body)
	}
	for _, c := range cookies {
		if strings.Contains(page.body, c.Value) {
			t.Error("the list holds a cookie")
		}
	}
	if n := strings.Count(other.get("/_mfa/signout").body, "<li>"); n != 1 {
		t.Errorf("another person sees %d sessions", n)
	}
	a := here.post("/_mfa/signout", url.Values{"csrf": {page.csrf(t)}, "choice": {"everywhere"}})
	if a.StatusCode != 303 || a.Header.Get("Location") != "/_mfa/signed-out" {
		t.Errorf("%d to %q", a.StatusCode, a.Header.Get("Location"))
	}
	for _, c := range cookies {
		r := w.browser(t).request("GET", protected, "")
		r.AddCookie(c)
		blocked401(t, w.browser(t).do(r))
	}
	if a := other.get(protected); a.StatusCode != 200 {
		t.Errorf("another person's session: %d", a.StatusCode)
	}
	if left, err := w.gate.cfg.State.Sessions(t.Context(), func(*SessionInfo) bool { return true }); err != nil || len(left) != 1 || left[0].Login != "ann" {
		t.Errorf("%v, %v", left, err)
	}
}

// A person who reloads the page is not shown the list for ever: it looks at everybody's sessions.
func TestOwnSessionsAreListedWithinABudget(t *testing.T) {
	w := newWorld(t, straight())
	b := w.browser(t)
	b.signIn()
	for i := range ownLists + 1 {
		page := b.get("/_mfa/signout")
		if listed := strings.Contains(page.body, "<li>"); page.StatusCode != 200 || listed != (i < ownLists) || page.csrf(t) == "" {
			t.Errorf("look %d: %d, listed %t", i, page.StatusCode, listed)
		}
	}
}

// A session that could not be found again is not begun.
func TestNoSessionWithoutItsDocument(t *testing.T) {
	w := newWorld(t, straight(), func(c *Config) { c.State.documents = broken{c.State.documents} })
	b := w.browser(t)
	b.begin()
	b.push()
	a := b.waitFor(func(a answer) bool { return a.StatusCode != http.StatusUnauthorized })
	if a.StatusCode != http.StatusServiceUnavailable || b.cookie(DefaultCookieName) != nil {
		t.Errorf("%d, cookie %v", a.StatusCode, b.cookie(DefaultCookieName))
	}
}

// broken cannot keep anything.
type broken struct{ store.Documents }

func (broken) Put(context.Context, store.Kind, string, []byte, time.Duration) error {
	return errors.New("connection refused")
}

// S45: a revocation reaches the replicas that share a store, and the one that comes later.
func TestRevocationReachesOtherReplicas_S45(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &channel{}
		states := [3]*State{}
		for i := range 2 {
			states[i] = NewState()
			states[i].use(1, c.store())
			defer states[i].Close()
		}
		synctest.Wait()
		s := &session.Opened{Claims: claimsOf(bob())}
		s.Handle = s.ID.Handle()
		if err := states[0].Revoke(t.Context(), store.Revocation{Session: s.Handle, Until: time.Now().Add(time.Hour)}); err != nil {
			t.Fatal(err)
		}
		states[2] = NewState()
		states[2].use(1, c.store())
		defer states[2].Close()
		synctest.Wait()
		for i, state := range states {
			if !state.revocations.Revoked("", s) {
				t.Errorf("replica %d lets the session in", i)
			}
		}
	})
}

// S45: a sign-in that Okta has let in before all sessions of its person were ended, and that its browser takes up afterwards, is over
// like them: Okta has given its tokens and can end it no more. Who proves who they are afterwards is in.
func TestSignInBeforeTheEndOfAllSessions_S45(t *testing.T) {
	flow := straight()
	w := newWorld(t, flow)
	b := w.browser(t)
	b.begin()
	b.push()
	id := b.cookie(DefaultCookieName + "_signin").Value
	x := exchange{Gate: w.gate, site: "127.0.0.1", policy: "p"}
	state := w.gate.cfg.State
	watch, err := state.transactions.Watch(t.Context(), id, x.realm())
	if err != nil {
		t.Fatal(err)
	}
	defer watch.Close()
	for done := false; !done; {
		changed := watch.Changed()
		v, err := state.transactions.Get(t.Context(), id, x.realm())
		if err != nil {
			t.Fatal(err)
		}
		if done = v.Step.Kind == flows.KindDone; !done {
			<-changed
		}
	}
	if err := state.Revoke(t.Context(), allOf("", "00u1")); err != nil { // as Universal Logout, an admin, or sign-out everywhere
		t.Fatal(err)
	}
	for range 3 {
		if a := b.get(protected); a.StatusCode != http.StatusUnauthorized || a.shows() != "signin identify" || b.cookie(DefaultCookieName) != nil {
			t.Fatalf("%d %q", a.StatusCode, a.shows())
		}
	}
	flow.poll = doneAs(func(*identity.Identity) {})
	b.signIn()
}
