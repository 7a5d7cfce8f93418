package caddymodule

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"sidegate.example/sidegate/oktasim"
)

const (
	password = "correct-horse-" + canary
	agent    = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
)

// newSimulated is a world whose org is a simulated one, with bob, who has a push unless change says otherwise.
func newSimulated(t testing.TB, change ...func(*oktasim.Config)) (*world, *oktasim.Org) {
	t.Helper()
	w := newWorld(t)
	server := httptest.NewUnstartedServer(nil)
	url := "http://" + server.Listener.Addr().String()
	config := oktasim.Config{
		URL:     url,
		Clients: []oktasim.Client{{ID: testClientID, Secret: "client-" + canary, RedirectURIs: []string{"https://app.example.com/_mfa/callback"}}},
		Users: []oktasim.User{{Login: "bob", Password: password, Name: "Bob", Email: "bob@example.com",
			Device: "Pixel 7", Methods: []string{"push"}}},
		Refresh:        20 * time.Millisecond,
		TrustedProxies: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")},
	}
	for _, f := range change {
		f(&config)
	}
	sim, err := oktasim.New(config)
	if err != nil {
		t.Fatal(err)
	}
	server.Config.Handler = sim.Handler()
	server.Start()
	t.Cleanup(server.Close)
	w.org = url
	return w, sim
}

// simulated is the gated site with what the simulated org needs.
func (w *world) simulated() string {
	return `okta_mfa {
		authorization_server default
		redirect_uri https://app.example.com/_mfa/callback
		min_poll_interval 20ms
	}
	reverse_proxy ` + w.up.Listener.Addr().String()
}

// browser keeps cookies, Secure ones too: it is on the gate's own machine.
type browser struct {
	w       *world
	addr    string
	header  http.Header
	cookies map[string]string
	// https, where it is set, makes the connections, to a site named app.test.
	https *http.Transport
}

// origin is what the site is to the browser.
func (b *browser) origin() string {
	if b.https == nil {
		return "http://" + b.addr
	}
	_, port, _ := net.SplitHostPort(b.addr)
	return "https://app.test:" + port
}

func (w *world) browser(addr string) *browser {
	return &browser{w: w, addr: addr, cookies: map[string]string{},
		header: http.Header{"User-Agent": {agent}, "Accept": {"text/html"}}}
}

func (b *browser) cookie() string {
	var pairs []string
	for name, value := range b.cookies {
		pairs = append(pairs, name+"="+value)
	}
	return strings.Join(pairs, "; ")
}

func (b *browser) do(method, path string, form url.Values) answer {
	b.w.t.Helper()
	r, err := http.NewRequestWithContext(b.w.t.Context(), method, b.origin()+path, strings.NewReader(form.Encode()))
	if err != nil {
		b.w.t.Fatal(err)
	}
	r.Header = b.header.Clone()
	r.Header.Set("Cookie", b.cookie())
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Origin", b.origin())
	}
	transport := http.DefaultTransport
	if b.https != nil {
		transport = b.https
	}
	resp, err := transport.RoundTrip(r)
	if refused(err) {
		return b.do(method, path, form)
	}
	if err != nil {
		b.w.t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		b.w.t.Fatal(err)
	}
	for _, c := range resp.Cookies() {
		b.cookies[c.Name] = c.Value
		if c.MaxAge < 0 {
			delete(b.cookies, c.Name)
		}
	}
	return answer{resp, string(body)}
}

func (b *browser) get(path string) answer { return b.do(http.MethodGet, path, nil) }

var (
	csrfInput  = regexp.MustCompile(`name="csrf" value="([^"]+)"`)
	pushChoice = regexp.MustCompile(`name="choice" value="([^"]+)"[^>]*data-factor="push"`)
	eventsPath = regexp.MustCompile(`data-events="([^"]+)"`)
)

func find(t testing.TB, what *regexp.Regexp, in answer) string {
	t.Helper()
	m := what.FindStringSubmatch(in.body)
	if m == nil {
		t.Fatalf("no %s in the page (status %d):\n%s", what, in.StatusCode, in.body)
	}
	return m[1]
}

// waitAtPush signs in up to the page that waits for the phone, and returns that page.
func (b *browser) waitAtPush() answer {
	t := b.w.t
	t.Helper()
	b.submit("/_mfa/identify", url.Values{"csrf": {find(t, csrfInput, b.get("/payroll"))}, "f.identifier": {"bob"}, "f.password": {password}})
	page := b.get("/payroll")
	if !strings.Contains(page.body, "data-events=") {
		b.submit("/_mfa/answer", url.Values{"csrf": {find(t, csrfInput, page)}, "choice": {find(t, pushChoice, page)}})
		page = b.get("/payroll")
	}
	return page
}

func (b *browser) submit(path string, form url.Values) {
	b.w.t.Helper()
	if a := b.do(http.MethodPost, path, form); a.StatusCode != http.StatusSeeOther {
		b.w.t.Fatalf("POST %s: status %d\n%s", path, a.StatusCode, a.body)
	}
}

// arrive loads the page until it is the upstream's.
func (b *browser) arrive() answer {
	b.w.t.Helper()
	var a answer
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); {
		if a = b.get("/payroll"); a.StatusCode == http.StatusOK {
			return a
		}
	}
	b.w.t.Fatalf("never got in; last page: %d\n%s", a.StatusCode, a.body)
	return a
}

// approve presses yes on bob's phone, on the newest push.
func approve(t testing.TB, sim *oktasim.Org) oktasim.Push {
	t.Helper()
	pushes := sim.Pushes("bob")
	if len(pushes) == 0 {
		t.Fatal("no push was sent")
	}
	push := pushes[len(pushes)-1]
	if err := sim.Approve(push.ID); err != nil {
		t.Fatal(err)
	}
	return push
}

// stream opens the event stream of a waiting page and returns when its first line is there.
func (b *browser) stream(page answer) *bufio.Reader {
	t := b.w.t
	t.Helper()
	conn, err := net.Dial("tcp", b.addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	_, err = io.WriteString(conn, "GET "+find(t, eventsPath, page)+" HTTP/1.1\r\nHost: "+b.addr+"\r\nCookie: "+b.cookie()+"\r\n\r\n")
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	if got := resp.Header.Get("Content-Type"); resp.StatusCode != http.StatusOK || got != "text/event-stream" {
		t.Fatalf("stream: %d %s", resp.StatusCode, got)
	}
	body := bufio.NewReader(resp.Body)
	if line, err := body.ReadString('\n'); err != nil || !strings.HasPrefix(line, "retry:") {
		t.Fatalf("stream begins with %q, %v", line, err)
	}
	return body
}
