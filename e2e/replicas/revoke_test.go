package replicas

import (
	"bufio"
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
)

// soon is how long news of a revocation may take to another replica, and to what is open there. They take some 20 ms (the tests log
// it), and 0.7 s have been seen beside other tests; who has missed them reads them within a minute.
const soon = 5 * time.Second

// socket opens a WebSocket with the browser's cookies; closed gets the time at which it ended.
func (b *browser) socket() (closed <-chan time.Time) {
	b.w.t.Helper()
	ctx, cancel := context.WithTimeout(b.w.t.Context(), patience)
	b.w.t.Cleanup(cancel)
	endless := *b.client
	endless.Timeout = 0
	c, _, err := websocket.Dial(ctx, b.url("/socket").String(), &websocket.DialOptions{HTTPClient: &endless,
		HTTPHeader: http.Header{"Origin": {"https://" + b.site}, "User-Agent": {agent}}})
	if err != nil {
		b.w.t.Fatalf("the WebSocket: %v", err)
	}
	b.w.t.Cleanup(func() { c.CloseNow() }) //nolint:errcheck // it may be closed
	_, hello, err := c.Read(ctx)
	if err != nil || !strings.HasPrefix(string(hello), greeting) {
		b.w.t.Fatalf("the WebSocket says %q, %v", hello, err)
	}
	end := make(chan time.Time, 1)
	go func() {
		if _, _, err := c.Read(ctx); err != nil && ctx.Err() == nil {
			end <- time.Now()
		}
	}()
	return end
}

// stream opens the app's stream of events, as socket does.
func (b *browser) stream() (closed <-chan time.Time) {
	b.w.t.Helper()
	ctx, cancel := context.WithTimeout(b.w.t.Context(), patience)
	b.w.t.Cleanup(cancel)
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, b.url("/stream").String(), nil)
	if err != nil {
		b.w.t.Fatal(err)
	}
	req.Header.Set("Accept", "text/event-stream")
	endless := *b.client
	endless.Timeout = 0
	res, err := endless.Do(req)
	if err != nil {
		b.w.t.Fatal(err)
	}
	b.w.t.Cleanup(func() { res.Body.Close() })
	lines := bufio.NewReader(res.Body)
	if hello, err := lines.ReadString('\n'); err != nil || !strings.HasPrefix(hello, "data: "+greeting) {
		b.w.t.Fatalf("the stream says %q, %v", hello, err)
	}
	end := make(chan time.Time, 1)
	go func() {
		for {
			if _, err := lines.ReadString('\n'); err != nil {
				if ctx.Err() == nil {
					end <- time.Now()
				}
				return
			}
		}
	}()
	return end
}

// copies are the browser's cookies in another browser, on a replica where they are good, with what is open there.
type copies struct {
	*browser
	socket, stream <-chan time.Time
}

func (b *browser) copies(who person, replicas ...*replica) (all []copies) {
	b.w.t.Helper()
	for _, r := range replicas {
		c := copies{browser: b.copied().on(r)}
		if err := c.open("/copy").in(who); err != nil {
			b.w.t.Fatal(err)
		}
		c.socket, c.stream = c.browser.socket(), c.browser.stream()
		all = append(all, c)
	}
	return all
}

// dead checks that copies are worth nothing soon after began, and logs how soon.
func dead(w *world, all []copies, began time.Time) {
	w.t.Helper()
	for _, c := range all {
		name := c.pinned.Load().name + ", " + c.site
		w.eventually("refused", func() bool { return c.open("/copy").status == http.StatusUnauthorized })
		refused := time.Since(began)
		w.t.Logf("%s: refused %s after the revocation was asked for", name, refused.Round(100*time.Microsecond))
		if refused > soon {
			w.t.Errorf("%s: refused after %s", name, refused)
		}
		for what, end := range map[string]<-chan time.Time{"WebSocket": c.socket, "event stream": c.stream} {
			select {
			case at := <-end:
				w.t.Logf("%s: the %s closed after %s", name, what, at.Sub(began).Round(100*time.Microsecond))
				if at.Sub(began) > soon {
					w.t.Errorf("%s: the %s closed after %s", name, what, at.Sub(began))
				}
			case <-time.After(patience):
				w.t.Errorf("%s: the %s was never closed", name, what)
			}
		}
	}
}

// signOut signs out by the page.
func (b *browser) signOut() *page {
	b.w.t.Helper()
	return b.open("/_mfa/signout").want("signout").submit("signout", nil)
}

