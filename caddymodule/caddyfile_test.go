package caddymodule

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2/caddyconfig"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	_ "github.com/caddyserver/caddy/v2/modules/standard"
)

// TestCaddyfileGolden runs every testdata/*.caddyfiletest: a Caddyfile, a line of dashes, and the JSON that it
// becomes or the end of the error that it is refused with. GOLDEN=1 writes the JSON anew.
func TestCaddyfileGolden(t *testing.T) {
	files, err := filepath.Glob("testdata/*.caddyfiletest")
	if err != nil || len(files) < 55 {
		t.Fatalf("found %d golden files, want 55 or more (%v)", len(files), err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".caddyfiletest"), func(t *testing.T) { golden(t, file) })
	}
}

func golden(t *testing.T, file string) {
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	in, want, found := strings.Cut(string(text), "\n----------\n")
	if !found {
		t.Fatal("no line of ten dashes")
	}
	in, want = strings.TrimSpace(in)+"\n", strings.TrimSpace(want)
	if formatted := format(in); formatted != in {
		t.Errorf("not formatted as caddy fmt does it:\n%s", formatted)
	}
	out, warnings, err := caddyconfig.GetAdapter("caddyfile").Adapt([]byte(in), map[string]any{"filename": "Testfile"})
	if !strings.HasPrefix(want, "{") {
		if err == nil || !strings.HasSuffix(err.Error(), want) {
			t.Fatalf("error\n have %v\n want ...%s", err, want)
		}
		return
	}
	if err != nil || len(warnings) > 0 {
		t.Fatalf("error %v, warnings %v", err, warnings)
	}
	var have bytes.Buffer
	if err := json.Indent(&have, out, "", "\t"); err != nil {
		t.Fatal(err)
	}
	if os.Getenv("GOLDEN") != "" {
		if err := os.WriteFile(file, []byte(in+"----------\n"+have.String()+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if have.String() != want {
		t.Errorf("JSON\n have %s\n want %s", have.String(), want)
	}
}

// format is what caddy fmt makes of a Caddyfile.
func format(text string) string { return string(caddyfile.Format([]byte(text))) }
