package gateway

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"sidegate.example/sidegate/gateway/transaction"
)

const (
	// heartbeat keeps proxies from closing a silent stream, and finds browsers that left without a word.
	heartbeat = 20 * time.Second
	// beatSpread is what is about the same time: of ten thousand browsers, 25 are written to at once.
	beatSpread = 50 * time.Millisecond
	// streamWrite is how long a browser may take to accept an event.
	streamWrite = 10 * time.Second
	// retryBase and retrySpread make browsers come back at different times after a restart.
	retryBase, retrySpread = 500, 1500 // milliseconds
)

// change is the event that has a page load itself again.
const change = "event: change\ndata:\n\n"

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
	if x.r.Method == http.MethodHead {
		watch.Close()
		x.body(http.StatusOK, "text/event-stream", nil)
		return
	}
	s := &stream{w: x.w, watch: watch, left: x.r.Context().Done(), beats: x.beats, obs: x.obs}
	s.obs.Streams(+1)
	defer func() {
		if x.stream == nil {
			s.close()
		}
	}()
	eventHeaders(x.w.Header())
	x.w.WriteHeader(http.StatusOK)
	if s.send(fmt.Sprintf("retry: %d\n\n", retryBase+rand.IntN(retrySpread))) != nil {
		return
	}
	if v, err := x.cfg.State.transactions.Get(x.r.Context(), x.signIn, x.realm()); err != nil || v.Seq != seq {
		s.send(change) //nolint:errcheck // the browser left
		return
	}
	s.changed = watch.Changed()
	x.stream = s
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

// stream is an event stream that a browser waits at. It is all that is kept for it beside its sign-in: the exchange is over.
type stream struct {
	w       http.ResponseWriter
	watch   *transaction.Watch
	changed <-chan struct{} // of watch
	left    <-chan struct{} // closed when the browser leaves
	beats   *beats
	obs     Observer
}

// Follow blocks while the answer is an event stream of the gate's own that waits for news: until its sign-in changes, the
// browser leaves, or the server stops. Whoever called Handle calls it, from as few calls deep as can be, see Aside.
func (o Outcome) Follow() {
	if o.stream != nil {
		defer o.stream.close()
		o.stream.follow()
	}
}

func (s *stream) follow() {
	for beat := s.beats.next(); beat != nil; {
		select {
		case <-s.changed:
			s.send(change) //nolint:errcheck // the browser left
			return
		case <-s.left:
			return
		case <-beat:
		}
		var err error
		if beat = s.beats.next(); beat != nil {
			Aside(func() { err = s.send(":\n\n") })
		}
		if err != nil {
			return
		}
	}
}

func (s *stream) close() {
	s.watch.Close()
	s.obs.Streams(-1)
}

// beats tell streams when to write something, and when to stop. All whose heartbeat is due at about the same time share one
// channel: a ticker and its case in the select would take 370 bytes for each stream, which itself takes 64.
type beats struct {
	mu   sync.Mutex
	over bool
	due  map[time.Time]chan struct{}
}

func newBeats() *beats { return &beats{due: map[time.Time]chan struct{}{}} }

// next returns a channel that is closed when a heartbeat is due, or at stop; nil after stop.
func (b *beats) next() <-chan struct{} {
	at := time.Now().Add(heartbeat).Truncate(beatSpread)
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.over {
		return nil
	}
	due := b.due[at]
	if due == nil {
		due = make(chan struct{})
		b.due[at] = due
		time.AfterFunc(time.Until(at), func() { b.close(at) })
	}
	return due
}

func (b *beats) close(at time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if due := b.due[at]; due != nil {
		close(due)
		delete(b.due, at)
	}
}

// stop ends all streams; twice is harmless.
func (b *beats) stop() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.over = true
	for _, due := range b.due {
		close(due)
	}
	clear(b.due)
}

// send writes an event within its time.
func (s *stream) send(event string) error {
	rc := http.NewResponseController(s.w)
	if err := rc.SetWriteDeadline(time.Now().Add(streamWrite)); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return err
	}
	if _, err := s.w.Write([]byte(event)); err != nil {
		return err
	}
	if err := rc.Flush(); err != nil {
		return err
	}
	// Over HTTP/2 a deadline that passes resets the stream even when nothing is being written.
	if err := rc.SetWriteDeadline(time.Time{}); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return err
	}
	return nil
}

// Waits reports whether a request for uri may open an event stream of the gate's own, so that who handles it leaves Handle to
// Aside.
func (g *Gate) Waits(uri string) bool {
	rest, ok := strings.CutPrefix(uri, g.cfg.Prefix)
	return ok && strings.HasPrefix(rest, eventsRoute)
}

// Aside runs f on a goroutine of its own and returns when f does; a panic of f is the caller's. A goroutine's stack is as large as
// its deepest call has needed: the collector halves it when no more than a quarter is in use, which is never where Caddy's
// handlers are under way. So who waits for long leaves what goes deep, such as all writing, to goroutines that end. Behind a plain
// site block that is 8 KB of stack for each browser on HTTP/1.1 instead of 16 (6.0 to 6.3 KB are in use); a handler more in front is
// too much for that, and nothing is lost but this.
func Aside(f func()) {
	var panicked any
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer func() { panicked = recover() }()
		f()
	}()
	<-done
	if panicked != nil {
		panic(panicked)
	}
}
