package identityengine

import (
	"context"
	"errors"
	"time"

	"sidegate.example/sidegate/flows"
	"sidegate.example/sidegate/flows/limits"
	"sidegate.example/sidegate/gateway/identity"
)

// The limits of package limits are held by gestures: what a poll brings costs nobody anything but a denial. Okta counts
// for itself, too; the gate's own limits end before Okta locks an account (immunity S63), and leave phones in peace
// (immunity S78).

var (
	msgTooMany  = flows.Message{Key: "sidegate.too_many_tries", Error: true}
	msgSends    = flows.Message{Key: "sidegate.too_many_sends", Error: true}
	msgCoolDown = flows.Message{Key: "sidegate.cool_down", Error: true}

	errTooMany = errors.New("too many wrong codes in a row; Okta was not asked")
	errBlocked = errors.New(`the person is blocked: "that was not me" was pressed a short while ago`)
)

// who is what the person's codes, pushes and denials are counted under: Okta's id once Okta has named it.
func (a *attempt) who() string {
	switch {
	case a.state.User != "":
		return a.state.User
	case a.state.Person != "":
		return a.engine.count.Name(a.state.Person)
	}
	return a.engine.count.Name(a.cc.Addr().String())
}

// know takes over whom a document is about.
func (s *state) know(doc *document) {
	if id := doc.root.get("user").get("value").get("id").text(); id != "" && len(id) <= maxUserID {
		s.User = id
	}
}

// maxUserID bounds Okta's id of a person; real ones have 20 characters.
const maxUserID = 128

// admit counts what was typed on the first page before it is sent; a Message says why it is not.
func (a *attempt) admit(ctx context.Context) (*flows.Message, error) {
	wait, err := a.engine.count.WaitUnasked(ctx, a.identifier)
	if err == nil && wait == 0 && a.password != "" {
		wait, err = a.takePassword(ctx, a.identifier)
	}
	if err != nil || wait == 0 {
		return nil, err
	}
	return &msgTooMany, nil
}

// takePassword counts the password as wrong until it is judged.
func (a *attempt) takePassword(ctx context.Context, login string) (wait time.Duration, err error) {
	wait, err = a.engine.count.TakePassword(ctx, a.cc.Addr(), login)
	if err == nil && wait == 0 {
		a.counted.password = login
	}
	return wait, err
}

// refusedAtOnce shows the first page again with why nothing was sent, or ends where that page had no password to ask for.
func (a *attempt) refusedAtOnce(m flows.Message) (flows.State, flows.Step, error) {
	if !a.both {
		return nil, a.end(flows.DeniedTooMany, errors.New("too many attempts with this name; Okta was not asked")), nil
	}
	a.state = state{Want: wantCredentials, Person: a.identifier, Redirect: a.state.Redirect, Both: true, Remember: a.remember, StepUp: a.state.StepUp}
	return a.show(view{messages: []flows.Message{m}})
}

// counted is what a gesture has counted, until Okta's answer says what became of it.
type counted struct {
	// password is the login that a password was counted for, code is set for a code, sent for a push or message.
	password   string
	code, sent bool
}

// unjudged takes back what Okta has not judged: err says that it was not asked, or there is none and what was typed was
// never sent.
func (a *attempt) unjudged(ctx context.Context, err error) {
	count, unsent := a.engine.count, err != nil && !limits.Judged(err)
	if a.counted.password != "" && (unsent || a.password != "") {
		count.ReturnPassword(ctx, a.cc.Addr(), a.counted.password)
	}
	if a.counted.code && unsent {
		count.ReturnCode(ctx, a.who())
	}
	if a.counted.sent && unsent {
		count.ReturnSend(ctx, a.who())
	}
}

// forgive is for a factor that Okta accepted.
func (a *attempt) forgive(ctx context.Context, f identity.Factor) {
	switch {
	case f != identity.Password:
		a.engine.count.ForgiveCode(ctx, a.who())
		a.counted.code = false
		if sends(f) {
			a.engine.count.Answered(ctx, a.who(), a.state.Person)
		}
	case a.counted.password != "":
		a.engine.count.ForgivePassword(ctx, a.cc.Addr(), a.counted.password)
		a.counted.password = ""
	}
}

// takeCode counts what was typed, or signed, as wrong until Okta says otherwise; a Step is the end.
func (a *attempt) takeCode(ctx context.Context) (*flows.Step, error) {
	wait, err := a.engine.count.TakeCode(ctx, a.who())
	if err != nil {
		return nil, err
	}
	if wait > 0 {
		return a.tooMany(ctx), nil
	}
	a.counted.code = true
	return nil, nil
}

// tooMany ends the sign-in where Okta would soon lock the account.
func (a *attempt) tooMany(ctx context.Context) *flows.Step {
	m := &move{Path: a.state.Cancel}
	if m.Path == "" {
		m.Path = cancelPath
	}
	_, _ = a.post(ctx, m, nil) // nobody goes on with it
	step := a.end(flows.DeniedTooMany, errTooMany)
	return &step
}

