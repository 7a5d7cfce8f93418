package oktasim

import (
	"errors"
	"fmt"
	"slices"
	"time"
)

// Methods of Okta Verify.
const (
	methodPush     = "push"
	methodTOTP     = "totp"
	methodFastPass = "signed_nonce"
)

// States of a push.
const (
	pushPending   = "pending"
	pushApproved  = "approved"
	pushDenied    = "denied"
	pushExpired   = "expired"
	pushCancelled = "cancelled"
)

// maxPushes bounds the history of one phone; older ones are forgotten.
const maxPushes = 20_000

// Push is one notification as the phone shows it.
type Push struct {
	ID    string `json:"id"`
	Login string `json:"login"`
	// Authenticator is the key of the app that shows it, "okta_verify" or "custom_app".
	Authenticator string `json:"authenticator"`
	// State is "pending", "approved", "denied", "expired" or "cancelled".
	State     string `json:"state"`
	Address   string `json:"address"`
	UserAgent string `json:"user_agent"`
	Place     string `json:"place"`
	App       string `json:"app"`
	// Numbers are three, when it is a number challenge; the phone does not know which is right.
	Numbers []string  `json:"numbers,omitempty"`
	Sent    time.Time `json:"sent"`
}

// push is a Push and what only the org knows.
type push struct {
	Push
	answer  string // the right number
	expires time.Time
	ignored bool // dismissed on the phone; still pending at Okta
}

// settle makes expiry visible; there is no timer, so every reader calls it.
func (p *push) settle(now time.Time) {
	if p.State == pushPending && !now.Before(p.expires) {
		p.State = pushExpired
	}
}

// sendPush starts a push to an app for the transaction and waits for it. An older one is void from then on, so that
// an approval that comes late cannot finish the sign-in. The caller holds mu.
func (o *Org) sendPush(x *exchange, t *transaction, key string) {
	t.cancelPush(x.now)
	c := x.pushContext()
	p := &push{
		Push: Push{
			ID: secretID("opf"), Login: t.user.Login, Authenticator: key, State: pushPending, App: t.client.Label, Sent: x.now,
			Address: c.address, UserAgent: c.userAgent, Place: placeOf(c.address),
		},
		expires: x.now.Add(x.cfg.PushLifetime),
	}
	if t.user.NumberChallenge && key == keyVerify {
		p.Numbers = threeNumbers()
		p.answer = p.Numbers[randomInt(3)]
	}
	t.push, t.stage, t.nextPoll = p, stagePush, time.Time{}
	o.deliver(t.user, p)
}

// deliver puts a push on the user's phone. The caller holds mu.
func (o *Org) deliver(a *account, p *push) {
	o.pushes[p.ID] = p
	a.pushes = append(a.pushes, p)
	if len(a.pushes) > maxPushes {
		delete(o.pushes, a.pushes[0].ID)
		a.pushes = a.pushes[1:]
	}
}

// cancelPush voids the pending push, if any.
func (t *transaction) cancelPush(now time.Time) {
	if t.push == nil {
		return
	}
	t.push.settle(now)
	if t.push.State == pushPending {
		t.push.State = pushCancelled
	}
}

// threeNumbers are different and have two digits; leading zeros happen.
func threeNumbers() []string {
	var out []string
	for len(out) < 3 {
		n := fmt.Sprintf("%02d", randomInt(100))
		if !slices.Contains(out, n) {
			out = append(out, n)
		}
	}
	return out
}

// Pushes returns the pushes of a user, newest last, in all states.
func (o *Org) Pushes(login string) []Push {
	o.mu.Lock()
	defer o.mu.Unlock()
	a := o.users[normalLogin(login)]
	if a == nil {
		return nil
	}
	now := o.now()
	out := make([]Push, len(a.pushes))
	for i, p := range a.pushes {
		p.settle(now)
		out[i] = p.Push
	}
	return out
}

// Errors of the phone.
var (
	// ErrNoPush: there is no push of that id.
	ErrNoPush = errors.New("oktasim: no such push")
	// ErrNotPending: the push was answered, expired or was cancelled before.
	ErrNotPending = errors.New("oktasim: the push is not pending any more")
	// ErrNumber: a number challenge is answered with Tap, and only it is.
	ErrNumber = errors.New("oktasim: wrong kind of answer: a number challenge wants a number, another push none")
)

// Approve presses "Yes, it's me". A number challenge has no such button.
func (o *Org) Approve(pushID string) error {
	return o.onPending(pushID, func(p *push) error {
		if p.Numbers != nil {
			return ErrNumber
		}
		p.State = pushApproved
		return nil
	})
}

// Deny presses "No, it's not me".
func (o *Org) Deny(pushID string) error {
	return o.onPending(pushID, func(p *push) error {
		p.State = pushDenied
		return nil
	})
}

// Tap presses one of the three numbers; a wrong one denies.
func (o *Org) Tap(pushID, number string) error {
	return o.onPending(pushID, func(p *push) error {
		if p.Numbers == nil {
			return ErrNumber
		}
		p.State = pushDenied
		if number == p.answer {
			p.State = pushApproved
		}
		return nil
	})
}

// ignore swipes the notification away.
func (o *Org) ignore(pushID string) error {
	return o.onPending(pushID, func(p *push) error {
		p.ignored = true
		return nil
	})
}

func (o *Org) onPending(pushID string, f func(*push) error) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	p := o.pushes[pushID]
	if p == nil {
		return ErrNoPush
	}
	p.settle(o.now())
	if p.State != pushPending {
		return ErrNotPending
	}
	return f(p)
}
