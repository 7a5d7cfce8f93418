package gateway

import (
	"context"
	"encoding/json"
	"errors"
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
	memory       store.Store // of this process
	inUse        storeInUse
	budget       store.Budget    // of this process
	documents    store.Documents // of the store in use
	holds        holds
	room         room          // for kept requests
	gates        atomic.Uint64 // made so far

	ctx        context.Context // ends with Close
	cancel     context.CancelFunc
	background sync.WaitGroup
}

// NewState returns an empty State. It does no I/O.
func NewState() *State {
	s := &State{
		transactions: transaction.NewManager(transaction.Config{}),
		revocations:  &session.Revocations{},
		memory:       store.NewMemory(),
	}
	s.budget, s.documents = s.memory.Budget, documents{s}
	s.inUse.store.Store(&s.memory)
	s.ctx, s.cancel = context.WithCancel(context.Background())
	return s
}

// Memory is the store in this process, for configurations that name no other.
func (s *State) Memory() store.Store { return s.memory }

// Revoke ends sessions, here at once. An error means that other replicas may not have heard of it yet: they will, and
// until they do nobody must be told that the sessions have ended (immunity S62).
func (s *State) Revoke(ctx context.Context, r store.Revocation) error {
	err := s.revoke(ctx, r)
	if r.Session == "" {
		return err
	}
	// A session that another site would hand over again has not ended.
	raw, missing := s.documents.Get(ctx, store.Sessions, r.Session)
	var doc storedSession
	if missing != nil && !errors.Is(missing, store.ErrNotFound) {
		return errors.Join(err, fmt.Errorf("looking for what else began with a session: %w", missing))
	}
	if missing != nil || json.Unmarshal(raw, &doc) != nil || doc.Kin == "" {
		return err
	}
	r.Session = doc.Kin
	return errors.Join(err, s.revoke(ctx, r))
}

// revoke is Revoke for the very sessions that r names, and not for those of the same sign-in on other sites.
func (s *State) revoke(ctx context.Context, r store.Revocation) error {
	s.end(r)
	shared := s.current()
	if shared == s.memory {
		return nil
	}
	if err := shared.Revocations.Revoke(ctx, r); err != nil {
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

// later runs f in the background, unless all that is over.
func (s *State) later(f func()) {
	s.inUse.mu.Lock()
	defer s.inUse.mu.Unlock()
	if s.ctx.Err() == nil {
		s.background.Go(f)
	}
}

// Close ends everything that runs in the background. What is still called afterwards answers that it is closed.
func (s *State) Close() {
	s.inUse.mu.Lock()
	s.cancel()
	s.inUse.mu.Unlock()
	s.transactions.Close()
	s.background.Wait()
}
