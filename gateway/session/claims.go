// Package session owns what a signed-in browser carries: the claims, their compact form sealed into
// one cookie, the keys that seal it, the list of revoked sessions, and the reading and cutting of
// Cookie headers. It does no I/O when a request is checked. It does not decide who may pass
// (package decision does) and does not write responses: the gate drives it.
package session

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"time"

	"sidegate.example/sidegate/gateway/identity"
)

// ID names one session: 128 random bits, drawn anew at each sign-in (immunity S46, S53). It stays the
// same when the cookie is refreshed, so that a revocation catches every copy.
type ID [16]byte

// NewID draws an ID from crypto/rand.
func NewID() ID {
	var id ID
	_, _ = rand.Read(id[:]) // never fails: crypto/rand stops the program instead
	return id
}

// Handle is a short name of the session for logs: a hash, from which neither the ID nor the cookie
// can be made.
func (id ID) Handle() string {
	sum := sha256.Sum256(append([]byte("sidegate session handle\x00"), id[:]...))
	return hex.EncodeToString(sum[:8])
}

// Family is one for a session that has none yet: the same whoever asks for it, so that all who share its sign-in end together.
func (id ID) Family() (family ID) {
	sum := sha256.Sum256(append([]byte("sidegate session family\x00"), id[:]...))
	copy(family[:], sum[:])
	return family
}

// String is Handle, so that a session logged by mistake shows nothing more.
func (id ID) String() string { return id.Handle() }

// Claims are the contents of a session cookie. Times have a precision of one second.
type Claims struct {
	ID       ID
	Identity identity.Identity
	// IssuedAt is the moment of the sign-in.
	IssuedAt time.Time
	// SeenAt is when the cookie was last issued; the idle time counts from it.
	SeenAt time.Time
	// ExpiresAt ends the session, used or not; refreshing never moves it (immunity S61).
	ExpiresAt time.Time
	// Elsewhere, when it is not zero, says that Identity.Groups and .Claims are not in the cookie, where there is no room for
	// them, but in a Bulk with this digest.
	Elsewhere Digest
	// Family is what sessions of one sign-in on several sites have in common, so that they end together; zero where there is
	// one site. It is no session's ID.
	Family ID
}

// Opened is a session as Codec.Open gives it: its claims, and what every request hands on of them, made once.
type Opened struct {
	Claims
	Header identity.Header
	// Handle is ID.Handle, and Kin that of Family; "" for none.
	Handle, Kin string
	// Entitled are the scopes of the site's rules that let the person in, as Codec.Entitled says.
	Entitled uint64
}

// Slide reports whether SeenAt is old enough for the cookie to be issued again with SeenAt now: after
// a tenth of the idle time, but not within a minute, so that few answers carry a Set-Cookie.
func Slide(c *Claims, now time.Time, idle time.Duration) bool {
	return now.Sub(c.SeenAt) >= SlideEvery(idle)
}

// SlideEvery is how old SeenAt is when the cookie is issued again.
func SlideEvery(idle time.Duration) time.Duration {
	step := max(idle/10, time.Minute)
	if step >= idle {
		step = idle / 2
	}
	return step
}
