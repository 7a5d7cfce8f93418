package gateway

import (
	"encoding/json"
	"net/http"
	"net/url"
	"reflect"
	"strings"
	"testing"
	"time"

	"sidegate.example/sidegate/flows"
	"sidegate.example/sidegate/gateway/decision"
	"sidegate.example/sidegate/gateway/identity"
	"sidegate.example/sidegate/gateway/session"
	"sidegate.example/sidegate/gateway/store"
)

// transfers demands a number challenge for /transfer, and what else it is given everywhere.
func transfers(t testing.TB, everywhere ...decision.Requirement) func(*Config) {
	t.Helper()
	rules, err := decision.NewRules([]decision.Scope{
		{Require: []decision.Requirement{{Class: decision.NumberChallenge, MaxAge: 5 * time.Minute}}}, {Require: everywhere},
	})
	if err != nil {
		t.Fatal(err)
	}
	return func(c *Config) {
		c.Rules = rules
		c.Applies = func(r *http.Request) uint64 {
			if strings.HasPrefix(r.URL.Path, "/transfer") {
				return 3
			}
			return 2
		}
	}
}

// numbered is bob after a number challenge, which he passes when asked for one more proof.
func numbered(who *identity.Identity) {
	who.Proofs = []identity.Proof{{Factor: identity.NumberChallenge, At: time.Now().Add(time.Second)}}
}

// rising is straight with a step-up in which everything goes well.
func rising() *script {
	flow := straight()
	flow.up = func(identity.Identity, []identity.Factor) (flows.Step, error) { return chooseStep, nil }
	return flow
}

func (w *world) binding(t *testing.T) session.Binding {
	t.Helper()
	return session.Binding{Cookie: DefaultCookieName, Site: mustURL(t, w.URL).Hostname(), Policy: "p"}
}

// claims opens the session cookie.
func (b *browser) claims() session.Claims {
	b.t.Helper()
	c := b.cookie(DefaultCookieName)
	if c == nil {
		b.t.Fatal("no session cookie")
	}
	opened, err := b.w.gate.codec.Open(b.t.Context(), b.w.binding(b.t), c.Value)
	if err != nil {
		b.t.Fatal(err)
	}
	return opened.Claims
}

// raise goes through a step-up for path, whose referring page is from, as far as the push.
func (b *browser) raise(path, from string) answer {
	b.t.Helper()
	r := b.request("GET", path, "")
	r.Header.Set("Sec-Fetch-Mode", "navigate")
	r.Header.Set("Sec-Fetch-Dest", "document")
	r.Header.Set("Referer", from)
	page := b.do(r)
	if page.StatusCode != http.StatusUnauthorized || !strings.Contains(page.body, `id="why"`) {
		b.t.Fatalf("no step-up: %d %s\n%s", page.StatusCode, page.shows(), page.body)
	}
	b.post("/_mfa/identify", url.Values{"csrf": {page.csrf(b.t)}})
	a := b.post("/_mfa/answer", url.Values{"csrf": {b.get(path).csrf(b.t)}, "choice": {"push"}})
	if a.StatusCode != http.StatusSeeOther || a.Header.Get("Location") != path {
		b.t.Fatalf("answer: %d to %q\n%s", a.StatusCode, a.Header.Get("Location"), a.body)
	}
	return page
}

func (b *browser) arrive(path string) {
	b.t.Helper()
	for range 2000 {
		if a := b.get(path); a.StatusCode == http.StatusOK {
			return
		}
	}
	b.t.Fatal("never arrived")
}

