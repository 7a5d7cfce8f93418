package gateway

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"
	"time"

	"sidegate.example/sidegate/gateway/session"
	"sidegate.example/sidegate/gateway/store"
)

// S33: a page that sends its browser to and fro makes no more than so many codes, each of which the store has to keep.
func TestS33HandOversAreCounted(t *testing.T) {
	s := newSites(t, nil)
	b := s.browser()
	b.signIn(accounts + "/")
	for range handOvers {
		b.code(payroll)
	}
	a := b.do("GET", b.do("GET", payroll+"/page", nil).Header.Get("Location"), nil)
	if a.StatusCode != http.StatusServiceUnavailable || a.shows() != "error busy" || a.Header.Get("Location") != "" {
		t.Errorf("one more: %d %q to %q", a.StatusCode, a.shows(), a.Header.Get("Location"))
	}
	codes := 0
	for range s.state.documents.All(t.Context(), store.Handovers) {
		codes++
	}
	if codes != handOvers {
		t.Errorf("%d codes are kept", codes)
	}
	other := s.browser() // somebody else
	other.signIn(accounts + "/")
	other.code(payroll)
}

// S54: to be sent over is a use of the session: it is prolonged, and who is suspended by then is handed over nowhere.
func TestS54HandOverAsksOkta(t *testing.T) {
	for name, active := range map[string]bool{"active": true, "suspended": false} {
		t.Run(name, func(t *testing.T) {
			flow := &renewer{script: straight(), active: active}
			s := newSites(t, func(origin string, c *Config) {
				if origin == accounts {
					c.Flow = flow
				}
			})
			b := s.browser()
			x := exchange{Gate: s.gates["accounts.example.com"], policy: "p", site: "accounts.example.com", r: httptest.NewRequest("GET", accounts, nil)}
			now := time.Now()
			cookie, err := x.newSession(session.Claims{ID: session.NewID(), Identity: *bob(), IssuedAt: now.Add(-time.Hour), SeenAt: now.Add(-30 * time.Minute), ExpiresAt: now.Add(time.Hour)})
			if err != nil {
				t.Fatal(err)
			}
			u, _ := url.Parse(accounts)
			b.Jar.SetCookies(u, []*http.Cookie{{Name: DefaultCookieName, Value: cookie, Path: "/", Secure: true}})
			a, way := b.visit(payroll + "/")
			if active && (a.StatusCode != 200 || len(way) != 4) || !active && (a.StatusCode != 401 || a.shows() != "signin identify" || len(way) != 2 || len(s.hits) > 0) {
				t.Errorf("%d %q after %q", a.StatusCode, a.shows(), way)
			}
			if flow.times() != 1 || active && b.cookies(accounts)[DefaultCookieName] == cookie {
				t.Errorf("okta was asked %d times", flow.times())
			}
		})
	}
}
