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

func (c *channel) Follow(ctx context.Context, f func(store.Revocation)) {
	c.mu.Lock()
	for _, r := range c.told {
		f(r)
	}
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

func (c *channel) fail(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.err = err
}

// sharing is a world whose State shares c.
func sharing(t *testing.T, c *channel) *world {
	t.Helper()
	return newWorld(t, straight(), func(cfg *Config) { cfg.State.share(c) })
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

// S45: a revocation reaches the replicas that share a store, and the one that comes later.
func TestRevocationReachesOtherReplicas_S45(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &channel{}
		states := [3]*State{}
		for i := range 2 {
			states[i] = NewState()
			states[i].share(c)
			defer states[i].Close()
		}
		synctest.Wait()
		s := &session.Opened{Claims: claimsOf(bob())}
		s.Handle = s.ID.Handle()
		if err := states[0].Revoke(t.Context(), store.Revocation{Session: s.Handle, Until: time.Now().Add(time.Hour)}); err != nil {
			t.Fatal(err)
		}
		states[2] = NewState()
		states[2].share(c)
		defer states[2].Close()
		synctest.Wait()
		for i, state := range states {
			if !state.revocations.Revoked(s) {
				t.Errorf("replica %d lets the session in", i)
			}
		}
	})
}
