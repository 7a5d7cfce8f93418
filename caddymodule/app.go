// Package caddymodule owns the glue between Caddy and the gate: the app okta_mfa, which holds the defaults of all
// sites and the state that outlives a reload, and the handler http.handlers.okta_mfa, which asks the gate
// about each request. It parses settings, reads secrets, counts, and says what Caddy knows about a request;
// it decides nothing about anybody. Caddy drives it.
package caddymodule

import (
	"errors"
	"fmt"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/httpcaddyfile"

	"sidegate.example/sidegate/flows/okta"
	"sidegate.example/sidegate/gateway"
	"sidegate.example/sidegate/gateway/session"
	"sidegate.example/sidegate/gateway/store"
)

const (
	appID     = "okta_mfa"
	directive = "okta_mfa"
)

func init() {
	caddy.RegisterModule(App{})
	caddy.RegisterModule(Handler{})
	httpcaddyfile.RegisterGlobalOption(appID, parseApp)
	httpcaddyfile.RegisterHandlerDirective(directive, parseHandler)
	httpcaddyfile.RegisterDirectiveOrder(directive, httpcaddyfile.After, "forward_auth")
}

// App holds the defaults of every okta_mfa handler, and what they share.
type App struct {
	Settings

	// KeyRotation is the age at which the key ring in Caddy's storage gets a new first key. Older
	// keys still open sessions, so nobody is signed out. Without effect on sites with a cookie_secret.
	// At least 24h, default: 30 days.
	KeyRotation caddy.Duration `json:"key_rotation,omitempty"`

	// Store is what several replicas share.
	Store StoreSettings `json:"store,omitzero"`

	state   *gateway.State
	store   store.Store
	keyring *configKeys
	orgs    map[string]*okta.Client
	leave   []func() error // what Provision took hold of, to be let go of by Cleanup
}

// CaddyModule returns the Caddy module information.
func (App) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: appID, New: func() caddy.Module { return new(App) }}
}

// Provision takes hold of the state and registers the metrics. It reaches nothing outside the process:
// caddy validate runs it too.
func (a *App) Provision(ctx caddy.Context) error {
	if err := a.refuseLiterals(); err != nil {
		return err
	}
	if err := a.checkRotation(); err != nil {
		return fmt.Errorf("okta_mfa: %w", err)
	}
	if err := metrics.register(ctx.GetMetricsRegistry()); err != nil {
		return err
	}
	a.orgs = make(map[string]*okta.Client)
	rt, err := joinRuntime()
	if err != nil {
		return err
	}
	a.leave = append(a.leave, rt.leave)
	a.state = rt.State
	return a.openStore(ctx)
}

// org returns the client of one Okta org. All sites of a configuration share it, and so its rate limit.
func (a *App) org(address string) (*okta.Client, error) {
	if c, ok := a.orgs[address]; ok {
		return c, nil
	}
	c, err := okta.New(okta.Config{Org: address, Observe: metrics.oktaRequest})
	if err != nil {
		return nil, fmt.Errorf("okta_mfa: org: %w", err)
	}
	a.orgs[address] = c
	return c, nil
}

// keys returns the site's own ring, or that in Caddy's storage.
func (a *App) keys(secrets []string) (session.Keys, error) {
	if len(secrets) == 0 {
		return a.keyring, nil
	}
	ring, err := session.RingFromSecrets(secrets)
	if err != nil {
		return nil, fmt.Errorf("okta_mfa: %w", err)
	}
	return session.Static(ring), nil
}

// Start does nothing: everything that a request needs is there after Provision, because Caddy may serve
// before it starts this app (caddy-notes T7).
func (a *App) Start() error { return nil }

// Stop does nothing; see Cleanup.
func (a *App) Stop() error { return nil }

// Cleanup lets go of what Provision took hold of, which may be a part when it failed half-way. The
// gates keep theirs, because requests of this configuration may still run (caddy-notes T5, T11).
func (a *App) Cleanup() error {
	var errs []error
	for _, leave := range a.leave {
		errs = append(errs, leave())
	}
	a.leave = nil
	return errors.Join(errs...)
}

var (
	_ caddy.App          = (*App)(nil)
	_ caddy.Provisioner  = (*App)(nil)
	_ caddy.CleanerUpper = (*App)(nil)
)
