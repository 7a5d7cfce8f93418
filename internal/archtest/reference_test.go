package archtest

import (
	"go/ast"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// referenceRow is one row of a table of options in docs/reference.md.
type referenceRow struct {
	caddyfile, json, byDefault, meaning, example string
}

func referenceRows(t *testing.T) []referenceRow {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, "docs/reference.md"))
	if err != nil {
		t.Fatal(err)
	}
	var rows []referenceRow
	options := false
	for line := range strings.Lines(string(text)) {
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), "|")
		for i := range cells {
			cells[i] = strings.TrimSpace(cells[i])
		}
		switch {
		case cells[0] == "Caddyfile":
			options = true
		case len(cells) < 2:
			options = false
		case options && !strings.HasPrefix(cells[0], "---"):
			if len(cells) != 5 {
				t.Fatalf("docs/reference.md: %q has %d cells, want 5", line, len(cells))
			}
			rows = append(rows, referenceRow{cells[0], cells[1], cells[2], cells[3], cells[4]})
		}
	}
	return rows
}

// jsonOptions are the JSON keys of caddymodule's settings; those of a nested struct follow its own key: "headers.user".
func jsonOptions(t *testing.T) []string {
	t.Helper()
	structs := map[string]*ast.StructType{}
	for _, s := range sources(t) {
		if s.dir != "caddymodule" || s.test {
			continue
		}
		ast.Inspect(s.file, func(n ast.Node) bool {
			if spec, ok := n.(*ast.TypeSpec); ok {
				if st, ok := spec.Type.(*ast.StructType); ok {
					structs[spec.Name.Name] = st
				}
			}
			return true
		})
	}
	var keys func(name, prefix string) []string
	keys = func(name, prefix string) []string {
		var out []string
		for _, f := range structs[name].Fields.List {
			typ, _ := f.Type.(*ast.Ident)
			nested := typ != nil && structs[typ.Name] != nil
			key, tagged := jsonKey(f)
			switch {
			case tagged && nested:
				out = append(out, keys(typ.Name, prefix+key+".")...)
			case tagged:
				out = append(out, prefix+key)
			case len(f.Names) == 0 && nested:
				out = append(out, keys(typ.Name, prefix)...)
			}
		}
		return out
	}
	return keys("App", "")
}

// subdirectives are the names that the Caddyfile takes: the keys of every map of them, and what is added to one.
func subdirectives(t *testing.T) []string {
	t.Helper()
	var out []string
	for _, s := range sources(t) {
		if s.dir != "caddymodule" || s.test {
			continue
		}
		ast.Inspect(s.file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.CompositeLit:
				m, ok := n.Type.(*ast.MapType)
				if !ok {
					return true
				}
				if of, ok := m.Value.(*ast.Ident); ok && of.Name == "subdirective" {
					for _, e := range n.Elts {
						out = append(out, literal(e.(*ast.KeyValueExpr).Key))
					}
				}
			case *ast.AssignStmt:
				if at, ok := n.Lhs[0].(*ast.IndexExpr); ok {
					if x, ok := at.X.(*ast.Ident); ok && x.Name == "known" {
						out = append(out, literal(at.Index))
					}
				}
			}
			return true
		})
	}
	return out
}

// literal is the text of a string literal, "" for anything else.
func literal(e ast.Expr) string {
	if lit, ok := e.(*ast.BasicLit); ok {
		if s, err := strconv.Unquote(lit.Value); err == nil {
			return s
		}
	}
	return ""
}

// TestReferenceHasEveryOption wants each JSON field and each Caddyfile option of caddymodule in docs/reference.md, with
// a default (or that it is required), a meaning and an example that uses it; and nothing there that does not exist.
func TestReferenceHasEveryOption(t *testing.T) {
	rows := referenceRows(t)
	fields, names := jsonOptions(t), subdirectives(t)
	if len(fields) < 25 || len(names) < 25 {
		t.Fatalf("found only %d fields and %d subdirectives: the search is broken", len(fields), len(names))
	}
	for _, field := range fields {
		if !slices.ContainsFunc(rows, func(r referenceRow) bool { return r.json == "`"+field+"`" }) {
			t.Errorf("docs/reference.md does not document the JSON field %q", field)
		}
	}
	for _, name := range names {
		if !slices.ContainsFunc(rows, func(r referenceRow) bool {
			return r.caddyfile == "`"+name+"`" || strings.HasPrefix(r.caddyfile, "`"+name+" ")
		}) {
			t.Errorf("docs/reference.md does not document the Caddyfile option %q", name)
		}
	}
	for _, r := range rows {
		if !slices.Contains(fields, strings.Trim(r.json, "`")) {
			t.Errorf("docs/reference.md documents the JSON field %s, which does not exist", r.json)
		}
		name, _, _ := strings.Cut(strings.Trim(r.caddyfile, "`"), " ")
		if !slices.Contains(names, name) {
			t.Errorf("docs/reference.md documents the Caddyfile option %s, which does not exist", r.caddyfile)
		}
		if r.meaning == "" || !strings.HasPrefix(r.example, "`"+name+" ") {
			t.Errorf("docs/reference.md: %s has no meaning or no example: %q, %q", r.caddyfile, r.meaning, r.example)
		}
	}
}

// TestReferenceHasEveryEnd wants each reason for which a sign-in can end in docs/reference.md and among the labels of
// the metric, where what is missing would count as "other".
func TestReferenceHasEveryEnd(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(root, "docs/reference.md"))
	if err != nil {
		t.Fatal(err)
	}
	metrics, err := os.ReadFile(filepath.Join(root, "caddymodule/metrics.go"))
	if err != nil {
		t.Fatal(err)
	}
	reasons := 0
	for _, s := range sources(t) {
		if s.path != "flows/denied.go" {
			continue
		}
		ast.Inspect(s.file, func(n ast.Node) bool {
			spec, ok := n.(*ast.ValueSpec)
			if !ok || len(spec.Values) != 1 {
				return true
			}
			if typ, ok := spec.Type.(*ast.Ident); !ok || typ.Name != "DeniedReason" {
				return true
			}
			reasons++
			if !strings.Contains(string(text), "| `"+literal(spec.Values[0])+"` |") {
				t.Errorf("docs/reference.md does not name the end %s", literal(spec.Values[0]))
			}
			if !strings.Contains(string(metrics), "flows."+spec.Names[0].Name+")") {
				t.Errorf("caddymodule/metrics.go does not know the result %s", spec.Names[0].Name)
			}
			return true
		})
	}
	if reasons < 10 {
		t.Errorf("found only %d reasons: the search is broken", reasons)
	}
}
