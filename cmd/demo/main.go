// Command demo shows Sidegate on one machine without an Okta org: in one process it runs a simulated
// org with a phone in the browser (oktasim), Caddy with the okta_mfa module, and a small legacy app behind
// it. It owns no logic of the product; Ctrl-C ends it.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"
)

// leaveWithin bounds the way out after Ctrl-C, whatever still hangs.
const leaveWithin = 1500 * time.Millisecond

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	// After the first signal the second one kills, as people expect.
	context.AfterFunc(ctx, stop)
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	switch {
	case errors.Is(err, flag.ErrHelp):
	case err != nil:
		fmt.Fprintln(os.Stderr, "demo:", err)
		os.Exit(1)
	}
}

// run starts the demo, says on stdout where it is, and stops it when ctx ends.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	opts, err := parseOptions(args, stderr)
	if err != nil {
		return err
	}
	d, err := start(opts)
	if err != nil {
		return err
	}
	if err := d.report(stdout); err != nil {
		return errors.Join(err, d.stop())
	}
	select {
	case <-ctx.Done():
	case err = <-d.failed:
	}
	return errors.Join(err, d.stop())
}
