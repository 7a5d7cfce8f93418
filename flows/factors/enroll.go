package factors

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"

	"sidegate.example/sidegate/flows"
	"sidegate.example/sidegate/gateway/identity"
)

// enrolment is what a person who sets a factor up is at.
type enrolment struct {
	// Offered are the factors to choose from.
	Offered []identity.Factor `json:"o,omitempty"`
	// Factor is being set up, as ID at Okta; "" as long as Okta has not been asked.
	Factor identity.Factor `json:"f,omitempty"`
	ID     string          `json:"i,omitempty"`
	// Poll, Email and SMS are paths below that factor.
	Poll  string `json:"p,omitempty"`
	Email string `json:"e,omitempty"`
	SMS   string `json:"s,omitempty"`
	// Profile is what was typed, to send it again.
	Profile map[string]string `json:"r,omitempty"`
	// Sending is set while the number is asked for that a link is sent to.
	Sending bool         `json:"l,omitempty"`
	Setup   *flows.Setup `json:"u,omitempty"`
}

// bound reports whether every path is one of this factor of user.
func (e *enrolment) bound(user string) bool {
	if e.ID != "" && !oktaID(e.ID) {
		return false
	}
	for _, path := range []string{e.Poll, e.Email, e.SMS} {
		if path != "" && (e.ID == "" || !below(path, factorPath(user, e.ID))) {
			return false
		}
	}
	return true
}

// choiceAdmin is the button for the code of an admin.
const choiceAdmin = "admin"

// without is for a person with no factor that can end a sign-in: list are all that Okta knows. Whoever has got here by a
// name and a password must not be able to make a phone of theirs the second factor (immunity S76).
func (a *attempt) without(ctx context.Context, list []listed) (flows.State, flows.Step, error) {
	cfg := &a.engine.cfg
	if len(cfg.Enroll) == 0 {
		return nil, a.noFactor(), nil
	}
	s := &a.state
	for _, network := range cfg.EnrollProof.Networks {
		if network.Contains(a.cc.Addr()) {
			s.Vouched = true
			return a.chooseEnrolment(ctx)
		}
	}
	s.Factors = choicesOf(list, func(f identity.Factor) bool {
		return f != identity.SecurityQuestion && f != identity.WebAuthn && (f != identity.Email || cfg.EnrollProof.EmailCode)
	})
	if len(s.Factors) == 0 && cfg.EnrollProof.AdminCode == nil {
		return nil, a.noFactor(), nil
	}
	s.Proving = true
	if len(s.Factors) == 0 {
		s.Want = wantProof
		return a.show()
	}
	return a.choose(ctx)
}

// adminCode takes the code that an admin gave the person.
func (a *attempt) adminCode(ctx context.Context, in string) (flows.State, flows.Step, error) {
	e, s := a.engine, &a.state
	in = readCode(identity.HardwareOTP, in)
	if in == "" {
		a.wrong = []flows.Message{msgCodeFormat}
		return a.show()
	}
	if e.cfg.EnrollProof.AdminCode == nil {
		return nil, a.noFactor(), nil
	}
	offered, err := a.offered(ctx) // first: a code that is good once must not be spent in vain
	if err != nil {
		return nil, flows.Step{}, err
	}
	if len(offered) == 0 {
		return nil, a.noFactor(), nil
	}
	wait, err := e.count.TakeAdmin(ctx, s.User)
	if err != nil {
		return nil, flows.Step{}, err
	}
	if wait > 0 {
		return a.tooMany()
	}
	good, err := e.cfg.EnrollProof.AdminCode(ctx, s.User, s.Login, in)
	if err != nil {
		return nil, flows.Step{}, &flows.Error{Reason: flows.ReasonUnavailable, Err: fmt.Errorf("the codes of admins cannot be read: %w", err)}
	}
	if !good {
		a.wrong = []flows.Message{msgWrongCode}
		return a.show()
	}
	e.count.ForgiveAdmin(ctx, s.User)
	s.Vouched, s.Proving = true, false
	return a.offerEnrolment(offered)
}

// chooseEnrolment shows what can be set up.
func (a *attempt) chooseEnrolment(ctx context.Context) (flows.State, flows.Step, error) {
	offered, err := a.offered(ctx)
	if err != nil {
		return nil, flows.Step{}, err
	}
	return a.offerEnrolment(offered)
}

