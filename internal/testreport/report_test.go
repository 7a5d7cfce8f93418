package main

import (
	"bytes"
	"strings"
	"testing"
)

// run feeds events to a report and returns what it printed and whether it was content.
func run(t *testing.T, ci bool, lines ...string) (string, bool) {
	t.Helper()
	var out bytes.Buffer
	r := newReport(&out, ci)
	if err := r.read(strings.NewReader(strings.Join(lines, "\n"))); err != nil {
		t.Fatal(err)
	}
	ok := r.close()
	return out.String(), ok
}

const (
	pass = `{"Action":"pass","Package":"p","Test":"TestA"}`
	fail = `{"Action":"fail","Package":"p","Test":"TestB"}`
	skip = `{"Action":"skip","Package":"p","Test":"TestC"}`
)

func said(test, text string) string {
	return `{"Action":"output","Package":"p","Test":"` + test + `","Output":"` + text + `\n"}`
}

func TestVerdicts(t *testing.T) {
	for name, c := range map[string]struct {
		ci    bool
		lines []string
		last  string
		ok    bool
	}{
		"all passed":                      {false, []string{pass}, "1 passed, 0 failed, 0 skipped", true},
		"one failed":                      {false, []string{pass, fail}, "1 passed, 1 failed, 0 skipped", false},
		"a skip at home":                  {false, []string{pass, said("TestC", "no chromium"), skip}, "1 passed, 0 failed, 1 skipped", true},
		"a skip in CI":                    {true, []string{pass, said("TestC", "no chromium"), skip}, "1 passed, 1 failed, 0 skipped", false},
		"a skip in CI for ../shared":      {true, []string{pass, said("TestC", "../shared is absent"), skip}, "1 passed, 0 failed, 1 skipped", true},
		"no test at all":                  {false, nil, "0 passed, 1 failed, 0 skipped", false},
		"only skips":                      {false, []string{skip}, "0 passed, 1 failed, 1 skipped", false},
		"a failed test and its package":   {false, []string{fail, `{"Action":"fail","Package":"p"}`}, "0 passed, 1 failed, 0 skipped", false},
		"a package that does not compile": {false, []string{pass, `{"Action":"build-fail","ImportPath":"q"}`, `{"Action":"fail","Package":"q","FailedBuild":"q"}`}, "1 passed, 1 failed, 0 skipped", false},
		"a package that dies":             {false, []string{pass, `{"Action":"fail","Package":"p"}`}, "1 passed, 1 failed, 0 skipped", false},
	} {
		t.Run(name, func(t *testing.T) {
			out, ok := run(t, c.ci, c.lines...)
			lines := strings.Split(strings.TrimSpace(out), "\n")
			if got := lines[len(lines)-1]; got != c.last || ok != c.ok {
				t.Errorf("closed with %q, %v; want %q, %v", got, ok, c.last, c.ok)
			}
		})
	}
}

// TestWhatIsShown asserts that failures and skips say why, and that passing tests stay quiet.
func TestWhatIsShown(t *testing.T) {
	out, _ := run(t, false,
		said("TestA", "chatter"), pass,
		said("TestB", "a_test.go:1: wrong"), fail,
		said("TestC", "=== RUN TestC"), said("TestC", "c_test.go:2: no chromium"), skip,
		`{"Action":"output","Package":"p","Test":"TestD","Output":"panic: at the disco\n"}`,
		`{"Action":"output","Package":"p","Output":"FAIL\tp\t1s\n"}`,
		`{"Action":"fail","Package":"p"}`,
		`{"Action":"build-output","ImportPath":"q","Output":"q.go:1: syntax error\n"}`,
	)
	for _, want := range []string{"a_test.go:1: wrong\n", "failed:\n  p TestB: a_test.go:1: wrong\n", "  p TestC: c_test.go:2: no chromium\n", "panic: at the disco\nFAIL\tp\t1s\n", "q.go:1: syntax error\n"} {
		if !strings.Contains(out, want) {
			t.Errorf("output lacks %q:\n%s", want, out)
		}
	}
	if strings.Contains(out, "chatter") {
		t.Errorf("output shows what a passing test said:\n%s", out)
	}
}

// TestSplit holds the command line.
func TestSplit(t *testing.T) {
	flags, groups, err := split([]string{"-race", "--", "./a", "./b", "--", "./c"})
	if err != nil || len(flags) != 1 || len(groups) != 2 || len(groups[0]) != 2 || groups[1][0] != "./c" {
		t.Errorf("split = %v, %v, %v", flags, groups, err)
	}
	for _, bad := range [][]string{nil, {"-race"}, {"--"}, {"--", "./a", "--"}} {
		if _, _, err := split(bad); err == nil {
			t.Errorf("split(%q) found nothing wrong", bad)
		}
	}
}
