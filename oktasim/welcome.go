package oktasim

import (
	"errors"
	"net/http"
	"net/url"
	"time"
)

// The tokens that Okta mails to a person who cannot sign in: to set a new account up, and to recover a password
// (identity-engine.md §1.2).

// welcomeLifetime is how long such a token can be used.
const welcomeLifetime = time.Hour

// welcome is a mailed token.
type welcome struct {
	user     *account
	recovery bool // of a password; else an activation
	expires  time.Time
}

// ErrNoUser: there is no such user, or their account does not need it.
var ErrNoUser = errors.New("oktasim: no such user, or not for them")

// SendActivation mails the link with which a user without a password sets the account up.
func (o *Org) SendActivation(login string) error { return o.sendWelcome(login, false) }

// SendRecovery mails the link with which a user chooses a new password.
func (o *Org) SendRecovery(login string) error { return o.sendWelcome(login, true) }

func (o *Org) sendWelcome(login string, recovery bool) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	a := o.users[normalLogin(login)]
	if a == nil || recovery != a.hasKey(keyPassword) {
		return ErrNoUser
	}
	cfg := o.cfg.Load()
	o.mailWelcome(&exchange{cfg: cfg, now: cfg.Now()}, &welcome{user: a, recovery: recovery})
	return nil
}

// mailWelcome sends a token; one of before is void from then on. The caller holds mu.
func (o *Org) mailWelcome(x *exchange, w *welcome) {
	for token, old := range o.welcomes {
		if old.user == w.user && old.recovery == w.recovery {
			delete(o.welcomes, token)
		}
	}
	token := secretID("")
	w.expires = x.now.Add(welcomeLifetime)
	o.welcomes[token] = w
	page, subject := x.cfg.Policy.ActivationLink, "Welcome"
	if w.recovery {
		page, subject = x.cfg.Policy.RecoveryLink, "Choose a new password"
	}
	o.send(x, w.user, Mail{Channel: channelEmail, To: w.user.Email, Subject: subject,
		Text: "Follow this link within the hour.", Link: page + "?" + url.Values{"token": {token}}.Encode()})
}

// Errors of interact, in Okta's words.
var (
	badActivation = invalidRequest("The activation token is invalid")
	badRecovery   = invalidRequest("The recovery token is invalid")
)

// redeemWelcome begins a transaction with what its interact was given, once. A token that is over opens the page on which
// a new one can be asked for, where it is an activation's. The caller holds mu.
func (o *Org) redeemWelcome(t *transaction, form url.Values, now time.Time) *oauthError {
	recovery := form.Has("recovery_token")
	if !recovery && !form.Has("activation_token") {
		return nil
	}
	name, wrong := "activation_token", badActivation
	if recovery {
		name, wrong = "recovery_token", badRecovery
	}
	w := o.welcomes[form.Get(name)]
	expired := w != nil && !now.Before(w.expires)
	switch {
	case w == nil, w.recovery != recovery, recovery && form.Has("activation_token"), recovery && expired:
		return wrong
	case !recovery && t.client.public():
		return invalidRequest("Activation tokens are only supported for confidential clients.")
	}
	delete(o.welcomes, form.Get(name))
	t.user, t.identifier = w.user, w.user.Login
	switch {
	case expired:
		t.stage = stageActivationExpired
	case recovery:
		t.stage, t.recovering = stageReset, true
	default:
		t.stage, t.activating = stageEnroll, true
	}
	return nil
}

var (
	activationExpired   = errorMessage("idx.expired.activation.token", "Your account activation link is no longer valid. Request a new activation email below.")
	activationRequested = message{
		Message: "A new activation email was sent. Follow its link to set your account up.", Class: "INFO",
		I18n: i18n{Key: "idx.request.activation.email"},
	}
)

// requestActivation mails a new link.
func (o *Org) requestActivation(x *exchange, t *transaction, _ *idxRequest) reply {
	if t.stage != stageActivationExpired {
		return bad()
	}
	o.mailWelcome(x, &welcome{user: t.user})
	rep := reply{status: http.StatusOK, doc: terminal(t, activationRequested)}
	o.drop(t, x.now)
	return rep
}
