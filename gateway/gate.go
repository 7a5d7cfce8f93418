// Package gateway owns the gate: it lets a request through with an identity that a sealed session proves, or
// answers it itself with a sign-in page, a problem document or one of its own routes. It knows net/http and slog,
// no server in front of it and no Okta: a flows.Flow signs people in, package ui draws the pages.
//
//	request -> scrub identity headers -> own route? answer
//	                                  -> open session cookie -> decide -> allowed: set headers, go on
//	                                                                   -> otherwise: answer in place, 401
package gateway

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"time"

	"sidegate.example/sidegate/gateway/session"
	"sidegate.example/sidegate/ui"
)

// maxLifetime is how long a superseded key still opens cookies.
const maxLifetime = session.DefaultKeepFor

// Gate stands in front of one site, or several that share a policy. It is safe for concurrent use.
type Gate struct {
	cfg     Config
	codec   *session.Codec
	headers identityHeaders
	pages   *ui.Pages
	obs     Observer
	log     *slog.Logger
	cookies cookieNames

	stopOnce sync.Once
	stopped  chan struct{} // closed when event streams have to end
}

// cookieNames are the cookies that the gate sets and that no upstream ever sees.
type cookieNames struct {
	session, signIn, device string
}

// New checks c, fills in its defaults and returns the gate. It does no I/O.
func New(c Config) (*Gate, error) {
	if err := c.complete(); err != nil {
		return nil, err
	}
	pages, err := ui.New(ui.Options{Prefix: c.Prefix})
	if err != nil {
		return nil, fmt.Errorf("preparing the pages: %w", err)
	}
	g := &Gate{
		cfg:     c,
		codec:   session.NewCodec(c.Keys, session.NewCache()),
		headers: newIdentityHeaders(c.Headers),
		pages:   pages,
		obs:     c.Observer,
		log:     c.Logger,
		cookies: cookieNames{session: c.CookieName, signIn: c.CookieName + "_signin", device: c.CookieName + "_device"},
		stopped: make(chan struct{}),
	}
	c.State.transactions.SetEngine(c.Engine, c.Flow, c.Observer)
	return g, nil
}

// complete fills in defaults and reports what cannot work.
func (c *Config) complete() error {
	if c.Flow == nil || c.Engine == "" || c.State == nil || c.Policy == "" || c.Keys == nil {
		return errors.New("gateway: Flow, Engine, State, Policy and Keys are required")
	}
	c.Prefix = orDefault(c.Prefix, DefaultPrefix)
	if !strings.HasPrefix(c.Prefix, "/") || len(c.Prefix) < 2 || strings.HasSuffix(c.Prefix, "/") || !safeReturn(c.Prefix) || strings.ContainsAny(c.Prefix, "?#%;") {
		return fmt.Errorf("gateway: prefix %q must be a plain path such as /_mfa, without a trailing slash", c.Prefix)
	}
	c.CookieName = orDefault(c.CookieName, DefaultCookieName)
	if !strings.HasPrefix(c.CookieName, "__Host-") {
		return fmt.Errorf("gateway: cookie name %q must start with __Host-, so that no sibling host can set it", c.CookieName)
	}
	if err := (&http.Cookie{Name: c.CookieName, Value: "x"}).Valid(); err != nil {
		return fmt.Errorf("gateway: cookie name %q: %w", c.CookieName, err)
	}
	c.IdleTimeout = orDefault(c.IdleTimeout, DefaultIdleTimeout)
	c.Lifetime = orDefault(c.Lifetime, DefaultLifetime)
	if c.IdleTimeout < time.Minute || c.Lifetime < c.IdleTimeout || c.Lifetime > maxLifetime {
		return fmt.Errorf("gateway: idle timeout %s must be at least 1m and at most the lifetime %s, and that at most %s", c.IdleTimeout, c.Lifetime, maxLifetime)
	}
	if c.Observer == nil {
		c.Observer = nobody{}
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return nil
}

func orDefault[T comparable](v, d T) T {
	var zero T
	if v == zero {
		return d
	}
	return v
}

// Handle decides on one request. When the Outcome is not Allowed, the answer has been written and nothing may be
// added to it. When it is, r carries the identity headers and none of our cookies.
func (g *Gate) Handle(w http.ResponseWriter, r *http.Request, f Facts) Outcome {
	g.headers.scrub(r) // first of all: whatever happens below, no client's claim survives
	if f.URL == nil {
		f.URL = r.URL
	}
	x := exchange{Gate: g, w: w, r: r, facts: f, site: siteOf(r), cookie: http.Header{"Cookie": r.Header["Cookie"]}}
	session.Strip(r.Header, g.cookies.session, g.cookies.signIn, g.cookies.device)
	if route, ok := g.ownRoute(f.URL.Path); ok {
		g.obs.Decision(DecisionOwn)
		x.readSignIn()
		x.serveOwn(route)
		return Outcome{}
	}
	now := time.Now()
	claims, verdict, err := x.open(now)
	if err != nil {
		x.failed(err)
		return Outcome{}
	}
	if !verdict.Allow {
		x.readSignIn()
		x.challenge(verdict.Why)
		return Outcome{}
	}
	g.obs.Decision(DecisionAllowed)
	x.slide(claims, now)
	g.headers.set(r.Header, &claims.Identity)
	return Outcome{Identity: &claims.Identity, Session: claims.ID}
}

// StopStreams ends every event stream of this gate, for a server that shuts down or reloads; browsers connect
// again, to whoever then listens.
func (g *Gate) StopStreams() { g.stopOnce.Do(func() { close(g.stopped) }) }

// ownRoute tells the gate's own paths by the URL that the browser asked for, segment by segment: /_mfax is
// not ours.
func (g *Gate) ownRoute(path string) (route string, ok bool) {
	rest, ok := strings.CutPrefix(path, g.cfg.Prefix)
	if !ok || rest != "" && rest[0] != '/' {
		return "", false
	}
	return rest, true
}
