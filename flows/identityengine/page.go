package identityengine

import (
	"errors"
	"slices"
	"strings"
	"time"

	"sidegate.example/sidegate/flows"
	"sidegate.example/sidegate/gateway/identity"
)

// ask is the closed set of what a document can want, in our terms.
type ask int

const (
	// askNothing: no remediation; the messages say why.
	askNothing ask = iota
	// askUnsupported: there are remediations, and none that this gateway can serve.
	askUnsupported
	askSuccess
	// askRedirected: success for an app without embedded sign-in; the app is set up wrong.
	askRedirected
	askIdentify
	askPassword
	askCode
	askChoose
	askWait
	// askRejected: the push ended without an approval and can be sent again.
	askRejected
	// askProbe: a device probe that needs a process on the person's machine; it is cancelled.
	askProbe
	askKeepSignedIn
	askSkip
	// askForm: inputs that the document describes itself.
	askForm
	askWebAuthn
	// askEnrollChoice: which authenticator to set up.
	askEnrollChoice
	// askUnlock: the link that begins to unlock an account.
	askUnlock
	// askSafeMode: Okta is degraded and wants to be asked again.
	askSafeMode
)

// page is a document as far as this gateway is concerned.
type page struct {
	ask      ask
	messages []flows.Message
	// form is the remediation that ask was read from.
	form *form
	// main is its call: the answer, the poll, the cancelled probe.
	main *move
	// wantsPassword is set at askIdentify when identifier and password go in one form.
	wantsPassword bool
	// input is the field to type into at askPassword and askCode.
	input *field
	// factor, device, number and interval describe askCode and askWait.
	factor   identity.Factor
	device   string
	number   string
	interval time.Duration
	// factors are what the document offers to choose from, also beside another ask.
	factors []factorChoice
	// resend sends the push, the code or the link again.
	resend *move
	// poll asks whether a link that was mailed has been opened, beside askCode.
	poll *move
	// about is the key of the authenticator that the whole document is about, enrolled are those of what the person has.
	about    string
	enrolled []string
	// skip leaves out what Okta marks as optional; recover begins the recovery of the password.
	skip, recover *move
	// enrolling is set where the document is about setting factor up; setup is what is needed for that.
	enrolling bool
	setup     *flows.Setup
	channels  []channelChoice
	// topic, inputs and note (what to know before filling them in) describe askForm, webAuthn askWebAuthn.
	note     *flows.Message
	topic    flows.Topic
	inputs   *inputs
	webAuthn *flows.WebAuthn
	// obstacle is what may keep the document from being served.
	obstacle flows.Obstacle
	// interactionCode is set at askSuccess.
	interactionCode string
	// cancel is the local path that ends the transaction, "" for the usual one.
	cancel string
	// print is the document's fingerprint.
	print string
}

// failed reports whether Okta refused what was sent last.
func (p *page) failed() bool {
	if anyError(p.messages) || p.input != nil && anyError(p.input.messages) {
		return true
	}
	if p.inputs != nil {
		for _, list := range p.inputs.messages {
			if anyError(list) {
				return true
			}
		}
	}
	return false
}

// guarded reports whether the page is one that a sign-in must have proved enough for (immunity S76): a set-up, or a profile,
// whose addresses and numbers may be what the next proof is sent to.
func (p *page) guarded() bool { return p.enrolling || p.topic == flows.TopicProfile }

// offers reports whether f can be chosen.
func (p *page) offers(f identity.Factor) bool {
	return slices.ContainsFunc(p.factors, func(c factorChoice) bool { return c.Factor == f && !c.Enroll })
}

// setsUp reports whether what has f can be set up: the list names one factor of it, which may be another.
func (p *page) setsUp(f identity.Factor) bool {
	return slices.ContainsFunc(p.factors, func(c factorChoice) bool { return possession(c.Factor) == possession(f) && c.Enroll })
}

// errForeignForm: the form that has to be answered leads off the org's origin.
var errForeignForm = errors.New("the form to answer leads off the org's own origin")

// reader turns a document into a page. local reduces an href to a path on the org and fails for any other
// place.
type reader struct {
	doc   *document
	local func(href string) (string, error)
	// webAuthn and selfService are what the operator has switched on.
	webAuthn    bool
	selfService SelfService
}

