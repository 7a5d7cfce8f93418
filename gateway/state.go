package gateway

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"

	"sidegate.example/sidegate/gateway/session"
	"sidegate.example/sidegate/gateway/store"
	"sidegate.example/sidegate/gateway/transaction"
)

// State is everything of the gate that must outlive a configuration reload: sign-ins in progress and
// revoked sessions. It holds no setting, logger or client of any configuration
// (caddy-notes §2). It is safe for concurrent use, also after Close.
type State struct {
	transactions *transaction.Manager
	revocations  *session.Revocations
	shared       store.Revocations // nil where there is one replica
	budget       store.Budget
	documents    store.Documents
	holds        holds
	gates        atomic.Uint64 // made so far

	ctx        context.Context // ends with Close
	cancel     context.CancelFunc
	background sync.WaitGroup
}

// NewState returns an empty State. It does no I/O.
func NewState() *State {
	memory := store.NewMemory()
	s := &State{
		transactions: transaction.NewManager(transaction.Config{}),
		revocations:  &session.Revocations{},
		budget:       memory.Budget,
		documents:    memory.Documents,
	}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	return s
}

// Budget counts wrong codes, pushes and denials, for flows that hold limits.
func (s *State) Budget() store.Budget { return s.budget }

// share makes what is revoked here known to all who share r, and what is revoked there known here, from now to Close.
// It comes before the first request.
func (s *State) share(r store.Revocations) {
	s.shared = r
	s.background.Go(func() { r.Follow(s.ctx, s.end) })
}

// Revoke ends sessions, here at once. An error means that other replicas may not have heard of it yet: they will, and
// until they do nobody must be told that the sessions have ended (immunity S62).
func (s *State) Revoke(ctx context.Context, r store.Revocation) error {
	s.end(r)
	if s.shared == nil {
		return nil
	}
	if err := s.shared.Revoke(ctx, r); err != nil {
		return fmt.Errorf("telling the other replicas of a revocation: %w", err)
	}
	return nil
}

// end ends sessions here, and the requests of theirs that last.
func (s *State) end(r store.Revocation) {
	s.revocations.Add(r)
	for _, h := range s.holds.of(r) {
		if s.revocations.Revoked(h.gate.cfg.Org, h.session) {
			h.end()
		}
	}
}

// Close ends everything that runs in the background. What is still called afterwards answers that it is closed.
func (s *State) Close() {
	s.transactions.Close()
	s.cancel()
	s.background.Wait()
}
