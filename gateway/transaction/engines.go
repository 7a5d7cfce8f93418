package transaction

import (
	"cmp"
	"slices"

	"sidegate.example/sidegate/flows"
)

// engine is what a configuration gave under one name.
type engine struct {
	rank     uint64
	flow     flows.Flow
	observer Observer
	dropped  bool // only ever set on one that is alone: the next one replaces it
}

// SetEngine makes f the engine of that name, and o (nil for nobody) what hears of its sign-ins, for the configuration
// of that rank. The highest rank set under a name is the current one; a lower one is remembered for DropEngine, so
// that an old configuration whose first request comes late takes nothing over. A later call of the same rank
// replaces the earlier one. Transactions that are under way go on with the current engine from their next call, and
// one observer may hear of the end of what another heard begin.
func (m *Manager) SetEngine(name string, rank uint64, f flows.Flow, o Observer) {
	if o == nil {
		o = nobody{}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	set := slices.DeleteFunc(m.engines[name], func(e engine) bool { return e.dropped || e.rank == rank })
	at, _ := slices.BinarySearchFunc(set, rank, byRank)
	m.engines[name] = slices.Insert(set, at, engine{rank: rank, flow: f, observer: o})
}

// DropEngine says that the configuration of that rank is gone: its engine is forgotten, and the next lower one that is
// still there becomes the current one again. The last one of a name stays in use, for sign-ins that are under way,
// until the next SetEngine of that name. Dropping what is not set is harmless.
func (m *Manager) DropEngine(name string, rank uint64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	set := m.engines[name]
	at, found := slices.BinarySearchFunc(set, rank, byRank)
	switch {
	case !found:
	case len(set) == 1:
		set[at].dropped = true
	default:
		m.engines[name] = slices.Delete(set, at, at+1)
	}
}

func byRank(e engine, rank uint64) int { return cmp.Compare(e.rank, rank) }

// engine returns the current engine of that name; a name once set stays set.
func (m *Manager) engine(name string) engine {
	m.mu.RLock()
	defer m.mu.RUnlock()
	e, _ := m.current(name)
	return e
}

// find returns the current engine of that name, if one was ever set.
func (m *Manager) find(name string) (engine, bool) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return m.current(name)
}

// current is called with the lock held; false means that nothing was ever set under that name.
func (m *Manager) current(name string) (engine, bool) {
	set := m.engines[name]
	if len(set) == 0 {
		return engine{}, false
	}
	return set[len(set)-1], true
}
