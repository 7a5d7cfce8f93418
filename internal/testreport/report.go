package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"regexp"
	"strings"
)

// event is one line of go test -json (go doc test2json).
type event struct {
	Action, Package, Test, Output string
}

// report counts tests and keeps the output of those that are still running, to show it if they fail.
type report struct {
	out    io.Writer
	ci     bool
	output map[string]*strings.Builder // by package and test
	skips  []string
	fails  []string
	// broken holds the packages of which a test has failed.
	broken map[string]bool
	// cannotRun counts skips that CI=true does not forgive.
	cannotRun               int
	passed, failed, skipped int
}

func newReport(out io.Writer, ci bool) *report {
	return &report{out: out, ci: ci, output: map[string]*strings.Builder{}, broken: map[string]bool{}}
}

// read takes in the events of one go test run.
func (r *report) read(in io.Reader) error {
	lines := bufio.NewReader(in)
	for {
		line, err := lines.ReadBytes('\n')
		if len(line) > 0 {
			r.line(line)
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// line takes in one line; what is no event (a compiler's word) is passed on as it is.
func (r *report) line(line []byte) {
	var e event
	if err := json.Unmarshal(line, &e); err != nil || e.Action == "" {
		fmt.Fprintf(r.out, "%s", line)
		return
	}
	key := e.Package + "\x00" + e.Test
	switch e.Action {
	case "output":
		if r.output[key] == nil {
			r.output[key] = &strings.Builder{}
		}
		r.output[key].WriteString(e.Output)
	case "build-output":
		fmt.Fprint(r.out, e.Output)
	case "pass", "fail", "skip":
		text := r.take(key)
		if e.Test == "" {
			r.endPackage(e, text)
		} else {
			r.endTest(e, text)
		}
	}
}

// take returns what a test wrote, and forgets it.
func (r *report) take(key string) string {
	b := r.output[key]
	delete(r.output, key)
	if b == nil {
		return ""
	}
	return b.String()
}

// endTest counts a test or subtest.
func (r *report) endTest(e event, output string) {
	switch e.Action {
	case "pass":
		r.passed++
	case "fail":
		r.failed++
		r.broken[e.Package] = true
		r.fails = append(r.fails, fmt.Sprintf("%s %s: %s", e.Package, e.Test, shortened(complaint.FindString(output))))
		fmt.Fprintf(r.out, "%s", output)
	case "skip":
		r.skipped++
		r.skips = append(r.skips, fmt.Sprintf("%s %s: %s", e.Package, e.Test, reason(output)))
		if !forgiven(output) {
			r.cannotRun++
		}
	}
}

// endPackage passes on go test's own closing line. A package can fail without any of its tests failing: it does not
// compile, a data race after the last one, a panic, a time-out.
func (r *report) endPackage(e event, output string) {
	if e.Action == "fail" {
		if !r.broken[e.Package] {
			r.failed++
		}
		fmt.Fprintf(r.out, "%s", r.unfinished(e.Package))
		fmt.Fprintf(r.out, "%s", output)
		return
	}
	lines := strings.Split(strings.TrimRight(output, "\n"), "\n")
	fmt.Fprintln(r.out, lines[len(lines)-1])
}

// unfinished is the output of the tests that were running when their package died.
func (r *report) unfinished(pkg string) string {
	var all strings.Builder
	for key, b := range r.output {
		if strings.HasPrefix(key, pkg+"\x00") {
			all.WriteString(b.String())
			delete(r.output, key)
		}
	}
	return all.String()
}

// forgiven reports whether a skip is right even in CI: the test compares the code with reference files that live
// beside the repository and are not part of it.
func forgiven(output string) bool { return strings.Contains(output, "../shared") }

// reason is what the test said when it skipped itself.
func reason(output string) string {
	var said []string
	for line := range strings.SplitSeq(output, "\n") {
		line = strings.TrimSpace(line)
		if line != "" && !strings.HasPrefix(line, "=== ") && !strings.HasPrefix(line, "--- ") {
			said = append(said, line)
		}
	}
	return strings.Join(said, " ")
}

// complaint is the first thing that a failed test logged, which is what it failed on where its helpers log after it.
var complaint = regexp.MustCompile(`[\w-]+\.go:\d+: .*`)

// shortened is the beginning of a line.
func shortened(line string) string {
	const most = 300
	if len(line) > most {
		return line[:most]
	}
	return line
}

// close prints the skips, once more what failed on what, for who sees the end of the output alone, and the sums, and reports
// whether all is well.
func (r *report) close() bool {
	r.list("skipped:", r.skips)
	r.list("failed:", r.fails)
	if r.ci && r.cannotRun > 0 {
		fmt.Fprintf(r.out, "CI=true: %d skipped tests count as failures\n", r.cannotRun)
		r.failed += r.cannotRun
		r.skipped -= r.cannotRun
	}
	if r.passed+r.failed == 0 {
		fmt.Fprintln(r.out, "no test ran")
		r.failed++
	}
	fmt.Fprintf(r.out, "%d passed, %d failed, %d skipped\n", r.passed, r.failed, r.skipped)
	return r.failed == 0
}

func (r *report) list(title string, lines []string) {
	if len(lines) > 0 {
		fmt.Fprintln(r.out, title)
	}
	for _, l := range lines {
		fmt.Fprintln(r.out, "  "+l)
	}
}
