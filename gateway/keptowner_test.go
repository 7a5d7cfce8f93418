package gateway

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"testing"
	"time"

	"sidegate.example/sidegate/gateway/decision"
	"sidegate.example/sidegate/gateway/identity"
	"sidegate.example/sidegate/gateway/store"
)

func eve(who *identity.Identity) { who.Subject, who.Login, who.Name = "00u2", "eve", "Eve" }

// notHers fails unless eve, who signs in at page, is told that nothing is kept for her, and the upstream has seen nothing.
func (b *browser) notHers(page answer, reached int) {
	b.t.Helper()
	a := b.signInAt(page)
	if a.StatusCode != http.StatusGone || a.shows() != "error not_kept" || len(b.w.upstream()) != reached || b.cookie(DefaultCookieName+"_kept") != nil {
		b.t.Errorf("eve: %d %s, %d requests more reached the upstream", a.StatusCode, a.shows(), len(b.w.upstream())-reached)
	}
}

// S55: the form of a session whose groups were elsewhere and are gone is its person's all the same: the cookie still says whose.
func TestS55KeptOfASessionWhoseGroupsAreGone(t *testing.T) {
	for _, n := range []int{1, 500} {
		flow := straight()
		flow.poll = doneAs(func(who *identity.Identity) { who.Groups = crowd(n) })
		w := newWorld(t, flow)
		b := w.browser(t)
		b.signIn()
		h := b.claims().ID.Handle()
		if err := w.gate.cfg.State.documents.Delete(t.Context(), store.Sessions, h); err != nil {
			t.Fatal(err)
		}
		w.gate.cfg.State.end(store.Revocation{Session: h, Until: time.Now().Add(time.Hour)}) // of few groups it would live on
		var err error
		if w.gate, err = New(w.gate.cfg); err != nil { // a replica that has not seen the cookie
			t.Fatal(err)
		}
		flow.poll = doneAs(eve)
		reached := len(w.upstream())
		b.notHers(b.send("POST", "/transfer", payment), reached)
	}
}

// S55: nobody's form is that of the first who is asked whether to send it. Whoever signs in afterwards in the same browser sends
// nothing of it, whether they signed out, which forgets it, or their session just ended.
func TestS55KeptEndsWithWhoWasAsked(t *testing.T) {
	for name, leave := range map[string]func(*testing.T, *browser){
		"signed out": func(t *testing.T, b *browser) {
			a := b.post("/_mfa/signout", url.Values{"csrf": {b.get("/_mfa/signout").csrf(t)}})
			if a.StatusCode != http.StatusSeeOther || b.cookie(DefaultCookieName+"_kept") != nil {
				t.Errorf("the cookie stays: %d", a.StatusCode)
			}
			for range b.w.gate.cfg.State.documents.All(t.Context(), store.Posts) {
				t.Error("the form stays")
			}
		},
		"over": func(t *testing.T, b *browser) {
			b.Jar.SetCookies(mustURL(t, b.w.URL), []*http.Cookie{{Name: DefaultCookieName, Path: "/", Secure: true, MaxAge: -1}})
		},
	} {
		t.Run(name, func(t *testing.T) {
			flow := straight()
			w := newWorld(t, flow)
			b := w.browser(t)
			if a := b.signInAt(b.send("POST", "/transfer", payment)); a.shows() != "resume" {
				t.Fatal(a.shows())
			}
			leave(t, b)
			flow.poll = doneAs(eve)
			b.notHers(b.get("/_mfa/resume"), 0)
		})
	}
}

