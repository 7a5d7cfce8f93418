package identityengine

import (
	"slices"
	"time"

	"sidegate.example/sidegate/flows"
	"sidegate.example/sidegate/gateway/identity"
)

// maxInterval is the longest time between two polls, whatever Okta says.
const maxInterval = 30 * time.Second

// rest turns the page that needs a person into State and Step.
func (a *attempt) rest(p *page) (flows.State, flows.Step, error) {
	if p.ask == askRedirected {
		return nil, flows.Step{}, misconfigured("Okta ended the sign-in without an interaction code: the app needs the grant type Interaction Code")
	}
	if p.ask == askNothing && meaningOf(p.messages) == meansCredentials {
		p.ask = askIdentify // Okta gave no form to try again, which makes no difference
	}
	a.keep(p)
	if why, ok := refusal(p, a.waited); ok {
		return a.refuse(p, why)
	}
	if a.tooWeak(p) {
		return a.refuse(p, flows.DeniedStepUp)
	}
	if p.guarded() && !a.mayEnroll() {
		return a.refuse(p, flows.DeniedEnrollment)
	}
	switch p.ask {
	case askIdentify:
		return a.restIdentify(p)
	case askPassword:
		return a.restPassword(p)
	case askCode:
		return a.restCode(p)
	case askWait:
		a.state.Want, a.state.Pending = wantPhone, p.factor
		if len(p.messages) == 0 && !p.enrolling { // messages are not kept: they have to be read each time
			a.state.Seen, a.state.Every = p.print, p.interval
		}
		return a.show(view{messages: p.messages, interval: p.interval})
	case askSafeMode:
		a.state.Want, a.state.Pending, a.state.Factors = wantOkta, "", nil
		a.state.Both = a.state.Both || a.both
		return a.show(view{messages: p.messages, interval: p.interval})
	case askChoose, askEnrollChoice:
		a.state.Want, a.state.Pending = wantChoice, ""
		return a.show(view{messages: p.messages})
	case askSkip:
		a.state.Want, a.state.Pending, a.state.Topic = wantForm, "", flows.TopicOther
		return a.show(view{messages: p.messages})
	case askForm:
		if p.topic == flows.TopicRecover || p.topic == flows.TopicResetPassword || p.topic == flows.TopicUnlock {
			a.state.recover()
		}
		a.state.Want, a.state.Pending, a.state.Topic = wantForm, p.factor, p.topic
		messages := p.messages
		if a.state.Note = p.note; p.note != nil {
			messages = append(messages[:len(messages):len(messages)], *p.note)
		}
		return a.show(view{messages: messages, wrong: p.inputs.messages})
	case askWebAuthn:
		a.state.Want, a.state.Pending, a.state.WebAuthn = wantCredential, p.factor, p.webAuthn
		return a.show(view{messages: p.messages})
	}
	return a.refuse(p, flows.DeniedUnsupported) // askUnsupported, and a probe that never ends
}

// keep takes over what later calls need, and only that.
func (a *attempt) keep(p *page) {
	s := &a.state
	s.Main, s.Resend, s.Factors, s.Cancel, s.Device = p.main, p.resend, p.factors, p.cancel, p.device
	s.Label, s.Number, s.Misses, s.Seen, s.Every = "", p.number, 0, "", 0
	s.PollBy, s.Skip, s.Recover, s.Enrolling, s.Topic, s.Note = p.poll, p.skip, nil, p.enrolling, "", nil
	s.Setup, s.Channels, s.WebAuthn = p.setup, p.channels, nil
	if s.About = ""; p.enrolling {
		s.About = p.about
	}
	s.Proves = p.form != nil && p.form.name == "enroll-authenticator"
	if a.engine.selfService.Recover && p.ask == askPassword && s.StepUp == nil {
		s.Recover = p.recover
	}
	if s.StepUp != nil {
		s.Factors = s.StepUp.offered(s.Factors)
	}
	a.narrow(p)
	if s.proved(identity.Password) {
		s.Factors = slices.DeleteFunc(slices.Clone(s.Factors), func(c factorChoice) bool { return c.Factor == identity.Password })
	}
	if p.ask == askChoose && !slices.ContainsFunc(s.Factors, func(c factorChoice) bool { return !c.Enroll }) {
		p.ask, p.enrolling = askUnsupported, len(s.Factors) > 0
	}
	if !a.mayEnroll() {
		s.Factors = withoutEnrolments(s.Factors)
	}
}

// withoutEnrolments leaves what the person has.
func withoutEnrolments(list []factorChoice) []factorChoice {
	return slices.DeleteFunc(slices.Clone(list), func(c factorChoice) bool { return c.Enroll })
}

