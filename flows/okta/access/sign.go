package access

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"time"

	"github.com/lestrrat-go/jwx/v2/jwa"
	"github.com/lestrrat-go/jwx/v2/jwk"
	"github.com/lestrrat-go/jwx/v2/jws"
)

// assertionLife is short: an assertion is used at once and only once.
const assertionLife = 5 * time.Minute

// signer signs with one key. id is the app's, for assertions.
type signer struct {
	id, keyID string
	key       crypto.Signer
	alg       jwa.SignatureAlgorithm
}

func newSigner(id string, key crypto.Signer, keyID string) (signer, error) {
	s := signer{id: id, key: key, keyID: keyID}
	switch {
	case id == "":
		return s, errors.New("the client id of the service app is missing")
	case key == nil:
		return s, errors.New("the service app needs a private key: Okta takes no client secret for its API")
	case keyID == "":
		return s, errors.New("the private key needs the key id (kid) under which its public half is registered at Okta")
	}
	switch k := key.Public().(type) {
	case *rsa.PublicKey:
		if k.N.BitLen() < 2048 {
			return s, errors.New("the private key of the service app is an RSA key of less than 2048 bits")
		}
		s.alg = jwa.RS256
	case *ecdsa.PublicKey:
		if k.Curve != elliptic.P256() {
			return s, errors.New("the private key of the service app is an EC key on another curve than P-256")
		}
		s.alg = jwa.ES256
	default:
		return s, errors.New("the private key of the service app is neither RSA nor EC")
	}
	return s, nil
}

// newProofKey makes the key that tokens are bound to. It is never stored: tokens die with the process.
func newProofKey() (*signer, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, misconfigured("no key for DPoP can be made")
	}
	return &signer{key: key, alg: jwa.ES256}, nil
}

// assertion authenticates the app to endpoint, once.
func (s *signer) assertion(endpoint string, now time.Time) (string, error) {
	header := jws.NewHeaders()
	_ = header.Set(jws.KeyIDKey, s.keyID) // a string always fits
	return s.sign(header, map[string]any{
		"iss": s.id, "sub": s.id, "aud": endpoint, "jti": rand.Text(),
		"iat": now.Unix(), "exp": now.Add(assertionLife).Unix(),
	})
}

// proof proves to hold the key that tokens are bound to, for one call (RFC 9449 §4.2). accessToken is "" at the token
// endpoint.
func (a *app) proof(method, endpoint, nonce, accessToken string) (string, error) {
	public, err := jwk.FromRaw(a.dpop.key.Public())
	if err != nil {
		return "", misconfigured("the key for DPoP has no public half")
	}
	header := jws.NewHeaders()
	for name, value := range map[string]any{jws.TypeKey: "dpop+jwt", jws.JWKKey: public} {
		if err := header.Set(name, value); err != nil {
			return "", misconfigured("the key for DPoP cannot be named")
		}
	}
	claims := map[string]any{"htm": method, "htu": endpoint, "iat": a.now().Unix(), "jti": rand.Text()}
	if nonce != "" {
		claims["nonce"] = nonce
	}
	if accessToken != "" {
		sum := sha256.Sum256([]byte(accessToken))
		claims["ath"] = base64.RawURLEncoding.EncodeToString(sum[:])
	}
	return a.dpop.sign(header, claims)
}

func (s *signer) sign(header jws.Headers, claims map[string]any) (string, error) {
	payload, err := json.Marshal(claims)
	if err != nil {
		return "", misconfigured("the client id cannot be signed for")
	}
	signed, err := jws.Sign(payload, jws.WithKey(s.alg, s.key, jws.WithProtectedHeaders(header)))
	if err != nil {
		return "", misconfigured("the private key of the service app does not sign")
	}
	return string(signed), nil
}
