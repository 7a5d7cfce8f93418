package oktasim

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// refreshIdle is how long a refresh token is good that nobody uses, Okta's default.
const refreshIdle = 7 * 24 * time.Hour

// grant is what a refresh token stands for.
type grant struct {
	client   *Client
	server   *authServer
	user     *account
	scopes   []string
	factors  []string
	authTime time.Time
	expires  time.Time
}

// grant gives out a refresh token for what t was.
func (as *authServer) grant(t *transaction, now time.Time) string {
	token := secretID("")
	as.org.mu.Lock()
	defer as.org.mu.Unlock()
	as.org.byRefresh[token] = &grant{client: t.client, server: as, user: t.user, scopes: t.scopes, factors: t.factors, authTime: t.authTime, expires: now.Add(refreshIdle)}
	return token
}

// refresh takes a refresh token and gives what is to be granted anew. The token is spent: the answer holds its successor.
func (as *authServer) refresh(client *Client, form url.Values, now time.Time) (*transaction, *oauthError) {
	o := as.org
	o.mu.Lock()
	defer o.mu.Unlock()
	token := form.Get("refresh_token")
	g := o.byRefresh[token]
	if g == nil || g.client != client || g.server != as || !now.Before(g.expires) || g.user.state() != "ACTIVE" {
		return nil, invalidGrant("The refresh token is invalid or expired.")
	}
	scopes := g.scopes
	if form.Has("scope") {
		scopes = strings.Fields(form.Get("scope"))
		for _, s := range scopes {
			if !slices.Contains(g.scopes, s) {
				return nil, &oauthError{http.StatusBadRequest, "invalid_scope", "The requested scope is invalid, unknown, or malformed."}
			}
		}
	}
	delete(o.byRefresh, token)
	return &transaction{client: client, server: as, user: g.user, scopes: scopes, factors: g.factors, authTime: g.authTime}, nil
}
