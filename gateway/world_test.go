package gateway

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"sidegate.example/sidegate/flows"
	"sidegate.example/sidegate/gateway/identity"
	"sidegate.example/sidegate/gateway/session"
)

const (
	clientIP  = "203.0.113.7"
	agent     = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36"
	secret    = "0123456789abcdef0123456789abcdef"
	protected = "/payroll?month=11"
)

// script is a flow that a test drives. It records every call.
type script struct {
	mu    sync.Mutex
	calls []string
	ctxs  []flows.ClientContext
	start func(a flows.Answer) (flows.Step, error)
	poll  func() (flows.Step, error)
	next  func(a flows.Answer) (flows.Step, error)
	up    func(who identity.Identity, factors []identity.Factor) (flows.Step, error)
}

func (s *script) record(call string, c flows.ClientContext) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls = append(s.calls, call)
	s.ctxs = append(s.ctxs, c)
}

func (s *script) count(call string) (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.calls {
		if c == call {
			n++
		}
	}
	return n
}

func (s *script) total() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.calls)
}

func (s *script) Start(_ context.Context, c flows.ClientContext, _ string, a flows.Answer) (flows.State, flows.Step, error) {
	s.record("start", c)
	step, err := s.start(a)
	return flows.State("s"), step, err
}

func (s *script) StepUp(_ context.Context, c flows.ClientContext, _ string, who identity.Identity, factors []identity.Factor) (flows.State, flows.Step, error) {
	s.record("step up", c)
	step, err := s.up(who, factors)
	return flows.State("s"), step, err
}

func (s *script) Advance(_ context.Context, c flows.ClientContext, st flows.State, a flows.Answer) (flows.State, flows.Step, error) {
	s.record("advance", c)
	step, err := s.next(a)
	return st, step, err
}

func (s *script) Poll(_ context.Context, c flows.ClientContext, st flows.State) (flows.State, flows.Step, error) {
	s.record("poll", c)
	step, err := s.poll()
	return st, step, err
}

func (s *script) Cancel(_ context.Context, c flows.ClientContext, _ flows.State) error {
	s.record("cancel", c)
	return nil
}

var (
	chooseStep = flows.Step{Kind: flows.KindChoose, Person: "bob", Choices: []flows.Choice{{ID: "push", Kind: flows.ChoiceFactor, Factor: identity.Push}}}
	waitStep   = flows.Step{Kind: flows.KindWait, Factor: identity.Push, Person: "bob", Wait: &flows.Wait{Interval: time.Millisecond}}
	numberStep = flows.Step{Kind: flows.KindWait, Factor: identity.NumberChallenge, Person: "bob", Wait: &flows.Wait{Interval: time.Millisecond, Number: "nr-73-nr"}}
	doneStep   = flows.Step{Kind: flows.KindDone, Identity: bob()}
	wrongStep  = flows.Step{Kind: flows.KindIdentify, Fields: []flows.Field{{Name: "identifier"}, {Name: "password", Secret: true}},
		Messages: []flows.Message{{Key: "sidegate.credentials", Error: true}}}
)

func bob() *identity.Identity {
	now := time.Now()
	return &identity.Identity{Subject: "00u1", Login: "bob", Name: "Bob", Email: "bob@example.com",
		Proofs: []identity.Proof{{Factor: identity.Password, At: now}, {Factor: identity.Push, At: now}}}
}

// doneAs ends a sign-in with a changed bob.
func doneAs(change func(*identity.Identity)) func() (flows.Step, error) {
	who := bob()
	change(who)
	return func() (flows.Step, error) { return flows.Step{Kind: flows.KindDone, Identity: who}, nil }
}

// straight is a flow in which everything goes well at once.
func straight() *script {
	return &script{
		start: func(flows.Answer) (flows.Step, error) { return chooseStep, nil },
		next:  func(flows.Answer) (flows.Step, error) { return waitStep, nil },
		poll:  func() (flows.Step, error) { return doneStep, nil },
	}
}

// world is a gate before an upstream that records what reaches it.
type world struct {
	*httptest.Server
	gate *Gate
	flow *script
	logs *lockedBuffer

	mu     sync.Mutex
	hits   []*http.Request
	person string // what stands in front says so
}

