package gateway

import (
	"log/slog"
	"net/http"
	"strings"
	"time"

	"sidegate.example/sidegate/gateway/decision"
	"sidegate.example/sidegate/gateway/session"
)

// slide prolongs a session when a person uses it, once in a step, and reports false when the session is over instead,
// because Okta no longer lets the person in. Requests that a page sends by itself, its polling and its parts, prolong
// nothing: the person may have left.
func (x *exchange) slide(claims *session.Opened, now time.Time) (live bool) {
	if !session.Slide(&claims.Claims, now, x.cfg.IdleTimeout) || !byPerson(x.r.Header) {
		return true
	}
	_, live = x.prolong(claims, now)
	return live
}

// prolong gives the browser a cookie with a new time of last use, and tells what the claims then are. They stay as they
// were when the session cannot be prolonged; it is over when live is false.
func (x *exchange) prolong(claims *session.Opened, now time.Time) (_ session.Claims, live bool) {
	switch x.renew(claims, now) {
	case renewalRefused:
		return claims.Claims, false
	case renewalUnknown:
		return claims.Claims, true
	}
	next := claims.Claims
	next.SeenAt = now
	cookie, bulk, err := x.seal(&next)
	if err == nil && bulk != nil { // groups that a recheck has brought
		err = x.cfg.State.amend(x.r.Context(), &storedSession{SessionInfo: x.info(&next)}, func(doc *storedSession) error {
			doc.Bulk, doc.Kin = bulk, claims.Kin
			return nil
		})
	}
	if err != nil {
		x.log.WarnContext(x.r.Context(), "session not prolonged", slog.Any("error", err))
		return claims.Claims, true
	}
	x.setCookie(x.cookies.session, cookie, 0)
	return next, true
}

// byPerson reports whether a person caused the request, as far as a browser says: they followed a link, sent a form or
// opened an address. Fetch metadata says it where there is some. Chromium, which alone has Sec-CH-UA, says it of each navigation
// that somebody has caused up to five seconds before: seen in 156 for links, forms, scripts, other tabs and frames, back and reload.
// What is left are frames that come with a page, and pages that load themselves again. Safari has no Sec-Fetch-User, so that
// every navigation counts, except one that is only made in advance.
func byPerson(h http.Header) bool {
	if h.Get("Sec-Purpose") != "" || h.Get("Purpose") == "prefetch" {
		return false
	}
	if h.Get("Sec-Fetch-User") == "?1" {
		return true
	}
	if mode := h.Get("Sec-Fetch-Mode"); mode != "" {
		return mode == "navigate" && !strings.Contains(h.Get("Sec-Ch-Ua"), `"Chromium"`)
	}
	return h.Get("X-Requested-With") == "" && acceptsHTML(h["Accept"])
}

// sessionDocument tells a page of the app when its session ends, so that it can warn its person.
type sessionDocument struct {
	User string `json:"user"`
	// Now is the gate's clock, so that a wrong one in the browser does no harm.
	Now time.Time `json:"now"`
	// IdleEnds is when the session ends unless somebody uses it, Ends when it does in any case.
	IdleEnds time.Time `json:"idle_ends"`
	Ends     time.Time `json:"ends"`
}

// tellEnd tells when the session ends. To ask prolongs nothing.
func (x *exchange) tellEnd() {
	if claims, ok := x.signedIn(); ok {
		x.tellSession(&claims.Claims, time.Now())
	}
}

// staySignedIn prolongs the session because a page of the app says that its person wants it. The proof that it is one is
// what the browser says about the request's origin, and a header that pages of other sites cannot send unasked (CSRF).
func (x *exchange) staySignedIn() {
	if !x.sentByOwnScript() {
		x.document(http.StatusForbidden, "This takes a fetch of a page of this site, with the header X-Requested-With.")
		return
	}
	claims, ok := x.signedIn()
	if !ok {
		return
	}
	now := time.Now()
	next, live := x.prolong(claims, now)
	if !live {
		x.challenge(decision.WhyRevoked)
		return
	}
	x.tellSession(&next, now)
}

// sentByOwnScript reports whether a page of this very origin has sent the request by script. Unlike a form, which has a
// seal of ours, the request has no other proof: a browser that says nothing of the origin is refused.
func (x *exchange) sentByOwnScript() bool {
	h := x.r.Header
	says := h.Get("Sec-Fetch-Site") != "" || h.Get("Origin") != ""
	return says && h.Get("X-Requested-With") != "" && sameOrigin(x.r, origin(x.r, x.facts))
}

func (x *exchange) tellSession(c *session.Claims, now time.Time) {
	d := sessionDocument{User: c.Identity.Login, Now: now.UTC().Truncate(time.Second), Ends: x.ends(c).UTC()}
	d.IdleEnds = earlier(c.SeenAt.Add(x.cfg.IdleTimeout), d.Ends).UTC().Truncate(time.Second)
	x.tell(d)
}

// ends is the absolute end of a session: its own, or that of the configuration in force.
func (g *Gate) ends(c *session.Claims) time.Time {
	return earlier(c.ExpiresAt, c.IssuedAt.Add(g.cfg.Lifetime))
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}
