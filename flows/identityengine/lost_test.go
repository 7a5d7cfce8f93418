package identityengine_test

import (
	"testing"
	"time"

	"sidegate.example/sidegate/flows"
	"sidegate.example/sidegate/gateway/identity"
	"sidegate.example/sidegate/oktasim"
)

// P8: Okta says once that the phone has approved. If that answer is lost, with its connection or with the replica that had
// asked, the person is in all the same.
func TestLostApprovalIsFoundAgain(t *testing.T) {
	for user, factor := range map[string]identity.Factor{pushUser: identity.Push, numberUser: identity.NumberChallenge} {
		b := newBench(t)
		b.later(-200 * time.Second)
		b.approve(user)
		before := b.state
		b.org.Inject(oktasim.Fault{Path: pollPath, Kind: "truncate"})
		_, _, err := b.engine.Poll(t.Context(), b.cc, b.state)
		wantReason(t, err, flows.ReasonUnavailable)
		b.poll()
		b.want(flows.KindDone)
		if p := b.step.Identity.Proofs; len(p) != 2 || p[1].Factor != factor {
			t.Errorf("the proofs are %+v, want one of %s", p, factor)
		}
		if n := b.called(tokenPath); n != 1 {
			t.Errorf("%d token calls", n)
		}
		b.take(b.engine.Poll(t.Context(), b.cc, before)) // spent: nothing is found a second time
		b.wantDenied(flows.DeniedExpired, true)
	}
}

// P8: the same for a code, whoever types one again.
func TestLostRightCodeIsFoundAgain(t *testing.T) {
	b := newBench(t)
	b.later(-200 * time.Second)
	b.start(totpUser, password)
	asked := b.state
	b.org.Inject(oktasim.Fault{Path: "/idp/idx/challenge/answer", Kind: "truncate"})
	answer := func(code string) flows.Answer {
		return flows.Answer{Values: map[string]string{b.step.Fields[0].Name: code}}
	}
	wrong := answer("000000")
	_, _, err := b.engine.Advance(t.Context(), b.cc, b.state, answer(b.org.TOTP(totpUser)))
	wantReason(t, err, flows.ReasonUnavailable)
	b.code("000000")
	b.wantDone(totpUser, "Timo Totp", identity.Password, identity.TOTP)
	if n := b.called(tokenPath); n != 1 {
		t.Errorf("%d token calls", n)
	}
	b.take(b.engine.Advance(t.Context(), b.cc, asked, wrong)) // spent: nothing is found a second time
	b.wantDenied(flows.DeniedExpired, true)
}

// S71: an answer that was lost may have led elsewhere. That the phone is not asked any more is no approval.
func TestLostChoiceIsNoApproval_S71(t *testing.T) {
	b := newBench(t)
	b.later(-200 * time.Second)
	b.pushed(pushUser)
	waiting, page := b.state, b.step
	b.choose("other")
	b.choose("totp")
	b.want(flows.KindCode)
	b.state, b.step = waiting, page
	for range 4 {
		b.poll()
		b.want(flows.KindWait)
	}
	b.poll()
	b.wantDenied(flows.DeniedExpired, true)
}
