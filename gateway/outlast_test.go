package gateway

import (
	"context"
	"errors"
	"iter"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"sidegate.example/sidegate/flows"
	"sidegate.example/sidegate/gateway/identity"
	"sidegate.example/sidegate/gateway/session"
	"sidegate.example/sidegate/gateway/store"
)

// S45: a store that a reload brings, another server or the same one with another password, is told who has signed out before;
// what it knows already it is not told again.
func TestS45StoreThatComesIntoUseIsToldWhatHasEnded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		soon := time.Now().Add(time.Hour)
		all := store.Revocation{Org: "o", Subject: "00u1", Before: time.Now(), Until: soon}
		old, fresh := &channel{}, &channel{told: []store.Revocation{{Session: "known", Until: soon}}}
		s := NewState()
		defer s.Close()
		s.use(1, s.memory)
		revoke := func(r store.Revocation) {
			t.Helper()
			if err := s.Revoke(t.Context(), r); err != nil {
				t.Fatal(err)
			}
		}
		revoke(store.Revocation{Session: "in memory", Until: soon})
		s.use(2, old.store())
		synctest.Wait()
		revoke(all)
		s.end(store.Revocation{Session: "known", Until: soon}) // as another replica, which is there already, has told
		s.use(3, fresh.store())
		synctest.Wait()
		revoke(store.Revocation{Session: "afterwards", Until: soon})
		times := map[string]int{}
		for _, r := range fresh.told {
			times[r.Session+r.Subject]++
		}
		for _, want := range []string{"in memory", "00u1", "known", "afterwards"} {
			if times[want] != 1 {
				t.Errorf("%q is there %d times", want, times[want])
			}
		}
	})
}

// S62: whoever asks for the end of a session is not told that it is over when nobody knows what else belongs to it.
func TestS62RevocationWithoutTheDocument(t *testing.T) {
	s := NewState()
	defer s.Close()
	docs := &offStore{Documents: s.documents}
	docs.off.Store(true)
	s.documents = docs
	r := store.Revocation{Session: "0011223344556677", Until: time.Now().Add(time.Hour)}
	if err := s.Revoke(t.Context(), r); err == nil {
		t.Error("without the store it is said to be done")
	}
	docs.off.Store(false)
	if err := s.Revoke(t.Context(), r); err != nil {
		t.Errorf("a session that is not listed: %v", err)
	}
}

// S45: a session of a replica whose clock is ahead is of a person's sessions "by now" too.
func TestS45RevokedPersonOfAClockAhead(t *testing.T) {
	s := NewState()
	defer s.Close()
	now := time.Now()
	doc := &storedSession{SessionInfo: SessionInfo{Handle: "0011223344556677", Org: "o", Subject: "00u1", Login: "bob", Issued: now.Add(time.Minute), Expires: now.Add(time.Hour)}}
	if err := s.keep(t.Context(), doc); err != nil {
		t.Fatal(err)
	}
	if n, err := s.RevokeUser(t.Context(), []string{"o"}, "bob"); n != 1 || err != nil {
		t.Fatalf("%d, %v", n, err)
	}
	if o := (&session.Opened{Handle: doc.Handle, Claims: session.Claims{IssuedAt: doc.Issued, Identity: identity.Identity{Subject: "00u1"}}}); !s.revocations.Revoked("o", o) {
		t.Error("the session lives on")
	}
}

// S45: where no session is listed, those of a replica whose clock is a little ahead end with the others all the same, and none that
// begins afterwards, in the same second even, on whichever replica that has heard of it.
func TestS45ClockAheadOfTheRevocation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := NewState()
		defer s.Close()
		time.Sleep(time.Second / 3)
		ended := func(issued time.Time) bool { // as its cookie has it
			return s.revocations.Revoked("o", &session.Opened{Claims: session.Claims{IssuedAt: issued.Truncate(time.Second), Identity: identity.Identity{Subject: "00u1"}}})
		}
		begins := func(now time.Time) time.Time {
			issued, ok := s.revocations.Begin("o", "00u1", now, now)
			if !ok {
				t.Errorf("what was proved at %v begins no session", now)
			}
			return issued
		}
		if now := time.Now(); !begins(now).Equal(now) {
			t.Error("a session of whom nobody has revoked does not begin now")
		}
		before, ahead := time.Now(), time.Now().Add(store.Skew)
		time.Sleep(time.Millisecond)
		if err := s.Revoke(t.Context(), allOf("o", "00u1")); err != nil {
			t.Fatal(err)
		}
		if !ended(ahead) || !ended(time.Now()) {
			t.Error("a session lives on")
		}
		if _, ok := s.revocations.Begin("o", "00u1", before, time.Now()); ok {
			t.Error("what was proved before begins a session afterwards")
		}
		for range 20 {
			issued := begins(time.Now())
			if ended(issued) || time.Until(issued) > store.Skew+time.Second {
				t.Errorf("a session that begins afterwards, at %v, has ended", issued)
			}
			time.Sleep(500 * time.Millisecond)
		}
	})
}

// stuck is a connection that takes its time to close, as one with TLS does whose client does not read.
type stuck struct {
	net.Conn
	until chan struct{}
}

func (s stuck) Close() error { <-s.until; return nil }

