package gateway

import (
	"net/http"
	"net/url"
	"testing"
	"time"

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
