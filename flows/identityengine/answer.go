package identityengine

import (
	"context"
	"slices"

	"sidegate.example/sidegate/flows"
	"sidegate.example/sidegate/gateway/identity"
)

// advance sends the person's answer, once it fits the step. What does not fit is not sent.
func (a *attempt) advance(ctx context.Context, ans flows.Answer) (flows.State, flows.Step, error) {
	switch ans.Choice {
	case "":
		return a.submit(ctx, ans.Values)
	case choiceResend:
		if a.state.Resend == nil {
			return nil, flows.Step{}, badAnswer("this step has nothing to send again")
		}
		return a.ask(ctx, a.state.Pending, a.state.Resend)
	case choiceOther:
		return a.others()
	case choiceSkip:
		if a.state.Skip == nil {
			return nil, flows.Step{}, badAnswer("this step cannot be skipped")
		}
		return a.leave(ctx, a.state.Skip)
	case flows.ChoiceIDRecover:
		if a.state.Recover == nil {
			return nil, flows.Step{}, badAnswer("this step offers no recovery")
		}
		a.state.recover()
		return a.leave(ctx, a.state.Recover)
	}
	for i := range a.state.Channels {
		if c := &a.state.Channels[i]; channelID(c.Channel) == ans.Choice {
			return a.leave(ctx, &c.Move)
		}
	}
	c := a.state.choice(ans.Choice)
	if c == nil || a.state.Want != wantChoice {
		return nil, flows.Step{}, badAnswer("this step has no such choice")
	}
	if c.Enroll && !a.mayEnroll() {
		return a.refuse(&page{}, flows.DeniedEnrollment) // it was offered from another network, or not at all
	}
	a.selected = true // what was chosen is not overruled
	if c.Enroll && c.Factor != identity.Email {
		return a.send(ctx, &c.Move, c.Move.Body) // nothing is sent to anybody yet
	}
	return a.ask(ctx, c.Factor, &c.Move)
}

// submit takes what was typed.
func (a *attempt) submit(ctx context.Context, values map[string]string) (flows.State, flows.Step, error) {
	switch a.state.Want {
	case wantCredentials:
		return a.restart(ctx, values)
	case wantPassword:
		password, err := readPassword(values[flows.FieldPassword])
		if err != nil {
			return nil, flows.Step{}, err
		}
		wait, err := a.takePassword(ctx, a.state.Person)
		if err != nil {
			return nil, flows.Step{}, err
		}
		if wait > 0 {
			return a.show(view{messages: []flows.Message{msgTooMany}})
		}
		a.asked, a.typed = identity.Password, true
		return a.send(ctx, a.state.Main, a.state.Main.withInput(password))
	case wantCode:
		return a.code(ctx, values[a.state.field()])
	case wantForm:
		return a.form(ctx, values)
	case wantCredential:
		return a.credential(ctx, values)
	}
	return nil, flows.Step{}, badAnswer("this step takes no input")
}

// restart begins anew, because Okta holds nothing to go on with, or only what safe mode was waited out for. A wrong password and an unknown person both lead
// here, so that they make the same calls.
func (a *attempt) restart(ctx context.Context, values map[string]string) (flows.State, flows.Step, error) {
	password, err := readPassword(values[flows.FieldPassword])
	if err != nil {
		return nil, flows.Step{}, err
	}
	identifier := a.state.Person
	a.remember = a.state.Remember
	if a.both = a.state.Both; a.both {
		identifier = values[flows.FieldIdentifier]
	}
	if a.state.Handle != "" {
		return a.resume(ctx, identifier, password)
	}
	return a.begin(ctx, identifier, password)
}

func (a *attempt) code(ctx context.Context, typed string) (flows.State, flows.Step, error) {
	code := readAnswer(a.state.Pending, typed)
	if code == "" {
		return a.show(view{fieldMessages: []flows.Message{{Key: keyCodeFormat, Error: true}}})
	}
	a.asked, a.answered = a.state.Pending, true
	return a.answer(ctx, a.state.Main, a.state.Main.withInput(code))
}

