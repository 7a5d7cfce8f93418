package gateway

import (
	"bufio"
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"sidegate.example/sidegate/gateway/session"
	"sidegate.example/sidegate/gateway/store"
)

// hold ends a request that lasts when its session ends: a WebSocket or an event stream, which would otherwise go on for
// as long as both sides like.
type hold struct {
	gate    *Gate
	session *session.Opened

	cancel context.CancelFunc
	ended  atomic.Bool

	mu       sync.Mutex
	released bool                     // what the server wrote to may serve another request
	server   *http.ResponseController // of the server's own writer
	conn     net.Conn                 // once hijacked
}

// lasting reports whether a request asks for an answer without an end: an upgrade, an extended CONNECT (RFC 8441, RFC
// 9220) or server-sent events.
func lasting(r *http.Request) bool {
	if len(r.Header["Upgrade"]) > 0 || r.Method == http.MethodConnect {
		return true
	}
	for _, line := range r.Header["Accept"] {
		if strings.Contains(line, "text/event-stream") {
			return true
		}
	}
	return false
}

// Hold goes around the handling of a request that the gate has let through: what is handed on is what it returns, and
// release is called when it has been handled. A request that lasts is cut off when its session is revoked or comes to its
// absolute end: its context ends, nothing can be read or written any more, and its connection is closed if the handler has
// taken it over. For all others it does nothing.
func (o Outcome) Hold(w http.ResponseWriter, r *http.Request) (_ http.ResponseWriter, _ *http.Request, release func()) {
	h := o.hold
	if h == nil {
		return w, r, func() {}
	}
	ctx, cancel := context.WithCancel(r.Context())
	h.cancel, h.server = cancel, http.NewResponseController(innermost(w))
	state := h.gate.cfg.State
	state.holds.add(h)
	timer := time.AfterFunc(time.Until(h.gate.ends(&h.session.Claims)), h.end)
	if state.revocations.Revoked(h.gate.cfg.Org, h.session) { // since the gate has looked
		h.end()
	}
	held := &heldWriter{w, h}
	if w = held; r.ProtoMajor == 1 {
		w = hijackableWriter{held}
	}
	return w, r.WithContext(ctx), func() {
		timer.Stop()
		state.holds.remove(h)
		h.mu.Lock()
		h.released = true
		h.mu.Unlock()
		cancel()
	}
}

// innermost is the server's own writer, below those of handlers in front, which are not made for two goroutines at once.
func innermost(w http.ResponseWriter) http.ResponseWriter {
	for {
		outer, ok := w.(interface{ Unwrap() http.ResponseWriter })
		if !ok {
			return w
		}
		w = outer.Unwrap()
	}
}

// end cuts the request off.
func (h *hold) end() {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.released || h.ended.Swap(true) {
		return
	}
	h.gate.log.Info("a stream was closed because its session has ended", slog.String("user", h.session.Identity.Login), slog.String("session", h.session.Handle))
	h.cancel()
	if h.conn != nil {
		go h.conn.Close() //nolint:errcheck // it is over either way; TLS says goodbye, for which others must not wait
		return
	}
	// A handler that waits for a client that does not read hears nothing of its context.
	past := time.Unix(1, 0)
	h.server.SetWriteDeadline(past) //nolint:errcheck // a server that cannot has ended the context
	h.server.SetReadDeadline(past)  //nolint:errcheck // as above
}

// errEnded is what a handler hears that writes on.
var errEnded = errors.New("the session of this request has ended")

// heldWriter writes as long as the session lives, whatever deadlines others set.
type heldWriter struct {
	http.ResponseWriter
	hold *hold
}

// Unwrap is for http.ResponseController.
func (w *heldWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// Write implements io.Writer.
func (w *heldWriter) Write(b []byte) (int, error) {
	if w.hold.ended.Load() {
		return 0, errEnded
	}
	return w.ResponseWriter.Write(b)
}

// Flush implements http.Flusher, for handlers that look for it.
func (w *heldWriter) Flush() { w.FlushError() } //nolint:errcheck // the interface has no error

// FlushError is for http.ResponseController.
func (w *heldWriter) FlushError() error { return http.NewResponseController(w.ResponseWriter).Flush() }

// hijackableWriter learns of the connection when a handler takes it over.
type hijackableWriter struct{ *heldWriter }

// Hijack implements http.Hijacker.
func (w hijackableWriter) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, buffered, err := http.NewResponseController(w.ResponseWriter).Hijack()
	if err != nil {
		return nil, nil, err
	}
	w.hold.mu.Lock()
	defer w.hold.mu.Unlock()
	if w.hold.ended.Load() {
		conn.Close() //nolint:errcheck // the handler reads or writes, and hears of it
	}
	w.hold.conn = conn
	return conn, buffered, nil
}

// holds are the requests that last, by what a revocation names.
type holds struct {
	mu   sync.Mutex
	open map[holdKey]map[*hold]struct{}
}

// holdKey is the handle of a session or a family, or a subject, the other one "".
type holdKey struct{ session, subject string }

func (h *hold) keys() []holdKey {
	keys := []holdKey{{session: h.session.Handle}, {subject: h.session.Identity.Subject}}
	if h.session.Kin != "" {
		keys = append(keys, holdKey{session: h.session.Kin})
	}
	return keys
}

func (all *holds) add(h *hold) {
	all.mu.Lock()
	defer all.mu.Unlock()
	if all.open == nil {
		all.open = map[holdKey]map[*hold]struct{}{}
	}
	for _, k := range h.keys() {
		if all.open[k] == nil {
			all.open[k] = map[*hold]struct{}{}
		}
		all.open[k][h] = struct{}{}
	}
}

func (all *holds) remove(h *hold) {
	all.mu.Lock()
	defer all.mu.Unlock()
	for _, k := range h.keys() {
		delete(all.open[k], h)
		if len(all.open[k]) == 0 {
			delete(all.open, k)
		}
	}
}

// of are those that r may end.
func (all *holds) of(r store.Revocation) []*hold {
	all.mu.Lock()
	defer all.mu.Unlock()
	var found []*hold
	for _, k := range [...]holdKey{{session: r.Session}, {subject: r.Subject}} {
		if k != (holdKey{}) {
			for h := range all.open[k] {
				found = append(found, h)
			}
		}
	}
	return found
}
