package session

import (
	"context"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/gorilla/securecookie"
	"golang.org/x/crypto/chacha20poly1305"
)

// minSecret is the least length of a cookie_secret in bytes, and that of the secrets made here.
const minSecret = 32

// Ring is the set of keys that open cookies, newest first, one of which seals. It never changes.
type Ring struct {
	keys []*key
	// names is the key of Vault.Name: the same for as long as the ring is used, because what has a name has to be found
	// again under it. nil for none, as in a ring of cookie_secret, which names nothing.
	names []byte
	// missed is told that a cookie named a key that is not in the ring; may be nil.
	missed func()
}

// key is one key of a Ring. Everything in it but notBefore is derived from one secret.
type key struct {
	id          string    // public, in front of each cookie: Open tries exactly one key
	notBefore   time.Time // it seals nothing earlier, so that every replica can open what it seals
	prk         []byte    // what the others are derived from
	hash, block []byte
	vault       cipher.AEAD
	cookies     *securecookie.SecureCookie
}

// Keys gives the ring in force. Ring is called for every request and must be quick.
type Keys interface {
	Ring(ctx context.Context) (*Ring, error)
}

type static struct{ ring *Ring }

func (s static) Ring(context.Context) (*Ring, error) { return s.ring, nil }

// Static gives always the same ring.
func Static(r *Ring) Keys { return static{r} }

// RingFromSecrets makes a ring of the arguments of cookie_secret: the first one seals, all of them
// open. Each takes 32 bytes or more.
func RingFromSecrets(secrets []string) (*Ring, error) {
	if len(secrets) == 0 {
		return nil, errors.New("cookie_secret needs at least one secret; make one with: openssl rand -base64 32")
	}
	r := &Ring{}
	for i, s := range secrets {
		if len(s) < minSecret {
			return nil, fmt.Errorf("cookie_secret: secret %d has %d bytes, but at least %d are needed; make one with: openssl rand -base64 32", i+1, len(s), minSecret)
		}
		if err := r.add([]byte(s), time.Time{}); err != nil {
			return nil, fmt.Errorf("cookie_secret: secret %d: %w", i+1, err)
		}
	}
	return r, nil
}

// add appends the key made of secret; the caller adds the newest first.
func (r *Ring) add(secret []byte, notBefore time.Time) error {
	k, err := deriveKey(secret)
	if err != nil {
		return err
	}
	if r.find(k.id) != nil {
		return errors.New("the same secret is given twice; leave one out")
	}
	k.notBefore = notBefore
	r.keys = append(r.keys, k)
	return nil
}

// deriveKey makes the id and the two keys from one secret by HKDF (RFC 5869), each under its own label.
func deriveKey(secret []byte) (*key, error) {
	prk, err := hkdf.Extract(sha256.New, secret, nil)
	derive := func(label string, n int) []byte {
		b, e := hkdf.Expand(sha256.New, prk, "sidegate cookie "+label+" v1", n)
		err = errors.Join(err, e)
		return b
	}
	id, hash, block, vault := derive("id", 6), derive("hash", 32), derive("block", 32), derive("vault", chacha20poly1305.KeySize)
	if err != nil {
		return nil, fmt.Errorf("deriving the cookie keys: %w", err)
	}
	k := &key{id: base64.RawURLEncoding.EncodeToString(id), prk: prk, hash: hash, block: block}
	if k.vault, err = chacha20poly1305.NewX(vault); err != nil {
		return nil, fmt.Errorf("deriving the cookie keys: %w", err)
	}
	k.cookies = k.codec(MaxCookie, 0)
	return k, nil
}

func deriveNames(secret []byte) ([]byte, error) {
	names, err := hkdf.Key(sha256.New, secret, nil, "sidegate names v1", 32)
	if err != nil {
		return nil, fmt.Errorf("deriving the key of names: %w", err)
	}
	return names, nil
}

// codec is a securecookie of this key (HMAC-SHA256, AES-256). maxAge 0 means that securecookie checks
// no age.
func (k *key) codec(maxLength int, maxAge time.Duration) *securecookie.SecureCookie {
	return securecookie.New(k.hash, k.block).SetSerializer(securecookie.NopEncoder{}).
		MaxLength(maxLength).MaxAge(int(maxAge / time.Second))
}

// Derive makes of each key, newest first, a secret of n bytes that is good for one purpose and tells nothing of the key,
// so that all who share the ring share it too. Some of the newest may not be in use yet, see InUse.
func (r *Ring) Derive(purpose string, n int) ([][]byte, error) {
	secrets := make([][]byte, len(r.keys))
	for i, k := range r.keys {
		var err error
		if secrets[i], err = hkdf.Expand(sha256.New, k.prk, "sidegate "+purpose+" v1", n); err != nil {
			return nil, fmt.Errorf("deriving the key for %s: %w", purpose, err)
		}
	}
	return secrets, nil
}

// InUse is the place, in what Derive gives, of the key that seals and signs at the time now. Everybody who shares the ring
// knows that key by then.
func (r *Ring) InUse(now time.Time) int { return slices.Index(r.keys, r.sealing(now)) }

func (r *Ring) find(id string) *key {
	for _, k := range r.keys {
		if k.id == id {
			return k
		}
	}
	return nil
}

// lookUp finds the key that a sealed value names.
func (r *Ring) lookUp(id string) (*key, error) {
	k := r.find(id)
	if k == nil {
		if r.missed != nil {
			r.missed()
		}
		return nil, ErrInvalid
	}
	return k, nil
}

// sealing is the newest key whose time has come. The clock of a replica may be behind that of the
// one that made the first key: then the oldest key seals, which all replicas have.
func (r *Ring) sealing(now time.Time) *key {
	for _, k := range r.keys {
		if !now.Before(k.notBefore) {
			return k
		}
	}
	return r.keys[len(r.keys)-1]
}
