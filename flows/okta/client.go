// Package okta owns the one HTTP client of an Okta org. It puts the browser's context on every
// call, talks to the org's own origin and to nothing else, follows no redirect and keeps no cookie, caps
// every answer in size and time, shares one view of Okta's rate limits, and turns what is no answer
// into a *flows.Error that names the endpoint and Okta's error code and nothing more. What an answer
// means is for the engines above it.
package okta

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"
)

const (
	// defaultTimeout bounds one call, its body included.
	defaultTimeout = 10 * time.Second
	// maxBody bounds an answer, after decompression. The largest recorded IDX document has 19 KB.
	maxBody = 1 << 20
	// maxHeader bounds the header of an answer.
	maxHeader = 64 << 10
	// idleConns is how many connections to the org are kept for reuse where HTTP/2 is not spoken.
	idleConns = 64
)

// Config describes one org.
type Config struct {
	// Org is the origin of the org, such as "https://acme.okta.com" or its custom domain. http is
	// for a loopback host only (a simulator). Required.
	Org string
	// Timeout bounds one call from dialling to the last byte of the body. Default 10 s.
	Timeout time.Duration
	// Transport carries the calls. Default: an *http.Transport with HTTP/2 that keeps
	// connections; it obeys HTTPS_PROXY.
	Transport http.RoundTripper
	// Observe, if set, is told of every call that was sent: the endpoint from a closed set (a metric label), the
	// HTTP status, 0 when there was no answer, and how long it took.
	Observe func(endpoint string, status int, took time.Duration)
	// Now is the clock of the rate limits. Default time.Now.
	Now func() time.Time
}

// Client calls one org. It is safe for concurrent use.
type Client struct {
	origin  origin
	timeout time.Duration
	// http is no http.Client: that keeps cookies, of which Okta's of one person must not meet the next one, and follows
	// redirects, with which headers and bodies would go elsewhere (immunity S69).
	http    http.RoundTripper
	observe func(endpoint string, status int, took time.Duration)
	now     func() time.Time
	limits  limits
	pace    pace
}

// New checks the configuration. Its errors say what to write instead.
func New(cfg Config) (*Client, error) {
	o, err := parseOrigin(cfg.Org)
	if err != nil {
		return nil, err
	}
	if cfg.Timeout < 0 {
		return nil, fmt.Errorf("the timeout of calls to Okta is %v: it must be positive", cfg.Timeout)
	}
	if cfg.Timeout == 0 {
		cfg.Timeout = defaultTimeout
	}
	if cfg.Transport == nil {
		cfg.Transport = newTransport()
	}
	if cfg.Observe == nil {
		cfg.Observe = func(string, int, time.Duration) {}
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	return &Client{
		origin:  o,
		timeout: cfg.Timeout,
		http:    cfg.Transport,
		observe: cfg.Observe,
		now:     cfg.Now,
	}, nil
}

// Origin is the org's origin in canonical form, without a trailing slash.
func (c *Client) Origin() string { return c.origin.String() }

func newTransport() *http.Transport {
	return &http.Transport{
		Proxy:                  http.ProxyFromEnvironment,
		DialContext:            (&net.Dialer{Timeout: 5 * time.Second, KeepAlive: 30 * time.Second}).DialContext,
		TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12},
		TLSHandshakeTimeout:    5 * time.Second,
		ForceAttemptHTTP2:      true,
		MaxIdleConns:           idleConns,
		MaxIdleConnsPerHost:    idleConns,
		IdleConnTimeout:        90 * time.Second,
		MaxResponseHeaderBytes: maxHeader,
	}
}

var errNoOrg = errors.New(`the Okta org is missing: write its origin, such as "https://acme.okta.com"`)
