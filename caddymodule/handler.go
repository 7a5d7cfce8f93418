package caddymodule

import (
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"sidegate.example/sidegate/gateway"
)

// Handler lets a request go on only with an identity that a signed-in session proves, and answers every
// other request itself with a sign-in page, a problem document or one of its own pages.
//
// The request that goes on carries the identity headers and none of the gate's cookies; the placeholders
// {http.auth.user.id}, .subject, .name, .email, .groups and .session are set, and the access log's user_id.
// The client's own spellings of the identity headers are removed from every request.
//
// It needs to be the gate of a whole site. Matchers in front of it leave other paths open, handlers in front of
// it (redir, rewrite, and whatever a route block puts first) answer without it, and the routes of
// handle_errors never pass through it.
type Handler struct {
	Settings

	gate     *gateway.Gate
	prefix   string
	identity string // the placeholder of primary identity, "" for none
	log      *slog.Logger

	authEndpoint bool
	matcher      matcherToken
	lax          func() // tells once that trusted_proxies_strict is missing; nil where it is not
}

// CaddyModule returns the Caddy module information.
func (Handler) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "http.handlers.okta_mfa", New: func() caddy.Module { return new(Handler) }}
}

// Provision builds the gate from the handler's settings over the app's. It reaches nothing outside the
// process and writes nothing.
func (h *Handler) Provision(ctx caddy.Context) error {
	loaded, err := ctx.App(appID)
	if err != nil {
		return fmt.Errorf("okta_mfa: loading the app: %w", err)
	}
	app, ok := loaded.(*App)
	if !ok {
		return fmt.Errorf("okta_mfa: the app is a %T", loaded)
	}
	settings := h.over(app.Settings)
	if err := h.checkEffect(settings); err != nil {
		return fmt.Errorf("okta_mfa: %w", err)
	}
	config, err := settings.gateConfig(app)
	if err != nil {
		return err
	}
	config.Logger = ctx.Slogger()
	h.log, h.authEndpoint = config.Logger, settings.AuthEndpoint == on
	rules, applying, err := loadRules(ctx, settings.Rules)
	if err != nil {
		return err
	}
	if rules != nil {
		config.Rules, config.Applies = rules, applying.to
	}
	if h.gate, err = gateway.New(config); err != nil {
		return fmt.Errorf("okta_mfa: %w", err)
	}
	h.identity = settings.identityKey()
	h.prefix = settings.Prefix
	if h.prefix == "" {
		h.prefix = gateway.DefaultPrefix
	}
	// Caddy waits for open streams at exit, without end by default, and cancels contexts only
	// afterwards (caddy-notes T4).
	if server, ok := ctx.Value(caddyhttp.ServerCtxKey).(*caddyhttp.Server); ok {
		server.RegisterOnShutdown(h.gate.StopStreams)
		if server.TrustedProxiesStrict == 0 {
			h.lax = sync.OnceFunc(func() {
				h.log.Warn("trusted_proxies without trusted_proxies_strict: the client chooses the address that Okta and the phone are shown (the leftmost of X-Forwarded-For); add trusted_proxies_strict to the server options")
			})
		}
	}
	return nil
}

