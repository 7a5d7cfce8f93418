package identityengine

import (
	"context"
	"slices"

	"sidegate.example/sidegate/flows"
	"sidegate.example/sidegate/flows/limits"
	"sidegate.example/sidegate/gateway/identity"
)

const (
	// maxAutomatic bounds the calls that one gesture may cause, so that an Okta that asks the same again and
	// again is left.
	maxAutomatic = 10
	// maxProbes bounds the cancelled device probes of one gesture (§5.6).
	maxProbes = 3
)

// attempt is one call of a Flow method: the state that it changes and what the person just gave.
type attempt struct {
	engine *Engine
	cc     flows.ClientContext
	state  state
	// identifier and password are still to be sent; "" when there is none or it is.
	identifier, password string
	// both is set when the person typed identifier and password on one page.
	both bool
	// typed is set when the person typed a password, identified once Okta has been told the identifier.
	typed, identified bool
	// asked is the factor whose answer the next document judges; "" for none.
	asked    identity.Factor
	selected bool // the password has been chosen from a list
	waited   bool // Okta was in safe mode before this
	answered bool // a code was sent, which the next document judges
	probes   int
	polling  bool
	// remember asks Okta to remember this browser; token is one that Okta mailed.
	remember bool
	token    struct{ name, value string }
	counted  counted
	// cause is what made a refusal, for the log; nil when the document says it.
	cause error
	// left is the State to go on with should the answer to a call be lost, nil for the one that there was.
	left flows.State
	// known is the fingerprint of a document that is not to be read again; "" for none.
	known string
}

// begin starts a transaction at Okta with what was typed; password may be "".
func (a *attempt) begin(ctx context.Context, identifier, password string) (flows.State, flows.Step, error) {
	if err := a.take(identifier, password); err != nil {
		return nil, flows.Step{}, err
	}
	if no, err := a.admit(ctx); err != nil {
		return nil, flows.Step{}, err
	} else if no != nil {
		return a.refusedAtOnce(*no)
	}
	a.state = state{Person: a.identifier, Redirect: a.state.Redirect, Remember: a.remember, StepUp: a.state.StepUp}
	return a.open(ctx)
}

// resume goes on with a transaction that nothing has been typed into yet, unless it is over by now.
func (a *attempt) resume(ctx context.Context, identifier, password string) (flows.State, flows.Step, error) {
	if err := a.take(identifier, password); err != nil {
		return nil, flows.Step{}, err
	}
	if no, err := a.admit(ctx); err != nil {
		return nil, flows.Step{}, err
	} else if no != nil {
		return a.refusedAtOnce(*no)
	}
	doc, err := a.introspect(ctx, map[string]any{"stateToken": a.state.Handle})
	if err != nil {
		return nil, flows.Step{}, err
	}
	if len(doc.forms) == 0 {
		return a.begin(ctx, identifier, password)
	}
	a.state.Person = a.identifier
	return a.proceed(ctx, doc)
}

// take checks what was typed and has it sent as Okta asks for it.
func (a *attempt) take(identifier, password string) error {
	identifier, err := limits.ReadLogin(identifier)
	if err == nil && password != "" {
		password, err = readPassword(password)
	}
	if err != nil {
		return err
	}
	a.identifier, a.password, a.typed = identifier, password, password != ""
	return nil
}

// open starts the transaction and does what needs no person.
func (a *attempt) open(ctx context.Context) (flows.State, flows.Step, error) {
	handle, step, err := a.interact(ctx)
	if err != nil {
		return nil, flows.Step{}, err
	}
	if step != nil {
		return nil, *step, nil
	}
	doc, err := a.introspect(ctx, map[string]any{"interactionHandle": handle})
	if err != nil {
		return nil, flows.Step{}, err
	}
	return a.proceed(ctx, doc)
}

// proceed does what needs no person until a page is to be shown.
func (a *attempt) proceed(ctx context.Context, doc *document) (flows.State, flows.Step, error) {
	for range maxAutomatic {
		doc.unlocking = a.state.Seeking == seekingUnlock
		p, err := reader{doc, a.engine.client.Local, a.engine.webAuthn, a.engine.selfService}.read()
		if err != nil {
			return nil, flows.Step{}, malformed("%w", err)
		}
		if doc.handle != "" {
			a.state.Handle = doc.handle
		}
		a.state.know(doc)
		a.judge(ctx, p)
		if p.ask == askSuccess {
			return a.finish(ctx, p.interactionCode)
		}
		m, body := a.automatic(p)
		if m == nil {
			a.settle(ctx, p)
			if end := a.stopped(ctx, p); end != nil {
				return nil, *end, nil
			}
			next, step, err := a.rest(p)
			if err == nil {
				a.denied(ctx, step)
			}
			return next, step, err
		}
		if doc, err = a.post(ctx, m, body); err != nil {
			return nil, flows.Step{}, err
		}
	}
	return nil, flows.Step{}, malformed("the org asks the same again and again")
}

