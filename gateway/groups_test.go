package gateway

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"sidegate.example/sidegate/gateway/decision"
	"sidegate.example/sidegate/gateway/identity"
	"sidegate.example/sidegate/gateway/store"
)

// offStore is a store of documents that can be switched off.
type offStore struct {
	store.Documents
	off atomic.Bool
}

func (s *offStore) Get(ctx context.Context, kind store.Kind, id string) ([]byte, error) {
	if s.off.Load() {
		return nil, errors.New("connection refused")
	}
	return s.Documents.Get(ctx, kind, id)
}

func crowd(n int) []string {
	var out []string
	for i := range n {
		out = append(out, fmt.Sprintf("CN=app-%03d,OU=Groups", i))
	}
	return out
}

// With 500 groups the cookie stays under 1 KB and the upstream sees all of them; where the store does not say which they are
// nobody gets in with a part, on this replica or another, and when the document is gone the person signs in again.
func TestS57SessionWithFiveHundredGroups(t *testing.T) {
	flow := straight()
	flow.poll = doneAs(func(who *identity.Identity) { who.Groups = crowd(500) })
	state := NewState()
	docs := &offStore{Documents: state.documents}
	state.documents = docs
	w := newWorld(t, flow, ruled(t, allowGroup("CN=app-499,OU=Groups")), func(c *Config) { c.State = state })
	b := w.browser(t)
	c := b.signIn()
	if len(c.Name)+len(c.Value) > 1024 {
		t.Errorf("the cookie has %d bytes", len(c.Name)+len(c.Value))
	}
	hits := w.upstream()
	if got := hits[len(hits)-1].Header.Get("Remote-Groups"); strings.Count(got, "app-") != 500 {
		t.Errorf("the upstream saw %d groups", strings.Count(got, "app-"))
	}
	another, err := New(w.gate.cfg) // a replica that has not seen the cookie
	if err != nil {
		t.Fatal(err)
	}
	docs.off.Store(true)
	reached := len(w.upstream())
	if a := b.get(protected); a.StatusCode != http.StatusOK {
		t.Errorf("where the cookie is known: %d", a.StatusCode)
	}
	w.gate = another
	if a := b.get(protected); a.StatusCode != http.StatusServiceUnavailable || len(w.upstream()) != reached+1 {
		t.Errorf("without the store: %d", a.StatusCode)
	}
	docs.off.Store(false)
	if a := b.get(protected); a.StatusCode != http.StatusOK {
		t.Errorf("with the store again: %d", a.StatusCode)
	}
	if w.gate, err = New(w.gate.cfg); err != nil {
		t.Fatal(err)
	}
	if err := docs.Delete(t.Context(), store.Sessions, b.claims().ID.Handle()); err != nil {
		t.Fatal(err)
	}
	if w.gate, err = New(w.gate.cfg); err != nil {
		t.Fatal(err)
	}
	if a := b.get(protected); a.StatusCode != http.StatusUnauthorized || a.shows() != "signin identify" {
		t.Errorf("without the document: %d %s", a.StatusCode, a.shows())
	}
}

// groups keeps what it and the rules name, to the byte, and the upstream sees nothing else.
func TestS86GroupsKept(t *testing.T) {
	have := []string{"app-a", "app-b/x", "App-c", "staff", "finance", "hr", "suspended", "[odd]", "a,b"}
	rules := []decision.Scope{{Allow: []decision.Condition{{Subject: decision.Groups, Values: []string{"staff", "nobody"}}}},
		{Deny: []decision.Condition{{Subject: decision.Groups, Values: []string{"hr"}}, {Subject: decision.Users, Values: []string{"finance"}}}}}
	r, err := decision.NewRules(rules)
	if err != nil {
		t.Fatal(err)
	}
	for globs, want := range map[string]string{
		"": "app-a app-b/x App-c staff finance hr suspended [odd] a,b", "app-*": "app-a app-b/x staff hr", "none": "staff hr", "*": "app-a app-b/x App-c staff finance hr suspended [odd] a,b",
		"app-? fin*": "app-a staff finance hr", `\\[odd] app-b/x`: "app-b/x staff hr [odd]", "[a-b]*": "app-a app-b/x staff hr a,b",
	} {
		g := &Gate{cfg: Config{Rules: r, Groups: strings.Fields(strings.ReplaceAll(globs, `\\`, `\`))}}
		if got := strings.Join(g.wanted(have), " "); got != want {
			t.Errorf("groups %s: %s, want %s", globs, got, want)
		}
	}
	if CheckGroups([]string{"a", "[b"}) == nil || CheckGroups([]string{""}) == nil || CheckGroups([]string{"a*", "b?"}) != nil {
		t.Error("CheckGroups")
	}
	flow := straight()
	flow.poll = doneAs(func(who *identity.Identity) { who.Groups = have })
	w := newWorld(t, flow, func(c *Config) { c.Groups = []string{"app-*"} })
	w.browser(t).signIn()
	hits := w.upstream()
	if got := hits[len(hits)-1].Header.Get("Remote-Groups"); got != "app-a,app-b/x" {
		t.Errorf("the upstream saw %q", got)
	}
}
