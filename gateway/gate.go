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
	"sync/atomic"
	"time"

	"github.com/maypok86/otter/v2"
	"golang.org/x/time/rate"

	"sidegate.example/sidegate/gateway/decision"
	"sidegate.example/sidegate/gateway/session"
	"sidegate.example/sidegate/gateway/upstream"
	"sidegate.example/sidegate/ui"
)

// Gate stands in front of one site, or several that share a policy. It is safe for concurrent use.
type Gate struct {
	cfg     Config
	codec   *session.Codec
	headers identityHeaders
	signer  *upstream.Signer // nil unless assertions are on
	pages   *ui.Pages
	obs     Observer
	log     *slog.Logger
	cookies cookieNames

	checks     *otter.Cache[string, *check] // by handle; nil without Recheck
	renewAfter atomic.Int64                 // no renewal asks Okta before, in Unix nanoseconds

	// storeAway is how often the log says that the shared store is away: every browser that waits asks again each second or two.
	storeAway rate.Sometimes

	rank     uint64 // later gates have higher ones
	joinOnce sync.Once
	beats    *beats // of the event streams
}

// cookieNames are the cookies that the gate sets and that no upstream ever sees.
type cookieNames struct {
	session, signIn, device, kept string
}

// New checks c, fills in its defaults and returns the gate. It does no I/O.
func New(c Config) (*Gate, error) {
	if err := c.complete(); err != nil {
		return nil, err
	}
	pages, err := ui.New(ui.Options{Prefix: c.Prefix, Sites: c.SSO})
	if err != nil {
		return nil, fmt.Errorf("preparing the pages: %w", err)
	}
	codec := session.NewCodec(c.Keys, session.NewCache())
	codec.Entitled, codec.Elsewhere = c.Rules.Entitled, c.State.elsewhere
	g := &Gate{
		cfg:     c,
		codec:   codec,
		headers: newIdentityHeaders(c.Headers),
		pages:   pages,
		obs:     c.Observer,
		log:     c.Logger,
		cookies: cookieNames{session: c.CookieName, signIn: c.hostCookie("_signin"), device: c.hostCookie("_device"), kept: c.hostCookie("_kept")},
		beats:   newBeats(),

		storeAway: rate.Sometimes{Interval: time.Minute},

		rank: c.State.gates.Add(1),
	}
	for _, own := range []string{g.cookies.session, g.cookies.signIn, g.cookies.device, g.cookies.kept} {
		if c.UpstreamCookie != nil && c.UpstreamCookie.Is(own) {
			return nil, fmt.Errorf("upstream_cookie has the name of the gate's own cookie %s; give it another one", own)
		}
	}
	if c.Recheck > 0 {
		g.checks = newChecks()
	}
	if c.Headers.Assertion != "" {
		if g.signer, err = upstream.NewSigner(c.Keys, orDefault(c.AssertionAlg, upstream.ES256)); err != nil {
			return nil, fmt.Errorf("gateway: %w", err)
		}
	}
	return g, nil
}

func orDefault[T comparable](v, d T) T {
	var zero T
	if v == zero {
		return d
	}
	return v
}

// Handle decides on one request. When the Outcome is not Allowed, the answer has been written, but for what Follow adds, and
// nothing else may be added to it. When it is, r carries the identity headers and none of our cookies.
func (g *Gate) Handle(w http.ResponseWriter, r *http.Request, f Facts) Outcome {
	g.joinOnce.Do(g.join)
	g.headers.scrub(r) // first of all: whatever happens below, no client's claim survives
	if f.URL == nil {
		f.URL = r.URL
	}
	x := exchange{Gate: g, w: w, r: r, facts: f, site: siteOf(r), policy: g.cfg.Policy}
	route, own := g.ownRoute(f.URL.Path)
	if g.cfg.PersonKnown && !x.knowPerson() && !(own && public(route)) {
		x.nobody()
		return Outcome{}
	}
	if own && f.Ask != AskNothing {
		x.document(http.StatusForbidden, "The proxy has to send what is below "+g.cfg.Prefix+"/ to the sign-in gate without asking it first.")
		return Outcome{}
	}
	if own {
		g.obs.Decision(DecisionOwn)
		x.readSignIn()
		x.serveOwn(route)
		return Outcome{stream: x.stream}
	}
	now := time.Now()
	if r.Method == http.MethodPost && f.Ask == AskNothing && !x.resume(now) {
		return Outcome{}
	}
	claims, verdict, err := x.open(now, g.cfg.Applies)
	if err != nil {
		x.failed(err)
		return Outcome{}
	}
	if !verdict.Allow {
		x.readSignIn()
		x.refuse(claims, verdict)
		return Outcome{}
	}
	if !x.slide(claims, now) {
		x.readSignIn()
		x.challenge(decision.WhyRevoked)
		return Outcome{}
	}
	session.Strip(r.Header, g.cookies.session, g.cookies.signIn, g.cookies.device, g.cookies.kept)
	forgetLink(r.Header, g.cfg.Prefix)
	g.headers.set(r.Header, &claims.Header)
	if err := x.vouch(claims, now); errors.Is(err, upstream.ErrTooLarge) {
		x.doesNotFit(claims, err)
		return Outcome{}
	} else if err != nil {
		x.failed(err)
		return Outcome{}
	}
	g.obs.Decision(DecisionAllowed)
	if f.Ask != AskNothing {
		x.approve()
		return Outcome{}
	}
	out := Outcome{Identity: &claims.Identity, Session: claims.Handle}
	if lasting(r) {
		out.hold = &hold{gate: g, session: claims}
	}
	return out
}

// join makes this gate's flow the one that sign-ins of its Engine go on with. It waits for the first request, because
// a configuration that fails to load must leave the serving one alone. An older gate does not take over from a newer
// one, however late its first request comes.
func (g *Gate) join() {
	g.cfg.State.use(g.rank, g.cfg.Store)
	g.cfg.State.transactions.SetEngine(g.cfg.Engine, g.rank, g.cfg.Flow, audit{g})
}

// Close says that the gate's configuration is gone. Requests that are still under way may go on; sign-ins go on with
// the gate that came after, or the one before when this one's configuration failed to load.
func (g *Gate) Close() {
	g.cfg.State.transactions.DropEngine(g.cfg.Engine, g.rank)
	g.cfg.State.leave(g.rank)
}

// StopStreams ends every event stream of this gate, for a server that shuts down or reloads; browsers connect
// again, to whoever then listens.
func (g *Gate) StopStreams() { g.beats.stop() }

// ownRoute tells the gate's own paths by the URL that the browser asked for, segment by segment: /_mfax is
// not ours.
func (g *Gate) ownRoute(path string) (route string, ok bool) {
	rest, ok := strings.CutPrefix(path, g.cfg.Prefix)
	if !ok || rest != "" && rest[0] != '/' {
		return "", false
	}
	return rest, true
}
