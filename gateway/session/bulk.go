package session

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"

	"sidegate.example/sidegate/gateway/identity"
)

// Bulk is what of an identity can be too large for a cookie.
type Bulk struct {
	Groups []string         `json:"groups,omitempty"`
	Claims []identity.Claim `json:"claims,omitempty"`
}

// Digest tells a Bulk from every other: the sealed cookie vouches for it, wherever it was kept.
type Digest [16]byte

func (b *Bulk) digest() (d Digest) {
	text, err := json.Marshal(b)
	if err != nil {
		return Digest{} // cannot happen: texts
	}
	sum := sha256.Sum256(append([]byte("sidegate session bulk\x00"), text...))
	copy(d[:], sum[:])
	return d
}

// size is about what b takes in memory, in bytes.
func (b *Bulk) size() int {
	n := 1024
	for _, g := range b.Groups {
		n += len(g) + 16
	}
	for _, c := range b.Claims {
		for _, v := range c.Values {
			n += len(v) + 16
		}
	}
	return n
}

// Divert leaves groups and claims out of the cookie and returns what is to be kept of them elsewhere, before the cookie is
// given to anybody.
func (c *Claims) Divert() *Bulk {
	b := &Bulk{Groups: c.Identity.Groups, Claims: c.Identity.Claims}
	c.Elsewhere = b.digest()
	return b
}

// collect completes a session with what is elsewhere. A Bulk that is not the one that was diverted is none: nobody is ever
// let in with a part of their groups.
func (c *Codec) collect(ctx context.Context, s *Opened) error {
	if s.Elsewhere == (Digest{}) {
		return nil
	}
	if c.Elsewhere == nil {
		return ErrInvalid
	}
	b := c.cache.bulk(s.Elsewhere)
	if b == nil {
		var err error
		if b, err = c.Elsewhere(ctx, s.Handle); err != nil {
			return err
		}
		if b.digest() != s.Elsewhere {
			return ErrInvalid
		}
		c.cache.putBulk(s.Elsewhere, b)
	}
	s.Identity.Groups, s.Identity.Claims = b.Groups, b.Claims
	return nil
}

// remains is what there is of a session that collect could not complete: the subject where the rest is gone, and not even the id
// without which nothing is a session; nil where nobody knows.
func (s *Opened) remains(err error) *Opened {
	if !errors.Is(err, ErrInvalid) {
		return nil
	}
	return &Opened{Claims: Claims{Identity: identity.Identity{Subject: s.Identity.Subject}}}
}