// others goes back to the list of what can be chosen instead.
func (a *attempt) others(messages ...flows.Message) (flows.State, flows.Step, error) {
	s := &a.state
	if !s.otherFactors() {
		return nil, flows.Step{}, badAnswer("this step has no other factors")
	}
	s.Enrolling = !slices.ContainsFunc(s.Factors, func(c factorChoice) bool { return !c.Enroll })
	s.Want, s.Main, s.Resend, s.PollBy, s.Pending = wantChoice, nil, nil, nil, ""
	s.Setup, s.Channels, s.WebAuthn, s.Recover = nil, nil, nil, nil
	return a.show(view{messages: messages})
}

// form sends the inputs of a form, once each of them can be.
func (a *attempt) form(ctx context.Context, values map[string]string) (flows.State, flows.Step, error) {
	m := a.state.Main
	body := cloned(m.Body)
	wrong := fill(body, m.Inputs, values)
	for i := range m.Inputs {
		if len(m.Inputs[i].Path) == 0 && i > 0 && values[flows.FieldConfirm] != values[m.Inputs[i-1].Name] {
			wrong[flows.FieldConfirm] = []flows.Message{{Key: keyMismatch, Error: true}}
		}
	}
	if len(wrong) > 0 {
		v := view{wrong: wrong}
		if a.state.Note != nil {
			v.messages = []flows.Message{*a.state.Note}
		}
		return a.show(v)
	}
	if a.state.Topic == flows.TopicRecover || a.state.Topic == flows.TopicUnlock {
		no, err := a.mayRestore(ctx, values[flows.FieldIdentifier])
		if err != nil {
			return nil, flows.Step{}, err
		}
		if no != nil {
			return a.show(*no)
		}
		a.identified = true
	}
	topic := a.state.Topic
	if a.state.Proves {
		a.asked = a.state.Pending
	}
	doc, err := a.post(ctx, m, body)
	if err != nil {
		return nil, flows.Step{}, err
	}
	if topic == flows.TopicResetPassword && !anyError(doc.messages) {
		a.state.Recovering = false // what is asked from here on is asked for a sign-in
	}
	return a.proceed(ctx, doc)
}

// credential sends what the browser's credential API gave.
func (a *attempt) credential(ctx context.Context, values map[string]string) (flows.State, flows.Step, error) {
	m := a.state.Main
	body := cloned(m.Body)
	for _, in := range m.Inputs {
		value := credentialValue(in.Name, values[in.Name])
		if value == "" && !in.Required {
			continue
		}
		if value == "" {
			return a.show(view{messages: []flows.Message{{Key: keyCodeFormat, Error: true}}})
		}
		put(body, in.Path, value)
	}
	a.asked = a.state.Pending
	if a.state.Enrolling {
		return a.send(ctx, m, body)
	}
	return a.answer(ctx, m, body)
}

func (a *attempt) send(ctx context.Context, m *move, body map[string]any) (flows.State, flows.Step, error) {
	doc, err := a.post(ctx, m, body)
	if err != nil {
		return nil, flows.Step{}, err
	}
	return a.proceed(ctx, doc)
}

// leave makes a call that leads away from what the Step asks for. Nothing that comes then proves it, even where the answer to
// the call is lost and the Step is still the same.
func (a *attempt) leave(ctx context.Context, m *move) (flows.State, flows.Step, error) {
	a.state.Pending = ""
	a.left = a.state.encode()
	return a.send(ctx, m, m.Body)
}

// otherFactors reports whether there is another factor than the one asked for.
func (s *state) otherFactors() bool {
	if s.Want == wantChoice {
		return false
	}
	for _, c := range s.Factors {
		if c.Factor != plain(s.Pending) || c.Enroll != s.Enrolling {
			return true
		}
	}
	return false
}

// field is the name of the field to type into.
func (s *state) field() string {
	return s.Main.Input[len(s.Main.Input)-1]
}
