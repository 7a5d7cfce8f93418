package gateway

import (
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"time"

	"sidegate.example/sidegate/gateway/session"
	"sidegate.example/sidegate/gateway/upstream"
	"sidegate.example/sidegate/ui"
)

// vouch gives the upstream what proves that a request came through this gate, where that is switched on.
func (x *exchange) vouch(claims *session.Opened, now time.Time) error {
	if x.signer == nil && x.cfg.UpstreamCookie == nil {
		return nil
	}
	site := x.audience()
	if x.cfg.UpstreamCookie != nil {
		if err := x.cfg.UpstreamCookie.Set(x.r.Header, claims, site); err != nil {
			return err
		}
	}
	if x.signer == nil {
		return nil
	}
	token, err := x.signer.Sign(x.r.Context(), claims, upstream.Request{
		Issuer: site + x.cfg.Prefix, Audience: site, Method: x.r.Method, Path: x.r.URL.EscapedPath(), At: now,
	})
	if err != nil {
		return fmt.Errorf("the identity assertion: %w", err)
	}
	x.r.Header[x.headers.assertion] = []string{token}
	return nil
}

// doesNotFit answers who is signed in and of whom the upstream cannot be told all: an app that keeps members of a group out must not
// take them for none (invariant 7).
func (x *exchange) doesNotFit(s *session.Opened, err error) {
	x.obs.Decision(DecisionFailed)
	x.log.ErrorContext(x.r.Context(), "somebody is kept out because their groups do not fit into upstream_cookie; write groups with those that the app needs, or use assertion instead",
		slog.Any("error", err), slog.String("user", s.Identity.Login), slog.String("session", s.Handle), slog.Int("groups", len(s.Identity.Groups)))
	if !x.wantsPage() {
		x.document(http.StatusInternalServerError, "The sign-in gate cannot tell the app all of your groups. Ask whoever runs the site.")
		return
	}
	x.page(http.StatusInternalServerError, ui.Page{View: ui.ViewError, Problem: ui.ProblemMisconfigured, Return: returnPath(x.facts.URL)})
}

// audience is the origin of the site in one spelling for all of its hosts', so that an upstream can compare it (immunity
// S08).
func (x *exchange) audience() string {
	scheme, usual := "http://", "80"
	if x.facts.Secure {
		scheme, usual = "https://", "443"
	}
	host := x.site
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	if strings.LastIndexByte(x.r.Host, ':') > strings.LastIndexByte(x.r.Host, ']') {
		if _, port, err := net.SplitHostPort(x.r.Host); err == nil && port != usual && port != "" {
			host += ":" + port
		}
	}
	return scheme + host
}

// jwks answers with the public keys of the assertions. A new key is published an hour before it signs, and the
// background reads it within ten minutes of that, so that whoever keeps the answer for as long as it says knows the key in
// time.
func (x *exchange) jwks() {
	if x.signer == nil {
		x.problem(http.StatusNotFound, ui.ProblemNotFound, form{})
		return
	}
	set, err := x.signer.JWKS(x.r.Context())
	if err != nil {
		x.failed(err)
		return
	}
	ui.SecurityHeaders(x.w.Header())
	x.w.Header().Set("Cache-Control", "public, max-age=300")
	x.w.Header().Set("Content-Type", "application/jwk-set+json")
	_, _ = x.w.Write(set) // the client left
}
