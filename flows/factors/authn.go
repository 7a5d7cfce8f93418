package factors

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"

	"sidegate.example/sidegate/flows"
	"sidegate.example/sidegate/flows/limits"
	"sidegate.example/sidegate/flows/okta"
	"sidegate.example/sidegate/gateway/identity"
)

const (
	authnPath = "/api/v1/authn"
	// maxStateToken bounds a stateToken; real ones have 42 characters.
	maxStateToken = 4096
	// maxMoves bounds the calls that one gesture may cause, so that an Okta that asks the same again and again is left.
	maxMoves = 4
)

// transaction is an answer of /api/v1/authn (§6.2). Its sessionToken is not even read.
type transaction struct {
	Status     string `json:"status"`
	StateToken string `json:"stateToken"`
	ExpiresAt  string `json:"expiresAt"`
	Result     string `json:"factorResult"`
	Message    string `json:"factorResultMessage"`
	Links      struct {
		Next link  `json:"next"`
		Skip *link `json:"skip"`
	} `json:"_links"`
	Embedded struct {
		User    user      `json:"user"`
		Factors []listed  `json:"factors"`
		Factor  oneOrMany `json:"factor"`
	} `json:"_embedded"`
}

// oneOrMany is the factor of a challenge, or, by some documents, the list of MFA_REQUIRED (§6.2).
type oneOrMany []listed

// UnmarshalJSON takes one object or a list of them.
func (l *oneOrMany) UnmarshalJSON(b []byte) error {
	if len(b) > 0 && b[0] == '[' {
		return json.Unmarshal(b, (*[]listed)(l))
	}
	var one listed
	err := json.Unmarshal(b, &one)
	*l = oneOrMany{one}
	return err
}

func (t *transaction) factors() []listed {
	if t.Embedded.Factors != nil {
		return t.Embedded.Factors
	}
	return t.Embedded.Factor
}

func authnFactor(id string) string { return authnPath + "/factors/" + id + "/verify" }

// authn makes one call of the transaction. The API token is what makes Okta take the browser's context from it (§6.1).
func (a *attempt) authn(ctx context.Context, path string, body any, poll bool) (*okta.Response, error) {
	return a.engine.client.Do(ctx, a.cc, okta.Request{
		URL: path, ContentType: jsonType, Authorization: a.engine.cfg.API.Trusted(), Body: mustJSON(body), Poll: poll,
		Begin: a.state.Token == "", // the password
	})
}

// inside posts to the transaction with its token.
func (a *attempt) inside(ctx context.Context, path string, body map[string]any, poll bool) (*okta.Response, error) {
	all := map[string]any{"stateToken": a.state.Token}
	for k, v := range body {
		all[k] = v
	}
	return a.authn(ctx, path, all, poll)
}

// verifyInside verifies, or polls, within the transaction. While a push is pending the same call polls that sends another
// one afterwards (§6.5), so that after a call without an answer the transaction is asked first where it is.
func (a *attempt) verifyInside(ctx context.Context, id string, body map[string]any) (*verdict, error) {
	s := &a.state
	polling := s.Want == wantPhone
	path := authnFactor(id)
	if polling && s.Unsure {
		path = authnPath
	}
	res, err := a.inside(ctx, path, body, polling && !a.ending())
	if err != nil {
		if polling && !s.Unsure && limits.Judged(err) {
			s.Unsure = true
			return &verdict{outcome: waiting}, nil
		}
		return nil, err
	}
	s.Unsure = false
	return readInside(res)
}

// readInside judges an answer of the transaction.
func readInside(res *okta.Response) (*verdict, error) {
	v := &verdict{res: res}
	if res.Status != http.StatusOK {
		v.outcome = outcomeOf(res, "")
		if code := res.Code(); code == "E0000011" || code == "E0000006" { // of the stateToken, or of its state (§6.3)
			v.outcome = expired
		}
		return v, nil
	}
	t := new(transaction)
	if decode(res.Body, t) != nil {
		return nil, malformed(res)
	}
	if res.Code() != "" { // an error, whatever else it says
		return v, nil
	}
	if t.Status != "MFA_CHALLENGE" {
		v.outcome, v.moved = accepted, t
		return v, nil
	}
	v.Result = t.Result
	if len(t.Embedded.Factor) == 1 {
		v.Embedded.Challenge = t.Embedded.Factor[0].Embedded.Challenge
	}
	switch v.outcome = results[t.Result]; {
	case v.outcome == accepted: // a success is a status of its own
		v.outcome = refused
	case t.Result == "" && t.Links.Next.Name == "verify":
		v.outcome = asking
	case v.outcome == waiting && t.Links.Next.Name != "poll":
		v.outcome = refused
	case v.outcome == rejected && t.Message == "OKTA_VERIFY_UPGRADE_REQUIRED":
		v.outcome = updateApp
	}
	return v, nil
}

// proceed goes where a transaction led: after the password, or after a factor.
func (a *attempt) proceed(ctx context.Context, t *transaction, res *okta.Response) (flows.State, flows.Step, error) {
	for range maxMoves {
		next, step, done, err := a.move(ctx, t, res)
		if done || err != nil {
			return next, step, err
		}
		if res, err = a.inside(ctx, authnPath+"/skip", nil, false); err != nil {
			return nil, flows.Step{}, err
		}
		t = new(transaction)
		if res.Status != http.StatusOK || decode(res.Body, t) != nil || res.Code() != "" {
			return nil, flows.Step{}, malformed(res)
		}
	}
	return nil, flows.Step{}, malformed(res)
}

