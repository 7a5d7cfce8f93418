package gateway

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// S08: eight spellings of one host are one site.
func TestSiteOf_S08(t *testing.T) {
	for host, want := range map[string]string{
		"app.example.com": "app.example.com", "APP.Example.COM": "app.example.com", "app.example.com.": "app.example.com",
		"app.example.com:443": "app.example.com", "App.Example.com.:8443": "app.example.com", "app.example.com:80": "app.example.com",
		"APP.EXAMPLE.COM.": "app.example.com", "app.example.com:": "app.example.com",
		"[::1]:8080": "::1", "[2001:DB8::1]": "2001:db8::1", "127.0.0.1:1": "127.0.0.1", "": "",
	} {
		if got := siteOf(&http.Request{Host: host}); got != want {
			t.Errorf("siteOf(%q) = %q, want %q", host, got, want)
		}
	}
}

func TestLoopback(t *testing.T) {
	for site, want := range map[string]bool{
		"localhost": true, "app.localhost": true, "127.0.0.1": true, "127.9.9.9": true, "::1": true,
		"localhost.example.com": false, "notlocalhost": false, "10.0.0.1": false, "127.0.0.1.example.com": false, "": false,
	} {
		if got := loopback(site); got != want {
			t.Errorf("loopback(%q) = %v, want %v", site, got, want)
		}
	}
}

// hostileReturns are shapes of return paths that sent people to another origin at one gate or another.
var hostileReturns = []string{
	"//evil.example", "///evil.example", "/\\evil.example", "\\/evil.example", "\\\\evil.example", "/\\/evil.example", "//\\evil.example",
	"/\t/evil.example", "/\n/evil.example", "/\r\n/evil.example", "\t//evil.example", " //evil.example", "/ /evil.example",
	"/%09/evil.example", "/%5cevil.example", "/%5c%5cevil.example", "/%2f/evil.example", "/%2f%2fevil.example", "/%0d%0aLocation:%20https://evil.example",
	"https://evil.example", "http:evil.example", "https:/evil.example", "https:\\\\evil.example", "javascript:alert(1)", "data:text/html,x",
	"/.//evil.example", "/..//evil.example", "/./\\evil.example", "//evil.example@app.example", "/\x00/evil.example", "/\u2028/evil.example",
	"//evil%E3%80%82example", "/;@evil.example", "////evil.example/%2e%2e", "/?next=//evil.example", "/#//evil.example", "//evil.example?x=/",
	"http://app.example.com.evil.example/", "https://app.example.com@evil.example", "//app.example.com.evil.example", "/\x7f/evil.example",
}

// S30, S31, S32: whatever path was asked for, the way back stays on this origin as a browser reads it.
func TestReturnPathStaysHere_S30_S31_S32(t *testing.T) {
	for _, raw := range hostileReturns {
		for _, u := range []*url.URL{{Path: raw}, {Path: "/", RawQuery: raw}, {Opaque: raw}, {Path: raw, RawPath: raw}, parsed(raw)} {
			assertStays(t, raw, returnPath(u))
		}
	}
}

func parsed(raw string) *url.URL {
	if u, err := url.Parse(raw); err == nil {
		return u
	}
	return &url.URL{}
}

// assertStays resolves the path as the WHATWG URL parser would: tabs and newlines dropped, backslashes read
// as slashes, then against our origin.
func assertStays(t *testing.T, raw, back string) {
	t.Helper()
	b := strings.NewReplacer("\t", "", "\n", "", "\r", "", "\\", "/").Replace(strings.TrimSpace(back))
	base := &url.URL{Scheme: "https", Host: "app.example.com", Path: "/"}
	u, err := base.Parse(b)
	if err != nil || u.Host != "app.example.com" || u.Scheme != "https" || !strings.HasPrefix(b, "/") || strings.HasPrefix(b, "//") {
		t.Errorf("return for %q is %q: leads to %v (%v)", raw, back, u, err)
	}
}

func FuzzReturnPath(f *testing.F) {
	for _, raw := range hostileReturns {
		f.Add(raw, raw)
	}
	f.Fuzz(func(t *testing.T, path, query string) {
		assertStays(t, path+"?"+query, returnPath(&url.URL{Path: path, RawQuery: query}))
	})
}

func TestReturnPathKeepsWhatWasAskedFor(t *testing.T) {
	for raw, want := range map[string]string{
		"/report?id=1&x=a%20b": "/report?id=1&x=a%20b", "/a%2Fb/c": "/a%2Fb/c", "/": "/", "": "/", "/zo%C3%AB": "/zo%C3%AB",
		"/" + strings.Repeat("a", maxReturn): "/",
	} {
		if got := returnPath(parsed(raw)); got != want {
			t.Errorf("returnPath(%q) = %q, want %q", raw, got, want)
		}
	}
}
