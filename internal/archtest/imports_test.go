package archtest

import (
	"slices"
	"strings"
	"testing"
)

// mayImport says, for each package, what of ours its code may import. A package that is not listed, and
// an import that is not listed, fails the test: the arrow has to be drawn here first.
var mayImport = map[string][]string{
	"flows":                {"gateway/identity"},
	"flows/okta":           {"flows", "gateway/identity"},
	"flows/okta/access":    {"flows", "flows/okta"},
	"flows/limits":         {"flows", "gateway/identity"},
	"flows/factors":        {"flows", "flows/limits", "flows/okta", "flows/okta/access", "gateway/identity"},
	"flows/identityengine": {"flows", "flows/limits", "flows/okta", "gateway/identity"},

	"gateway":          {"gateway/decision", "gateway/identity", "gateway/session", "gateway/store", "gateway/transaction", "gateway/upstream", "flows", "ui"},
	"gateway/upstream": {"gateway/session", "gateway/identity"},
	"gateway/identity": {},
	"gateway/store":    {},

	"gateway/store/redisstore": {"gateway/store"},
	"gateway/store/storetest":  {"gateway/store"},

	"gateway/session":     {"gateway/identity", "gateway/store"},
	"gateway/decision":    {"gateway/session", "gateway/identity"},
	"gateway/transaction": {"flows", "gateway/identity", "gateway/store"},

	"ui":      {"flows", "gateway/identity"},
	"oktasim": {},

	"caddymodule": {
		"gateway", "gateway/decision", "gateway/identity", "gateway/session", "gateway/store", "gateway/store/redisstore", "gateway/transaction", "gateway/upstream",
		"flows", "flows/factors", "flows/identityengine", "flows/limits", "flows/okta", "flows/okta/access", "ui",
	},
	".":                  {"caddymodule"},
	"cmd/sidegate-caddy": {"caddymodule"},
	"cmd/demo":           {"caddymodule", "oktasim"},
	"cmd/oktasim":        {"oktasim"},

	"internal/archtest":      {},
	"internal/testreport":    {},
	"internal/bench/measure": {},
	"internal/bench/server":  {},
	"internal/bench/hotpath": {"caddymodule", "gateway/identity", "gateway/session", "internal/bench/measure", "internal/bench/server"},
	"internal/bench/soak":    {"caddymodule", "internal/bench/measure", "internal/bench/server", "oktasim"},
	"e2e":                    {"caddymodule", "flows", "gateway", "gateway/identity", "gateway/session", "oktasim"},
	"e2e/replicas":           {"caddymodule", "gateway/session", "gateway/store/redisstore", "gateway/store/storetest", "oktasim"},
	"e2e/sdk":                {"oktasim"},
	"e2e/widget":             {"oktasim"},
	"e2e/prism":              {"flows", "flows/factors", "flows/limits", "flows/okta", "flows/okta/access", "gateway/identity"},
}

// testsMayImport is what test files may import on top: the simulated Okta, which every layer is tested against, the
// counters that budgets are tested with, and what starts real Redis servers.
var testsMayImport = []string{"oktasim", "gateway/store", "gateway/store/storetest"}

// knowsCaddy lists the only folders that may import Caddy. Its HTTP app is 928 packages where net/http is
// 185: everything else has to stay testable in seconds and mountable in a plain net/http server.
var knowsCaddy = []string{"caddymodule", "cmd/sidegate-caddy", "cmd/demo", "internal/bench", "e2e"}

// TestImportsRunOneWay holds the arrows of design.md §1.
func TestImportsRunOneWay(t *testing.T) {
	for _, s := range sources(t) {
		allowed, listed := mayImport[s.dir]
		if !listed {
			t.Errorf("%s: package %q is not in mayImport; say there what it may import", s.path, s.dir)
			continue
		}
		for _, p := range s.imports() {
			ours, own := ourPackage(p)
			switch {
			case !own, ours == s.dir: // a _test package imports the package it tests
			case slices.Contains(allowed, ours):
			case s.test && slices.Contains(testsMayImport, ours):
			case s.test && under(ours, s.dir) && s.dir != ".": // tests may look at the packages below their own
			default:
				t.Errorf("%s imports %s; %s may import only %v", s.path, ours, s.dir, allowed)
			}
		}
	}
}

// TestNoDeadArrows fails on a rule for a package that is gone, which would let a new package of that
// name slip in with rights that nobody gave it.
func TestNoDeadArrows(t *testing.T) {
	have := map[string]bool{}
	for _, s := range sources(t) {
		have[s.dir] = true
	}
	for dir := range mayImport {
		if !have[dir] {
			t.Errorf("mayImport lists %q, which has no Go file", dir)
		}
	}
}

// TestOnlyTheGlueKnowsCaddy keeps Caddy, zap and certmagic out of the product.
func TestOnlyTheGlueKnowsCaddy(t *testing.T) {
	for _, s := range sources(t) {
		for _, p := range s.imports() {
			switch {
			case strings.HasPrefix(p, "github.com/caddyserver/") && !under(s.dir, knowsCaddy...):
				t.Errorf("%s imports %s: only %v may know Caddy", s.path, p, knowsCaddy)
			case strings.HasPrefix(p, "go.uber.org/zap") && !under(s.dir, knowsCaddy...):
				t.Errorf("%s imports %s: log through slog, zap belongs to Caddy's edge", s.path, p)
			case strings.HasPrefix(p, "github.com/redis/") && !under(s.dir, "gateway/store/redisstore"):
				t.Errorf("%s imports %s: only gateway/store/redisstore speaks to Redis", s.path, p)
			case strings.HasPrefix(p, "github.com/prometheus/") && !under(s.dir, "caddymodule"):
				t.Errorf("%s imports %s: count through gateway.Observer, Prometheus belongs to caddymodule", s.path, p)
			}
		}
	}
}

// TestSimulatorSharesNothing keeps one misunderstanding of Okta out of both sides: the simulator may
// know neither our vocabulary nor our wire types, and no product code may know the simulator.
func TestSimulatorSharesNothing(t *testing.T) {
	for _, s := range sources(t) {
		for _, p := range s.imports() {
			ours, own := ourPackage(p)
			if under(s.dir, "oktasim") && own && !under(ours, "oktasim") {
				t.Errorf("%s imports %s: the simulator imports nothing of ours", s.path, ours)
			}
			if own && under(ours, "oktasim") && !s.test && under(s.dir, "flows", "gateway", "ui", "caddymodule", ".") && s.dir != "oktasim" {
				t.Errorf("%s imports %s: product code must not know the simulator", s.path, ours)
			}
		}
	}
}

// ourPackage is the folder of an import path of this module.
func ourPackage(p string) (dir string, ours bool) {
	if p == module {
		return ".", true
	}
	return strings.CutPrefix(p, module+"/")
}
