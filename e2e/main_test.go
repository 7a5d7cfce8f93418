package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
)

// screenshots is where every run leaves its pictures.
const screenshots = "screenshots"

// failedShot begins the names of the pictures of tabs in which a test failed.
const failedShot = "FAILED-"

// binDir holds the demo's binary.
var binDir string

func TestMain(m *testing.M) {
	os.Exit(withBinDir(m.Run))
}

func withBinDir(run func() int) int {
	var err error
	if binDir, err = os.MkdirTemp("", "sidegate-e2e-"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(binDir)
	if err := os.MkdirAll(screenshots, 0o755); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	old, _ := filepath.Glob(filepath.Join(screenshots, failedShot+"*")) // the pattern is well-formed
	for _, name := range old {
		os.Remove(name)
	}
	defer closeChromium()
	return run()
}

// demoBinary builds cmd/demo, once; a machine without a browser never gets here.
var demoBinary = sync.OnceValues(func() (string, error) {
	bin := filepath.Join(binDir, "demo")
	args := append([]string{"build", "-o", bin}, buildArgs...)
	out, err := exec.Command("go", append(args, "sidegate.example/sidegate/cmd/demo")...).CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("building cmd/demo: %w\n%s", err, out)
	}
	return bin, nil
})

// needBrowser skips the test on a machine without Chromium, except where CI says that it must be there.
func needBrowser(t *testing.T) string {
	t.Helper()
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	const missing = "no Chromium on this machine: apt-get install chromium"
	if os.Getenv("CI") == "true" {
		t.Fatal(missing)
	}
	t.Skip(missing)
	return ""
}
