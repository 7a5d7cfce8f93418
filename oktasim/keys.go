package oktasim

import (
	"crypto/rand"
	"crypto/rsa"
	"net/http"
	"sync"

	"github.com/go-jose/go-jose/v4"
)

// keyRing holds the signing keys of one authorization server. Only the newest is published; older ones
// still open the server's own access tokens.
type keyRing struct {
	mu   sync.Mutex
	keys []jose.JSONWebKey // newest last
	// stale asks for a new key at the next use: RSA keys are slow to make, most tests need none.
	stale bool
}

// current returns the signing key, making it if needed.
func (k *keyRing) current() jose.JSONWebKey {
	k.mu.Lock()
	defer k.mu.Unlock()
	if len(k.keys) == 0 || k.stale {
		key, err := rsa.GenerateKey(rand.Reader, 2048)
		if err != nil {
			panic(err) // crypto/rand does not fail
		}
		k.keys = append(k.keys, jose.JSONWebKey{Key: key, KeyID: secretID(""), Algorithm: string(jose.RS256), Use: "sig"})
		k.stale = false
	}
	return k.keys[len(k.keys)-1]
}

func (k *keyRing) rotate() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.stale = true
}

// all returns every key ever used, public halves.
func (k *keyRing) all() jose.JSONWebKeySet {
	k.mu.Lock()
	defer k.mu.Unlock()
	var set jose.JSONWebKeySet
	for _, key := range k.keys {
		set.Keys = append(set.Keys, key.Public())
	}
	return set
}

// RotateKeys gives every authorization server a new signing key with a new kid; the old one is gone from
// the JWKS at once.
func (o *Org) RotateKeys() {
	for _, as := range o.servers {
		as.keys.rotate()
	}
}

// keySet answers GET {base}/v1/keys.
func (as *authServer) keySet(x *exchange) {
	x.header.Set("Cache-Control", "max-age=5184000, must-revalidate") // as long as Okta's, which is why a new kid must be fetched
	x.header.Del("Pragma")
	key := as.keys.current()
	x.json(http.StatusOK, "application/json", jose.JSONWebKeySet{Keys: []jose.JSONWebKey{key.Public()}})
}

// discovery answers the two well-known documents (OpenID Connect Discovery 1.0, RFC 8414).
func (as *authServer) discovery(x *exchange) {
	x.json(http.StatusOK, "application/json", map[string]any{
		"issuer":                                as.issuer,
		"interaction_endpoint":                  as.base + "/v1/interact",
		"authorization_endpoint":                as.base + "/v1/authorize",
		"token_endpoint":                        as.base + "/v1/token",
		"userinfo_endpoint":                     as.base + "/v1/userinfo",
		"jwks_uri":                              as.base + "/v1/keys",
		"response_types_supported":              []string{"code"},
		"grant_types_supported":                 []string{"interaction_code", "refresh_token"},
		"subject_types_supported":               []string{"public"},
		"id_token_signing_alg_values_supported": []string{"RS256"},
		"scopes_supported":                      scopesKnown,
		"token_endpoint_auth_methods_supported": []string{"client_secret_basic", "client_secret_post", "private_key_jwt", "none"},
		"code_challenge_methods_supported":      []string{"S256"},
		"claims_supported":                      []string{"iss", "ver", "sub", "aud", "iat", "exp", "jti", "auth_time", "amr", "idp", "nonce", "name", "email", "preferred_username", "groups", "at_hash"},
	})
}