// S46: a step-up asks for one factor more of the same person, says why, keeps what was proved and the end of the session, and
// gives it a new id; the old cookie, and whoever has a copy of it, is out.
func TestS46StepUpRaisesTheSession(t *testing.T) {
	flow := rising()
	var asked []identity.Factor
	flow.up = func(who identity.Identity, factors []identity.Factor) (flows.Step, error) {
		if who.Subject != "00u1" || who.Login != "bob" {
			t.Errorf("asked of %+v", who)
		}
		asked = factors
		return chooseStep, nil
	}
	w := newWorld(t, flow, transfers(t))
	b := w.browser(t)
	b.signIn()
	old := b.older()
	before := b.claims()
	flow.poll = doneAs(numbered)
	reached := len(w.upstream())
	page := b.raise("/transfer?to=carol", w.URL+"/payments?x=1")
	for _, want := range []string{"number that you tap on your phone", `href="/payments?x=1"`, "<bdi>bob</bdi>"} {
		if !strings.Contains(page.body, want) {
			t.Errorf("the page lacks %q:\n%s", want, page.body)
		}
	}
	if strings.Contains(page.body, "f.identifier") || strings.Contains(page.body, "f.password") {
		t.Error("the page asks who it is")
	}
	if len(w.upstream()) != reached {
		t.Error("the upstream was reached before the step-up ended")
	}
	b.arrive("/transfer?to=carol")
	if !reflect.DeepEqual(asked, []identity.Factor{identity.NumberChallenge, identity.WebAuthn}) {
		t.Errorf("asked for %v", asked)
	}
	after := b.claims()
	if after.ID == before.ID || !after.ExpiresAt.Equal(before.ExpiresAt) || !after.IssuedAt.Equal(before.IssuedAt) || len(after.Identity.Proofs) != 3 ||
		after.Identity.Proofs[2].Factor != identity.NumberChallenge {
		t.Errorf("before %+v\nafter %+v", before, after)
	}
	thief := w.browser(t)
	r := thief.request("GET", protected, "")
	r.AddCookie(old)
	if a := thief.do(r); a.StatusCode != http.StatusUnauthorized {
		t.Errorf("the old cookie gets %d", a.StatusCode)
	}
	if flow.count("step up") != 1 || flow.count("start") != 1 || !strings.Contains(w.logs.String(), "stepped up") {
		t.Errorf("calls %v", flow.calls)
	}
}

// older makes the session of the browser one that began an hour earlier.
func (b *browser) older() *http.Cookie {
	b.t.Helper()
	c := b.claims()
	c.IssuedAt, c.ExpiresAt = c.IssuedAt.Add(-time.Hour), c.ExpiresAt.Add(-time.Hour)
	value, err := b.w.gate.codec.Seal(b.t.Context(), b.w.binding(b.t), c)
	if err != nil {
		b.t.Fatal(err)
	}
	cookie := &http.Cookie{Name: DefaultCookieName, Value: value, Path: "/", Secure: true}
	b.Jar.SetCookies(mustURL(b.t, b.w.URL), []*http.Cookie{cookie})
	return cookie
}

