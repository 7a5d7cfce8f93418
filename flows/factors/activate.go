package factors

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"sidegate.example/sidegate/flows"
	"sidegate.example/sidegate/flows/limits"
	"sidegate.example/sidegate/flows/okta"
	"sidegate.example/sidegate/gateway/identity"
)

// pressEnrolment is a button of a Step that sets a factor up.
func (a *attempt) pressEnrolment(ctx context.Context, id string) (flows.State, flows.Step, error) {
	s := &a.state
	if s.Want == wantEnroll {
		for i, f := range s.Enrol.Offered {
			if enrollID(i) == id {
				return a.begin(ctx, f)
			}
		}
		return nil, flows.Step{}, badAnswer("this step has no such button")
	}
	switch {
	case id == choiceOther && len(s.Enrol.Offered) > 1:
		return a.chooseOther()
	case id == choiceResend && s.Want == wantActivation && s.Enrol.Profile != nil:
		return a.resend(ctx)
	case id == channelID(flows.ChannelEmail) && s.Want == wantDevice && s.Enrol.Email != "":
		return a.sendLink(ctx, s.Enrol.Email, flows.ChannelEmail, nil, maskEmail(s.Email))
	case id == channelID(flows.ChannelSMS) && s.Want == wantDevice && s.Enrol.SMS != "":
		s.Want, s.Enrol.Sending = wantForm, true
		return a.show()
	}
	return nil, flows.Step{}, badAnswer("this step has no such button")
}

// chooseOther goes back to what can be set up.
func (a *attempt) chooseOther() (flows.State, flows.Step, error) {
	s := &a.state
	s.Want, s.Enrol = wantEnroll, &enrolment{Offered: s.Enrol.Offered}
	return a.show()
}

// begin sets f up, as far as that needs nothing typed.
func (a *attempt) begin(ctx context.Context, f identity.Factor) (flows.State, flows.Step, error) {
	s := &a.state
	s.Enrol = &enrolment{Offered: s.Enrol.Offered, Factor: f}
	switch f {
	case identity.SMS, identity.Voice:
		s.Want = wantForm
		return a.show()
	case identity.SecurityQuestion:
		return a.askQuestion(ctx)
	case identity.Email:
		s.Enrol.Profile = map[string]string{"email": s.Email}
		if no, err := a.mayNotSend(ctx, &factor{Factor: f}); err != nil || no != nil {
			return a.notSent(no, err)
		}
	}
	return a.enrol(ctx)
}

func (a *attempt) notSent(no *flows.Message, err error) (flows.State, flows.Step, error) {
	if err != nil {
		return nil, flows.Step{}, err
	}
	a.messages = []flows.Message{*no}
	return a.chooseOther()
}

// enrol asks Okta to set the factor up.
func (a *attempt) enrol(ctx context.Context) (flows.State, flows.Step, error) {
	s := &a.state
	body := s.Enrol.body()
	path := factorsPath(s.User)
	if q := a.enrolQuery(); q != "" {
		path += "?" + q
	}
	res, err := a.post(ctx, path, body)
	if err != nil {
		return a.enrolFailed(ctx, err, s.Enrol.Profile != nil && s.Enrol.Factor != identity.SecurityQuestion)
	}
	if res.Status != http.StatusOK {
		return a.enrolRefused(res)
	}
	l := new(listed)
	if decode(res.Body, l) != nil || !oktaID(l.ID) {
		return nil, flows.Step{}, malformed(res)
	}
	s.Enrol.ID = l.ID
	if l.Status == statusActive {
		return a.enrolled(ctx, false)
	}
	a.readSetup(ctx, l)
	if s.Enrol.Factor != identity.Push {
		s.Want = wantActivation
		return a.show()
	}
	base := factorPath(s.User, l.ID)
	poll, ok := a.engine.owned(l.Links.Poll.first(), base)
	if !ok {
		return nil, flows.Step{}, malformed(res)
	}
	s.Enrol.Poll = poll
	s.Enrol.Email, _ = a.engine.owned(l.Embedded.Activation.Links.Send.named("email"), base)
	s.Enrol.SMS, _ = a.engine.owned(l.Embedded.Activation.Links.Send.named("sms"), base)
	s.Want = wantDevice
	return a.show()
}

// body is the request of an enrolment (§4.2).
func (e *enrolment) body() map[string]any {
	i := slices.IndexFunc(kinds, func(k kind) bool { return k.factor == e.Factor })
	body := map[string]any{"factorType": kinds[i].factorType, "provider": kinds[i].provider}
	if e.Profile != nil {
		body["profile"] = e.Profile
	}
	return body
}

func (a *attempt) enrolQuery() string {
	q := url.Values{}
	cfg := &a.engine.cfg
	switch f := a.state.Enrol.Factor; {
	case f == identity.SMS && cfg.TemplateID != "":
		q.Set("templateId", cfg.TemplateID)
	case f == identity.Email && cfg.TokenLifetime > 0:
		q.Set("tokenLifetimeSeconds", strconv.Itoa(int(cfg.TokenLifetime/time.Second)))
	}
	return q.Encode()
}

