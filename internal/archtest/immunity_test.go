package archtest

import (
	"bytes"
	"fmt"
	"regexp"
	"slices"
	"testing"
)

// laterImmunity lists the rows of the immunity list that nothing here can be attacked by yet, or (open) that it still
// can, with the reason.
// The change that brings the thing removes the row and brings the test.
var laterImmunity = map[string]string{
	"S83": "HTTP/2 is Caddy's; the soak under attack comes with hardening",
	"S84": "as S83",
	"S85": "the version matrix comes with the first release",
	"S87": "the vulnerability gate comes with the first release",
}

// lastRow is the number of the last row of the immunity list.
const lastRow = 87

// rowID finds the id of a row in a name (TestS16UnderscoreAlias) or a text (immunity S16), and not ES256.
var rowID = regexp.MustCompile(`(?:[^0-9A-Z]|\b)S([0-9]{2})(?:[^0-9]|$)`)

// TestEveryAttackHasItsTest wants each row of the immunity list cited in a test, or in laterImmunity with a reason;
// never in both.
func TestEveryAttackHasItsTest(t *testing.T) {
	cited := citedRows(t)
	for n := 1; n <= lastRow; n++ {
		id := fmt.Sprintf("S%02d", n)
		why, later := laterImmunity[id]
		switch in := cited[id]; {
		case later && why == "":
			t.Errorf("%s is put off without a reason", id)
		case later && len(in) > 0 && !slices.Contains(partlyTested, id):
			t.Errorf("%s is put off (%q), but %v covers it: remove the row from laterImmunity", id, why, in)
		case !later && len(in) == 0:
			t.Errorf("%s: no test cites it", id)
		}
	}
}

// partlyTested are rows of laterImmunity of which a test already covers the part that applies.
var partlyTested []string

// citedRows maps each id to the test files that cite it.
func citedRows(t *testing.T) map[string][]string {
	cited := map[string][]string{}
	for _, s := range sources(t) {
		if !s.test || s.dir == "internal/archtest" {
			continue
		}
		// Twice each separator: the one after an id may be the one before the next (S03_S04).
		text := bytes.ReplaceAll(s.text, []byte("_"), []byte("__"))
		for _, m := range rowID.FindAllSubmatch(text, -1) {
			id := "S" + string(m[1])
			if !slices.Contains(cited[id], s.path) {
				cited[id] = append(cited[id], s.path)
			}
		}
	}
	return cited
}

// TestRowIDsAreFound guards the search itself.
func TestRowIDsAreFound(t *testing.T) {
	for text, want := range map[string]string{
		"func TestS16UnderscoreAlias(": "16", "immunity S44": "44", "(S05, S06)": "05", `"S33 tampered"`: "33",
		"ES256": "", "RS256": "", "S256": "", "SHA512S1": "", "Test_S79": "79",
	} {
		got := ""
		if m := rowID.FindStringSubmatch(text); m != nil {
			got = m[1]
		}
		if got != want {
			t.Errorf("in %q found %q, want %q", text, got, want)
		}
	}
}
