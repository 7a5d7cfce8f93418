package archtest

import (
	"slices"
	"strings"
	"testing"
)

// usesMathRand lists the only packages that may use math/rand/v2, each for a number that nobody gains by
// guessing: when a browser reconnects, the jitter of a poll, the simulator's decoys.
var usesMathRand = []string{"gateway", "gateway/transaction", "oktasim"}

// TestRandomnessIsCryptographic bans math/rand outside tests (immunity S53: session ids made from a seed).
func TestRandomnessIsCryptographic(t *testing.T) {
	for _, s := range sources(t) {
		if s.test {
			continue
		}
		for _, p := range s.imports() {
			if p == "math/rand" {
				t.Errorf("%s imports math/rand: ids and keys come from crypto/rand, jitter from math/rand/v2", s.path)
			}
			if p == "math/rand/v2" && !slices.Contains(usesMathRand, s.dir) {
				t.Errorf("%s imports math/rand/v2: if no secret depends on it, list the package in usesMathRand and say why", s.path)
			}
		}
	}
}

// TestNoDefaultClient bans the client that has no timeout, follows redirects with credentials (immunity S69) and
// shares its transport with everybody else in the process.
func TestNoDefaultClient(t *testing.T) {
	for _, s := range sources(t) {
		if s.test || under(s.dir, "internal/bench") {
			continue
		}
		for _, name := range []string{"DefaultClient", "DefaultTransport", "Get", "Post", "PostForm", "Head"} {
			for _, at := range s.uses("net/http", name) {
				t.Errorf("%s: http.%s: give the client a timeout, a redirect policy and a transport of its own", at, name)
			}
		}
	}
}

// TestNobodySleeps bans time.Sleep: in tests it makes them slow and flaky, in the product it cannot be
// cancelled. In the bubbles of testing/synctest the clock is fake and Sleep is how a test moves it, so the tests
// of a package that uses bubbles may.
func TestNobodySleeps(t *testing.T) {
	bubbles := map[string]bool{}
	for _, s := range sources(t) {
		bubbles[s.dir] = bubbles[s.dir] || s.localName("testing/synctest") != ""
	}
	for _, s := range sources(t) {
		if under(s.dir, "internal/bench") || s.test && bubbles[s.dir] {
			continue
		}
		for _, at := range s.uses("time", "Sleep") {
			t.Errorf("%s: time.Sleep: wait for the thing itself, or use testing/synctest", at)
		}
		for _, at := range s.uses("github.com/chromedp/chromedp", "Sleep") {
			t.Errorf("%s: chromedp.Sleep: wait for what the page shows", at)
		}
	}
}

// TestNothingPrints keeps the packages that run inside somebody's server off its standard output: they
// log through the slog.Logger they are given (immunity S27: one place to keep secrets out of).
func TestNothingPrints(t *testing.T) {
	for _, s := range sources(t) {
		if s.test || !under(s.dir, "gateway", "flows", "ui", "caddymodule", "oktasim") {
			continue
		}
		for _, name := range []string{"Print", "Printf", "Println"} {
			for _, at := range s.uses("fmt", name) {
				t.Errorf("%s: fmt.%s: log through slog", at, name)
			}
		}
		for _, p := range s.imports() {
			if p == "log" {
				t.Errorf("%s imports log: log through slog", s.path)
			}
		}
	}
}

// TestPagesAreNotBuiltByHand bans text/template and the html/template types that switch escaping off
// (immunity S34-S37: every script injection of the peers began with one of these).
func TestPagesAreNotBuiltByHand(t *testing.T) {
	for _, s := range sources(t) {
		if s.test || !under(s.dir, "gateway", "flows", "ui", "caddymodule", "oktasim") {
			continue
		}
		for _, p := range s.imports() {
			if p == "text/template" {
				t.Errorf("%s imports text/template: pages come from html/template", s.path)
			}
		}
		for _, name := range []string{"HTML", "HTMLAttr", "JS", "JSStr", "URL", "Srcset"} {
			for _, at := range s.uses("html/template", name) {
				if name == "URL" && s.path == qrCode {
					continue
				}
				t.Errorf("%s: template.%s switches escaping off", at, name)
			}
		}
	}
}

// qrCode is the one file that may name a URL safe: html/template refuses every data: URI, and a QR code that had a URL
// of its own would be a secret to be fetched. It makes the URI itself, from bytes in base64.
const qrCode = "ui/setup.go"

// TestNoMarkersLeft fails on notes to oneself: what is not done is an issue, not a comment.
func TestNoMarkersLeft(t *testing.T) {
	for _, s := range sources(t) {
		for _, group := range s.file.Comments {
			for _, c := range group.List {
				for _, marker := range []string{"TO" + "DO", "FIX" + "ME", "XX" + "X"} {
					if strings.Contains(c.Text, marker) {
						t.Errorf("%s: %s in a comment", s.fset.Position(c.Pos()), marker)
					}
				}
			}
		}
	}
}
