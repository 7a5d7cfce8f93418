package session

import (
	"go/parser"
	"go/token"
	"path/filepath"
	"strings"
	"testing"
)

// S53: what is random here comes from crypto/rand.
func TestS53NoMathRand(t *testing.T) {
	files, err := filepath.Glob("*.go")
	if err != nil || len(files) < 10 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	for _, name := range files {
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ImportsOnly)
		if err != nil {
			t.Fatal(err)
		}
		for _, i := range f.Imports {
			if strings.HasPrefix(i.Path.Value, `"math/rand`) {
				t.Errorf("%s imports %s", name, i.Path.Value)
			}
		}
	}
}
