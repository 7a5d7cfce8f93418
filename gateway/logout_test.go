package gateway

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"sidegate.example/sidegate/flows"
	"sidegate.example/sidegate/gateway/identity"
	"sidegate.example/sidegate/gateway/store"
)

// verifier takes tokens of its own: "<id>" for a revocation at the gate's address, "<id> <subject>" for a logout.
type verifier struct{ down bool }

func (v *verifier) check(id string, ok bool) (flows.LogoutToken, error) {
	switch {
	case v.down:
		return flows.LogoutToken{}, &flows.Error{Reason: flows.ReasonUnavailable, Err: errors.New("down")}
	case !ok || !strings.HasPrefix(id, "good"):
		return flows.LogoutToken{}, &flows.Error{Reason: flows.ReasonBadAnswer, Err: errors.New("not Okta's")}
	}
	return flows.LogoutToken{ID: id, Issuer: "https://acme.okta.com"}, nil
}

func (v *verifier) VerifyRevocation(_ context.Context, c flows.ClientContext, token, audience string) (flows.LogoutToken, error) {
	return v.check(token, c.Valid() && strings.HasPrefix(audience, "https://127.0.0.1:") && strings.HasSuffix(audience, "/_mfa/global-token-revocation"))
}

func (v *verifier) VerifyLogout(_ context.Context, c flows.ClientContext, token string) (flows.LogoutToken, error) {
	id, subject, _ := strings.Cut(token, " ")
	out, err := v.check(id, c.Valid())
	out.Subject = subject
	return out, err
}

const (
	bobBySub   = `{"sub_id":{"format":"iss_sub","iss":"https://acme.okta.com","sub":"00u1"}}`
	bobByEmail = `{"sub_id":{"format":"email","email":"BOB@example.com"}}`
)

// okta posts what Okta's server would: no cookie, no Origin.
func (w *world) okta(t *testing.T, route, authorization, contentType, body string) answer {
	t.Helper()
	b := w.browser(t)
	b.Jar = nil
	r := b.request("POST", "/_mfa"+route, body)
	r.Header.Set("Content-Type", contentType)
	if authorization != "" {
		r.Header.Set("Authorization", authorization)
	}
	return b.do(r)
}

func (w *world) universalLogout(t *testing.T, authorization, body string) int {
	t.Helper()
	return w.okta(t, revocationRoute, authorization, "application/json", body).StatusCode
}

// What Okta asks for ends every session of that person, of nobody else, and once for each token.
func TestUniversalLogout(t *testing.T) {
	v := &verifier{}
	w := newWorld(t, straight(), func(c *Config) { c.Logouts = v })
	in := func(b *browser) bool { return b.get(protected).StatusCode == http.StatusOK }
	ann := w.browser(t)
	w.flow.poll = doneAs(func(who *identity.Identity) { who.Subject, who.Login, who.Email = "00u2", "ann", "ann@example.com" })
	ann.signIn()
	w.flow.poll = straight().poll
	bobs := []*browser{w.browser(t), w.browser(t)}
	for _, b := range bobs {
		b.signIn()
	}
	for _, c := range []struct {
		what, authorization, body string
		want                      int
	}{
		{"no token", "", bobBySub, 401},
		{"no scheme", "good-x", bobBySub, 401},
		{"another scheme", "DPoP good-x", bobBySub, 401},
		{"a bad token", "Bearer bad", bobBySub, 401},
		{"no body", "Bearer good-1", "", 400},
		{"another format", "Bearer good-1", `{"sub_id":{"format":"phone_number","phone_number":"+1"}}`, 400},
		{"a body without end", "Bearer good-1", bobBySub + strings.Repeat(" ", maxLogout), 400},
		{"two subjects", "Bearer good-1", `{"subject":{"format":"email","email":"bob@example.com"},` + bobBySub[1:], 400},
		{"somebody unknown by address", "Bearer good-2", `{"sub_id":{"format":"email","email":"eve@example.com"}}`, 404},
		{"the subject of another org", "Bearer good-3", strings.Replace(bobBySub, "acme", "evil", 1), 404},
		{"somebody unknown by subject", "Bearer good-4", strings.Replace(bobBySub, "00u1", "00u9", 1), 204},
	} {
		a := w.okta(t, revocationRoute, c.authorization, "application/json", c.body)
		if a.StatusCode != c.want || a.StatusCode == 401 && a.Header.Get("WWW-Authenticate") != `Bearer error="invalid_token"` || a.Header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s: %d, want %d; %v", c.what, a.StatusCode, c.want, a.Header)
		}
		if !in(bobs[0]) || !in(bobs[1]) {
			t.Fatalf("%s: bob is out", c.what)
		}
	}
	v.down = true
	if status := w.universalLogout(t, "Bearer good-1", bobBySub); status != 503 || !in(bobs[0]) {
		t.Errorf("%d while nobody can check the token, want 503", status)
	}
	v.down = false
	if status := w.universalLogout(t, "bearer good-bob", bobBySub); status != 204 || in(bobs[0]) || in(bobs[1]) || !in(ann) {
		t.Errorf("%d, and bob is in, or ann is out", status)
	}
	if !strings.Contains(w.logs.String(), "subject=00u1") || strings.Contains(w.logs.String(), "good-bob") {
		t.Error("the log does not name the subject, or holds a token")
	}
}

