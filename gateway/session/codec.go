package session

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	"sidegate.example/sidegate/gateway/identity"
)

const (
	// MaxCookie is the greatest length of a cookie's value in bytes. With its name it stays under 1 KB.
	MaxCookie = 1000
	// maxToken is the greatest length of a token in bytes.
	maxToken = 8192
)

var (
	// ErrInvalid is the one answer to whatever a client can send: garbage, another key, another version,
	// another binding, a token that is too old.
	ErrInvalid = errors.New("the cookie or token is not valid")
	// ErrTooLarge means that the identity does not fit into a cookie of MaxCookie bytes. Nothing is
	// left out to make it fit: an upstream must never see half of somebody's groups. See Claims.Divert.
	ErrTooLarge = errors.New("the session does not fit into its cookie")
)

// Codec seals claims and tokens and opens them again. It is safe for concurrent use.
type Codec struct {
	// Entitled says, once for each cookie that is seen, what the site's rules make of a person; nil says nothing of anybody,
	// who is then let in by no rule. It must not change once the Codec is in use.
	Entitled func(*identity.Identity) uint64
	// Elsewhere fetches the Bulk of a session by its handle, where a cookie refers to one that was not seen before. ErrInvalid says
	// that it is gone; any other error that nobody knows. nil knows of none. It must not change either.
	Elsewhere func(ctx context.Context, handle string) (*Bulk, error)

	keys   Keys
	cache  *Cache
	latest atomic.Pointer[bound]
}

// NewCodec makes a Codec of keys. The cache saves opening a cookie again that was opened before; nil
// means none.
func NewCodec(keys Keys, cache *Cache) *Codec { return &Codec{keys: keys, cache: cache} }

// Seal makes the cookie's value. The error is ErrTooLarge, or says why there is no key.
func (c *Codec) Seal(ctx context.Context, b Binding, claims Claims) (string, error) {
	payload, err := appendClaims(make([]byte, 0, 256), &claims)
	if err != nil {
		return "", fmt.Errorf("sealing the session: %w", err)
	}
	k, err := c.sealing(ctx)
	if err != nil {
		return "", err
	}
	value, err := k.codec(0, 0).Encode(b.sealName(), payload)
	if err != nil {
		return "", fmt.Errorf("sealing the session: %w", err)
	}
	value = k.id + "." + value
	if len(value) > MaxCookie {
		return "", ErrTooLarge
	}
	return value, nil
}

// Open returns the claims of a cookie that Seal made under the same Binding. Groups and further claims may be shared between
// requests and must not be changed; copy them first. Lifetimes and revocation are not looked at: see package decision. The error is
// ErrInvalid whatever the client sent; any other means that there is no key, or that what is elsewhere cannot be had. Beside
// ErrInvalid there is an Opened where the seal was good and only what is elsewhere is gone: it says whose session it was, and is none.
func (c *Codec) Open(ctx context.Context, b Binding, cookie string) (*Opened, error) {
	k, sealed, err := c.split(ctx, cookie, MaxCookie)
	if err != nil {
		return nil, err
	}
	// The key was looked up first: a cookie whose key has been taken away is not served from the cache.
	to := c.bound(b)
	if opened := c.cache.get(to, cookie); opened != nil {
		if err := c.collect(ctx, opened); err != nil {
			return opened.remains(err), err
		}
		return opened, nil
	}
	var sent []byte
	if err := k.cookies.Decode(to.sealName, sealed, &sent); err != nil {
		return nil, ErrInvalid
	}
	opened, payload := &Opened{}, string(sent) // one allocation that all strings share
	if err := parseClaims(payload, &opened.Claims); err != nil {
		return nil, ErrInvalid
	}
	opened.Handle = opened.ID.Handle()
	if err := c.collect(ctx, opened); err != nil {
		return opened.remains(err), err
	}
	opened.Header = opened.Identity.Header()
	if opened.Family != (ID{}) {
		opened.Kin = opened.Family.Handle()
	}
	if c.Entitled != nil {
		opened.Entitled = c.Entitled(&opened.Identity)
	}
	c.cache.put(to, cookie, payload, opened)
	return opened, nil
}

// bound is b with strings that nothing else holds and with its name for the seal. The latest one is kept, because
// nearly all requests of a gate have the same.
func (c *Codec) bound(b Binding) *bound {
	if latest := c.latest.Load(); latest != nil && latest.Binding == b {
		return latest
	}
	fresh := b.bound()
	c.latest.Store(fresh)
	return fresh
}

// SealToken seals payload for one purpose, such as a CSRF token or a return address.
func (c *Codec) SealToken(ctx context.Context, purpose string, payload []byte) (string, error) {
	k, err := c.sealing(ctx)
	if err != nil {
		return "", err
	}
	// The version in front also makes an empty payload possible, and a copy, which securecookie encrypts
	// in place.
	payload = append([]byte{formatVersion}, payload...)
	token, err := k.codec(0, 0).Encode(sealName(kindToken, purpose), payload)
	if err != nil {
		return "", fmt.Errorf("sealing a token: %w", err)
	}
	token = k.id + "." + token
	if len(token) > maxToken {
		return "", ErrTooLarge
	}
	return token, nil
}

// OpenToken returns the payload that was sealed for the same purpose at most maxAge (whole seconds, at least
// one) ago, or ErrInvalid; any other error means that there is no key.
func (c *Codec) OpenToken(ctx context.Context, purpose string, maxAge time.Duration, token string) ([]byte, error) {
	k, sealed, err := c.split(ctx, token, maxToken)
	if err != nil {
		return nil, err
	}
	if maxAge < time.Second { // 0 would mean for ever to securecookie
		return nil, ErrInvalid
	}
	var payload []byte
	if err := k.codec(maxToken, maxAge).Decode(sealName(kindToken, purpose), sealed, &payload); err != nil {
		return nil, ErrInvalid
	}
	if len(payload) == 0 || payload[0] != formatVersion {
		return nil, ErrInvalid
	}
	return payload[1:], nil
}

func (c *Codec) sealing(ctx context.Context) (*key, error) {
	ring, err := ringOf(ctx, c.keys)
	if err != nil {
		return nil, err
	}
	return ring.sealing(time.Now()), nil
}

func ringOf(ctx context.Context, keys Keys) (*Ring, error) {
	ring, err := keys.Ring(ctx)
	if err != nil {
		return nil, fmt.Errorf("getting the cookie keys: %w", err)
	}
	return ring, nil
}

// split finds the key that a sealed value names, and what that key sealed.
func (c *Codec) split(ctx context.Context, value string, maxLength int) (*key, string, error) {
	ring, err := ringOf(ctx, c.keys)
	if err != nil {
		return nil, "", err
	}
	id, sealed, ok := strings.Cut(value[:min(len(value), maxLength+1)], ".")
	if !ok || len(value) > maxLength {
		return nil, "", ErrInvalid
	}
	k, err := ring.lookUp(id)
	return k, sealed, err
}
