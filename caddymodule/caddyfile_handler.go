package caddymodule

import (
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/caddyserver/caddy/v2/caddyconfig/httpcaddyfile"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
)

func parseHandler(h httpcaddyfile.Helper) (caddyhttp.MiddlewareHandler, error) {
	handler := new(Handler)
	return handler, handler.UnmarshalCaddyfile(h.Dispenser)
}

// UnmarshalCaddyfile sets up the handler from Caddyfile tokens. Every subdirective is optional here when
// the global option gives it. Syntax:
//
//	okta_mfa [<matcher>] {
//	    org                  <https://...>
//	    authorization_server <id>
//	    client_id            <id>
//	    client_secret        <placeholder>
//	    private_key          <placeholder>
//	    private_key_id       <kid>
//	    redirect_uri         <https://...>
//	    scopes               <scope...>
//	    cookie_secret        <new> [<old...>]
//	    cookie_name          <__Host-name>
//	    prefix               </path>
//	    title                <text>
//	    idle_timeout         <duration>
//	    lifetime             <duration>
//	    sign_in_form         identifier|password
//	    push_context         browser|gateway
//	    header               user|name|email|groups <name>|off
//	    min_poll_interval    <duration>
//	}
//
// Gate a whole site with it. A matcher leaves everything that it does not match without
// sign-in, and it may read a path differently from the upstream.
func (h *Handler) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	d.Next() // the directive's name
	return parseBlock(d, h.subdirectives())
}

var _ caddyfile.Unmarshaler = (*Handler)(nil)
