package gateway

import (
	"errors"
	"net/http"
	"time"

	"sidegate.example/sidegate/flows"
	"sidegate.example/sidegate/gateway/decision"
	"sidegate.example/sidegate/gateway/session"
)

// maxSessionCookies bounds how many cookies of our name one request may make us open: a browser has one, a
// duplicate set by an attacker makes two (immunity S49, S50).
const maxSessionCookies = 4

// exchange is one request on its way through the gate.
type exchange struct {
	*Gate
	w     http.ResponseWriter
	r     *http.Request
	facts Facts
	site  string
	// policy is the gate's, and that of one person where the person is known before the gate.
	policy string

	// session is the live one that a step-up raises, nil for a sign-in. known is the one that the request brought, live or
	// not, of which there may be no more than the subject.
	session, known *session.Opened
	lacking        decision.Verdict // what session lacks, where the page is to say it

	signIn string // id of the sign-in in progress, as the browser says
	device string // device token, as the browser says

	stream *stream // that the answer has become
}

// readSignIn reads the cookies that only a request without a session, or one of our own routes, has a use for.
func (x *exchange) readSignIn() {
	for id := range session.Values(x.r.Header, x.cookies.signIn) {
		if validID(id) {
			x.signIn = id
			break
		}
	}
	for token := range session.Values(x.r.Header, x.cookies.device) {
		x.device = token
		break
	}
}

// open finds the live session of the request, if any, and decides on it by the scopes of the rules that applies says
// (nil: by none). An error means that sessions cannot be judged at all (no key, revocations unknown), never that this one is bad.
func (x *exchange) open(now time.Time, applies func(*http.Request) uint64) (*session.Opened, decision.Verdict, error) {
	verdict := decision.Verdict{Why: decision.WhyAnonymous}
	demand := decision.Demand{Idle: x.cfg.IdleTimeout, Lifetime: x.cfg.Lifetime, Rules: x.cfg.Rules}
	tries := 0
	for cookie := range session.Values(x.r.Header, x.cookies.session) {
		if tries++; tries > maxSessionCookies {
			break
		}
		claims, err := x.codec.Open(x.r.Context(), x.binding(), cookie)
		if errors.Is(err, session.ErrInvalid) {
			verdict = decision.Verdict{Why: decision.WhyInvalid}
			if claims != nil {
				x.known = claims
			}
			continue
		}
		if err != nil {
			return nil, decision.Verdict{}, err
		}
		if !x.cfg.State.knowsRevoked(x.r.Context()) {
			return nil, decision.Verdict{}, errUnread
		}
		x.known = claims
		var c *check
		if x.checks != nil {
			c = x.checkOf(claims, now)
			claims = x.lately(claims, c)
		}
		if applies != nil {
			demand.Applies, applies = applies(x.r), nil
		}
		verdict = decision.Decide(claims, now, demand, x.cfg.State.revocations.Revoked(x.cfg.Org, claims))
		if verdict.Live() {
			if c != nil && x.overdue(claims, c, now) {
				verdict = decision.Verdict{Why: decision.WhyUnchecked}
				continue
			}
			return claims, verdict, nil
		}
	}
	return nil, verdict, nil
}

// home is a site under a policy. Another gate on the same host, with another org, must take nothing of this one's for its
// own (immunity S13).
func (x *exchange) home() string { return x.site + "\x00" + x.policy }

// realm is what a sign-in in progress belongs to: the home and, of a step-up, the session that it raises, so that
// nobody finishes it with another one (immunity S46).
func (x *exchange) realm() string {
	if x.session != nil {
		return x.home() + "\x00step-up\x00" + x.session.Handle
	}
	return x.home()
}

// raising is the handle of the session that a step-up raises; "" for a sign-in.
func (x *exchange) raising() string {
	if x.session == nil {
		return ""
	}
	return x.session.Handle
}

// binding is what a session is good for: this cookie on this site under this policy (immunity S13).
func (x *exchange) binding() session.Binding {
	return session.Binding{Cookie: x.cookies.session, Site: x.reach(), Policy: x.policy}
}

// newSession mints a session for a person who has just signed in: always with an id that no browser has seen
// (immunity S46).
func (x *exchange) newSession(claims session.Claims) (string, error) {
	return x.codec.Seal(x.r.Context(), x.binding(), claims)
}

// seal makes the cookie of a session that begins or is prolonged, and what of the session has to be kept elsewhere first; nil for nothing.
func (x *exchange) seal(claims *session.Claims) (string, *session.Bulk, error) {
	cookie, err := x.newSession(*claims)
	if !errors.Is(err, session.ErrTooLarge) {
		return cookie, nil, err
	}
	bulk := claims.Divert()
	cookie, err = x.newSession(*claims)
	return cookie, bulk, err
}

// setCookie sets one of our cookies. maxAge 0 makes a cookie that ends with the browser, negative deletes.
func (x *exchange) setCookie(name, value string, maxAge time.Duration) {
	c := &http.Cookie{Name: name, Value: value, Path: "/", Secure: true, HttpOnly: true, SameSite: http.SameSiteLaxMode}
	switch {
	case maxAge > 0:
		c.MaxAge = int(maxAge / time.Second)
	case maxAge < 0:
		c.MaxAge = -1
	}
	if name == x.cookies.session {
		c.Domain = x.cfg.CookieDomain
	}
	http.SetCookie(x.w, c)
}

// client is the browser as Okta is to see it.
func (x *exchange) client() (flows.ClientContext, error) {
	return flows.NewClientContext(x.facts.ClientIP, x.r.UserAgent(), x.r.Header.Get("Accept-Language"), x.device)
}
