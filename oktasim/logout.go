package oktasim

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// logoutLifetime is exp - iat of the tokens below.
const logoutLifetime = 5 * time.Minute

// RevocationToken is what Okta signs for one call of Universal Logout to endpoint.
func (o *Org) RevocationToken(endpoint string) string {
	now := o.cfg.Load().Now()
	return o.servers[0].signTyped((&jose.SignerOptions{}).WithType("global-token-revocation+jwt"), map[string]any{
		"jti": secretID("GTR."), "iss": o.servers[0].issuer, "sub": "0oauniversallogout", "aud": endpoint,
		"iat": now.Unix(), "nbf": now.Add(-logoutLifetime).Unix(), "exp": now.Add(logoutLifetime).Unix(),
	})
}

// UniversalLogout sends what Okta does when a user's sessions are cleared, to an app's endpoint, and tells the status of the
// answer. format is how the user is named, "email" or "iss_sub" (the default).
func (o *Org) UniversalLogout(ctx context.Context, endpoint, login, format string) (status int, err error) {
	id, email := o.named(login)
	if id == "" {
		return 0, ErrNoUser
	}
	subject := map[string]string{"format": "iss_sub", "iss": o.servers[0].issuer, "sub": id}
	if format == "email" {
		subject = map[string]string{"format": format, "email": email}
	}
	body, err := json.Marshal(map[string]any{"sub_id": subject})
	if err != nil {
		return 0, fmt.Errorf("oktasim: encoding a subject: %w", err)
	}
	return send(ctx, endpoint, "application/json", body, "Bearer "+o.RevocationToken(endpoint))
}

// ClearSessions is what an admin does to a user with "Clear user sessions", enabled apps included: the refresh tokens are void,
// and each app with Universal Logout is told. The error is about the first app that did not do it; the others are told all the same.
func (o *Org) ClearSessions(ctx context.Context, login string) (err error) {
	o.mu.Lock()
	a := o.users[normalLogin(login)]
	maps.DeleteFunc(o.byRefresh, func(_ string, g *grant) bool { return g.user == a })
	o.mu.Unlock()
	if a == nil {
		return ErrNoUser
	}
	for _, c := range o.cfg.Load().Clients {
		if c.GlobalTokenRevocation == "" {
			continue
		}
		status, failed := o.UniversalLogout(ctx, c.GlobalTokenRevocation, login, "")
		if failed == nil && status != http.StatusNoContent {
			failed = fmt.Errorf("oktasim: Universal Logout of %s: status %d", c.ID, status)
		}
		err = cmp.Or(err, failed)
	}
	return err
}

// phoneClear is an admin's button beside a phone.
func (o *Org) phoneClear(w http.ResponseWriter, r *http.Request) {
	if err := o.ClearSessions(r.Context(), r.PathValue("login")); err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	http.Redirect(w, r, "/phone/", http.StatusSeeOther)
}

// LogoutToken is one of OpenID Connect Back-Channel Logout, of the authorization server of that issuer for a client.
func (o *Org) LogoutToken(issuer, clientID, login string) (string, error) {
	id, _ := o.named(login)
	for _, as := range o.servers {
		if id == "" || as.issuer != issuer {
			continue
		}
		now := o.cfg.Load().Now()
		return as.signTyped((&jose.SignerOptions{}).WithType("logout+jwt"), map[string]any{
			"jti": secretID("LT."), "iss": issuer, "sub": id, "aud": clientID, "iat": now.Unix(), "exp": now.Add(logoutLifetime).Unix(),
			"events": map[string]any{"http://schemas.openid.net/event/backchannel-logout": map[string]any{}},
		}), nil
	}
	return "", ErrNoUser
}

// BackChannelLogout sends a LogoutToken to an app's endpoint, and tells the status of the answer.
func (o *Org) BackChannelLogout(ctx context.Context, endpoint, issuer, clientID, login string) (status int, err error) {
	token, err := o.LogoutToken(issuer, clientID, login)
	if err != nil {
		return 0, err
	}
	return send(ctx, endpoint, "application/x-www-form-urlencoded", []byte(url.Values{"logout_token": {token}}.Encode()), "")
}

// named is Okta's id and the address of a user, "" for nobody.
func (o *Org) named(login string) (id, email string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if a := o.users[normalLogin(login)]; a != nil {
		return a.id, a.Email
	}
	return "", ""
}

// sender is Okta's server: it follows no redirect and keeps no connection.
var sender = &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{DisableKeepAlives: true},
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}

func send(ctx context.Context, endpoint, contentType string, body []byte, authorization string) (int, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, endpoint, bytes.NewReader(body))
	if err != nil {
		return 0, fmt.Errorf("oktasim: %w", err)
	}
	r.Header.Set("Content-Type", contentType)
	r.Header.Set("User-Agent", "Okta-Universal-Logout")
	if authorization != "" {
		r.Header.Set("Authorization", authorization)
	}
	resp, err := sender.Do(r)
	if err != nil {
		return 0, fmt.Errorf("oktasim: %w", err)
	}
	return resp.StatusCode, resp.Body.Close()
}

func (o *Org) simLogout(w http.ResponseWriter, r *http.Request) {
	var in struct{ Login, Endpoint, Format string }
	if !readJSON(w, r, &in) {
		return
	}
	status, err := o.UniversalLogout(r.Context(), strings.TrimSpace(in.Endpoint), in.Login, in.Format)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	writeJSON(w, map[string]int{"status": status})
}
