package replicas

import (
	"fmt"
	"io"
	"os"
	"testing"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig"
	_ "github.com/caddyserver/caddy/v2/modules/standard" // the Caddyfile adapter, reverse_proxy, storage, the admin API

	_ "sidegate.example/sidegate/caddymodule" // okta_mfa
)

// replicaVariable holds the path of a Caddyfile where this process is to be a replica.
const replicaVariable = "SIDEGATE_TEST_REPLICA"

// ready is the line that a replica prints when it serves.
const ready = "ready"

func TestMain(m *testing.M) {
	file := os.Getenv(replicaVariable)
	if file == "" {
		os.Exit(m.Run())
	}
	if err := serve(file); err != nil {
		fmt.Fprintln(os.Stderr, "replica:", err)
		os.Exit(1)
	}
}

// serve runs Caddy until a signal ends this process, as `caddy run` does.
func serve(file string) error {
	caddy.TrapSignals()
	go func() {
		io.Copy(io.Discard, os.Stdin) //nolint:errcheck // it ends with the test, however that ends
		os.Exit(1)
	}()
	text, err := os.ReadFile(file)
	if err != nil {
		return fmt.Errorf("reading the Caddyfile: %w", err)
	}
	config, _, err := caddyconfig.GetAdapter("caddyfile").Adapt(text, map[string]any{"filename": "Caddyfile"})
	if err != nil {
		return fmt.Errorf("adapting the Caddyfile: %w", err)
	}
	if err := caddy.Load(config, true); err != nil {
		return fmt.Errorf("starting Caddy: %w", err)
	}
	fmt.Println(ready)
	select {}
}