// S66: a token that somebody caught signs nobody out later, whoever it is sent with.
func TestUniversalLogoutTokenIsGoodOnce_S66(t *testing.T) {
	w := newWorld(t, straight(), func(c *Config) { c.Logouts = &verifier{} })
	if status := w.universalLogout(t, "Bearer good", strings.Replace(bobBySub, "00u1", "00u9", 1)); status != 204 {
		t.Fatalf("%d", status)
	}
	b := w.browser(t)
	b.signIn()
	if status := w.universalLogout(t, "Bearer good", bobBySub); status != 401 {
		t.Errorf("the second use: %d, want 401", status)
	}
	if status := w.okta(t, logoutRoute, "", "application/x-www-form-urlencoded", "logout_token=good+00u1").StatusCode; status != 400 {
		t.Errorf("the second use, elsewhere: %d, want 400", status)
	}
	if a := b.get(protected); a.StatusCode != http.StatusOK {
		t.Errorf("bob is out: %d", a.StatusCode)
	}
}

// An address ends the sessions of whoever signed in with it, whatever its case.
func TestUniversalLogoutByAddress(t *testing.T) {
	for _, body := range []string{bobByEmail, strings.Replace(bobByEmail, "sub_id", "subject", 1), `{"sub_id":{"format":"email","email":" ＢＯＢ "}}`} {
		w := newWorld(t, straight(), func(c *Config) { c.Logouts = &verifier{} })
		b := w.browser(t)
		b.signIn()
		if status := w.universalLogout(t, "Bearer good", body); status != 204 || b.get(protected).StatusCode != http.StatusUnauthorized {
			t.Errorf("%s: %d, and bob is in", body, status)
		}
	}
}

// Okta tries again when the other replicas were not told, with the same token if it likes: then it is done.
func TestUniversalLogoutWhileTheStoreIsDown_S62(t *testing.T) {
	c := &channel{}
	w := newWorld(t, straight(), func(cfg *Config) { cfg.Store, cfg.Logouts = c.store(), &verifier{} })
	b := w.browser(t)
	b.signIn()
	c.fail(errors.New("down"))
	if status := w.universalLogout(t, "Bearer good", bobBySub); status != 503 {
		t.Errorf("%d, want 503", status)
	}
	if a := b.get(protected); a.StatusCode != http.StatusUnauthorized {
		t.Errorf("the session lives here: %d", a.StatusCode)
	}
	c.fail(nil)
	if status := w.universalLogout(t, "Bearer good", bobBySub); status != 204 {
		t.Errorf("tried again: %d, want 204", status)
	}
	if len(c.told) != 1 || c.told[0].Subject != "00u1" || c.told[0].Before.IsZero() {
		t.Errorf("the others were told %+v", c.told)
	}
}

// remote is a budget that is asked over a network: for who does not wait any more nothing is.
type remote struct{ store.Budget }

func (r remote) Take(ctx context.Context, key string, limit int, window time.Duration) (time.Duration, error) {
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	return r.Budget.Take(ctx, key, limit, window)
}

func (r remote) Return(ctx context.Context, key string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return r.Budget.Return(ctx, key)
}

// S62, S66: a store that was too slow to end the sessions, or to note that the token was used, leaves the token good, for Okta to
// try again with; then it is used up.
func TestLogoutTokenAfterASlowStore_S62_S66(t *testing.T) {
	for what, failed := range map[string]error{"the revocation": context.DeadlineExceeded, "the note": nil} {
		w := newWorld(t, straight(), func(c *Config) {
			c.Store = store.NewMemory()
			c.Store.Budget = remote{c.Store.Budget}
		})
		w.browser(t).get(protected)
		x := exchange{Gate: w.gate}
		token, done := flows.LogoutToken{ID: "good", Issuer: "https://acme.okta.com"}, 0
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		slowly := func() error { cancel(); return failed }
		if err := x.once(ctx, token, slowly); err == nil || errors.Is(err, errUsedToken) {
			t.Errorf("%s takes too long: %v", what, err)
		}
		for i, want := range []error{nil, errUsedToken} {
			if err := x.once(t.Context(), token, func() error { done++; return nil }); !errors.Is(err, want) {
				t.Errorf("%s took too long, try %d after it: %v, want %v", what, i+1, err, want)
			}
		}
		if done != 1 {
			t.Errorf("%s took too long: it was done %d times afterwards", what, done)
		}
	}
}

