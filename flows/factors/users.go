package factors

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"

	"sidegate.example/sidegate/flows"
	"sidegate.example/sidegate/flows/okta"
)

var errNoSuchUser = errors.New("users: Okta knows no user of that name")

// lookUp finds a person by id, or by the name that was proved. denied is set, with a cause, when there is none who may
// sign in; an error says nothing about the person. begin is set where it is a sign-in's first call.
func (e *Engine) lookUp(ctx context.Context, cc flows.ClientContext, who string, begin bool) (u *user, denied flows.DeniedReason, cause error, err error) {
	res, err := e.cfg.API.Do(ctx, cc, okta.Request{Method: http.MethodGet, URL: usersPath + url.PathEscape(who), Begin: begin})
	if err != nil {
		return nil, "", nil, err
	}
	if res.Status == http.StatusNotFound && res.Code() == "E0000007" {
		return nil, flows.DeniedPolicy, fmt.Errorf("%w: %w", errNoSuchUser, res.Refuse(flows.ReasonBadAnswer).Err), nil
	}
	if res.Status != http.StatusOK {
		return nil, "", nil, misconfigured(res)
	}
	u = new(user)
	if decode(res.Body, u) != nil || !oktaID(u.ID) || u.Status == "" {
		return nil, "", nil, malformed(res)
	}
	if !sameName(who, u) {
		return nil, flows.DeniedPolicy, errors.New("users: Okta found another name than the one that was asked for"), nil
	}
	if u.Status == statusActive {
		return u, "", nil, nil
	}
	denied = flows.DeniedPolicy
	switch u.Status {
	case "LOCKED_OUT", "SUSPENDED":
		denied = flows.DeniedLocked
	case "PASSWORD_EXPIRED":
		denied = flows.DeniedUnsupported
	}
	return nil, denied, fmt.Errorf("users: the status of %s is %s", u.ID, knownStatus(u.Status)), nil
}

// knownStatus keeps what Okta does not document out of logs.
func knownStatus(s string) string {
	if slices.Contains([]string{"STAGED", "PROVISIONED", "RECOVERY", "PASSWORD_EXPIRED", "LOCKED_OUT", "SUSPENDED", "DEPROVISIONED"}, s) {
		return s
	}
	return "unknown"
}

// Active reports whether the person still may be signed in: whether Okta knows the user id as ACTIVE. It is for the
// renewal of a session (§2.2): where a layer in front vouches for the person, nothing else keeps out who has left. An
// error is a *flows.Error and says nothing about the person.
func (e *Engine) Active(ctx context.Context, cc flows.ClientContext, userID string) (bool, error) {
	if !oktaID(userID) {
		return false, badAnswer("the user id is none of Okta's")
	}
	u, denied, _, err := e.lookUp(ctx, cc, userID, false)
	if err != nil {
		return false, err
	}
	return denied == "" && u.ID == userID, nil
}

// list asks for the factors of the person.
func (a *attempt) list(ctx context.Context) ([]listed, error) {
	res, err := a.get(ctx, factorsPath(a.state.User))
	if err != nil {
		return nil, err
	}
	if res.Status != http.StatusOK {
		return nil, misconfigured(res)
	}
	var list []listed
	if json.Unmarshal(res.Body, &list) != nil {
		return nil, malformed(res)
	}
	return list, nil
}

// groups are the names of the person's groups. For a service app Okta wants the scope okta.groups.read.
func (a *attempt) groups(ctx context.Context) ([]string, error) {
	res, err := a.get(ctx, userPath(a.state.User)+"/groups")
	if err != nil {
		return nil, err
	}
	if res.Status != http.StatusOK {
		return nil, misconfigured(res)
	}
	var list []struct {
		Profile struct {
			Name string `json:"name"`
		} `json:"profile"`
	}
	if json.Unmarshal(res.Body, &list) != nil {
		return nil, malformed(res)
	}
	out := []string{}
	for _, g := range list {
		if g.Profile.Name != "" {
			out = append(out, g.Profile.Name)
		}
	}
	return out, nil
}
