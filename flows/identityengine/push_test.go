package identityengine_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"strings"
	"testing"
	"time"

	"sidegate.example/sidegate/flows"
	"sidegate.example/sidegate/gateway/identity"
	"sidegate.example/sidegate/oktasim"
)

const (
	pushUser   = "push@sidegate.example"
	numberUser = "number@sidegate.example"
	totpUser   = "totp@sidegate.example"
	lockedUser = "locked@sidegate.example"
)

func TestPushApproved(t *testing.T) {
	b := newBench(t)
	p := b.pushed(pushUser)
	if b.step.Factor != identity.Push || b.step.Device != "Pixel 7" || b.step.Person != pushUser {
		t.Errorf("the page shows %+v", b.step)
	}
	if w := b.step.Wait; w.Interval != 4*time.Second || w.Number != "" {
		t.Errorf("wait is %+v", w)
	}
	b.poll()
	b.want(flows.KindWait)
	if err := b.org.Approve(p.ID); err != nil {
		t.Fatal(err)
	}
	b.poll()
	b.wantDone(pushUser, "Paula Push", identity.Password, identity.Push)
	if len(b.org.Pushes(pushUser)) != 1 {
		t.Errorf("%d pushes were sent, want 1", len(b.org.Pushes(pushUser)))
	}
}

// S79: only a person's gesture sends a push, however many factors there are to choose from.
func TestNothingRingsBeforeTheChoice(t *testing.T) {
	b := newBench(t, func(s *settings) { s.sim.Users[0].Methods = []string{"push"} })
	b.start(pushUser, password)
	b.want(flows.KindChoose)
	if len(b.step.Choices) != 1 || b.step.Choices[0].ID != "push" || b.step.Choices[0].Kind != flows.ChoiceFactor {
		t.Errorf("the choices are %+v, want the push alone", b.step.Choices)
	}
	if n := len(b.org.Pushes(pushUser)); n != 0 {
		t.Errorf("%d pushes were sent before anybody chose", n)
	}
	b.choose("push")
	b.want(flows.KindWait)
}

func TestPushSentByOktaItselfIsNotSentAgain(t *testing.T) {
	b := newBench(t, policy(oktasim.Policy{AutoChallenge: true}))
	b.start(pushUser, password)
	b.want(flows.KindWait)
	if err := b.org.Approve(b.push(pushUser).ID); err != nil {
		t.Fatal(err)
	}
	b.poll()
	b.wantDone(pushUser, "Paula Push", identity.Password, identity.Push)
	if n := len(b.org.Pushes(pushUser)); n != 1 {
		t.Errorf("%d pushes were sent, want 1", n)
	}
}

// S78: after a denial no push is sent for a while, in this sign-in and in the next; another way is open.
func TestS78PushDenied(t *testing.T) {
	b := newBench(t)
	b.later(-time.Hour)
	if err := b.org.Deny(b.pushed(pushUser).ID); err != nil {
		t.Fatal(err)
	}
	b.poll()
	b.wantDenied(flows.DeniedOnPhone, false)
	kinds := []flows.ChoiceKind{}
	for _, c := range b.step.Choices {
		kinds = append(kinds, c.Kind)
	}
	if len(kinds) != 2 || kinds[0] != flows.ChoiceResend || kinds[1] != flows.ChoiceOther {
		t.Fatalf("the ways on are %v, want resend and other", kinds)
	}
	b.choose("resend")
	b.wantMessage(flows.KindChoose, "sidegate.cool_down")
	b.choose("push")
	b.wantMessage(flows.KindChoose, "sidegate.cool_down")
	b.start(pushUser, password)
	b.choose("push")
	b.wantMessage(flows.KindChoose, "sidegate.cool_down")
	if n := len(b.org.Pushes(pushUser)); n != 1 {
		t.Errorf("%d pushes were sent, want the one that was denied", n)
	}
	b.choose("totp")
	b.code(b.org.TOTP(pushUser))
	b.wantDone(pushUser, "Paula Push", identity.Password, identity.TOTP)
	b.later(5 * time.Minute)
	if err := b.org.Approve(b.pushed(pushUser).ID); err != nil {
		t.Fatal(err)
	}
	b.poll()
	b.wantDone(pushUser, "Paula Push", identity.Password, identity.Push)
}

func TestPushResentWhileWaiting(t *testing.T) {
	b := newBench(t)
	b.pushed(numberUser)
	b.later(time.Minute)
	b.choose("resend")
	b.want(flows.KindWait)
	if n := len(b.org.Pushes(numberUser)); n != 2 {
		t.Fatalf("%d pushes were sent, want 2", n)
	}
	// The number has to be the new push's: a tap on any other one is a denial.
	if err := b.org.Tap(b.push(numberUser).ID, b.step.Wait.Number); err != nil {
		t.Fatal(err)
	}
	b.poll()
	b.wantDone(numberUser, "Nadia Number", identity.Password, identity.NumberChallenge)
}

