package gateway

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"sidegate.example/sidegate/gateway/identity"
	"sidegate.example/sidegate/gateway/session"
	"sidegate.example/sidegate/gateway/store"
)

// streaming is a gate before handler, over HTTP/1.1 or HTTP/2.
// What it has served and released it says.
func streaming(t *testing.T, http2 bool, handler func(http.ResponseWriter, *http.Request)) (*Gate, *httptest.Server, chan struct{}) {
	t.Helper()
	released := make(chan struct{}, 2)
	state := NewState()
	gate, err := New(Config{Flow: straight(), Engine: "e", State: state, Policy: "p", Keys: keys(t)})
	if err != nil {
		t.Fatal(err)
	}
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		out := gate.Handle(w, r, Facts{ClientIP: clientIP, Secure: true})
		if !out.Allowed() {
			return
		}
		w, r, release := out.Hold(w, r)
		handler(w, r)
		release()
		released <- struct{}{}
	}))
	s.EnableHTTP2 = http2
	s.StartTLS()
	t.Cleanup(func() { s.Close(); state.Close() })
	return gate, s, released
}

// session makes a session of subject on site, that ends after life.
func (g *Gate) session(t *testing.T, site, subject string, life time.Duration) (*session.Opened, *http.Cookie) {
	t.Helper()
	x := exchange{Gate: g, policy: g.cfg.Policy, site: site, r: httptest.NewRequest("GET", "/", nil)}
	id, now := *bob(), time.Now()
	id.Subject = subject
	claims := session.Claims{ID: session.NewID(), Identity: id, IssuedAt: now, SeenAt: now, ExpiresAt: now.Add(life)}
	value, err := x.newSession(claims)
	if err != nil {
		t.Fatal(err)
	}
	return &session.Opened{Claims: claims, Handle: claims.ID.Handle()}, &http.Cookie{Name: DefaultCookieName, Value: value}
}

// eventStream opens a stream and has read its first line.
func eventStream(t *testing.T, s *httptest.Server, cookie *http.Cookie) *bufio.Reader {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), "GET", s.URL+"/events", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Accept", "text/event-stream")
	r.AddCookie(cookie)
	resp, err := s.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { resp.Body.Close() })
	if http2 := s.EnableHTTP2; resp.StatusCode != 200 || (resp.ProtoMajor == 2) != http2 {
		t.Fatalf("%d over %s", resp.StatusCode, resp.Proto)
	}
	in := bufio.NewReader(resp.Body)
	if line, err := in.ReadString('\n'); err != nil || line != ": hello\n" {
		t.Fatalf("%q, %v", line, err)
	}
	return in
}

// hello begins a stream and waits for the end of the request.
func hello(w http.ResponseWriter, r *http.Request) {
	io.WriteString(w, ": hello\n")        //nolint:errcheck // a test's upstream
	http.NewResponseController(w).Flush() //nolint:errcheck // as above
	<-r.Context().Done()
}

// flood is a handler that looks at nothing but what it writes.
func flood(w http.ResponseWriter, _ *http.Request) {
	io.WriteString(w, ": hello\n") //nolint:errcheck // a test's upstream
	for http.NewResponseController(w).Flush() == nil {
		if _, err := w.Write(make([]byte, 1<<16)); err != nil {
			return
		}
	}
}

// S44, S45: event streams of a session end when it is revoked, whatever their handler looks at and whether or not the
// browser reads. Those of others go on.
func TestStreamsEndWithTheirSession_S44_S45(t *testing.T) {
	for _, http2 := range []bool{false, true} {
		for name, handler := range map[string]func(http.ResponseWriter, *http.Request){"waiting": hello, "flooding": flood} {
			for by, revocation := range map[string]func(*session.Opened) store.Revocation{
				"session": func(s *session.Opened) store.Revocation {
					return store.Revocation{Session: s.Handle, Until: s.ExpiresAt}
				},
				"subject": func(s *session.Opened) store.Revocation {
					return store.Revocation{Subject: s.Identity.Subject, Before: time.Now().Add(time.Second), Until: s.ExpiresAt}
				},
			} {
				t.Run(name+" "+by+map[bool]string{false: " http1", true: " http2"}[http2], func(t *testing.T) {
					gate, s, released := streaming(t, http2, handler)
					ann, cookie := gate.session(t, "127.0.0.1", "00uann", time.Hour)
					_, other := gate.session(t, "127.0.0.1", "00uother", time.Hour)
					in := eventStream(t, s, cookie)
					eventStream(t, s, other)
					if err := gate.cfg.State.Revoke(t.Context(), revocation(ann)); err != nil {
						t.Fatal(err)
					}
					<-released // with the browser not having read a byte more
					if _, err := io.Copy(io.Discard, in); err == nil && name == "flooding" {
						t.Error("the browser cannot tell a cut stream from a whole one")
					}
					select {
					case <-released:
						t.Error("the stream of another session ended too")
					default:
					}
				})
			}
		}
	}
}

