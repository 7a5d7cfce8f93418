package identityengine

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/lestrrat-go/jwx/v2/jws"
	"sidegate.example/sidegate/flows"
	"sidegate.example/sidegate/flows/okta"
)

const (
	formType = "application/x-www-form-urlencoded"
	// assertionLife is short: an assertion is used at once and only once.
	assertionLife = 5 * time.Minute
	maxHandle     = 4096
)

// interact opens a transaction and returns its handle, or the Step of a refusal that is about the person's
// network and not about us (§1).
func (a *attempt) interact(ctx context.Context) (string, *flows.Step, error) {
	app := &a.engine.app
	a.state.Verifier, a.state.Nonce = random(32), random(16)
	challenge := sha256.Sum256([]byte(a.state.Verifier))
	form := url.Values{
		"scope":                 {strings.Join(app.scopes, " ")},
		"redirect_uri":          {a.state.Redirect},
		"code_challenge":        {base64.RawURLEncoding.EncodeToString(challenge[:])},
		"code_challenge_method": {"S256"},
		"state":                 {a.state.link()},
		"nonce":                 {a.state.Nonce},
	}
	if a.token.name != "" {
		form.Set(a.token.name, a.token.value)
	}
	res, err := a.oauth(ctx, "/v1/interact", form)
	if err != nil {
		return "", nil, err
	}
	if res.Status == http.StatusForbidden {
		step := a.end(flows.DeniedPolicy, forbidden(res))
		return "", &step, nil
	}
	if res.Status != http.StatusOK {
		if a.token.name != "" && res.Code() == "invalid_request" {
			// Most likely the mailed token is old or used: Okta's code does not tell it from a mistake of ours (§1.5).
			step := a.end(flows.DeniedExpired, a.misconfiguredApp(res))
			return "", &step, nil
		}
		return "", nil, a.refusedApp(res)
	}
	body, err := parseJSON(res.Body)
	handle := body.get("interaction_handle").text()
	if err != nil || handle == "" || len(handle) > maxHandle {
		return "", nil, malformed("%s: no interaction handle in the answer", res.Endpoint)
	}
	return handle, nil, nil
}

// oauth posts a form with the app's credentials.
func (a *attempt) oauth(ctx context.Context, path string, form url.Values) (*okta.Response, error) {
	app := &a.engine.app
	if err := app.authenticate(form, app.origin+app.base+path, a.engine.now()); err != nil {
		return nil, err
	}
	return a.engine.client.Do(ctx, a.cc, okta.Request{
		URL: app.base + path, ContentType: formType, Body: []byte(form.Encode()),
	})
}

// refusedApp sorts an OAuth error by its code; the texts beside it change (§1.5).
func (a *attempt) refusedApp(res *okta.Response) error {
	switch res.Code() {
	case "temporarily_unavailable", "server_error", "E0000009", "E0000010":
		return res.Refuse(flows.ReasonUnavailable)
	case "E0000047":
		return rateLimited(res)
	case "":
		return res.Refuse(flows.ReasonMalformed)
	}
	return a.misconfiguredApp(res)
}

// authenticate adds exactly one credential: Okta refuses two (§1.3). An assertion is for one endpoint and for one
// use.
func (a *app) authenticate(form url.Values, endpoint string, now time.Time) error {
	form.Set("client_id", a.id)
	if a.key == nil {
		form.Set("client_secret", a.secret)
		return nil
	}
	claims := mustJSON(map[string]any{
		"iss": a.id, "sub": a.id, "aud": endpoint, "jti": random(16),
		"iat": now.Unix(), "exp": now.Add(assertionLife).Unix(),
	})
	header := jws.NewHeaders()
	if err := header.Set(jws.KeyIDKey, a.keyID); err != nil {
		return misconfigured("the key id of the private key cannot be used")
	}
	signed, err := jws.Sign(claims, jws.WithKey(a.alg, a.key, jws.WithProtectedHeaders(header)))
	if err != nil {
		return misconfigured("the private key of the Okta app does not sign")
	}
	form.Set("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer")
	form.Set("client_assertion", string(signed))
	return nil
}

// link is the "state" of the transaction, which a link that Okta mails to the gate brings back. It is made of the verifier,
// to be known without being kept, and tells nothing about it.
func (s *state) link() string {
	sum := sha256.Sum256([]byte("state of a mailed link " + s.Verifier))
	return base64.RawURLEncoding.EncodeToString(sum[:16])
}

// random is n bytes of randomness in URL-safe text.
func random(n int) string {
	b := make([]byte, n)
	_, _ = rand.Read(b) // never fails
	return base64.RawURLEncoding.EncodeToString(b)
}
