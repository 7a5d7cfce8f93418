package oktasim

import (
	"net/http"
	"strings"
	"unicode"
)

// States of a password.
const (
	passwordExpired  = "expired"
	passwordExpiring = "expiring"
)

var requirementsNotMet = errorMessage("password.passwordRequirementsNotMet", "Password requirements were not met. "+
	"Password requirements: at least 8 characters, a number.")

// answerNewPassword takes a new password.
func (o *Org) answerNewPassword(x *exchange, t *transaction, req *idxRequest) reply {
	p := req.Credentials.Passcode
	if len(p) < 8 || !strings.ContainsFunc(p, unicode.IsDigit) {
		d := t.document(x)
		d.Remediation.Value[0].Value[0].Form.Value[0].Messages = array(requirementsNotMet)
		return reply{status: http.StatusBadRequest, doc: d}
	}
	enrolling := t.stage == stageEnrollAnswer
	t.user.Password, t.user.PasswordState, t.recovering = p, "", false
	if enrolling {
		return o.enrolled(x, t)
	}
	return o.afterPassword(x, t)
}

// newPassword is the document that asks for one.
func (b *documentBuilder) newPassword(d *document) {
	name := map[stage]string{stagePasswordExpired: "reenroll-authenticator", stagePasswordExpiring: "reenroll-authenticator-warning",
		stageReset: "reset-authenticator"}[b.t.stage]
	f := b.form(name, "challenge/answer", field{Name: "credentials", Type: "object", Required: true,
		Form: &fields{[]field{{Name: "passcode", Label: "New password", Secret: true}}}})
	if b.t.stage == stageReset {
		form := f.Value[0].Form
		form.Value = append(form.Value, field{Name: "revokeSessions", Label: "Sign me out of all other devices", Type: "boolean"})
	}
	f.RelatesTo = []string{"$.currentAuthenticator"}
	d.Remediation = array(f)
	if b.t.stage == stagePasswordExpiring {
		d.Remediation.Value = append(d.Remediation.Value, b.form("skip", "skip"))
		d.Messages = array(message{
			Message: "When your password expires, you will have to change your password before you can login to your " + orgName + " account.",
			I18n:    i18n{Key: "idx.password.expiring.message", Params: []any{orgName}}, Class: "INFO",
		})
	}
	a := b.passwordAuthenticator()
	a.Settings = passwordSettings()
	if b.t.stage == stagePasswordExpiring {
		a.Settings["daysToExpiry"] = 4
	}
	d.CurrentAuthenticator = objectOf(a)
}

// passwordSettings is what the org asks of a password.
func passwordSettings() map[string]any {
	return map[string]any{"complexity": map[string]any{"minLength": 8, "minNumber": 1}}
}

// recoverable adds the action "forgot password" where the org allows it.
func (b *documentBuilder) recoverable(a authenticator) authenticator {
	if b.x.cfg.Policy.Recover {
		a.Recover = b.form("recover", "recover")
		a.Recover.Produces = "" // the recordings have none here
	}
	return a
}

// recover begins to recover the password of whom the transaction is about, or asks who that is.
func (o *Org) recover(x *exchange, t *transaction, _ *idxRequest) reply {
	if !x.cfg.Policy.Recover || t.stage != stageIdentify && t.stage != stagePassword {
		return bad()
	}
	t.recovering = true
	if t.user == nil {
		t.stage = stageRecover
		return t.ok(x)
	}
	t.stage = stageChoose
	return t.ok(x)
}

// identifyRecovery takes the identifier. An unknown one, and one that cannot be recovered, end alike.
func (o *Org) identifyRecovery(x *exchange, t *transaction, req *idxRequest) reply {
	a := o.users[normalLogin(req.Identifier)]
	if a == nil || a.Locked || !a.hasKey(keyEmail) && !a.hasKey(keyPhone) {
		return t.withMessage(x, http.StatusBadRequest, errorMessage("oie.selfservice.reset.password.not.allowed", "Reset password is not allowed at this time. Please contact support for assistance."))
	}
	t.identifier, t.user, t.stage = req.Identifier, a, stageChoose
	return t.ok(x)
}
