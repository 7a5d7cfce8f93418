package identityengine

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"sidegate.example/sidegate/flows"
)

var (
	_ flows.Rechecker = (*Engine)(nil)

	errNoRefresh   = errors.New("token: Okta gave no refresh token at the sign-in; the app needs the grant type Refresh Token, the authorization server the scope offline_access")
	errOtherPerson = errors.New("token: the refreshed ID token is another person's")
)

// Recheck implements flows.Rechecker by the refresh token of the sign-in: Okta refuses it once the person is suspended or
// deactivated, or has been signed out at Okta, and says with what it gives for it which groups they are in now. Okta may give
// a new refresh token, and then takes the old one no longer.
func (e *Engine) Recheck(ctx context.Context, cc flows.ClientContext, s flows.Standing) (flows.Standing, error) {
	if s.Renewal == "" {
		return flows.Standing{}, &flows.Error{Reason: flows.ReasonMisconfigured, Err: errNoRefresh}
	}
	a := &attempt{engine: e, cc: cc}
	res, err := a.oauth(ctx, "/v1/token", url.Values{
		"grant_type": {"refresh_token"}, "refresh_token": {s.Renewal}, "scope": {strings.Join(e.app.scopes, " ")},
	})
	if err != nil {
		return flows.Standing{}, err
	}
	if res.Status != http.StatusOK {
		if res.Code() == "invalid_grant" {
			return flows.Standing{Subject: s.Subject}, nil
		}
		return flows.Standing{}, a.refusedApp(res)
	}
	body, err := parseJSON(res.Body)
	if err != nil {
		return flows.Standing{}, malformed("%s: %w", res.Endpoint, err)
	}
	got := readTokens(body)
	if got.Refresh != "" {
		s.Renewal = got.Refresh
	}
	if _, payload, err := precheck(got.ID); err == nil {
		a.state.Nonce = payload.get("nonce").text() // it answers no request of ours for one: OpenID Connect Core 12.2
	}
	c, err := a.claims(ctx, got)
	if err != nil {
		return flows.Standing{Renewal: s.Renewal}, err
	}
	if c.subject != s.Subject {
		return flows.Standing{}, malformed("%w", errOtherPerson)
	}
	if c.groups == nil && (len(s.Groups) > 0 || slices.Contains(e.app.scopes, "groups")) {
		c.groups = []string{} // Okta leaves the claim out for who is in none; which scope it comes with the authorization server says
	}
	s.Active, s.Groups = true, c.groups
	return s, nil
}
