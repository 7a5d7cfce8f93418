package prism

import (
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"sidegate.example/sidegate/flows"
	"sidegate.example/sidegate/flows/factors"
	"sidegate.example/sidegate/flows/limits"
	"sidegate.example/sidegate/flows/okta"
	"sidegate.example/sidegate/flows/okta/access"
	"sidegate.example/sidegate/gateway/identity"
	"sidegate.example/sidegate/gateway/store"
	"sidegate.example/sidegate/oktasim"
)

const (
	everybody = "all@sidegate.example"
	nobody    = "nophone@sidegate.example"
	token     = "00token"
)

// player signs people in against a simulated org, while Prism judges every request.
type player struct {
	*testing.T
	org    *oktasim.Org
	client *okta.Client
	engine *factors.Engine
	clock  time.Time
	state  flows.State
	step   flows.Step
}

func newPlayer(t *testing.T, j *judge) *player {
	t.Helper()
	p := &player{T: t, clock: time.Now()}
	now := func() time.Time { return p.clock }
	var handler atomic.Value
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		handler.Load().(http.Handler).ServeHTTP(w, r)
	}))
	t.Cleanup(srv.Close)
	var err error
	p.org, err = oktasim.New(oktasim.Config{
		URL: srv.URL, Now: now, Tokens: []oktasim.Token{{Value: token, Role: oktasim.RoleOrgAdmin}},
		Users: append(oktasim.DefaultUsers(), oktasim.User{
			Login: everybody, Email: everybody, Name: "Ada All", Password: "x", Device: "Pixel 7", Methods: []string{"push", "totp"}, Phone: "+15555550123",
			Enrolled: []string{"okta_email", "phone_number", "google_otp", "security_question", "yubikey_token", "webauthn"},
		}),
	})
	if err != nil {
		t.Fatal(err)
	}
	handler.Store(p.org.Handler())
	if p.client, err = okta.New(okta.Config{Org: srv.URL, Transport: j, Now: now}); err != nil {
		t.Fatal(err)
	}
	return p
}

// as makes another engine for the same org.
func (p *player) as(change func(*factors.Config)) {
	p.Helper()
	api, err := access.New(access.Config{Client: p.client, Token: token})
	if err != nil {
		p.Fatal(err)
	}
	cfg := factors.Config{
		API: api, Primary: factors.PrimaryIdentity, Budget: new(store.Counters), Now: func() time.Time { return p.clock },
		Factors: []identity.Factor{
			identity.Push, identity.NumberChallenge, identity.TOTP, identity.GoogleOTP, identity.HardwareOTP, identity.WebAuthn,
			identity.SMS, identity.Voice, identity.Email, identity.SecurityQuestion,
		},
		Enroll: []identity.Factor{
			identity.Push, identity.TOTP, identity.GoogleOTP, identity.SMS, identity.Voice, identity.Email, identity.SecurityQuestion,
		},
		EnrollProof: factors.EnrollProof{Networks: []netip.Prefix{netip.MustParsePrefix("203.0.113.0/24")}},
		Limits:      limits.Config{Pushes: 100}, TemplateID: "cstk2flOtuCMDJK4b0g3", TokenLifetime: 10 * time.Minute,
	}
	change(&cfg)
	if p.engine, err = factors.New(cfg); err != nil {
		p.Fatal(err)
	}
}

func (p *player) browser() flows.ClientContext {
	cc, err := flows.NewClientContext("203.0.113.7", "Mozilla/5.0 (X11) Test/1.0", "de", "dev1")
	if err != nil {
		p.Fatal(err)
	}
	return cc
}

func (p *player) begin(login string, f identity.Factor) {
	p.Helper()
	p.clock = p.clock.Add(time.Minute)
	var err error
	p.state, p.step, err = p.engine.Start(p.Context(), p.browser(), "", flows.Answer{Values: map[string]string{flows.FieldIdentifier: login}})
	if err != nil {
		p.Fatal(err)
	}
	i := slices.IndexFunc(p.step.Choices, func(c flows.Choice) bool { return c.Factor == f })
	if i < 0 {
		p.Fatalf("no button for %s: %+v", f, p.step)
	}
	p.answer(flows.Answer{Choice: p.step.Choices[i].ID})
}