// S44, S45: signing out on one replica ends the copies of the cookie on the others, with what is open there, and nobody else's
// session; a replica that starts later knows of it too.
func TestSignOutReachesEveryReplica_S44_S45(t *testing.T) {
	w := newRedisWorld(t, setup{}, durable...)
	pat, quinn := w.join("pat"), w.join("quinn")
	b := w.browser(mainSite).on(w.all[0])
	b.signIn(pat, "/report")
	other := w.browser(mainSite).on(w.all[2])
	other.signIn(quinn, "/report")
	copied := b.copies(pat, w.all[1], w.all[2])
	again := b.copied()
	others := other.socket()

	began := time.Now()
	b.signOut().want("signedout")
	dead(w, copied, began)

	w.all[1].kill()
	w.all[1].start()
	if p := again.on(w.all[1]).open("/copy"); p.status != http.StatusUnauthorized {
		t.Errorf("the replica that has started since shows %s", p)
	}
	other.on(nil).refusedNowhere(quinn)
	select {
	case <-others:
		t.Error("somebody else's WebSocket has ended too")
	default:
	}
}

// An admin who ends a person's sessions at one replica ends them on all, with what is open there, and nobody else's.
func TestAdminRevokesOnEveryReplica_S45(t *testing.T) {
	w := newRedisWorld(t, setup{}, durable...)
	pat, quinn := w.join("pat"), w.join("quinn")
	b, other := w.browser(mainSite), w.browser(mainSite)
	b.signIn(pat, "/report")
	other.signIn(quinn, "/report")
	copied := b.copies(pat, w.all...)
	began := time.Now()
	if status, text := w.all[0].admin(http.MethodPost, "/okta_mfa/revoke", "application/json", `{"user":"`+pat.login+`"}`); status != http.StatusOK {
		t.Fatalf("%d %s", status, text)
	}
	dead(w, copied, began)
	other.refusedNowhere(quinn)
	<-time.After(time.Second) // sessions know the second in which they began
	b.askPush(pat, "/report")
	if err := pat.approve(); err != nil {
		t.Fatal(err)
	}
	if err := b.arrive("/report").in(pat); err != nil {
		t.Errorf("signed in again: %v", err)
	}
}

// S62: while Redis is down the page does not say that the person is signed out; the session is dead where that was asked
// for, and on the others as soon as Redis is back, even if it has forgotten everything.
func TestSignOutWhileRedisIsDown_S62(t *testing.T) {
	for name, args := range map[string][]string{"durable": durable, "forgetful": nil} {
		t.Run(name, func(t *testing.T) {
			w := newRedisWorld(t, setup{replicas: 2, sharedStorage: true}, args...)
			pat, quinn := w.join("pat"), w.join("quinn")
			b := w.browser(mainSite).on(w.all[0])
			b.signIn(pat, "/report")
			other := w.browser(mainSite)
			other.on(w.all[1]).signIn(quinn, "/report")
			other.on(nil)
			here, there := b.copied().on(w.all[0]), b.copies(pat, w.all[1])

			w.redis.Kill()
			p := b.signOut()
			if p.status != http.StatusServiceUnavailable || p.shown() != "error/not_everywhere" {
				t.Errorf("the page is %s", p)
			}
			if p := here.open("/copy"); p.status < 400 {
				t.Errorf("on the replica that was asked the session lives: %s", p)
			}
			if err := there[0].open("/copy").in(pat); err != nil {
				t.Logf("the other replica, which cannot know, says: %v", err)
			}
			other.refusedNowhere(quinn)

			began := time.Now()
			w.redis.Start()
			w.eventually("refused", func() bool { return there[0].open("/copy").status == http.StatusUnauthorized })
			t.Logf("refused on the other replica %s after Redis was back", time.Since(began).Round(time.Millisecond))
			select {
			case <-there[0].socket:
			case <-time.After(patience):
				t.Error("the WebSocket on the other replica was never closed")
			}
			other.refusedNowhere(quinn)
		})
	}
}

// A replica that starts while Redis is down cannot know who has signed out: it lets nobody in, until it knows.
func TestReplicaThatStartsWithoutRedisLetsNobodyIn_S49(t *testing.T) {
	w := newRedisWorld(t, setup{replicas: 2}, durable...)
	pat, quinn := w.join("pat"), w.join("quinn")
	b, other := w.browser(mainSite).on(w.all[0]), w.browser(mainSite).on(w.all[0])
	b.signIn(pat, "/report")
	other.signIn(quinn, "/report")
	copied := b.copied().on(w.all[1])
	b.signOut().want("signedout")
	w.redis.Kill()
	w.all[1].kill()
	w.all[1].start()
	before := len(w.app.received())
	for range 5 {
		if p := copied.open("/copy"); p.status < 400 {
			t.Errorf("somebody who has signed out gets %s", p)
		}
	}
	if n := len(w.app.received()); n != before {
		t.Errorf("%d requests reached the app", n-before)
	}
	w.redis.Start()
	other.on(w.all[1])
	w.eventually("who has not signed out is let in", func() bool { return other.open("/again").in(quinn) == nil })
	if p := copied.open("/copy"); p.status != http.StatusUnauthorized {
		t.Errorf("who has signed out gets %s", p)
	}
}
