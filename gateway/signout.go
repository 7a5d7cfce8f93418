package gateway

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"sidegate.example/sidegate/gateway/identity"
	"sidegate.example/sidegate/gateway/session"
	"sidegate.example/sidegate/gateway/store"
	"sidegate.example/sidegate/ui"
)

// revokeTimeout bounds how long somebody who signs out waits for the store.
const revokeTimeout = 5 * time.Second

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
	token, err := x.sealForm(formSignOut, form{browser: claims.Handle, back: "/"})
	if err != nil {
		x.failed(err)
		return
	}
	page := ui.Page{View: ui.ViewSignOut, CSRF: token, User: orDefault(claims.Identity.Name, claims.Identity.Login)}
	for _, s := range x.ownSessions(claims) {
		page.Sessions = append(page.Sessions, ui.Session{Site: s.Site, Agent: s.Agent, Address: s.Address, Since: s.Issued, This: s.Handle == claims.Handle})
	}
	x.page(http.StatusOK, page)
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
	if _, ok := x.readForm(formSignOut, claims.Handle); !ok {
		return
	}
	everywhere := x.r.PostForm.Get(choiceField) == ui.SignOutEverywhere
	told := x.endSession(x.r.Context(), claims)
	if everywhere {
		told = x.revoke(x.r.Context(), allOf(x.cfg.Org, claims.Identity.Subject)) && told
	}
	_ = x.cfg.State.transactions.Cancel(x.r.Context(), x.signIn, x.realm())
	x.log.InfoContext(x.r.Context(), "signed out", slog.String("user", claims.Identity.Login), slog.Bool("everywhere", everywhere),
		slog.String("session", claims.Handle), slog.String("client_ip", x.facts.ClientIP))
	x.setCookie(x.cookies.session, "", -1)
	x.setCookie(x.cookies.signIn, "", -1)
	x.dropKept()
	if !told {
		x.problem(http.StatusServiceUnavailable, ui.ProblemNotEverywhere, form{back: x.cfg.Prefix + "/signed-out"})
		return
	}
	x.seeOther(x.cfg.Prefix + "/signed-out")
}

// allOf ends every session that a person has by now, whatever site and browser it is of, and whichever replica has made it, by
// a clock that may be ahead of this one. What begins afterwards is not among them: see session.Revocations.Begin.
func allOf(org, subject string) store.Revocation {
	now := time.Now()
	return store.Revocation{Org: org, Subject: subject, Before: now.Add(store.Skew), Until: now.Add(MaxLifetime)}
}

// endSession is revoke for a session and its family, also where the store has lost the document that says which that is.
func (g *Gate) endSession(ctx context.Context, s *session.Opened) (told bool) {
	told = g.revoke(ctx, store.Revocation{Session: s.Handle, Until: s.ExpiresAt})
	if s.Kin != "" {
		told = g.revoke(ctx, store.Revocation{Session: s.Kin, Until: s.ExpiresAt}) && told
	}
	return told
}

// revoke ends sessions, and reports whether every replica knows. What has been asked for is not given up when the browser
// leaves.
func (g *Gate) revoke(ctx context.Context, r store.Revocation) (told bool) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), revokeTimeout)
	defer cancel()
	err := g.cfg.State.Revoke(ctx, r)
	if err != nil {
		g.log.ErrorContext(ctx, "sessions have ended here and not yet on the other replicas; it is tried again until they know",
			slog.String("session", r.Session), slog.String("subject", r.Subject), slog.Any("error", err))
	}
	return err == nil
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
	claims, _, err := x.open(time.Now(), nil)
	if err != nil {
		x.failed(err)
		return nil, false
	}
	return claims, true
}

// signedIn is current for what programs ask for: where nobody is signed in it answers so, and ok is false.
func (x *exchange) signedIn() (claims *session.Opened, ok bool) {
	claims, ok = x.current()
	if ok && claims == nil {
		x.document(http.StatusUnauthorized, "Nobody is signed in.")
	}
	return claims, ok && claims != nil
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
	claims, ok := x.signedIn()
	if !ok {
		return
	}
	d := whoamiDocument{User: claims.Identity.Login, Name: claims.Identity.Name, Email: claims.Identity.Email,
		Groups: claims.Identity.Groups, Expires: claims.ExpiresAt.UTC()}
	for _, p := range claims.Identity.Proofs {
		d.Factors = append(d.Factors, p.Factor)
	}
	x.tell(d)
}
