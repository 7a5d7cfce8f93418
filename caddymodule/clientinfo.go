package caddymodule

import (
	"net/http"
	"strings"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"sidegate.example/sidegate/gateway"
)

// factsOf says what Caddy knows about a request. The address is Caddy's client_ip, which its
// trusted_proxies decide on; the only header read is X-Forwarded-Proto, and only from a trusted proxy
// (immunity S12, S22). trusted says whether the request came from one.
func factsOf(r *http.Request) (f gateway.Facts, trusted bool) {
	ctx := r.Context()
	vars, _ := ctx.Value(caddyhttp.VarsCtxKey).(map[string]any) // once, because each look-up walks all of the context
	f.ClientIP, _ = vars[caddyhttp.ClientIPVarKey].(string)
	trusted, _ = vars[caddyhttp.TrustedProxyVarKey].(bool)
	f.Secure = r.TLS != nil || trusted && r.Header.Get("X-Forwarded-Proto") == "https"
	f.URL = r.URL
	if original, ok := ctx.Value(caddyhttp.OriginalRequestCtxKey).(http.Request); ok {
		f.URL = original.URL
	}
	return f, trusted
}

// person is the value of a placeholder that says who the person is. It is taken as it is, never expanded (immunity S43). A
// client certificate that nobody has verified says what its maker likes: Caddy asks for some without judging them (mode
// request or require).
func person(r *http.Request, placeholder string) string {
	if strings.HasPrefix(placeholder, clientCertificate) && (r.TLS == nil || len(r.TLS.VerifiedChains) == 0) {
		return ""
	}
	repl, ok := r.Context().Value(caddy.ReplacerCtxKey).(*caddy.Replacer)
	if !ok {
		return ""
	}
	value, _ := repl.GetString(placeholder)
	return value
}

// replayable reports whether r arrived as TLS early data, which an attacker can send again, and may
// change something.
func replayable(r *http.Request) bool {
	return r.TLS != nil && !r.TLS.HandshakeComplete && r.Method != http.MethodGet && r.Method != http.MethodHead
}
