package identityengine

import (
	"context"

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
		return a.send(ctx, a.state.Resend, a.state.Resend.Body)
	case choiceOther:
		if !a.state.otherFactors() {
			return nil, flows.Step{}, badAnswer("this step has no other factors")
		}
		a.state.Want, a.state.Main, a.state.Resend, a.state.Pending = wantChoice, nil, nil, ""
		return a.show(view{})
	}
	c := a.state.choice(ans.Choice)
	if c == nil || a.state.Want != wantChoice {
		return nil, flows.Step{}, badAnswer("this step has no such choice")
	}
	a.selected = true // what was chosen is not overruled
	return a.send(ctx, &c.Move, c.Move.Body)
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
		a.asked, a.typed = identity.Password, true
		return a.send(ctx, a.state.Main, a.state.Main.withInput(password))
	case wantCode:
		return a.code(ctx, values[a.state.field()])
	}
	return nil, flows.Step{}, badAnswer("this step takes no input")
}

// restart begins anew, because Okta holds nothing to go on with. A wrong password and an unknown person both lead
// here, so that they make the same calls.
func (a *attempt) restart(ctx context.Context, values map[string]string) (flows.State, flows.Step, error) {
	password, err := readPassword(values[flows.FieldPassword])
	if err != nil {
		return nil, flows.Step{}, err
	}
	identifier := a.state.Person
	if a.both = a.state.Both; a.both {
		identifier = values[flows.FieldIdentifier]
	}
	return a.begin(ctx, identifier, password)
}

func (a *attempt) code(ctx context.Context, typed string) (flows.State, flows.Step, error) {
	code := readCode(typed)
	if code == "" {
		return a.show(view{fieldMessages: []flows.Message{{Key: keyCodeFormat, Error: true}}})
	}
	a.asked = a.state.Pending
	return a.send(ctx, a.state.Main, a.state.Main.withInput(code))
}

func (a *attempt) send(ctx context.Context, m *move, body map[string]any) (flows.State, flows.Step, error) {
	doc, err := a.post(ctx, m, body)
	if err != nil {
		return nil, flows.Step{}, err
	}
	return a.proceed(ctx, doc)
}

// otherFactors reports whether there is another factor than the one asked for.
func (s *state) otherFactors() bool {
	if s.Want == wantChoice {
		return false
	}
	for _, c := range s.Factors {
		if c.Factor != plain(s.Pending) {
			return true
		}
	}
	return false
}

// field is the name of the field to type into.
func (s *state) field() string {
	return s.Main.Input[len(s.Main.Input)-1]
}
