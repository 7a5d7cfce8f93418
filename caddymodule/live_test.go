package caddymodule

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"sidegate.example/sidegate/gateway"
	"sidegate.example/sidegate/gateway/identity"
	"sidegate.example/sidegate/gateway/session"
)

// The tests of this package run a real Caddy in this process, one at a time: none is parallel.

const (
	testClientID     = "0oatest"
	testCookieSecret = "cookie-" + canary + "-0123456789abcdef"
	upstreamBody     = "SECRET PAYROLL"
)

// recorder is a server that records what reaches it.
type recorder struct {
	*httptest.Server
	mu   sync.Mutex
	hits []*http.Request
}

func newRecorder(t testing.TB, status int, body string) *recorder {
	t.Helper()
	rec := &recorder{}
	rec.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		rec.mu.Lock()
		rec.hits = append(rec.hits, r.Clone(context.Background()))
		rec.mu.Unlock()
		w.WriteHeader(status)
		io.WriteString(w, body) //nolint:errcheck // a test's upstream
	}))
	t.Cleanup(rec.Close)
	return rec
}

func (rec *recorder) requests() []*http.Request {
	rec.mu.Lock()
	defer rec.mu.Unlock()
	return slices.Clone(rec.hits)
}

// take returns the only request so far and forgets it.
func (rec *recorder) take(t testing.TB) *http.Request {
	t.Helper()
	rec.mu.Lock()
	defer rec.mu.Unlock()
	if len(rec.hits) != 1 {
		t.Fatalf("%d requests reached the upstream, want 1", len(rec.hits))
	}
	r := rec.hits[0]
	rec.hits = nil
	return r
}

func (rec *recorder) none(t testing.TB, what string) {
	t.Helper()
	if hits := rec.requests(); len(hits) > 0 {
		t.Errorf("%s: %s %s reached the upstream", what, hits[0].Method, hits[0].RequestURI)
	}
}

// world is what the tests put around the gate: an org that must not be asked, and an upstream.
type world struct {
	t       testing.TB
	org     string
	orgHits *recorder
	up      *recorder
	storage string
	// server goes into the servers block of the global options, global beside it.
	server, global string
	// defaults go into the global option okta_mfa; claims are those that the site's rules name, and settings what else tells
	// the policy of the sessions that are made here.
	defaults string
	claims   []string
	settings Settings
}

func newWorld(t testing.TB) *world {
	t.Helper()
	t.Setenv("SIDEGATE_TEST_CLIENT_SECRET", "client-"+canary)
	t.Setenv("SIDEGATE_TEST_COOKIE_SECRET", testCookieSecret)
	w := &world{t: t, orgHits: newRecorder(t, http.StatusInternalServerError, ""), up: newRecorder(t, 200, upstreamBody), storage: t.TempDir()}
	w.org = w.orgHits.URL
	return w
}

// caddyfile is a configuration with one site, whose directives are site.
func (w *world) caddyfile(address, site string) string {
	return fmt.Sprintf(`{
	admin unix/%s
	persist_config off
	storage file_system %s
	auto_https disable_redirects
	log {
		output discard
	}
	servers {
		%s
	}
	okta_mfa {
		org %s
		client_id %s
		client_secret {env.SIDEGATE_TEST_CLIENT_SECRET}
		cookie_secret {env.SIDEGATE_TEST_COOKIE_SECRET}
		%s
	}
	%s
}

%s {
	bind 127.0.0.1
	%s
}
`, filepath.Join(w.storage, "admin.sock"), filepath.Join(w.storage, "data"), w.server, w.org, testClientID, w.defaults, w.global, address, site)
}

func adapt(t testing.TB, caddyfile string) []byte {
	t.Helper()
	js, _, err := caddyconfig.GetAdapter("caddyfile").Adapt([]byte(caddyfile), nil)
	if err != nil {
		t.Fatalf("adapting: %v\n%s", err, caddyfile)
	}
	return js
}

// gated is the usual site: the gate and the upstream behind it.
func (w *world) gated() string { return "okta_mfa\n\treverse_proxy " + w.up.Listener.Addr().String() }

// start runs Caddy with one plain http site on a free port, and returns the site's address.
func (w *world) start(site string) string {
	w.t.Helper()
	return w.run(adapt(w.t, w.caddyfile("http://:0", site)))
}

// run loads a JSON configuration and returns the address of its first listener.
func (w *world) run(js []byte) string {
	w.t.Helper()
	if err := caddy.Load(js, true); err != nil {
		w.t.Fatalf("loading: %v", err)
	}
	w.t.Cleanup(func() {
		if err := caddy.Stop(); err != nil {
			w.t.Errorf("stopping: %v", err)
		}
	})
	return listener(w.t)
}