// S45: a client that does not read does not keep the end of other people's sessions waiting.
func TestS45StuckConnectionHoldsNobodyUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		until := make(chan struct{})
		h := &hold{gate: &Gate{log: slog.New(slog.DiscardHandler)}, session: &session.Opened{}, cancel: func() {}, conn: stuck{until: until}}
		h.end() // the bubble says deadlock where this waits
		close(until)
	})
}

// Who is signed in goes on without the store, also with more groups than fit into a cookie, and when the cookie is renewed.
func TestS57ProlongedWithoutTheStore(t *testing.T) {
	flow := straight()
	flow.poll = doneAs(func(who *identity.Identity) { who.Groups = crowd(500) })
	state := NewState()
	docs := &offStore{Documents: state.documents}
	state.documents = docs
	w := newWorld(t, flow, func(c *Config) { c.State = state })
	b := w.browser(t)
	before := b.signIn().Value
	docs.off.Store(true)
	stay := b.request("POST", "/_mfa/session", "")
	stay.Header.Set("Sec-Fetch-Site", "same-origin")
	stay.Header.Set("X-Requested-With", "fetch")
	if a := b.do(stay); a.StatusCode != http.StatusOK || b.cookie(DefaultCookieName).Value == before {
		t.Fatalf("not prolonged: %d", a.StatusCode)
	}
	a := b.get(protected)
	hits := w.upstream()
	if got := hits[len(hits)-1].Header.Get("Remote-Groups"); a.StatusCode != http.StatusOK || strings.Count(got, "app-") != 500 {
		t.Errorf("%d, the upstream saw %q", a.StatusCode, got)
	}
}

// S54, S77: a replica that cannot read what Okta last said, because the store is away, goes by the groups of the sign-in, at most
// until recheck_grace after it, from the first request on; once the store is back, by what Okta says.
func TestRecheckWithoutTheStore_S54_S77(t *testing.T) {
	for name, c := range map[string]struct {
		grace  time.Duration
		status int // after it
		groups string
	}{"without a grace": {0, 200, "staff,finance"}, "with a grace": {time.Hour, 401, ""}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				state := NewState()
				defer state.Close()
				docs := &offStore{Documents: state.documents}
				state.documents = docs
				flow := &oracle{script: straight(), says: flows.Standing{Subject: "00u1", Active: true, Groups: []string{"finance"}}}
				knows := newRechecking(t, state, flow, func(cfg *Config) { cfg.RecheckGrace = c.grace })
				knows.enter()
				time.Sleep(30 * time.Minute)
				knows.want("the request that asks", 200, "staff,finance")
				knows.want("no longer staff", 403, "")
				docs.off.Store(true)
				another := func() *rechecking {
					r := newRechecking(t, state, flow, func(cfg *Config) { cfg.RecheckGrace = c.grace })
					r.cookie = knows.cookie
					return r
				}
				one := another()
				one.want("where that is not known", 200, "staff,finance")
				knows.want("where it is", 403, "")
				time.Sleep(30*time.Minute + time.Second)
				one.want("a grace after the sign-in", c.status, c.groups)
				another().want("the same, at the first request", c.status, c.groups)
				knows.want("where it is known, within the grace after the answer", 403, "")
				docs.off.Store(false)
				time.Sleep(recheckPause)
				one.ask()
				one.want("the store is back", 403, "")
				another().want("the same, at the first request", 403, "")
			})
		})
	}
}

// patient lists as slowly as who asks lets it.
type patient struct {
	store.Documents
	deadline bool
}

func (p *patient) All(ctx context.Context, _ store.Kind) iter.Seq2[[]byte, error] {
	_, p.deadline = ctx.Deadline()
	return func(yield func([]byte, error) bool) { yield(nil, errors.New("too slow")) }
}

// The page to sign out does not wait for the list of sessions for ever, and comes without it.
func TestSignOutPageDoesNotWaitForTheList(t *testing.T) {
	state := NewState()
	docs := &patient{Documents: state.documents}
	state.documents = docs
	w := newWorld(t, straight(), func(c *Config) { c.State = state })
	b := w.browser(t)
	b.signIn()
	if page := b.get("/_mfa/signout"); page.StatusCode != http.StatusOK || page.csrf(t) == "" || !docs.deadline {
		t.Errorf("%d, bounded in time: %t", page.StatusCode, docs.deadline)
	}
}

// S55: strangers from any number of addresses fill neither the memory nor the store.
func TestS55KeepingIsBoundedOverAddresses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := new(room)
		kept := func() (n int) {
			for r.take(maxKept) {
				n++
			}
			return n
		}
		if n := kept(); n != maxKeptBytes/maxKept {
			t.Errorf("%d forms are kept", n)
		}
		time.Sleep(keptFor)
		if kept() == 0 {
			t.Error("nothing is kept any more")
		}
	})
	w := newWorld(t, straight())
	w.gate.cfg.State.room = room{since: time.Now(), used: maxKeptBytes}
	b := w.browser(t)
	if a := b.send("POST", "/transfer", payment); b.cookie(DefaultCookieName+"_kept") != nil || a.StatusCode != http.StatusUnauthorized {
		t.Errorf("without room: %d, cookie %v", a.StatusCode, b.cookie(DefaultCookieName+"_kept"))
	}
}
