// Package store owns what sign-ins must share beside their own progress, among sites and reloads and, where the store is
// one for all, among replicas: counters, documents with turns to change them, and revoked sessions. It knows nothing of
// Okta, of people or of pages. Here everything is in memory; package redisstore keeps the same in Redis, and package
// storetest holds both to what is said here.
package store

import (
	"context"
	"errors"
	"iter"
	"time"
)

// What a store refuses with. Any other error means that the store cannot be reached or does not work.
var (
	// ErrNotFound: there is no such document, or not any more.
	ErrNotFound = errors.New("no such document")
	// ErrHeld: somebody else holds the document.
	ErrHeld = errors.New("the document is held by another")
	// ErrLost: the turn had ended, and somebody else has changed the document since.
	ErrLost = errors.New("the document was changed by another")
)

// Skew is how far the clocks of replicas may be apart: what one says of a time is taken by the others with so much to spare.
const Skew = 5 * time.Second

// Kind is the closed set of what documents are about.
type Kind string

// The kinds of document.
const (
	// SignIns are sign-ins in progress (package transaction).
	SignIns Kind = "signin"
	// Posts are requests that ran into a challenge, to be sent on after the sign-in.
	Posts Kind = "post"
	// Handovers are sessions on their way from one site to another.
	Handovers Kind = "handover"
	// Sessions are what belongs to a session and does not fit into its cookie.
	Sessions Kind = "session"
	// EnrollCodes are codes that an admin has given out, by their hash.
	EnrollCodes Kind = "enrollcode"
)

// Store is all of one store. Implementations are safe for concurrent use.
type Store struct {
	// Place tells where what is kept is: two of one Place hold the same, by whatever credentials each is reached. "" is that of
	// no other.
	Place       string
	Budget      Budget
	Documents   Documents
	Turns       Turns
	Revocations Revocations
}

// NewMemory returns a store in this process.
func NewMemory() Store {
	m := new(Memory)
	return Store{Budget: new(Counters), Documents: m, Turns: m, Revocations: m}
}

// Budget counts events under keys, in a window that ends now. Keys are texts of up to 1 KB.
type Budget interface {
	// Take counts one event under key now, unless limit events lie within the window that ends now: then nothing is
	// counted, and wait is how long it takes until the next can be. 0 means counted. Concurrent calls never count more
	// than limit. Who counts under one key need not agree on limit and window.
	Take(ctx context.Context, key string, limit int, window time.Duration) (wait time.Duration, err error)
	// Wait is how long it takes until Take would count; 0 is now.
	Wait(ctx context.Context, key string, limit int, window time.Duration) (time.Duration, error)
	// Return takes back the latest event under key: it was none.
	Return(ctx context.Context, key string) error
	// Reset forgets all events under key.
	Reset(ctx context.Context, key string) error
}

// Documents keeps bytes under an id for a time. What is kept is opaque to it, up to 256 KB long, and secret: a store that
// others can read seals it.
type Documents interface {
	// Put keeps doc for ttl, in place of what was there. Turns at it are lost.
	Put(ctx context.Context, kind Kind, id string, doc []byte, ttl time.Duration) error
	// Get returns the document, or ErrNotFound.
	Get(ctx context.Context, kind Kind, id string) ([]byte, error)
	// Take is Get and Delete in one: of all who try, one gets it.
	Take(ctx context.Context, kind Kind, id string) ([]byte, error)
	// Delete forgets the document; to delete what is not there is no error.
	Delete(ctx context.Context, kind Kind, id string) error
	// All yields every document of a kind, in no order; an error ends it.
	All(ctx context.Context, kind Kind) iter.Seq2[[]byte, error]
}

// Turns lets one at a time change a document. Who took a turn and died loses it after a time.
type Turns interface {
	// Begin takes the turn at a document that is yet to be: the first Commit makes it.
	Begin(ctx context.Context, kind Kind, id string, hold time.Duration) (Turn, error)
	// Acquire takes the turn at a document for as long as hold at most. The error is ErrNotFound, or ErrHeld while
	// somebody else has it.
	Acquire(ctx context.Context, kind Kind, id string, hold time.Duration) (Turn, error)
	// Commit puts doc in place for ttl and ends the turn; tell says whether Changes are to bring it. A turn whose time is
	// over is good as long as nobody has changed the document since; then the error is ErrLost, or ErrNotFound if it is
	// gone. After any other error the same Commit may be tried again: it takes effect once.
	Commit(ctx context.Context, t Turn, doc []byte, ttl time.Duration, tell bool) error
	// Save is Commit in the middle of a turn, which goes on: doc is what the next turn finds if no Commit follows. Nobody
	// is told.
	Save(ctx context.Context, t Turn, doc []byte, ttl time.Duration) error
	// Release ends the turn and changes nothing. To release a turn that is over is harmless.
	Release(ctx context.Context, t Turn) error
	// Changes calls changed for every document of a kind whose change was to be told, or that was deleted or taken, and with
	// the zero Change when any may have changed: at the start, and after each time that the store was out of reach.
	// It goes on until ctx ends.
	Changes(ctx context.Context, kind Kind, changed func(Change))
}

// Change is what became of a document.
type Change struct {
	ID       string
	Revision uint64 // 0 where it is gone
}

// Turn is the right to change one document.
type Turn struct {
	Kind Kind
	ID   string
	// Doc is the document as it is, and Revision grows with each change of it. They are nil and 0 where it is yet to be.
	Doc      []byte
	Revision uint64
	// Saves counts the Saves of this turn, the one that it is given to included: who has the turn counts them.
	Saves uint64
	// Token tells this turn from all others.
	Token string
}

// Saved is the Revision of the document after the Save that t is given to, Committed the one after the Commit.
func (t Turn) Saved() uint64     { return t.Revision + t.Saves }
func (t Turn) Committed() uint64 { return t.Saved() + 1 }

// Revocations are sessions that ended before their time.
type Revocations interface {
	// Revoke keeps a revocation and tells all who follow. After an error it goes on trying for as long as this process
	// follows.
	Revoke(ctx context.Context, r Revocation) error
	// Follow calls apply with every revocation that is kept, at the start and again after each time that the store was
	// out of reach, then with the zero Revocation, and from then on with each as it comes. The same one may come several
	// times. refused is called whenever it turns out that what others keep cannot be read here, so that who has ended is
	// unknown until the zero Revocation comes again. It goes on until ctx ends.
	Follow(ctx context.Context, apply func(Revocation), refused func())
}
