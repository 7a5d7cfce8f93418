package caddymodule

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"sidegate.example/sidegate/flows/identityengine"
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

	gate   *gateway.Gate
	prefix string
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
	config, err := settings.gateConfig(app)
	if err != nil {
		return err
	}
	config.Logger = ctx.Slogger()
	if h.gate, err = gateway.New(config); err != nil {
		return fmt.Errorf("okta_mfa: %w", err)
	}
	h.prefix = settings.Prefix
	if h.prefix == "" {
		h.prefix = gateway.DefaultPrefix
	}
	// Caddy waits for open streams at exit, without end by default, and cancels contexts only
	// afterwards (caddy-notes T4).
	if server, ok := ctx.Value(caddyhttp.ServerCtxKey).(*caddyhttp.Server); ok {
		server.RegisterOnShutdown(h.gate.StopStreams)
		if server.TrustedProxiesRaw != nil && server.TrustedProxiesStrict == 0 {
			config.Logger.Warn("trusted_proxies without trusted_proxies_strict: the client chooses the address that Okta and the phone are shown (the leftmost of X-Forwarded-For); add trusted_proxies_strict to the server options")
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
	engine, err := identityengine.New(identityengine.Config{
		Issuer:       r.issuer,
		ClientID:     r.clientID,
		ClientSecret: r.clientSecret,
		PrivateKey:   r.privateKey,
		KeyID:        r.privateKeyID,
		Scopes:       s.Scopes,
		MinPoll:      time.Duration(s.MinPollInterval),
		Enroll:       enrollProof(s.EnrollRequires),
		SelfService:  selfService(s.SelfService),
		WebAuthn:     s.WebAuthn == on,
		Client:       client,
	})
	if err != nil {
		return gateway.Config{}, fmt.Errorf("okta_mfa: %w", err)
	}
	keys, err := app.keys(r.cookieSecrets)
	if err != nil {
		return gateway.Config{}, err
	}
	return gateway.Config{
		Flow:             engine,
		Engine:           s.engine(r),
		State:            app.state,
		Policy:           policy(r.issuer, r.clientID),
		Keys:             keys,
		Title:            s.Title,
		Prefix:           s.Prefix,
		CookieName:       s.CookieName,
		Headers:          s.Headers.gatewayHeaders(),
		IdleTimeout:      time.Duration(s.IdleTimeout),
		Lifetime:         time.Duration(s.Lifetime),
		IdentifierFirst:  s.SignInForm == formIdentifier,
		RememberMe:       s.RememberMe == on,
		Recover:          slices.Contains(s.SelfService, selfRecover),
		Unlock:           slices.Contains(s.SelfService, selfUnlock),
		Activate:         slices.Contains(s.SelfService, selfActivate),
		PushShowsGateway: s.PushContext == pushGateway,
		RedirectURI:      r.redirectURI,
		Observer:         metrics,
	}, nil
}

// policy names what a session is good for: sites of one app at one issuer accept each other's only if their host is
// the same too.
func policy(issuer, clientID string) string { return fingerprint("policy", issuer, clientID) }

// engine tells flows that differ apart, because a sign-in goes on with whichever flow of its engine served last:
// everything that shapes the calls to Okta is in it, and no secret.
func (s Settings) engine(r *resolved) string {
	method := "client_secret"
	if r.privateKey != nil {
		method = "private_key " + r.privateKeyID
	}
	parts := []string{"identity_engine", r.issuer, r.clientID, method, time.Duration(s.MinPollInterval).String()}
	for _, list := range [][]string{s.Scopes, s.EnrollRequires, s.SelfService, {s.WebAuthn}} {
		parts = append(parts, fingerprint(list...))
	}
	return fingerprint(parts...)
}

// ServeHTTP asks the gate. A request that may not go on has been answered when Handle returns; to
// return an error for it instead would let a subroute with error routes send it to the upstream (T1).
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request, next caddyhttp.Handler) error {
	facts := factsOf(r)
	if route, own := strings.CutPrefix(facts.URL.Path, h.prefix+"/"); own {
		if replayable(r) {
			http.Error(w, http.StatusText(http.StatusTooEarly), http.StatusTooEarly)
			return nil
		}
		if route == "events" { // one line per waiting tab, written when it ends, helps nobody
			caddyhttp.SetVar(r.Context(), caddyhttp.LogSkipVar, true)
		}
	}
	outcome := h.gate.Handle(w, r, facts)
	if !outcome.Allowed() {
		return nil
	}
	publish(r, outcome)
	return next.ServeHTTP(w, r)
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
