package caddymodule

import (
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"net/url"
	"strings"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"golang.org/x/net/http/httpguts"

	"sidegate.example/sidegate/gateway"
)

// The routes below the prefix where another proxy asks about a request that it has.
const (
	routeAuth     = "/auth"
	routeAuthPage = "/auth/page"
)

// maxForwarded bounds what one header of a proxy may say about a request.
const maxForwarded = 8 << 10

// asks tells what a proxy wants to know that sends a request to path.
func (h *Handler) asks(path string) gateway.Ask {
	route, ours := strings.CutPrefix(path, h.prefix)
	switch {
	case !ours || !h.authEndpoint:
	case route == routeAuth:
		return gateway.AskDecision
	case route == routeAuthPage:
		return gateway.AskPage
	}
	return gateway.AskNothing
}

// answer tells a proxy whether the request that it describes may go on. What describes it is believed only from those
// whom Caddy's trusted_proxies name; anybody else could ask as if they were elsewhere, about what they like (immunity S07,
// S12, S22).
func (h *Handler) answer(w http.ResponseWriter, r *http.Request, ask gateway.Ask) {
	if !fromTrustedProxy(r) {
		h.log.WarnContext(r.Context(), "somebody who is not among trusted_proxies asked "+h.prefix+routeAuth+"; if it was your proxy, add its address to trusted_proxies in the server options",
			slog.String("remote", r.RemoteAddr))
		refuseToAnswer(w, http.StatusForbidden)
		return
	}
	asked, err := forwarded(w, r)
	if err != nil {
		h.log.WarnContext(r.Context(), "the proxy does not say well which request it asks about", slog.Any("error", err), slog.String("remote", r.RemoteAddr))
		refuseToAnswer(w, http.StatusBadRequest)
		return
	}
	facts, _ := factsOf(asked)
	facts.Ask = ask
	if h.identity != "" && !strings.HasPrefix(h.identity, clientCertificate) { // the certificate here is the proxy's
		facts.Person = person(r, h.identity)
	}
	h.gate.Handle(w, asked, facts)
	h.keepOutOfLog(w, r)
}

func refuseToAnswer(w http.ResponseWriter, status int) {
	w.Header().Set("Cache-Control", "no-store")
	http.Error(w, http.StatusText(status), status)
}

func fromTrustedProxy(r *http.Request) bool {
	trusted, _ := caddyhttp.GetVar(r.Context(), caddyhttp.TrustedProxyVarKey).(bool)
	return trusted
}

// forwarded is the request that a proxy asks about: what came, with the method, scheme, host and address that the proxy's
// X-Forwarded-* headers say, and a context of its own, so that matchers and placeholders see that request. Each
// header has to be there once; no other header is read.
func forwarded(w http.ResponseWriter, r *http.Request) (*http.Request, error) {
	said := map[string]string{}
	for _, name := range []string{"X-Forwarded-Method", "X-Forwarded-Proto", "X-Forwarded-Host", "X-Forwarded-Uri"} {
		values := r.Header.Values(name)
		if len(values) != 1 || values[0] == "" || len(values[0]) > maxForwarded {
			return nil, fmt.Errorf("%s has to be there once, with a value of at most %d bytes", name, maxForwarded)
		}
		said[name] = values[0]
	}
	method, host, uri := said["X-Forwarded-Method"], said["X-Forwarded-Host"], said["X-Forwarded-Uri"]
	proto := map[string]string{"https": "https", "http": "http", "wss": "https", "ws": "http"}[said["X-Forwarded-Proto"]]
	if !httpguts.ValidHeaderFieldName(method) || proto == "" {
		return nil, errors.New("X-Forwarded-Method is no method, or X-Forwarded-Proto neither https nor http")
	}
	if u, err := url.Parse("//" + host); err != nil || u.Host != host {
		return nil, errors.New("X-Forwarded-Host is no host")
	}
	address, err := url.ParseRequestURI(uri)
	if err != nil || !strings.HasPrefix(uri, "/") || strings.Contains(uri, "#") { // nginx would hand a fragment on, which apps cut off
		return nil, errors.New("X-Forwarded-Uri is no path with an optional query")
	}
	asked := r.Clone(r.Context())
	if asked.Method = method; method != r.Method { // then the body is not here
		asked.Body, asked.ContentLength = http.NoBody, 0
	}
	asked.Host, asked.URL, asked.RequestURI = host, address, uri
	asked.TLS = nil // the proxy's
	asked.Header.Set("X-Forwarded-Proto", proto)
	server, _ := r.Context().Value(caddyhttp.ServerCtxKey).(*caddyhttp.Server)
	vars, _ := r.Context().Value(caddyhttp.VarsCtxKey).(map[string]any)
	asked = caddyhttp.PrepareRequest(asked, caddy.NewReplacer(), w, server)
	if own, ok := asked.Context().Value(caddyhttp.VarsCtxKey).(map[string]any); ok {
		maps.Copy(own, vars)
	}
	return asked, nil
}
