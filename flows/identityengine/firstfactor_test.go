package identityengine_test

import (
	"strings"
	"testing"

	"sidegate.example/sidegate/flows"
	"sidegate.example/sidegate/gateway/identity"
	"sidegate.example/sidegate/oktasim"
)

// S71: where another engine asks for the second factor, a password that was proved here is enough, and nothing less is.
func TestFirstFactorOnly(t *testing.T) {
	first := func(s *settings) { s.engine.FirstFactorOnly = true }
	b := newBench(t, policy(oktasim.Policy{PasswordOnly: true}), first)
	b.start(pushUser, password)
	if id := b.step.Identity; b.step.Kind != flows.KindDone || len(id.Proofs) != 1 || id.Proofs[0].Factor != identity.Password || id.SecondFactor() || id.Subject == "" {
		t.Fatalf("the step is %+v", b.step)
	}

	b = newBench(t, policy(oktasim.Policy{PasswordOnly: true}), first) // a token endpoint that is down is asked again
	b.org.Inject(oktasim.Fault{Path: "/v1/token", Kind: "status", Status: 503, Times: 1})
	b.start(pushUser, password)
	if b.step.Kind != flows.KindWait || !strings.Contains(string(b.state), `"F":true`) {
		t.Fatalf("the step is %+v", b.step)
	}
	b.poll()
	if b.step.Kind != flows.KindDone {
		t.Fatalf("the step is %+v", b.step)
	}

	b = newBench(t, first)
	b.org.Inject(oktasim.Fault{Path: "/idp/idx/introspect", Kind: "body", Body: successDocument})
	b.start(pushUser, password)
	b.wantDenied(flows.DeniedNoFactor, true)
}
