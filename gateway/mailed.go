package gateway

import (
	"net/http"

	"sidegate.example/sidegate/flows"
	"sidegate.example/sidegate/gateway/identity"
	"sidegate.example/sidegate/ui"
)

// Links that Okta mails lead here. Programs that read mail open links too, so none of them does anything by itself: each
// shows a page with a button. What is in the link is shown to nobody else, is in no log (of Caddy's, see caddymodule) and
// goes to Okta alone.

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
	case route == "/activate" && x.cfg.Activate && isToken(m.Value):
		m.Kind, m.Field = ui.MailedActivation, flows.FieldActivationToken
	case route == "/recover" && x.cfg.Recover && isToken(m.Value):
		m.Kind, m.Field = ui.MailedRecovery, flows.FieldRecoveryToken
	case route == "/email" && isCode(query.Get("otp")):
		x.mailedCode(query.Get("otp"), query.Get("state"))
		return
	default:
		x.problem(http.StatusNotFound, ui.ProblemNotFound, form{})
		return
	}
	x.ensureSignIn()
	x.linkPage(m, form{browser: x.signIn, back: "/"})
}

// mailedCode offers to send the code where this browser's sign-in is the one that it was mailed for and asks for it, and
// else shows it, to be typed where the sign-in began.
func (x *exchange) mailedCode(otp, state string) {
	m := ui.Mailed{Kind: ui.MailedCode, Value: otp}
	v, err := x.cfg.State.transactions.Get(x.r.Context(), x.signIn, x.realm())
	ours := err == nil && v.Step.LinkState != "" && v.Step.LinkState == state
	if !ours || v.Step.Kind != flows.KindCode || v.Step.Factor != identity.Email || len(v.Step.Fields) != 1 {
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

// isToken reports whether s may be a mailed token: printable ASCII. It is shown to nobody.
func isToken(s string) bool {
	if s == "" || len(s) > maxToken {
		return false
	}
	for i := range len(s) {
		if s[i] <= ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}

// isCode reports whether s may be a mailed code: it is shown, and whoever made the link wrote it (immunity S38).
func isCode(s string) bool {
	if len(s) < minOTP || len(s) > maxOTP {
		return false
	}
	for i := range len(s) {
		if c := s[i]; (c < '0' || c > '9') && (c|0x20 < 'a' || c|0x20 > 'z') {
			return false
		}
	}
	return true
}
