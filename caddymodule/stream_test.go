package caddymodule

import (
	"bufio"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/coder/websocket"

	"sidegate.example/sidegate/gateway"
	"sidegate.example/sidegate/gateway/store"
)

// tooLate is when a stream should have been closed long ago. Revocation takes about a millisecond (the tests log it), and a
// second or two where other tests have all cores.
const tooLate = 5 * time.Second

// endless is an upstream with a WebSocket that echoes and an event stream that never ends.
func endless(t *testing.T) *httptest.Server {
	t.Helper()
	mux := http.NewServeMux()
	mux.HandleFunc("/socket", func(w http.ResponseWriter, r *http.Request) {
		c, err := websocket.Accept(w, r, nil)
		if err != nil {
			return
		}
		defer c.CloseNow() //nolint:errcheck // a test's upstream
		for {
			kind, message, err := c.Read(r.Context())
			if err != nil || c.Write(r.Context(), kind, message) != nil {
				return
			}
		}
	})
	mux.HandleFunc("/events", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		fmt.Fprint(w, "data: hello\n\n")
		http.NewResponseController(w).Flush() //nolint:errcheck // as above
		<-r.Context().Done()
	})
	s := httptest.NewServer(mux)
	t.Cleanup(s.Close)
	return s
}

// TestStreamsOfARevokedSessionClose (S44, S45): through Caddy's own reverse proxy, a WebSocket and an event stream end
// when their session does, and the person's other sessions go on.
func TestStreamsOfARevokedSessionClose_S44_S45(t *testing.T) {
	w := newWorld(t)
	addr := w.start("okta_mfa\n\treverse_proxy " + endless(t).Listener.Addr().String())
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	connect := func(cookie string) *websocket.Conn {
		c, _, err := websocket.Dial(ctx, "ws://"+addr+"/socket", &websocket.DialOptions{HTTPHeader: http.Header{"Cookie": {cookie}}})
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	echo := func(c *websocket.Conn) error {
		if err := c.Write(ctx, websocket.MessageText, []byte("hello")); err != nil {
			return err
		}
		_, _, err := c.Read(ctx)
		return err
	}
	cookie, handle := w.session("127.0.0.1", bob())
	other, _ := w.session("127.0.0.1", bob())
	socket, survivor := connect(cookie), connect(other)
	defer socket.CloseNow()   //nolint:errcheck // the test is over
	defer survivor.CloseNow() //nolint:errcheck // as above
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+addr+"/events", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header = http.Header{"Cookie": {cookie}, "Accept": {"text/event-stream"}}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	events := bufio.NewReader(resp.Body)
	if line, err := events.ReadString('\n'); err != nil || line != "data: hello\n" {
		t.Fatalf("%q, %v", line, err)
	}
	if err := echo(socket); err != nil {
		t.Fatal(err)
	}

	revoked := time.Now()
	if err := state(t).Revoke(ctx, store.Revocation{Session: handle, Until: time.Now().Add(time.Hour)}); err != nil {
		t.Fatal(err)
	}
	if _, _, err := socket.Read(ctx); err == nil || ctx.Err() != nil {
		t.Errorf("the WebSocket is open: %v", err)
	}
	closed := time.Since(revoked)
	for err == nil {
		_, err = events.ReadString('\n')
	}
	ended := time.Since(revoked)
	if ctx.Err() != nil || closed > tooLate || ended > tooLate {
		t.Errorf("the WebSocket closed after %s, the event stream after %s", closed, ended)
	}
	t.Logf("the WebSocket closed after %s, the event stream after %s", closed, ended)
	if err := echo(survivor); err != nil {
		t.Errorf("another session's WebSocket closed: %v", err)
	}
}

// state is what outlives the configuration that runs.
func state(t *testing.T) *gateway.State {
	t.Helper()
	app, err := caddy.ActiveContext().AppIfConfigured(appID)
	if err != nil {
		t.Fatal(err)
	}
	return app.(*App).state
}
