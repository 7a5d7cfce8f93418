package oktasim_test

import (
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// proof signs a DPoP proof; change may spoil it.
func (b *bench) proof(key *ecdsa.PrivateKey, method, target string, change func(map[string]any)) string {
	b.t.Helper()
	claims := map[string]any{"htm": method, "htu": target, "iat": b.now.Unix(), "jti": rand.Text()}
	if change != nil {
		change(claims)
	}
	return b.signed(key, claims, (&jose.SignerOptions{}).WithType("dpop+jwt").WithHeader("jwk", jose.JSONWebKey{Key: key.Public()}))
}

const tokenURL = orgURL + "/oauth2/v1/token"

// dpopToken runs the nonce round and returns the access token.
func (b *bench) dpopToken(key *ecdsa.PrivateKey) string {
	b.t.Helper()
	b.head = http.Header{"Dpop": {b.proof(key, "POST", tokenURL, nil)}}
	nonce := b.form("/oauth2/v1/token", tokenRequest(b.assertion(dpopID, nil))).wantError(400, "use_dpop_nonce").header.Get("DPoP-Nonce")
	if nonce == "" {
		b.t.Fatal("no nonce announced")
	}
	b.head = http.Header{"Dpop": {b.proof(key, "POST", tokenURL, func(c map[string]any) { c["nonce"] = nonce })}}
	a := b.form("/oauth2/v1/token", tokenRequest(b.assertion(dpopID, nil))).wantError(200, "")
	if a.str("token_type") != "DPoP" || claims(b.t, a.str("access_token"))["cnf"] == nil {
		b.t.Fatalf("token answer %s", a.body)
	}
	b.head = http.Header{}
	return a.str("access_token")
}

func hashOf(token string) func(map[string]any) {
	sum := sha256.Sum256([]byte(token))
	return func(c map[string]any) { c["ath"] = base64.RawURLEncoding.EncodeToString(sum[:]) }
}

func TestDPoPTokenRequest(t *testing.T) {
	b := newAPIBench(t)
	b.head = http.Header{}
	key := newKey()
	b.form("/oauth2/v1/token", tokenRequest(b.assertion(dpopID, nil))).wantError(400, "invalid_dpop_proof")
	for name, change := range map[string]func(map[string]any){
		"another method": func(c map[string]any) { c["htm"] = "GET" },
		"another URL":    func(c map[string]any) { c["htu"] = tokenURL + "?x=1" },
		"too old":        func(c map[string]any) { c["iat"] = b.now.Add(-6 * time.Minute).Unix() },
		"in the future":  func(c map[string]any) { c["iat"] = b.now.Add(time.Minute).Unix() },
		"no jti":         func(c map[string]any) { delete(c, "jti") },
	} {
		b.head = http.Header{"Dpop": {b.proof(key, "POST", tokenURL, change)}}
		a := b.form("/oauth2/v1/token", tokenRequest(b.assertion(dpopID, nil)))
		a.want(400, name, a.str("error"), "invalid_dpop_proof")
	}
	token := b.dpopToken(key)
	if token == "" {
		t.Fatal("no token")
	}
}

// The nonce of yesterday still counts, the one before it does not.
func TestDPoPNonceIsRenewed(t *testing.T) {
	b := newAPIBench(t)
	key := newKey()
	nonceNow := func() string {
		b.head = http.Header{"Dpop": {b.proof(key, "POST", tokenURL, nil)}}
		return b.form("/oauth2/v1/token", tokenRequest(b.assertion(dpopID, nil))).header.Get("DPoP-Nonce")
	}
	with := func(nonce string) *answer {
		b.head = http.Header{"Dpop": {b.proof(key, "POST", tokenURL, func(c map[string]any) { c["nonce"] = nonce })}}
		return b.form("/oauth2/v1/token", tokenRequest(b.assertion(dpopID, nil)))
	}
	first := nonceNow()
	b.now = b.now.Add(24 * time.Hour)
	if second := nonceNow(); second == first {
		t.Fatal("the nonce is the same after a day")
	}
	with(first).wantError(200, "")
	b.now = b.now.Add(24 * time.Hour)
	with(first).wantError(400, "use_dpop_nonce")
}

func TestDPoPCall(t *testing.T) {
	b := newAPIBench(t)
	key := newKey()
	token := b.dpopToken(key)
	path := "/api/v1/users/push@sidegate.example"
	call := func(scheme, proof string) *answer {
		b.head = http.Header{"Authorization": {scheme + " " + token}}
		if proof != "" {
			b.head.Set("DPoP", proof)
		}
		return b.api("GET", path+"?expand=blocks", nil)
	}
	good := b.proof(key, "GET", orgURL+path, hashOf(token))
	call("DPoP", good).wantStatus(200)
	call("DPoP", good).wantError(400, "invalid_dpop_proof") // jti is single use
	call("Bearer", b.proof(key, "GET", orgURL+path, hashOf(token))).wantError(400, "dpop_authentication_scheme_required")
	call("DPoP", "").wantError(400, "dpop_proof_required_for_token")
	call("DPoP", b.proof(newKey(), "GET", orgURL+path, hashOf(token))).wantError(400, "invalid_dpop_proof")
	call("DPoP", b.proof(key, "GET", orgURL+path, hashOf("another"))).wantError(400, "invalid_dpop_proof")
	call("DPoP", b.proof(key, "GET", orgURL+path, nil)).wantError(400, "invalid_dpop_proof")
	call("DPoP", b.proof(key, "POST", orgURL+path, hashOf(token))).wantError(400, "invalid_dpop_proof")
	call("DPoP", b.proof(key, "GET", orgURL+path+"?expand=blocks", hashOf(token))).wantError(400, "invalid_dpop_proof")
}
