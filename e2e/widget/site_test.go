// Package widget runs Okta's own Sign-In Widget in Chromium against oktasim. The widget is a client that nobody here
// wrote: where the two disagree, oktasim is wrong.
package widget

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"sidegate.example/sidegate/oktasim"
)

const (
	clientID = "0oaWidget"
	// dist is the widget as its package ships it.
	dist = "node_modules/@okta/okta-signin-widget/dist"
)

// pages serves the page with the widget. It is one for all tests, so that the browser reads the script once.
var pages *httptest.Server

func servePages() *httptest.Server {
	mux := http.NewServeMux()
	mux.Handle("GET /dist/", http.StripPrefix("/dist/", http.FileServer(http.Dir(dist))))
	for path, file := range map[string]string{"/{$}": "page.html", "/page.js": "page.js"} {
		mux.HandleFunc("GET "+path, func(w http.ResponseWriter, r *http.Request) { http.ServeFile(w, r, file) })
	}
	return httptest.NewServer(mux)
}

// site is the page and the org that it signs in at: two origins, as in life.
type site struct {
	page string // URL of the page
	org  *oktasim.Org
	okta string // URL of the org
}

// startSite serves an org on a free port of loopback. It has the users beside its default ones, and trusts the page.
func startSite(t *testing.T, users ...oktasim.User) *site {
	t.Helper()
	return startSiteWith(t, func(cfg *oktasim.Config) { cfg.Users = append(cfg.Users, users...) })
}

func startSiteWith(t *testing.T, change func(*oktasim.Config)) *site {
	t.Helper()
	if _, err := os.Stat(dist); err != nil {
		lack(t, "the widget is not installed: run 'npm ci' in e2e/widget")
	}
	page := strings.Replace(pages.URL, "127.0.0.1", "localhost", 1) // a name, as WebAuthn wants one
	server := httptest.NewUnstartedServer(nil)
	s := &site{okta: "http://" + server.Listener.Addr().String()}
	cfg := oktasim.Config{
		URL:            s.okta,
		Clients:        []oktasim.Client{{ID: clientID, RedirectURIs: []string{page + "/"}}},
		Users:          oktasim.DefaultUsers(),
		Refresh:        200 * time.Millisecond,
		TrustedOrigins: []string{page},
	}
	change(&cfg)
	var err error
	s.org, err = oktasim.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	server.Config.Handler = s.org.Handler()
	server.Start()
	t.Cleanup(server.Close)
	s.page = page + "/?" + url.Values{"issuer": {s.okta + "/oauth2/default"}, "clientId": {clientID}}.Encode()
	return s
}

// lack skips a test for want of something, except where CI says that it must be there.
func lack(t *testing.T, what string) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		t.Fatal(what)
	}
	t.Skip(what)
}

// sameOrigin reports whether an address is of the same origin as another.
func sameOrigin(address string) func(other string) bool {
	return func(other string) bool {
		a, errA := url.Parse(address)
		b, errB := url.Parse(other)
		return errA == nil && errB == nil && a.Scheme == b.Scheme && a.Host == b.Host
	}
}

// pending is the user's newest push, which waits for an answer.
func (s *site) pending(t *testing.T, login string) oktasim.Push {
	t.Helper()
	pushes := s.org.Pushes(login)
	if len(pushes) == 0 || pushes[len(pushes)-1].State != "pending" {
		t.Fatalf("pushes of %s are %+v, want the newest pending", login, pushes)
	}
	return pushes[len(pushes)-1]
}

// mail is the newest message to the user, which went where it should.
func (s *site) mail(t *testing.T, user, channel, to string) oktasim.Mail {
	t.Helper()
	inbox := s.org.Inbox(user)
	if len(inbox) == 0 || inbox[len(inbox)-1].Channel != channel || inbox[len(inbox)-1].To != to {
		t.Fatalf("the inbox is %+v, want the newest by %s to %s", inbox, channel, to)
	}
	return inbox[len(inbox)-1]
}
