package factors_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"sidegate.example/sidegate/flows"
	"sidegate.example/sidegate/flows/factors"
	"sidegate.example/sidegate/flows/okta"
	"sidegate.example/sidegate/flows/okta/access"
	"sidegate.example/sidegate/gateway/identity"
	"sidegate.example/sidegate/gateway/store"
)

const (
	address = "203.0.113.7"
	agent   = "Mozilla/5.0 (X11; Linux x86_64) Täst/1.0"
	userID  = "00uisaac"
	login   = "isaac@example.com"
	ssws    = "00token"

	users  = "/api/v1/users/"
	base   = users + userID + "/factors"
	push   = base + "/opfpixel"
	pushTx = push + "/transactions/v2mst.a-B_1"
)

// call is one that the org received.
type call struct {
	method, path, body string
	header             http.Header
}

// world is an engine and an org whose every answer the test writes.
type world struct {
	testing.TB
	srv    *httptest.Server
	engine *factors.Engine
	client *okta.Client
	cc     flows.ClientContext
	budget *store.Counters

	mu     sync.Mutex
	clock  time.Time
	routes map[string]func(call) (int, string)
	calls  []call
	header map[string]string // of every answer

	state flows.State
	step  flows.Step
	err   error
}

// person is the user object of a status.
func person(status string) string {
	return `{"id":"` + userID + `","status":"` + status + `","profile":{"login":"` + login + `","email":"isaac@mail.example",
		"firstName":"Isaac","lastName":"Brock"},"_links":{"self":{"href":"x"}}}`
}

// everyFactor is a list with one of each kind, and of what must not be offered.
const everyFactor = `[
	{"id":"opfpixel","factorType":"push","provider":"OKTA","vendorName":"OKTA","status":"ACTIVE","profile":{"credentialId":"isaac@example.com","name":"Pixel 7","keys":[{"kty":"EC"}]}},
	{"id":"opfsecret","factorType":"signed_nonce","provider":"OKTA","status":"ACTIVE","profile":{"name":"Laptop"}},
	{"id":"ostokta","factorType":"token:software:totp","provider":"OKTA","status":"ACTIVE","profile":{}},
	{"id":"uftgoogle","factorType":"token:software:totp","provider":"GOOGLE","status":"ACTIVE"},
	{"id":"opfpending","factorType":"push","provider":"OKTA","status":"PENDING_ACTIVATION","_embedded":{"activation":{"sharedSecret":"AAAA"}}},
	{"id":"opfcustom","factorType":"push","provider":"CUSTOM","status":"ACTIVE"},
	{"id":"chfhotp","factorType":"token:hotp","provider":"CUSTOM","vendorName":"Entrust Datacard","status":"ACTIVE"},
	{"id":"smsphone","factorType":"sms","provider":"OKTA","status":"ACTIVE","profile":{"phoneNumber":"+15554151337"}},
	{"id":"clfphone","factorType":"call","provider":"OKTA","status":"ACTIVE","profile":{"phoneNumber":"+1 555-415-1337"}},
	{"id":"emfmail","factorType":"email","provider":"OKTA","status":"ACTIVE","profile":{"email":"isaac@mail.example"}},
	{"id":"ufsquestion","factorType":"question","provider":"OKTA","status":"ACTIVE","profile":{"question":"disliked_food","questionText":"What food?"}},
	{"id":"fwfkey","factorType":"webauthn","provider":"FIDO","status":"ACTIVE","profile":{"credentialId":"l3Br_x-y","authenticatorName":"MacBook"}},
	{"id":"dsfduo","factorType":"web","provider":"DUO","status":"ACTIVE"},
	{"id":"xxxnew","factorType":"claims_provider","provider":"X","status":"ACTIVE"},
	{"id":"../../evil","factorType":"push","provider":"OKTA","status":"ACTIVE"}
]`

// all are the factors that the Factors API can verify.
var all = []identity.Factor{
	identity.Push, identity.NumberChallenge, identity.TOTP, identity.GoogleOTP, identity.HardwareOTP, identity.WebAuthn,
	identity.SMS, identity.Voice, identity.Email, identity.SecurityQuestion,
}

