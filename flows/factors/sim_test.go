package factors_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"sidegate.example/sidegate/flows"
	"sidegate.example/sidegate/flows/factors"
	"sidegate.example/sidegate/flows/okta"
	"sidegate.example/sidegate/flows/okta/access"
	"sidegate.example/sidegate/gateway/identity"
	"sidegate.example/sidegate/gateway/store"
	"sidegate.example/sidegate/oktasim"
)

const simUser = "push@sidegate.example"

// simulated is an engine against a simulated org, which was written without knowing this engine. By default it calls as an
// OAuth app that has to use DPoP.
type simulated struct {
	*world
	org *oktasim.Org
}

func newSimulated(t testing.TB, change ...func(*oktasim.Config, *access.Config, *factors.Config)) *simulated {
	t.Helper()
	w := &world{TB: t, clock: time.Now()}
	w.budget = &store.Counters{Now: w.now}
	var handler atomic.Value
	w.srv = httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		handler.Load().(http.Handler).ServeHTTP(rw, r)
	}))
	t.Cleanup(w.srv.Close)
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	sim := oktasim.Config{
		URL: w.srv.URL, Users: oktasim.DefaultUsers(), Now: w.now,
		TrustedProxies: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")},
		Services: []oktasim.Service{{
			ID: "0oasvc", Keys: map[string]crypto.PublicKey{"k1": key.Public()}, DPoP: true, Role: oktasim.RoleOrgAdmin,
			Scopes: []string{"okta.users.read", "okta.users.manage", "okta.groups.read"},
		}},
		Tokens: []oktasim.Token{{Value: ssws, Role: oktasim.RoleOrgAdmin}},
	}
	if w.client, err = okta.New(okta.Config{Org: w.srv.URL, Now: w.now}); err != nil {
		t.Fatal(err)
	}
	api := access.Config{Client: w.client, ClientID: "0oasvc", PrivateKey: key, KeyID: "k1", Now: w.now}
	cfg := factors.Config{Primary: factors.PrimaryIdentity, Factors: all, Budget: w.budget, Now: w.now}
	for _, f := range change {
		f(&sim, &api, &cfg)
	}
	org, err := oktasim.New(sim)
	if err != nil {
		t.Fatal(err)
	}
	handler.Store(org.Handler())
	if cfg.API, err = access.New(api); err != nil {
		t.Fatal(err)
	}
	if w.engine, err = factors.New(cfg); err != nil {
		t.Fatal(err)
	}
	if w.cc, err = flows.NewClientContext(address, agent, "de", "dev1"); err != nil {
		t.Fatal(err)
	}
	return &simulated{w, org}
}

// withToken calls with an SSWS token, which /api/v1/authn takes for a trusted application.
func withToken(_ *oktasim.Config, api *access.Config, cfg *factors.Config) {
	*api = access.Config{Client: api.Client, Token: ssws}
	cfg.Primary = factors.PrimaryPassword
}

func (s *simulated) pushed() oktasim.Push {
	s.Helper()
	all := s.org.Pushes(simUser)
	if len(all) == 0 {
		s.Fatal("there is no push")
	}
	return all[len(all)-1]
}

// The reason for this engine: the phone shows the person's own address and agent, also where the same org's Identity
// Engine would show the server's; and the token call of the app carries none of it (S22).
func TestSimPushShowsTheBrowser(t *testing.T) {
	s := newSimulated(t, func(sim *oktasim.Config, _ *access.Config, _ *factors.Config) { sim.EmbeddedPushShowsServer = true })
	s.start(flows.FieldIdentifier, simUser).want("choose").choose(identity.Push)
	p := s.pushed()
	if p.Address != address || p.UserAgent != agent {
		t.Errorf("the phone shows %q, %q", p.Address, p.UserAgent)
	}
	if len(p.Numbers) != 3 || !slices.Contains(p.Numbers, s.step.Wait.Number) {
		t.Errorf("the page shows %q, the phone %v", s.step.Wait.Number, p.Numbers)
	}
	s.poll().want("wait number_challenge #" + s.step.Wait.Number)
	if err := s.org.Tap(p.ID, s.step.Wait.Number); err != nil {
		t.Fatal(err)
	}
	s.poll()
	if s.step.Kind != flows.KindDone || s.step.Identity.Login != simUser || s.step.Identity.Proofs[0].Factor != identity.NumberChallenge {
		t.Errorf("the page is %s", s.page())
	}
	tokens := 0
	for _, r := range s.org.Requests() {
		if strings.HasSuffix(r.Path, "/v1/token") {
			tokens++
			if r.Header.Get("X-Forwarded-For") != "" || strings.Contains(r.Header.Get("User-Agent"), "Mozilla") || r.Header.Get("Accept-Language") != "" {
				t.Errorf("the token call carries %v", r.Header)
			}
		} else if r.Header.Get("X-Forwarded-For") != address || r.Header.Get("User-Agent") != agent || !strings.HasPrefix(r.Header.Get("Authorization"), "DPoP ") {
			t.Errorf("%s carries %v", r.Path, r.Header)
		}
	}
	if tokens < 2 {
		t.Errorf("%d token calls: the app demands DPoP and a nonce", tokens)
	}
}

