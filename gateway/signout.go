package gateway

import (
	"encoding/json"
	"log/slog"
	"net/http"
	"time"

	"sidegate.example/sidegate/gateway/identity"
	"sidegate.example/sidegate/gateway/session"
	"sidegate.example/sidegate/ui"
)

// signOutPage asks before it ends a session: no GET ends one (immunity S41).
func (x *exchange) signOutPage() {
	claims, ok := x.current()
	if !ok {
		return
	}
	if claims == nil {
		x.page(http.StatusOK, ui.Page{View: ui.ViewSignedOut})
		return
	}
	token, err := x.sealForm(formSignOut, form{browser: claims.ID.Handle(), back: "/"})
	if err != nil {
		x.failed(err)
		return
	}
	user := orDefault(claims.Identity.Name, claims.Identity.Login)
	x.page(http.StatusOK, ui.Page{View: ui.ViewSignOut, CSRF: token, User: user})
}

// signOut ends the session here and on the server: a copy of the cookie is worth nothing afterwards (immunity
// S44).
func (x *exchange) signOut() {
	claims, ok := x.current()
	if !ok {
		return
	}
	if claims == nil {
		x.seeOther(x.cfg.Prefix + "/signed-out")
		return
	}
	if _, ok := x.readForm(formSignOut, claims.ID.Handle()); !ok {
		return
	}
	x.cfg.State.revocations.Revoke(claims.ID, claims.ExpiresAt)
	x.cfg.State.transactions.Cancel(x.r.Context(), x.signIn, x.realm())
	x.log.InfoContext(x.r.Context(), "signed out", slog.String("user", claims.Identity.Login),
		slog.String("session", claims.ID.Handle()), slog.String("client_ip", x.facts.ClientIP))
	x.setCookie(x.cookies.session, "", -1)
	x.setCookie(x.cookies.signIn, "", -1)
	x.seeOther(x.cfg.Prefix + "/signed-out")
}

// signedOutPage says that nobody is signed in, when that is so.
func (x *exchange) signedOutPage() {
	claims, ok := x.current()
	switch {
	case !ok:
	case claims != nil:
		x.seeOther(x.cfg.Prefix + "/signout")
	default:
		x.page(http.StatusOK, ui.Page{View: ui.ViewSignedOut})
	}
}

// current is the live session of the request on one of our own routes, nil when there is none. When sessions cannot
// be judged it answers so, and ok is false.
func (x *exchange) current() (claims *session.Opened, ok bool) {
	claims, _, err := x.open(time.Now())
	if err != nil {
		x.failed(err)
		return nil, false
	}
	return claims, true
}

// whoamiDocument is what a page of the app may know about its session. No token, cookie or factor id is in it
// (immunity S29).
type whoamiDocument struct {
	User    string            `json:"user"`
	Name    string            `json:"name,omitempty"`
	Email   string            `json:"email,omitempty"`
	Groups  []string          `json:"groups,omitempty"`
	Factors []identity.Factor `json:"factors"`
	Expires time.Time         `json:"expires"`
}

func (x *exchange) whoami() {
	claims, ok := x.current()
	if !ok {
		return
	}
	if claims == nil {
		x.document(http.StatusUnauthorized, "Nobody is signed in.")
		return
	}
	d := whoamiDocument{User: claims.Identity.Login, Name: claims.Identity.Name, Email: claims.Identity.Email,
		Groups: claims.Identity.Groups, Expires: claims.ExpiresAt.UTC()}
	for _, p := range claims.Identity.Proofs {
		d.Factors = append(d.Factors, p.Factor)
	}
	body, err := json.Marshal(d)
	if err != nil {
		x.failed(err)
		return
	}
	x.body(http.StatusOK, "application/json", body)
}
