package gateway

import (
	"context"
	"net/http"
	"net/url"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"sidegate.example/sidegate/gateway/session"
	"sidegate.example/sidegate/gateway/store"
)

// teller is a store that a test has tell what was revoked.
type teller struct {
	store.Revocations
	apply   func(store.Revocation)
	refused func()
}

func (f *teller) Follow(ctx context.Context, apply func(store.Revocation), refused func()) {
	f.apply, f.refused = apply, refused
	<-ctx.Done()
}

func (f *teller) read() { f.apply(store.Revocation{}) }

// S45, S49: nobody can know who has ended on other replicas before their store was read, whatever was in use before, and
// while it is another key ring's. Whoever has a session waits for that, but not for long, and never where it is known.
func TestWhoHasEndedIsUnknown_S45_S49(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, rank := NewState(), uint64(0)
		defer s.Close()
		reload := func(st store.Store) {
			rank++
			s.use(rank, st)
			synctest.Wait()
		}
		at := func(place string) (*teller, store.Store) {
			f, st := &teller{}, store.NewMemory()
			st.Place, st.Revocations = place, f
			return f, st
		}
		known := func(want bool, after time.Duration, when string) {
			t.Helper()
			began := time.Now()
			if got := s.knowsRevoked(t.Context()); got != want || time.Since(began) != after {
				t.Errorf("%s: %t after %v, want %t after %v", when, got, time.Since(began), want, after)
			}
		}
		a, storeA := at("a")
		way, storeWay := at("a")
		b, storeB := at("b")
		_, nowhere := at("")
		reload(s.memory)
		known(true, 0, "in memory")
		reload(storeA)
		known(false, firstRead, "in a store that nobody has read")
		known(false, 0, "for who comes later")
		reload(storeWay)
		known(false, firstRead, "in the same, reached in another way")
		way.read()
		known(true, 0, "once it was read")
		reload(storeA)
		known(true, 0, "in the first way again: a store that is out of reach ends no session")
		way.refused()
		known(true, 0, "whatever is heard from where the gate is not any more")
		a.read()
		a.refused()
		known(false, 0, "when the store is another key ring's")
		way.read()
		known(false, 0, "whatever is read where the gate is not any more")
		a.read()
		known(true, 0, "when it is this one's again")
		reload(storeB)
		time.AfterFunc(time.Second, func() { b.read() })
		known(true, time.Second, "in another store, as soon as it was read")
		reload(nowhere)
		known(false, firstRead, "in a store whose place is nobody's")
		reload(s.memory)
		known(true, 0, "in memory again, where no other replica is heard of")
		reload(storeB)
		known(false, firstRead, "in a store that others have gone on with")
	})
}

// S45, S49: a process that a reload brings into a Redis that it has never read lets nobody in, until it has: then whoever has
// not signed out elsewhere.
func TestReloadedIntoAStoreThatWasNeverRead_S45_S49(t *testing.T) {
	pat, quinn := newWorld(t, straight()).browser(t).signIn2(t), newWorld(t, straight()).browser(t).signIn2(t)
	w := newWorld(t, straight())
	with := func(c *http.Cookie) answer {
		r := w.browser(t).request("GET", protected, "")
		r.AddCookie(c)
		return w.browser(t).do(r)
	}
	if a := with(pat); a.StatusCode != http.StatusOK {
		t.Fatalf("in memory: %d", a.StatusCode)
	}
	opened, err := w.gate.codec.Open(t.Context(), session.Binding{Cookie: DefaultCookieName, Site: "127.0.0.1", Policy: "p"}, pat.Value)
	if err != nil {
		t.Fatal(err)
	}
	l := late{store.NewMemory().Revocations, make(chan struct{})}
	if err := l.Revoke(t.Context(), store.Revocation{Session: opened.Handle, Until: time.Now().Add(time.Hour)}); err != nil {
		t.Fatal(err)
	}
	before := w.gate
	w.gate = w.second(t, straight(), func(c *Config) {
		c.Store = store.NewMemory()
		c.Store.Revocations = l
	})
	for _, c := range []*http.Cookie{pat, quinn} {
		if a := with(c); a.StatusCode != http.StatusServiceUnavailable || a.Header.Get("Retry-After") == "" {
			t.Errorf("before it is known who has signed out: %d", a.StatusCode)
		}
	}
	after := w.gate
	w.gate = before // a request that the reload found under way
	if a := with(quinn); a.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("under the configuration before: %d", a.StatusCode)
	}
	w.gate = after
	close(l.from)
	<-w.gate.cfg.State.inUse.read
	blocked401(t, with(pat))
	if a := with(quinn); a.StatusCode != http.StatusOK {
		t.Errorf("who has not signed out: %d", a.StatusCode)
	}
}

// A reload from a Redis that is away into memory brings sign-ins back.
func TestReloadedOutOfAStoreThatIsAway(t *testing.T) {
	down := new(atomic.Bool)
	w := newWorld(t, straight(), func(c *Config) {
		c.Store = store.NewMemory()
		a := away{c.Store.Documents, c.Store.Turns, down}
		c.Store.Documents, c.Store.Turns = a, a
	})
	b := w.browser(t)
	page := b.get("/")
	down.Store(true)
	sent := url.Values{"csrf": {page.csrf(t)}, "f.identifier": {"bob"}, "f.password": {"hunter2"}}
	if a := b.post("/_mfa/identify", sent); a.StatusCode != http.StatusServiceUnavailable {
		t.Fatalf("with the Redis away: %d", a.StatusCode)
	}
	w.gate = w.second(t, straight(), func(c *Config) { c.Store = c.State.Memory() })
	w.browser(t).signIn()
}
