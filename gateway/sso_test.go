package gateway

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"sidegate.example/sidegate/gateway/store"
)

const (
	accounts = "https://accounts.example.com"
	payroll  = "https://payroll.example.com"
	wiki     = "https://wiki.example.com"
	stranger = "https://stranger.example.com"
)

// One sign-in at the sign-in site opens all sites, each with a cookie and a session of its own (S58, S46); what is asked for at the
// end is what was asked for at the beginning.
func TestS58OneSignInForAllSites(t *testing.T) {
	s := newSites(t, nil)
	b := s.browser()
	page, way := b.visit(payroll + "/slips?month=11")
	if page.StatusCode != 401 || page.shows() != "signin identify" || len(way) != 2 || !strings.HasPrefix(way[1], accounts+"/_mfa/sso?for=") {
		t.Fatalf("%d %q after %q", page.StatusCode, page.shows(), way)
	}
	if a := b.signIn(payroll + "/slips?month=11"); a.body != "SECRET OF payroll.example.com" || a.Request.URL.String() != payroll+"/slips?month=11" {
		t.Fatalf("%q at %s", a.body, a.Request.URL)
	}
	a, way := b.visit(wiki + "/page")
	if a.body != "SECRET OF wiki.example.com" || a.Request.URL.String() != wiki+"/page" || len(way) != 4 {
		t.Errorf("%d %q after %q", a.StatusCode, a.body, way)
	}
	seen := map[string]bool{}
	for _, origin := range []string{accounts, payroll, wiki} {
		cookie := b.cookies(origin)[DefaultCookieName]
		if cookie == "" || seen[cookie] {
			t.Errorf("%s: session cookie %.20q", origin, cookie)
		}
		seen[cookie] = true
	}
	for _, origin := range []string{accounts, payroll, wiki} { // a cookie of one site is no good at another
		other := s.browser()
		u, _ := url.Parse(payroll)
		other.Jar.SetCookies(u, []*http.Cookie{{Name: DefaultCookieName, Value: b.cookies(origin)[DefaultCookieName], Path: "/", Secure: true}})
		if a := other.do("GET", payroll+"/", nil); (a.StatusCode == 200) != (origin == payroll) {
			t.Errorf("the cookie of %s at payroll: %d", origin, a.StatusCode)
		}
	}
	if len(s.hits) != 3 || s.hits[0] != payroll+"/slips?month=11 bob" {
		t.Errorf("upstreams saw %q", s.hits)
	}
	// A site that is not one of them signs people in itself.
	if a, way := b.visit(stranger + "/"); a.StatusCode != 401 || len(way) != 1 {
		t.Errorf("the other site: %d after %q", a.StatusCode, way)
	}
}