// answer is send for a code, or what a key has signed.
func (a *attempt) answer(ctx context.Context, m *move, body map[string]any) (flows.State, flows.Step, error) {
	end, err := a.takeCode(ctx)
	if err != nil || end != nil {
		return nil, orStep(end), err
	}
	doc, err := a.post(ctx, m, body)
	if err != nil {
		return nil, flows.Step{}, err
	}
	return a.proceed(ctx, a.unlessLost(ctx, doc))
}

// stopped ends the sign-in where p asks for a code that could not be sent on, because too many were wrong. Where that cannot be
// known right now, takeCode will say.
func (a *attempt) stopped(ctx context.Context, p *page) *flows.Step {
	if a.polling || p.enrolling && !a.counted.code || p.ask != askCode && p.ask != askWebAuthn {
		return nil
	}
	if wait, err := a.engine.count.WaitCode(ctx, a.who()); err != nil || wait == 0 {
		return nil
	}
	return a.tooMany(ctx)
}

func orStep(s *flows.Step) flows.Step {
	if s == nil {
		return flows.Step{}
	}
	return *s
}

// sends reports whether f is asked for by something that reaches the person elsewhere.
func sends(f identity.Factor) bool {
	switch plain(f) {
	case identity.Push, identity.CustomPush, identity.SMS, identity.Voice, identity.Email:
		return true
	}
	return false
}

// mayAsk counts the push or message that f is asked for by, or says why it must not be sent; a Step is the end, where its
// code could not be typed anyway.
func (a *attempt) mayAsk(ctx context.Context, f identity.Factor) (*flows.Message, *flows.Step, error) {
	count, push := a.engine.count, plain(f) == identity.Push || f == identity.CustomPush
	if push {
		if wait, err := count.WaitDenied(ctx, a.who()); err != nil || wait > 0 {
			return &msgCoolDown, nil, err
		}
	} else if wait, err := count.WaitCode(ctx, a.who()); err != nil {
		return nil, nil, err
	} else if wait > 0 {
		return nil, a.tooMany(ctx), nil
	}
	if !sends(f) {
		return nil, nil, nil
	}
	wait, err := count.TakeSend(ctx, a.who())
	if err != nil || wait > 0 {
		return &msgSends, nil, err
	}
	a.counted.sent = true
	return nil, nil, nil
}

// ask is send for what makes Okta ask for f.
func (a *attempt) ask(ctx context.Context, f identity.Factor, m *move) (flows.State, flows.Step, error) {
	no, end, err := a.mayAsk(ctx, f)
	switch {
	case err != nil || end != nil:
		return nil, orStep(end), err
	case no == nil:
		return a.send(ctx, m, m.Body)
	case a.state.Want == wantNothing && a.state.otherFactors():
		return a.others(*no)
	case a.state.Want == wantNothing:
		return nil, a.end(flows.DeniedTooMany, nil), nil
	}
	return a.show(view{messages: []flows.Message{*no}})
}

// settle counts what Okta has sent of itself, and takes back what it was asked to send and has not. a.state is still the one
// before p.
func (a *attempt) settle(ctx context.Context, p *page) {
	s := &a.state
	sent := (p.ask == askWait || p.ask == askCode) && sends(p.factor) && !p.failed()
	if a.counted.sent {
		if !sent && !p.enrolling {
			a.engine.count.ReturnSend(ctx, a.who())
		}
		return
	}
	same := plain(s.Pending) == plain(p.factor) && (s.Want == wantPhone || s.Want == wantCode)
	if a.polling || !sent || same || p.enrolling || s.Recovering {
		return
	}
	a.engine.count.Unasked(ctx, a.who(), s.Person)
}

// denied marks who has denied a push.
func (a *attempt) denied(ctx context.Context, step flows.Step) {
	if step.Kind != flows.KindDenied || step.Denied.Reason != flows.DeniedOnPhone {
		return
	}
	a.engine.count.Denied(ctx, a.who())
	if a.state.Person != "" {
		a.engine.count.Denied(ctx, a.engine.count.Name(a.state.Person))
	}
}

// mayRestore takes the name on the page of a forgotten password or a locked account, because Okta may mail something at once;
// a view says why it is not sent on.
func (a *attempt) mayRestore(ctx context.Context, typed string) (*view, error) {
	login, err := limits.ReadLogin(typed)
	if err != nil {
		return &view{wrong: map[string][]flows.Message{flows.FieldIdentifier: {{Key: keyUnreadable, Error: true}}}}, nil
	}
	wait, err := a.engine.count.TakeRestore(ctx, login)
	if err != nil {
		return nil, err
	}
	if wait > 0 {
		return &view{messages: []flows.Message{msgSends}}, nil
	}
	a.state.Person = login
	return nil, nil
}