// gateConfig reads the placeholders of s and makes of it what the gate needs.
func (s Settings) gateConfig(app *App) (gateway.Config, error) {
	if err := s.validate(); err != nil {
		return gateway.Config{}, err
	}
	r, err := s.resolve()
	if err != nil {
		return gateway.Config{}, err
	}
	client, err := app.org(r.org)
	if err != nil {
		return gateway.Config{}, err
	}
	flow, err := s.flow(r, app, client)
	if err != nil {
		return gateway.Config{}, err
	}
	keys, err := app.keys(r.cookieSecrets)
	if err != nil {
		return gateway.Config{}, err
	}
	cookie, err := s.upstreamCookie(r)
	if err != nil {
		return gateway.Config{}, err
	}
	logouts, err := s.logouts(r, client)
	if err != nil {
		return gateway.Config{}, err
	}
	return gateway.Config{
		Flow:             flow,
		Logouts:          logouts,
		Engine:           s.engine(r),
		Org:              client.Origin(),
		State:            app.state,
		Store:            app.store,
		Policy:           s.policy(r),
		Keys:             keys,
		Groups:           s.Groups,
		Title:            s.Title,
		Prefix:           s.Prefix,
		CookieName:       s.CookieName,
		Headers:          s.headers(),
		AssertionAlg:     s.Assertion.Alg,
		UpstreamCookie:   cookie,
		SSO:              s.sites(),
		CookieDomain:     s.CookieDomain,
		IdleTimeout:      time.Duration(s.IdleTimeout),
		Lifetime:         time.Duration(s.Lifetime),
		Recheck:          time.Duration(s.Recheck),
		RecheckGrace:     time.Duration(s.RecheckGrace),
		IdentifierFirst:  s.SignInForm == formIdentifier && !s.asksPassword(),
		PersonKnown:      s.identityKey() != "",
		RememberMe:       s.RememberMe == on && s.throughIdentityEngine(),
		Recover:          s.offers(selfRecover),
		Unlock:           s.offers(selfUnlock),
		Activate:         s.offers(selfActivate),
		PushShowsGateway: s.PushContext == pushGateway,
		RedirectURI:      r.redirectURI,
		Observer:         metrics,
	}, nil
}

// ServeHTTP asks the gate. A request that may not go on has been answered when Handle returns; to
// return an error for it instead would let a subroute with error routes send it to the upstream (T1).
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request, next caddyhttp.Handler) error {
	ask := h.ask
	if h.gate.Waits(r.RequestURI) {
		ask = h.askAside
	}
	outcome := ask(w, r)
	if outcome.Allowed() {
		return pass(w, r, outcome, next)
	}
	outcome.Follow()
	return nil
}

// pass hands on what the gate has let through. It is apart from ServeHTTP, because what lies on the stack while a browser
// waits counts; see gateway.Aside.
func pass(w http.ResponseWriter, r *http.Request, outcome gateway.Outcome, next caddyhttp.Handler) error {
	publish(r, outcome)
	w, r, release := outcome.Hold(w, r)
	defer release()
	return next.ServeHTTP(w, r)
}

// askAside is ask on a goroutine of its own.
func (h *Handler) askAside(w http.ResponseWriter, r *http.Request) (outcome gateway.Outcome) {
	gateway.Aside(func() { outcome = h.ask(w, r) })
	return outcome
}

// ask asks the gate. The zero Outcome has been answered.
func (h *Handler) ask(w http.ResponseWriter, r *http.Request) gateway.Outcome {
	facts, trusted := factsOf(r)
	if trusted && h.lax != nil {
		h.lax() // only now: whether there are trusted proxies at all, Caddy tells no handler that it provisions
	}
	if ask := h.asks(facts.URL.Path); ask != gateway.AskNothing {
		h.answer(w, r, ask)
		return gateway.Outcome{}
	}
	if h.identity != "" {
		facts.Person = person(r, h.identity)
	}
	if strings.HasPrefix(facts.URL.Path, h.prefix+"/") {
		if replayable(r) {
			http.Error(w, http.StatusText(http.StatusTooEarly), http.StatusTooEarly)
			return gateway.Outcome{}
		}
		if facts.URL.RawQuery != "" && (r.Method == http.MethodGet || r.Method == http.MethodHead) {
			// Caddy writes the address as it came. Of ours, only those of mailed links have a query, their token or code
			// (immunity S27), and those of event streams, whose line, written when a tab ends, helps nobody.
			caddyhttp.SetVar(r.Context(), caddyhttp.LogSkipVar, true)
		}
	}
	outcome := h.gate.Handle(w, r, facts)
	if !outcome.Allowed() {
		h.keepOutOfLog(w, r)
	}
	return outcome
}

// Cleanup says that the configuration is gone, so that sign-ins do not go on with its flow when it failed to load after
// its first request. Requests of it may still run (caddy-notes T5), and Provision may have failed half-way (T11).
func (h *Handler) Cleanup() error {
	if h.gate != nil {
		h.gate.Close()
	}
	return nil
}

var (
	_ caddy.Provisioner           = (*Handler)(nil)
	_ caddy.CleanerUpper          = (*Handler)(nil)
	_ caddyhttp.MiddlewareHandler = (*Handler)(nil)
)
