// Package prism holds the requests of the factors engine against Okta's own specification of the Factors API, which Prism
// serves: whatever the engine sends, Okta has to be able to read.
package prism

import (
	"bufio"
	"context"
	"io"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"time"
)

// specification is Okta's own description, which is kept beside the repository.
const specification = "../../../shared/okta/factors-openapi.yaml"

// startPrism serves the specification and returns its address. It skips, with words, where something is missing.
func startPrism(t *testing.T) string {
	t.Helper()
	if _, err := os.Stat(specification); err != nil {
		t.Skip("requests are not held against ../shared/okta/factors-openapi.yaml, which is absent")
	}
	lack := func(what string) {
		if os.Getenv("CI") == "true" {
			t.Fatal(what)
		}
		t.Skip(what)
	}
	node, err := exec.LookPath("node")
	if err != nil {
		lack("node is not installed: install Node.js 20 or newer (apt-get install nodejs npm)")
	}
	if _, err := os.Stat("node_modules/.bin/prism"); err != nil {
		lack("Prism is not installed: run 'npm ci' in e2e/prism")
	}
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	cmd := exec.CommandContext(ctx, node, "node_modules/.bin/prism", "mock", "-h", "127.0.0.1", "-p", "0", specification)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	t.Cleanup(func() {
		cancel()
		<-done
		_ = cmd.Wait() // it was killed
	})
	ready := make(chan string, 1)
	go func() {
		defer close(done)
		for lines := bufio.NewScanner(out); lines.Scan(); {
			if m := listening.FindStringSubmatch(lines.Text()); m != nil {
				ready <- m[1]
			}
		}
		close(ready)
	}()
	address, ok := <-ready
	if !ok {
		t.Fatal("Prism ended before it listened")
	}
	return address
}

var listening = regexp.MustCompile(`Prism is listening on (http://[0-9.:]+)`)

// judge sends a copy of every call to Prism, and the call itself on to the org.
type judge struct {
	t     *testing.T
	prism string
	calls map[string]int // by operation and what the body holds
}

// unspecified are calls that Okta has but does not specify there (factors-api.md §11).
var unspecified = regexp.MustCompile(`^(POST /oauth2/v1/token|DELETE .*/transactions/[^/]+|POST .*/lifecycle/activate/(poll|email|sms)|GET .*/qr/[^/]+|GET /api/v1/users/[^/]+/groups)$`)

func (j *judge) RoundTrip(r *http.Request) (*http.Response, error) {
	var body []byte
	if r.Body != nil && r.Body != http.NoBody {
		body, _ = io.ReadAll(r.Body)
		r.Body.Close()
		r.Body = io.NopCloser(strings.NewReader(string(body)))
	}
	if what := r.Method + " " + r.URL.Path; !unspecified.MatchString(what) {
		j.judge(r, string(body))
	}
	return transport.RoundTrip(r)
}

var transport = &http.Transport{}

func (j *judge) judge(r *http.Request, body string) {
	copied, err := http.NewRequestWithContext(r.Context(), r.Method, j.prism+r.URL.RequestURI(), strings.NewReader(body))
	if err != nil {
		j.t.Error(err)
		return
	}
	copied.Header = r.Header.Clone()
	answer, err := transport.RoundTrip(copied)
	if err != nil {
		j.t.Errorf("%s %s: %v", r.Method, r.URL, err)
		return
	}
	_, _ = io.Copy(io.Discard, answer.Body)
	answer.Body.Close()
	j.calls[operation(r, body)]++
	if v := answer.Header.Get("Sl-Violations"); v != "" || answer.StatusCode >= http.StatusBadRequest {
		j.t.Errorf("%s %s %s: %d, violations %.400s", r.Method, r.URL.RequestURI(), body, answer.StatusCode, v)
	}
}

var (
	ids   = regexp.MustCompile(`/(users|factors|transactions)/([^/]+)`)
	names = regexp.MustCompile(`"([A-Za-z]+)":`)
	kind  = regexp.MustCompile(`"factorType":"([^"]+)","[^}]*"?provider":"([^"]+)"|"factorType":"([^"]+)"`)
)

// operation is the call with ids taken out, and the members of its body.
func operation(r *http.Request, body string) string {
	path := ids.ReplaceAllStringFunc(strings.TrimPrefix(r.URL.Path, "/api/v1"), func(s string) string {
		m := ids.FindStringSubmatch(s)
		if m[2] == "catalog" || m[2] == "questions" {
			return s
		}
		return "/" + m[1] + "/*"
	})
	out := r.Method + " " + path
	for name := range r.URL.Query() {
		out += "?" + name
	}
	if strings.HasSuffix(path, "/factors") || strings.HasSuffix(path, "/resend") {
		if m := kind.FindStringSubmatch(body); m != nil {
			return out + " " + m[1] + m[3]
		}
	}
	for _, m := range names.FindAllStringSubmatch(body, -1) {
		out += " " + m[1]
	}
	return out
}
