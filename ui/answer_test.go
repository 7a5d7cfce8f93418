package ui

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"sidegate.example/sidegate/flows"
)

// TestS42SecurityHeaders pins every guard, to the letter.
func TestS42SecurityHeaders(t *testing.T) {
	want := map[string]string{
		"X-Frame-Options":              "DENY",
		"X-Content-Type-Options":       "nosniff",
		"Referrer-Policy":              "strict-origin",
		"Cache-Control":                "no-store",
		"Cross-Origin-Opener-Policy":   "same-origin",
		"Cross-Origin-Resource-Policy": "same-origin",
		"X-Robots-Tag":                 "noindex",
		"Content-Security-Policy":      "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
	}
	h := make(http.Header)
	SecurityHeaders(h)
	for name, value := range want {
		if got := h.Values(name); len(got) != 1 || got[0] != value {
			t.Errorf("%s: %q, want %q", name, got, value)
		}
	}
	if pp := h.Get("Permissions-Policy"); !strings.Contains(pp, "camera=()") || !strings.Contains(pp, "geolocation=()") {
		t.Errorf("Permissions-Policy: %q", pp)
	}

	want["Content-Security-Policy"] = "default-src 'none'; script-src 'nonce-N'; style-src 'nonce-N'; img-src 'self' data:; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
	w := write(t, mustNew(t), Page{View: ViewSignOut})
	nonce := attr(w.all("script")[0], "nonce")
	for name, value := range want {
		if got := w.Header().Get(name); got != strings.ReplaceAll(value, "nonce-N", "nonce-"+nonce) {
			t.Errorf("page: %s: %q", name, got)
		}
	}
	if got := w.Header().Get("Content-Type"); got != "text/html; charset=utf-8" {
		t.Errorf("Content-Type %q", got)
	}
}

// TestNonceIsFresh: a nonce that repeats is a password that everybody knows.
func TestNonceIsFresh(t *testing.T) {
	p := mustNew(t)
	seen := make(map[string]bool)
	for range 100 {
		seen[attr(write(t, p, Page{View: ViewSignOut}).all("script")[0], "nonce")] = true
	}
	if len(seen) != 100 {
		t.Errorf("%d different nonces in 100 pages", len(seen))
	}
}

// TestUnrenderableIsPlain500: what the gate should never ask for is never shown in part, and stays guarded.
func TestUnrenderableIsPlain500(t *testing.T) {
	p := mustNew(t)
	for name, page := range map[string]Page{
		"no view":        {},
		"unknown view":   {View: "x"},
		"layout":         {View: "layout"},
		"done":           {View: ViewStep, Step: flows.Step{Kind: flows.KindDone}},
		"unknown kind":   {View: ViewStep, Step: flows.Step{Kind: "x"}},
		"unknown reason": {View: ViewStep, Step: flows.Step{Kind: flows.KindDenied, Denied: &flows.Denied{Reason: "x"}}},
		"no reason":      {View: ViewStep, Step: flows.Step{Kind: flows.KindDenied}},
	} {
		w := httptest.NewRecorder()
		p.Write(w, http.StatusUnauthorized, page)
		if w.Code != 500 || w.Body.String() != "This page cannot be shown.\n" || w.Header().Get("X-Frame-Options") != "DENY" ||
			w.Header().Get("Content-Type") != "text/plain; charset=utf-8" {
			t.Errorf("%s: %d %q %v", name, w.Code, w.Body, w.Header())
		}
	}
}

func TestNewRefusesPrefix(t *testing.T) {
	for _, prefix := range []string{"", "/", "_mfa", "/_mfa/", "//evil.test", "https://evil.test", `/\x`, "/a\n"} {
		if _, err := New(Options{Prefix: prefix}); err == nil {
			t.Errorf("prefix %q accepted", prefix)
		}
	}
}

func TestServeAsset(t *testing.T) {
	p := mustNew(t)
	w := write(t, p, Page{View: ViewSignedOut})
	style := attr(w.all("link")[1], "href")
	script := attr(w.all("script")[0], "src")
	serve := func(method, path string, header ...string) *httptest.ResponseRecorder {
		r := httptest.NewRequest(method, path, nil)
		if len(header) == 2 {
			r.Header.Set(header[0], header[1])
		}
		w := httptest.NewRecorder()
		p.ServeAsset(w, r)
		if w.Header().Get("X-Frame-Options") != "DENY" || w.Header().Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s %s is not guarded: %v", method, path, w.Header())
		}
		return w
	}
	for path, contentType := range map[string]string{style: "text/css; charset=utf-8", script: "text/javascript; charset=utf-8"} {
		get := serve("GET", path)
		if get.Code != 200 || get.Body.Len() < 1000 || get.Header().Get("Content-Type") != contentType ||
			get.Header().Get("Cache-Control") != "public, max-age=31536000, immutable" {
			t.Errorf("GET %s: %d, %d bytes, %v", path, get.Code, get.Body.Len(), get.Header())
		}
		head := serve("HEAD", path)
		if head.Code != 200 || head.Body.Len() != 0 || head.Header().Get("Content-Length") != get.Header().Get("Content-Length") {
			t.Errorf("HEAD %s: %d, %d bytes, %v", path, head.Code, head.Body.Len(), head.Header())
		}
		if again := serve("GET", path, "If-None-Match", get.Header().Get("ETag")); again.Code != 304 {
			t.Errorf("revalidation: %d", again.Code)
		}
		if post := serve("POST", path); post.Code != 405 || post.Header().Get("Allow") != "GET, HEAD" || post.Header().Get("Cache-Control") != "no-store" {
			t.Errorf("POST %s: %d %v", path, post.Code, post.Header())
		}
	}
	for _, path := range []string{"/_mfa/assets/", "/_mfa/assets/gate.css", "/_mfa/assets/gate.0000000000000000.css", "/_mfa/assets/../ui.go", style + "/", "/other" + style} {
		if w := serve("GET", path); w.Code != 404 || w.Header().Get("Cache-Control") != "no-store" {
			t.Errorf("GET %s: %d %q", path, w.Code, w.Header().Get("Cache-Control"))
		}
	}
}

// TestAssetsStayHome: neither file names another origin, and the style has no physical sides, so that it
// turns round with the writing direction.
func TestAssetsStayHome(t *testing.T) {
	for _, name := range []string{"gate.css", "gate.js"} {
		b, err := assetFiles.ReadFile("assets/" + name)
		if err != nil {
			t.Fatal(err)
		}
		for _, bad := range []string{"//cdn", "http:", "https:", "url(", "@import", "eval(", "innerHTML", "document.write",
			"margin-left", "margin-right", "padding-left", "padding-right", "text-align: left", "text-align: right", "float:"} {
			if strings.Contains(string(b), bad) {
				t.Errorf("%s holds %q", name, bad)
			}
		}
	}
}
