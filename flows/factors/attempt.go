package factors

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"time"

	"sidegate.example/sidegate/flows"
	"sidegate.example/sidegate/flows/okta"
	"sidegate.example/sidegate/gateway/identity"
)

// seenLife is how long it counts that Okta said ACTIVE: a push can take minutes.
const seenLife = time.Minute

// attempt is one call of a Flow method: the state that it changes, and what the Step is to say.
type attempt struct {
	engine *Engine
	cc     flows.ClientContext
	state  state
	// messages are for the page, wrong for its field.
	messages, wrong []flows.Message
	// questions are the options of a security question that is being set up.
	questions []flows.Option
	// kept is the State to go on with should the answer to a call of the other engine be lost; nil for the one there was.
	kept flows.State
	// cause is what made a refusal, for the log.
	cause error
}

func (a *attempt) get(ctx context.Context, path string) (*okta.Response, error) {
	return a.engine.cfg.API.Do(ctx, a.cc, okta.Request{Method: http.MethodGet, URL: path})
}

func (a *attempt) delete(ctx context.Context, path string) (*okta.Response, error) {
	return a.engine.cfg.API.Do(ctx, a.cc, okta.Request{Method: http.MethodDelete, URL: path})
}

// post sends body, or nothing where it is nil.
func (a *attempt) post(ctx context.Context, path string, body any) (*okta.Response, error) {
	r := okta.Request{URL: path, ContentType: jsonType}
	if body != nil {
		r.Body = mustJSON(body)
	}
	return a.engine.cfg.API.Do(ctx, a.cc, r)
}

const jsonType = "application/json"

func mustJSON(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err) // texts and flags always encode
	}
	return b
}

// person finds who signs in and offers what can prove it; who is an id, or a name that was proved.
func (a *attempt) person(ctx context.Context, who string) (flows.State, flows.Step, error) {
	if denied, err := a.know(ctx, who); err != nil || denied != nil {
		return nil, orStep(denied), err
	}
	return a.offer(ctx)
}

// know looks the person up and keeps what later steps need; a Step is a refusal.
func (a *attempt) know(ctx context.Context, who string) (*flows.Step, error) {
	u, denied, cause, err := a.engine.lookUp(ctx, a.cc, who, a.state.User == "")
	if err != nil {
		return nil, err
	}
	switch denied {
	case "":
	case flows.DeniedUnsupported:
		step := a.endPassword(cause)
		return &step, nil
	default:
		step := a.end(denied, cause)
		return &step, nil
	}
	s := &a.state
	if s.User != "" && s.User != u.ID {
		step := a.end(flows.DeniedPolicy, errors.New("users: the name now belongs to somebody else"))
		return &step, nil
	}
	s.User, s.Login, s.Name, s.Email, s.Seen = u.ID, line(u.Profile.Login), line(u.name()), line(u.Profile.Email), a.now().Unix()
	if s.Login == "" {
		s.Login = u.ID
	}
	return a.blocked(ctx)
}

// blocked refuses a person who is said not to be the one who signs in.
func (a *attempt) blocked(ctx context.Context) (*flows.Step, error) {
	wait, err := a.engine.count.Blocked(ctx, a.state.User)
	if err != nil || wait == 0 {
		return nil, err
	}
	step := a.end(flows.DeniedPolicy, errBlocked)
	return &step, nil
}

func orStep(s *flows.Step) flows.Step {
	if s == nil {
		return flows.Step{}
	}
	return *s
}

// offer shows the factors that the person can be asked for.
func (a *attempt) offer(ctx context.Context) (flows.State, flows.Step, error) {
	list, err := a.list(ctx)
	if err != nil {
		return nil, flows.Step{}, err
	}
	a.state.Factors = a.narrow(choicesOf(list, a.allows))
	switch {
	case len(a.state.Factors) > 0:
	case a.state.Only != nil: // nothing is set up in the midst of a session
		return nil, a.end(flows.DeniedStepUp, errNotHad), nil
	default:
		return a.without(ctx, list)
	}
	return a.choose(ctx)
}

// choose shows what there is to choose from, or the one thing that asks nobody but the person here.
func (a *attempt) choose(ctx context.Context) (flows.State, flows.Step, error) {
	a.state.rest()
	a.state.Want = wantChoice
	if len(a.state.Factors) == 1 && !a.state.Proving && len(a.messages) == 0 && typed(a.state.Factors[0].Factor) {
		return a.ask(ctx, 0)
	}
	return a.show()
}

// accept goes on from a factor that Okta accepted.
func (a *attempt) accept(ctx context.Context) (flows.State, flows.Step, error) {
	e, s := a.engine, &a.state
	e.count.ForgiveCode(ctx, s.User)
	f := s.pending().proved(s.Number)
	a.answered(ctx, f)
	s.rest()
	s.Seen = 0 // the Factors API verifies for whoever it knows: the end asks once more whether the person is ACTIVE
	if s.Proving {
		if denied, err := a.know(ctx, s.User); err != nil || denied != nil {
			return nil, orStep(denied), err
		}
		s.Vouched, s.Proving = true, false
		return a.chooseEnrolment(ctx)
	}
	if !a.ends(f) {
		return nil, a.weaker(), nil
	}
	s.prove(f, a.now())
	return a.finish(ctx)
}

// answered takes the push or message back that was answered.
func (a *attempt) answered(ctx context.Context, f identity.Factor) {
	if !typed(f) && f != identity.WebAuthn {
		a.engine.count.Answered(ctx, a.state.User, "")
	}
}

// proved is the factor that an acceptance proves: a push that showed a number is another one.
func (f *factor) proved(number string) identity.Factor {
	if f.Factor == identity.Push && number != "" {
		return identity.NumberChallenge
	}
	return f.Factor
}

func (a *attempt) now() time.Time { return a.engine.cfg.Now() }
