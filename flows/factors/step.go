package factors

import (
	"time"

	"sidegate.example/sidegate/flows"
	"sidegate.example/sidegate/gateway/identity"
)

// IDs of the choices that are no factors.
const (
	choiceResend = "resend"
	choiceOther  = "other"
)

// Keys of our own messages, whose words are the pages'.
const (
	keyCredentials = "sidegate.credentials"
	keyCodeFormat  = "sidegate.code_format"
	keyAccepted    = "sidegate.accepted"
	keyWrongCode   = "api.authn.error.PASSCODE_INVALID"
)

var (
	msgCredentials = flows.Message{Key: keyCredentials, Error: true}
	msgCodeFormat  = flows.Message{Key: keyCodeFormat, Error: true}
	msgWrongCode   = flows.Message{Key: keyWrongCode, Error: true}
	msgAccepted    = flows.Message{Key: keyAccepted}
	msgTooMany     = flows.Message{Key: "sidegate.too_many_tries", Error: true}
	msgSends       = flows.Message{Key: "sidegate.too_many_sends", Error: true}
	msgCoolDown    = flows.Message{Key: "sidegate.cool_down", Error: true}
	msgTooSoon     = flows.Message{Key: "sidegate.too_soon", Error: true}
	msgQuota       = flows.Message{Key: "sidegate.quota", Error: true}
	msgFailed      = flows.Message{Key: "sidegate.factor_failed", Error: true}
	msgGone        = flows.Message{Key: "sidegate.factor_gone", Error: true}
	msgReplayed    = flows.Message{Key: "sidegate.code_replayed", Error: true}
	msgLate        = flows.Message{Key: "sidegate.code_late", Error: true}
	msgNextCode    = flows.Message{Key: "sidegate.next_code"}
	msgBusy        = flows.Message{Key: "sidegate.busy"}
	msgProofFirst  = flows.Message{Key: "sidegate.proof_first"}
	msgProofCode   = flows.Message{Key: "sidegate.proof_code"}
	msgWarn        = flows.Message{Key: "sidegate.password_expiring"}
)

// show makes the Step of the state and seals the state.
func (a *attempt) show() (flows.State, flows.Step, error) {
	step := a.step()
	if step.Kind == flows.KindDenied && step.Denied.Final {
		return nil, step, nil
	}
	return a.state.encode(), step, nil
}

// step is the only maker of Steps that a sign-in can go on from, but for the other engine's.
func (a *attempt) step() flows.Step {
	s := &a.state
	step := flows.Step{Person: s.Person, Messages: a.messages, Cause: a.cause}
	f := s.pending()
	if f != nil {
		step.Factor, step.Device = f.Factor, f.Detail
	}
	if s.Proving { // what is asked for is no sign-in yet, and the person is to know what it is for
		msg := msgProofCode
		if s.Want == wantChoice {
			msg = msgProofFirst
		}
		step.Messages = append([]flows.Message{msg}, step.Messages...)
	}
	switch s.Want {
	case wantCredentials:
		step.Kind = flows.KindIdentify
		step.Fields = []flows.Field{{Name: flows.FieldIdentifier, Value: s.Person}, {Name: flows.FieldPassword, Secret: true}}
	case wantChoice:
		step.Kind, step.Choices = flows.KindChoose, s.factorChoices()
		if a.asksAdmin() {
			step.Choices = append(step.Choices, flows.Choice{ID: choiceAdmin, Kind: flows.ChoiceFactor, Factor: identity.Other, Label: labelAdmin})
		}
	case wantCode:
		step.Kind, step.Fields = flows.KindCode, []flows.Field{{Name: fieldCode, Messages: a.wrong}}
		step.Choices = a.ways(!typed(f.Factor))
		if typed(f.Factor) {
			step.Device = "" // nothing was sent anywhere
		}
		if f.Factor == identity.SecurityQuestion {
			step.Fields[0].Label, step.Fields[0].Secret = f.Detail, true
		}
	case wantCredential:
		step.Kind, step.WebAuthn, step.Choices = flows.KindWebAuthn, s.WebAuthn, a.ways(false)
	case wantPhone:
		a.waitStep(&step)
	case wantFinish:
		step.Kind, step.Factor, step.Device = flows.KindWait, "", ""
		step.Messages = append(step.Messages, msgAccepted)
		step.Wait = &flows.Wait{Interval: a.engine.cfg.Poll, Completing: true}
	case wantProof, wantEnroll, wantForm, wantActivation, wantDevice:
		a.enrolStep(&step)
	}
	return step
}

