package oktasim_test

import (
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"sidegate.example/sidegate/oktasim"
)

const recordings = "../../shared/okta/idx-fixtures"

// paths collects every member path of a JSON value; array elements are alike.
func paths(v any, at string, into map[string]bool) {
	switch v := v.(type) {
	case map[string]any:
		for k, e := range v {
			into[at+"."+k] = true
			paths(e, at+"."+k, into)
		}
	case []any:
		for _, e := range v {
			paths(e, at+"[]", into)
		}
	}
}

// Every member that the org sends has to exist at that place in some recording of Okta's: a member that was
// made up here would teach a client what Okta never says.
func TestDocumentsHaveNoMembersThatOktaLacks(t *testing.T) {
	files, _ := filepath.Glob(recordings + "/*.json")
	if len(files) == 0 {
		t.Skip("no recordings beside the repository (" + recordings + ")")
	}
	known := map[string]bool{}
	for _, f := range files {
		raw, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		var v any
		if json.Unmarshal(raw, &v) == nil {
			paths(v, "", known)
		}
	}
	for name, a := range everyDocument(t) {
		sent := map[string]bool{}
		paths(a.doc, "", sent)
		for _, p := range slices.Sorted(maps.Keys(sent)) {
			if !known[p] && !slices.Contains(notRecorded, p) {
				t.Errorf("%s: %s is in no recording", name, strings.TrimPrefix(p, "."))
			}
		}
	}
}

// everyDocument walks through all stages of a sign-in, and of what leads around it.
func everyDocument(t *testing.T) map[string]*answer {
	t.Helper()
	docs := everySetUp(t)
	s := newBench(t).begin()
	docs["identify"] = s.step("introspect", nil)
	docs["unknown user"] = s.password("nobody", "x")
	docs["wrong password"] = s.password(pushUser, "x")
	docs["choose"] = s.password(pushUser, password)
	docs["method"] = s.choose("")
	docs["TOTP"] = s.choose("totp")
	docs["wrong TOTP"] = s.totp("x")
	docs["push"] = s.choose("push")
	if err := s.org.Deny(s.pending(pushUser).ID); err != nil {
		t.Fatal(err)
	}
	docs["rejected"] = s.pollAfter(0)
	s.choose("totp")
	docs["success"] = s.totp(s.org.TOTP(pushUser))
	docs["number"] = waiting(t, numberUser).step("introspect", nil)

	f := newBench(t, func(c *oktasim.Config) { c.Policy.IdentifierFirst = true }).begin()
	docs["identifier first"] = f.step("introspect", nil)
	docs["password"] = f.step("identify", map[string]any{"identifier": fastPassUser})
	f.step("challenge/answer", map[string]any{"credentials": map[string]any{"passcode": password}})
	docs["FastPass"] = f.choose("signed_nonce")
	n := newBench(t, func(c *oktasim.Config) { c.Policy.AutoChallenge = true })
	docs["enrol"] = n.begin().password("nophone@sidegate.example", password)
	docs["automatic push"] = n.begin().password(pushUser, password)
	docs["expired"] = n.idx("introspect", map[string]any{"stateToken": "x"})
	return docs
}