func TestSimPushEnds(t *testing.T) {
	s := newSimulated(t)
	s.start(flows.FieldIdentifier, simUser).choose(identity.Push)
	if err := s.org.Deny(s.pushed().ID); err != nil {
		t.Fatal(err)
	}
	s.poll().want("denied denied_on_phone")

	s = newSimulated(t)
	s.start(flows.FieldIdentifier, simUser).choose(identity.Push).press("other").want("choose")
	if p := s.pushed(); p.State != "cancelled" {
		t.Errorf("the push is %s", p.State)
	}
	s.choose(identity.TOTP).code(s.org.TOTP(simUser))
	if s.step.Kind != flows.KindDone {
		t.Errorf("the page is %s", s.page())
	}

	s = newSimulated(t)
	s.start(flows.FieldIdentifier, simUser).choose(identity.Push)
	s.later(5*time.Minute + time.Second)
	s.poll().want("denied timeout")
	s.start(flows.FieldIdentifier, "nobody@sidegate.example").want("denied policy final")
	s.org.SetStatus(simUser, "SUSPENDED")
	s.start(flows.FieldIdentifier, simUser).want("denied locked final")
}

// S63: the simulated org locks the account at five wrong codes, and never gets there.
func TestS63SimAccountIsNotLocked(t *testing.T) {
	s := newSimulated(t)
	for range 11 {
		s.start(flows.FieldIdentifier, simUser).choose(identity.TOTP)
		if s.step.Kind == flows.KindCode {
			s.code("000000")
		}
	}
	s.want("denied too_many final")
	if err := s.budget.Reset(t.Context(), "code/"+s.subject()); err != nil {
		t.Fatal(err)
	}
	s.start(flows.FieldIdentifier, simUser).choose(identity.TOTP).code(s.org.TOTP(simUser))
	if s.step.Kind != flows.KindDone {
		t.Errorf("the page is %s: the account is locked", s.page())
	}
}

// subject is Okta's id of the user, from the path of a call for them.
func (s *simulated) subject() string {
	for _, r := range s.org.Requests() {
		if id, ok := strings.CutPrefix(r.Path, "/api/v1/users/"); ok && strings.HasSuffix(id, "/factors") {
			return strings.TrimSuffix(id, "/factors")
		}
	}
	s.Fatal("no call names the user")
	return ""
}

// Classic: user name and password, and the factor in the same transaction.
func TestSimClassic(t *testing.T) {
	password := func(s *simulated, p string) *world {
		s.later(time.Second) // four a second are all that Okta takes for one name
		return s.start(flows.FieldIdentifier, simUser, flows.FieldPassword, p)
	}
	s := newSimulated(t, withToken)
	password(s, "wrong").want("identify [sidegate.credentials]")
	password(s, oktasim.DefaultPassword).want("choose").choose(identity.TOTP).want("code totp").code("000000").
		want("code totp passCode[api.authn.error.PASSCODE_INVALID]").code(s.org.TOTP(simUser))
	if s.step.Kind != flows.KindDone || len(s.step.Identity.Proofs) != 2 {
		t.Fatalf("the page is %s", s.page())
	}
	password(s, oktasim.DefaultPassword).choose(identity.Push)
	if p := s.pushed(); p.Address != address || p.UserAgent != agent {
		t.Errorf("the phone shows %q, %q", p.Address, p.UserAgent)
	}
	s.poll()
	if err := s.org.Approve(s.pushed().ID); err != nil {
		t.Fatal(err)
	}
	if s.poll(); s.step.Kind != flows.KindDone {
		t.Fatalf("the page is %s", s.page())
	}
	password(s, oktasim.DefaultPassword).choose(identity.Push)
	if err := s.org.Deny(s.pushed().ID); err != nil {
		t.Fatal(err)
	}
	s.poll().want("denied denied_on_phone").poll().want("error bad_answer")
	if n := len(s.org.Pushes(simUser)); n != 2 {
		t.Errorf("%d pushes: a poll after the refusal sent another one", n)
	}
	s.later(time.Second)
	for _, name := range []string{"nobody@sidegate.example", simUser} {
		s.start(flows.FieldIdentifier, name, flows.FieldPassword, "wrong").want("identify [sidegate.credentials]")
	}

	s = newSimulated(t, withToken, func(sim *oktasim.Config, _ *access.Config, _ *factors.Config) { sim.Policy.PasswordOnly = true })
	password(s, oktasim.DefaultPassword).want("choose").choose(identity.TOTP).code(s.org.TOTP(simUser))
	if s.step.Kind != flows.KindDone || len(s.step.Identity.Proofs) != 2 {
		t.Errorf("the page is %s", s.page())
	}
}

