package identityengine_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"sidegate.example/sidegate/flows"
	"sidegate.example/sidegate/flows/limits"
	"sidegate.example/sidegate/gateway/identity"
	"sidegate.example/sidegate/oktasim"
)

func (b *bench) wantMessage(k flows.Kind, key string) {
	b.Helper()
	b.want(k)
	if !slices.ContainsFunc(b.step.Messages, func(m flows.Message) bool { return m.Key == key }) {
		b.Fatalf("the page says %+v, want %s", b.step.Messages, key)
	}
}

// codes types wrong codes in new sign-ins until the gate refuses, from another address each time, and returns how many Okta
// judged.
func (b *bench) codes(most int) int {
	b.Helper()
	before := b.called("/idp/idx/challenge/answer")
	for i := range most {
		cc, err := flows.NewClientContext(fmt.Sprintf("198.51.100.%d", i+1), agent, "", "")
		if err != nil {
			b.Fatal(err)
		}
		b.cc = cc
		if b.start(totpUser, password); b.step.Kind == flows.KindChoose {
			b.choose("totp")
		}
		if b.step.Kind == flows.KindCode {
			b.code("000000")
		}
	}
	return b.called("/idp/idx/challenge/answer") - before
}

// S63: eleven wrong codes from eleven addresses and in eleven sign-ins: Okta judges three, the account is not locked, and after
// five minutes the right code lets in. No five wrong ones reach Okta within an hour.
func TestS63WrongCodes(t *testing.T) {
	b := newBench(t)
	b.later(-time.Hour) // so that tokens are not of the future in the end
	judged := b.codes
	if n := judged(11); n != 3 {
		t.Errorf("Okta judged %d wrong codes, want 3", n)
	}
	b.wantDenied(flows.DeniedTooMany, true)
	b.wantCause("too many wrong codes in a row; Okta was not asked")
	b.later(5 * time.Minute)
	if n := judged(11); n != 1 {
		t.Errorf("after the window Okta judged %d more, want 1", n)
	}
	b.later(50 * time.Minute)
	if n := judged(2); n != 0 {
		t.Errorf("within an hour Okta judged %d more", n)
	}
	b.later(5 * time.Minute)
	b.start(totpUser, password)
	if b.step.Kind == flows.KindChoose {
		b.choose("totp")
	}
	b.code(b.org.TOTP(totpUser))
	b.wantDone(totpUser, "Timo Totp", identity.Password, identity.TOTP)
	if n := judged(11); n != 3 {
		t.Errorf("after a right code Okta judged %d wrong ones, want 3", n)
	}
}

// S63: the third wrong code ends the sign-in, which is cancelled at Okta, and a code that Okta did not judge is none.
func TestS63TheLastWrongCodeEnds(t *testing.T) {
	b := newBench(t)
	b.start(totpUser, password)
	if b.step.Kind == flows.KindChoose {
		b.choose("totp")
	}
	b.org.Inject(oktasim.Fault{Path: "/idp/idx/challenge/answer", Kind: "status", Status: http.StatusTooManyRequests, Times: 5})
	for range 5 {
		_, _, err := b.engine.Advance(t.Context(), b.cc, b.state, flows.Answer{Values: map[string]string{b.step.Fields[0].Name: "000000"}})
		wantReason(t, err, flows.ReasonRateLimited)
		b.later(2 * time.Minute)
	}
	b.code("12") // is none either, and never leaves
	for range 2 {
		b.code("000000")
		b.want(flows.KindCode)
	}
	cancelled := b.called("/idp/idx/cancel")
	b.code("000000")
	b.wantDenied(flows.DeniedTooMany, true)
	if b.called("/idp/idx/cancel") != cancelled+1 {
		t.Error("the sign-in goes on at Okta")
	}
}

// S63: wrong passwords stop before Okta is asked, per name and per address, and look like any others.
func TestS63WrongPasswords(t *testing.T) {
	for _, first := range []bool{false, true} {
		b := newBench(t, policy(oktasim.Policy{IdentifierFirst: first}))
		judged := func() int { return b.called("/idp/idx/identify") + b.called("/idp/idx/challenge/answer") }
		before := 0
		for i := range 8 {
			if i == 5 {
				before = judged()
			}
			b.start(totpUser, "wrong")
		}
		b.wantMessage(flows.KindIdentify, "sidegate.too_many_tries")
		if n := judged() - before; n != 0 {
			t.Errorf("Okta judged %d passwords after five wrong ones", n)
		}
		if b.start(totpUser, password); b.step.Kind != flows.KindIdentify {
			t.Errorf("a right password after too many wrong ones leads to %s", b.step.Kind)
		}
		b.later(5 * time.Minute)
		for range 20 { // right ones use nothing up
			if b.start(totpUser, password); b.step.Kind == flows.KindIdentify {
				t.Fatalf("a right password is refused: %+v", b.step)
			}
		}
	}
	b := newBench(t, func(s *settings) { s.engine.Limits = limits.Config{AddressPasswords: 10} })
	for i := range 12 {
		b.start(fmt.Sprintf("nobody%d", i), "wrong")
	}
	b.wantMessage(flows.KindIdentify, "sidegate.too_many_tries")
}

