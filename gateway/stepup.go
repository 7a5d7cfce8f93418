package gateway

import (
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"sidegate.example/sidegate/flows"
	"sidegate.example/sidegate/gateway/decision"
	"sidegate.example/sidegate/gateway/identity"
	"sidegate.example/sidegate/gateway/session"
	"sidegate.example/sidegate/gateway/store"
	"sidegate.example/sidegate/ui"
)

// A step-up is a sign-in in progress of somebody who is signed in. It belongs to the session that it raises: with another
// one, or with none, it does not exist. At its end there is a new session with what both have proved, which ends when the old
// one would have.

var errOther = errors.New("gateway: a step-up ended with another person, or its session is over")

// stepUp answers a request whose session has not proved enough: the sign-in in place for a navigation, a problem document
// that says what is missing for everything else.
func (x *exchange) stepUp(s *session.Opened, v decision.Verdict) {
	x.obs.Decision(DecisionChallenged)
	x.log.DebugContext(x.r.Context(), "challenged", slog.String("why", string(v.Why)), slog.String("require", string(v.Missing.Class)),
		slog.String("session", s.Handle), slog.String("client_ip", x.facts.ClientIP))
	if !x.wantsPage() {
		x.explain(problemDocument{Status: http.StatusUnauthorized, Reason: v.Why, Require: v.Missing.Class, MaxAge: int(v.Missing.MaxAge / time.Second),
			Detail: "This needs a fresh or stronger confirmation than the session has. Open it in a browser to confirm, then try again."})
		return
	}
	if !x.facts.Secure && !loopback(x.site) {
		x.problem(http.StatusForbidden, ui.ProblemInsecure, form{})
		return
	}
	x.session, x.lacking = s, v
	x.signInPage()
}

// stepUpPage is the first page of a step-up: it says why, and a button begins. Nothing is asked of Okta before.
func (x *exchange) stepUpPage(back, notice string) {
	from := x.cameFrom(back)
	step := flows.Step{Kind: flows.KindIdentify, Person: x.session.Identity.Login}
	x.stepForm(ui.Page{View: ui.ViewSignIn, Step: step, Notice: notice, Return: from, StepUp: x.why()},
		form{browser: x.signIn, back: back, class: string(x.lacking.Missing.Class), from: from})
}

// why is what the pages of a step-up say of it; nil for a sign-in.
func (x *exchange) why() *ui.StepUp {
	if x.session == nil {
		return nil
	}
	q := x.lacking.Missing
	return &ui.StepUp{Class: ui.Class(q.Class), Stale: x.lacking.Why == decision.WhyStale, MaxAge: q.MaxAge}
}

// maxFrom bounds the path that a form carries beside the one of its page.
const maxFrom = 512

// cameFrom is the page of this site that led to the one that is challenged, "/" when the browser does not say.
func (x *exchange) cameFrom(back string) string {
	u, err := url.Parse(x.r.Referer())
	if err != nil || !strings.EqualFold(u.Scheme+"://"+u.Host, origin(x.r, x.facts)) {
		return "/"
	}
	path := returnPath(u)
	if _, own := x.ownRoute(u.Path); own || path == back || len(path) > maxFrom {
		return "/"
	}
	return path
}

// whileSignedIn has an own route of a sign-in go on with the step-up of the request's session, where it has a live one.
func (x *exchange) whileSignedIn(serve func()) func() {
	return func() {
		var ok bool
		if x.session, ok = x.current(); ok {
			serve()
		}
	}
}

// raise makes of the claims of a step-up those of the session that goes on: what was proved before still is, and no end
// moves (immunity S46, S61).
func (x *exchange) raise(claims *session.Claims) error {
	old := x.session
	if claims.Identity.Subject != old.Identity.Subject || x.cfg.State.revocations.Revoked(x.cfg.Org, old) {
		return errOther
	}
	claims.IssuedAt, claims.ExpiresAt, claims.Family = old.IssuedAt, old.ExpiresAt, old.Family
	claims.Identity.Proofs = merge(old.Identity.Proofs, claims.Identity.Proofs)
	return nil
}

// merge keeps the newest proof of each factor, oldest first.
func merge(old, fresh []identity.Proof) []identity.Proof {
	all := slices.Concat(old, fresh)
	slices.SortStableFunc(all, func(a, b identity.Proof) int { return a.At.Compare(b.At) })
	var out []identity.Proof
	for i, p := range all {
		if !slices.ContainsFunc(all[i+1:], func(later identity.Proof) bool { return later.Factor == p.Factor }) {
			out = append(out, p)
		}
	}
	return out
}

// superseded ends the session that a step-up has raised: its cookie is worth nothing any more, to nobody who has a copy.
func (x *exchange) superseded() {
	if x.session == nil {
		return
	}
	if err := x.cfg.State.revoke(x.r.Context(), store.Revocation{Session: x.session.Handle, Until: x.session.ExpiresAt}); err != nil {
		x.log.ErrorContext(x.r.Context(), "the session before a step-up may live on at other replicas", slog.Any("error", err), slog.String("session", x.session.Handle))
	}
}

// raised gives the new session to another tab of the browser, which still sent the cookie of the one that a step-up has
// just superseded. It answers where there is one to give.
func (x *exchange) raised() bool {
	if x.r.Method != http.MethodGet {
		return false
	}
	x.session = x.known
	v, err := x.cfg.State.transactions.Get(x.r.Context(), x.signIn, x.realm())
	if err == nil && v.Step.Kind == flows.KindDone {
		if cookie, _, err := x.cfg.State.transactions.Redeem(x.r.Context(), x.signIn, x.realm(), x.mint); err == nil {
			x.setCookie(x.cookies.session, cookie, 0)
			x.setCookie(x.cookies.signIn, "", -1)
			x.seeOther(returnPath(x.facts.URL))
			return true
		}
	}
	x.session = nil
	return false
}
