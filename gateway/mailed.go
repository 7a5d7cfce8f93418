package gateway

import (
	"net/http"

	"sidegate.example/sidegate/flows"
	"sidegate.example/sidegate/gateway/identity"
	"sidegate.example/sidegate/ui"
)

// Links that Okta mails lead here. Programs that read mail open links too, so none of them does anything by itself: each
// shows a page with a button. What is in the link is shown to nobody else, and is in no log of ours.

const (
	// maxToken bounds a mailed token; minOTP and maxOTP a mailed code (identity-engine.md §6.2).
	maxToken       = 1024
	minOTP, maxOTP = 6, 10
)

// mailedPage answers a mailed link:
//
//	/activate?token=...         the account is new (Okta's activationToken)
//	/recover?token=...          the password is forgotten (Okta's recoveryToken)
//	/email?otp=...&state=...    a code of a sign-in in progress, in this browser or in another
func (x *exchange) mailedPage(route string) {
	query := x.facts.URL.Query()
	m := ui.Mailed{Value: query.Get("token")}
	switch {
	case !x.facts.Secure && !loopback(x.site):
		x.problem(http.StatusForbidden, ui.ProblemInsecure, form{})
		return
	case route == "/activate" && x.cfg.Activate && plainText(m.Value, 1, maxToken):
		m.Kind, m.Field = ui.MailedActivation, flows.FieldActivationToken
	case route == "/recover" && x.cfg.Recover && plainText(m.Value, 1, maxToken):
		m.Kind, m.Field = ui.MailedRecovery, flows.FieldRecoveryToken
	case route == "/email" && plainText(query.Get("otp"), minOTP, maxOTP):
		x.mailedCode(query.Get("otp"))
		return
	default:
		x.problem(http.StatusNotFound, ui.ProblemNotFound, form{})
		return
	}
	x.ensureSignIn()
	x.linkPage(m, form{browser: x.signIn, back: "/"})
}

// mailedCode offers to send the code where this browser's sign-in asks for one, and else shows it, to be typed where
// the sign-in began.
func (x *exchange) mailedCode(otp string) {
	m := ui.Mailed{Kind: ui.MailedCode, Value: otp}
	v, ok := x.cfg.State.transactions.Get(x.signIn, x.realm())
	if !ok || v.Step.Kind != flows.KindCode || v.Step.Factor != identity.Email || len(v.Step.Fields) != 1 {
		x.page(http.StatusOK, ui.Page{View: ui.ViewMailed, Mailed: m})
		return
	}
	m.Field = v.Step.Fields[0].Name
	x.linkPage(m, form{browser: v.ID, seq: v.Seq, back: "/"})
}

func (x *exchange) linkPage(m ui.Mailed, f form) {
	token, err := x.sealForm(formSignIn, f)
	if err != nil {
		x.failed(err)
		return
	}
	x.page(http.StatusOK, ui.Page{View: ui.ViewMailed, Mailed: m, CSRF: token})
}

// plainText reports whether s is printable ASCII of that length.
func plainText(s string, least, most int) bool {
	if len(s) < least || len(s) > most {
		return false
	}
	for i := range len(s) {
		if s[i] <= ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}
