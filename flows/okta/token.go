package okta

import (
	"bytes"
	"context"
	"net/http"
	"net/url"
)

const (
	// TokenPath is the token endpoint of the org's own authorization server, the only one that gives scopes of Okta's
	// API (factors-api.md §1.3).
	TokenPath = "/oauth2/v1/token"
	// productAgent is what the service calls itself on calls of its own (§7.1).
	productAgent = "sidegate"
)

// TokenRequest asks for an access token of the service's own.
type TokenRequest struct {
	// Form is the grant, client authentication included. Secret.
	Form url.Values
	// DPoP is the proof, "" for none.
	DPoP string
}

// Token makes the service's own call for an access token. It is the one call that no browser is behind: it can go to
// TokenPath and nowhere else, and carries no X-Forwarded-For, because Okta judges the service's network by it
// (factors-api.md §7.5). Errors are those of Do.
func (c *Client) Token(ctx context.Context, r TokenRequest) (*Response, error) {
	return c.send(ctx, TokenPath, pressed, nil, func(ctx context.Context) (*http.Request, error) {
		body := bytes.NewReader([]byte(r.Form.Encode()))
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.origin.String()+TokenPath, body)
		if err != nil {
			return nil, err
		}
		req.Header.Set("Accept", "application/json")
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		req.Header.Set("User-Agent", productAgent)
		if r.DPoP != "" {
			req.Header.Set("DPoP", r.DPoP)
		}
		return req, nil
	})
}
