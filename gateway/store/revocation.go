package store

import (
	"context"
	"slices"
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

// Revoke implements Revocations.
func (m *Memory) Revoke(_ context.Context, r Revocation) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.forgetRevocations()
	m.revoked = append(m.revoked, r)
	tell(m.followers, r)
	return nil
}

// Follow implements Revocations.
func (m *Memory) Follow(ctx context.Context, apply func(Revocation), _ func()) {
	m.mu.Lock()
	m.forgetRevocations()
	h := join(&m.followers)
	h.put(m.revoked...)
	h.put(Revocation{})
	m.mu.Unlock()
	h.run(ctx, apply)
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.followers, h)
}

func (m *Memory) forgetRevocations() {
	now := time.Now()
	m.revoked = slices.DeleteFunc(m.revoked, func(r Revocation) bool { return !now.Before(r.Until) })
}
