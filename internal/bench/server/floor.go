package server

import (
	"net/http"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
)

func init() { caddy.RegisterModule(Floor{}) }

// Floor is the least that an event stream can cost in Caddy: it sends the head of the answer and blocks
// until the browser leaves.
type Floor struct{}

// CaddyModule returns the Caddy module information.
func (Floor) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "http.handlers.bench_floor", New: func() caddy.Module { return new(Floor) }}
}

// ServeHTTP blocks.
func (*Floor) ServeHTTP(w http.ResponseWriter, r *http.Request, _ caddyhttp.Handler) error {
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-store")
	if _, err := w.Write([]byte("retry: 1000\n\n")); err != nil {
		return nil // the browser left
	}
	if err := http.NewResponseController(w).Flush(); err != nil {
		return nil
	}
	<-r.Context().Done()
	return nil
}

var _ caddyhttp.MiddlewareHandler = (*Floor)(nil)
