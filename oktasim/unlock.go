package oktasim

import (
	"net/http"
	"slices"
)

// Unlocking one's own account (identity-engine.md §4.3).

var (
	unlocked = message{
		Message: "You can log in using your existing username and password", Class: "INFO",
		I18n: i18n{Key: "oie.selfservice.unlock_user.success.message"},
	}
	unlockRefused = errorMessage("oie.selfservice.unlock_user.challenge.failed.permissions",
		"You do not have permission to perform the requested action.")
)

// unlockKeys are the authenticators by which an account can be unlocked.
var unlockKeys = []string{keyEmail, keyPhone}

// unlockAccount follows the link of the first page.
func (o *Org) unlockAccount(x *exchange, t *transaction, req *idxRequest) reply {
	if !x.cfg.Policy.Unlock {
		return o.forbidden(x, t, req)
	}
	if t.stage != stageIdentify && t.stage != stagePassword {
		return bad()
	}
	t.stage, t.user, t.identifier = stageUnlock, nil, ""
	return t.ok(x)
}

// challengeUnlock takes whose account it is and how they prove it. Nobody learns from the answer who exists.
func (o *Org) challengeUnlock(x *exchange, t *transaction, req *idxRequest) reply {
	k, a := kindByID(req.Authenticator.ID), o.users[normalLogin(req.Identifier)]
	if k == nil || !slices.Contains(unlockKeys, k.key) {
		return bad()
	}
	if a == nil || a.state() != "LOCKED_OUT" || !a.hasKey(k.key) {
		return t.withMessage(x, http.StatusForbidden, unlockRefused)
	}
	t.identifier, t.user, t.recovering, t.unlocking = req.Identifier, a, true, true
	rep := o.challengeOther(x, t, k, req)
	if t.stage == stageUnlock { // it was refused
		t.identifier, t.user, t.recovering, t.unlocking = "", nil, false, false
	}
	return rep
}

// askUnlock is the document that asks for it. As in the recordings, the lists name kinds and nobody's enrolments.
func (b *documentBuilder) askUnlock(d *document) {
	choice := field{Name: "authenticator", Type: "object"}
	var all []authenticator
	for i, key := range unlockKeys {
		k := catalogue[key]
		all = append(all, k.authenticator())
		value := []field{fixed("id", k.id), {Name: "methodType", Value: k.methods[0], Mutable: isFalse}}
		if key == keyPhone {
			value[1] = field{Name: "methodType", Type: "string", Options: phoneMethods()}
		}
		choice.Options = append(choice.Options, option{Label: k.label, RelatesTo: b.enrolmentAt(i), Value: valueForm(value...)})
	}
	d.Authenticators, d.AuthenticatorEnrollments = array(all...), array(all...)
	d.Remediation = array(b.form("select-authenticator-unlock-account", "challenge", choice, field{Name: "identifier", Label: "Username", Required: true}))
}
