package replicas

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
)

// ownCookies fails the test on a cookie of the gate's that another host could read or set.
type ownCookies struct {
	w *world
	http.RoundTripper
}

func (o ownCookies) RoundTrip(r *http.Request) (*http.Response, error) {
	res, err := o.RoundTripper.RoundTrip(r)
	if err == nil {
		for _, c := range res.Cookies() {
			if c.Domain != "" || !strings.HasPrefix(c.Name, "__Host-") || !c.Secure || !c.HttpOnly || c.Path != "/" {
				o.w.t.Errorf("%s sets %s", r.URL, c)
			}
		}
	}
	return res, err
}

// hop asks a replica and follows no redirect.
func (b *browser) hop(r *replica, address string) (status int, to string, cookies []*http.Cookie, err error) {
	client := *b.client
	client.Transport = path{b.w.lb, func() *replica { return r }, "192.0.2.7"}
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	req, err := http.NewRequest(http.MethodGet, address, nil)
	if err != nil {
		return 0, "", nil, err
	}
	req.Header = http.Header{"User-Agent": {agent}, "Accept": {"text/html"}, "Sec-Fetch-Mode": {"navigate"}, "Sec-Fetch-Dest": {"document"}}
	res, err := client.Do(req)
	if err != nil {
		return 0, "", nil, err
	}
	return res.StatusCode, res.Header.Get("Location"), res.Cookies(), res.Body.Close()
}

// S58, S60: cookies are those of one host on every replica, and what crosses from one site to the other is a code that is made on one
// replica, good on another, and good once on all of them together.
func TestOneSignInOverReplicas_S58_S60(t *testing.T) {
	w := newRedisWorld(t, setup{sso: true}, durable...)
	pat := w.join("pat")
	b := w.browser(mainSite)
	b.client.Transport = ownCookies{w, b.client.Transport}
	b.signIn(pat, "/report")

	next := func(r *replica, address, want string) string {
		t.Helper()
		status, to, _, err := b.hop(r, address)
		if err != nil || status != http.StatusSeeOther || !strings.HasPrefix(to, want) {
			t.Fatalf("%s: %d to %q, %v; want %s", r.name, status, to, err, want)
		}
		return to
	}
	to := next(w.all[0], "https://"+wikiSite+"/page", "https://"+mainSite+"/_mfa/sso?for=")
	to = next(w.all[1], to, "https://"+wikiSite+"/_mfa/sso/enter?code=")
	type answer struct {
		status   int
		sessions []string
		err      error
	}
	answers := make(chan answer, len(w.all))
	for _, r := range w.all { // the same browser, at all replicas at once
		twin := w.browser(wikiSite)
		twin.jar.SetCookies(twin.url("/"), b.jar.Cookies(twin.url("/")))
		go func() {
			status, _, cookies, err := twin.hop(r, to)
			a := answer{status: status, err: err}
			for _, c := range cookies {
				if c.Name == "__Host-okta_mfa" && c.MaxAge >= 0 {
					a.sessions = append(a.sessions, c.Value)
				}
			}
			answers <- a
		}()
	}
	entered, refused := 0, 0
	for range w.all {
		switch a := <-answers; {
		case a.err != nil:
			t.Error(a.err)
		case a.status == http.StatusSeeOther && len(a.sessions) == 1:
			entered++
		case a.status == http.StatusForbidden && len(a.sessions) == 0:
			refused++
		default:
			t.Errorf("an answer %d with %d sessions", a.status, len(a.sessions))
		}
	}
	if entered != 1 || refused != len(w.all)-1 {
		t.Errorf("one code made %d sessions, and was refused %d times", entered, refused)
	}
	w.ownSessionsOnly(b, pat)
}

// ownSessionsOnly (S60): each replica lists a person's own sessions, wherever they began, and nobody else's, and neither the
// list nor the handles that the operator is told open anything.
func (w *world) ownSessionsOnly(b *browser, who person) {
	w.t.Helper()
	quinn := w.join("quinn")
	other := w.browser(mainSite).on(w.all[2])
	other.signIn(quinn, "/report")
	for _, r := range w.all {
		page := b.on(r).open("/_mfa/signout").want("signout").text
		if strings.Count(page, "<li>") != 2 || strings.Count(page, "This session") != 1 || !strings.Contains(page, wikiSite) || strings.Contains(page, quinn.login) {
			w.t.Errorf("%s lists\n%s", r.name, page)
		}
		if n := strings.Count(other.on(r).open("/_mfa/signout").want("signout").text, "<li>"); n != 1 {
			w.t.Errorf("%s lists %d sessions to somebody who has one", r.name, n)
		}
		status, text := r.admin(http.MethodGet, "/okta_mfa/sessions?user="+who.login, "", "")
		var list []struct{ Session string }
		if err := json.Unmarshal([]byte(text), &list); err != nil || status != http.StatusOK || len(list) != 2 {
			w.t.Fatalf("%s: %d %s, %v", r.name, status, text, err)
		}
		for _, c := range b.jar.Cookies(b.url("/")) {
			if strings.Contains(page, c.Value) || strings.Contains(text, c.Value) {
				w.t.Errorf("%s shows the cookie %s", r.name, c.Name)
			}
		}
		for _, s := range list {
			thief := w.browser(mainSite).on(r)
			thief.jar.SetCookies(thief.url("/"), []*http.Cookie{{Name: "__Host-okta_mfa", Value: s.Session, Path: "/", Secure: true}})
			if p := thief.open("/report"); strings.Contains(page, s.Session) || p.status != http.StatusUnauthorized {
				w.t.Errorf("%s: the handle of a session is on the page, or opens one: %s", r.name, p)
			}
		}
	}
}