// S44: a connection that the handler has taken over is closed, and the handler's own look at it ends.
func TestHijackedConnectionsEndWithTheirSession_S44(t *testing.T) {
	done := make(chan error, 1)
	gate, s, released := streaming(t, false, func(w http.ResponseWriter, _ *http.Request) {
		conn, buffered, err := w.(http.Hijacker).Hijack()
		if err != nil {
			done <- err
			return
		}
		defer conn.Close()
		buffered.WriteString("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n") //nolint:errcheck // a test's upstream
		buffered.Flush()                                                                                      //nolint:errcheck // as above
		_, err = buffered.ReadByte()
		done <- err
	})
	ann, cookie := gate.session(t, "127.0.0.1", "00uann", time.Hour)
	r, err := http.NewRequestWithContext(t.Context(), "GET", s.URL+"/socket", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header = http.Header{"Connection": {"Upgrade"}, "Upgrade": {"x"}}
	r.AddCookie(cookie)
	resp, err := s.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusSwitchingProtocols {
		t.Fatalf("%d", resp.StatusCode)
	}
	if err := gate.cfg.State.Revoke(t.Context(), store.Revocation{Session: ann.Handle, Until: ann.ExpiresAt}); err != nil {
		t.Fatal(err)
	}
	if _, err := resp.Body.Read(make([]byte, 1)); err == nil {
		t.Error("the browser's connection is open")
	}
	if err := <-done; err == nil {
		t.Error("the handler read something")
	}
	<-released
	if n := len(gate.cfg.State.holds.open); n != 0 {
		t.Errorf("%d holds left", n)
	}
}

// S61: a stream that nobody revokes ends with its session, or with the lifetime of the configuration in force.
func TestStreamsEndAtTheAbsoluteEnd_S61(t *testing.T) {
	for name, c := range map[string]struct{ life, lifetime, want time.Duration }{
		"the session's":       {2 * time.Hour, 12 * time.Hour, 2 * time.Hour},
		"the configuration's": {12 * time.Hour, 3 * time.Hour, 3 * time.Hour},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				state := NewState()
				defer state.Close()
				gate, err := New(Config{Flow: straight(), Engine: "e", State: state, Policy: "p", Keys: keys(t), Lifetime: c.lifetime})
				if err != nil {
					t.Fatal(err)
				}
				_, cookie := gate.session(t, "example.com", "00uann", c.life)
				r := httptest.NewRequest("GET", "/", nil)
				r.Header.Set("Upgrade", "websocket")
				r.AddCookie(cookie)
				began := time.Now()
				_, r, release := gate.Handle(httptest.NewRecorder(), r, Facts{ClientIP: clientIP, Secure: true}).Hold(httptest.NewRecorder(), r)
				<-r.Context().Done()
				release()
				if got := time.Since(began); got != c.want {
					t.Errorf("ended after %s", got)
				}
			})
		})
	}
}

// A revocation between the look at the session and the beginning of the stream is not missed.
func TestRevocationBeforeTheStreamBegins(t *testing.T) {
	gate, _, _ := streaming(t, false, hello)
	ann, cookie := gate.session(t, "example.com", "00uann", time.Hour)
	r := httptest.NewRequest("GET", "/", nil)
	r.Header.Set("Accept", "text/event-stream")
	r.AddCookie(cookie)
	out := gate.Handle(httptest.NewRecorder(), r, Facts{ClientIP: clientIP, Secure: true})
	if err := gate.cfg.State.Revoke(t.Context(), store.Revocation{Session: ann.Handle, Until: ann.ExpiresAt}); err != nil {
		t.Fatal(err)
	}
	server, client := net.Pipe()
	defer client.Close()
	w, r, release := out.Hold(&taken{ResponseRecorder: httptest.NewRecorder(), conn: server}, r)
	defer release()
	if r.Context().Err() == nil {
		t.Error("the stream began")
	}
	if _, _, err := http.NewResponseController(w).Hijack(); err != nil {
		t.Fatal(err)
	}
	if _, err := server.Write([]byte("x")); err == nil {
		t.Error("a connection that is taken over afterwards is open")
	}
}

// taken is a ResponseWriter whose connection can be taken over.
type taken struct {
	*httptest.ResponseRecorder
	conn net.Conn
}

func (t *taken) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	return t.conn, bufio.NewReadWriter(bufio.NewReader(t.conn), bufio.NewWriter(t.conn)), nil
}

// Requests that do not last pay nothing.
func TestOrdinaryRequestsAreNotHeld(t *testing.T) {
	out := Outcome{Identity: &identity.Identity{}}
	r, w := httptest.NewRequest("GET", "/", nil).WithContext(context.Background()), httptest.NewRecorder()
	if n := testing.AllocsPerRun(100, func() {
		gotW, gotR, release := out.Hold(w, r)
		if release(); gotW != http.ResponseWriter(w) || gotR != r {
			t.Error("something was wrapped")
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
	for _, c := range []struct {
		method string
		header http.Header
		want   bool
	}{
		{"GET", http.Header{"Accept": {"text/html,*/*;q=0.8"}}, false}, {"GET", http.Header{"Accept": {"text/html", "text/event-stream"}}, true},
		{"GET", http.Header{"Upgrade": {"websocket"}}, true}, {http.MethodConnect, http.Header{}, true},
	} {
		if r.Method, r.Header = c.method, c.header; lasting(r) != c.want {
			t.Errorf("%s %v: lasting %t", c.method, c.header, !c.want)
		}
	}
}
