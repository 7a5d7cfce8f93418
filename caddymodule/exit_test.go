package caddymodule

import (
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	caddycmd "github.com/caddyserver/caddy/v2/cmd"
)

// childConfig names the configuration that this test binary runs as a Caddy of its own. An exit cannot be
// tested in the tests' process: caddy.Stop does not wait for connections as an exit does.
const childConfig = "SIDEGATE_TEST_CHILD_CONFIG"

func TestMain(m *testing.M) {
	if config := os.Getenv(childConfig); config != "" {
		os.Args = []string{"caddy", "run", "--config", config}
		caddycmd.Main()
		return
	}
	os.Exit(m.Run())
}

// child runs js in a process of its own and returns when it listens on addr.
func child(t *testing.T, js []byte, addr string) *exec.Cmd {
	t.Helper()
	config := filepath.Join(t.TempDir(), "caddy.json")
	if err := os.WriteFile(config, js, 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), childConfig+"="+config)
	cmd.Stdout, cmd.Stderr = t.Output(), t.Output()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill() }) // fails when it has left, as it should
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); {
		if conn, err := net.Dial("tcp", addr); err == nil {
			conn.Close()
			return cmd
		}
	}
	t.Fatal("the child never listened")
	return nil
}

// TestExitDoesNotWaitForStreams (T4): Caddy's default grace period is endless, so one waiting browser would keep the
// process for ever.
func TestExitDoesNotWaitForStreams(t *testing.T) {
	w, _ := newSimulated(t)
	port := freePort(t)
	addr := "127.0.0.1:" + port
	cmd := child(t, adapt(t, w.caddyfile("http://:"+port, w.simulated())), addr)
	b := w.browser(addr)
	body := b.stream(b.waitAtPush())
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	left := make(chan error, 1)
	go func() { left <- cmd.Wait() }()
	select {
	case err := <-left:
		if err != nil {
			t.Errorf("exit: %v", err)
		}
	case <-time.After(2 * time.Second):
		t.Fatal("Caddy still waits for the stream after 2 s")
	}
	if _, err := io.Copy(io.Discard, body); err != nil {
		t.Errorf("the stream did not end as it should: %v", err)
	}
}
