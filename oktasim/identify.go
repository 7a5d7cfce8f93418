package oktasim

import (
	"net/http"
	"strings"
)

// The first steps: who is it, and the password. Every function here is an idxStep.

// introspect shows the current document again; it changes nothing.
func (o *Org) introspect(x *exchange, t *transaction, _ *idxRequest) reply { return t.ok(x) }

// cancel starts over under a new state handle; the interaction goes on.
func (o *Org) cancel(x *exchange, t *transaction, _ *idxRequest) reply {
	o.restart(t, x.now)
	return t.ok(x)
}

// forbidden stands for self-service that the org has switched off.
func (o *Org) forbidden(*exchange, *transaction, *idxRequest) reply {
	return reply{status: http.StatusForbidden, doc: terminal(nil, noPermission)}
}

// Messages of the password step.
var (
	authenticationFailed = errorMessage("errors.E0000004", "Authentication failed")
	incorrectPassword    = errorMessage("incorrectPassword", "Password is incorrect")
	accountLocked        = errorMessage("authfactor.challenge.suspended_factor", "Your account is locked. Please contact your administrator.")
)

func unknownUser(identifier string) message {
	return message{
		Message: "There is no account with the Username " + identifier + ".", Class: "INFO",
		I18n: i18n{Key: "idx.unknown.user", Params: []any{identifier}},
	}
}

// identify takes the identifier, and the password where the first form asks for both.
func (o *Org) identify(x *exchange, t *transaction, req *idxRequest) reply {
	if t.stage == stageRecover {
		return o.identifyRecovery(x, t, req)
	}
	if t.stage != stageIdentify {
		return bad()
	}
	identifier := strings.TrimSpace(req.Identifier)
	a := o.users[normalLogin(identifier)]
	t.remember = req.RememberMe
	policy := x.cfg.Policy
	switch {
	case identifier == "":
		return t.withMessage(x, http.StatusBadRequest, errorMessage("api.error.field_required", "'identifier' is required."))
	case a == nil && !policy.HideUnknownUsers:
		return t.withMessage(x, http.StatusBadRequest, unknownUser(identifier))
	case policy.IdentifierFirst && a != nil && a.active() && !a.hasKey(keyPassword) && len(a.held()) > 0:
		t.identifier, t.user, t.stage = identifier, a, stageChoose
		if rep, ok := o.admitted(x, t); !ok {
			return rep
		}
		return t.ok(x)
	case policy.IdentifierFirst:
		t.identifier, t.user, t.stage = identifier, a, stagePassword
		return t.ok(x)
	}
	if m := checkPassword(x, a, req.Credentials.Passcode, authenticationFailed); m != nil {
		return t.withMessage(x, http.StatusUnauthorized, *m)
	}
	t.identifier, t.user = identifier, a
	return o.afterPassword(x, t)
}

// answer takes the password or the one-time code, whichever is asked for.
func (o *Org) answer(x *exchange, t *transaction, req *idxRequest) reply {
	switch t.stage {
	case stagePassword:
		return o.answerPassword(x, t, req)
	case stageTOTP:
		return o.answerTOTP(x, t, req)
	case stageAnswer, stageEnrollAnswer:
		return o.answerTask(x, t, req)
	case stagePasswordExpired, stagePasswordExpiring, stageReset:
		return o.answerNewPassword(x, t, req)
	default:
		return bad()
	}
}

func (o *Org) answerPassword(x *exchange, t *transaction, req *idxRequest) reply {
	if m := checkPassword(x, t.user, req.Credentials.Passcode, incorrectPassword); m != nil {
		return t.withMessage(x, http.StatusUnauthorized, *m)
	}
	return o.afterPassword(x, t)
}

// checkPassword returns nil when it is right. A locked account says so whatever was typed, so that
// guessing on goes nowhere, unless the policy hides it.
func checkPassword(x *exchange, a *account, password string, wrong message) *message {
	switch {
	case a != nil && a.Locked && !x.cfg.Policy.HideUnknownUsers:
		return &accountLocked
	case a == nil || !a.active() || a.Password == "" || password != a.Password:
		return &wrong
	}
	return nil
}

// withMessage shows the current form again under a message.
func (t *transaction) withMessage(x *exchange, status int, m message) reply {
	d := t.document(x)
	d.Messages = array(m)
	return reply{status: status, doc: d}
}
