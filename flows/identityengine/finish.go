package identityengine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"time"

	"sidegate.example/sidegate/flows"
	"sidegate.example/sidegate/flows/okta"
	"sidegate.example/sidegate/gateway/identity"
)

// codeLife is how long an interaction code is good (§7).
const codeLife = time.Minute

var errCodeDied = errors.New("token: Okta did not answer while the interaction code was good")

// finish redeems the interaction code and makes the identity. A success that no second factor proved is none,
// and is not even redeemed (immunity S71).
//
// Okta gives the code once, and the tokens for it once: both are kept as soon as they are had, for another process should
// this one die. Where what comes next cannot be reached right now, they stay in the State of a Step that goes on waiting,
// and polls try again.
func (a *attempt) finish(ctx context.Context, code string) (flows.State, flows.Step, error) {
	a.state.First = a.engine.firstOnly && !a.state.Restored && a.state.proved(identity.Password)
	switch {
	case a.state.StepUp != nil && !a.state.StepUp.proved(a.state.Proofs):
		return nil, a.end(flows.DeniedStepUp, errWeaker), nil
	case a.state.First:
	case !a.state.secondFactor() && a.state.Restored:
		return nil, a.end(flows.DeniedRestored, nil), nil
	case !a.state.secondFactor():
		return nil, a.end(flows.DeniedNoFactor, nil), nil
	}
	s := &a.state
	s.Want, s.Code, s.CodeAt = wantToken, code, a.engine.now().Unix()
	// The page asks for nothing any more: no phone, no number, no factor that could be counted a second time.
	s.Main, s.Resend, s.Factors = nil, nil, nil
	s.Pending, s.Device, s.Label, s.Number = "", "", "", ""
	a.handOut(ctx)
	next, step, err := a.redeem(ctx)
	if failed := passing(err); failed != nil {
		return a.completing(a.inTime(failed).RetryAfter)
	}
	return next, step, err
}

// completing is the page that waits for the tokens.
func (a *attempt) completing(interval time.Duration) (flows.State, flows.Step, error) {
	return a.show(view{messages: []flows.Message{accepted}, interval: interval})
}

func (a *attempt) handOut(ctx context.Context) {
	if s, step, err := a.completing(0); err == nil {
		flows.Keep(ctx, s, step)
	}
}

// pollTokens goes on at wantToken. An error leaves the State as it was.
func (a *attempt) pollTokens(ctx context.Context) (flows.State, flows.Step, error) {
	had := a.state.Tokens
	next, step, err := a.redeem(ctx)
	failed := passing(err)
	switch {
	case failed == nil:
		return next, step, err
	case had != a.state.Tokens:
		return a.completing(failed.RetryAfter)
	}
	return nil, flows.Step{}, a.inTime(failed)
}

// passing is the error after which the same call may succeed a little later, nil for any other.
func passing(err error) *flows.Error {
	failed := new(flows.Error)
	if errors.As(err, &failed) && (failed.Reason == flows.ReasonUnavailable || failed.Reason == flows.ReasonRateLimited) {
		return failed
	}
	return nil
}

// inTime is failed with a wait that leaves time to send the kept code again: Okta may ask for longer than the code lives.
func (a *attempt) inTime(failed *flows.Error) *flows.Error {
	if a.state.Tokens != nil {
		return failed
	}
	left := codeLife - a.codeAge()
	e := *failed
	e.RetryAfter = min(e.RetryAfter, max(left/4, a.engine.minPoll))
	return &e
}

func (a *attempt) codeAge() time.Duration {
	return a.engine.now().Sub(time.Unix(a.state.CodeAt, 0))
}

// redeem sends the code of the State, if that is still to do, and checks the tokens. Whether Okta had used the code by the
// time of a passing error of the token endpoint cannot be known; if so, it refuses the next call, which ends the sign-in.
func (a *attempt) redeem(ctx context.Context) (flows.State, flows.Step, error) {
	if wait, err := a.engine.count.Blocked(ctx, a.who()); err != nil {
		return nil, flows.Step{}, err
	} else if wait > 0 {
		return nil, a.end(flows.DeniedPolicy, errBlocked), nil
	}
	if a.state.Tokens == nil {
		if state, step, err := a.exchange(ctx); err != nil || step.Kind != "" {
			return state, step, err
		}
	}
	tokens := a.state.Tokens
	claims, err := a.claims(ctx, tokens)
	if err != nil {
		return nil, flows.Step{}, err
	}
	if up := a.state.StepUp; up != nil && claims.subject != up.Subject {
		return nil, a.end(flows.DeniedStepUp, errAnother), nil
	}
	id := a.state.identity()
	claims.fill(id)
	id.Renewal = identity.Secret(tokens.Refresh)
	return nil, flows.Step{Kind: flows.KindDone, Person: a.state.Person, Identity: id}, nil
}

// tokens are what the token endpoint gave, unchecked.
type tokens struct {
	ID      string `json:"i"`
	Access  string `json:"a,omitempty"`
	Refresh string `json:"r,omitempty"`
}

