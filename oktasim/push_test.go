package oktasim_test

import (
	"slices"
	"strconv"
	"testing"
	"time"

	"sidegate.example/sidegate/oktasim"
)

// waiting is a sign-in of user with a push on the phone.
func waiting(t *testing.T, login string, change ...func(*oktasim.Config)) *signIn {
	t.Helper()
	s := newBench(t, change...).begin()
	s.password(login, password).wantStep(200, "select-authenticator-authenticate")
	s.choose("push").wantStep(200, "challenge-poll")
	return s
}

func TestWaitingDocument(t *testing.T) {
	s := waiting(t, pushUser)
	a := s.pollAfter(0).wantStep(200, "challenge-poll")
	poll := []any{"remediation", "value", 0}
	if a.at(append(poll, "refresh")...) != 4000.0 || a.str(append(poll, "href")...) != orgURL+"/idp/idx/authenticators/poll" {
		t.Errorf("poll form: %v", a.at(poll...))
	}
	if a.str("currentAuthenticator", "value", "key") != "okta_verify" || a.str("currentAuthenticator", "value", "resend", "href") != orgURL+"/idp/idx/challenge" {
		t.Errorf("currentAuthenticator: %v", a.at("currentAuthenticator"))
	}
	if got := a.header.Get("Content-Type"); got != "application/ion+json; okta-version=1.0.0" {
		t.Errorf("Content-Type %q", got)
	}
	if a.str("expiresAt") != "2026-08-01T13:00:00.000Z" || a.str("version") != "1.0.0" {
		t.Errorf("expiresAt %q, version %q", a.str("expiresAt"), a.str("version"))
	}
	if a.str("app", "value", "label") != "Payroll" || a.str("user", "value", "identifier") != pushUser {
		t.Errorf("app %v, user %v", a.at("app"), a.at("user"))
	}
}

func TestEarlyPollIs429(t *testing.T) {
	s := waiting(t, pushUser)
	s.pollAfter(0).wantStep(200, "challenge-poll") // the first one is free, as Okta's SDK does it
	a := s.pollAfter(3700 * time.Millisecond)
	a.want(429, "errorCode", a.str("errorCode"), "E0000047")
	reset := strconv.FormatInt(s.now.Add(time.Second).Unix(), 10) // 3.8 s in whole seconds
	a.want(429, "X-Rate-Limit-Reset", a.header.Get("X-Rate-Limit-Reset"), reset)
	s.pollAfter(100*time.Millisecond).wantStep(200, "challenge-poll") // 5 % early is in time
}

func TestIntervalCountsFromTheAnswerNotTheRequest(t *testing.T) {
	s := waiting(t, pushUser)
	s.org.Inject(oktasim.Fault{Path: "/poll", Mutate: func(b []byte) []byte {
		s.now = s.now.Add(10 * time.Second) // the answer takes its time
		return b
	}})
	s.pollAfter(0).wantStep(200, "challenge-poll")
	a := s.pollAfter(3 * time.Second)
	a.want(429, "errorCode", a.str("errorCode"), "E0000047")
}

func TestConcurrentPollIs400(t *testing.T) {
	s := waiting(t, pushUser)
	s.org.Inject(oktasim.Fault{Path: "/poll", Mutate: func(b []byte) []byte {
		s.step("authenticators/poll", nil).wantKey(400, "E0000020") // while the first is on its way
		return b
	}})
	s.pollAfter(0).wantStep(200, "challenge-poll")
}

func TestPushNobodyAnswersTimesOut(t *testing.T) {
	s := waiting(t, pushUser)
	p := s.pending(pushUser)
	s.pollAfter(5*time.Minute).wantKey(404, "core.system.transaction_resource_not_found")
	if got := s.org.Pushes(pushUser)[0].State; got != "expired" {
		t.Errorf("state %q, want expired", got)
	}
	if err := s.org.Approve(p.ID); err != oktasim.ErrNotPending {
		t.Errorf("approving an expired push: %v, want ErrNotPending", err)
	}
	s.step("introspect", nil).wantKey(401, "idx.session.expired")
}

func TestNumberChallenge(t *testing.T) {
	for name, c := range map[string]struct{ right bool }{"right number": {true}, "wrong tap is a rejection": {false}} {
		t.Run(name, func(t *testing.T) {
			s := waiting(t, numberUser)
			a := s.step("introspect", nil)
			number := a.str("currentAuthenticator", "value", "contextualData", "correctAnswer")
			p := s.pending(numberUser)
			if len(number) != 2 || len(p.Numbers) != 3 || !slices.Contains(p.Numbers, number) {
				t.Fatalf("number %q, phone %v", number, p.Numbers)
			}
			if err := s.org.Approve(p.ID); err != oktasim.ErrNumber {
				t.Fatalf("approving without a number: %v, want ErrNumber", err)
			}
			tap, step := number, "success"
			if !c.right {
				tap = p.Numbers[slices.IndexFunc(p.Numbers, func(n string) bool { return n != number })]
				step = "resend"
			}
			if err := s.org.Tap(p.ID, tap); err != nil {
				t.Fatal(err)
			}
			s.pollAfter(0).wantStep(200, step)
		})
	}
}

func TestResendOfANumberChallengeVoidsTheFirst(t *testing.T) {
	s := waiting(t, numberUser)
	first := s.pending(numberUser)
	s.step("challenge/resend", nil).wantStep(200, "challenge-poll")
	if err := s.org.Deny(first.ID); err != oktasim.ErrNotPending {
		t.Fatalf("denying the replaced push: %v, want ErrNotPending", err)
	}
	if got := s.pending(numberUser).ID; got == first.ID {
		t.Fatal("no new push")
	}
}

// S74: an approval finishes the sign-in that it was sent for and no other.
func TestApprovalFinishesOnlyItsOwnTransaction(t *testing.T) {
	b := newBench(t)
	var both [2]*signIn
	for i := range both {
		both[i] = b.begin()
		both[i].password(pushUser, password)
		both[i].choose("push").wantStep(200, "challenge-poll")
	}
	if err := b.org.Approve(b.org.Pushes(pushUser)[0].ID); err != nil {
		t.Fatal(err)
	}
	both[1].pollAfter(0).wantStep(200, "challenge-poll")
	both[0].pollAfter(0).wantStep(200, "success")
}

// S74: choosing another way voids the push; its approval comes too late.
func TestChoosingAnotherFactorVoidsThePush(t *testing.T) {
	s := waiting(t, pushUser)
	p := s.pending(pushUser)
	s.choose("totp").wantStep(200, "challenge-authenticator")
	if err := s.org.Approve(p.ID); err != oktasim.ErrNotPending {
		t.Fatalf("approving: %v, want ErrNotPending", err)
	}
	if got := s.org.Pushes(pushUser)[0].State; got != "cancelled" {
		t.Fatalf("state %q, want cancelled", got)
	}
}

func TestUnknownPush(t *testing.T) {
	if err := newBench(t).org.Approve("opfX"); err != oktasim.ErrNoPush {
		t.Fatalf("%v, want ErrNoPush", err)
	}
}
