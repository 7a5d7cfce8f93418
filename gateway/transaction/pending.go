package transaction

import (
	"slices"
	"time"

	"sidegate.example/sidegate/flows"
	"sidegate.example/sidegate/gateway/identity"
)

// Pending is what an operator may know of a sign-in in progress. Its id is not in it: that is the browser's secret.
type Pending struct {
	// Person is who the browser says it is; nothing may be proved yet.
	Person  string          `json:"user"`
	Step    flows.Kind      `json:"step"`
	Factor  identity.Factor `json:"factor,omitempty"`
	Address string          `json:"address"`
	Agent   string          `json:"agent"`
	Started time.Time       `json:"started"`
	Expires time.Time       `json:"expires"`
}

// Pending lists the sign-ins in progress that this process began or went on with, as it last saw them, the latest first. With
// a shared store another one may have gone further, or ended them.
func (m *Manager) Pending() []Pending {
	m.mu.RLock()
	all := make([]*txn, 0, len(m.byID))
	for _, t := range m.byID {
		all = append(all, t)
	}
	m.mu.RUnlock()
	out := make([]Pending, 0, len(all))
	for _, t := range all {
		t.mu.Lock()
		if !t.gone && !t.over() && t.client.Valid() {
			out = append(out, Pending{Person: t.step.Person, Step: t.step.Kind, Factor: t.step.Factor, Address: t.client.Addr().String(),
				Agent: t.client.UserAgent(), Started: t.started.UTC(), Expires: t.expires.UTC()})
		}
		t.mu.Unlock()
	}
	slices.SortFunc(out, func(a, b Pending) int { return b.Started.Compare(a.Started) })
	return out
}