// move does what one state of the transaction asks; done is false where it is to be skipped.
func (a *attempt) move(ctx context.Context, t *transaction, res *okta.Response) (_ flows.State, _ flows.Step, done bool, _ error) {
	s := &a.state
	if len(t.StateToken) > maxStateToken {
		return nil, flows.Step{}, true, malformed(res)
	}
	verified := s.pending()
	s.Token, s.Challenged = t.StateToken, false
	switch t.Status {
	case "SUCCESS":
		s.Token = ""
		next, step, err := a.succeeded(ctx, t, verified, res)
		return next, step, true, err
	case "MFA_REQUIRED":
		next, step, err := a.required(ctx, t, res)
		return next, step, true, err
	case "PASSWORD_WARN", "MFA_ENROLL":
		if t.Links.Skip != nil && s.Token != "" {
			if t.Status == "PASSWORD_WARN" {
				a.messages = []flows.Message{msgWarn}
			}
			return nil, flows.Step{}, false, nil
		}
	}
	if t.Status == "LOCKED_OUT" && s.User == "" { // Okta shows this whatever the password was, where a policy says so
		next, step, err := a.refusedCredentials(msgCredentials)
		return next, step, true, err
	}
	cause := res.Refuse(flows.ReasonBadAnswer).Err
	a.leave(ctx)
	switch t.Status {
	case "MFA_ENROLL", "MFA_ENROLL_ACTIVATE":
		return nil, a.noFactor(), true, nil
	case "PASSWORD_WARN", "PASSWORD_EXPIRED", "PASSWORD_RESET":
		return nil, a.endPassword(cause), true, nil
	case "LOCKED_OUT":
		return nil, a.end(flows.DeniedLocked, cause), true, nil
	case "RECOVERY", "RECOVERY_CHALLENGE", "UNAUTHENTICATED":
		return nil, a.end(flows.DeniedUnsupported, cause), true, nil
	}
	return nil, a.end(flows.DeniedUnsupported, errors.New("authn: its status is missing or unknown")), true, nil
}

// succeeded takes a transaction that Okta has ended with success: after a factor that is the sign-in, without one the
// password alone was right, and the gate's own factor is still to come.
func (a *attempt) succeeded(ctx context.Context, t *transaction, verified *factor, res *okta.Response) (flows.State, flows.Step, error) {
	s, e := &a.state, a.engine
	id := t.Embedded.User.ID
	if !oktaID(id) || s.User != "" && s.User != id {
		return nil, flows.Step{}, malformed(res)
	}
	proved := identity.Factor("")
	if verified != nil {
		proved = verified.proved(s.Number)
	}
	if s.User == "" {
		e.count.ForgivePassword(ctx, a.cc.Addr(), s.Person)
	}
	if s.User == "" || a.now().Unix()-s.Seen >= int64(seenLife.Seconds()) {
		s.User = id
		if denied, err := a.know(ctx, id); err != nil || denied != nil {
			return nil, orStep(denied), err
		}
	}
	s.prove(identity.Password, a.now())
	if proved == "" {
		return a.offer(ctx)
	}
	e.count.ForgiveCode(ctx, s.User)
	a.answered(ctx, proved)
	if !e.cfg.ends(proved) {
		return nil, a.end(flows.DeniedPolicy, errNoNumber), nil
	}
	s.prove(proved, a.now())
	return a.finish(ctx)
}

// required offers the factors of the transaction: a Classic org wants them verified here, where its policies are applied.
func (a *attempt) required(ctx context.Context, t *transaction, res *okta.Response) (flows.State, flows.Step, error) {
	s := &a.state
	id := t.Embedded.User.ID
	if s.Token == "" || !oktaID(id) || s.User != "" && s.User != id {
		return nil, flows.Step{}, malformed(res)
	}
	if s.User == "" {
		a.engine.count.ForgivePassword(ctx, a.cc.Addr(), s.Person)
		s.User = id
		if denied, err := a.know(ctx, id); err != nil || denied != nil {
			a.leave(ctx)
			return nil, orStep(denied), err
		}
	}
	list := t.factors()
	for i := range list {
		list[i].Status = statusActive // what is listed here can be verified; some answers leave the status out
	}
	cfg := &a.engine.cfg
	s.Factors = a.narrow(choicesOf(list, func(f identity.Factor) bool { // whether a push shows a number is Okta's to say here (§6.5)
		return cfg.allows(f) && (f != identity.Push || cfg.ends(identity.Push))
	}))
	if len(s.Factors) == 0 {
		a.leave(ctx)
		return nil, a.noFactor(), nil
	}
	return a.choose(ctx)
}

// back leaves the factor that the transaction is at.
func (a *attempt) back(ctx context.Context) error {
	s := &a.state
	if s.Token == "" || !s.Challenged {
		return nil
	}
	res, err := a.inside(ctx, authnPath+"/previous", nil, false)
	if err != nil {
		return err
	}
	if res.Status != http.StatusOK {
		return &flows.Error{Reason: flows.ReasonExpired, Err: res.Refuse("").Err}
	}
	s.Challenged = false
	return nil
}

// leave cancels the transaction; that it fails changes nothing.
func (a *attempt) leave(ctx context.Context) {
	if a.state.Token == "" {
		return
	}
	_, _ = a.inside(ctx, authnPath+"/cancel", nil, false)
	a.state.Token = ""
}
