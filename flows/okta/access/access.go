// Package access owns how the service itself authenticates to Okta's API: with an SSWS token, or as an OAuth 2.0
// service app whose access tokens it fetches, keeps in memory and binds with DPoP where the app demands it. Whoever calls
// the API for a person goes through an Access, which leaves the person's own context to okta.Client. The wire is
// described in okta/factors-api.md §1 of the shared references; section numbers in comments are of that document.
package access

import (
	"context"
	"crypto"
	"errors"
	"net/http"
	"strings"
	"time"

	"sidegate.example/sidegate/flows"
	"sidegate.example/sidegate/flows/okta"
)

// Config says how the service authenticates: by Token, or by ClientID, PrivateKey and KeyID.
type Config struct {
	// Client calls the org. Required.
	Client *okta.Client
	// Token is an SSWS API token, with the rights of the admin who made it (§1.2). Secret.
	Token string
	// ClientID is the id of an app of type "API Services" that holds an admin role (§1.3).
	ClientID string
	// PrivateKey signs its client assertions: RSA of 2048 bits or more (RS256), or P-256 (ES256). KeyID names its public
	// half at Okta; required.
	PrivateKey crypto.Signer
	KeyID      string
	// Scopes default to okta.users.read and okta.users.manage. For groups Okta may want okta.groups.read too.
	Scopes []string
	// Now is the clock that dates assertions, proofs and the age of access tokens. Default time.Now.
	Now func() time.Time
}

// Access calls Okta's API for the service. It is safe for concurrent use.
type Access struct {
	client *okta.Client
	ssws   string // the whole header value; "" for OAuth
	app    *app
}

// New checks the configuration. Its errors say what to write instead; none holds a secret. It does not call Okta.
func New(cfg Config) (*Access, error) {
	if cfg.Client == nil {
		return nil, errors.New("API access needs a client of the org")
	}
	a := &Access{client: cfg.Client}
	oauth := cfg.ClientID != "" || cfg.PrivateKey != nil || cfg.KeyID != ""
	switch {
	case cfg.Token != "" && oauth:
		return nil, errors.New("API access has a token and a service app: give one")
	case cfg.Token != "":
		if !visible(cfg.Token) {
			return nil, errors.New("the API token holds spaces or other characters that no token has")
		}
		a.ssws = "SSWS " + cfg.Token
		return a, nil
	case !oauth:
		return nil, errors.New("API access needs an API token, or the client id and key of a service app")
	}
	var err error
	a.app, err = newApp(cfg)
	return a, err
}

// Client is the client that calls go through.
func (a *Access) Client() *okta.Client { return a.client }

// Trusted is the Authorization of a call that must be trusted to speak for a browser without OAuth: /api/v1/authn knows
// SSWS tokens only (§6.1). It is "" for a service app.
func (a *Access) Trusted() string { return a.ssws }

// Do makes one call of the API on behalf of the browser cc, like okta.Client.Do. A 401 to an access token is answered
// with one more call under a fresh one, and is then the answer: it was refused before anything was done, so that this is
// no second push. Its errors, beside those of okta.Client.Do, are those of the token call: ReasonMisconfigured names what
// Okta refuses about the app.
func (a *Access) Do(ctx context.Context, cc flows.ClientContext, r okta.Request) (*okta.Response, error) {
	if !cc.Valid() {
		return nil, &flows.Error{Reason: flows.ReasonMisconfigured, Err: flows.ErrNoClientContext}
	}
	if a.app == nil {
		r.Authorization = a.ssws
		return a.client.Do(ctx, cc, r)
	}
	tok, err := a.app.token(ctx, nil)
	if err != nil {
		return nil, err
	}
	res, err := a.doWith(ctx, cc, r, tok)
	if err != nil || res.Status != http.StatusUnauthorized {
		return res, err
	}
	if tok, err = a.app.token(ctx, tok); err != nil {
		return nil, err
	}
	return a.doWith(ctx, cc, r, tok)
}

// doWith makes the call under tok, with a proof of its own.
func (a *Access) doWith(ctx context.Context, cc flows.ClientContext, r okta.Request, tok *token) (*okta.Response, error) {
	local, err := a.client.Local(r.URL)
	if err != nil {
		return nil, &flows.Error{Reason: flows.ReasonMalformed, Err: err}
	}
	r.URL, r.Authorization = local, tok.scheme+" "+tok.value
	if tok.scheme == schemeDPoP {
		method := r.Method
		if method == "" {
			method = http.MethodPost
		}
		path, _, _ := strings.Cut(local, "?")
		if r.DPoP, err = a.app.proof(method, a.client.Origin()+path, "", tok.value); err != nil {
			return nil, err
		}
	}
	return a.client.Do(ctx, cc, r)
}

func visible(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r > '~' })
}