func listener(t testing.TB) string {
	t.Helper()
	app, err := caddy.ActiveContext().AppIfConfigured("http")
	if err != nil {
		t.Fatal(err)
	}
	for _, server := range app.(*caddyhttp.App).Servers {
		return server.Listeners()[0].Addr().String()
	}
	t.Fatal("no server listens")
	return ""
}

// freePort finds a port for what has to listen on the same one twice. It is below those that the kernel hands out,
// so that nobody who asks for any port gets it in between; Caddy would share it silently.
func freePort(t testing.TB) string {
	t.Helper()
	for range 100 {
		port := strconv.Itoa(10000 + rand.IntN(20000))
		if l, err := net.Listen("tcp", "127.0.0.1:"+port); err == nil {
			l.Close()
			return port
		}
	}
	t.Fatal("no free port")
	return ""
}

func bob() identity.Identity {
	now := time.Now()
	return identity.Identity{Subject: "00ubob", Login: "bob", Name: "Bob", Email: "bob@example.com", Groups: []string{"staff"},
		Proofs: []identity.Proof{{Factor: identity.Password, At: now}, {Factor: identity.Push, At: now}}}
}

// policy is that of the usual site.
func (w *world) policy() string {
	s := w.settings
	for _, name := range w.claims {
		s.Rules = append(s.Rules, Rule{Claim: name})
	}
	return s.policy(&resolved{org: w.org, issuer: w.org, clientID: testClientID})
}

// cookie is a session of who on site, as a sign-in there makes it.
func (w *world) cookie(site string, who identity.Identity) string {
	w.t.Helper()
	cookie, _ := w.session(site, who)
	return cookie
}

// session is cookie with the session's handle.
func (w *world) session(site string, who identity.Identity) (cookie, handle string) {
	w.t.Helper()
	return w.sessionOf(site, who, 0)
}

// sessionOf is session for one whose sign-in was some time ago.
func (w *world) sessionOf(site string, who identity.Identity, ago time.Duration) (cookie, handle string) {
	w.t.Helper()
	ring, err := session.RingFromSecrets([]string{testCookieSecret})
	if err != nil {
		w.t.Fatal(err)
	}
	now, id := time.Now().Add(-ago), session.NewID()
	value, err := session.NewCodec(session.Static(ring), nil).Seal(w.t.Context(),
		session.Binding{Cookie: gateway.DefaultCookieName, Site: site, Policy: w.policy()},
		session.Claims{ID: id, Identity: who, IssuedAt: now, SeenAt: now, ExpiresAt: now.Add(time.Hour)})
	if err != nil {
		w.t.Fatal(err)
	}
	return gateway.DefaultCookieName + "=" + value, id.Handle()
}

// answer is a response that was read to its end.
type answer struct {
	*http.Response
	body string
}

// raw sends a request exactly as written: no client cleans its path or its headers. Lines end in \n, and
// the end of the header is added.
func raw(t testing.TB, addr, request string) answer {
	t.Helper()
	a, err := tryRaw(addr, request)
	for refused(err) {
		a, err = tryRaw(addr, request)
	}
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// refused reports whether a connection was reset or closed before Caddy read from it: on a reload the kernel resets what
// waits in the old listener's queue, and Caddy closes what is idle. It waits for requests that it has begun, so nothing
// was done, and the request can be sent again.
func refused(err error) bool { return errors.Is(err, syscall.ECONNRESET) || errors.Is(err, io.EOF) }

func tryRaw(addr, request string) (answer, error) {
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		return answer{}, err
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
		return answer{}, err
	}
	head := strings.ReplaceAll(strings.TrimSpace(request), "\n", "\r\n") + "\r\n\r\n"
	if _, err := io.WriteString(conn, head); err != nil {
		return answer{}, err
	}
	method, _, _ := strings.Cut(request, " ")
	in := bufio.NewReader(conn)
	if _, err := in.Peek(1); err != nil {
		return answer{}, err // closed without a byte, see refused
	}
	resp, err := http.ReadResponse(in, &http.Request{Method: method})
	if err != nil {
		return answer{}, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return answer{resp, string(body)}, err
}

// get sends a plain request with extra header lines.
func get(t testing.TB, addr, path string, header ...string) answer {
	t.Helper()
	return raw(t, addr, "GET "+path+" HTTP/1.1\nHost: "+addr+"\n"+strings.Join(header, "\n"))
}

// blocked checks that a stranger got a challenge and nothing of the upstream's.
func (w *world) blocked(what string, a answer) {
	w.t.Helper()
	if a.StatusCode != http.StatusUnauthorized {
		w.t.Errorf("%s: status %d, want 401", what, a.StatusCode)
	}
	if strings.Contains(a.body, upstreamBody) {
		w.t.Errorf("%s: the upstream's answer got out", what)
	}
	w.up.none(w.t, what)
}
