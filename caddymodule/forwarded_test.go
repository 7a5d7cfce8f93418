package caddymodule

import (
	"net/http"
	"strings"
	"testing"
)

// asking is a site that other proxies may ask, with options; the test itself is one of them.
func asking(t *testing.T, options ...string) (*world, string) {
	t.Helper()
	w := newWorld(t)
	w.server = "trusted_proxies static 127.0.0.1/32\n\t\ttrusted_proxies_strict"
	return w, w.start(w.behind(append(options, "auth_endpoint on")...))
}

// about are the lines in which a proxy says which request it asks about.
func about(method, uri string, more ...string) []string {
	return append([]string{"X-Forwarded-Method: " + method, "X-Forwarded-Proto: https", "X-Forwarded-Host: legacy.example.com",
		"X-Forwarded-Uri: " + uri, "X-Forwarded-For: 203.0.113.7"}, more...)
}

// A proxy learns who sends a request: 204, and in the answer what the app is to be sent. What the client claims is not in it
// (S16), nor our cookie (S28).
func TestAuthEndpointAllows(t *testing.T) {
	w, addr := asking(t, "assertion")
	session := w.cookie("legacy.example.com", bob())
	for _, path := range []string{"/_mfa/auth", "/_mfa/auth/page"} {
		a := get(t, addr, path, about("POST", "/transfer/1?to=eve", "Cookie: a=1; "+session+"; b=2", "Remote-User: admin", "Remote_Groups: admins")...)
		if a.StatusCode != http.StatusNoContent || a.body != "" || a.Header.Get("Cache-Control") != "no-store" {
			t.Fatalf("%s: %d, %v, %q", path, a.StatusCode, a.Header, a.body)
		}
		only(t, a.Header, "Remote-User", "bob")
		only(t, a.Header, "Remote-Groups", "staff")
		if got := a.Header.Values("Cookie"); len(got) != 1 || got[0] != "a=1; b=2" {
			t.Errorf("the app is to get the cookies %q", got)
		}
		if n := len(strings.Split(a.Header.Get("Remote-Assertion"), ".")); n != 3 {
			t.Errorf("the assertion has %d parts", n)
		}
	}
	a := get(t, addr, "/_mfa/auth", about("GET", "/", "Cookie: "+session)...)
	if _, there := a.Header["Cookie"]; a.StatusCode != http.StatusNoContent || there {
		t.Errorf("%d, cookies %q", a.StatusCode, a.Header.Values("Cookie"))
	}
	w.up.none(t, "asking")
}

// Who has no session: the decision never has a page or a redirect, the page is there where a person navigates.
func TestAuthEndpointChallenges(t *testing.T) {
	w, addr := asking(t)
	const navigation = "Sec-Fetch-Mode: navigate\nSec-Fetch-Dest: document\nAccept: text/html"
	for _, tt := range []struct{ path, more, kind string }{
		{"/_mfa/auth", navigation, "application/problem+json"},
		{"/_mfa/auth", "Accept: text/html", "application/problem+json"},
		{"/_mfa/auth/page", "Sec-Fetch-Mode: cors", "application/problem+json"},
		{"/_mfa/auth/page", navigation, "text/html; charset=utf-8"},
	} {
		for _, method := range []string{"GET", "HEAD", "POST", "DELETE"} {
			a := get(t, addr, tt.path, about(method, "/payroll?month=11", tt.more)...)
			if a.StatusCode != http.StatusUnauthorized || a.Header.Get("Content-Type") != tt.kind || a.Header.Get("Location") != "" || a.body == "" {
				t.Errorf("%s %s %q: %d, %v", method, tt.path, tt.more, a.StatusCode, a.Header)
			}
			if a.Header.Get("Remote-User") != "" || len(a.Header["Set-Cookie"]) > 0 && tt.kind != "text/html; charset=utf-8" {
				t.Errorf("%s %s: %v", method, tt.path, a.Header)
			}
		}
	}
	w.up.none(t, "asking")
	w.orgHits.none(t, "asking")
}