// approved waits, as an open page does, until the step-up of the session, whose push is under way, has been approved.
func (b *browser) approved() {
	b.t.Helper()
	x := exchange{Gate: b.w.gate, site: b.w.binding(b.t).Site, policy: "p", session: &session.Opened{Handle: b.claims().ID.Handle()}}
	id, in := b.cookie(DefaultCookieName+"_signin").Value, b.w.gate.cfg.State.transactions
	for range 2000 {
		in.Touch(b.t.Context(), id, x.realm())
		v, err := in.Get(b.t.Context(), id, x.realm())
		if err != nil {
			b.t.Fatal(err)
		}
		if v.Step.Kind == flows.KindDone {
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
	b.t.Fatal("never approved")
}

// S46: a step-up is of the session that it raises. In the same browser without it, or with the session of another person, there
// is none that could be approved.
func TestS46StepUpWithoutItsSession(t *testing.T) {
	for _, name := range []string{"none", "another person's"} {
		flow := rising()
		w := newWorld(t, flow, transfers(t))
		flow.poll = doneAs(eve)
		hers := w.browser(t).signIn()
		flow.poll = func() (flows.Step, error) { return doneStep, nil }
		b := w.browser(t)
		b.signIn()
		flow.poll = func() (flows.Step, error) { return waitStep, nil }
		b.raise("/transfer", "")
		if a := b.get("/transfer"); a.shows() != "step wait" {
			t.Fatalf("with the session: %s", a.shows())
		}
		c := &http.Cookie{Name: DefaultCookieName, Value: hers.Value, Path: "/", Secure: true}
		if name == "none" {
			c.MaxAge = -1
		}
		b.Jar.SetCookies(mustURL(t, w.URL), []*http.Cookie{c})
		if a := b.get("/transfer"); a.StatusCode != http.StatusUnauthorized || a.shows() != "signin identify" {
			t.Errorf("%s: %d %s", name, a.StatusCode, a.shows())
		}
	}
}

// S44, S46: the session is ended while its step-up is on the phone: nothing is raised any more, and the person signs in again.
func TestS44StepUpOfARevokedSession(t *testing.T) {
	flow := rising()
	w := newWorld(t, flow, transfers(t))
	b := w.browser(t)
	b.signIn()
	before := b.claims()
	flow.poll = doneAs(numbered)
	b.raise("/transfer", "")
	b.approved()
	if err := w.gate.cfg.State.Revoke(t.Context(), store.Revocation{Session: before.ID.Handle(), Until: before.ExpiresAt}); err != nil {
		t.Fatal(err)
	}
	reached := len(w.upstream())
	for range 2 {
		if a := b.get("/transfer"); a.StatusCode != http.StatusUnauthorized || a.shows() != "signin identify" || b.claims().ID != before.ID || len(w.upstream()) != reached {
			t.Errorf("%d %s, cookies %v", a.StatusCode, a.shows(), a.Cookies())
		}
	}
}

// Another tab that still sends the old cookie gets the new session, whoever has the old cookie alone does not.
func TestS46OtherTabOfAStepUp(t *testing.T) {
	flow := rising()
	w := newWorld(t, flow, transfers(t))
	b := w.browser(t)
	old := b.signIn()
	flow.poll = doneAs(numbered)
	b.raise("/transfer", "")
	signIn := b.cookie(DefaultCookieName + "_signin")
	b.arrive("/transfer")
	for name, cookies := range map[string][]*http.Cookie{"tab": {old, signIn}, "thief": {old}} {
		other := w.browser(t)
		r := other.request("GET", "/payments", "")
		r.Header.Set("Accept", "text/html")
		for _, c := range cookies {
			r.AddCookie(c)
		}
		a := other.do(r)
		if got := other.cookie(DefaultCookieName) != nil; got != (name == "tab") || (a.StatusCode == http.StatusSeeOther) != (name == "tab") {
			t.Errorf("%s: %d, session %t", name, a.StatusCode, got)
		}
	}
}

// A step-up that ends with another person is refused; the old session stays.
func TestStepUpByAnotherPersonIsRefused(t *testing.T) {
	flow := rising()
	w := newWorld(t, flow, transfers(t))
	b := w.browser(t)
	b.signIn()
	before := b.claims()
	flow.poll = doneAs(func(who *identity.Identity) { numbered(who); who.Subject, who.Login = "00u2", "eve" })
	b.raise("/transfer", "")
	reached := len(w.upstream())
	b.waitForAt("/transfer", func(a answer) bool { return a.StatusCode == http.StatusBadGateway })
	if b.claims().ID != before.ID || len(w.upstream()) != reached {
		t.Error("something changed")
	}
	if a := b.get(protected); a.StatusCode != http.StatusOK {
		t.Errorf("the old session gets %d", a.StatusCode)
	}
	hits := w.upstream()
	if user := hits[len(hits)-1].Header.Get("Remote-User"); user != "bob" {
		t.Errorf("the upstream saw %q", user)
	}
}

func (b *browser) waitForAt(path string, ok func(answer) bool) {
	b.t.Helper()
	for range 2000 {
		if ok(b.get(path)) {
			return
		}
	}
	b.t.Fatalf("never came at %s", path)
}

// Who cancels goes back to where they came from, with the session as it was; a later approval raises nothing.
func TestStepUpCancelled(t *testing.T) {
	flow := rising()
	w := newWorld(t, flow, transfers(t))
	for from, want := range map[string]string{
		w.URL + "/payments?x=1": "/payments?x=1", "https://evil.test/x": "/", "": "/", w.URL + "/transfer": "/", w.URL + "/_mfa/signout": "/", w.URL + "//evil.test": "/evil.test",
	} {
		flow.poll = func() (flows.Step, error) { return doneStep, nil }
		b := w.browser(t)
		b.signIn()
		flow.poll = func() (flows.Step, error) { return waitStep, nil }
		before := b.claims()
		b.raise("/transfer", from)
		a := b.post("/_mfa/cancel", url.Values{"csrf": {b.get("/transfer").csrf(t)}})
		if a.StatusCode != http.StatusSeeOther || a.Header.Get("Location") != want {
			t.Errorf("from %q: %d to %q", from, a.StatusCode, a.Header.Get("Location"))
		}
		if a := b.get(protected); a.StatusCode != http.StatusOK || b.claims().ID != before.ID {
			t.Errorf("from %q: the session is gone (%d)", from, a.StatusCode)
		}
		if a := b.get("/transfer"); a.StatusCode != http.StatusUnauthorized || !strings.Contains(a.body, `id="why"`) {
			t.Errorf("after a cancelled step-up: %d", a.StatusCode)
		}
	}
}

// A call learns what is missing, in words for a program.
func TestStepUpOfACall(t *testing.T) {
	flow := rising()
	w := newWorld(t, flow, transfers(t, decision.Requirement{Class: decision.AnyFactor, MaxAge: 24 * time.Hour}))
	b := w.browser(t)
	b.signIn()
	r := b.request("POST", "/transfer", "{}")
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Sec-Fetch-Mode", "cors")
	a := b.do(r)
	var d problemDocument
	if err := json.Unmarshal([]byte(a.body), &d); err != nil {
		t.Fatal(err)
	}
	if a.StatusCode != 401 || d.Reason != decision.WhyStepUp || d.Require != decision.NumberChallenge || d.MaxAge != 300 || a.Header.Get("WWW-Authenticate") == "" {
		t.Errorf("%d %s", a.StatusCode, a.body)
	}
	if flow.count("step up") != 0 {
		t.Error("a call made Okta do something")
	}
}

// S39, S46: the form of a step-up is good with the session that it was drawn for, and that of a sign-in with none.
func TestS39StepUpFormsBelongToTheirSession(t *testing.T) {
	flow := rising()
	w := newWorld(t, flow, transfers(t))
	b := w.browser(t)
	first := b.get(protected).csrf(t)
	b.signIn()
	form := b.get("/transfer").csrf(t)
	if a := b.post("/_mfa/identify", url.Values{"csrf": {first}, "f.identifier": {"bob"}, "f.password": {"pw"}}); a.StatusCode != http.StatusForbidden || a.shows() != "error stale" {
		t.Errorf("the form of a sign-in: %d %s", a.StatusCode, a.shows())
	}
	b.Jar.SetCookies(mustURL(t, w.URL), []*http.Cookie{{Name: DefaultCookieName, Value: "x", Path: "/", Secure: true}})
	if a := b.post("/_mfa/identify", url.Values{"csrf": {form}}); a.StatusCode != http.StatusForbidden || a.shows() != "error stale" {
		t.Errorf("without the session: %d %s", a.StatusCode, a.shows())
	}
	if flow.count("step up") != 0 {
		t.Error("a step-up began")
	}
}

func mustURL(t *testing.T, s string) *url.URL {
	t.Helper()
	u, err := url.Parse(s)
	if err != nil {
		t.Fatal(err)
	}
	return u
}
