package oktasim

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"time"
)

// maxBody bounds what a client may send.
const maxBody = 1 << 20

// exchange is one request to Okta's URLs and the answer that is being prepared. It buffers the answer
// (all are small), so that a fault can spoil it on its way out.
type exchange struct {
	cfg  *Config
	now  time.Time
	r    *http.Request
	body []byte

	// client is whom Okta takes for the person's machine: X-Forwarded-For inside the network
	// zone, else the peer.
	client clientContext
	// peer is the TCP peer.
	peer clientContext

	status int
	header http.Header
	out    bytes.Buffer
	// sent holds what has to happen when the answer has left, or could not.
	sent []func(now time.Time)
}

// endpoint is a handler that only ever runs on an exchange.
type endpoint func(*exchange)

func (f endpoint) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	x := w.(*exchange) // serveOkta hands out nothing else
	x.r = r
	f(x)
}

func (x *exchange) Header() http.Header         { return x.header }
func (x *exchange) WriteHeader(status int)      { x.status = status }
func (x *exchange) Write(b []byte) (int, error) { return x.out.Write(b) }

// json answers with v as the whole body.
func (x *exchange) json(status int, contentType string, v any) {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err) // our own structs always encode
	}
	x.header.Set("Content-Type", contentType)
	x.status = status
	x.setBody(b)
}

func (x *exchange) setBody(b []byte) {
	x.out.Reset()
	x.out.Write(b)
}

// platformError answers with the body of Okta's own error family (identity-engine.md §8.4).
func (x *exchange) platformError(status int, code, summary string) {
	x.json(status, "application/json", map[string]any{
		"errorCode": code, "errorSummary": summary, "errorLink": code,
		"errorId": secretID("oae"), "errorCauses": []any{},
	})
}

func (x *exchange) tooManyRequests() {
	x.platformError(http.StatusTooManyRequests, "E0000047", "API call exceeded rate limit due to too many requests.")
}

// serveOkta answers everything that is neither phone nor control port.
func (o *Org) serveOkta(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		status := http.StatusBadRequest
		if tooBig := new(http.MaxBytesError); errors.As(err, &tooBig) {
			status = http.StatusRequestEntityTooLarge
		}
		http.Error(w, http.StatusText(status), status)
		return
	}
	cfg := o.cfg.Load()
	x := &exchange{cfg: cfg, now: cfg.Now(), r: r, body: body, status: http.StatusOK, header: http.Header{}}
	rec := o.recorder.begin(x)
	f := o.faults.take(r.URL.Path)
	if f == nil || f.wantsTruth() {
		o.truth(x)
	}
	defer func() {
		for _, done := range x.sent {
			done(cfg.Now())
		}
	}()
	if f == nil {
		x.send(w)
	} else {
		f.spoil(w, x)
	}
	o.recorder.end(rec, x.status)
	cfg.Logger.DebugContext(r.Context(), "answered", "method", r.Method, "path", r.URL.Path, "status", x.status)
}

// truth prepares the answer that an undisturbed org gives.
func (o *Org) truth(x *exchange) {
	x.header.Set("Cache-Control", "no-cache, no-store")
	x.header.Set("Pragma", "no-cache")
	x.header.Set("X-Okta-Request-Id", secretID(""))
	_, pattern := o.okta.Handler(x.r)
	if !o.limiter.allow(x, pattern) {
		x.tooManyRequests()
		return
	}
	if err := x.findClient(); err != nil {
		x.platformError(http.StatusInternalServerError, "E0000009", "Internal Server Error")
		return
	}
	if x.r.Method == http.MethodPost && x.r.ContentLength < 0 {
		// Okta wants Content-Length on every POST, no chunks.
		x.platformError(http.StatusLengthRequired, "E0000003", "The request body was not well-formed.")
		return
	}
	if pattern == "" {
		x.platformError(http.StatusNotFound, "E0000007", "Not found: Resource not found")
		return
	}
	o.okta.ServeHTTP(x, x.r) // sets the path values
}

// send writes the prepared answer as it is.
func (x *exchange) send(w http.ResponseWriter) {
	copyHeader(w.Header(), x.header)
	w.WriteHeader(x.status)
	_, _ = w.Write(x.out.Bytes()) // a client that left is its own loss
}

func copyHeader(to, from http.Header) {
	for k, v := range from {
		to[k] = v
	}
}
