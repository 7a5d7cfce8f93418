package archtest

import (
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// nestedModules are the folders with a go.mod of their own, and what of ours they may import. They keep out of the
// product's go.mod what only a check needs.
var nestedModules = map[string][]string{
	"tools":     {},
	"e2e/sdkgo": {"oktasim"},
}

// TestNestedModules holds the arrows of the modules that the other tests here do not look into.
func TestNestedModules(t *testing.T) {
	found := map[string]bool{}
	err := filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && (d.Name() == ".git" || d.Name() == "node_modules"):
			return filepath.SkipDir
		case d.IsDir() && otherModule(name):
			dir, err := filepath.Rel(root, name)
			if err != nil {
				return err
			}
			found[filepath.ToSlash(dir)] = true
			checkNested(t, filepath.ToSlash(dir))
			return filepath.SkipDir
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for dir := range nestedModules {
		if !found[dir] {
			t.Errorf("nestedModules lists %q, which has no go.mod", dir)
		}
	}
}

func checkNested(t *testing.T, dir string) {
	allowed, listed := nestedModules[dir]
	if !listed {
		t.Errorf("%s has a go.mod of its own: list it in nestedModules, with what it may import", dir)
	}
	files, err := filepath.Glob(filepath.Join(root, filepath.FromSlash(dir), "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range files {
		s, err := parse(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range s.imports() {
			if ours, own := ourPackage(p); own && !slices.Contains(allowed, ours) {
				t.Errorf("%s imports %s; %s may import only %s", s.path, ours, dir, strings.Join(allowed, ", "))
			}
		}
	}
}
