// Command testreport runs go test over groups of packages, one group after the other, and says at the end what
// ran: how many tests passed, failed and were skipped, and why. With CI=true in the environment a skipped
// test is a failure, because a green run that skipped the browser has proved nothing about the browser.
//
//	testreport [flags of go test] -- PACKAGES... -- PACKAGES...
//
// The first group that fails ends the run.
package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
)

func main() {
	r := newReport(os.Stdout, os.Getenv("CI") == "true")
	err := runGroups(os.Args[1:], r)
	if err != nil {
		fmt.Fprintln(os.Stderr, "testreport:", err)
	}
	if !r.close() || err != nil {
		os.Exit(1)
	}
}

// runGroups runs go test for each group until one fails.
func runGroups(args []string, r *report) error {
	flags, groups, err := split(args)
	if err != nil {
		return err
	}
	for _, packages := range groups {
		if err := runGroup(slices.Concat([]string{"test", "-json"}, flags, packages), r); err != nil {
			return err
		}
		if r.failed > 0 {
			return nil // the report says which
		}
	}
	return nil
}

func runGroup(args []string, r *report) error {
	cmd := exec.Command("go", args...)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		return fmt.Errorf("preparing go test: %w", err)
	}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("starting go test: %w", err)
	}
	readErr := r.read(out)
	waitErr := cmd.Wait()
	if readErr != nil {
		return fmt.Errorf("reading go test's output: %w", readErr)
	}
	if waitErr != nil && r.failed == 0 {
		return fmt.Errorf("go test: %w", waitErr)
	}
	return nil
}

// split cuts the arguments at each "--".
func split(args []string) (flags []string, groups [][]string, err error) {
	parts := [][]string{nil}
	for _, a := range args {
		if a == "--" {
			parts = append(parts, nil)
			continue
		}
		parts[len(parts)-1] = append(parts[len(parts)-1], a)
	}
	flags, groups = parts[0], parts[1:]
	if len(groups) == 0 || slices.ContainsFunc(groups, func(g []string) bool { return len(g) == 0 }) {
		return nil, nil, errors.New("want: testreport [flags of go test] -- PACKAGES... [-- PACKAGES...]")
	}
	return flags, groups, nil
}