func (p *player) answer(a flows.Answer) {
	p.Helper()
	var err error
	if p.state, p.step, err = p.engine.Advance(p.Context(), p.browser(), p.state, a); err != nil {
		p.Fatal(err)
	}
}

func (p *player) values(v ...string) {
	p.Helper()
	a := flows.Answer{Values: map[string]string{}}
	for i := 0; i+1 < len(v); i += 2 {
		a.Values[v[i]] = v[i+1]
	}
	p.answer(a)
}

// Every request that the engine can make for the operations that Okta specifies is one that Okta's specification takes.
func TestEveryRequestIsSpecified(t *testing.T) {
	j := &judge{t: t, prism: startPrism(t), calls: map[string]int{}}
	p := newPlayer(t, j)
	verify(p)
	enrol(p)
	active, err := p.engine.Active(t.Context(), p.browser(), "00u15s1KDETTQMQYABRL")
	if active || err != nil {
		t.Errorf("an unknown user is active: %v, %v", active, err)
	}
	for _, want := range []string{
		"GET /users/*", "GET /users/*/factors", "GET /users/*/factors/catalog", "GET /users/*/factors/questions",
		"POST /users/*/factors/*/verify", "POST /users/*/factors/*/verify useNumberMatchingChallenge", "POST /users/*/factors/*/verify passCode",
		"POST /users/*/factors/*/verify answer", "POST /users/*/factors/*/verify authenticatorData clientData signatureData",
		"POST /users/*/factors/*/verify?templateId", "POST /users/*/factors/*/verify?tokenLifetimeSeconds",
		"GET /users/*/factors/*/transactions/*", "POST /users/*/factors push", "POST /users/*/factors token:software:totp",
		"POST /users/*/factors?templateId sms", "POST /users/*/factors call", "POST /users/*/factors?tokenLifetimeSeconds email",
		"POST /users/*/factors question", "POST /users/*/factors/*/resend?templateId sms", "POST /users/*/factors/*/resend call",
		"POST /users/*/factors/*/lifecycle/activate passCode",
	} {
		if j.calls[want] == 0 {
			t.Errorf("no request was %s", want)
		}
		delete(j.calls, want)
	}
	for more := range j.calls {
		t.Errorf("a request that nobody has listed: %s", more)
	}
}

// verify makes each request of a sign-in.
func verify(p *player) {
	p.Helper()
	p.as(func(*factors.Config) {})
	for _, f := range []identity.Factor{identity.Push, identity.SMS, identity.Voice, identity.Email, identity.WebAuthn, identity.SecurityQuestion} {
		p.begin(everybody, f)
		switch p.step.Kind {
		case flows.KindWait:
			var err error
			if p.state, p.step, err = p.engine.Poll(p.Context(), p.browser(), p.state); err != nil {
				p.Fatal(err)
			}
			if err := p.engine.Cancel(p.Context(), p.browser(), p.state); err != nil {
				p.Fatal(err)
			}
		case flows.KindWebAuthn:
			p.values("clientData", "YWJj", "authenticatorData", "YWJj", "signatureData", "YWJj")
		case flows.KindCode:
			if f == identity.SMS || f == identity.SecurityQuestion { // five wrong ones would lock the account
				p.values("passCode", "000000")
			}
		default:
			p.Fatalf("%s: the page is %+v", f, p.step)
		}
	}
	p.as(func(c *factors.Config) { c.NumberChallenge = factors.NumberNever })
	p.begin(everybody, identity.Push)
}

// enrol makes each request of a set-up.
func enrol(p *player) {
	p.Helper()
	p.as(func(c *factors.Config) { c.Factors = []identity.Factor{identity.HardwareOTP} })
	for _, f := range []identity.Factor{identity.Push, identity.GoogleOTP, identity.TOTP} {
		p.begin(nobody, f)
	}
	for _, f := range []identity.Factor{identity.SMS, identity.Voice} {
		p.begin(nobody, f)
		p.values("phoneNumber", "+15555550199")
		p.clock = p.clock.Add(time.Minute)
		p.answer(flows.Answer{Choice: "resend"})
		p.values("passCode", "000000")
	}
	p.begin(nobody, identity.Email)
	p.begin(nobody, identity.SecurityQuestion)
	p.values("question", "disliked_food", "answer", "mayonnaise")
}
