package identityengine

import (
	"time"

	"sidegate.example/sidegate/flows"
	"sidegate.example/sidegate/gateway/identity"
)

// view is what a Step shows beside what the state says.
type view struct {
	messages, fieldMessages []flows.Message
	interval                time.Duration // to the next poll
	denied                  flows.DeniedReason
	obstacle                flows.Obstacle
	// wrong are the messages of each input, by its name.
	wrong map[string][]flows.Message
}

// show makes the Step of the state and seals the state.
func (a *attempt) show(v view) (flows.State, flows.Step, error) {
	s := &a.state
	if s.Want != wantCredentials && s.Want != wantPassword && s.Want != wantOkta {
		s.Redirect = "" // only a refused password, or an Okta that could not take it, can make it begin anew
	}
	step := a.step(v)
	if step.Kind == flows.KindDenied && step.Denied.Final {
		return nil, step, nil
	}
	return s.encode(), step, nil
}

// step is the only maker of Steps that a sign-in can go on from.
func (a *attempt) step(v view) flows.Step {
	s := &a.state
	step := flows.Step{Person: s.Person, Device: s.Device, Messages: v.messages, Choices: s.choices(), Enrolling: s.Enrolling}
	switch s.Want {
	case wantCredentials, wantPassword:
		step.Kind, step.Fields = flows.KindIdentify, s.credentialFields()
	case wantCode:
		step.Kind, step.Factor = flows.KindCode, s.Pending
		// What Okta does not name may be a password.
		step.Fields = []flows.Field{{Name: s.field(), Label: s.Label, Secret: s.Pending == "", Messages: v.fieldMessages}}
		step.Setup = s.Setup
		if s.Pending == identity.Email {
			step.LinkState = s.link()
		}
		if s.PollBy != nil {
			step.Wait = &flows.Wait{Interval: a.engine.interval(max(v.interval, s.Every))}
		}
	case wantForm:
		step.Kind, step.Factor, step.Topic = flows.KindForm, s.Pending, s.Topic
		step.Fields = pageFields(s.Main.Inputs, v.wrong)
	case wantCredential:
		step.Kind, step.Factor, step.WebAuthn = flows.KindWebAuthn, s.Pending, s.WebAuthn
	case wantChoice:
		step.Kind = flows.KindChoose
	case wantPhone:
		step.Kind, step.Factor, step.Setup = flows.KindWait, s.Pending, s.Setup
		step.Wait = &flows.Wait{Interval: a.engine.interval(v.interval), Number: s.Number}
	case wantOkta:
		step.Kind = flows.KindWait
		step.Wait = &flows.Wait{Interval: a.engine.interval(v.interval), Degraded: true}
	case wantToken:
		step.Kind = flows.KindWait
		step.Wait = &flows.Wait{Interval: a.engine.interval(v.interval), Completing: true}
	case wantNothing:
		step.Kind, step.Factor = flows.KindDenied, ""
		step.Denied = &flows.Denied{Reason: v.denied, Final: len(step.Choices) == 0, Obstacle: v.obstacle}
		step.Cause = a.cause
	}
	return step
}

// interval bounds what Okta asks for.
func (e *Engine) interval(asked time.Duration) time.Duration {
	return min(max(asked, e.minPoll), maxInterval)
}

func (s *state) credentialFields() []flows.Field {
	password := flows.Field{Name: flows.FieldPassword, Secret: true}
	if s.Want == wantCredentials && s.Both {
		return []flows.Field{{Name: flows.FieldIdentifier, Value: s.Person}, password}
	}
	return []flows.Field{password}
}

// choices are the buttons of the state.
func (s *state) choices() []flows.Choice {
	var out []flows.Choice
	if s.Want == wantChoice {
		for _, c := range s.Factors {
			choice := flows.Choice{ID: c.ID, Kind: flows.ChoiceFactor, Factor: c.Factor, Label: c.Label, Detail: c.Detail}
			if c.Enroll {
				choice.Kind = flows.ChoiceEnroll
			}
			if c.Enroll == s.Enrolling {
				out = append(out, choice)
			}
		}
		return s.sideChoices(out)
	}
	if s.Resend != nil {
		out = append(out, flows.Choice{ID: choiceResend, Kind: flows.ChoiceResend, Factor: plain(s.Pending)})
	}
	if s.otherFactors() {
		out = append(out, flows.Choice{ID: choiceOther, Kind: flows.ChoiceOther})
	}
	return s.sideChoices(out)
}

// sideChoices adds the ways that are no factors.
func (s *state) sideChoices(out []flows.Choice) []flows.Choice {
	for _, c := range s.Channels {
		out = append(out, flows.Choice{ID: channelID(c.Channel), Kind: flows.ChoiceChannel, Channel: c.Channel})
	}
	if s.Skip != nil {
		out = append(out, flows.Choice{ID: choiceSkip, Kind: flows.ChoiceSkip})
	}
	if s.Recover != nil {
		out = append(out, flows.Choice{ID: flows.ChoiceIDRecover, Kind: flows.ChoiceRecover})
	}
	return out
}

func channelID(c flows.Channel) string { return "channel-" + string(c) }

// end is a Step after which there is no state; cause is for the log, nil when why says it all.
func (a *attempt) end(why flows.DeniedReason, cause error) flows.Step {
	return flows.Step{
		Kind: flows.KindDenied, Person: a.state.Person,
		Denied: &flows.Denied{Reason: why, Final: true}, Cause: cause,
	}
}