// read finds the first remediation that can be served (§3.8, §4.5); side choices come along. Its only error
// is errForeignForm.
func (r reader) read() (*page, error) {
	p := &page{ask: askNothing, messages: r.doc.messages, interactionCode: r.doc.interactionCode, print: r.doc.print}
	switch {
	case p.interactionCode != "":
		p.ask = askSuccess
		return p, nil
	case r.doc.redirected:
		p.ask = askRedirected
		return p, nil
	case len(r.doc.forms) == 0:
		return p, nil
	}
	if r.doc.cancel != nil {
		if path, err := r.local(r.doc.cancel.href); err == nil && path != cancelPath {
			p.cancel = path
		}
	}
	p.factors, p.obstacle = r.sideFactors(), r.obstacle()
	p.about = readAuthenticator(r.doc.root.get("currentAuthenticator").inner()).key
	for _, n := range r.doc.root.get("authenticatorEnrollments").items() {
		p.enrolled = append(p.enrolled, readAuthenticator(n).key)
	}
	r.sideMoves(p)
	for _, serve := range []func(*page, *form) bool{r.wanted, r.serve, r.generic, r.leave} {
		for _, f := range r.doc.forms {
			served := *p // what cannot be served leaves no trace
			if !serve(&served, f) {
				if choosers[f.name] && r.move(f, nil) == nil {
					return nil, errForeignForm
				}
				continue
			}
			served.form = f
			if served.main == nil && served.ask != askChoose && served.ask != askEnrollChoice {
				return nil, errForeignForm
			}
			return &served, nil
		}
	}
	p.ask = askUnsupported
	return p, nil
}

// sideMoves are the ways that stand beside whatever the document asks.
func (r reader) sideMoves(p *page) {
	for _, f := range r.doc.forms {
		if f.name == "skip" {
			p.skip = r.move(f, nil)
		}
	}
	for _, key := range []string{"currentAuthenticatorEnrollment", "currentAuthenticator"} {
		if f := action(r.doc.root.get(key).inner(), "recover"); f != nil && p.recover == nil {
			p.recover = r.move(f, nil)
		}
	}
}

// choosers are the forms whose calls stand in page.factors.
var choosers = map[string]bool{
	"select-authenticator-authenticate": true, "authenticator-verification-data": true, "select-authenticator-enroll": true,
}

// wanted is what the person came for, wherever it stands in the list.
func (r reader) wanted(p *page, f *form) bool {
	if f.name != "unlock-account" || !r.doc.unlocking {
		return false
	}
	if p.ask, p.main = askUnlock, r.move(f, nil); find(f.fields, flows.FieldIdentifier) != nil {
		return r.describe(p, f, flows.TopicUnlock) // it asks for whom at once (§4.3)
	}
	return true
}

// leave skips what nothing else can be made of: an offer of what is not served here, or a warning (§3.8).
func (r reader) leave(p *page, f *form) bool {
	if f.name != "skip" && f.name != "device-assurance-grace-period" {
		return false
	}
	p.ask, p.main, p.skip = askSkip, r.move(f, nil), nil
	// Two errors of Okta's are warnings, for the sign-in goes on: what the device lacks, and that nothing can be set up
	// while Okta is in safe mode. Neither says that the last answer was wrong.
	p.messages = slices.Clone(p.messages)
	for i, m := range p.messages {
		p.messages[i].Error = m.Error && f.name == "skip" && !strings.Contains(m.Key, "server.safe.mode")
	}
	return true
}

// serve fills p from f if this gateway can do what f wants.
func (r reader) serve(p *page, f *form) bool {
	switch f.name {
	case "identify":
		return r.identify(p, f)
	case "challenge-authenticator":
		return r.challenge(p, f)
	case "challenge-poll":
		return r.wait(p, f)
	case "resend":
		at := r.doc.current(f)
		p.ask, p.main, p.factor = askRejected, r.move(f, nil), identity.Push
		if at.isCustomApp() {
			p.factor = identity.CustomPush
		}
		p.device, p.resend = r.doc.device(at), p.main
	case "authenticator-verification-data":
		return r.method(p, f)
	case "select-authenticator-authenticate":
		return r.chooser(p, askChoose, false)
	case "select-authenticator-enroll":
		return r.chooser(p, askEnrollChoice, true)
	case "select-enrollment-channel":
		p.ask, p.enrolling, p.channels = askEnrollChoice, true, r.channels("")
		p.factors = nil
		return len(p.channels) > 0
	case "enroll-authenticator", "enroll-authenticator-promotion":
		return r.enroll(p, f)
	case "enroll-poll":
		return r.enrollPoll(p, f)
	case "device-challenge-poll":
		return r.probe(p, f)
	case "keep-me-signed-in":
		p.ask, p.main = askKeepSignedIn, r.move(f, nil)
	case "poll":
		p.ask, p.main, p.interval = askSafeMode, r.move(f, nil), refresh(f.refresh)
	case "cancel-transaction":
		p.ask, p.main = askProbe, r.move(f, nil) // out of the sign-in that only an Apple device can do (§5.6)
		return p.main != nil
	default:
		if !r.allowed(f) {
			return false
		}
		if topic, ok := topics[f.name]; ok {
			return r.describe(p, f, topic)
		}
		return false
	}
	return true
}

