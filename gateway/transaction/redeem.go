package transaction

import (
	"context"
	"errors"
	"time"

	"sidegate.example/sidegate/flows"
	"sidegate.example/sidegate/gateway/identity"
	"sidegate.example/sidegate/gateway/store"
)

// redeemGrace is how long a redeemed transaction answers the other tabs of its browser: all of them
// hear of an approval at once, and the first to come takes it.
const redeemGrace = 10 * time.Second

// Redeem turns a transaction that is Done into what mint makes of its identity. mint is called
// once per transaction (again only after it failed), with a lock held: it must not call the
// Manager. For 10 s the same id gets the same result again; then the transaction is forgotten and
// the answer is ErrGone, as it is 2 min after Done if nobody came. Before it is Done the answer is ErrNotDone; ErrUnavailable
// means that no replica may hand out anything yet.
func (m *Manager) Redeem(ctx context.Context, id, site string, mint func(identity.Identity) (string, error)) (string, identity.Identity, error) {
	for {
		minted, who, err := m.redeem(ctx, id, site, mint)
		if !errors.Is(err, store.ErrLost) { // otherwise another replica has minted meanwhile
			return minted, who, err
		}
	}
}

func (m *Manager) redeem(ctx context.Context, id, site string, mint func(identity.Identity) (string, error)) (string, identity.Identity, error) {
	t, err := m.hold(ctx, id, site)
	if err != nil {
		return "", identity.Identity{}, err
	}
	defer t.mu.Unlock()
	if t.step.Kind != flows.KindDone {
		return "", identity.Identity{}, ErrNotDone
	}
	if err := m.take(ctx, t, true); err != nil {
		return "", identity.Identity{}, err
	}
	switch { // another replica may have known more, and a store that has lost writes less
	case !time.Now().Before(t.forgetAt):
		m.pass(t)
		return "", identity.Identity{}, ErrGone
	case t.step.Kind != flows.KindDone:
		m.pass(t)
		return "", identity.Identity{}, ErrNotDone
	}
	who := *t.step.Identity
	until, unheard := t.forgetAt, time.Now().Add(redeemGrace)
	if t.redeemed && !until.After(unheard) {
		m.pass(t)
		return t.minted, who, nil
	}
	if !t.redeemed {
		minted, err := mint(who)
		if err != nil {
			m.pass(t)
			return "", identity.Identity{}, err
		}
		t.minted, t.redeemed = minted, true
	}
	t.forgetAt = unheard
	err = m.give(t, false)
	if err != nil { // nobody has had it yet
		t.forgetAt = until
	}
	if errors.Is(err, store.ErrLost) {
		t.minted, t.redeemed = "", false // another replica has gone on, and may have made another one
	}
	m.arm(t)
	if err != nil {
		return "", identity.Identity{}, err
	}
	return t.minted, who, nil
}