// refusal is the reason for which a page must not be shown as what it asks.
// waited is set when Okta was waited for, and nobody's phone.
func refusal(p *page, waited bool) (flows.DeniedReason, bool) {
	if p.ask == askSkip {
		return "", false // a grace period has the keys of the refusal that follows it
	}
	switch meaningOf(p.messages) {
	case meansExpired:
		return flows.DeniedExpired, true
	case meansTimeout, meansDegraded:
		if waited && p.ask == askNothing {
			return flows.DeniedUnavailable, true
		}
		if p.ask == askNothing || p.ask == askRejected {
			return flows.DeniedTimeout, true
		}
	case meansRejected:
		return flows.DeniedOnPhone, true
	case meansUpdateApp:
		// The document may still hold the number of the push that did not work: it is not shown (§5.1).
		if p.ask != askUnsupported {
			return flows.DeniedUpdateApp, true
		}
	case meansLocked:
		return flows.DeniedLocked, true
	case meansPolicy:
		return flows.DeniedPolicy, true
	case meansElsewhere:
		return flows.DeniedElsewhere, true
	case meansRestored:
		return flows.DeniedRestored, p.ask == askNothing
	}
	switch p.ask {
	case askRejected:
		return flows.DeniedTimeout, true
	case askNothing:
		return flows.DeniedExpired, true
	}
	return "", false
}

// refuse shows why this attempt ended. Ways on are kept where Okta gives them and the reason leaves sense in them.
func (a *attempt) refuse(p *page, why flows.DeniedReason) (flows.State, flows.Step, error) {
	s := &a.state
	s.Want, s.Main, s.Pending = wantNothing, nil, p.factor
	switch why {
	case flows.DeniedOnPhone, flows.DeniedTimeout, flows.DeniedUpdateApp:
	case flows.DeniedLocked:
		// The account, or the factor alone: then another one may do.
		s.Resend = nil
	case flows.DeniedEnrollment:
		// What can be proved first may be enough to set something up.
		s.Pending, s.Resend, s.Factors = "", nil, withoutEnrolments(s.Factors)
	default:
		s.Resend, s.Factors = nil, nil
	}
	s.PollBy, s.Skip, s.Recover, s.Setup, s.Channels, s.Enrolling = nil, nil, nil, nil, nil, false
	v := view{messages: p.messages, denied: why}
	if why == flows.DeniedUnsupported {
		v.obstacle = p.obstacle
	}
	return a.show(v)
}

// restIdentify is reached when the form wants a password that nobody typed yet, and when Okta came back to
// the first form because it refused what was sent.
func (a *attempt) restIdentify(p *page) (flows.State, flows.Step, error) {
	if a.state.Seeking != "" {
		return a.askWho(p)
	}
	if a.waited && len(a.state.Proofs) == 0 && a.state.Redirect != "" {
		// What was typed could not be sent, and was not kept.
		a.both, a.state.Want, a.state.Main = a.state.Both, wantCredentials, nil
		return a.show(view{})
	}
	inTheMiddle := !a.identified && !a.typed && a.identifier == ""
	if inTheMiddle || a.state.Redirect == "" {
		return a.refuse(p, flows.DeniedExpired)
	}
	return a.askCredentials()
}

func (a *attempt) restPassword(p *page) (flows.State, flows.Step, error) {
	if a.typed && a.both {
		return a.askCredentials()
	}
	a.state.Want, a.state.Pending = wantPassword, identity.Password
	a.state.Resend, a.state.Factors, a.state.Device = nil, nil, ""
	return a.show(view{messages: a.refusedCredentials()})
}

// askWho asks whose password was forgotten, or whose account is locked.
func (a *attempt) askWho(p *page) (flows.State, flows.Step, error) {
	s := &a.state
	s.Want, s.Pending, s.Topic = wantForm, "", flows.TopicRecover
	if s.Seeking == seekingUnlock {
		s.Topic = flows.TopicUnlock
	}
	if f := find(p.form.fields, flows.FieldIdentifier); f == nil || fixedIn(p.form.fields, f.name) {
		return a.refuse(p, flows.DeniedUnsupported)
	}
	s.Main.Inputs = []input{{Name: flows.FieldIdentifier, Path: []string{flows.FieldIdentifier}, Required: true}}
	s.Resend, s.Factors = nil, nil
	return a.show(view{})
}

// askCredentials shows the page of the first step again. Nothing of what Okta said is on it: an unknown person, a
// wrong password and a person who was asked for nothing yet cannot be told apart.
func (a *attempt) askCredentials() (flows.State, flows.Step, error) {
	messages := a.refusedCredentials()
	a.state = state{Want: wantCredentials, Person: a.state.Person, Redirect: a.state.Redirect, Both: a.both, Remember: a.state.Remember, StepUp: a.state.StepUp}
	return a.show(view{messages: messages})
}

func (a *attempt) refusedCredentials() []flows.Message {
	if !a.typed {
		return nil
	}
	return []flows.Message{{Key: keyCredentials, Error: true}}
}

func (a *attempt) restCode(p *page) (flows.State, flows.Step, error) {
	again := a.answered && a.state.Pending == p.factor
	a.state.Want, a.state.Pending, a.state.Label, a.state.Every = wantCode, p.factor, shorten(p.input.label), p.interval
	v := view{messages: p.messages, fieldMessages: p.input.messages}
	if again && !p.failed() {
		v.fieldMessages = []flows.Message{{Key: keyWrongCode, Error: true}}
	}
	return a.show(v)
}
