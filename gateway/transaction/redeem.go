package transaction

import (
	"time"

	"sidegate.example/sidegate/flows"
	"sidegate.example/sidegate/gateway/identity"
)

// redeemGrace is how long a redeemed transaction answers the other tabs of its browser: all of them
// hear of an approval at once, and the first to come takes it.
const redeemGrace = 10 * time.Second

// Redeem turns a transaction that is Done into what mint makes of its identity. mint is called
// once per transaction (again only after it failed), with a lock held: it must not call the
// Manager. For 10 s the same id gets the same result again; then the transaction is forgotten and
// the answer is ErrGone, as it is 2 min after Done if nobody came. Before it is Done the answer is ErrNotDone.
func (m *Manager) Redeem(id, site string, mint func(identity.Identity) (string, error)) (string, identity.Identity, error) {
	t, err := m.hold(id, site)
	if err != nil {
		return "", identity.Identity{}, err
	}
	defer t.mu.Unlock()
	if t.step.Kind != flows.KindDone {
		return "", identity.Identity{}, ErrNotDone
	}
	who := *t.step.Identity
	if t.redeemed {
		return t.minted, who, nil
	}
	minted, err := mint(who)
	if err != nil {
		return "", identity.Identity{}, err
	}
	t.minted, t.redeemed = minted, true
	t.forgetAt = time.Now().Add(redeemGrace)
	m.arm(t)
	return minted, who, nil
}
