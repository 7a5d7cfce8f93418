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
)

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

// Documents keeps bytes under an id for a time. What is kept is opaque to it, and secret: whoever puts something where
// others can read it seals it first. Implementations are safe for concurrent use.
type Documents interface {
	// Put keeps doc for ttl, in place of what was there.
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
