package identityengine

import (
	"context"
	"net/http"
	"net/url"
	"slices"

	"sidegate.example/sidegate/flows"
	"sidegate.example/sidegate/flows/okta"
	"sidegate.example/sidegate/gateway/identity"
)

// finish redeems the interaction code and makes the identity. A success that no second factor proved is none,
// and is not even redeemed (immunity S71).
func (a *attempt) finish(ctx context.Context, code string) (flows.State, flows.Step, error) {
	if !a.state.secondFactor() {
		return nil, a.end(flows.DeniedNoFactor), nil
	}
	res, err := a.oauth(ctx, "/v1/token", url.Values{
		"grant_type":       {"interaction_code"},
		"interaction_code": {code},
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
	claims, err := a.verify(ctx, body.get("id_token").text())
	if err != nil {
		return nil, flows.Step{}, err
	}
	if err := a.complete(ctx, claims, body.get("access_token").text()); err != nil {
		return nil, flows.Step{}, err
	}
	id := a.state.identity()
	claims.fill(id)
	return nil, flows.Step{Kind: flows.KindDone, Person: a.state.Person, Identity: id}, nil
}

// refusedCode tells a refusal of this sign-in from one of the app. The code is burnt either way, and is not sent
// again (§7).
func (a *attempt) refusedCode(res *okta.Response) (flows.State, flows.Step, error) {
	switch res.Code() {
	case "invalid_grant":
		return nil, a.end(flows.DeniedExpired), nil
	case "access_denied":
		return nil, a.end(flows.DeniedPolicy), nil
	}
	return nil, flows.Step{}, refusedApp(res)
}

// claims are those of an ID token, with what userinfo added.
type claims struct {
	subject, login, name, email string
	groups                      []string
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

// readGroups takes a list, or the one name that some claim mappings give instead.
func readGroups(n node) []string {
	if one := n.text(); one != "" {
		return []string{one}
	}
	var out []string
	for _, g := range n.items() {
		if name := g.text(); name != "" {
			out = append(out, name)
		}
	}
	return out
}

func (c *claims) fill(id *identity.Identity) {
	id.Subject, id.Login, id.Name, id.Email, id.Groups = c.subject, c.login, c.name, c.email, c.groups
	if id.Login == "" {
		id.Login = c.email
	}
	if id.Login == "" {
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