// activate takes the first code of the factor that is set up.
func (a *attempt) activate(ctx context.Context, in string) (flows.State, flows.Step, error) {
	e, s := a.engine, &a.state
	in = readCode(s.Enrol.Factor, in)
	if in == "" {
		a.wrong = []flows.Message{msgCodeFormat}
		return a.show()
	}
	wait, err := e.count.TakeCode(ctx, s.User)
	if err != nil {
		return nil, flows.Step{}, err
	}
	if wait > 0 {
		return a.tooMany()
	}
	res, err := a.post(ctx, factorPath(s.User, s.Enrol.ID)+"/lifecycle/activate", map[string]any{"passCode": in})
	if err != nil {
		if !limits.Judged(err) {
			e.count.ReturnCode(ctx, s.User)
		}
		return nil, flows.Step{}, err
	}
	if res.Status == http.StatusOK {
		return a.activated(ctx, res)
	}
	switch outcomeOf(res, "") {
	case wrong:
		a.wrong = []flows.Message{msgWrongCode}
		return a.show()
	case replayed, late:
		e.count.ReturnCode(ctx, s.User)
		a.wrong = []flows.Message{msgLate}
		return a.show()
	}
	return a.enrolRefused(res)
}

// activated takes a whole factor for what it says: only ACTIVE is set up.
func (a *attempt) activated(ctx context.Context, res *okta.Response) (flows.State, flows.Step, error) {
	l := new(listed)
	if decode(res.Body, l) != nil || l.Status != statusActive || l.ID != a.state.Enrol.ID {
		return nil, flows.Step{}, malformed(res)
	}
	return a.enrolled(ctx, true)
}

// pollDevice asks once whether the phone has the account (§4.3).
func (a *attempt) pollDevice(ctx context.Context) (flows.State, flows.Step, error) {
	s := &a.state
	res, err := a.engine.cfg.API.Do(ctx, a.cc, okta.Request{URL: s.Enrol.Poll, ContentType: jsonType, Poll: true})
	if err != nil {
		return nil, flows.Step{}, err
	}
	var body struct {
		Result string `json:"factorResult"`
		Status string `json:"status"`
	}
	if res.Status != http.StatusOK && outcomeOf(res, "") != gone {
		return a.enrolRefused(res)
	}
	if decode(res.Body, &body) != nil {
		return nil, flows.Step{}, malformed(res)
	}
	switch {
	case body.Result == "" && body.Status == statusActive:
		a.engine.client.Unpace(s.Enrol.Poll, s.Enrol.Poll)
		return a.activated(ctx, res)
	case results[body.Result] == waiting && res.Status == http.StatusOK:
		return a.show()
	}
	a.engine.client.Unpace(s.Enrol.Poll, s.Enrol.Poll)
	a.messages = []flows.Message{msgSetupOver}
	return a.chooseOther()
}

// enrolled goes on with a factor that is set up. Where the person has shown to hold it, it has proved the sign-in too, as
// it does in Okta's own pages.
func (a *attempt) enrolled(ctx context.Context, shown bool) (flows.State, flows.Step, error) {
	s, f := &a.state, a.state.Enrol.Factor
	a.engine.count.ForgiveCode(ctx, s.User)
	s.Enrol = nil
	if shown && a.engine.cfg.ends(f) {
		s.prove(f, a.now())
		s.Seen = 0
		return a.finish(ctx)
	}
	s.Vouched = false
	return a.offer(ctx)
}

// enrolRefused tells what of the set-up Okta did not take.
func (a *attempt) enrolRefused(res *okta.Response) (flows.State, flows.Step, error) {
	switch o := outcomeOf(res, ""); {
	case o == unsure && res.Code() != "E0000006":
		return nil, flows.Step{}, misconfigured(res)
	case o == tooSoon:
		a.messages = []flows.Message{msgTooSoon}
	case o == quota:
		a.messages = []flows.Message{msgQuota}
	default:
		a.messages = []flows.Message{msgNotSetUp}
	}
	return a.chooseOther()
}

// enrolFailed is enrolRefused for what came as an error; counted is set where a message was to be sent.
func (a *attempt) enrolFailed(ctx context.Context, err error, counted bool) (flows.State, flows.Step, error) {
	if counted && !limits.Judged(err) {
		a.engine.count.ReturnSend(ctx, a.state.User)
	}
	o, ok := limited(err)
	if !ok {
		return nil, flows.Step{}, err
	}
	a.messages = []flows.Message{map[outcome]flows.Message{tooSoon: msgTooSoon, quota: msgQuota, failed: msgFailed}[o]}
	if a.state.Want == wantActivation { // sent a moment ago: that code is still good
		return a.show()
	}
	return a.chooseOther()
}