// S07: what does not say clearly and once which request it is about is never allowed, and nothing but the documented headers
// says it.
func TestS07MalformedQuestions(t *testing.T) {
	w, addr := asking(t)
	session := "Cookie: " + w.cookie("legacy.example.com", bob())
	change := func(name string, lines ...string) []string {
		out := []string{session}
		for _, line := range about("GET", "/payroll") {
			if !strings.HasPrefix(line, name+":") {
				out = append(out, line)
			}
		}
		return append(out, lines...)
	}
	for what, lines := range map[string][]string{
		"no URI":              change("X-Forwarded-Uri"),
		"empty URI":           change("X-Forwarded-Uri", "X-Forwarded-Uri:"),
		"bad escape":          change("X-Forwarded-Uri", "X-Forwarded-Uri: /%zz"),
		"absolute":            change("X-Forwarded-Uri", "X-Forwarded-Uri: https://legacy.example.com/payroll"),
		"absolute, malformed": change("X-Forwarded-Uri", "X-Forwarded-Uri: https://app/%zz"),
		"relative":            change("X-Forwarded-Uri", "X-Forwarded-Uri: payroll"),
		"fragment":            change("X-Forwarded-Uri", "X-Forwarded-Uri: /payroll#x"), // which nginx hands on as it is
		"two values":          change("", "X-Forwarded-Uri: /other"),
		"long":                change("X-Forwarded-Uri", "X-Forwarded-Uri: /"+strings.Repeat("a", 9<<10)),
		"two hosts":           change("", "X-Forwarded-Host: other.example.com"),
		"list of hosts":       change("X-Forwarded-Host", "X-Forwarded-Host: a.example.com, legacy.example.com"),
		"host with a path":    change("X-Forwarded-Host", "X-Forwarded-Host: legacy.example.com/x"),
		"host with a user":    change("X-Forwarded-Host", "X-Forwarded-Host: x@legacy.example.com"),
		"no host":             change("X-Forwarded-Host"),
		"no method":           change("X-Forwarded-Method"),
		"bad method":          change("X-Forwarded-Method", "X-Forwarded-Method: GET /"),
		"no scheme":           change("X-Forwarded-Proto"),
		"bad scheme":          change("X-Forwarded-Proto", "X-Forwarded-Proto: javascript"),
		"two schemes":         change("X-Forwarded-Proto", "X-Forwarded-Proto: http, https"),
		"other names": {session, "X-Original-URL: https://legacy.example.com/payroll", "X-Original-Method: GET", "X-Rewrite-URL: /payroll",
			"X-Forwarded-Path: /payroll", "Forwarded: host=legacy.example.com;proto=https"},
	} {
		for _, path := range []string{"/_mfa/auth", "/_mfa/auth/page"} {
			if a := get(t, addr, path, lines...); a.StatusCode != http.StatusBadRequest || a.Header.Get("Remote-User") != "" {
				t.Errorf("%s at %s: %d, want 400", what, path, a.StatusCode)
			}
		}
	}
	// 64 KB meet Caddy's own limit of headers first.
	if a := get(t, addr, "/_mfa/auth", change("X-Forwarded-Uri", "X-Forwarded-Uri: /"+strings.Repeat("a", 64<<10))...); a.StatusCode < 400 {
		t.Errorf("64 KB: %d", a.StatusCode)
	}
	// A second address beside the right one has no effect.
	if a := get(t, addr, "/_mfa/auth", change("", "X-Original-URL: https://app/%zz")...); a.StatusCode != http.StatusNoContent {
		t.Errorf("beside a foreign header: %d", a.StatusCode)
	}
	w.up.none(t, "asking")
}

// S12, S22: nobody but a trusted proxy may ask, and where it is not switched on nobody may.
func TestAuthEndpointIsForTrustedProxies(t *testing.T) {
	w := newWorld(t)
	w.server = "trusted_proxies static 192.0.2.1/32\n\t\ttrusted_proxies_strict"
	addr := w.start(w.behind("auth_endpoint on"))
	session := "Cookie: " + w.cookie("legacy.example.com", bob())
	for _, path := range []string{"/_mfa/auth", "/_mfa/auth/page"} {
		if a := get(t, addr, path, about("GET", "/payroll", session)...); a.StatusCode != http.StatusForbidden || a.Header.Get("Remote-User") != "" {
			t.Errorf("untrusted at %s: %d, want 403", path, a.StatusCode)
		}
	}
	for _, off := range []string{"", "auth_endpoint off"} {
		w := newWorld(t)
		w.server = "trusted_proxies static 127.0.0.1/32\n\t\ttrusted_proxies_strict"
		addr := w.start(w.behind(off))
		if a := get(t, addr, "/_mfa/auth", about("GET", "/payroll", session)...); a.StatusCode != http.StatusNotFound {
			t.Errorf("%q: %d, want 404", off, a.StatusCode)
		}
	}
}