func newWorld(t testing.TB, change ...func(*factors.Config)) *world {
	t.Helper()
	w := &world{TB: t, clock: time.Now(), routes: map[string]func(call) (int, string){}}
	w.budget = &store.Counters{Now: w.now}
	w.srv = httptest.NewServer(http.HandlerFunc(w.serve))
	t.Cleanup(w.srv.Close)
	var err error
	if w.client, err = okta.New(okta.Config{Org: w.srv.URL, Now: w.now}); err != nil {
		t.Fatal(err)
	}
	api, err := access.New(access.Config{Client: w.client, Token: ssws})
	if err != nil {
		t.Fatal(err)
	}
	cfg := factors.Config{API: api, Primary: factors.PrimaryIdentity, Factors: all, Budget: w.budget, Now: w.now}
	for _, f := range change {
		f(&cfg)
	}
	if w.engine, err = factors.New(cfg); err != nil {
		t.Fatal(err)
	}
	if w.cc, err = flows.NewClientContext(address, agent, "de", "dev1"); err != nil {
		t.Fatal(err)
	}
	w.on("GET "+users+userID, 200, person("ACTIVE"))
	w.on("GET "+users+"isaac@example.com", 200, person("ACTIVE"))
	w.on("GET "+base, 200, everyFactor)
	t.Cleanup(w.checkContext)
	return w
}

func (w *world) now() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.clock
}

func (w *world) later(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.clock = w.clock.Add(d)
}

// on answers a call; with several bodies, one after the other and the last for ever. $ORG is the org's origin.
func (w *world) on(what string, status int, bodies ...string) {
	n := 0
	w.do(what, func(call) (int, string) {
		body := bodies[min(n, len(bodies)-1)]
		n++
		return status, body
	})
}

func (w *world) do(what string, f func(call) (int, string)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.routes[what] = f
}

func (w *world) serve(rw http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	c := call{method: r.Method, path: r.URL.Path, body: string(body), header: r.Header}
	if r.URL.RawQuery != "" {
		c.path += "?" + r.URL.RawQuery
	}
	w.mu.Lock()
	w.calls = append(w.calls, c)
	f := w.routes[r.Method+" "+c.path]
	w.mu.Unlock()
	for name, value := range w.header {
		rw.Header().Set(name, value)
	}
	rw.Header().Set("X-Okta-Request-Id", "req-1")
	rw.Header().Set("Date", w.now().UTC().Format(http.TimeFormat))
	if f == nil {
		rw.WriteHeader(http.StatusNotFound)
		_, _ = io.WriteString(rw, `{"errorCode":"E0000007","errorId":"oae1"}`)
		return
	}
	w.mu.Lock()
	status, answer := f(c)
	w.mu.Unlock()
	if status == http.StatusFound {
		rw.Header().Set("Location", answer)
		answer = ""
	}
	rw.WriteHeader(status)
	_, _ = io.WriteString(rw, strings.ReplaceAll(answer, "$ORG", w.srv.URL))
}

// checkContext holds S22, S23 and S73 for every call of every test: one address and one agent, the browser's own.
func (w *world) checkContext() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, c := range w.calls {
		for name, want := range map[string]string{"X-Forwarded-For": address, "User-Agent": agent, "Accept-Language": "de"} {
			if got := c.header.Values(name); !slices.Equal(got, []string{want}) {
				w.Errorf("%s %s carries %s: %q, want %q", c.method, c.path, name, got, want)
			}
		}
	}
}

// sent lists the calls that were made since the last time, without those that only read who the person is.
func (w *world) sent() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	var out []string
	for _, c := range w.calls {
		if c.method == "GET" && (c.path == users+userID || c.path == users+login || c.path == base) {
			continue
		}
		out = append(out, strings.TrimSpace(c.method+" "+c.path+" "+c.body))
	}
	return out
}

// posts counts the calls that make Okta do something.
func (w *world) posts() (n int) {
	for _, c := range w.sent() {
		if strings.HasPrefix(c, "POST ") {
			n++
		}
	}
	return n
}

