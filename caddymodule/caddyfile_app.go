package caddymodule

import (
	"github.com/caddyserver/caddy/v2/caddyconfig"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/caddyserver/caddy/v2/caddyconfig/httpcaddyfile"
)

func parseApp(d *caddyfile.Dispenser, existing any) (any, error) {
	if existing != nil {
		d.Next()
		return nil, d.Errf("okta_mfa is given twice in the global options; write one block")
	}
	app := new(App)
	if err := app.UnmarshalCaddyfile(d); err != nil {
		return nil, err
	}
	return httpcaddyfile.App{Name: appID, Value: caddyconfig.JSON(app, nil)}, nil
}

// UnmarshalCaddyfile sets up the app from the global option okta_mfa. It takes every
// subdirective of the handler as a default for all sites, and:
//
//	okta_mfa {
//	    key_rotation <duration>
//	    store        memory|redis { ... }
//	}
func (a *App) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	d.Next() // the option's name
	known := a.subdirectives(nil)
	known["key_rotation"] = duration(&a.KeyRotation, a.checkRotation)
	known["store"] = a.Store.subdirective
	return parseBlock(d, known)
}

var _ caddyfile.Unmarshaler = (*App)(nil)
