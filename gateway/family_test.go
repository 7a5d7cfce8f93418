package gateway

import (
	"encoding/json"
	"net/http"
	"net/url"
	"testing"
	"time"

	"sidegate.example/sidegate/gateway/session"
	"sidegate.example/sidegate/gateway/store"
)

// signOut signs out at a site.
func (b *ssoBrowser) signOut(site string) {
	b.s.t.Helper()
	page := b.do("GET", site+"/_mfa/signout", nil)
	if a := b.do("POST", site+"/_mfa/signout", url.Values{"csrf": {page.csrf(b.s.t)}}); a.StatusCode != http.StatusSeeOther {
		b.s.t.Fatalf("sign-out at %s: %d", site, a.StatusCode)
	}
}

// wantOut: no site lets the browser in.
func (b *ssoBrowser) wantOut(what string) {
	b.s.t.Helper()
	for _, site := range []string{payroll, wiki, accounts} {
		if a, way := b.visit(site + "/"); a.StatusCode != http.StatusUnauthorized || a.shows() != "signin identify" {
			b.s.t.Errorf("%s, %s: %d %q after %q", what, site, a.StatusCode, a.shows(), way)
		}
	}
}

// forget loses what the store has of the sessions, as one in memory does when it starts again.
func (s *sites) forget() {
	s.t.Helper()
	all, err := s.state.Sessions(s.t.Context(), func(*SessionInfo) bool { return true })
	if err != nil || len(all) == 0 {
		s.t.Fatalf("%d sessions, %v", len(all), err)
	}
	for _, i := range all {
		if err := s.state.documents.Delete(s.t.Context(), store.Sessions, i.Handle); err != nil {
			s.t.Fatal(err)
		}
	}
}

// S44: a step-up at one site leaves the sessions of the others alone, and the session that it raises stays one of theirs: whichever of
// them is ended, by the person or by an operator, all are out.
func TestS44StepUpStaysInTheFamily(t *testing.T) {
	for name, end := range map[string]func(s *sites, b *ssoBrowser, superseded string){
		"sign-out at another site":     func(_ *sites, b *ssoBrowser, _ string) { b.signOut(wiki) },
		"sign-out at the sign-in site": func(_ *sites, b *ssoBrowser, _ string) { b.signOut(accounts) },
		"sign-out where it was raised": func(_ *sites, b *ssoBrowser, _ string) { b.signOut(payroll) },
		"sign-out after a restart":     func(s *sites, b *ssoBrowser, _ string) { s.forget(); b.signOut(payroll) },
		"the superseded one is revoked": func(s *sites, _ *ssoBrowser, superseded string) {
			if err := s.state.Revoke(t.Context(), store.Revocation{Session: superseded, Until: time.Now().Add(time.Hour)}); err != nil {
				t.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			flow, rules := rising(), transfers(t)
			s := newSites(t, func(origin string, c *Config) {
				if c.Flow = flow; origin == payroll {
					rules(c)
				}
			})
			b := s.browser()
			b.signIn(payroll + "/")
			b.visit(wiki + "/")
			at, err := s.state.Sessions(t.Context(), func(i *SessionInfo) bool { return i.Site == "payroll.example.com" })
			if err != nil || len(at) != 1 {
				t.Fatalf("%d sessions, %v", len(at), err)
			}
			before := b.cookies(payroll)[DefaultCookieName]
			flow.poll = doneAs(numbered)
			b.signIn(payroll + "/transfer")
			if b.cookies(payroll)[DefaultCookieName] == before || flow.count("step up") != 1 {
				t.Fatal("nothing was raised")
			}
			for _, site := range []string{payroll, wiki, accounts} {
				if a, way := b.visit(site + "/"); a.StatusCode != http.StatusOK || len(way) != 1 {
					t.Errorf("after the step-up, %s: %d after %q", site, a.StatusCode, way)
				}
			}
			end(s, b, at[0].Handle)
			b.wantOut(name)
		})
	}
}

// S33: what is kept under a code is for one site, of those that share the sign-in, under the policy that it had when it asked, and for
// the browser that asked. Somebody else's cookies, a site on another port of the same host, which shares its cookies, and a site whose
// factors have changed since make no session of it.
func TestS33HandOverIsForOneSiteAndPolicy(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*handedOver)
		at     string
		enters bool
	}{
		"as it was asked for":     {func(*handedOver) {}, payroll, true},
		"another site of them":    {func(d *handedOver) { d.Site = wiki }, payroll, false},
		"no site of them":         {func(d *handedOver) { d.Site = stranger }, stranger, false},
		"the sign-in site itself": {func(d *handedOver) { d.Site = accounts }, accounts, false},
		"another policy":          {func(d *handedOver) { d.Policy = digest("weaker factors")[:32] }, payroll, false},
		"no policy":               {func(d *handedOver) { d.Policy = "" }, payroll, false},
		"another browser":         {func(d *handedOver) { d.Browser = newID() }, payroll, false},
		"another origin to enter": {func(d *handedOver) { d.Back = "//evil.example" }, payroll, false},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSites(t, nil)
			b := s.browser()
			signIn := newID()
			doc := handedOver{handOverRequest: handOverRequest{Site: payroll, Policy: digest("p")[:32], Browser: signIn, Back: "/page"},
				Identity: *bob(), IssuedAt: time.Now(), ExpiresAt: time.Now().Add(time.Hour)}
			c.change(&doc)
			raw, err := json.Marshal(doc)
			if err != nil {
				t.Fatal(err)
			}
			code := newID()
			if err := s.state.documents.Put(t.Context(), store.Handovers, digest(code), raw, time.Minute); err != nil {
				t.Fatal(err)
			}
			u, _ := url.Parse(c.at)
			b.Jar.SetCookies(u, []*http.Cookie{{Name: DefaultCookieName + "_signin", Value: signIn, Path: "/", Secure: true}})
			a := b.do("GET", c.at+"/_mfa/sso/enter?code="+code, nil)
			entered := b.cookies(c.at)[DefaultCookieName] != ""
			if entered != c.enters || entered != (a.StatusCode == http.StatusSeeOther && a.Header.Get("Location") == "/page") || !entered && a.shows() != "error stale" {
				t.Errorf("%d %q, session %t, to %q", a.StatusCode, a.shows(), entered, a.Header.Get("Location"))
			}
		})
	}
}

// S54: who is found suspended when their session is prolonged is out of all sites, also where the store has lost the document that says
// which they are.
func TestRenewalThatIsRefusedEndsTheFamily_S54(t *testing.T) {
	flow := &renewer{script: straight()}
	w := newWorld(t, flow.script, func(c *Config) { c.Flow = flow })
	family := session.NewID()
	at := func() *session.Opened {
		claims := claimsOf(bob())
		claims.ID, claims.Family, claims.ExpiresAt = session.NewID(), family, time.Now().Add(time.Hour)
		return &session.Opened{Claims: claims, Handle: claims.ID.Handle(), Kin: family.Handle()}
	}
	here, there := at(), at()
	x := exchange{Gate: w.gate, r: w.browser(t).request("GET", protected, ""), facts: Facts{ClientIP: clientIP}}
	if got := x.renew(here, time.Now()); got != renewalRefused {
		t.Errorf("the renewal: %d", got)
	}
	for name, s := range map[string]*session.Opened{"here": here, "there": there} {
		if !w.gate.cfg.State.revocations.Revoked("", s) {
			t.Errorf("the session %s lives on", name)
		}
	}
}
