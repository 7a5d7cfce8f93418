// Package sdk runs Okta's own JavaScript SDK against oktasim. The SDK is a client that nobody here wrote:
// where the two disagree, oktasim is wrong.
package sdk

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http/httptest"
	"os"
	"os/exec"
	"slices"
	"testing"
	"time"

	"sidegate.example/sidegate/oktasim"
)

const (
	redirectURI  = "http://127.0.0.1/callback"
	publicID     = "0oaPublic"
	confidential = "0oaConfidential"
	clientSecret = "s3cret+&%"
)

// needNode returns the node command, or skips (fails in CI) and says what to install.
func needNode(t *testing.T) string {
	t.Helper()
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
	if _, err := os.Stat("node_modules/@okta/okta-auth-js"); err != nil {
		lack("the SDK is not installed: run 'npm ci' in e2e/sdk")
	}
	return node
}

// startOrg serves an org on a free port of loopback.
func startOrg(t *testing.T, change ...func(*oktasim.Config)) (*oktasim.Org, string) {
	t.Helper()
	server := httptest.NewUnstartedServer(nil)
	cfg := oktasim.Config{
		URL: "http://" + server.Listener.Addr().String(),
		Clients: []oktasim.Client{
			{ID: publicID, RedirectURIs: []string{redirectURI}},
			{ID: confidential, Secret: clientSecret, RedirectURIs: []string{redirectURI}},
		},
		Users:   oktasim.DefaultUsers(),
		Refresh: 50 * time.Millisecond,
	}
	for _, f := range change {
		f(&cfg)
	}
	org, err := oktasim.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	server.Config.Handler = org.Handler()
	server.Start()
	t.Cleanup(server.Close)
	return org, cfg.URL
}

// scenario is what signin.mjs does.
type scenario struct {
	Issuer       string            `json:"issuer"`
	ClientID     string            `json:"clientId"`
	ClientSecret string            `json:"clientSecret,omitempty"`
	RedirectURI  string            `json:"redirectUri"`
	Username     string            `json:"username"`
	Password     string            `json:"password"`
	Method       string            `json:"method,omitempty"`
	Headers      map[string]string `json:"headers,omitempty"`
}

// event is one line of signin.mjs.
type event struct {
	Event       string         `json:"event"`
	Status      string         `json:"status"`
	Step        string         `json:"step"`
	Messages    []string       `json:"messages"`
	Number      string         `json:"number"`
	Claims      map[string]any `json:"claims"`
	AccessToken bool           `json:"accessToken"`
	Text        string         `json:"text"`
}

// run is a running script.
type run struct {
	t     *testing.T
	lines *bufio.Scanner
	stdin io.Writer
}

func start(t *testing.T, s scenario) *run {
	t.Helper()
	s.RedirectURI = redirectURI
	if s.Password == "" {
		s.Password = oktasim.DefaultPassword
	}
	return script(t, "signin.mjs", s)
}

// script runs a script beside this file, told what to do as JSON.
func script(t *testing.T, name string, task any) *run {
	t.Helper()
	node := needNode(t)
	arg, err := json.Marshal(task)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	cmd := exec.CommandContext(ctx, node, name, string(arg))
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cancel()
		_ = cmd.Wait() // killed or ended; its events were the result
		if t.Failed() {
			t.Logf("stderr of the script: %s", &stderr)
		}
	})
	return &run{t: t, lines: bufio.NewScanner(stdout), stdin: stdin}
}

// next reads the next event and insists on its kind.
func (r *run) next(kind string) event {
	r.t.Helper()
	if !r.lines.Scan() {
		r.t.Fatalf("the script ended before %q", kind)
	}
	var e event
	if err := json.Unmarshal(r.lines.Bytes(), &e); err != nil {
		r.t.Fatalf("not an event: %s", r.lines.Bytes())
	}
	if e.Event != kind {
		r.t.Fatalf("event %s, want %q", r.lines.Bytes(), kind)
	}
	return e
}

func (r *run) say(line string) {
	r.t.Helper()
	if _, err := fmt.Fprintln(r.stdin, line); err != nil {
		r.t.Fatal(err)
	}
}

// wantSignedIn reads the end: tokens whose ID token the SDK has verified, and userinfo.
func (r *run) wantSignedIn(issuer, client, login string, amr ...any) {
	r.t.Helper()
	end := r.next("end")
	if end.Status != "SUCCESS" || !end.AccessToken {
		r.t.Fatalf("the SDK ended with %+v, want SUCCESS and tokens", end)
	}
	for claim, want := range map[string]any{"iss": issuer, "aud": client, "preferred_username": login} {
		if end.Claims[claim] != want {
			r.t.Errorf("claim %s = %v, want %v", claim, end.Claims[claim], want)
		}
	}
	if got, _ := end.Claims["amr"].([]any); !slices.Equal(got, amr) {
		r.t.Errorf("amr = %v, want %v", got, amr)
	}
	if info := r.next("userinfo"); info.Claims["email"] != login || info.Claims["sub"] != end.Claims["sub"] {
		r.t.Errorf("userinfo = %v", info.Claims)
	}
}

// pending is the one pending push of the user.
func pending(t *testing.T, org *oktasim.Org, login string) oktasim.Push {
	t.Helper()
	pushes := org.Pushes(login)
	if len(pushes) == 0 || pushes[len(pushes)-1].State != "pending" {
		t.Fatalf("no pending push of %s in %+v", login, pushes)
	}
	return pushes[len(pushes)-1]
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// waitForPolls returns when the org has seen n polls.
func waitForPolls(t *testing.T, org *oktasim.Org, n int) {
	t.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(30 * time.Second)
	for {
		seen := 0
		for _, q := range org.Requests() {
			if q.Path == "/idp/idx/authenticators/poll" && q.Status != 0 {
				seen++
			}
		}
		if seen >= n {
			return
		}
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("%d polls, want %d", seen, n)
		}
	}
}