// offered is what can be set up: what the operator allows, as far as Okta's policy offers it (§3.1).
func (a *attempt) offered(ctx context.Context) (out []identity.Factor, err error) {
	res, err := a.get(ctx, factorsPath(a.state.User)+"/catalog")
	if err != nil {
		return nil, err
	}
	if res.Status != http.StatusOK {
		return nil, misconfigured(res)
	}
	var catalog []listed
	if json.Unmarshal(res.Body, &catalog) != nil {
		return nil, malformed(res)
	}
	for _, l := range catalog {
		f := kindOf(l.Type, l.Provider)
		if l.Status != statusActive && slices.Contains(a.engine.cfg.Enroll, f) && !slices.Contains(out, f) {
			out = append(out, f)
		}
	}
	return out, nil
}

func (a *attempt) offerEnrolment(offered []identity.Factor) (flows.State, flows.Step, error) {
	if len(offered) == 0 {
		return nil, a.noFactor(), nil
	}
	s := &a.state
	s.rest()
	s.Factors, s.Enrol, s.Want = nil, &enrolment{Offered: offered}, wantEnroll
	return a.show()
}

// enrolStep is the part of step for setting a factor up.
func (a *attempt) enrolStep(step *flows.Step) {
	s := &a.state
	if s.Want == wantProof {
		step.Kind, step.Factor = flows.KindCode, identity.Other
		step.Fields = []flows.Field{{Name: fieldCode, Label: labelAdmin, Messages: a.wrong}}
		step.Choices = a.ways(false)
		return
	}
	step.Enrolling, step.Factor = true, s.Enrol.Factor
	switch s.Want {
	case wantEnroll:
		step.Kind, step.Factor = flows.KindChoose, ""
		for i, f := range s.Enrol.Offered {
			step.Choices = append(step.Choices, flows.Choice{ID: enrollID(i), Kind: flows.ChoiceEnroll, Factor: f, Label: labels[f]})
		}
		return
	case wantForm:
		step.Kind = flows.KindForm
		step.Topic, step.Fields = a.enrolFields()
	case wantActivation:
		step.Kind, step.Setup = flows.KindCode, s.Enrol.Setup
		step.Fields = []flows.Field{{Name: fieldCode, Messages: a.wrong}}
		if s.Enrol.Profile != nil {
			step.Device = sentTo(s.Enrol.Profile)
			step.Choices = append(step.Choices, flows.Choice{ID: choiceResend, Kind: flows.ChoiceResend, Factor: s.Enrol.Factor})
		}
	case wantDevice:
		step.Kind, step.Setup = flows.KindWait, s.Enrol.Setup
		step.Wait = &flows.Wait{Interval: a.engine.client.Pace(s.Enrol.Poll, s.Enrol.Poll, a.engine.cfg.EnrollPoll)}
		for _, c := range []struct {
			path    string
			channel flows.Channel
		}{{s.Enrol.Email, flows.ChannelEmail}, {s.Enrol.SMS, flows.ChannelSMS}} {
			if c.path != "" && (s.Enrol.Setup == nil || s.Enrol.Setup.Channel != c.channel) {
				step.Choices = append(step.Choices, flows.Choice{ID: channelID(c.channel), Kind: flows.ChoiceChannel, Channel: c.channel})
			}
		}
	}
	if len(s.Enrol.Offered) > 1 {
		step.Choices = append(step.Choices, flows.Choice{ID: choiceOther, Kind: flows.ChoiceOther})
	}
}

// labels name what can be set up where the page has no words of its own.
var labels = map[identity.Factor]string{identity.TOTP: "Okta Verify (codes)", identity.Voice: "Phone call"}

// labelAdmin is the label of the code that allows to set a factor up.
const labelAdmin = "Code from your help desk"

func enrollID(i int) string { return "e" + strconv.Itoa(i) }

func channelID(c flows.Channel) string { return "channel-" + string(c) }

// sentTo is the masked number or address that a code went to.
func sentTo(profile map[string]string) string {
	if phone := profile["phoneNumber"]; phone != "" {
		return maskPhone(phone)
	}
	return maskEmail(profile["email"])
}