// S13, S47, S48: a session is good for the site that the proxy names, and half a sign-in is good for nothing.
func TestAuthEndpointKnowsTheSite(t *testing.T) {
	w, addr := asking(t)
	for what, cookie := range map[string]string{
		"another site's session": w.cookie("other.example.com", bob()),
		"a sign-in's cookie":     "__Host-okta_mfa_signin=ABCDEFGHIJKLMNOPQRSTUVWXYZ",
		"a sign-in as session":   "__Host-okta_mfa=ABCDEFGHIJKLMNOPQRSTUVWXYZ",
	} {
		if a := get(t, addr, "/_mfa/auth", about("GET", "/payroll", "Cookie: "+cookie)...); a.StatusCode != http.StatusUnauthorized {
			t.Errorf("%s: %d, want 401", what, a.StatusCode)
		}
	}
	session := "Cookie: " + w.cookie("legacy.example.com", bob())
	for _, own := range []string{"/_mfa/whoami", "/_mfa/auth", "/_mfa/signout", "/_mfa"} {
		if a := get(t, addr, "/_mfa/auth", about("GET", own, session)...); a.StatusCode != http.StatusForbidden {
			t.Errorf("about %s: %d, want 403", own, a.StatusCode)
		}
	}
}

// A form that a proxy asks about is never kept: its body may not be here, and the app that it would be sent on to is behind the
// proxy.
func TestFormsOfAskingProxiesAreNotKept(t *testing.T) {
	w, addr := asking(t)
	form := about("POST", "/transfer", "Content-Type: application/x-www-form-urlencoded", "Origin: https://legacy.example.com", "Sec-Fetch-Site: same-origin",
		"Sec-Fetch-Mode: navigate", "Sec-Fetch-Dest: document")
	for what, request := range map[string]string{
		"without the body": "GET /_mfa/auth/page HTTP/1.1\nHost: " + addr + "\n" + strings.Join(form, "\n"),
		"with the body":    "POST /_mfa/auth/page HTTP/1.1\nHost: " + addr + "\n" + strings.Join(form, "\n") + "\nContent-Length: 6\n\nto=eve",
	} {
		a := raw(t, addr, request)
		if a.StatusCode != http.StatusUnauthorized || strings.Contains(strings.Join(a.Header["Set-Cookie"], " "), "_kept") {
			t.Errorf("%s: %d, %q", what, a.StatusCode, a.Header["Set-Cookie"])
		}
	}
	w.up.none(t, "asking")
}

// Rules look at the request that the proxy asks about, not at the question.
func TestRulesHoldForForwardedRequests(t *testing.T) {
	w := newWorld(t)
	w.server = "trusted_proxies static 127.0.0.1/32\n\t\ttrusted_proxies_strict"
	addr := w.start(`@admin path /admin/*
	@transfer {
		method POST
		path /transfer/*
		host legacy.example.com
		expression {http.request.uri.query.a} == "1"
	}
	okta_mfa {
		auth_endpoint on
		allow @admin groups admins
		deny @transfer groups staff
	}
	reverse_proxy ` + w.up.Listener.Addr().String())
	session := "Cookie: " + w.cookie("legacy.example.com", bob())
	for _, tt := range []struct {
		method, uri string
		want        int
	}{
		{"GET", "/", 204}, {"GET", "/admin/users", 403}, {"GET", "/%61dmin/users", 403}, {"GET", "/x/../admin/users", 403},
		{"POST", "/transfer/1?a=1", 403}, {"GET", "/transfer/1?a=1", 204}, {"POST", "/transfer/1?a=2", 204}, {"POST", "/", 204},
	} {
		for _, path := range []string{"/_mfa/auth", "/_mfa/auth/page"} {
			if a := get(t, addr, path, about(tt.method, tt.uri, session)...); a.StatusCode != tt.want {
				t.Errorf("%s %s at %s: %d, want %d", tt.method, tt.uri, path, a.StatusCode, tt.want)
			}
		}
	}
}
