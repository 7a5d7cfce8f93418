package factors

import (
	"context"
	"errors"
	"net/http"

	"sidegate.example/sidegate/flows"
	"sidegate.example/sidegate/flows/limits"
)

// password begins with user name and password, which Okta judges. Unknown name, wrong password and too many of them look
// alike for every name; the gate evens out the time.
func (a *attempt) password(ctx context.Context, in flows.Answer) (flows.State, flows.Step, error) {
	login, err := readLogin(in.Values[flows.FieldIdentifier])
	if err != nil {
		return nil, flows.Step{}, err
	}
	a.state = state{Person: login}
	password := in.Values[flows.FieldPassword]
	if password == "" { // the page asked for the name alone
		a.state.Want = wantCredentials
		return a.show()
	}
	if password, err = readPassword(password); err != nil {
		return nil, flows.Step{}, err
	}
	e := a.engine
	wait, err := e.count.TakePassword(ctx, a.cc.Addr(), login)
	if err != nil {
		return nil, flows.Step{}, err
	}
	if wait > 0 {
		return a.refusedCredentials(msgTooMany)
	}
	body := map[string]any{
		"username": login, "password": password,
		"options": map[string]any{"warnBeforePasswordExpired": true, "multiOptionalFactorEnroll": false},
	}
	if token := a.cc.DeviceToken(); token != "" {
		body["context"] = map[string]any{"deviceToken": token}
	}
	res, err := a.authn(ctx, authnPath, body, false)
	if err != nil {
		if !limits.Judged(err) {
			e.count.ReturnPassword(ctx, a.cc.Addr(), login)
		}
		return nil, flows.Step{}, err
	}
	if res.Status != http.StatusOK {
		return a.refusePassword(&verdict{res: res, outcome: outcomeOf(res, "")})
	}
	t := new(transaction)
	if decode(res.Body, t) != nil {
		return nil, flows.Step{}, malformed(res)
	}
	if res.Code() != "" { // an error, whatever else it says
		return a.refusePassword(&verdict{res: res})
	}
	return a.proceed(ctx, t, res)
}

// refusePassword sorts the errors of §6.3.
func (a *attempt) refusePassword(v *verdict) (flows.State, flows.Step, error) {
	cause := v.res.Refuse(flows.ReasonBadAnswer).Err
	switch v.outcome {
	case wrong, locked: // that a name is locked is for who knows its password, and this does not say who does
		return a.refusedCredentials(msgCredentials)
	case policy:
		return nil, a.end(flows.DeniedPolicy, cause), nil
	case passwordOver:
		return nil, a.endPassword(cause), nil
	case unsure:
		return nil, flows.Step{}, misconfigured(v.res)
	}
	return nil, a.end(flows.DeniedUnsupported, cause), nil
}

// refusedCredentials asks again, with a password that nobody has typed yet.
func (a *attempt) refusedCredentials(m flows.Message) (flows.State, flows.Step, error) {
	a.messages = []flows.Message{m}
	a.state.Want = wantCredentials
	return a.show()
}

// endPassword ends where the password has to be changed first, which is done at Okta.
func (a *attempt) endPassword(cause error) flows.Step {
	step := a.end(flows.DeniedUnsupported, cause)
	step.Denied.Obstacle, step.Denied.Link = flows.ObstaclePasswordElsewhere, a.engine.cfg.EnrollURL
	return step
}

// noFactor ends where the person has no factor that counts and cannot set one up here.
func (a *attempt) noFactor() flows.Step {
	step := a.end(flows.DeniedEnrollment, errNoFactor)
	step.Denied.Link = a.engine.cfg.EnrollURL
	return step
}

var (
	errNoFactor = errors.New("factors: the person has none that is active and allowed here")
	errNotMe    = errors.New(`the person pressed "that was not me"`)
	errBlocked  = errors.New(`the person is blocked: "that was not me" was pressed a short while ago`)
	errNoNumber = errors.New("the push was approved without a number, which the factors of this site want")
)
