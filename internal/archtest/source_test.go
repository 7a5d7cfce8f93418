package archtest

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// module is the path of the module under test, root its folder as seen from this package.
const (
	module = "sidegate.example/sidegate"
	root   = "../.."
)

// source is one parsed Go file.
type source struct {
	path  string // slash-separated, relative to the root
	dir   string // of the package, "." for the root package
	test  bool
	lines int
	text  []byte
	file  *ast.File
	fset  *token.FileSet
}

// load parses every Go file of the module once. Build constraints are ignored on purpose: the rules hold on
// every platform.
var load = sync.OnceValues(func() ([]source, error) {
	var all []source
	err := filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			if slices.Contains([]string{".git", "node_modules", "testdata", "bin"}, d.Name()) || otherModule(name) {
				return filepath.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(name, ".go") {
			return nil
		}
		s, err := parse(name)
		all = append(all, s)
		return err
	})
	return all, err
})

// otherModule reports whether a folder below the root has a go.mod of its own.
func otherModule(dir string) bool {
	_, err := os.Stat(filepath.Join(dir, "go.mod"))
	return err == nil && filepath.Clean(dir) != filepath.Clean(root)
}

func parse(name string) (source, error) {
	text, err := os.ReadFile(name)
	if err != nil {
		return source{}, err
	}
	rel, err := filepath.Rel(root, name)
	if err != nil {
		return source{}, err
	}
	fset := token.NewFileSet()
	file, err := parser.ParseFile(fset, filepath.ToSlash(rel), text, parser.ParseComments)
	if err != nil {
		return source{}, err
	}
	rel = filepath.ToSlash(rel)
	return source{
		path: rel, dir: path.Dir(rel), test: strings.HasSuffix(rel, "_test.go"),
		lines: bytes.Count(text, []byte("\n")), text: text, file: file, fset: fset,
	}, nil
}

// sources returns every Go file of the module.
func sources(t *testing.T) []source {
	t.Helper()
	all, err := load()
	if err != nil {
		t.Fatal(err)
	}
	if len(all) < 20 {
		t.Fatalf("found only %d Go files below %s: the walk is broken", len(all), root)
	}
	return all
}

// imports lists the import paths of a file.
func (s source) imports() []string {
	var paths []string
	for _, spec := range s.file.Imports {
		p, err := strconv.Unquote(spec.Path.Value)
		if err == nil {
			paths = append(paths, p)
		}
	}
	return paths
}

// uses lists the positions at which the file names pkg.name, where pkg is an import path.
func (s source) uses(pkg, name string) []string {
	local := s.localName(pkg)
	if local == "" {
		return nil
	}
	var found []string
	ast.Inspect(s.file, func(n ast.Node) bool {
		sel, ok := n.(*ast.SelectorExpr)
		if !ok || sel.Sel.Name != name {
			return true
		}
		if id, ok := sel.X.(*ast.Ident); ok && id.Name == local {
			found = append(found, s.fset.Position(sel.Pos()).String())
		}
		return true
	})
	return found
}

// localName is the name under which the file imports pkg, "" if it does not.
func (s source) localName(pkg string) string {
	for _, spec := range s.file.Imports {
		if spec.Path.Value != strconv.Quote(pkg) {
			continue
		}
		if spec.Name != nil {
			return spec.Name.Name
		}
		return path.Base(pkg)
	}
	return ""
}

// under reports whether dir is one of the given folders or lies below one.
func under(dir string, folders ...string) bool {
	return slices.ContainsFunc(folders, func(f string) bool { return dir == f || strings.HasPrefix(dir, f+"/") })
}