type lockedBuffer struct {
	mu sync.Mutex
	b  strings.Builder
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func newWorld(t testing.TB, flow *script, change ...func(*Config)) *world {
	t.Helper()
	w := &world{flow: flow, logs: &lockedBuffer{}}
	c := Config{Flow: flow, Engine: "e", State: NewState(), Policy: "p", Keys: keys(t), Headers: DefaultHeaders,
		Logger: slog.New(slog.NewTextHandler(w.logs, &slog.HandlerOptions{Level: slog.LevelDebug}))}
	for _, f := range change {
		f(&c)
	}
	gate, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	w.gate = gate
	w.Server = httptest.NewTLSServer(http.HandlerFunc(w.serve))
	t.Cleanup(func() { gate.StopStreams(); w.Server.Close(); c.State.Close() })
	return w
}

func keys(t testing.TB) session.Keys {
	t.Helper()
	ring, err := session.RingFromSecrets([]string{secret})
	if err != nil {
		t.Fatal(err)
	}
	return session.Static(ring)
}

func (w *world) serve(rw http.ResponseWriter, r *http.Request) {
	w.mu.Lock()
	person := w.person
	w.mu.Unlock()
	if out := w.gate.Handle(rw, r, Facts{ClientIP: clientIP, Secure: true, Person: person}); !out.Allowed() {
		out.Follow()
		return
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	seen := r.Clone(context.Background())
	seen.Body = io.NopCloser(bytes.NewReader(body))
	w.mu.Lock()
	w.hits = append(w.hits, seen)
	w.mu.Unlock()
	io.WriteString(rw, "SECRET PAYROLL") //nolint:errcheck // a test's upstream
}

func (w *world) upstream() []*http.Request {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.hits)
}

// browser is one person's browser: it keeps cookies and sends what browsers send.
type browser struct {
	t *testing.T
	w *world
	*http.Client
}

func (w *world) browser(t *testing.T) *browser {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &browser{t: t, w: w, Client: &http.Client{Transport: w.Client().Transport, Jar: jar,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
}

type answer struct {
	*http.Response
	body string
}

func (b *browser) do(r *http.Request) answer {
	b.t.Helper()
	if r.Header.Get("User-Agent") == "" {
		r.Header.Set("User-Agent", agent)
	}
	resp, err := b.Do(r)
	if err != nil {
		b.t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	return answer{resp, string(body)}
}

func (b *browser) request(method, path, body string) *http.Request {
	b.t.Helper()
	r, err := http.NewRequestWithContext(b.t.Context(), method, b.w.URL+path, strings.NewReader(body))
	if err != nil {
		b.t.Fatal(err)
	}
	return r
}

func (b *browser) get(path string) answer {
	b.t.Helper()
	r := b.request("GET", path, "")
	r.Header.Set("Sec-Fetch-Mode", "navigate")
	r.Header.Set("Sec-Fetch-Dest", "document")
	return b.do(r)
}

func (b *browser) post(path string, form url.Values) answer {
	b.t.Helper()
	r := b.request("POST", path, form.Encode())
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Origin", b.w.URL)
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	return b.do(r)
}

var csrfInput = regexp.MustCompile(`name="csrf" value="([^"]+)"`)

func (a answer) csrf(t *testing.T) string {
	t.Helper()
	m := csrfInput.FindStringSubmatch(a.body)
	if m == nil {
		t.Fatalf("no form in the page (status %d):\n%s", a.StatusCode, a.body)
	}
	return m[1]
}

var hook = regexp.MustCompile(`data-(view|kind|reason|problem)="([a-z_]+)"`)

// shows is what kind of page it is, by its stable hooks: "step wait".
func (a answer) shows() string {
	var parts []string
	for _, m := range hook.FindAllStringSubmatch(a.body, -1) {
		parts = append(parts, m[2])
	}
	return strings.Join(parts, " ")
}

// begin goes through the first page and its form.
func (b *browser) begin() {
	b.t.Helper()
	page := b.get(protected)
	a := b.post("/_mfa/identify", url.Values{"csrf": {page.csrf(b.t)}, "f.identifier": {"bob"}, "f.password": {"pw"}})
	if a.StatusCode != http.StatusSeeOther || a.Header.Get("Location") != protected {
		b.t.Fatalf("identify: %d to %q\n%s", a.StatusCode, a.Header.Get("Location"), a.body)
	}
}

// push chooses the push.
func (b *browser) push() {
	b.t.Helper()
	page := b.get(protected)
	a := b.post("/_mfa/answer", url.Values{"csrf": {page.csrf(b.t)}, "choice": {"push"}})
	if a.StatusCode != http.StatusSeeOther {
		b.t.Fatalf("answer: %d\n%s", a.StatusCode, a.body)
	}
}

// waitFor loads the page until ok likes it.
func (b *browser) waitFor(ok func(answer) bool) answer {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.t.Context(), 20*time.Second)
	defer cancel()
	for {
		a := b.get(protected)
		if ok(a) {
			return a
		}
		if ctx.Err() != nil {
			b.t.Fatalf("never came; last page: %d %s", a.StatusCode, a.shows())
		}
	}
}

// signIn goes all the way in and returns the session cookie.
func (b *browser) signIn() *http.Cookie {
	b.t.Helper()
	b.begin()
	b.push()
	b.waitFor(func(a answer) bool { return a.StatusCode == http.StatusOK })
	c := b.cookie(DefaultCookieName)
	if c == nil {
		b.t.Fatal("no session cookie")
	}
	return c
}

func (b *browser) cookie(name string) *http.Cookie {
	u, _ := url.Parse(b.w.URL)
	for _, c := range b.Jar.Cookies(u) {
		if c.Name == name {
			return c
		}
	}
	return nil
}
