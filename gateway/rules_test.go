package gateway

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"sidegate.example/sidegate/gateway/decision"
	"sidegate.example/sidegate/gateway/identity"
)

// ruled makes scopes the rules of the gate, all of which apply to every request.
func ruled(t testing.TB, scopes ...decision.Scope) func(*Config) {
	t.Helper()
	rules, err := decision.NewRules(scopes)
	if err != nil {
		t.Fatal(err)
	}
	return func(c *Config) {
		c.Rules, c.Applies = rules, func(*http.Request) uint64 { return 1<<len(scopes) - 1 }
	}
}

func allowGroup(name string) decision.Scope {
	return decision.Scope{Allow: []decision.Condition{{Subject: decision.Groups, Values: []string{name}}}}
}

// Who is signed in and may not enter is told so, once and without being asked to sign in again; nothing reaches the upstream.
func TestForbiddenIsNoChallenge(t *testing.T) {
	flow := straight()
	w := newWorld(t, flow, ruled(t, allowGroup("finance")))
	b := w.browser(t)
	b.begin()
	b.push()
	a := b.waitFor(func(a answer) bool { return a.StatusCode == http.StatusForbidden })
	blocked(t, w, a)
	if a.shows() != "forbidden" || !strings.Contains(a.body, `href="/_mfa/signout"`) || !strings.Contains(a.body, "<bdi>Bob</bdi>") || strings.Contains(a.body, "<form") {
		t.Errorf("shows %q:\n%s", a.shows(), a.body)
	}
	r := b.request("GET", protected, "")
	r.Header.Set("Sec-Fetch-Mode", "cors")
	a = b.do(r)
	blocked(t, w, a)
	var d problemDocument
	if json.Unmarshal([]byte(a.body), &d) != nil || a.StatusCode != 403 || a.Header.Get("Content-Type") != "application/problem+json" || d.Status != 403 {
		t.Errorf("a call got %d %s", a.StatusCode, a.body)
	}
	if a := b.get("/_mfa/signout"); a.shows() != "signout" {
		t.Errorf("sign-out shows %q", a.shows())
	}
	if !strings.Contains(w.logs.String(), "forbidden by the rules") {
		t.Error("the log does not say it")
	}
}

// Who is entitled gets in, and rules without a way to tell whom they are for are no gate.
func TestEntitledGetsIn(t *testing.T) {
	flow := straight()
	flow.poll = doneAs(func(who *identity.Identity) { who.Groups = []string{"staff", "finance"} })
	w := newWorld(t, flow, ruled(t, allowGroup("finance"), allowGroup("staff")))
	w.browser(t).signIn()
	rules, err := decision.NewRules(nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := New(Config{Flow: flow, Engine: "e", State: NewState(), Policy: "p", Keys: keys(t), Rules: rules}); err == nil {
		t.Error("a gate was made of rules without Applies")
	}
}