// S64: until Okta has named the person, spellings of one name share one budget.
func TestS64Spellings(t *testing.T) {
	b := newBench(t)
	spellings := []string{"totp@sidegate.example", "TOTP@sidegate.example", "ｔotp@sidegate.example", "tótp@sidegate.example", " totp@sidegate.example"}
	for i := range 10 {
		b.start(spellings[i%len(spellings)], "wrong")
	}
	if n := b.called("/idp/idx/identify"); n != 5 {
		t.Errorf("Okta judged %d passwords of one name, want 5", n)
	}
	for i := range 12 {
		b.start([]string{"totp", "totp@elsewhere.example", "tótp@x"}[i%3], "wrong")
	}
	if n := b.called("/idp/idx/identify"); n != 10 {
		t.Errorf("Okta judged %d passwords of one person, want 10", n)
	}
}

// S65: a name that others may read as another one is refused before Okta is asked, on the first page and on those of a
// forgotten password.
func TestS65Names(t *testing.T) {
	b := newBench(t, func(s *settings) { s.engine.SelfService.Recover, s.sim.Policy.Recover = true, true })
	bad := []string{"a@evil@corp", "bob\x00", "\u202ebob", "bob\u200f@corp", `"bob"@corp`, ""}
	for _, name := range bad {
		_, _, err := b.engine.Start(t.Context(), b.cc, redirectURI, flows.Answer{Values: map[string]string{flows.FieldIdentifier: name, flows.FieldPassword: password}})
		wantReason(t, err, flows.ReasonBadAnswer)
	}
	if n := len(b.org.Requests()); n != 0 {
		t.Errorf("Okta was asked %d times", n)
	}
	b.take(b.engine.Start(t.Context(), b.cc, redirectURI, flows.Answer{Choice: flows.ChoiceIDRecover}))
	b.want(flows.KindForm)
	before := len(b.org.Requests())
	for _, name := range bad {
		b.typed(map[string]string{flows.FieldIdentifier: name})
		b.want(flows.KindForm)
		if len(b.step.Fields[0].Messages) == 0 {
			t.Errorf("%q: the field says nothing", name)
		}
	}
	if n := len(b.org.Requests()) - before; n != 0 {
		t.Errorf("Okta was asked %d times for a forgotten password", n)
	}
}

// S78: twenty presses of the button in a minute, in five sign-ins: Okta sends three pushes, and the page says why.
func TestS78Pushes(t *testing.T) {
	b := newBench(t)
	b.later(-time.Hour)
	for range 5 {
		b.start(pushUser, password)
		b.choose("push")
		for range 3 {
			if b.step.Kind == flows.KindWait {
				b.later(3 * time.Second)
				b.choose("resend")
			} else {
				b.choose("push")
			}
		}
	}
	b.wantMessage(flows.KindChoose, "sidegate.too_many_sends")
	if n := len(b.org.Pushes(pushUser)); n != 3 {
		t.Errorf("%d pushes were sent, want 3", n)
	}
	b.choose("totp")
	b.code(b.org.TOTP(pushUser))
	b.wantDone(pushUser, "Paula Push", identity.Password, identity.TOTP)
	b.later(5 * time.Minute)
	for range 6 { // who answers is not being pestered
		if err := b.org.Approve(b.pushed(pushUser).ID); err != nil {
			t.Fatal(err)
		}
		b.poll()
		b.want(flows.KindDone)
	}
}

// S78: where Okta sends the push of itself, right after the password, the next password is not sent on once there were too
// many, or one was denied: whoever knows it could have the phone ring without end.
func TestS78PushesThatOktaSends(t *testing.T) {
	b := newBench(t, policy(oktasim.Policy{AutoChallenge: true}))
	for i := range 20 {
		b.start([]string{pushUser, strings.ToUpper(pushUser)}[i%2], password)
	}
	b.wantMessage(flows.KindIdentify, "sidegate.too_many_tries")
	if n := len(b.org.Pushes(pushUser)); n != 3 {
		t.Errorf("%d pushes were sent, want 3", n)
	}
	b.later(5 * time.Minute)
	b.start(pushUser, password)
	b.want(flows.KindWait)
	if err := b.org.Deny(b.push(pushUser).ID); err != nil {
		t.Fatal(err)
	}
	b.poll()
	b.wantDenied(flows.DeniedOnPhone, false)
	b.start(pushUser, password)
	b.wantMessage(flows.KindIdentify, "sidegate.too_many_tries")
	if n := len(b.org.Pushes(pushUser)); n != 4 {
		t.Errorf("%d pushes were sent, want 4", n)
	}
	b.later(5 * time.Minute)
	b.start(pushUser, password)
	b.want(flows.KindWait)
}
