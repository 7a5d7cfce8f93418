package session

import (
	"strings"
	"testing"
	"testing/quick"
)

// S52: no two lists of fields may give the same MAC input. securecookie goes on with "|timestamp|value", so
// none may be the beginning of another either.
func TestS52SealNamesAreUnambiguous(t *testing.T) {
	prefixFree := func(a, b [4]string) bool {
		x, y := sealName(a[:]...), sealName(b[:]...)
		return a == b || !strings.HasPrefix(x, y) && !strings.HasPrefix(y, x)
	}
	if err := quick.Check(prefixFree, nil); err != nil {
		t.Error(err)
	}
	// Where separators fail: all splits of the same characters.
	parts := []string{"", "a", "|", ":", "1:a", "0:", "a|", "1:", "a0:", "10:", "aa"}
	seen := map[string][3]string{}
	// Where a length without its colon would run into the field.
	one := Binding{"2", "bbbbbbbbbb", "9yyyyyyyyy"}
	if two := (Binding{"10bbbbbbbbbb", "0", "yyyyyyyyy"}); one.sealName() == two.sealName() {
		t.Errorf("%q and %q share a name", one, two)
	}
	for _, a := range parts {
		for _, b := range parts {
			for _, c := range parts {
				fields := [3]string{a, b, c}
				name := Binding{a, b, c}.sealName()
				if other, ok := seen[name]; ok {
					t.Errorf("%q and %q share the name %q", fields, other, name)
				}
				seen[name] = fields
			}
		}
	}
}

// S51: a token's purpose never makes the name of a session, whatever it contains.
func TestS51TokenNamesAreNotSessionNames(t *testing.T) {
	b := Binding{"c", "s", "p"}
	for _, purpose := range []string{"", "session", b.sealName(), "7:session", "|"} {
		if n := sealName(kindToken, purpose); strings.HasPrefix(n, b.sealName()) || strings.HasPrefix(b.sealName(), n) {
			t.Errorf("purpose %q gives %q", purpose, n)
		}
	}
}
