package transaction

import (
	"context"
	"time"

	"sidegate.example/sidegate/flows"
)

// View is a transaction at one moment. Its Step is shared: read only.
type View struct {
	// ID names the transaction: 128 random bits, known to the browser that began it and a secret to others.
	ID string
	// Seq grows with each change of step; a form is bound to the Seq that it was made for.
	Seq uint64
	// Site is what Begin was given.
	Site string
	Step flows.Step
	// Back is Begin.Back.
	Back string
	// Client is the browser of the latest gesture, as Okta was shown it, and as the phone shows it.
	Client flows.ClientContext
	// Trouble is "" or why the latest poll got no answer; the person may keep waiting.
	Trouble flows.Reason
	// Cause is the error behind Trouble, for the operator's log and no page.
	Cause error
	// Started and Expires bound the transaction.
	Started, Expires time.Time
}

// view is called with the lock held.
func (t *txn) view() View {
	return View{
		ID: t.id, Seq: t.seq, Site: t.site.Value(), Step: t.step, Back: t.back, Client: t.client,
		Trouble: t.trouble, Cause: t.cause, Started: t.started, Expires: t.expires,
	}
}

// Get returns the transaction. It never makes Okta do anything (immunity S79). To another site than
// the one that began it, it does not exist (immunity S75). The error is ErrGone or ErrClosed, or ErrUnavailable where a store
// is shared that cannot be asked.
func (m *Manager) Get(ctx context.Context, id, site string) (View, error) {
	t, err := m.hold(ctx, id, site)
	if err != nil {
		return View{}, err
	}
	defer t.mu.Unlock()
	return t.view(), nil
}
