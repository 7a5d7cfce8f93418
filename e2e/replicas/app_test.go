package replicas

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"

	"github.com/coder/websocket"
)

// app is the legacy app behind the gate. It records what it receives, and tells it.
type app struct {
	server *httptest.Server
	mu     sync.Mutex
	hits   []hit
}

// hit is a request that reached the app.
type hit struct{ method, path, user, body string }

// greeting begins the app's page.
const greeting = "the app greets "

func newApp(t *testing.T) *app {
	a := &app{}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /socket", a.socket)
	mux.HandleFunc("GET /stream", a.stream)
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		r.ParseForm() //nolint:errcheck // a test's app
		h := hit{r.Method, r.URL.Path, r.Header.Get("Remote-User"), r.PostForm.Encode()}
		a.mu.Lock()
		a.hits = append(a.hits, h)
		a.mu.Unlock()
		fmt.Fprintf(w, "%s%s %s", greeting, h.user, h.path)
	})
	a.server = httptest.NewServer(mux)
	t.Cleanup(func() {
		a.server.CloseClientConnections()
		a.server.Close()
	})
	return a
}

func (a *app) addr() string { return a.server.Listener.Addr().String() }

// received are the requests so far.
func (a *app) received() []hit {
	a.mu.Lock()
	defer a.mu.Unlock()
	return append([]hit(nil), a.hits...)
}

// socket greets, and holds the WebSocket open.
func (a *app) socket(w http.ResponseWriter, r *http.Request) {
	c, err := websocket.Accept(w, r, &websocket.AcceptOptions{InsecureSkipVerify: true})
	if err != nil {
		return
	}
	defer c.CloseNow()
	if c.Write(r.Context(), websocket.MessageText, []byte(greeting+r.Header.Get("Remote-User"))) != nil {
		return
	}
	for {
		if _, _, err := c.Read(r.Context()); err != nil {
			return
		}
	}
}

// stream greets, and holds the stream of events open.
func (a *app) stream(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/event-stream")
	fmt.Fprintf(w, "data: %s%s\n\n", greeting, r.Header.Get("Remote-User"))
	if http.NewResponseController(w).Flush() == nil {
		<-r.Context().Done()
	}
}