// judge records the factor whose answer Okta accepted: it moved on, without an error, to something
// that is not the same question. A chooser that offers the same factor again has not accepted it.
func (a *attempt) judge(ctx context.Context, p *page) {
	factor := a.asked
	if p.ask == askProbe && !p.failed() {
		return // it is about the device: the document after it says what became of the answer
	}
	a.asked = ""
	if factor == "" || p.failed() {
		return
	}
	switch p.ask {
	case askNothing, askRedirected, askRejected, askIdentify, askSafeMode, askUnlock:
		return
	case askSkip:
		if a.state.Enrolling && p.form.name == "skip" && len(p.messages) > 0 {
			return // it may not have worked
		}
	case askWait, askPassword, askCode, askForm, askWebAuthn:
		expired := p.topic == flows.TopicPasswordExpired || p.topic == flows.TopicPasswordExpiring // the old one was right
		if plain(p.factor) == plain(factor) && p.enrolling == a.state.Enrolling && !expired {
			return
		}
	case askChoose, askEnrollChoice:
		if !a.state.Enrolling && p.offers(plain(factor)) || a.state.Enrolling && p.setsUp(factor) || len(p.channels) > 0 {
			return
		}
	}
	if a.state.Enrolling && a.state.Want == wantPhone && !a.scanned(p) {
		return
	}
	a.state.prove(factor, a.engine.now())
	a.forgive(ctx, factor)
}

// scanned reports whether the poll of a set-up, in which nobody types anything, has ended because the person's phone did it:
// Okta is through with that authenticator, and where it only lists what else to set up, it says that the person has it.
func (a *attempt) scanned(p *page) bool {
	if p.ask == askEnrollChoice {
		return slices.Contains(p.enrolled, a.state.About)
	}
	return p.about == "" || p.about != a.state.About
}

// plain is the factor as a chooser calls it: that a push came with a number is seen only later.
func plain(f identity.Factor) identity.Factor {
	if f == identity.NumberChallenge {
		return identity.Push
	}
	return f
}

// automatic is the call that needs no person, nil when a page is due. It never chooses a factor that makes a
// phone ring.
func (a *attempt) automatic(p *page) (*move, map[string]any) {
	if p.guarded() && p.skip != nil && !a.mayEnroll() {
		return p.skip, p.skip.Body
	}
	if m := a.seek(p); m != nil {
		return m, m.Body
	}
	switch p.ask {
	case askProbe:
		if a.probes++; a.probes <= maxProbes {
			return p.main, p.main.Body
		}
	case askSkip:
		if len(p.messages) == 0 { // a warning is for the person to read
			return p.main, p.main.Body
		}
	case askKeepSignedIn:
		body := build(p.form.fields, map[string]any{"keepMeSignedIn": a.state.Remember})
		delete(body, stateHandle)
		return p.main, body
	case askIdentify:
		return a.identify(p)
	case askPassword:
		if a.password != "" && !p.failed() {
			body := p.main.withInput(a.password)
			a.password, a.asked = "", identity.Password
			return p.main, body
		}
	case askChoose:
		return a.choosePassword(p)
	}
	return nil, nil
}

// identify fills the first form, with the password where the form takes it.
func (a *attempt) identify(p *page) (*move, map[string]any) {
	if a.identifier == "" || p.wantsPassword && a.password == "" {
		return nil, nil
	}
	input := map[string]any{"identifier": a.identifier}
	if p.wantsPassword {
		input["credentials"] = map[string]any{"passcode": a.password}
		a.password, a.asked = "", identity.Password
	}
	if r := find(p.form.fields, "rememberMe"); r != nil && (r.literal == nil || a.remember) {
		input["rememberMe"] = a.remember
	}
	a.identifier, a.identified = "", true
	body := build(p.form.fields, input)
	delete(body, stateHandle)
	return p.main, body
}

// choosePassword takes the password from a list while none has been given: it comes first, so that the page looks
// the same whether or not Okta knows the person.
func (a *attempt) choosePassword(p *page) (*move, map[string]any) {
	if a.selected || a.state.proved(identity.Password) || p.failed() {
		return nil, nil
	}
	if up := a.state.StepUp; up != nil && slices.ContainsFunc(up.offered(p.factors), func(c factorChoice) bool { return c.Factor != identity.Password }) {
		return nil, nil
	}
	for i := range p.factors {
		if p.factors[i].Factor == identity.Password && !p.factors[i].Enroll {
			a.selected = true
			m := &p.factors[i].Move
			return m, m.Body
		}
	}
	return nil, nil
}
