package archtest

import (
	"go/ast"
	"os"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"testing"
)

// maxLines is the length at which a file is hiding a second noun (craft.md §5, rule 12).
const maxLines = 400

// TestOnePackageComment wants each package to say once what it owns.
func TestOnePackageComment(t *testing.T) {
	comments := map[string][]string{}
	names := map[string]string{}
	for _, s := range sources(t) {
		if strings.HasSuffix(s.file.Name.Name, "_test") {
			continue
		}
		if !s.test || names[s.dir] == "" {
			names[s.dir] = s.file.Name.Name
		}
		if s.file.Doc != nil {
			comments[s.dir] = append(comments[s.dir], s.file.Doc.Text())
		}
	}
	for dir, name := range names {
		want := "Package " + name + " "
		if name == "main" {
			want = "Command " + filepath.Base(dir) + " "
		}
		switch got := comments[dir]; {
		case len(got) != 1:
			t.Errorf("%s has %d package comments, want one", dir, len(got))
		case !strings.HasPrefix(got[0], want):
			t.Errorf("%s: its package comment starts %.40q, want %q", dir, got[0], want)
		}
	}
}

// TestFilesStaySmall fails on a file that has grown past maxLines.
func TestFilesStaySmall(t *testing.T) {
	for _, s := range sources(t) {
		if s.lines > maxLines {
			t.Errorf("%s has %d lines, more than %d: look for the second noun in it", s.path, s.lines, maxLines)
		}
	}
}

// TestEveryOptionIsDocumented wants a doc comment on every JSON field of caddymodule: Caddy's documentation is
// made from them, and so is ours.
func TestEveryOptionIsDocumented(t *testing.T) {
	options := 0
	for _, s := range sources(t) {
		if s.test || s.dir != "caddymodule" {
			continue
		}
		ast.Inspect(s.file, func(n ast.Node) bool {
			st, ok := n.(*ast.StructType)
			if !ok {
				return true
			}
			for _, f := range st.Fields.List {
				key, ok := jsonKey(f)
				if !ok {
					continue
				}
				options++
				if strings.TrimSpace(f.Doc.Text()) == "" {
					t.Errorf("%s: option %q has no doc comment", s.fset.Position(f.Pos()), key)
				}
			}
			return true
		})
	}
	if options == 0 {
		t.Error("caddymodule has no JSON option: the search is broken")
	}
}

// jsonKey is the key under which an exported field appears in the JSON config.
func jsonKey(f *ast.Field) (string, bool) {
	if f.Tag == nil {
		return "", false
	}
	tag, err := strconv.Unquote(f.Tag.Value)
	if err != nil {
		return "", false
	}
	key, ok := reflect.StructTag(tag).Lookup("json")
	name, _, _ := strings.Cut(key, ",")
	return name, ok && name != "-" && name != ""
}

// TestNoMachineInTheRepository fails on a path or registry of one machine in a file that is shipped.
func TestNoMachineInTheRepository(t *testing.T) {
	for _, s := range sources(t) {
		for _, trace := range []string{"/" + "work/", "/" + "root/"} {
			if strings.Contains(string(s.text), trace) {
				t.Errorf("%s names %s", s.path, trace)
			}
		}
	}
	for _, name := range []string{"Makefile", "README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md", ".ci/run", "xcaddy.Dockerfile"} {
		text, err := os.ReadFile(filepath.Join(root, name))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if strings.Contains(string(text), "/"+"work/") {
			t.Errorf("%s names a path of one machine", name)
		}
	}
}