func (w *world) wantSent(want ...string) {
	w.Helper()
	if got := w.sent(); !slices.Equal(got, want) {
		w.Errorf("the org received\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func (w *world) start(values ...string) *world {
	w.Helper()
	a := flows.Answer{Values: map[string]string{flows.FieldIdentifier: login}}
	for i := 0; i+1 < len(values); i += 2 {
		a.Values[values[i]] = values[i+1]
	}
	w.state, w.step, w.err = w.engine.Start(w.Context(), w.cc, "https://app.example/cb", a)
	return w
}

func (w *world) press(id string) *world {
	w.Helper()
	return w.advance(flows.Answer{Choice: id})
}

func (w *world) typeIn(values ...string) *world {
	w.Helper()
	a := flows.Answer{Values: map[string]string{}}
	for i := 0; i+1 < len(values); i += 2 {
		a.Values[values[i]] = values[i+1]
	}
	return w.advance(a)
}

func (w *world) code(code string) *world {
	w.Helper()
	return w.typeIn("passCode", code)
}

func (w *world) advance(a flows.Answer) *world {
	w.Helper()
	w.state, w.step, w.err = w.engine.Advance(w.Context(), w.cc, w.state, a)
	return w
}

func (w *world) poll() *world {
	w.Helper()
	w.state, w.step, w.err = w.engine.Poll(w.Context(), w.cc, w.state)
	return w
}

// choose presses the button of a factor.
func (w *world) choose(f identity.Factor) *world {
	w.Helper()
	for _, c := range w.step.Choices {
		if c.Factor == f && (c.Kind == flows.ChoiceFactor || c.Kind == flows.ChoiceEnroll) {
			return w.press(c.ID)
		}
	}
	w.Fatalf("there is no button for %s: %s", f, w.page())
	return w
}

// page is the step in one line.
func (w *world) page() string {
	if w.err != nil {
		failed := new(flows.Error)
		if !errors.As(w.err, &failed) {
			return fmt.Sprintf("an error that is no *flows.Error: %v", w.err)
		}
		return "error " + string(failed.Reason)
	}
	s := w.step
	out := string(s.Kind)
	if s.Factor != "" {
		out += " " + string(s.Factor)
	}
	if s.Wait != nil {
		out += " #" + s.Wait.Number
	}
	if s.Denied != nil {
		out += " " + string(s.Denied.Reason)
		if s.Denied.Final {
			out += " final"
		}
	}
	for _, m := range s.Messages {
		out += " [" + m.Key + "]"
	}
	for _, f := range s.Fields {
		for _, m := range f.Messages {
			out += " " + f.Name + "[" + m.Key + "]"
		}
	}
	if s.Identity != nil {
		out += " " + s.Identity.Subject
		for _, p := range s.Identity.Proofs {
			out += " " + string(p.Factor)
		}
	}
	return out
}

func (w *world) want(page string) *world {
	w.Helper()
	if got := w.page(); got != page {
		w.Fatalf("the page is %q (%v, %v), want %q", got, w.err, w.step.Cause, page)
	}
	if ended := w.step.Kind == flows.KindDone || w.step.Denied != nil && w.step.Denied.Final; ended && w.err == nil && w.state != nil {
		w.Errorf("at %q there is still a state", page)
	}
	return w
}

// buttons are the choices in one line.
func (w *world) buttons() string {
	var out []string
	for _, c := range w.step.Choices {
		s := string(c.Kind)
		if c.Factor != "" {
			s += ":" + string(c.Factor)
		}
		if c.Detail != "" {
			s += "(" + c.Detail + ")"
		}
		out = append(out, s)
	}
	return strings.Join(out, " ")
}

// waitingPush is the answer to a challenge of the push (§5.3).
func waitingPush(number string) string {
	embedded := ""
	if number != "" {
		embedded = `,"_embedded":{"challenge":{"correctAnswer":` + number + `}}`
	}
	return `{"expiresAt":"2099-01-01T00:00:00.000Z","factorResult":"WAITING","_links":{
		"poll":{"href":"$ORG` + pushTx + `","hints":{"allow":["GET"]}},
		"cancel":{"href":"$ORG` + pushTx + `","hints":{"allow":["DELETE"]}}}` + embedded + `}`
}

// apiOf is the world's own API access, for another engine.
func apiOf(t testing.TB, w *world) *access.Access {
	t.Helper()
	api, err := access.New(access.Config{Client: w.client, Token: ssws})
	if err != nil {
		t.Fatal(err)
	}
	return api
}