// An address means people of this org: that another gate here lets in who has the same one at another org is nothing to it.
func TestUniversalLogoutByAddressOfAnotherOrg(t *testing.T) {
	w := newWorld(t, straight(), func(c *Config) { c.Org, c.Logouts = "https://acme.okta.com", &verifier{} })
	acme := w.gate
	other := w.second(t, straight(), func(c *Config) { c.Org = "https://other.okta.com" })
	w.gate = other
	b := w.browser(t)
	b.signIn()
	w.gate = acme
	if status := w.universalLogout(t, "Bearer good", bobByEmail); status != http.StatusNotFound {
		t.Errorf("%d, want 404: nobody of this org is known by that address", status)
	}
	w.gate = other
	if a := b.get(protected); a.StatusCode != http.StatusOK {
		t.Errorf("who is signed in at the other org: %d", a.StatusCode)
	}
}

// A logout token ends the sessions of its subject; the answers are the specification's.
func TestBackChannelLogout(t *testing.T) {
	w := newWorld(t, straight(), func(c *Config) { c.Logouts = &verifier{} })
	b := w.browser(t)
	b.signIn()
	for _, c := range []struct {
		contentType, body string
		want              int
	}{
		{"application/json", `{"logout_token":"good 00u1"}`, 400},
		{"application/x-www-form-urlencoded", "", 400},
		{"application/x-www-form-urlencoded", "logout_token=good+00u1&logout_token=good+00u1", 400},
		{"application/x-www-form-urlencoded", url.Values{"logout_token": {"bad 00u1"}}.Encode(), 400},
		{"application/x-www-form-urlencoded", url.Values{"logout_token": {"good 00u1"}}.Encode(), 200},
	} {
		if a := b.get(protected); a.StatusCode != http.StatusOK {
			t.Fatalf("%s: bob is out: %d", c.body, a.StatusCode)
		}
		a := w.okta(t, logoutRoute, "", c.contentType, c.body)
		if a.StatusCode != c.want || a.Header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s: %d, want %d", c.body, a.StatusCode, c.want)
		}
	}
	if a := b.get(protected); a.StatusCode != http.StatusUnauthorized {
		t.Errorf("bob is in: %d", a.StatusCode)
	}
}

// Off, the routes are not there; on, they take nothing but POST, and Okta needs no person in front of the gate.
func TestLogoutRoutes(t *testing.T) {
	w := newWorld(t, straight())
	if status := w.universalLogout(t, "Bearer good", bobBySub); status != http.StatusNotFound {
		t.Errorf("off: %d, want 404", status)
	}
	w = newWorld(t, straight(), func(c *Config) { c.Logouts, c.PersonKnown = &verifier{}, true })
	if status := w.universalLogout(t, "Bearer good", bobBySub); status != http.StatusNoContent {
		t.Errorf("with a person known before the gate: %d, want 204", status)
	}
	for _, route := range []string{revocationRoute, logoutRoute} {
		if a := w.browser(t).get("/_mfa" + route); a.StatusCode != http.StatusMethodNotAllowed || a.Header.Get("Allow") != "POST" {
			t.Errorf("GET %s: %d", route, a.StatusCode)
		}
	}
}

// What is read names one person in one way, and every reader of JSON sees the same.
func FuzzSubject(f *testing.F) {
	for _, seed := range []string{bobBySub, bobByEmail, `{"subject":{"format":"email","email":"a"}}`, `{"sub_id":null}`,
		`{"sub_id":{"format":"email","email":"a","email":"b"}}`, bobBySub + "{}", `{"sub_id":{"format":"email","email":"a","iss":"b"}}`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		id, err := readSubject(b)
		if err != nil {
			if id != (subjectID{}) {
				t.Fatalf("an error and %+v", id)
			}
			return
		}
		if bySub := id.iss != "" && id.sub != ""; bySub == (id.email != "") || bySub != (id.format == formatIssSub) {
			t.Fatalf("%q is %+v", b, id)
		}
	})
}
