package gateway

import (
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
	budget       store.Budget
	documents    store.Documents
	gates        atomic.Uint64 // made so far
}

// NewState returns an empty State. It does no I/O.
func NewState() *State {
	return &State{
		transactions: transaction.NewManager(transaction.Config{}),
		revocations:  &session.Revocations{},
		documents:    new(store.Memory),
	}
}

// Budget counts wrong codes, pushes and denials, for flows that hold limits.
func (s *State) Budget() *store.Budget { return &s.budget }

// Close ends everything that runs in the background. What is still called afterwards answers that it is closed.
func (s *State) Close() { s.transactions.Close() }