func TestNumberChallengeWrongNumber(t *testing.T) {
	b := newBench(t)
	p := b.pushed(numberUser)
	if b.step.Factor != identity.NumberChallenge || b.step.Wait.Number == "" {
		t.Fatalf("the page shows %+v", b.step)
	}
	for _, n := range p.Numbers {
		if n != b.step.Wait.Number {
			if err := b.org.Tap(p.ID, n); err != nil {
				t.Fatal(err)
			}
			break
		}
	}
	b.poll()
	b.wantDenied(flows.DeniedOnPhone, false)
}

func TestPushNobodyAnswers(t *testing.T) {
	b := newBench(t, func(s *settings) { s.sim.PushLifetime = 10 * time.Second })
	b.pushed(pushUser)
	b.later(11 * time.Second)
	b.poll()
	b.wantDenied(flows.DeniedTimeout, true)
}

func TestOtherFactorWhileWaiting(t *testing.T) {
	b := newBench(t)
	b.pushed(pushUser)
	before := len(b.org.Requests())
	b.choose("other")
	b.want(flows.KindChoose)
	if n := len(b.org.Requests()); n != before {
		t.Errorf("%d calls were made only to show the list", n-before)
	}
	b.choose("totp")
	b.want(flows.KindCode)
	b.code(b.org.TOTP(pushUser))
	b.wantDone(pushUser, "Paula Push", identity.Password, identity.TOTP)
}

func TestCancelEndsThePush(t *testing.T) {
	b := newBench(t)
	p := b.pushed(pushUser)
	if err := b.engine.Cancel(t.Context(), b.cc, b.state); err != nil {
		t.Fatal(err)
	}
	if err := b.org.Approve(p.ID); err != oktasim.ErrNotPending { // S74
		t.Errorf("approving a cancelled push: %v, want ErrNotPending", err)
	}
	if err := b.engine.Cancel(t.Context(), b.cc, nil); err != nil {
		t.Errorf("cancelling nothing: %v", err)
	}
}

// Ten thousand people wait at the same time, each with one State.
func TestStateOfAWaitingPushIsSmall(t *testing.T) {
	const limit = 1200
	for _, user := range []string{pushUser, numberUser} {
		b := newBench(t)
		b.pushed(user)
		if n := len(b.state); n > limit {
			t.Errorf("%s: the state has %d bytes, want at most %d: %s", user, n, limit, b.state)
		} else {
			t.Logf("%s: %d bytes", user, n)
		}
		for _, private := range []string{secret, password} {
			if strings.Contains(string(b.state), private) {
				t.Errorf("%s: the state holds a secret that is not needed to go on", user)
			}
		}
	}
}

func TestPrivateKeyJWT(t *testing.T) {
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	ecKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for name, use := range map[string]func(*settings){
		"RS256": func(s *settings) { s.engine.PrivateKey, s.sim.Clients[0].Key = rsaKey, rsaKey.Public() },
		"ES256": func(s *settings) { s.engine.PrivateKey, s.sim.Clients[0].Key = ecKey, ecKey.Public() },
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, use, func(s *settings) {
				s.engine.ClientSecret, s.sim.Clients[0].Secret, s.engine.KeyID = "", "", "k1"
			})
			b.start(totpUser, password)
			b.want(flows.KindCode)
			b.code(b.org.TOTP(totpUser))
			b.wantDone(totpUser, "Timo Totp", identity.Password, identity.TOTP)
		})
	}
}

func TestOrgAuthorizationServer(t *testing.T) {
	b := newBench(t, func(s *settings) {
		s.issuer = ""
		s.engine.Scopes = []string{"openid", "profile", "email", "groups"}
	})
	if err := b.org.Approve(b.pushed(pushUser).ID); err != nil {
		t.Fatal(err)
	}
	b.poll()
	b.wantDone(pushUser, "Paula Push", identity.Password, identity.Push)
	if g := b.step.Identity.Groups; len(g) != 2 || g[0] != "Everyone" || g[1] != "Staff" {
		t.Errorf("the groups are %q", g)
	}
}

// An ID token beside an access token may be thin: userinfo fills it, and only for the same person.
func TestThinIDTokenIsFilledFromUserinfo(t *testing.T) {
	thin := func(s *settings) {
		s.sim.Policy.ThinIDToken = true
		s.engine.Scopes = []string{"openid", "profile", "email", "groups"}
	}
	b := newBench(t, thin)
	b.start(totpUser, password)
	b.code(b.org.TOTP(totpUser))
	b.wantDone(totpUser, "Timo Totp", identity.Password, identity.TOTP)
	if g := b.step.Identity.Groups; len(g) != 2 {
		t.Errorf("the groups are %q", g)
	}

	b = newBench(t, thin)
	b.start(totpUser, password)
	b.org.Inject(oktasim.Fault{Path: "/v1/userinfo", Kind: "body", Body: `{"sub":"00usomebodyelse","name":"Eve"}`})
	_, _, err := b.engine.Advance(t.Context(), b.cc, b.state, flows.Answer{
		Values: map[string]string{b.step.Fields[0].Name: b.org.TOTP(totpUser)},
	})
	wantReason(t, err, flows.ReasonMalformed)
}
