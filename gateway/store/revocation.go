package store

import (
	"context"
	"time"
)

// Revocation ends sessions before their time: one, or all that a person has.
type Revocation struct {
	// Session is the handle of the one session that ends (session.ID.Handle); "" for those of Subject.
	Session string `json:"session,omitempty"`
	// Subject is the Okta user id, in the org Org, whose sessions end that were made before Before.
	Org     string    `json:"org,omitempty"`
	Subject string    `json:"subject,omitempty"`
	Before  time.Time `json:"before,omitzero"`
	// Until is when the last of these sessions would have ended by itself: the revocation may be forgotten then.
	Until time.Time `json:"until"`
}

// Revocations is how replicas tell each other of sessions that have ended. Implementations are safe for concurrent use.
type Revocations interface {
	// Revoke keeps r to its Until and tells all who follow. After an error r is tried again, in the background, until it is
	// through: the error is there so that nobody is told meanwhile that it is.
	Revoke(ctx context.Context, r Revocation) error
	// Follow calls f with every revocation in force and then with each new one, until ctx ends. After an interruption it
	// begins anew, so that f hears of some more than once and misses none.
	Follow(ctx context.Context, f func(Revocation))
}
