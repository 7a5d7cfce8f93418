package e2e

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"sidegate.example/sidegate/flows"
	"sidegate.example/sidegate/gateway"
	"sidegate.example/sidegate/gateway/identity"
	"sidegate.example/sidegate/gateway/session"
)

// pollingPage asks for news five times a second, and can ask how long the session lasts and prolong it.
const pollingPage = `<!doctype html><title>Dashboard</title><p id="who">pat</p><p id="news">-</p><p id="polls">0</p><p id="left">-</p>
<a id="link" href="/other">Another page</a><button id="stay">Stay signed in</button><button id="left-ask">How long?</button>
<script>
const set = (id, text) => document.getElementById(id).textContent = text;
let asking = 0;
const ask = async (options) => { asking++; const r = await fetch('/_mfa/session', options), d = await r.json(); set('left', Math.round((new Date(d.idle_ends) - new Date(d.now)) / 1000)); asking-- };
document.getElementById('stay').onclick = () => ask({method: 'POST', headers: {'X-Requested-With': 'fetch'}});
document.getElementById('left-ask').onclick = () => ask();
let polls = 0;
const timer = setInterval(async () => { const r = await fetch('/news'); set('news', r.status); r.ok ? set('polls', ++polls) : clearInterval(timer) }, 200);
</script>`

// noFlow signs nobody in.
type noFlow struct{ flows.Flow }

// watched is a gate, in this process, before a page that polls. /enter, which no gate stands before, makes the browser a
// session that was last used some time ago. /refreshing loads itself again each second, and is counted.
func watched(t *testing.T, idle time.Duration) (_ *demo, refreshed *atomic.Int32) {
	t.Helper()
	ring, err := session.RingFromSecrets([]string{strings.Repeat("k", 32)})
	if err != nil {
		t.Fatal(err)
	}
	refreshed = new(atomic.Int32)
	state := gateway.NewState()
	gate, err := gateway.New(gateway.Config{Flow: noFlow{}, Engine: "e", State: state, Policy: "p", Keys: session.Static(ring), IdleTimeout: idle})
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/enter", func(w http.ResponseWriter, r *http.Request) {
		ago, err := time.ParseDuration(r.URL.Query().Get("ago"))
		if err != nil {
			t.Error(err)
		}
		now := time.Now()
		value, err := session.NewCodec(session.Static(ring), nil).Seal(context.Background(), session.Binding{Cookie: gateway.DefaultCookieName, Site: "localhost", Policy: "p"},
			session.Claims{ID: session.NewID(), IssuedAt: now.Add(-time.Hour), SeenAt: now.Add(-ago), ExpiresAt: now.Add(time.Hour),
				Identity: identity.Identity{Subject: "00upat", Login: "pat", Proofs: []identity.Proof{{Factor: identity.Push, At: now}}}})
		if err != nil {
			t.Error(err)
		}
		if then := r.URL.Query().Get("then"); then != "" {
			w.Header().Set("Refresh", "1; url="+then)
		}
		http.SetCookie(w, &http.Cookie{Name: gateway.DefaultCookieName, Value: value, Path: "/", Secure: true, HttpOnly: true, SameSite: http.SameSiteLaxMode})
	})
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		if gate.Handle(w, r, gateway.Facts{ClientIP: browserAddress}).Allowed() {
			w.Header().Set("Content-Type", "text/html")
			if r.URL.Path == "/refreshing" {
				w.Header().Set("Refresh", "1")
				refreshed.Add(1)
			}
			fmt.Fprint(w, pollingPage)
		}
	})
	server := httptest.NewServer(mux)
	t.Cleanup(func() { gate.StopStreams(); server.Close(); state.Close() })
	return &demo{t: t, places: places{Site: strings.Replace(server.URL, "127.0.0.1", "localhost", 1)}}, refreshed
}

// S61: a page that polls, or loads itself again, does not keep its person signed in; a link that they follow, or a button of the app, does.
func TestPollingPageTimesOut_S61(t *testing.T) {
	const idle = time.Minute
	d, refreshed := watched(t, idle)
	b := newBrowser(t, d)
	p := b.tab()
	enter := func(ago time.Duration) {
		t.Helper()
		eval[bool](p, fmt.Sprintf("document.title = '', fetch('/enter?ago=%s').then(() => document.title = 'entered'), true", ago))
		p.until("the other session", "document.title === 'entered'")
	}
	left := func(least, most int) {
		t.Helper()
		p.until("no question is under way", "asking === 0")
		p.click("#left-ask")
		p.until(fmt.Sprintf("%d to %d seconds left", least, most), fmt.Sprintf("asking === 0 && (n => n >= %d && n <= %d)(parseInt(document.getElementById('left').textContent))", least, most))
	}
	p.open("/enter?ago=0s")
	p.open("/")
	p.see(onApp)

	enter(idle - 15*time.Second) // old enough to be prolonged
	left(5, 15)
	p.click("#stay")
	left(55, 60)

	enter(idle - 15*time.Second)
	left(5, 15)
	p.press("#link")
	p.until("the other page", "location.pathname === '/other' && document.readyState === 'complete'")
	left(55, 60)

	enter(idle - 4*time.Second)
	p.until("polls that get an answer", "document.getElementById('news').textContent === '200'")
	p.until("the session ends under the polling page", "document.getElementById('news').textContent === '401'")
	if polls := eval[int](p, "parseInt(document.getElementById('polls').textContent)"); polls < 3 {
		t.Errorf("the page polled %d times before the end, too few to prove anything", polls)
	}
	p.open("/")
	p.see(onSignIn)

	p.open("/enter?ago=56s&then=/refreshing")
	p.see(onSignIn)
	if n := refreshed.Load(); n < 2 {
		t.Errorf("the page refreshed itself %d times before the end, too few to prove anything", n)
	}
}
