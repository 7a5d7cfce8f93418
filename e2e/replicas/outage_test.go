package replicas

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"golang.org/x/net/html"
)

// attempts goes through all that somebody without a session can try, on every replica, and returns the pages by what was
// tried. waiting is a browser whose sign-in is in progress, at the push that its page shows.
func (w *world) attempts(who person, waiting *browser, at *page) map[string]*page {
	w.t.Helper()
	tried := map[string]*page{}
	for _, r := range w.all {
		for name, cookie := range map[string]string{"no cookie": "", "garbage": "garbage", "empty": "=", "long": strings.Repeat("A", 7000)} {
			b := w.browser(mainSite).on(r)
			if cookie != "" {
				b.jar.SetCookies(b.url("/"), []*http.Cookie{{Name: "__Host-okta_mfa", Value: cookie, Secure: true, Path: "/"},
					{Name: "__Host-okta_mfa_signin", Value: cookie, Secure: true, Path: "/"}})
			}
			for _, path := range []string{"/report", "/_mfa/whoami", "/_mfa/auth", "/stream"} {
				tried[r.name+", "+name+", "+path] = b.open(path)
			}
		}
		fresh := w.browser(mainSite).on(r).open("/report")
		next, err := fresh.trySubmit("identify", credentials(who))
		if err != nil {
			w.t.Fatal(err)
		}
		tried[r.name+", begin"] = next
		tried[r.name+", begin, then"] = next.b.open("/report")

		b := waiting.copied().on(r)
		tried[r.name+", in progress"] = b.open("/report")
		form := url.Values{"csrf": {at.csrf()}, "f.credentials.passcode": {"123456"}}
		if tried[r.name+", answer"], err = b.try(b.url("/_mfa/answer"), form); err != nil {
			w.t.Fatal(err)
		}
	}
	return tried
}

// S49: with Redis down, or full of what is not ours, nobody is let in, whatever is tried: the pages are errors, and nothing
// reaches the app. Live sessions go on, and whoever was signing in goes on when Redis is back.
func TestRedisThatFailsLetsNobodyIn_S49(t *testing.T) {
	for name, fault := range map[string]struct{ spoil, mend func(*world) }{
		"down": {func(w *world) { w.redis.Kill() }, func(w *world) { w.redis.Start() }},
		"wrong type": {func(w *world) {
			// At once: a sign-in that is not there for a moment is one that was cancelled, to whoever has its turn.
			w.redis.CLI("eval", `for _, key in ipairs(redis.call('keys', '*')) do
				redis.call('rename', key, 'kept:' .. key)
				redis.call('sadd', key, 'not ours')
			end`, "0")
		}, func(w *world) {
			for _, key := range strings.Fields(w.redis.CLI("keys", "kept:*")) {
				w.redis.CLI("rename", key, strings.TrimPrefix(key, "kept:"))
			}
		}},
		"not sealed by us": {func(w *world) {
			for _, key := range strings.Fields(w.redis.CLI("keys", "*")) {
				w.redis.CLI("copy", key, "kept:"+key)
				if strings.TrimSpace(w.redis.CLI("type", key)) == "hash" {
					// Another revision too, or a call that is under way would put what it comes to in the place of this.
					w.redis.CLI("hset", key, "d", `{"step":{"kind":"done"},"identity":{"login":"root"}}`, "r", "999")
				}
			}
		}, func(w *world) {
			for _, key := range strings.Fields(w.redis.CLI("keys", "kept:*")) {
				w.redis.CLI("rename", key, strings.TrimPrefix(key, "kept:"))
			}
		}},
	} {
		t.Run(name, func(t *testing.T) {
			w := newRedisWorld(t, setup{replicas: 2}, durable...)
			pat, quinn := w.join("pat"), w.join("quinn")
			live := w.browser(mainSite)
			live.signIn(quinn, "/report")
			waiting := w.browser(mainSite)
			at := waiting.askPush(pat, "/report")
			before := w.app.received()

			fault.spoil(w)
			if err := pat.approve(); err != nil {
				t.Fatal(err)
			}
			for what, p := range w.attempts(pat, waiting, at) {
				if p.status < 400 && p.shown() != "step/wait" {
					t.Errorf("%s: %s\n%.300s", what, p, p.text)
				}
			}
			if hits := w.app.received(); len(hits) != len(before) {
				t.Errorf("the app received %v", hits[len(before):])
			}
			live.refusedNowhere(quinn)

			fault.mend(w)
			if err := waiting.arrive("/report").in(pat); err != nil {
				t.Error(err)
			}
			if n := pat.pushed(); n > 3 { // one asked for, and two by the attempts where they reached Okta before the store failed
				t.Errorf("%d pushes", n)
			}
		})
	}
}

// csrf is the token of the page's forms.
func (p *page) csrf() string {
	return attr(find(p.doc, func(n *html.Node) bool { return n.Data == "input" && attr(n, "name") == "csrf" }), "value")
}
