package caddymodule

import (
	"cmp"
	"net/http"
	"slices"
	"strings"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"sidegate.example/sidegate/gateway"
)

// SSOSettings let several sites share one sign-in.
type SSOSettings struct {
	// SSO are the origins of sites of which people sign in at the first, such as https://accounts.example.com, and are then
	// signed in at the others too: their browser is sent there and back with a code that works once and in that browser
	// alone, and each site keeps a cookie of its own. Who signs out of one is out of all. The sites need the same org, client
	// id, engine, scopes, user_groups and keys, and one Caddy, or replicas with a shared store. "off" alone for none on a site
	// whose global options have some. Default: none.
	SSO []string `json:"sso,omitempty"`

	// CookieDomain makes one session of all sites in a domain, such as example.com, that have the same org, client id, engine,
	// scopes, user_groups and keys. The session cookie is then sent to every host of the domain, and every one can set it: use
	// SSO unless all of them are yours and kept as safe. Default: a session is of one host.
	CookieDomain string `json:"cookie_domain,omitempty"`
}

func (s SSOSettings) over(d SSOSettings) SSOSettings {
	if len(s.SSO) == 0 {
		s.SSO = d.SSO
	}
	s.CookieDomain = cmp.Or(s.CookieDomain, d.CookieDomain)
	return s
}

// sites are the origins, none where sso is off.
func (s SSOSettings) sites() []string {
	if slices.Equal(s.SSO, []string{off}) {
		return nil
	}
	return s.SSO
}

func checkSSO(sites []string) error { return gateway.CheckSSO(SSOSettings{SSO: sites}.sites()) }

// keepOutOfLog leaves an answer out of the access log that sends a browser to another site of sso: what is in that address is
// for this browser alone.
func (h *Handler) keepOutOfLog(w http.ResponseWriter, r *http.Request) {
	if strings.Contains(w.Header().Get("Location"), h.prefix+"/sso") {
		caddyhttp.SetVar(r.Context(), caddyhttp.LogSkipVar, true)
	}
}
