package gateway

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strconv"
	"time"

	"sidegate.example/sidegate/gateway/transaction"
)

const (
	// heartbeat keeps proxies from closing a silent stream, and finds browsers that left without a word.
	heartbeat = 20 * time.Second
	// streamWrite is how long a browser may take to accept an event.
	streamWrite = 10 * time.Second
	// retryBase and retrySpread make browsers come back at different times after a restart.
	retryBase, retrySpread = 500, 1500 // milliseconds
)

// errStreamOver ends a stream for a reason that is not a failure.
var errStreamOver = errors.New("stream over")

// events tells a waiting tab when its sign-in has changed, by one server-sent event, and ends: the tab then
// loads its page again. The page says which state it shows (seq), so that a change between the two is not
// missed. The browser's cookie names the sign-in: no other browser can listen (immunity S75).
func (x *exchange) events() {
	seq, err := strconv.ParseUint(x.facts.URL.Query().Get("seq"), 10, 64)
	if err != nil || !sameOrigin(x.r, origin(x.r, x.facts)) {
		x.document(http.StatusForbidden, "This stream belongs to a sign-in page.")
		return
	}
	watch, err := x.cfg.State.transactions.Watch(x.r.Context(), x.signIn, x.realm())
	if errors.Is(err, transaction.ErrUnavailable) {
		x.paused(err, "")
		return
	}
	if err != nil {
		x.document(http.StatusForbidden, "No sign-in of this browser is in progress.")
		return
	}
	defer watch.Close()
	if x.r.Method == http.MethodHead {
		x.body(http.StatusOK, "text/event-stream", nil)
		return
	}
	x.obs.Streams(+1)
	defer x.obs.Streams(-1)
	s := stream{rc: http.NewResponseController(x.w), w: x.w}
	if x.openStream(s) != nil {
		return
	}
	if v, err := x.cfg.State.transactions.Get(x.r.Context(), x.signIn, x.realm()); err != nil || v.Seq != seq {
		s.send("event: change\ndata:\n\n") //nolint:errcheck // the browser left
		return
	}
	x.follow(s, watch.Changed())
}

func (x *exchange) openStream(s stream) error {
	eventHeaders(x.w.Header())
	x.w.WriteHeader(http.StatusOK)
	return s.send(fmt.Sprintf("retry: %d\n\n", retryBase+rand.IntN(retrySpread)))
}

// eventHeaders are as few as guard a stream: net/http keeps two copies of them for each browser that waits, in maps
// that double above eight entries, and what else is on pages means nothing here.
func eventHeaders(h http.Header) {
	v := [...]string{"text/event-stream", "no-store", "DENY", "nosniff", "default-src 'none'; frame-ancestors 'none'", "no"}
	for i, name := range [...]string{"Content-Type", "Cache-Control", "X-Frame-Options", "X-Content-Type-Options", "Content-Security-Policy",
		"X-Accel-Buffering"} { // the last keeps nginx in front from holding events back
		h[name] = v[i : i+1 : i+1]
	}
}

// follow blocks until the sign-in changes, the browser leaves, or the server stops.
func (x *exchange) follow(s stream, changed <-chan struct{}) {
	beat := time.NewTicker(heartbeat)
	defer beat.Stop()
	for {
		var err error
		select {
		case <-changed:
			s.send("event: change\ndata:\n\n") //nolint:errcheck // the browser left
			return
		case <-beat.C:
			err = s.send(":\n\n")
		case <-x.r.Context().Done():
			err = errStreamOver
		case <-x.stopped:
			err = errStreamOver
		}
		if err != nil {
			return
		}
	}
}

// stream writes events, each within its time.
type stream struct {
	rc *http.ResponseController
	w  http.ResponseWriter
}

func (s stream) send(event string) error {
	if err := s.rc.SetWriteDeadline(time.Now().Add(streamWrite)); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return err
	}
	if _, err := s.w.Write([]byte(event)); err != nil {
		return err
	}
	if err := s.rc.Flush(); err != nil {
		return err
	}
	// Over HTTP/2 a deadline that passes resets the stream even when nothing is being written.
	if err := s.rc.SetWriteDeadline(time.Time{}); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return err
	}
	return nil
}