// waitStep is for a pending push. What the phone offers beside it can be had at once.
func (a *attempt) waitStep(step *flows.Step) {
	s := &a.state
	step.Kind, step.Factor = flows.KindWait, s.pending().proved(s.Number)
	step.Wait = &flows.Wait{Interval: a.interval(), Number: s.Number}
	s.Slow = step.Wait.Interval >= slowInterval
	if s.Slow {
		step.Messages = append(step.Messages, msgBusy)
	}
	for i := range s.Factors {
		if s.Factors[i].Factor == identity.TOTP {
			step.Choices = append(step.Choices, s.factorChoice(i))
		}
	}
	step.Choices = append(step.Choices, a.ways(true)...)
}

// slowInterval is from which time between polls on the page says why it goes on late.
const slowInterval = 10 * time.Second

func (s *state) factorChoices() []flows.Choice {
	out := make([]flows.Choice, len(s.Factors))
	for i := range s.Factors {
		out[i] = s.factorChoice(i)
	}
	return out
}

func (s *state) factorChoice(i int) flows.Choice {
	return flows.Choice{ID: choiceID(i), Kind: flows.ChoiceFactor, Factor: s.Factors[i].Factor, Detail: s.Factors[i].Detail}
}

// ways are the ways on from one factor.
func (a *attempt) ways(resend bool) []flows.Choice {
	var out []flows.Choice
	if resend {
		out = append(out, flows.Choice{ID: choiceResend, Kind: flows.ChoiceResend, Factor: a.state.pending().Factor})
	}
	if a.hasOthers() {
		out = append(out, flows.Choice{ID: choiceOther, Kind: flows.ChoiceOther})
	}
	return out
}

// asksAdmin reports whether a code of the help desk is one of the ways.
func (a *attempt) asksAdmin() bool {
	return a.state.Proving && a.engine.cfg.EnrollProof.AdminCode != nil
}

// hasOthers reports whether there is more than one way.
func (a *attempt) hasOthers() bool {
	n := len(a.state.Factors)
	if a.asksAdmin() {
		n++
	}
	return n > 1
}

// deny shows why the attempt at one factor ended; the others lead on.
func (a *attempt) deny(why flows.DeniedReason) (flows.State, flows.Step, error) {
	s := &a.state
	step := flows.Step{Kind: flows.KindDenied, Person: s.Person, Messages: a.messages, Cause: a.cause}
	if why == flows.DeniedTimeout && s.Pending > 0 {
		step.Choices = append(step.Choices, flows.Choice{ID: choiceID(s.Pending - 1), Kind: flows.ChoiceResend, Factor: s.pending().Factor})
	}
	if a.hasOthers() {
		step.Choices = append(step.Choices, flows.Choice{ID: choiceOther, Kind: flows.ChoiceOther})
	}
	if why == flows.DeniedOnPhone {
		step.Choices = append(step.Choices, flows.Choice{ID: flows.ChoiceIDNotMe, Kind: flows.ChoiceNotMe})
	}
	step.Denied = &flows.Denied{Reason: why, Final: len(step.Choices) == 0}
	s.rest()
	s.Want, s.Denied = wantNothing, why == flows.DeniedOnPhone
	if step.Denied.Final {
		return nil, step, nil
	}
	return s.encode(), step, nil
}

// end is a Step after which there is no state; cause is for the log, nil when why says it all.
func (a *attempt) end(why flows.DeniedReason, cause error) flows.Step {
	return flows.Step{
		Kind: flows.KindDenied, Person: a.state.Person, Messages: a.messages,
		Denied: &flows.Denied{Reason: why, Final: true}, Cause: cause,
	}
}
