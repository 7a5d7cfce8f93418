package identityengine_test

import (
	"testing"

	"sidegate.example/sidegate/flows"
	"sidegate.example/sidegate/gateway/identity"
)

var (
	numberClass = []identity.Factor{identity.NumberChallenge, identity.WebAuthn}
	pushClass   = append([]identity.Factor{identity.Push, identity.CustomPush}, numberClass...)
	anyClass    = append([]identity.Factor{identity.TOTP}, pushClass...)
)

// session signs a person in, who is then asked for more.
func (b *bench) session(user string) identity.Identity {
	b.Helper()
	b.start(user, password)
	if b.step.Kind == flows.KindChoose {
		b.choose("totp")
	}
	b.code(b.org.TOTP(user))
	b.want(flows.KindDone)
	b.later(30e9) // the next code
	return *b.step.Identity
}

func (b *bench) stepUp(who identity.Identity, class []identity.Factor) flows.Step {
	b.Helper()
	return b.take(b.engine.StepUp(b.Context(), b.cc, redirectURI, who, class))
}

// tapped goes on with a push by the number to the end, for the one who has such pushes.
func (b *bench) tapped(user string) {
	b.Helper()
	if len(b.step.Choices) != 1 || b.step.Choices[0].Factor != identity.Push {
		b.Fatalf("offered: %+v", b.step.Choices)
	}
	b.choose("push")
	if err := b.org.Tap(b.push(user).ID, b.step.Wait.Number); err != nil {
		b.Fatal(err)
	}
	b.poll()
	b.wantDone(user, "Nadia Number", identity.Password, identity.NumberChallenge)
}

// A step-up names the person to Okta, asks what Okta asks and offers of its list what is of the class alone.
func TestStepUpOffersTheClass(t *testing.T) {
	const user = "number@sidegate.example"
	b := newBench(t)
	who := b.session(user)
	step := b.stepUp(who, numberClass)
	if step.Kind != flows.KindIdentify || len(step.Fields) != 1 || step.Fields[0].Name != flows.FieldPassword || step.Person != user || len(step.Choices) != 0 {
		t.Fatalf("the first step is %+v", step)
	}
	b.typed(map[string]string{flows.FieldIdentifier: "push@sidegate.example", flows.FieldPassword: "wrong"}) // whatever the browser says
	if b.step.Kind != flows.KindIdentify || len(b.step.Fields) != 1 || b.step.Person != user {
		t.Fatalf("after a wrong password: %+v", b.step)
	}
	b.typed(map[string]string{flows.FieldIdentifier: "push@sidegate.example", flows.FieldPassword: password})
	b.want(flows.KindChoose)
	b.tapped(user)
	if b.step.Identity.Subject != who.Subject {
		t.Errorf("the subject is %s", b.step.Identity.Subject)
	}
}

// Who has nothing of the class, who proves something weaker and who is another person by the end is refused by name.
func TestStepUpThatCannotBe(t *testing.T) {
	b := newBench(t)
	b.stepUp(b.session("totp@sidegate.example"), pushClass)
	b.typed(map[string]string{flows.FieldPassword: password})
	b.wantDenied(flows.DeniedStepUp, true)

	b = newBench(t)
	const user = "push@sidegate.example"
	b.stepUp(b.session(user), numberClass) // whose pushes have no number
	b.typed(map[string]string{flows.FieldPassword: password})
	b.choose("push")
	if err := b.org.Approve(b.push(user).ID); err != nil {
		t.Fatal(err)
	}
	b.poll()
	b.wantDenied(flows.DeniedStepUp, true)
	b.wantCause("no factor of those that the site asks for")

	b = newBench(t)
	who := b.session(user)
	who.Subject = "00uother"
	b.stepUp(who, anyClass)
	b.typed(map[string]string{flows.FieldPassword: password})
	b.choose("totp")
	b.code(b.org.TOTP(user))
	b.wantDenied(flows.DeniedStepUp, true)
	b.wantCause("another person")
}

// A sign-in offers of what the person has what every session needs, and nothing else: after anything else they would be asked for
// it at once. Who has nothing of it gets as far as Okta lets them.
func TestSignInOffersWhatEverySessionNeeds(t *testing.T) {
	const user = "number@sidegate.example"
	b := newBench(t, func(s *settings) { s.engine.Required = numberClass })
	b.start(user, password)
	b.want(flows.KindChoose)
	b.tapped(user)

	b.start("totp@sidegate.example", password)
	if b.step.Kind == flows.KindChoose {
		b.choose("totp")
	}
	b.code(b.org.TOTP("totp@sidegate.example"))
	b.wantDone("totp@sidegate.example", "Timo Totp", identity.Password, identity.TOTP)
}
