package session

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"
)

const storedVersion = 1

// storedRing is a key ring as the Storage holds it, newest key first.
type storedRing struct {
	Version int         `json:"version"`
	Keys    []storedKey `json:"keys"`
	// Names is the secret that names in a shared store are made with. It stays when the keys are rotated.
	Names []byte `json:"names,omitempty"`
}

func newStoredRing(now time.Time) *storedRing {
	r := &storedRing{Version: storedVersion, Names: newSecret()}
	r.add(now)
	return r
}

// storedKey is one secret, from which everything else is derived, and the time when it begins to seal.
type storedKey struct {
	Secret    []byte    `json:"secret"`
	NotBefore time.Time `json:"not_before"`
}

// load reads and checks the ring. What it cannot read it reports and leaves alone.
func load(ctx context.Context, s Storage) (*storedRing, error) {
	raw, err := s.Load(ctx)
	if err != nil {
		return nil, fmt.Errorf("loading the key ring: %w", err)
	}
	r := &storedRing{}
	if err := json.Unmarshal(raw, r); err != nil {
		// The cause could quote the secrets.
		return nil, fmt.Errorf("the stored key ring is not JSON as expected (%d bytes); restore it, or delete it to make a new one", len(raw))
	}
	if r.Version != storedVersion {
		return nil, fmt.Errorf("the stored key ring has version %d, but this build reads version %d", r.Version, storedVersion)
	}
	if len(r.Keys) == 0 {
		return nil, errors.New("the stored key ring holds no key; restore it, or delete it to make a new one")
	}
	if _, err := r.ring(); err != nil { // before anybody rotates it and so stores it again
		return nil, err
	}
	return r, nil
}

func (r *storedRing) encode() ([]byte, error) {
	raw, err := json.Marshal(r)
	if err != nil {
		return nil, fmt.Errorf("encoding the key ring: %w", err)
	}
	return raw, nil
}

func (r *storedRing) ring() (*Ring, error) {
	ring := &Ring{}
	if len(r.Names) >= minSecret {
		names, err := deriveNames(r.Names)
		if err != nil {
			return nil, err
		}
		ring.names = names
	}
	for i, k := range r.Keys {
		if len(k.Secret) < minSecret {
			return nil, fmt.Errorf("the stored key ring is damaged: key %d has %d bytes", i+1, len(k.Secret))
		}
		if err := ring.add(k.Secret, k.NotBefore); err != nil {
			return nil, fmt.Errorf("the stored key ring is damaged: key %d: %w", i+1, err)
		}
	}
	return ring, nil
}

// due reports whether the newest key is old enough for a successor, or the secret of names is missing, which rings had
// none of at first.
func (r *storedRing) due(now time.Time, every time.Duration) bool {
	return r.old(now, every) || len(r.Names) < minSecret
}

func (r *storedRing) old(now time.Time, every time.Duration) bool {
	return now.Sub(r.Keys[0].NotBefore) >= every
}

func (r *storedRing) add(notBefore time.Time) {
	r.Keys = slices.Insert(r.Keys, 0, storedKey{Secret: newSecret(), NotBefore: notBefore.UTC()})
}

func newSecret() []byte {
	secret := make([]byte, minSecret)
	_, _ = rand.Read(secret) // never fails: crypto/rand stops the program instead
	return secret
}

// amend does what due found.
func (r *storedRing) amend(now time.Time, rotation Rotation) {
	if len(r.Names) < minSecret {
		r.Names = newSecret()
	}
	if r.old(now, rotation.Every) {
		r.add(now.Add(sealAfter))
		r.prune(now, rotation.KeepFor)
	}
}

// prune drops the keys whose successor began to seal keepFor or more ago.
func (r *storedRing) prune(now time.Time, keepFor time.Duration) {
	for i := 1; i < len(r.Keys); i++ {
		if now.Sub(r.Keys[i-1].NotBefore) >= keepFor {
			r.Keys = r.Keys[:i]
			return
		}
	}
}
