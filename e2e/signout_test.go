package e2e

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/network"
)

const sessionCookie = "__Host-okta_mfa"

// S44, S45: signing out ends the session on the server too: a copy of the cookie is worth nothing.
func TestSignOutEndsTheSessionForCopiesOfTheCookie(t *testing.T) {
	everyWay(t, func(t *testing.T, b *browser, shot func(*tab, string)) {
		tom := b.d.person("tom")
		p := b.tab()
		p.askCode(tom, "/")
		p.code(b.d.totp(tom))
		p.admitted(tom, "/")
		copied := p.cookie(sessionCookie)
		if status, body := replay(t, b.d, copied); status != http.StatusOK || !strings.Contains(body, tom.Login) {
			t.Fatalf("the copied cookie got %d before sign-out, want 200: this test would prove nothing", status)
		}
		p.click("#leave")
		p.see(onSignOut)
		shot(p, "signout")
		p.click(primary)
		p.see(onEnd)
		shot(p, "signedout")
		if status, body := replay(t, b.d, copied); status != http.StatusUnauthorized || strings.Contains(body, tom.Login) {
			t.Errorf("the copied cookie got %d after sign-out, want 401 and the sign-in page", status)
		}
		p.open("/")
		p.see(onSignIn)
	})
}

// cookie reads a cookie of the site, HttpOnly ones too, and checks that scripts cannot.
func (p *tab) cookie(name string) *network.Cookie {
	p.t.Helper()
	got := call(p, network.GetCookies, network.GetCookiesParams{URLs: []string{p.b.d.Site}})
	for _, c := range got.Cookies {
		if c.Name == name {
			if !c.HTTPOnly || !c.Secure || c.SameSite != network.CookieSameSiteLax {
				p.t.Errorf("cookie %s: HttpOnly %t, Secure %t, SameSite %q", name, c.HTTPOnly, c.Secure, c.SameSite)
			}
			return c
		}
	}
	p.t.Fatalf("the browser has no cookie %s", name)
	return nil
}

// replay asks for the site as somebody who holds a copy of a cookie.
func replay(t *testing.T, d *demo, c *network.Cookie) (status int, body string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, d.Site, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Accept", "text/html")
	req.Header.Set("User-Agent", browserAgent)
	req.Header.Set("Cookie", c.Name+"="+c.Value)
	client := http.Client{Timeout: 10 * time.Second}
	res, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, readBody(t, res)
}
