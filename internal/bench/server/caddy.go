// Package server owns the servers that the benchmark commands measure: Caddy in this process, with a
// list of handlers as its only route, and a plain upstream. What both sides of a comparison share is
// written here once.
package server

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	_ "github.com/caddyserver/caddy/v2/modules/caddyhttp/reverseproxy" // its handler is measured
	_ "github.com/caddyserver/caddy/v2/modules/filestorage"            // its storage is configured
)

// object is a piece of Caddy's JSON config.
type object = map[string]any

// Handler is one entry of a route, in Caddy's JSON.
type Handler = object

// Proxy is Caddy's reverse proxy to an address.
func Proxy(upstream string) Handler {
	return Handler{"handler": "reverse_proxy", "upstreams": []object{{"dial": upstream}}}
}

// Secret gives a setting its value as operators have to: by a placeholder, here of an environment variable that it
// sets in this process.
func Secret(variable, value string) string {
	if err := os.Setenv(variable, value); err != nil {
		panic(err) // the name is ours
	}
	return "{env." + variable + "}"
}

// Caddy runs Caddy with one plain HTTP server on a free loopback port and returns its address. It is stopped
// by the end of the process.
func Caddy(handlers ...Handler) (string, error) {
	return run(object{"http": object{"servers": object{"bench": site("h1", handlers)}}})
}

// CaddyTLS is Caddy with HTTP/2 on TLS, under a certificate of its own making for the host.
func CaddyTLS(host string, handlers ...Handler) (string, error) {
	certificate, key, err := selfSigned(host)
	if err != nil {
		return "", err
	}
	server := site("h2", handlers)
	server["tls_connection_policies"] = []object{{}}
	return run(object{
		"http": object{"servers": object{"bench": server}},
		"tls": object{
			"certificates":          object{"load_pem": []object{{"certificate": certificate, "key": key}}},
			"disable_storage_clean": true, "disable_ocsp_stapling": true,
		},
	})
}

// site is a server that speaks HTTP/1.1 and, where named, more.
func site(protocol string, handlers []Handler) object {
	protocols := []string{"h1"}
	if protocol != "h1" {
		protocols = append(protocols, protocol)
	}
	return object{
		"listen":          []string{"127.0.0.1:0"},
		"automatic_https": object{"disable": true},
		"protocols":       protocols,
		"trusted_proxies": object{"source": "static", "ranges": []string{"127.0.0.0/8"}}, // each browser has an address of its own
		"routes":          []object{{"handle": handlers}},
	}
}

func run(apps object) (string, error) {
	config, err := json.Marshal(object{
		"admin":   object{"disabled": true, "config": object{"persist": false}},
		"storage": object{"module": "file_system", "root": os.DevNull}, // nothing is stored: no TLS, no key ring
		"logging": object{"logs": object{"default": object{"level": "ERROR", "exclude": []string{"tls"}}}},
		"apps":    apps,
	})
	if err != nil {
		return "", fmt.Errorf("writing the config: %w", err)
	}
	if err := caddy.Load(config, true); err != nil {
		return "", fmt.Errorf("starting Caddy: %w", err)
	}
	return address()
}

func address() (string, error) {
	app, err := caddy.ActiveContext().AppIfConfigured("http")
	if err != nil {
		return "", fmt.Errorf("finding Caddy's http app: %w", err)
	}
	srv := app.(*caddyhttp.App).Servers["bench"]
	if srv == nil || len(srv.Listeners()) == 0 {
		return "", errors.New("Caddy does not listen")
	}
	return srv.Listeners()[0].Addr().String(), nil
}

// Upstream runs the legacy app that the proxies stand in front of and returns its address.
func Upstream() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("listening: %w", err)
	}
	page := make([]byte, 512)
	for i := range page {
		page[i] = 'a'
	}
	go func() {
		_ = http.Serve(l, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { //nolint:gosec // bounded by the benchmark
			w.Header().Set("Content-Type", "text/plain")
			_, _ = w.Write(page)
		}))
	}()
	return l.Addr().String(), nil
}