// allowed reports whether the operator serves what only people without a sign-in need.
func (r reader) allowed(f *form) bool {
	switch f.name {
	case "identify-recovery", "reset-authenticator":
		return r.selfService.Recover
	case "select-authenticator-unlock-account":
		return r.selfService.Unlock
	case "request-activation-email":
		return r.selfService.Activate
	}
	return true
}

// chooser offers what the document lists, if there is anything.
func (r reader) chooser(p *page, ask ask, enrolling bool) bool {
	for i := range p.factors {
		if p.factors[i].Enroll == enrolling {
			p.ask, p.enrolling = ask, enrolling
			return true
		}
	}
	return false
}

func (r reader) identify(p *page, f *form) bool {
	input := map[string]any{"identifier": ""}
	if c := find(f.fields, "credentials"); c != nil && find(c.form, "passcode") != nil {
		p.wantsPassword = true
		input["credentials"] = map[string]any{"passcode": ""}
	}
	if len(unanswered(f.fields, build(f.fields, input))) > 0 {
		return false // a captcha, for one
	}
	p.ask, p.main = askIdentify, r.move(f, nil)
	return true
}

// number is the answer of a number challenge, leading zeros included.
func number(n node) string {
	s := n.text()
	if len(s) > 8 {
		return ""
	}
	for _, b := range []byte(s) {
		if b < '0' || b > '9' {
			return ""
		}
	}
	return s
}

// defaultRefresh is the poll interval when a document names none (§5.7).
const defaultRefresh = 4 * time.Second

func refresh(n node) time.Duration {
	ms, err := time.ParseDuration(n.text() + "ms")
	if err != nil || ms <= 0 {
		return defaultRefresh
	}
	return ms
}

// method reads Okta's question which method of Okta Verify to use. The chooser beside it adds the factors that
// the question has not.
func (r reader) method(p *page, f *form) bool {
	outer := find(f.fields, "authenticator")
	at := r.doc.current(f)
	if outer == nil {
		return false
	}
	asked := r.choices(f, outer.name, outer.form, at, outer.label)
	if len(asked) == 0 {
		return false
	}
	own := len(asked)
	for _, side := range p.factors {
		if !slices.ContainsFunc(asked[:own], func(c factorChoice) bool { return c.sameAs(side, outer.name) }) {
			asked = append(asked, side)
		}
	}
	p.ask, p.factors, p.device = askChoose, numbered(asked), r.doc.device(at)
	return true
}

// probe reads a device probe together with its way out (§5.6). Without one it cannot be served.
func (r reader) probe(p *page, _ *form) bool {
	out := action(r.doc.root.get("authenticatorChallenge").inner(), "cancel")
	if out == nil {
		return false
	}
	p.ask = askProbe
	if p.main = r.move(out, nil); p.main != nil {
		p.main.Body["reason"], p.main.Body["statusCode"] = "OV_UNREACHABLE_BY_LOOPBACK", nil
	}
	return true
}

// move is the call of a form, nil when it leads off the org or is a link for browsers.
func (r reader) move(f *form, input map[string]any) *move {
	path, err := r.local(f.href)
	if err != nil || f.method != "" && f.method != "POST" {
		return nil
	}
	m := &move{Path: path, Body: build(f.fields, input)}
	if own, ok := m.Body[stateHandle].(string); ok && own != r.doc.handle {
		m.Handle = own
	}
	delete(m.Body, stateHandle)
	return m
}