func readTokens(body node) *tokens {
	return &tokens{ID: body.get("id_token").text(), Access: body.get("access_token").text(), Refresh: body.get("refresh_token").text()}
}

// exchange gets the tokens for the code. The Step is the zero one unless the sign-in is over.
func (a *attempt) exchange(ctx context.Context) (flows.State, flows.Step, error) {
	if a.codeAge() >= codeLife {
		return nil, a.end(flows.DeniedUnavailable, errCodeDied), nil
	}
	res, err := a.oauth(ctx, "/v1/token", url.Values{
		"grant_type":       {"interaction_code"},
		"interaction_code": {a.state.Code},
		"code_verifier":    {a.state.Verifier},
	})
	if err != nil {
		return nil, flows.Step{}, err
	}
	if res.Status != http.StatusOK {
		return a.refusedCode(res)
	}
	body, err := parseJSON(res.Body)
	if err != nil {
		return nil, flows.Step{}, malformed("%s: %w", res.Endpoint, err)
	}
	a.state.Code = ""
	a.state.Tokens = readTokens(body)
	a.handOut(ctx)
	return nil, flows.Step{}, nil
}

// claims are what the tokens say, once they are verified.
func (a *attempt) claims(ctx context.Context, t *tokens) (*claims, error) {
	c, err := a.verify(ctx, t.ID)
	if err != nil {
		return nil, err
	}
	return c, a.complete(ctx, c, t.Access)
}

// refusedCode tells a refusal of this sign-in from one of the app.
func (a *attempt) refusedCode(res *okta.Response) (flows.State, flows.Step, error) {
	switch res.Code() {
	case "invalid_grant":
		return nil, a.end(flows.DeniedExpired, res.Refuse(flows.ReasonExpired)), nil
	case "access_denied":
		return nil, a.end(flows.DeniedPolicy, a.misconfiguredApp(res)), nil
	}
	return nil, flows.Step{}, a.refusedApp(res)
}

// claims are those of an ID token, with what userinfo added.
type claims struct {
	subject, login, name, email string
	groups                      []string
	named                       []identity.Claim // of the ID token alone
}

func readClaims(n node) *claims {
	return &claims{
		subject: n.get("sub").text(),
		login:   n.get("preferred_username").text(),
		name:    n.get("name").text(),
		email:   n.get("email").text(),
		groups:  readGroups(n.get("groups")),
	}
}

// readGroups takes a list, or the one name that some claim mappings give instead; nil where there is neither.
func readGroups(n node) []string {
	if one := n.text(); one != "" {
		return []string{one}
	}
	if _, ok := n.inner().v.([]any); !ok {
		return nil
	}
	out := []string{}
	for _, g := range n.items() {
		if name := g.text(); name != "" {
			out = append(out, name)
		}
	}
	return out
}

// namedClaims are those of the names that the payload has a value for.
func namedClaims(payload node, names []string) []identity.Claim {
	var out []identity.Claim
	for _, name := range names {
		values := []any{payload.get(name).v}
		if list, ok := values[0].([]any); ok {
			values = list
		}
		c := identity.Claim{Name: name}
		for _, v := range values {
			switch v := v.(type) {
			case string:
				c.Values = append(c.Values, v)
			case json.Number, bool:
				c.Values = append(c.Values, fmt.Sprint(v))
			}
		}
		if c.Values != nil {
			out = append(out, c)
		}
	}
	return out
}

func (c *claims) fill(id *identity.Identity) {
	id.Subject, id.Login, id.Name, id.Email, id.Groups, id.Claims = c.subject, c.login, c.name, c.email, c.groups, c.named
	if id.Login == "" { // never the address: people may be able to edit theirs
		id.Login = c.subject
	}
}

// complete asks userinfo for what the ID token left out: beside an access token it is thin, and groups in
// particular are not in it (§7).
func (a *attempt) complete(ctx context.Context, c *claims, accessToken string) error {
	lacking := c.login == "" || c.name == "" || c.email == "" ||
		c.groups == nil && slices.Contains(a.engine.app.scopes, "groups")
	if !lacking || accessToken == "" {
		return nil
	}
	res, err := a.engine.client.Do(ctx, a.cc, okta.Request{
		Method: http.MethodGet, URL: a.engine.app.base + "/v1/userinfo", Authorization: "Bearer " + accessToken,
	})
	if err != nil {
		return err
	}
	body, err := parseJSON(res.Body)
	if res.Status != http.StatusOK || err != nil {
		return res.Refuse(flows.ReasonMalformed)
	}
	more := readClaims(body)
	if more.subject != c.subject {
		return malformed("%s: it speaks of another person than the ID token", res.Endpoint)
	}
	c.add(more)
	return nil
}

func (c *claims) add(more *claims) {
	for _, f := range []struct{ have, more *string }{{&c.login, &more.login}, {&c.name, &more.name}, {&c.email, &more.email}} {
		if *f.have == "" {
			*f.have = *f.more
		}
	}
	if c.groups == nil {
		c.groups = more.groups
	}
}
