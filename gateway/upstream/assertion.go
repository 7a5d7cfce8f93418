// Package upstream owns what the app behind the gate is told about a person beyond plain headers, in forms that it can
// check without trusting the network: the assertion, a JWT for one request, and the signed cookie. It holds no session and
// decides nothing: the gate drives it, and what it makes opens no door of the gate.
package upstream

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/big"
	"sync/atomic"
	"time"

	"github.com/go-jose/go-jose/v4"

	"sidegate.example/sidegate/gateway/identity"
	"sidegate.example/sidegate/gateway/session"
)

// AssertionLife is how long an assertion is good for.
const AssertionLife = time.Minute

// The algorithms of an assertion.
const (
	ES256 = string(jose.ES256)
	EdDSA = string(jose.EdDSA)
)

// Request is what an assertion is bound to.
type Request struct {
	// Issuer is the address below which jwks.json is, and Audience the origin of the site.
	Issuer, Audience string
	// Method and Path are of the request that goes on; Path is escaped and has no query.
	Method, Path string
	// At is the time of the request.
	At time.Time
}

// Signer signs assertions. Its keys are derived from the key ring, so that every replica signs with keys that all of them
// publish. It is safe for concurrent use.
type Signer struct {
	keys   session.Keys
	alg    jose.SignatureAlgorithm
	latest atomic.Pointer[signingRing]
}

// NewSigner makes a Signer of keys; alg is ES256 or EdDSA.
func NewSigner(keys session.Keys, alg string) (*Signer, error) {
	if alg != ES256 && alg != EdDSA {
		return nil, fmt.Errorf("the assertion's alg %q is unknown; allowed: %s, %s", alg, ES256, EdDSA)
	}
	return &Signer{keys: keys, alg: jose.SignatureAlgorithm(alg)}, nil
}

// signingRing is what a key ring comes to.
type signingRing struct {
	of      *session.Ring
	signers []jose.Signer // as Ring.Derive orders them
	public  []byte        // the JWK set
}

// assertion are the claims, by the names of OpenID Connect, of RFC 8176 (amr) and of RFC 9449 (htm, htu).
type assertion struct {
	Issuer   string            `json:"iss"`
	Audience string            `json:"aud"`
	IssuedAt int64             `json:"iat"`
	Expires  int64             `json:"exp"`
	ID       string            `json:"jti"`
	Method   string            `json:"htm"`
	URI      string            `json:"htu"`
	Subject  string            `json:"sub"`
	Username string            `json:"preferred_username"`
	Name     string            `json:"name,omitempty"`
	Email    string            `json:"email,omitempty"`
	Groups   []string          `json:"groups,omitempty"`
	AuthTime int64             `json:"auth_time"`
	AMR      []string          `json:"amr"`
	Factors  []identity.Factor `json:"factors"`
	Session  string            `json:"sid"`
}

// Sign makes the assertion that says who sends a request. An error means that there is no key.
func (s *Signer) Sign(ctx context.Context, c *session.Opened, r Request) (string, error) {
	ring, err := s.ring(ctx)
	if err != nil {
		return "", err
	}
	who := &c.Identity
	payload, err := json.Marshal(assertion{
		Issuer: r.Issuer, Audience: r.Audience, IssuedAt: r.At.Unix(), Expires: r.At.Add(AssertionLife).Unix(), ID: rand.Text(),
		Method: r.Method, URI: r.Audience + r.Path,
		Subject: who.Subject, Username: who.Login, Name: who.Name, Email: who.Email, Groups: who.Groups,
		AuthTime: min(c.IssuedAt.Unix(), r.At.Unix()), AMR: amr(who.Proofs), Factors: factors(who.Proofs), Session: c.Handle,
	})
	if err != nil {
		return "", fmt.Errorf("encoding the assertion: %w", err)
	}
	signed, err := ring.signers[ring.of.InUse(r.At)].Sign(payload)
	if err != nil {
		return "", fmt.Errorf("signing the assertion: %w", err)
	}
	token, err := signed.CompactSerialize()
	if err != nil {
		return "", fmt.Errorf("encoding the assertion: %w", err)
	}
	return token, nil
}

// JWKS is the JWK set (RFC 7517) of all keys of the ring: those that have signed, the one that does, and the one that is
// about to.
func (s *Signer) JWKS(ctx context.Context) ([]byte, error) {
	ring, err := s.ring(ctx)
	if err != nil {
		return nil, err
	}
	return ring.public, nil
}

// ring makes the signers of a ring when it sees it for the first time.
func (s *Signer) ring(ctx context.Context) (*signingRing, error) {
	of, err := s.keys.Ring(ctx)
	if err != nil {
		return nil, fmt.Errorf("getting the keys of the assertion: %w", err)
	}
	if latest := s.latest.Load(); latest != nil && latest.of == of {
		return latest, nil
	}
	secrets, err := of.Derive("assertion "+string(s.alg), 48)
	if err != nil {
		return nil, err
	}
	fresh := &signingRing{of: of}
	var set jose.JSONWebKeySet
	for _, secret := range secrets {
		signer, public, err := s.signer(secret)
		if err != nil {
			return nil, fmt.Errorf("making a key of the assertion: %w", err)
		}
		fresh.signers, set.Keys = append(fresh.signers, signer), append(set.Keys, public)
	}
	if fresh.public, err = json.Marshal(set); err != nil {
		return nil, fmt.Errorf("encoding the JWK set: %w", err)
	}
	s.latest.Store(fresh)
	return fresh, nil
}

// signer makes a private key of 48 random bytes, and its public half, named by its thumbprint (RFC 7638).
func (s *Signer) signer(secret []byte) (jose.Signer, jose.JSONWebKey, error) {
	var private crypto.Signer = ed25519.NewKeyFromSeed(secret[:ed25519.SeedSize])
	if s.alg == jose.ES256 {
		var err error
		if private, err = p256(secret); err != nil {
			return nil, jose.JSONWebKey{}, err
		}
	}
	public := jose.JSONWebKey{Key: private.Public(), Algorithm: string(s.alg), Use: "sig"}
	thumbprint, err := public.Thumbprint(crypto.SHA256)
	if err != nil {
		return nil, jose.JSONWebKey{}, err
	}
	public.KeyID = base64.RawURLEncoding.EncodeToString(thumbprint)
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: s.alg, Key: jose.JSONWebKey{Key: private, KeyID: public.KeyID}},
		(&jose.SignerOptions{}).WithType("JWT"))
	return signer, public, err
}

// p256 makes a private key of bits that are 128 more than the curve's, so that no key is likelier than another (FIPS
// 186-5, A.2.1).
func p256(secret []byte) (*ecdsa.PrivateKey, error) {
	curve := elliptic.P256()
	one := big.NewInt(1)
	d := new(big.Int).SetBytes(secret)
	d.Mod(d, new(big.Int).Sub(curve.Params().N, one)).Add(d, one)
	return ecdsa.ParseRawPrivateKey(curve, d.FillBytes(make([]byte, 32)))
}
