package oktasim

import (
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/subtle"
	"net/http"
	"net/url"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
)

// assertionType is the only client_assertion_type there is (RFC 7523 §2.2).
const assertionType = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

// maxAssertionLife is Okta's limit on exp of a client assertion.
const maxAssertionLife = time.Hour

// authenticate finds out which client calls endpointURL and demands its credential. The three ways are
// client_secret_post, client_secret_basic and private_key_jwt; two at once are refused.
func (o *Org) authenticate(x *exchange, form url.Values, endpointURL string) (*Client, *oauthError) {
	basic := x.r.Header.Get("Authorization") != ""
	post, assertion := form.Has("client_secret"), form.Has("client_assertion")
	if basic && (post || assertion) || post && assertion {
		return nil, &oauthError{http.StatusUnauthorized, "invalid_request", "Cannot supply multiple client credentials. Use one of the following: credentials in the Authorization header, credentials in the post body, or a client_assertion in the post body."}
	}
	switch {
	case basic:
		return o.authenticateBasic(x, form)
	case assertion:
		return o.authenticateAssertion(x, form, endpointURL)
	}
	c := o.clients[form.Get("client_id")]
	if c == nil {
		return nil, invalidClient("Invalid value for 'client_id' parameter.")
	}
	if c.public() && !post {
		return c, nil
	}
	if !post {
		return nil, invalidClient("Client authentication failed. Either the client or the client credentials are invalid.")
	}
	return checkSecret(c, form.Get("client_secret"))
}

func checkSecret(c *Client, secret string) (*Client, *oauthError) {
	if c.Secret == "" || subtle.ConstantTimeCompare([]byte(c.Secret), []byte(secret)) != 1 {
		return nil, invalidClient("The client secret supplied for a confidential client is invalid.")
	}
	return c, nil
}

// authenticateBasic takes RFC 6749 §2.3.1: both halves are form-encoded inside the header.
func (o *Org) authenticateBasic(x *exchange, form url.Values) (*Client, *oauthError) {
	bad := invalidClient("The basic auth credentials are invalid.")
	user, pass, ok := x.r.BasicAuth()
	id, err1 := url.QueryUnescape(user)
	secret, err2 := url.QueryUnescape(pass)
	if !ok || err1 != nil || err2 != nil {
		return nil, bad
	}
	if form.Has("client_id") && form.Get("client_id") != id {
		return nil, bad
	}
	c := o.clients[id]
	if c == nil {
		return nil, bad
	}
	return checkSecret(c, secret)
}

// authenticateAssertion takes private_key_jwt: iss = sub = client id, aud exactly the URL called, exp at
// most an hour away, jti used once.
func (o *Org) authenticateAssertion(x *exchange, form url.Values, endpointURL string) (*Client, *oauthError) {
	if form.Get("client_assertion_type") != assertionType {
		return nil, invalidClient("The client_assertion_type is invalid.")
	}
	tok, err := jwt.ParseSigned(form.Get("client_assertion"), []jose.SignatureAlgorithm{jose.RS256, jose.ES256})
	if err != nil {
		return nil, invalidClient("The client_assertion token is malformed or its algorithm is not allowed.")
	}
	var peek jwt.Claims
	if err := tok.UnsafeClaimsWithoutVerification(&peek); err != nil {
		return nil, invalidClient("The client_assertion token is malformed.")
	}
	c := o.clients[peek.Issuer]
	if c == nil || c.Key == nil || form.Has("client_id") && form.Get("client_id") != c.ID {
		return nil, invalidClient("The client_assertion was not issued by a client that may use it.")
	}
	if tok.Headers[0].Algorithm != algorithmOf(c.Key) {
		return nil, invalidClient("The client_assertion signature algorithm does not fit the key.")
	}
	var claims jwt.Claims
	if err := tok.Claims(c.Key, &claims); err != nil {
		return nil, invalidClient("The client_assertion signature is invalid.")
	}
	return c, o.checkAssertion(c, &claims, endpointURL, x.now)
}

func algorithmOf(key any) string {
	switch key.(type) {
	case *rsa.PublicKey:
		return string(jose.RS256)
	case *ecdsa.PublicKey:
		return string(jose.ES256)
	}
	return ""
}

func (o *Org) checkAssertion(c *Client, claims *jwt.Claims, endpointURL string, now time.Time) *oauthError {
	switch {
	case claims.Subject != c.ID:
		return invalidClient("The client_assertion token has a subject that is not its issuer.")
	case len(claims.Audience) != 1 || claims.Audience[0] != endpointURL:
		return invalidClient("The audience claim for client_assertion must be the endpoint invoked for the request.")
	case claims.Expiry == nil || !now.Before(claims.Expiry.Time()):
		return invalidClient("The client_assertion token is expired.")
	case claims.Expiry.Time().Sub(now) > maxAssertionLife:
		return invalidClient("The client_assertion token has an expiration too far into the future.")
	case claims.ID == "":
		return invalidClient("The client_assertion token has no jti.")
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if !o.usedAssertions.add(c.ID+"\x00"+claims.ID, now, maxAssertionLife) {
		return invalidClient("The client_assertion token has already been used.")
	}
	return nil
}
