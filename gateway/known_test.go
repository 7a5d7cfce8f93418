package gateway

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"sidegate.example/sidegate/flows"
)

// known is a world in which something in front of the gate says who the person is.
func known(t *testing.T, flow *script, person string) *world {
	t.Helper()
	w := newWorld(t, flow, func(c *Config) { c.PersonKnown = true })
	w.is(person)
	return w
}

func (w *world) is(person string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.person = person
}

// The sign-in begins at the second factor, for the person that stands in front, whatever the browser types.
func TestKnownPersonIsNotTyped(t *testing.T) {
	var got flows.Answer
	flow := straight()
	flow.start = func(a flows.Answer) (flows.Step, error) { got = a; return chooseStep, nil }
	w := known(t, flow, "bob@corp")
	b := w.browser(t)
	page := b.get(protected)
	if page.StatusCode != 401 || page.shows() != "signin identify" || strings.Contains(page.body, `name="f.`) || !strings.Contains(page.body, "bob@corp") {
		t.Fatalf("%d %q\n%s", page.StatusCode, page.shows(), page.body)
	}
	if flow.total() != 0 {
		t.Fatalf("the page cost %d calls to Okta", flow.total())
	}
	a := b.post("/_mfa/identify", url.Values{"csrf": {page.csrf(t)}, "f.identifier": {"alice"}, "f.password": {"x"}, "f.recovery_token": {"t"}, "choice": {"recover"}})
	if a.StatusCode != http.StatusSeeOther {
		t.Fatalf("%d\n%s", a.StatusCode, a.body)
	}
	if got.Choice != "" || len(got.Values) != 1 || got.Values[flows.FieldIdentifier] != "bob@corp" {
		t.Errorf("the flow was begun with %+v", got)
	}
}

// S46, S48: another person in the same browser has neither the session, nor the forms, nor the sign-in in progress of
// the one before.
func TestKnownPersonChanges_S46_S48(t *testing.T) {
	w := known(t, straight(), "bob")
	b := w.browser(t)
	page := b.get(protected)
	b.post("/_mfa/identify", url.Values{"csrf": {page.csrf(t)}})
	choose := b.get(protected)
	if choose.shows() != "step choose" {
		t.Fatalf("shows %q", choose.shows())
	}

	w.is("alice")
	if a := b.get(protected); a.StatusCode != 401 || a.shows() != "signin identify" || !strings.Contains(a.body, "alice") {
		t.Errorf("bob's sign-in is shown to alice: %d %q", a.StatusCode, a.shows())
	}
	calls := w.flow.total()
	if a := b.post("/_mfa/answer", url.Values{"csrf": {choose.csrf(t)}, "choice": {"push"}}); a.StatusCode != 403 || w.flow.total() != calls {
		t.Errorf("alice pressed bob's button: %d, %d calls", a.StatusCode, w.flow.total()-calls)
	}

	w.is("bob")
	b.push()
	b.waitFor(func(a answer) bool { return a.StatusCode == http.StatusOK })
	hits := len(w.upstream())
	for _, other := range []string{"alice", "Bob", "bob\x00", ""} {
		w.is(other)
		if a := b.get(protected); a.StatusCode == http.StatusOK || strings.Contains(a.body, "SECRET") || len(w.upstream()) != hits {
			t.Errorf("%q got in with bob's session: %d", other, a.StatusCode)
		}
	}
	w.is("bob")
	if a := b.get(protected); a.StatusCode != http.StatusOK {
		t.Errorf("bob: %d", a.StatusCode)
	}
}

// Where nothing in front says who it is, the gate is shut: a name that is typed here would be believed.
func TestNobodyKnownIsRefused(t *testing.T) {
	w := known(t, straight(), "")
	b := w.browser(t)
	a := b.get(protected)
	blocked(t, w, a)
	if a.StatusCode != 403 || a.shows() != "error misconfigured" || !strings.Contains(w.logs.String(), "primary identity") {
		t.Errorf("%d %q", a.StatusCode, a.shows())
	}
	r := b.request("GET", protected, "")
	r.Header.Set("Sec-Fetch-Mode", "cors")
	if a := b.do(r); a.StatusCode != 403 || a.Header.Get("Content-Type") != "application/problem+json" {
		t.Errorf("%d %s", a.StatusCode, a.Header.Get("Content-Type"))
	}
	for _, path := range []string{"/_mfa/identify", "/_mfa/answer", "/_mfa/signout"} {
		if a := b.post(path, url.Values{"f.identifier": {"bob"}}); a.StatusCode != 403 {
			t.Errorf("%s: %d", path, a.StatusCode)
		}
	}
	if w.flow.total() != 0 {
		t.Errorf("%d calls to Okta", w.flow.total())
	}
	if a := b.get(cssOf(a)); a.StatusCode != http.StatusOK || !strings.HasPrefix(a.Header.Get("Content-Type"), "text/css") {
		t.Errorf("the page of the refusal has no style: %d", a.StatusCode)
	}
}

// cssOf is the path of the page's stylesheet.
func cssOf(a answer) string {
	_, after, _ := strings.Cut(a.body, `rel="stylesheet" href="`)
	path, _, _ := strings.Cut(after, `"`)
	return path
}
