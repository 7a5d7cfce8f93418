package caddymodule

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"sidegate.example/sidegate/oktasim"
)

// gatedOut is the simulated site where Okta may end sessions, before an upstream with a WebSocket.
func (w *world) gatedOut(upstream string) string {
	return strings.Replace(w.site("universal_logout on"), w.up.Listener.Addr().String(), upstream, 1)
}

// enter signs bob in, up to the session cookie.
func (b *browser) enter(sim *oktasim.Org) {
	b.w.t.Helper()
	b.waitAtPush()
	approve(b.w.t, sim)
	for deadline := time.Now().Add(20 * time.Second); b.cookies["__Host-okta_mfa"] == "" && time.Now().Before(deadline); {
		b.get("/payroll")
	}
}

// Through a real Caddy, what Okta sends ends a session at once, and what is open in it.
func TestOktaEndsSessions_S45(t *testing.T) {
	for name, send := range map[string]func(sim *oktasim.Org, site, org string) (int, error){
		"Universal Logout by iss_sub": func(sim *oktasim.Org, site, _ string) (int, error) {
			return sim.UniversalLogout(t.Context(), site+"/_mfa/global-token-revocation", "bob", "iss_sub")
		},
		"Universal Logout by email": func(sim *oktasim.Org, site, _ string) (int, error) {
			return sim.UniversalLogout(t.Context(), site+"/_mfa/global-token-revocation", "bob", "email")
		},
		"back-channel logout": func(sim *oktasim.Org, site, org string) (int, error) {
			return sim.BackChannelLogout(t.Context(), site+"/_mfa/backchannel-logout", org+"/oauth2/default", testClientID, "bob")
		},
	} {
		t.Run(name, func(t *testing.T) {
			w, sim := newSimulated(t)
			addr := w.start(w.gatedOut(endless(t).Listener.Addr().String()))
			b := w.browser(addr)
			b.enter(sim)
			socket, _, err := websocket.Dial(t.Context(), "ws://"+addr+"/socket", &websocket.DialOptions{HTTPHeader: http.Header{"Cookie": {b.cookie()}}})
			if err != nil {
				t.Fatal(err)
			}
			defer socket.CloseNow() //nolint:errcheck // the test is over
			if err := socket.Write(t.Context(), websocket.MessageText, []byte("hello")); err != nil {
				t.Fatal(err)
			}
			if _, _, err := socket.Read(t.Context()); err != nil {
				t.Fatal(err)
			}

			sent := time.Now()
			status, err := send(sim, "http://"+addr, w.org)
			if err != nil || status/100 != 2 {
				t.Fatalf("%d, %v", status, err)
			}
			answered := time.Since(sent)
			if a := b.get("/payroll"); a.StatusCode != http.StatusUnauthorized {
				t.Errorf("the next request: %d", a.StatusCode)
			}
			refused := time.Since(sent)
			if _, _, err := socket.Read(t.Context()); err == nil || t.Context().Err() != nil {
				t.Errorf("the WebSocket is open: %v", err)
			}
			closed := time.Since(sent)
			t.Logf("answered %d after %s, the next request refused by %s, the WebSocket closed by %s", status, answered, refused, closed)
			if refused > tooLate || closed > tooLate {
				t.Errorf("refused by %s, closed by %s", refused, closed)
			}
		})
	}
}

// universal_logout decides whether Okta can do that, with either engine.
func TestUniversalLogoutChangesTheAnswer(t *testing.T) {
	for option, want := range map[string]int{"": 404, "universal_logout off": 404, "universal_logout on": 204} {
		w, sim := newSimulated(t)
		addr := w.start(w.site(option))
		if status, err := sim.UniversalLogout(t.Context(), "http://"+addr+"/_mfa/global-token-revocation", "bob", ""); err != nil || status != want {
			t.Errorf("%q: %d, %v, want %d", option, status, err, want)
		}
	}
	w, sim := newSimulated(t)
	w.defaults = "universal_logout on"
	addr := w.start(w.site(""))
	// A token that was made for another address is refused, and a reason is logged that holds nothing of it.
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+addr+"/_mfa/global-token-revocation", strings.NewReader("{}"))
	if err != nil {
		t.Fatal(err)
	}
	r.Header = http.Header{"Authorization": {"Bearer " + sim.RevocationToken("https://app.example.com/_mfa/global-token-revocation")}}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusUnauthorized || resp.Header.Get("WWW-Authenticate") != `Bearer error="invalid_token"` {
		t.Errorf("for another address: %d, %v", resp.StatusCode, resp.Header)
	}
	if a := w.browser(addr).do(http.MethodPost, "/_mfa/backchannel-logout", url.Values{"logout_token": {"x"}}); a.StatusCode != http.StatusBadRequest {
		t.Errorf("no logout token: %d", a.StatusCode)
	}
}