// S13, S55: a PUT that the gate of writes kept is sent on as a POST and so comes to the gate of the rest of the site. It goes on
// there where all rules of the gate of writes hold, by what they say and wherever they stand, and nowhere else.
func TestS13KeptIsSentOnUnderItsRules(t *testing.T) {
	group := func(names ...string) decision.Scope {
		return decision.Scope{Allow: []decision.Condition{{Subject: decision.Groups, Values: names}}}
	}
	fresh := decision.Scope{Require: []decision.Requirement{{Class: decision.AnyFactor, MaxAge: time.Hour}}}
	nobody := decision.Scope{Deny: []decision.Condition{{Subject: decision.Users, Values: []string{"mallory"}}}}
	for name, c := range map[string]struct {
		rest    []decision.Scope
		applies uint64
		sent    bool
	}{
		"no rules": {}, "the same": {[]decision.Scope{group("staff"), fresh}, 3, true}, "more, elsewhere": {[]decision.Scope{nobody, fresh, group("staff")}, 7, true},
		"the same, for other requests": {[]decision.Scope{group("staff"), fresh}, 1, false}, "a part": {[]decision.Scope{group("staff")}, 1, false},
		"another group":     {[]decision.Scope{group("staff", "guests"), fresh}, 3, false},
		"denied not wanted": {[]decision.Scope{{Deny: group("staff").Allow}, fresh}, 3, false},
		"an older proof":    {[]decision.Scope{group("staff"), {Require: []decision.Requirement{{Class: decision.AnyFactor, MaxAge: 2 * time.Hour}}}}, 3, false},
	} {
		t.Run(name, func(t *testing.T) {
			flow := straight()
			flow.poll = doneAs(func(who *identity.Identity) { who.Groups = []string{"staff"} })
			w := newWorld(t, flow)
			under := func(scopes []decision.Scope, applies uint64) *Gate {
				c := w.gate.cfg
				if scopes != nil {
					rules, err := decision.NewRules(scopes)
					if err != nil {
						t.Fatal(err)
					}
					c.Rules, c.Applies = rules, func(*http.Request) uint64 { return applies }
				}
				g, err := New(c)
				if err != nil {
					t.Fatal(err)
				}
				return g
			}
			rest, writes := under(c.rest, c.applies), under([]decision.Scope{group("staff"), fresh}, 3)
			b := w.browser(t)
			w.gate = writes
			page := b.send("PUT", "/config", payment)
			w.gate = rest
			page = b.signInAt(page)
			a := b.confirm(page)
			if sent := len(w.upstream()) == 1; sent != c.sent || sent != (a.StatusCode == 200) || !sent && (a.StatusCode != http.StatusGone || a.shows() != "error not_kept") {
				t.Errorf("sent %t: %d %s", sent, a.StatusCode, a.shows())
			}
		})
	}
}

// S13, S55: where the person is known in front of the gate, a form that ran into the sign-in of one is not another one's who uses
// the same browser, nor is it one of the site after another policy.
func TestS13KeptUnderAnotherPolicy(t *testing.T) {
	for name, change := range map[string]func(*testing.T, *world){
		"another person": func(_ *testing.T, w *world) {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.person = "eve"
		},
		"another policy": func(t *testing.T, w *world) {
			c := w.gate.cfg
			c.Policy = "q"
			var err error
			if w.gate, err = New(c); err != nil {
				t.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			flow := straight()
			w := newWorld(t, flow, func(c *Config) { c.PersonKnown = true })
			w.person = "bob"
			b := w.browser(t)
			if page := b.send("POST", "/transfer", payment); page.StatusCode != http.StatusUnauthorized || b.cookie(DefaultCookieName+"_kept") == nil {
				t.Fatalf("not kept: %d %s", page.StatusCode, page.shows())
			}
			change(t, w)
			if name == "another person" {
				flow.poll = doneAs(eve)
			}
			b.notHers(b.get("/_mfa/resume"), 0)
		})
	}
}

// readOnly is a store of documents that keeps nothing more once it is full.
type readOnly struct {
	store.Documents
	full bool
}

func (s *readOnly) Put(ctx context.Context, kind store.Kind, id string, doc []byte, ttl time.Duration) error {
	if s.full && kind == store.Posts {
		return errors.New("out of memory")
	}
	return s.Documents.Put(ctx, kind, id, doc, ttl)
}

// S55: while the store does not keep whose the form is by now, nobody is asked whether to send it.
func TestS55NobodyIsAskedWhileTheStoreIsFull(t *testing.T) {
	state := NewState()
	docs := &readOnly{Documents: state.documents}
	state.documents = docs
	w := newWorld(t, straight(), func(c *Config) { c.State = state })
	b := w.browser(t)
	page := b.send("POST", "/transfer", payment)
	docs.full = true
	if a := b.signInAt(page); a.StatusCode != http.StatusServiceUnavailable || a.shows() == "resume" {
		t.Errorf("%d %s", a.StatusCode, a.shows())
	}
	docs.full = false
	if a := b.get("/_mfa/resume"); a.StatusCode != http.StatusOK || a.shows() != "resume" {
		t.Errorf("afterwards: %d %s", a.StatusCode, a.shows())
	}
}
