package gateway

import (
	"errors"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"sidegate.example/sidegate/flows"
)

// second is another gate on the same host with the same State, as a second site block or a reload makes it.
func (w *world) second(t *testing.T, flow *script, change func(*Config)) *Gate {
	t.Helper()
	c := w.gate.cfg
	c.Flow = flow
	change(&c)
	g, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// S13: a sign-in at one org is nothing to a gate of another org on the same host.
func TestSignInOfAnotherPolicyOnThisHost_S13(t *testing.T) {
	w, b, approve := waiting(t)
	strict := straight()
	other := w.second(t, strict, func(c *Config) { c.Policy, c.Engine = "strict", "strict" })
	page := b.get(protected)
	watch, err := w.gate.cfg.State.transactions.Watch(t.Context(), b.cookie(DefaultCookieName+"_signin").Value, "127.0.0.1\x00p")
	if err != nil {
		t.Fatal("no sign-in")
	}
	defer watch.Close()
	changed := watch.Changed()
	approve()
	<-changed
	first := w.gate
	w.gate = other
	a := b.get(protected)
	if a.StatusCode != 401 || a.shows() != "signin identify" || b.cookie(DefaultCookieName) != nil {
		t.Errorf("the other gate: %d %q", a.StatusCode, a.shows())
	}
	if a := b.post("/_mfa/answer", url.Values{"csrf": {page.csrf(t)}, "choice": {"push"}}); a.StatusCode != 403 || strict.total() != 0 {
		t.Errorf("the other gate took the form: %d, calls %v", a.StatusCode, strict.calls)
	}
	w.gate = first
	if a := b.get(protected); a.StatusCode != http.StatusSeeOther {
		t.Errorf("at its own gate the sign-in is over: %d", a.StatusCode)
	}
}

// A configuration that fails to load is provisioned and never serves: it must not take over the sign-ins.
func TestGateThatNeverServesChangesNothing(t *testing.T) {
	w := newWorld(t, straight())
	b := w.browser(t)
	b.get(protected)
	failed := straight()
	w.second(t, failed, func(*Config) {})
	b.signIn()
	if failed.total() != 0 || w.flow.count("start") != 1 {
		t.Errorf("the failed configuration's flow was used: %v", failed.calls)
	}
}

// A push that began under the old configuration ends under the new one, with the new one's flow.
func TestReloadInThePushGoesOn(t *testing.T) {
	w, b, _ := waiting(t)
	fresh := straight() // approves at once
	w.gate = w.second(t, fresh, func(*Config) {})
	b.waitFor(func(a answer) bool { return a.StatusCode == http.StatusOK })
	if fresh.count("poll") == 0 || fresh.count("start") != 0 {
		t.Errorf("the new flow was not asked: %v", fresh.calls)
	}
}

// An old gate whose first request comes late does not take over, and one whose configuration failed to load hands back.
func TestNewestGateServes(t *testing.T) {
	w := newWorld(t, straight())
	old := w.gate
	b := w.browser(t)
	fresh := straight()
	newest := w.second(t, fresh, func(*Config) {})
	w.gate = newest
	b.get(protected)
	w.gate = old // its first request comes after the newer one's
	b.begin()
	if w.flow.total() != 0 || fresh.count("start") != 1 {
		t.Fatalf("the old gate took over: old %v, new %v", w.flow.calls, fresh.calls)
	}
	newest.Close()
	w.browser(t).begin()
	if w.flow.count("start") != 1 {
		t.Errorf("nothing was handed back: old %v, new %v", w.flow.calls, fresh.calls)
	}
	old.Close() // the last one: what is under way goes on
	w.browser(t).begin()
	if w.flow.count("start") != 2 {
		t.Errorf("after the last gate's end: %v", w.flow.calls)
	}
}

// What a security team looks for is one line each: who, from where, what became of it.
func TestEndedSignInsAreLogged(t *testing.T) {
	denied := flows.Step{Kind: flows.KindDenied, Person: "bob", Denied: &flows.Denied{Reason: flows.DeniedOnPhone, Final: true}}
	flow := straight()
	flow.poll = func() (flows.Step, error) { return denied, nil }
	w := newWorld(t, flow)
	b := w.browser(t)
	b.begin()
	b.push()
	b.waitFor(func(a answer) bool { return a.shows() == "step denied denied_on_phone" })
	for _, want := range []string{
		`level=WARN msg="factor not accepted" factor=push result=rejected user=bob client_ip=` + clientIP,
		`level=WARN msg="sign-in ended without a session" result=denied_on_phone user=bob client_ip=` + clientIP,
	} {
		if strings.Count(w.logs.String(), want) != 1 {
			t.Errorf("not once in the log: %s\n%s", want, w.logs)
		}
	}
}

// A storm of pushes that the gate has stopped, and guesses that it has ended, name the person and the address, too.
func TestStopsAreLogged(t *testing.T) {
	flow := straight()
	w := newWorld(t, flow)
	b := w.browser(t)
	b.begin()
	post := func(step flows.Step) {
		page := b.get(protected)
		flow.next = func(flows.Answer) (flows.Step, error) { return step, nil }
		b.post("/_mfa/answer", url.Values{"csrf": {page.csrf(t)}, "choice": {"push"}})
	}
	stopped := chooseStep
	stopped.Cause = errors.New("too many pushes")
	post(stopped)
	post(flows.Step{Kind: flows.KindDenied, Person: "bob", Denied: &flows.Denied{Reason: flows.DeniedTooMany, Final: true}, Cause: errors.New("too many codes")})
	for _, want := range []string{
		`level=WARN msg="factor refused" user=bob client_ip=` + clientIP + ` error="too many pushes"`,
		`level=WARN msg="sign-in ended without a session" result=too_many user=bob client_ip=` + clientIP + ` error="too many codes"`,
	} {
		if strings.Count(w.logs.String(), want) != 1 {
			t.Errorf("not once in the log: %s\n%s", want, w.logs)
		}
	}
}

// An operator who shortens the lifetime ends the sessions that are older.
func TestShorterLifetimeEndsOlderSessions_S61(t *testing.T) {
	w := newWorld(t, straight(), func(c *Config) { c.Lifetime = 2 * time.Hour })
	x := exchange{Gate: w.gate, policy: w.gate.cfg.Policy, r: w.browser(t).request("GET", "/", ""), site: "127.0.0.1"}
	claims := claimsOf(bob())
	now := time.Now()
	claims.IssuedAt, claims.SeenAt, claims.ExpiresAt = now.Add(-3*time.Hour), now, now.Add(9*time.Hour)
	cookie, err := x.newSession(claims)
	if err != nil {
		t.Fatal(err)
	}
	r := w.browser(t).request("GET", protected, "")
	r.AddCookie(&http.Cookie{Name: DefaultCookieName, Value: cookie})
	if a := w.browser(t).do(r); a.StatusCode != 401 {
		t.Errorf("%d", a.StatusCode)
	}
}

// A rewrite in front of the gate changes neither its own routes nor what their URLs say.
func TestOwnRoutesUnderARewrite_S11(t *testing.T) {
	w, b, _ := waiting(t)
	page := b.get(protected)
	for _, asset := range assetURL.FindAllString(page.body, -1) {
		original, _ := url.Parse(asset)
		r := httpRequest("GET", "https://127.0.0.1/index.php?p="+asset, nil)
		if resp := record(w, r, Facts{ClientIP: clientIP, Secure: true, URL: original}); resp.StatusCode != 200 {
			t.Errorf("%s: %d", asset, resp.StatusCode)
		}
	}
	admin, _ := url.Parse("/admin")
	r := httpRequest("GET", "https://127.0.0.1/_mfa/signed-out", nil)
	if resp := record(w, r, Facts{ClientIP: clientIP, Secure: true, URL: admin}); resp.StatusCode != 401 {
		t.Errorf("a rewrite into our prefix: %d", resp.StatusCode)
	}
}

// A page says signed out only to somebody who is.
func TestSignedOutPageIsTrue(t *testing.T) {
	w := newWorld(t, straight())
	b := w.browser(t)
	b.signIn()
	if a := b.get("/_mfa/signed-out"); a.StatusCode != http.StatusSeeOther || a.Header.Get("Location") != "/_mfa/signout" {
		t.Errorf("%d to %q", a.StatusCode, a.Header.Get("Location"))
	}
}

var assetURL = regexp.MustCompile(`/_mfa/assets/[^"]+`)
