package replicas

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"sidegate.example/sidegate/oktasim"
)

// sentByOkta is what one of Okta's servers posts to a path of a site.
type sentByOkta struct{ path, contentType, authorization, body string }

// fromOkta posts it; the load balancer gives it to a replica.
func (w *world) fromOkta(to *replica, s sentByOkta) (status int) {
	w.t.Helper()
	req, err := http.NewRequestWithContext(w.t.Context(), http.MethodPost, "https://"+mainSite+s.path, strings.NewReader(s.body))
	if err != nil {
		w.t.Fatal(err)
	}
	req.Header.Set("Content-Type", s.contentType)
	if s.authorization != "" {
		req.Header.Set("Authorization", s.authorization)
	}
	client := http.Client{Timeout: patience, Transport: path{w.lb, func() *replica { return to }, "203.0.113.80"}}
	res, err := client.Do(req)
	if err != nil {
		w.t.Fatal(err)
	}
	res.Body.Close()
	return res.StatusCode
}

// universalLogout is sent for a person who is named by address: the replica that is asked may know of no session.
func universalLogout(org *oktasim.Org, who person) sentByOkta {
	const at = "/_mfa/global-token-revocation"
	return sentByOkta{at, "application/json", "Bearer " + org.RevocationToken("https://"+mainSite+at),
		`{"sub_id":{"format":"email","email":"` + who.login + `"}}`}
}

// backChannelLogout names a person by Okta's id.
func backChannelLogout(org *oktasim.Org, who person) sentByOkta {
	token, err := org.LogoutToken(who.w.oktaURL+"/oauth2/default", clientID, who.login)
	if err != nil {
		who.w.t.Fatal(err)
	}
	return sentByOkta{"/_mfa/backchannel-logout", "application/x-www-form-urlencoded", "", url.Values{"logout_token": {token}}.Encode()}
}

// S45: what Okta sends to one replica ends the person's sessions on the others, at every site, with what is open there, within a
// second, and nobody else's. The same message is good once, whichever replica it comes to (S66).
func TestOktaEndsSessionsOnEveryReplica_S45(t *testing.T) {
	w := newRedisWorld(t, setup{global: "universal_logout on"}, durable...)
	quinn := w.join("quinn")
	other := w.browser(mainSite).on(w.all[1])
	other.signIn(quinn, "/report")
	socket, stream := other.socket(), other.stream()
	for _, way := range []struct {
		name     string
		who      person
		made     func(*oktasim.Org, person) sentByOkta
		ok, used int
	}{
		{"Universal Logout", w.join("pat"), universalLogout, http.StatusNoContent, http.StatusUnauthorized},
		{"back-channel logout", w.join("sam"), backChannelLogout, http.StatusOK, http.StatusBadRequest},
	} {
		main, pay := w.browser(mainSite).on(w.all[1]), w.browser(paySite).on(w.all[2])
		main.signIn(way.who, "/report")
		pay.askPush(way.who, "/report")
		if err := way.who.approve(); err != nil {
			t.Fatal(err)
		}
		if err := pay.arrive("/report").in(way.who); err != nil {
			t.Fatal(err)
		}
		copied := append(main.copies(way.who, w.all[1:]...), pay.copies(way.who, w.all[1:]...)...)

		message := way.made(w.org, way.who)
		began := time.Now()
		if status := w.fromOkta(w.all[0], message); status != way.ok {
			t.Fatalf("%s: %d, want %d", way.name, status, way.ok)
		}
		t.Logf("%s: replica 1 answered after %s", way.name, time.Since(began).Round(100*time.Microsecond))
		dead(w, copied, began)
		for _, b := range []*browser{main, pay} {
			if p := b.on(w.all[0]).open("/report"); p.status != http.StatusUnauthorized {
				t.Errorf("%s: on the replica that was asked, %s is %s", way.name, b.site, p)
			}
		}
		if status := w.fromOkta(w.all[2], message); status != way.used {
			t.Errorf("%s: the same message again, at another replica: %d, want %d", way.name, status, way.used)
		}
	}
	other.on(nil).refusedNowhere(quinn)
	select {
	case <-socket:
		t.Error("somebody else's WebSocket has ended")
	case <-stream:
		t.Error("somebody else's event stream has ended")
	default:
	}
}
