package session

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"time"
)

// nameSize is the length of a name before it is written out: no two texts share one.
const nameSize = 18

// kindDocument tells what a Vault seals from cookies and tokens.
const kindDocument = "document"

// Vault seals documents that are kept where others can read them, of any size. It is safe for concurrent use.
type Vault struct{ keys Keys }

// NewVault makes a Vault of keys.
func NewVault(keys Keys) *Vault { return &Vault{keys} }

// Seal seals doc for one purpose with XChaCha20-Poly1305, whose random nonces are good for as many documents as there
// will ever be.
func (v *Vault) Seal(ctx context.Context, purpose string, doc []byte) ([]byte, error) {
	ring, err := ringOf(ctx, v.keys)
	if err != nil {
		return nil, err
	}
	k := ring.sealing(time.Now())
	head := len(k.id) + 1 + k.vault.NonceSize()
	sealed := make([]byte, head, head+len(doc)+k.vault.Overhead())
	nonce := sealed[copy(sealed, k.id+"."):]
	_, _ = rand.Read(nonce) // never fails: crypto/rand stops the program instead
	return k.vault.Seal(sealed, nonce, doc, []byte(sealName(kindDocument, purpose))), nil
}

// Open returns what was sealed for the same purpose, or ErrInvalid; any other error means that there is no key.
func (v *Vault) Open(ctx context.Context, purpose string, sealed []byte) ([]byte, error) {
	ring, err := ringOf(ctx, v.keys)
	if err != nil {
		return nil, err
	}
	id, rest, _ := bytes.Cut(sealed, []byte("."))
	k, err := ring.lookUp(string(id))
	if err != nil {
		return nil, err
	}
	if len(rest) < k.vault.NonceSize() {
		return nil, ErrInvalid
	}
	nonce, text := rest[:k.vault.NonceSize()], rest[k.vault.NonceSize():]
	doc, err := k.vault.Open(nil, nonce, text, []byte(sealName(kindDocument, purpose)))
	if err != nil {
		return nil, ErrInvalid
	}
	return doc, nil
}

// Name is a keyed hash of text, of 24 URL-safe characters. It stays the same when the keys are rotated.
func (v *Vault) Name(ctx context.Context, text string) (string, error) {
	ring, err := ringOf(ctx, v.keys)
	if err != nil {
		return "", err
	}
	if ring.names == nil {
		return "", errors.New("the key ring has no secret for names")
	}
	mac := hmac.New(sha256.New, ring.names)
	mac.Write([]byte(text)) //nolint:errcheck // never fails
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil)[:nameSize]), nil
}
