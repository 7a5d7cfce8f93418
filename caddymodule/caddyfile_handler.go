package caddymodule

import (
	"encoding/json"

	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/caddyserver/caddy/v2/caddyconfig/httpcaddyfile"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
)

func parseHandler(h httpcaddyfile.Helper) (caddyhttp.MiddlewareHandler, error) {
	handler := &Handler{matcher: h.MatcherToken}
	if err := handler.UnmarshalCaddyfile(h.Dispenser); err != nil {
		return nil, err
	}
	var global App
	if option, ok := h.Option(appID).(httpcaddyfile.App); ok {
		if err := json.Unmarshal(option.Value, &global); err != nil {
			return nil, h.WrapErr(err)
		}
	}
	if err := handler.checkEffect(handler.over(global.Settings)); err != nil {
		return nil, h.WrapErr(err)
	}
	return handler, nil
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
//	    recheck              <duration>
//	    recheck_grace        <duration>
//	    lifetime             <duration>
//	    sign_in_form         identifier|password
//	    push_context         browser|gateway
//	    header               user|name|email|groups <name>|off
//	    assertion            [header <name>] [alg ES256|EdDSA] | off
//	    cookie_domain        <domain>
//	    sso                  <sign-in site> <other site...> | off
//	    auth_endpoint        on|off
//	    upstream_cookie      <name> <placeholder> | off
//	    min_poll_interval    <duration>
//	    enroll_requires      factor|email_code|<network>... | okta_policy | never
//	    self_service         recover|unlock|activate... | off
//	    webauthn             on|off
//	    remember_me          on|off
//	    universal_logout     on|off
//	    engine               identity_engine|factors
//	    groups               <pattern...>
//	    allow|deny           [@matcher] groups|users|email_domains <value...>
//	    allow|deny           [@matcher] claim <name> <value...>
//	    require              any|push|number_challenge|phishing_resistant [max_age <duration>]
//	    step_up              @matcher any|push|number_challenge|phishing_resistant [max_age <duration>]
//
//	    # engine factors alone
//	    primary              password|identity_engine | identity <placeholder>
//	    api_token            <placeholder>
//	    api_client_id        <id>
//	    api_private_key      <placeholder>
//	    api_private_key_id   <kid>
//	    factors              <factor...>
//	    number_challenge     always|never
//	    user_groups          on|off
//	    enroll               <factor...>
//	    enroll_url           <https://...>
//	    sms_template         <id>
//	    email_code_lifetime  <duration>
//	    limit                wrong_codes|passwords|address_passwords|pushes <number> | window|cool_down|not_me <duration>
//	}
//
// Gate a whole site with it. A matcher leaves everything that it does not match without
// sign-in, and it may read a path differently from the upstream.
func (h *Handler) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	d.Next() // the directive's name
	return parseBlock(d, h.subdirectives(h.matcher))
}

var _ caddyfile.Unmarshaler = (*Handler)(nil)
