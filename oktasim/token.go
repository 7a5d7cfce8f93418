package oktasim

import (
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
)

// tokenLifetime is exp - iat of both tokens.
const tokenLifetime = time.Hour

// token answers POST {base}/v1/token.
func (as *authServer) token(x *exchange) {
	if as.wantsClientCredentials(x) {
		as.clientCredentials(x)
		return
	}
	form, oerr := x.oauthForm()
	if oerr != nil {
		x.oauthError(oerr)
		return
	}
	client, oerr := as.org.authenticate(x, form, as.base+"/v1/token")
	if oerr != nil {
		x.oauthError(oerr)
		return
	}
	var t *transaction
	switch form.Get("grant_type") {
	case "interaction_code":
		t, oerr = as.redeem(client, form, x.now)
	case "refresh_token":
		t, oerr = as.refresh(client, form, x.now)
	default:
		oerr = &oauthError{http.StatusBadRequest, "unsupported_grant_type", "The authorization grant type is not supported by the authorization server. Configured grant types: [interaction_code, refresh_token]."}
	}
	if oerr != nil {
		x.oauthError(oerr)
		return
	}
	access := as.sign(as.accessClaims(t, x.now))
	answer := map[string]any{
		"token_type": "Bearer", "expires_in": int(tokenLifetime / time.Second), "scope": strings.Join(t.scopes, " "),
		"access_token": access,
		"id_token":     as.sign(as.idClaims(t, access, x)),
	}
	if slices.Contains(t.scopes, "offline_access") {
		answer["refresh_token"] = as.grant(t, x.now)
	}
	x.json(http.StatusOK, "application/json", answer)
}

// redeem takes an interaction code out of circulation, whether or not the rest of the request is right: a
// code that was shown with a wrong verifier is a stolen one. The transaction ends with it.
func (as *authServer) redeem(client *Client, form url.Values, now time.Time) (*transaction, *oauthError) {
	if !form.Has("code_verifier") {
		return nil, invalidRequest("PKCE code verifier is required when a PKCE code challenge was sent.")
	}
	o := as.org
	o.mu.Lock()
	defer o.mu.Unlock()
	t := o.byCode[form.Get("interaction_code")]
	if t == nil {
		return nil, invalidGrant("The interaction code is invalid or has expired.")
	}
	o.drop(t, now)
	sum := sha256.Sum256([]byte(form.Get("code_verifier")))
	switch {
	case t.client != client || t.server != as || !now.Before(t.codeExpires):
		return nil, invalidGrant("The interaction code is invalid or has expired.")
	case base64.RawURLEncoding.EncodeToString(sum[:]) != t.challenge:
		return nil, invalidGrant("PKCE verification failed.")
	}
	return t, nil
}

func (as *authServer) accessClaims(t *transaction, now time.Time) map[string]any {
	aud := as.issuer
	if as.custom {
		aud = "api://default"
	}
	return map[string]any{
		"ver": 1, "jti": secretID("AT."), "iss": as.issuer, "aud": aud,
		"iat": now.Unix(), "exp": now.Add(tokenLifetime).Unix(),
		"cid": t.client.ID, "uid": t.user.id, "scp": t.scopes, "auth_time": t.authTime.Unix(), "sub": t.user.Login,
	}
}

func (as *authServer) idClaims(t *transaction, access string, x *exchange) map[string]any {
	claims := map[string]any{
		"ver": 1, "jti": secretID("ID."), "iss": as.issuer, "aud": t.client.ID, "sub": t.user.id,
		"iat": x.now.Unix(), "exp": x.now.Add(tokenLifetime).Unix(), "auth_time": t.authTime.Unix(),
		"amr": t.factors, "idp": stableID("00o", as.org.cfg.Load().URL), "at_hash": accessTokenHash(access),
	}
	if t.nonce != "" {
		claims["nonce"] = t.nonce
	}
	if !x.cfg.Policy.ThinIDToken {
		addProfile(claims, t.user, t.scopes)
	}
	return claims
}

// addProfile puts in what the scopes ask for; a claim without a value is left out.
func addProfile(claims map[string]any, a *account, scopes []string) {
	if slices.Contains(scopes, "profile") {
		claims["preferred_username"] = a.Login
		if a.Name != "" {
			claims["name"] = a.Name
		}
	}
	if slices.Contains(scopes, "email") && a.Email != "" {
		claims["email"] = a.Email
		claims["email_verified"] = true
	}
	if slices.Contains(scopes, "groups") && len(a.Groups) > 0 {
		claims["groups"] = a.Groups
	}
}

// accessTokenHash is at_hash (OpenID Connect Core §3.1.3.6).
func accessTokenHash(access string) string {
	sum := sha256.Sum256([]byte(access))
	return base64.RawURLEncoding.EncodeToString(sum[:16])
}

func (as *authServer) sign(claims map[string]any) string { return as.signTyped(nil, claims) }

func (as *authServer) signTyped(o *jose.SignerOptions, claims map[string]any) string {
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.RS256, Key: as.keys.current()}, o)
	if err != nil {
		panic(err) // the key is our own RSA key
	}
	s, err := jwt.Signed(signer).Claims(claims).Serialize()
	if err != nil {
		panic(err) // our own claims always encode
	}
	return s
}

// userinfo answers GET {base}/v1/userinfo to the bearer of an access token of this server.
func (as *authServer) userinfo(x *exchange) {
	raw, bearer := strings.CutPrefix(x.r.Header.Get("Authorization"), "Bearer ")
	claims, a := as.openAccess(raw, x.now)
	if !bearer || a == nil {
		x.header.Set("WWW-Authenticate", `Bearer authorization_uri="`+as.base+`/v1/authorize", realm="`+as.base+`", error="invalid_token", error_description="The access token is invalid."`)
		x.status = http.StatusUnauthorized
		return
	}
	info := map[string]any{"sub": a.id}
	addProfile(info, a, claims.Scopes)
	x.json(http.StatusOK, "application/json", info)
}

type accessClaims struct {
	jwt.Claims
	Scopes []string `json:"scp"`
}

// openAccess verifies an access token of this server; the account is nil when it is none.
func (as *authServer) openAccess(raw string, now time.Time) (claims accessClaims, a *account) {
	tok, err := jwt.ParseSigned(raw, []jose.SignatureAlgorithm{jose.RS256})
	if err != nil {
		return claims, nil
	}
	if err := tok.Claims(as.keys.all(), &claims); err != nil {
		return claims, nil
	}
	if err := claims.ValidateWithLeeway(jwt.Expected{Issuer: as.issuer, Time: now}, 0); err != nil || claims.Audience == nil {
		return claims, nil
	}
	if !strings.HasPrefix(claims.ID, "AT.") {
		return claims, nil // an ID token is not an access token
	}
	return claims, as.org.users[normalLogin(claims.Subject)]
}