// No cookie has a Domain, with or without other sites (S58).
func TestS58NoCookieHasADomain(t *testing.T) {
	s := newSites(t, nil)
	b := s.browser()
	check := b.Transport
	b.Transport = roundTrip(func(r *http.Request) (*http.Response, error) {
		resp, err := check.RoundTrip(r)
		if err == nil {
			for _, c := range resp.Cookies() {
				if c.Domain != "" || !strings.HasPrefix(c.Name, "__Host-") || !c.Secure || !c.HttpOnly || c.Path != "/" {
					t.Errorf("%s sets %s", r.URL.Host, c)
				}
			}
		}
		return resp, err
	})
	b.signIn(payroll + "/")
	b.visit(wiki + "/")
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// code goes as far as the address with the code.
func (b *ssoBrowser) code(site string) string {
	b.s.t.Helper()
	a := b.do("GET", site+"/page", nil)
	a = b.do("GET", a.Header.Get("Location"), nil)
	to := a.Header.Get("Location")
	if !strings.HasPrefix(to, site+"/_mfa/sso/enter?code=") {
		b.s.t.Fatalf("%d to %q", a.StatusCode, to)
	}
	if a.Header.Get("Referrer-Policy") != "strict-origin" || a.Header.Get("Cache-Control") != "no-store" {
		b.s.t.Errorf("the redirect with the code says %v", a.Header)
	}
	return to
}

// S33: the code works once, for a minute, at one site, in the browser that asked.
func TestS33HandOverCode(t *testing.T) {
	s := newSites(t, nil)
	b := s.browser()
	b.signIn(accounts + "/")
	refused := func(what string, a answer) {
		t.Helper()
		if a.StatusCode != http.StatusForbidden || a.shows() != "error stale" || a.Header.Get("Set-Cookie") != "" {
			t.Errorf("%s: %d %q, Set-Cookie %q", what, a.StatusCode, a.shows(), a.Header.Get("Set-Cookie"))
		}
	}
	refused("no code", b.do("GET", payroll+"/_mfa/sso/enter", nil))
	refused("a made-up code", b.do("GET", payroll+"/_mfa/sso/enter?code=ABCDEFGHIJKLMNOPQRSTUVWXYZ", nil))

	to := b.code(payroll)
	refused("another browser", s.browser().do("GET", to, nil))
	refused("after another browser", b.do("GET", to, nil))

	other := s.browser() // a browser that has asked too, with its own request
	other.do("GET", payroll+"/", nil)
	refused("another browser that has asked", other.do("GET", b.code(payroll), nil))

	refused("another site", b.do("GET", strings.Replace(b.code(payroll), payroll, wiki, 1), nil))

	to = b.code(payroll)
	if a := b.do("GET", to, nil); a.StatusCode != 303 || a.Header.Get("Location") != "/page" {
		t.Fatalf("%d to %q", a.StatusCode, a.Header.Get("Location"))
	}
	if a := b.do("GET", to, nil); a.StatusCode != 303 || a.Header.Get("Location") != "/" || a.Header.Get("Set-Cookie") != "" {
		t.Errorf("again, signed in: %d to %q", a.StatusCode, a.Header.Get("Location"))
	}
	u, _ := url.Parse(payroll)
	b.Jar.SetCookies(u, []*http.Cookie{{Name: DefaultCookieName, Path: "/", Secure: true, MaxAge: -1}})
	refused("again", b.do("GET", to, nil))
}

// S33: the sign-in site sends nobody anywhere but to the sites that it knows, for requests that a gate with its keys and its
// policy has made.
func TestS33NoOpenRedirect(t *testing.T) {
	s := newSites(t, func(origin string, c *Config) {
		switch origin {
		case stranger: // believes to be one of them
			c.SSO = []string{accounts, stranger}
		case wiki:
			c.Policy = "another org"
		}
	})
	b := s.browser()
	b.signIn(accounts + "/")
	for what, address := range map[string]string{
		"no request":         accounts + "/_mfa/sso",
		"a plain address":    accounts + "/_mfa/sso?for=" + url.QueryEscape(stranger),
		"garbage":            accounts + "/_mfa/sso?for=garbage",
		"a site not known":   b.do("GET", stranger+"/", nil).Header.Get("Location"),
		"another policy":     b.do("GET", wiki+"/", nil).Header.Get("Location"),
		"not a sign-in site": strings.Replace(b.do("GET", payroll+"/", nil).Header.Get("Location"), accounts, payroll, 1),
	} {
		a := b.do("GET", address, nil)
		if (a.StatusCode != 403 && a.StatusCode != 404) || a.Header.Get("Location") != "" {
			t.Errorf("%s: %d to %q", what, a.StatusCode, a.Header.Get("Location"))
		}
	}
	for _, path := range []string{"//evil.example/", "/\\evil.example", "/%2f%2fevil.example"} {
		a, _ := b.visit(payroll + path)
		if a.Request.URL.Host != "payroll.example.com" {
			t.Errorf("%s led to %s", path, a.Request.URL)
		}
	}
	if len(s.hits) > 0 {
		for _, hit := range s.hits {
			if !strings.HasPrefix(hit, accounts) && !strings.HasPrefix(hit, payroll) {
				t.Errorf("%s was reached", hit)
			}
		}
	}
}

// S44: who signs out at one site is out at all of them, with every copy of a cookie; who is signed in at another browser stays.
func TestS44SignOutEndsTheFamily(t *testing.T) {
	s := newSites(t, nil)
	b, other := s.browser(), s.browser()
	b.signIn(payroll + "/")
	b.visit(wiki + "/")
	other.signIn(wiki + "/")
	page := b.do("GET", wiki+"/_mfa/signout", nil)
	if a := b.do("POST", wiki+"/_mfa/signout", url.Values{"csrf": {page.csrf(t)}}); a.StatusCode != 303 {
		t.Fatalf("sign-out: %d", a.StatusCode)
	}
	for _, origin := range []string{payroll, wiki, accounts} {
		a, way := b.visit(origin + "/")
		if a.StatusCode != 401 || a.shows() != "signin identify" {
			t.Errorf("%s: %d %q after %q", origin, a.StatusCode, a.shows(), way)
		}
	}
	if a, _ := other.visit(payroll + "/"); a.StatusCode != 200 {
		t.Errorf("the other browser: %d", a.StatusCode)
	}
}

// S44: a session from before there were other sites is handed over to two of them at once: they are one family, and end as one.
func TestS44HandedOverTwiceAtOnce(t *testing.T) {
	s := newSites(t, nil)
	b, old := s.browser(), s.browser()
	b.plant(t, accounts, bob(), time.Now().Truncate(time.Second))
	u, _ := url.Parse(accounts)
	old.Jar.SetCookies(u, b.Jar.Cookies(u)) // as in a tab that has asked before the other one's answer came
	b.visit(payroll + "/")
	if a, _ := old.visit(wiki + "/"); a.StatusCode != 200 {
		t.Fatalf("wiki: %d", a.StatusCode)
	}
	page := b.do("GET", payroll+"/_mfa/signout", nil)
	if a := b.do("POST", payroll+"/_mfa/signout", url.Values{"csrf": {page.csrf(t)}}); a.StatusCode != 303 {
		t.Fatalf("sign-out: %d", a.StatusCode)
	}
	for _, origin := range []string{wiki, accounts} {
		if a, _ := old.visit(origin + "/"); a.StatusCode != 401 {
			t.Errorf("%s: %d", origin, a.StatusCode)
		}
	}
}

// S45: an operator who revokes one session by its handle ends the sign-in, or the sign-in site would hand it over again.
func TestS45RevokedIsNotHandedOverAgain(t *testing.T) {
	s := newSites(t, nil)
	b := s.browser()
	b.signIn(payroll + "/")
	found, err := s.state.Sessions(t.Context(), func(i *SessionInfo) bool { return i.Site == "payroll.example.com" })
	if err != nil || len(found) != 1 {
		t.Fatalf("%d sessions, %v", len(found), err)
	}
	if err := s.state.Revoke(t.Context(), store.Revocation{Session: found[0].Handle, Until: found[0].Expires}); err != nil {
		t.Fatal(err)
	}
	if a, _ := b.visit(payroll + "/"); a.StatusCode != 401 {
		t.Errorf("after the revocation: %d", a.StatusCode)
	}
}

// S61: a handed-over session ends when the sign-in does, and where sessions live shorter, people sign in there, without a
// circle of redirects.
func TestS61HandedOverSessionsKeepTheirEnd(t *testing.T) {
	s := newSites(t, func(origin string, c *Config) {
		if origin == wiki {
			c.Lifetime = time.Minute
		}
	})
	b := s.browser()
	issued := time.Now().Add(-2 * time.Minute).Truncate(time.Second).UTC()
	b.plant(t, accounts, bob(), issued)
	if a, _ := b.visit(payroll + "/"); a.StatusCode != 200 {
		t.Fatalf("payroll: %d", a.StatusCode)
	}
	infos, err := s.state.Sessions(t.Context(), func(i *SessionInfo) bool { return i.Site == "payroll.example.com" })
	if err != nil || len(infos) != 1 || !infos[0].Issued.Equal(issued) || !infos[0].Expires.Equal(issued.Add(time.Hour)) || len(infos[0].Factors) != 2 {
		t.Errorf("the session at payroll is %+v, %v", infos, err)
	}
	a, way := b.visit(wiki + "/")
	if a.StatusCode != 401 || a.shows() != "signin identify" || !strings.HasPrefix(way[len(way)-1], wiki) {
		t.Fatalf("wiki: %d %q after %q", a.StatusCode, a.shows(), way)
	}
	b.do("POST", wiki+"/_mfa/identify", url.Values{"csrf": {a.csrf(t)}, "f.identifier": {"bob"}, "f.password": {"pw"}})
	if a, way := b.visit(wiki + "/"); a.shows() != "step choose" || len(way) != 1 {
		t.Errorf("the sign-in goes on with %q after %q", a.shows(), way)
	}
}

// What is no navigation is answered where it is.
func TestOnlyNavigationsAreSentToTheSignInSite(t *testing.T) {
	s := newSites(t, nil)
	b := s.browser()
	r, err := http.NewRequestWithContext(t.Context(), "GET", payroll+"/api", nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := b.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != 401 || resp.Header.Get("Location") != "" {
		t.Errorf("an API call: %d to %q", resp.StatusCode, resp.Header.Get("Location"))
	}
	if a := b.do("POST", payroll+"/transfer", url.Values{"to": {"eve"}}); a.StatusCode != 401 || !strings.HasPrefix(a.shows(), "signin") {
		t.Errorf("a form: %d %q", a.StatusCode, a.shows())
	}
}

func TestSSOSettingsThatCannotBe(t *testing.T) {
	for _, tt := range []struct{ sites, want string }{
		{accounts, "sso https://accounts.example.com names one site; give the site where people sign in and at least one other"},
		{accounts + " http://payroll.example.com", `sso "http://payroll.example.com" must be an https origin in lower case, such as https://accounts.example.com`},
		{accounts + " payroll.example.com", `sso "payroll.example.com" must be an https origin in lower case, such as https://accounts.example.com`},
		{accounts + " https://payroll.example.com/", `sso "https://payroll.example.com/" must be an https origin in lower case, such as https://accounts.example.com`},
		{accounts + " https://Payroll.example.com", `sso "https://Payroll.example.com" must be an https origin in lower case, such as https://accounts.example.com`},
		{accounts + " " + accounts, "sso https://accounts.example.com is given twice"},
		{accounts + " http://localhost:8080", ""},
	} {
		err := CheckSSO(strings.Fields(tt.sites))
		if (err == nil) != (tt.want == "") || err != nil && err.Error() != tt.want {
			t.Errorf("%s: %v, want %q", tt.sites, err, tt.want)
		}
	}
	state := NewState()
	defer state.Close()
	if _, err := New(Config{Flow: straight(), Engine: "e", State: state, Policy: "p", Keys: keys(t), PersonKnown: true, SSO: []string{accounts, wiki}}); err == nil {
		t.Error("sso with primary identity was taken")
	}
}
