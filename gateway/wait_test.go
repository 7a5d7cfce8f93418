package gateway

import (
	"bufio"
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"sidegate.example/sidegate/flows"
)

// waiting is a world in which bob waits for a push until approve is called.
func waiting(t *testing.T) (w *world, b *browser, approve func()) {
	t.Helper()
	var approved atomic.Bool
	flow := straight()
	flow.poll = func() (flows.Step, error) {
		if approved.Load() {
			return doneStep, nil
		}
		return waitStep, nil
	}
	w = newWorld(t, flow)
	b = w.browser(t)
	b.begin()
	b.push()
	return w, b, func() { approved.Store(true) }
}

// listen opens the stream that the page names and returns its events as they come, until it ends.
func (b *browser) listen(page answer) <-chan string {
	b.t.Helper()
	_, rest, ok := strings.Cut(page.body, `data-events="`)
	path, _, _ := strings.Cut(rest, `"`)
	if !ok {
		b.t.Fatalf("the page has no stream:\n%s", page.body)
	}
	ctx, cancel := context.WithTimeout(b.t.Context(), 20*time.Second)
	b.t.Cleanup(cancel)
	r := b.request("GET", path, "").WithContext(ctx)
	resp, err := b.Do(r) //nolint:bodyclose // closed below
	if err != nil {
		b.t.Fatal(err)
	}
	if resp.StatusCode != 200 || resp.Header.Get("Content-Type") != "text/event-stream" || resp.Header.Get("Cache-Control") != "no-store" {
		b.t.Fatalf("stream: %d %v", resp.StatusCode, resp.Header)
	}
	events := make(chan string, 8)
	go func() {
		defer close(events)
		defer resp.Body.Close()
		for s := bufio.NewScanner(resp.Body); s.Scan(); {
			if e, ok := strings.CutPrefix(s.Text(), "event: "); ok {
				events <- e
			}
		}
	}()
	return events
}

func TestEveryTabHearsOfTheApproval(t *testing.T) {
	_, b, approve := waiting(t)
	page := b.get(protected)
	tabs := []<-chan string{b.listen(page), b.listen(page), b.listen(page)}
	approve()
	for i, tab := range tabs {
		if e := <-tab; e != "change" {
			t.Errorf("tab %d heard %q", i, e)
		}
		if e, open := <-tab; open {
			t.Errorf("tab %d: the stream goes on with %q", i, e)
		}
	}
	if a := b.get(protected); a.StatusCode != http.StatusSeeOther {
		t.Errorf("then the page is %d", a.StatusCode)
	}
}

// What happened between the page and its stream is told at once.
func TestChangeBetweenPageAndStreamIsNotMissed(t *testing.T) {
	w, b, approve := waiting(t)
	page := b.get(protected)
	id := b.cookie(DefaultCookieName + "_signin").Value
	listening, err := w.gate.cfg.State.transactions.Watch(t.Context(), id, "127.0.0.1\x00p")
	if err != nil {
		t.Fatal("no sign-in to watch")
	}
	defer listening.Close()
	changed := listening.Changed()
	approve()
	<-changed
	if e := <-b.listen(page); e != "change" {
		t.Errorf("heard %q", e)
	}
}

// T4: the server's shutdown ends the streams; the browser comes back and nothing is lost.
func TestStopStreams_T4(t *testing.T) {
	w, b, approve := waiting(t)
	events := b.listen(b.get(protected))
	w.gate.StopStreams()
	w.gate.StopStreams() // twice is harmless
	if e, open := <-events; open {
		t.Errorf("the stream told %q instead of ending", e)
	}
	approve()
	b.waitFor(func(a answer) bool { return a.StatusCode == http.StatusOK })
}

func TestEventsNeedASignInAndAnOwnPage(t *testing.T) {
	w, b, _ := waiting(t)
	for name, tt := range map[string]struct {
		b      *browser
		path   string
		header map[string]string
	}{
		"no cookie":  {w.browser(t), "/_mfa/events?seq=2", nil},
		"no seq":     {b, "/_mfa/events", nil},
		"cross-site": {b, "/_mfa/events?seq=2", map[string]string{"Sec-Fetch-Site": "cross-site"}},
		"origin":     {b, "/_mfa/events?seq=2", map[string]string{"Origin": "https://evil.example"}},
	} {
		r := tt.b.request("GET", tt.path, "")
		for k, v := range tt.header {
			r.Header.Set(k, v)
		}
		if a := tt.b.do(r); a.StatusCode != http.StatusForbidden {
			t.Errorf("%s: %d", name, a.StatusCode)
		}
	}
}

// deadlines is a browser's connection that notes until when it may be written to.
type deadlines struct {
	*httptest.ResponseRecorder
	set []time.Time
}

func (d *deadlines) SetWriteDeadline(t time.Time) error {
	d.set = append(d.set, t)
	return nil
}

// TestWriteDeadlineEndsWithTheWrite: an HTTP/2 server resets a stream whose deadline passes, so that each browser would
// have to connect again ten seconds after each event.
func TestWriteDeadlineEndsWithTheWrite(t *testing.T) {
	d := &deadlines{ResponseRecorder: httptest.NewRecorder()}
	if err := (&stream{w: d}).send(":\n\n"); err != nil {
		t.Fatal(err)
	}
	if len(d.set) != 2 || d.set[0].IsZero() || !d.set[1].IsZero() {
		t.Errorf("deadlines %v, want one for the write and none after it", d.set)
	}
}

// written hands on what is written.
type written struct {
	*httptest.ResponseRecorder
	to chan string
}

func (w written) Write(b []byte) (int, error) {
	w.to <- string(b)
	return len(b), nil
}

// TestHeartbeats: a silent stream is written to before a proxy closes it, and when the server stops it ends at once,
// without another word.
func TestHeartbeats(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, began := newBeats(), time.Now()
		follow := func() chan string {
			heard := make(chan string)
			s := &stream{w: written{httptest.NewRecorder(), heard}, beats: b}
			go func() {
				defer close(heard)
				s.follow()
			}()
			return heard
		}
		one := follow()
		time.Sleep(heartbeat / 2)
		two := follow()
		for i, heard := range []chan string{one, two, one, two} {
			if e := <-heard; e != ":\n\n" || time.Since(began) != heartbeat*time.Duration(i+2)/2 {
				t.Errorf("%d: %q after %s", i, e, time.Since(began))
			}
		}
		b.stop()
		for _, heard := range []chan string{one, two, follow()} {
			if e, open := <-heard; open {
				t.Errorf("after the stop a stream wrote %q", e)
			}
		}
		if time.Since(began) != heartbeat*5/2 {
			t.Errorf("the streams ended only after %s", time.Since(began))
		}
	})
}

// TestAPanicAsideIsTheCallers: on a goroutine that nobody looks after it would end the whole server.
func TestAPanicAsideIsTheCallers(t *testing.T) {
	defer func() {
		if p := recover(); p != http.ErrAbortHandler { //nolint:errorlint // this very value
			t.Errorf("recovered %v", p)
		}
	}()
	Aside(func() { panic(http.ErrAbortHandler) })
	t.Error("the caller went on")
}
