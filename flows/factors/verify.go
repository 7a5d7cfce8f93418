package factors

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"sidegate.example/sidegate/flows"
	"sidegate.example/sidegate/flows/okta"
	"sidegate.example/sidegate/gateway/identity"
)

// verdict is what a verification came to.
type verdict struct {
	outcome
	res *okta.Response
	answer
	// moved is set where a transaction of /api/v1/authn went on to another state.
	moved *transaction
}

// answer is one of verify, of a poll, and of what /api/v1/authn says of a factor (§5.2, §5.3).
type answer struct {
	Result    string `json:"factorResult"`
	Message   string `json:"factorMessage"`
	ExpiresAt string `json:"expiresAt"`
	Links     struct {
		Poll   links `json:"poll"`
		Cancel links `json:"cancel"`
	} `json:"_links"`
	Embedded struct {
		Challenge *challenge `json:"challenge"`
	} `json:"_embedded"`
}

// verify sends body to the factor id, or starts its challenge where body has nothing to verify. It is called once per
// gesture and never again by itself: whether a push went out cannot be known once no answer came back.
func (a *attempt) verify(ctx context.Context, f *factor, id string, body map[string]any) (*verdict, error) {
	if a.state.Token != "" {
		return a.verifyInside(ctx, id, body)
	}
	var payload any
	if len(body) > 0 {
		payload = body
	}
	path := factorPath(a.state.User, id) + "/verify"
	if query := a.query(f, body); query != "" {
		path += "?" + query
	}
	res, err := a.post(ctx, path, payload)
	if err != nil {
		return nil, err
	}
	return read(res)
}

// query are the options of a challenge (§5).
func (a *attempt) query(f *factor, body map[string]any) string {
	q := url.Values{}
	cfg := &a.engine.cfg
	if cfg.TemplateID != "" && f.Factor == identity.SMS && len(body) == 0 {
		q.Set("templateId", cfg.TemplateID)
	}
	if cfg.TokenLifetime > 0 && f.Factor == identity.Email && len(body) == 0 {
		q.Set("tokenLifetimeSeconds", strconv.Itoa(int(cfg.TokenLifetime/time.Second)))
	}
	return q.Encode()
}

// read judges an answer of the Factors API. What is not JSON at all is no answer; what is, and says nothing known, is a
// refusal.
func read(res *okta.Response) (*verdict, error) {
	v := &verdict{res: res}
	if err := decode(res.Body, &v.answer); err != nil && res.Status < http.StatusBadRequest {
		return nil, malformed(res)
	}
	v.outcome = outcomeOf(res, v.Result)
	if v.Message == "OKTA_VERIFY_UPGRADE_REQUIRED" && v.outcome == rejected {
		v.outcome = updateApp
	}
	return v, nil
}

// poll asks once how the pending push is.
func (a *attempt) poll(ctx context.Context) (flows.State, flows.Step, error) {
	s := &a.state
	if a.now().Unix() >= s.Until {
		a.dropPush(ctx)
		return a.deny(flows.DeniedTimeout)
	}
	var v *verdict
	var err error
	if s.Token != "" {
		v, err = a.verifyInside(ctx, s.pending().IDs[0], nil)
	} else {
		var res *okta.Response
		if res, err = a.engine.cfg.API.Do(ctx, a.cc, okta.Request{Method: http.MethodGet, URL: s.Poll, Poll: !a.ending()}); err == nil {
			v, err = read(res)
		}
	}
	if err != nil {
		return nil, flows.Step{}, a.inTime(err)
	}
	if v.outcome == gone {
		v.outcome = timedOut // a transaction that is not found has timed out (§5.3)
	}
	switch v.outcome {
	case waiting:
		if n := v.Embedded.Challenge.number(); n != "" {
			s.Number = n
		}
		return a.show()
	case accepted:
		a.forget()
		return a.accepted(ctx, v)
	}
	a.forget()
	return a.refuse(ctx, v)
}

// accepted goes on from a factor: at once, or where /api/v1/authn leads.
func (a *attempt) accepted(ctx context.Context, v *verdict) (flows.State, flows.Step, error) {
	if v.moved != nil {
		return a.proceed(ctx, v.moved, v.res)
	}
	return a.accept(ctx)
}

// refuse shows an outcome that ends the attempt at this factor.
func (a *attempt) refuse(ctx context.Context, v *verdict) (flows.State, flows.Step, error) {
	e, s := a.engine, &a.state
	a.cause = v.res.Refuse(flows.ReasonBadAnswer).Err
	switch v.outcome {
	case rejected:
		for _, who := range []string{s.User, e.count.Name(s.Login), e.count.Name(s.Person)} { // by name for passwords at the other engine
			e.count.Denied(ctx, who)
		}
		return a.deny(flows.DeniedOnPhone)
	case updateApp:
		return a.deny(flows.DeniedUpdateApp)
	case timedOut:
		return a.deny(flows.DeniedTimeout)
	case locked:
		return nil, a.end(flows.DeniedLocked, a.cause), nil
	case policy:
		return nil, a.end(flows.DeniedPolicy, a.cause), nil
	case expired:
		return nil, a.end(flows.DeniedExpired, a.cause), nil
	case passwordOver:
		return nil, a.endPassword(a.cause), nil
	case unsure:
		return nil, flows.Step{}, misconfigured(v.res)
	case failed, wrong:
		a.messages = []flows.Message{msgFailed}
		return a.chooseAgain()
	case gone:
		a.messages = []flows.Message{msgGone}
		return a.chooseAgain()
	case tooSoon:
		a.messages = []flows.Message{msgTooSoon}
		return a.chooseAgain()
	case quota:
		a.messages = []flows.Message{msgQuota}
		return a.chooseAgain()
	}
	// What nobody has documented lets nobody in, and is not asked again.
	return nil, a.end(flows.DeniedUnsupported, errUnknown{a.cause}), nil
}

// errUnknown is the cause of a refusal that an answer made by saying nothing known.
type errUnknown struct{ error }

func (e errUnknown) Error() string {
	return e.error.Error() + "; its factorResult is missing or unknown"
}
func (e errUnknown) Unwrap() error { return e.error }

// chooseAgain shows the choices with the messages; no call is made.
func (a *attempt) chooseAgain() (flows.State, flows.Step, error) {
	a.state.rest()
	a.state.Want = wantChoice
	return a.show()
}