// Messages and every other code that the simulated org knows.
func TestSimCodes(t *testing.T) {
	const login = "all@sidegate.example"
	s := newSimulated(t, func(sim *oktasim.Config, _ *access.Config, cfg *factors.Config) {
		sim.Users = append(sim.Users, oktasim.User{
			Login: login, Email: login, Name: "Ada All", Password: oktasim.DefaultPassword, Phone: "+15555550123",
			Enrolled: []string{"okta_email", "phone_number", "google_otp", "security_question", "yubikey_token", "rsa_token"}, NextCode: true,
		})
		cfg.Limits.Pushes = 10
	})
	mailed := func() string {
		mails := s.org.Inbox(login)
		return mails[len(mails)-1].Code
	}
	for _, c := range []struct {
		factor identity.Factor
		code   func() string
	}{
		{identity.SMS, mailed}, {identity.Voice, mailed}, {identity.Email, mailed},
		{identity.GoogleOTP, func() string { return s.org.GoogleCode(login) }},
		{identity.SecurityQuestion, func() string { return "liver" }},
	} {
		s.start(flows.FieldIdentifier, login).want("choose").choose(c.factor)
		if s.step.Kind != flows.KindCode {
			t.Fatalf("%s: the page is %s", c.factor, s.page())
		}
		if s.code(c.code()); s.step.Kind != flows.KindDone || s.step.Identity.Proofs[0].Factor != c.factor {
			t.Errorf("%s: the page is %s (%v)", c.factor, s.page(), s.step.Cause)
		}
		s.later(time.Minute)
	}
}

// Okta Verify and Google Authenticator are set up against the simulated org, by QR and by code, and then sign in.
func TestSimEnrolment(t *testing.T) {
	const login = "nophone@sidegate.example"
	enrol := func(_ *oktasim.Config, _ *access.Config, cfg *factors.Config) {
		cfg.Enroll, cfg.Factors = toEnroll, nil
		cfg.EnrollProof.Networks = []netip.Prefix{netip.MustParsePrefix(address + "/32")}
	}
	s := newSimulated(t, enrol)
	s.start(flows.FieldIdentifier, login).want("choose").choose(identity.GoogleOTP)
	if s.step.Kind != flows.KindCode || s.step.Setup == nil || len(s.step.Setup.QR) == 0 || s.step.Setup.Secret == "" {
		t.Fatalf("the page is %s, %+v", s.page(), s.step.Setup)
	}
	if s.code(s.org.GoogleCode(login)); s.step.Kind != flows.KindDone {
		t.Fatalf("the page is %s (%v)", s.page(), s.err)
	}
	s.later(time.Minute)
	s.start(flows.FieldIdentifier, login).want("code google_otp").code(s.org.GoogleCode(login))
	if s.step.Kind != flows.KindDone {
		t.Errorf("the page is %s", s.page())
	}

	s = newSimulated(t, enrol)
	s.start(flows.FieldIdentifier, login).choose(identity.Push)
	if s.step.Kind != flows.KindWait || s.step.Setup == nil || len(s.step.Setup.QR) == 0 {
		t.Fatalf("the page is %s, %+v (%v)", s.page(), s.step.Setup, s.err)
	}
	s.poll().want("wait push #")
	if err := s.org.ScanQR(login, s.org.PendingQR(login)); err != nil {
		t.Fatal(err)
	}
	if s.poll(); s.step.Kind != flows.KindDone || s.step.Identity.Proofs[0].Factor != identity.Push {
		t.Fatalf("the page is %s (%v)", s.page(), s.err)
	}
	s.later(time.Minute)
	s.start(flows.FieldIdentifier, login).want("choose").choose(identity.Push)
	if s.step.Kind != flows.KindWait {
		t.Errorf("the page is %s", s.page())
	}
}
