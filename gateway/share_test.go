package gateway

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"sidegate.example/sidegate/gateway/session"
	"sidegate.example/sidegate/gateway/store"
)

// The newest configuration that serves decides on the store, and when it is gone the one before does; what a store that
// is not in use any more tells counts for nothing.
func TestTheServingConfigurationNamesTheStore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := NewState()
		defer s.Close()
		a, b := store.NewMemory(), store.NewMemory()
		in := func(want store.Store, name string) {
			t.Helper()
			if s.current() != want {
				t.Errorf("the store is not %s", name)
			}
		}
		in(s.memory, "memory")
		s.use(3, a)
		in(a, "a")
		s.use(2, b) // an older configuration's first request comes late
		in(a, "a")
		s.use(5, b)
		in(b, "b")
		synctest.Wait() // a is followed no more
		if err := s.documents.Put(t.Context(), store.Posts, "p", []byte("x"), time.Hour); err != nil {
			t.Fatal(err)
		}
		if doc, err := b.Documents.Get(t.Context(), store.Posts, "p"); string(doc) != "x" {
			t.Errorf("b has %q, %v", doc, err)
		}
		revoke := func(in store.Store, session string) {
			_ = in.Revocations.Revoke(t.Context(), store.Revocation{Session: session, Until: time.Now().Add(time.Hour)})
			synctest.Wait()
		}
		revoke(a, "one")
		if n := s.revocations.Len(); n != 0 {
			t.Errorf("%d revocations of a store that is not in use", n)
		}
		s.leave(5)
		in(a, "a")
		synctest.Wait()
		if n := s.revocations.Len(); n != 1 {
			t.Errorf("%d revocations were read on the way back", n)
		}
		s.leave(3)
		s.leave(2)
		s.leave(1)
		in(b, "b") // the last one stays
	})
}

// late is a store whose revocations can be read from some time on.
type late struct {
	store.Revocations
	from chan struct{}
}

func (l late) Follow(ctx context.Context, apply func(store.Revocation), refused func()) {
	select {
	case <-l.from:
		l.Revocations.Follow(ctx, apply, refused)
	case <-ctx.Done():
	}
}

// S45, S49: a replica that has never heard who has signed out on the others lets nobody in, and says so; once it has, those
// who have not. Strangers get the first page all along.
func TestReplicaThatCannotKnowLetsNobodyIn_S45_S49(t *testing.T) {
	pat, quinn := newWorld(t, straight()).browser(t).signIn2(t), newWorld(t, straight()).browser(t).signIn2(t)
	l := late{store.NewMemory().Revocations, make(chan struct{})}
	w := newWorld(t, straight(), func(c *Config) {
		c.Store = store.NewMemory()
		c.Store.Revocations = l
	})
	opened, err := w.gate.codec.Open(t.Context(), session.Binding{Cookie: DefaultCookieName, Site: "127.0.0.1", Policy: "p"}, pat.Value)
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Revoke(t.Context(), store.Revocation{Session: opened.Handle, Until: time.Now().Add(time.Hour)}); err != nil {
		t.Fatal(err)
	}
	with := func(c *http.Cookie, path string) answer {
		r := w.browser(t).request("GET", path, "")
		r.AddCookie(c)
		return w.browser(t).do(r)
	}
	for _, c := range []*http.Cookie{pat, quinn} {
		for _, path := range []string{protected, "/_mfa/whoami", "/_mfa/signout"} {
			if a := with(c, path); a.StatusCode != http.StatusServiceUnavailable || a.Header.Get("Retry-After") == "" {
				t.Errorf("%s before the revocations are known: %d", path, a.StatusCode)
			}
		}
	}
	blocked401(t, w.browser(t).get(protected))
	if n := len(w.upstream()); n > 0 {
		t.Errorf("%d requests reached the upstream", n)
	}
	close(l.from)
	<-w.gate.cfg.State.inUse.read
	blocked401(t, with(pat, protected))
	if a := with(quinn, protected); a.StatusCode != http.StatusOK {
		t.Errorf("who has not signed out: %d", a.StatusCode)
	}
}

// away is a store that cannot be reached while down.
type away struct {
	store.Documents
	store.Turns
	down *atomic.Bool
}

var errAway = errors.New("connection refused")

func (a away) Begin(ctx context.Context, k store.Kind, id string, hold time.Duration) (store.Turn, error) {
	if a.down.Load() {
		return store.Turn{}, errAway
	}
	return a.Turns.Begin(ctx, k, id, hold)
}

func (a away) Get(ctx context.Context, k store.Kind, id string) ([]byte, error) {
	if a.down.Load() {
		return nil, errAway
	}
	return a.Documents.Get(ctx, k, id)
}

// S49: while the store is out of reach nobody signs in, and is told so; who is signed in goes on, and the first page costs
// nothing. Nothing reaches Okta.
func TestS49StoreOutOfReach(t *testing.T) {
	flow, down := straight(), new(atomic.Bool)
	w := newWorld(t, flow, func(c *Config) {
		c.Store = store.NewMemory()
		a := away{c.Store.Documents, c.Store.Turns, down}
		c.Store.Documents, c.Store.Turns = a, a
	})
	live := w.browser(t)
	live.signIn()
	asked := flow.total()
	down.Store(true)
	b := w.browser(t)
	page := b.get("/")
	if page.StatusCode != http.StatusUnauthorized {
		t.Fatalf("the first page is %d", page.StatusCode)
	}
	sent := b.post("/_mfa/identify", url.Values{"csrf": {page.csrf(t)}, "f.identifier": {"bob"}, "f.password": {"hunter2"}})
	stream := b.request("GET", "/_mfa/events?seq=1", "")
	stream.Header.Set("Sec-Fetch-Site", "same-origin")
	for what, a := range map[string]answer{
		"the form": sent,
		"the page": b.get("/"), // its cookie names a sign-in that may be on another replica
		"a stream": b.do(stream),
	} {
		if a.StatusCode != http.StatusServiceUnavailable || a.Header.Get("Retry-After") != "5" || strings.Contains(a.body, "hunter2") {
			t.Errorf("%s: %d, Retry-After %q: %s", what, a.StatusCode, a.Header.Get("Retry-After"), a.body)
		}
	}
	if !strings.Contains(sent.body, "Sign-in is not possible right now") {
		t.Errorf("the page says %s", sent.body)
	}
	if n := strings.Count(w.logs.String(), "no sign-in is possible"); n != 1 {
		t.Errorf("the log says %d times within a minute that the store is away, want once", n)
	}
	if n := flow.total() - asked; n != 0 {
		t.Errorf("Okta was asked %d times", n)
	}
	if a := live.get("/"); a.StatusCode != http.StatusOK {
		t.Errorf("who is signed in gets %d", a.StatusCode)
	}
	down.Store(false)
	b.signIn()
}
