package oktasim

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/rsa"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
)

// assertionAlgorithms are those that a service app may sign with (factors-api.md §1.3).
var assertionAlgorithms = []jose.SignatureAlgorithm{jose.RS256, jose.RS384, jose.RS512, jose.ES256, jose.ES384, jose.ES512}

// algorithmsOf are those that fit a public key; nil for a key of another kind.
func algorithmsOf(key any) []string {
	switch k := key.(type) {
	case *rsa.PublicKey:
		return []string{"RS256", "RS384", "RS512"}
	case *ecdsa.PublicKey:
		return map[int][]string{256: {"ES256"}, 384: {"ES384"}, 521: {"ES512"}}[k.Curve.Params().BitSize]
	}
	return nil
}

// tokenParameters reads a token request. Okta's own Go SDK sends everything in the query, the assertion too.
func (x *exchange) tokenParameters() (url.Values, error) {
	query, err := url.ParseQuery(x.r.URL.RawQuery)
	if err != nil {
		return nil, err
	}
	body, err := url.ParseQuery(string(x.body))
	for name, values := range body {
		query[name] = append(query[name], values...)
	}
	return query, err
}

// wantsClientCredentials reports whether that grant is asked of the server that has it.
func (as *authServer) wantsClientCredentials(x *exchange) bool {
	form, err := x.tokenParameters()
	return err == nil && !as.custom && form.Get("grant_type") == "client_credentials"
}

// clientCredentials answers the grant of that name on the org authorization server.
func (as *authServer) clientCredentials(x *exchange) {
	form, err := x.tokenParameters()
	if err != nil {
		x.oauthError(invalidRequest("The request is malformed."))
		return
	}
	for name, values := range form {
		if len(values) > 1 {
			x.oauthError(invalidRequest("Duplicate parameters in the request: '" + name + "'."))
			return
		}
	}
	s, oerr := as.org.authenticateService(x, form, as.base+"/v1/token")
	if oerr != nil {
		x.oauthError(oerr)
		return
	}
	scopes := strings.Fields(form.Get("scope"))
	if oerr := s.checkScopes(scopes); oerr != nil {
		x.oauthError(oerr)
		return
	}
	claims := map[string]any{
		"ver": 1, "jti": secretID("AT."), "iss": as.issuer, "aud": as.issuer, "iat": x.now.Unix(),
		"exp": x.now.Add(tokenLifetime).Unix(), "cid": s.ID, "sub": s.ID, "scp": scopes,
	}
	kind := "Bearer"
	if s.DPoP || x.r.Header.Get("DPoP") != "" {
		thumbprint, oerr := as.org.provePossession(x, as.base+"/v1/token")
		if oerr != nil {
			x.oauthError(oerr)
			return
		}
		kind, claims["cnf"] = "DPoP", map[string]string{"jkt": thumbprint}
	}
	x.json(http.StatusOK, "application/json", map[string]any{
		"token_type": kind, "expires_in": int(tokenLifetime / time.Second), "scope": form.Get("scope"), "access_token": as.sign(claims),
	})
}

func (s *Service) checkScopes(scopes []string) *oauthError {
	if len(scopes) == 0 {
		return &oauthError{http.StatusBadRequest, "invalid_scope", "The authorization server resource does not have any configured default scopes, 'scope' must be provided."}
	}
	for _, scope := range scopes {
		if !slices.Contains(s.Scopes, scope) {
			return &oauthError{http.StatusBadRequest, "invalid_scope", "One or more scopes are not configured for the authorization server resource."}
		}
	}
	return nil
}

// authenticateService takes private_key_jwt and nothing else: iss = sub = client id, aud exactly the URL called, exp at
// most an hour away, iat not in the future, jti optional but used once.
func (o *Org) authenticateService(x *exchange, form url.Values, endpointURL string) (*Service, *oauthError) {
	if x.r.Header.Get("Authorization") != "" || form.Has("client_secret") || form.Get("client_assertion_type") != assertionType {
		return nil, invalidClient("Client Credentials requests to the Org Authorization Server must use the private_key_jwt token_endpoint_auth_method.")
	}
	tok, err := jwt.ParseSigned(form.Get("client_assertion"), assertionAlgorithms)
	if err != nil {
		return nil, invalidClient("The client_assertion token is malformed or its algorithm is not allowed.")
	}
	var peek, claims jwt.Claims
	if err := tok.UnsafeClaimsWithoutVerification(&peek); err != nil {
		return nil, invalidClient("The client_assertion token is malformed.")
	}
	i := slices.IndexFunc(x.cfg.Services, func(s Service) bool { return s.ID == peek.Issuer })
	if i < 0 || form.Has("client_id") && form.Get("client_id") != peek.Issuer {
		return nil, invalidClient("The client_assertion was not issued by a client that may use it.")
	}
	s := &x.cfg.Services[i]
	key := s.key(tok.Headers[0].KeyID)
	if !slices.Contains(algorithmsOf(key), tok.Headers[0].Algorithm) {
		return nil, invalidClient("The client_assertion signature algorithm or its kid fits no key of the client.")
	}
	if err := tok.Claims(key, &claims); err != nil {
		return nil, invalidClient("The client_assertion signature is invalid.")
	}
	if claims.IssuedAt != nil && claims.IssuedAt.Time().After(x.now) {
		return nil, invalidClient("The client_assertion token was issued in the future.")
	}
	if claims.ID == "" {
		claims.ID = secretID("") // never seen before
	}
	return s, o.checkAssertion(&Client{ID: s.ID}, &claims, endpointURL, x.now)
}

// key finds one of the app's keys; nil for none.
func (s *Service) key(kid string) crypto.PublicKey {
	if kid == "" && len(s.Keys) == 1 {
		for _, key := range s.Keys {
			return key
		}
	}
	return s.Keys[kid]
}

// identifyService opens the access token of a service app.
func (o *Org) identifyService(x *exchange, scheme, raw string) (*caller, *apiReply) {
	as := o.servers[0]
	tok, err := jwt.ParseSigned(raw, []jose.SignatureAlgorithm{jose.RS256})
	if err != nil {
		return nil, &invalidToken
	}
	var claims struct {
		jwt.Claims
		Client       string   `json:"cid"`
		Scopes       []string `json:"scp"`
		Confirmation struct {
			Thumbprint string `json:"jkt"`
		} `json:"cnf"`
	}
	if err := tok.Claims(as.keys.all(), &claims); err != nil {
		return nil, &invalidToken
	}
	i := slices.IndexFunc(x.cfg.Services, func(s Service) bool { return s.ID == claims.Subject })
	expected := jwt.Expected{Issuer: as.issuer, AnyAudience: jwt.Audience{as.issuer}, Time: x.now}
	if err := claims.ValidateWithLeeway(expected, 0); err != nil || i < 0 || claims.Client != claims.Subject {
		return nil, &invalidToken
	}
	if bound := claims.Confirmation.Thumbprint; bound != "" || scheme == "DPoP" {
		if rep := o.checkProof(x, scheme, raw, bound); rep != nil {
			return nil, rep
		}
	}
	s := &x.cfg.Services[i]
	return &caller{bucket: "app " + s.ID, limit: limitOr(s.RateLimit), role: s.Role, scopes: claims.Scopes}, nil
}
