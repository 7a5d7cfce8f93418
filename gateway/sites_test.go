package gateway

import (
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"sidegate.example/sidegate/gateway/identity"
	"sidegate.example/sidegate/gateway/session"
)

// sites are gates of several sites with one state, one key ring and one flow, and the browsers that know them all.
type sites struct {
	t     *testing.T
	state *State
	gates map[string]*Gate // by host
	*httptest.Server
	mu   sync.Mutex
	hits []string // URLs that went on
}

// newSites makes gates of which accounts, payroll and wiki share a sign-in; change is told each one's origin.
func newSites(t *testing.T, change func(origin string, c *Config)) *sites {
	t.Helper()
	s := &sites{t: t, state: NewState(), gates: map[string]*Gate{}}
	for _, origin := range []string{accounts, payroll, wiki, stranger} {
		c := Config{Flow: straight(), Engine: "e", State: s.state, Policy: "p", Keys: keys(t), Headers: DefaultHeaders, SSO: []string{accounts, payroll, wiki}}
		if change != nil {
			change(origin, &c)
		}
		gate, err := New(c)
		if err != nil {
			t.Fatal(err)
		}
		s.gates[strings.TrimPrefix(origin, "https://")] = gate
	}
	s.Server = httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !s.gates[r.Host].Handle(w, r, Facts{ClientIP: clientIP, Secure: true}).Allowed() {
			return
		}
		s.mu.Lock()
		s.hits = append(s.hits, "https://"+r.Host+r.URL.String()+" "+r.Header.Get("Remote-User"))
		s.mu.Unlock()
		io.WriteString(w, "SECRET OF "+r.Host) //nolint:errcheck // a test's upstream
	}))
	t.Cleanup(func() { s.Server.Close(); s.state.Close() })
	return s
}

// ssoBrowser is a browser that visits several sites and follows no redirect by itself.
type ssoBrowser struct {
	*http.Client
	s *sites
}

func (s *sites) browser() *ssoBrowser {
	jar, err := cookiejar.New(nil)
	if err != nil {
		s.t.Fatal(err)
	}
	transport := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, //nolint:gosec // a test's own server
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, network, s.Listener.Addr().String())
		}}
	s.t.Cleanup(transport.CloseIdleConnections)
	return &ssoBrowser{s: s, Client: &http.Client{Transport: transport, Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
}

func (b *ssoBrowser) do(method, address string, form url.Values) answer {
	b.s.t.Helper()
	r, err := http.NewRequestWithContext(b.s.t.Context(), method, address, strings.NewReader(form.Encode()))
	if err != nil {
		b.s.t.Fatal(err)
	}
	r.Header.Set("User-Agent", agent)
	r.Header.Set("Accept", "text/html")
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Origin", r.URL.Scheme+"://"+r.URL.Host)
	}
	resp, err := b.Do(r)
	if err != nil {
		b.s.t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		b.s.t.Fatal(err)
	}
	return answer{resp, string(body)}
}

// visit follows redirects and returns where they end, and the way.
func (b *ssoBrowser) visit(address string) (answer, []string) {
	b.s.t.Helper()
	var way []string
	for range 10 {
		way = append(way, address)
		a := b.do("GET", address, nil)
		if a.StatusCode != http.StatusSeeOther {
			return a, way
		}
		next, err := a.Request.URL.Parse(a.Header.Get("Location"))
		if err != nil {
			b.s.t.Fatal(err)
		}
		address = next.String()
	}
	b.s.t.Fatalf("redirected in a circle: %q", way)
	return answer{}, nil
}

// signIn signs in wherever the address leads, and returns to it.
func (b *ssoBrowser) signIn(address string) answer {
	b.s.t.Helper()
	page, way := b.visit(address)
	at, _ := url.Parse(way[len(way)-1])
	origin := at.Scheme + "://" + at.Host
	b.do("POST", origin+"/_mfa/identify", url.Values{"csrf": {page.csrf(b.s.t)}, "f.identifier": {"bob"}, "f.password": {"pw"}})
	page, _ = b.visit(at.String())
	b.do("POST", origin+"/_mfa/answer", url.Values{"csrf": {page.csrf(b.s.t)}, "choice": {"push"}})
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); {
		if page, _ = b.visit(at.String()); page.StatusCode == http.StatusOK {
			return page
		}
	}
	b.s.t.Fatalf("never got in: %d %s", page.StatusCode, page.shows())
	return page
}

func (b *ssoBrowser) cookies(origin string) map[string]string {
	u, _ := url.Parse(origin)
	out := map[string]string{}
	for _, c := range b.Jar.Cookies(u) {
		out[c.Name] = c.Value
	}
	return out
}

// plant gives the browser a session at a site that began at issued, of a family of one.
func (b *ssoBrowser) plant(t *testing.T, origin string, who *identity.Identity, issued time.Time) {
	t.Helper()
	host := strings.TrimPrefix(origin, "https://")
	x := exchange{Gate: b.s.gates[host], policy: "p", site: host, r: httptest.NewRequest("GET", origin, nil)}
	cookie, err := x.newSession(session.Claims{ID: session.NewID(), Identity: *who, IssuedAt: issued, SeenAt: time.Now(), ExpiresAt: issued.Add(time.Hour)})
	if err != nil {
		t.Fatal(err)
	}
	u, _ := url.Parse(origin)
	b.Jar.SetCookies(u, []*http.Cookie{{Name: DefaultCookieName, Value: cookie, Path: "/", Secure: true}})
}
