package caddymodule

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

// adminSocket is where the admin endpoint of the world's Caddy is.
func (w *world) adminSocket() string { return filepath.Join(w.storage, "admin.sock") }

// askAdmin sends a request to the admin endpoint.
func (w *world) askAdmin(method, path, body string, header http.Header) (int, string) {
	w.t.Helper()
	client := http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", w.adminSocket())
	}}}
	defer client.CloseIdleConnections()
	r, err := http.NewRequestWithContext(w.t.Context(), method, "http://127.0.0.1"+path, strings.NewReader(body))
	if err != nil {
		w.t.Fatal(err)
	}
	if r.Header = header.Clone(); r.Header == nil {
		r.Header = http.Header{}
	}
	if body != "" && r.Header.Get("Content-Type") == "" {
		r.Header.Set("Content-Type", "application/json")
	}
	resp, err := client.Do(r)
	if err != nil {
		w.t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	return resp.StatusCode, string(b)
}

// command runs caddy okta-mfa and returns what it prints, with what differs from run to run replaced.
func (w *world) command(args ...string) (string, error) {
	w.t.Helper()
	root := &cobra.Command{Use: "okta-mfa", SilenceErrors: true}
	commands(root)
	var out bytes.Buffer
	root.SetOut(&out)
	root.SetErr(&out)
	root.SetArgs(append(args, "--address", "unix/"+w.adminSocket()))
	err := root.Execute()
	text := regexp.MustCompile(`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ`).ReplaceAllString(out.String(), "<time>")
	text = regexp.MustCompile(`\b[0-9a-f]{16}\b`).ReplaceAllString(text, "<handle>")
	text = regexp.MustCompile(`\b00u[0-9A-Za-z]+\b`).ReplaceAllString(text, "<id>")
	return regexp.MustCompile(`\b[A-Z2-7]{4}-[A-Z2-7]{4}-[A-Z2-7]{4}\b`).ReplaceAllString(regexp.MustCompile(` {2,}`).ReplaceAllString(text, "  "), "<code>"), err
}

// TestOktaMFACommand: what an operator sees, and that what it says is so.
func TestOktaMFACommand(t *testing.T) {
	w, sim := newSimulated(t)
	b := w.browser(w.start(w.simulated()))
	says := func(want string, args ...string) {
		t.Helper()
		got, err := w.command(args...)
		if err != nil || got != want {
			t.Errorf("%v: %v\n%s\nwant\n%s", args, err, got, want)
		}
	}
	fails := func(want string, args ...string) {
		t.Helper()
		if got, err := w.command(args...); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v: %v\n%s", args, err, got)
		}
	}
	says("SESSION  USER  SITE  SIGNED IN  ENDS  FACTORS  ADDRESS\n", "sessions")
	b.waitAtPush()
	says("USER  AT  FACTOR  SINCE  ADDRESS\nbob  wait  push  <time>  127.0.0.1\n", "pending")
	approve(t, sim)
	b.arrive()
	says("USER  AT  FACTOR  SINCE  ADDRESS\n", "pending")
	const listed = "SESSION  USER  SITE  SIGNED IN  ENDS  FACTORS  ADDRESS\n<handle>  bob  127.0.0.1  <time>  <time>  password,push  127.0.0.1\n"
	says(listed, "sessions")
	says(listed, "sessions", "--user", "BOB@example.com")
	says("SESSION  USER  SITE  SIGNED IN  ENDS  FACTORS  ADDRESS\n", "sessions", "--user", "ann")
	says("unlocked: <id>, bob\n", "unlock", "bob")
	says("<code>\ngood once, until <time>\n", "enroll-code", "bob")

	fails("name a user or a session", "revoke")
	fails("16 hexadecimal digits", "revoke", "--session", "bob")
	says("ended: 0 (not listed; whoever has its cookie is out all the same)\n", "revoke", "--session", "0123456789abcdef")
	says("ended: 0\n", "revoke", "--user", "ann")
	if a := b.get("/payroll"); a.StatusCode != http.StatusOK {
		t.Fatalf("%d: somebody else's revocation ended bob's session", a.StatusCode)
	}
	says("ended: 1\n", "revoke", "--user", "bob")
	if a := b.get("/payroll"); a.StatusCode != http.StatusUnauthorized {
		t.Errorf("%d after the revocation", a.StatusCode)
	}
	says("SESSION  USER  SITE  SIGNED IN  ENDS  FACTORS  ADDRESS\n", "sessions")
}

// TestAdminRevokesOneSession by its handle, as the log names it.
func TestAdminRevokesOneSession(t *testing.T) {
	w, sim := newSimulated(t)
	b := w.browser(w.start(w.simulated()))
	b.waitAtPush()
	approve(t, sim)
	b.arrive()
	_, list := w.askAdmin("GET", "/okta_mfa/sessions", "", nil)
	handle := regexp.MustCompile(`"session":"([0-9a-f]{16})"`).FindStringSubmatch(list)
	if handle == nil {
		t.Fatal(list)
	}
	for _, secret := range b.cookies {
		if secret != "" && strings.Contains(list, secret) {
			t.Errorf("the list holds a cookie: %s", list)
		}
	}
	if out, err := w.command("revoke", "--session", handle[1]); err != nil || out != "ended: 1\n" {
		t.Errorf("%s, %v", out, err)
	}
	if a := b.get("/payroll"); a.StatusCode != http.StatusUnauthorized {
		t.Errorf("%d after the revocation", a.StatusCode)
	}
}

// S45: a session that the store has lost from its list ends by its handle all the same.
func TestAdminRevokesAnUnlistedSession_S45(t *testing.T) {
	w := newWorld(t)
	b := w.browser(w.start(w.gated()))
	cookie, handle := w.session("127.0.0.1", bob())
	b.cookies["__Host-okta_mfa"] = strings.TrimPrefix(cookie, "__Host-okta_mfa=")
	if a := b.get("/payroll"); a.StatusCode != http.StatusOK {
		t.Fatalf("%d with the cookie", a.StatusCode)
	}
	for range 2 {
		if status, body := w.askAdmin("POST", "/okta_mfa/revoke", `{"session":"`+handle+`"}`, nil); status != http.StatusOK || body != `{"sessions":0,"unlisted":true}`+"\n" {
			t.Errorf("%d %s", status, body)
		}
		if a := b.get("/payroll"); a.StatusCode != http.StatusUnauthorized {
			t.Errorf("%d after the revocation", a.StatusCode)
		}
	}
}

// TestAdminGuards: no page reaches the admin routes (S81), none is found by a prefix (S82), and nothing that proves
// something elsewhere does so here (S59).
func TestAdminGuards_S59_S81_S82(t *testing.T) {
	w := newWorld(t)
	w.start(w.gated())
	cookie := w.cookie("127.0.0.1", bob())
	const user = `{"user":"bob"}`
	for name, c := range map[string]struct {
		method, path, body string
		header             http.Header
		want               int
	}{
		"as it should be":          {"POST", "/okta_mfa/revoke", user, nil, 200},
		"S81 by a GET":             {"GET", "/okta_mfa/revoke?user=bob", "", nil, 405},
		"S81 by a HEAD":            {"HEAD", "/okta_mfa/unlock", "", nil, 405},
		"S81 a page's fetch":       {"POST", "/okta_mfa/revoke", user, http.Header{"Sec-Fetch-Mode": {"cors"}}, 403},
		"S81 a page's form":        {"POST", "/okta_mfa/revoke", user, http.Header{"Content-Type": {"text/plain"}}, 415},
		"S81 a page's navigation":  {"GET", "/okta_mfa/sessions", "", http.Header{"Sec-Fetch-Mode": {"navigate"}}, 403},
		"S82 below a path":         {"GET", "/okta_mfa/sessions/x", "", nil, 404},
		"S82 with a slash":         {"GET", "/okta_mfa/sessions/", "", nil, 404},
		"S82 the prefix":           {"GET", "/okta_mfa/", "", nil, 404},
		"S59 a session's cookie":   {"GET", "/okta_mfa/sessions", "", http.Header{"Cookie": {cookie}}, 401},
		"S59 an assertion":         {"GET", "/okta_mfa/sessions", "", http.Header{"Authorization": {"Bearer a.b.c"}}, 401},
		"an unknown field":         {"POST", "/okta_mfa/revoke", `{"users":"bob"}`, nil, 400},
		"two objects":              {"POST", "/okta_mfa/revoke", user + user, nil, 400},
		"both":                     {"POST", "/okta_mfa/revoke", `{"user":"bob","session":"x"}`, nil, 400},
		"no handle":                {"POST", "/okta_mfa/revoke", `{"session":"0123456789ABCDEF"}`, nil, 400},
		"too large":                {"POST", "/okta_mfa/unlock", `{"user":"` + strings.Repeat("x", maxAdminBody) + `"}`, nil, 400},
		"nobody to unlock":         {"POST", "/okta_mfa/unlock", `{}`, nil, 400},
		"nobody to give a code to": {"POST", "/okta_mfa/enroll_code", `{}`, nil, 400},
		"a method that it has not": {"DELETE", "/okta_mfa/pending", "", nil, 405},
	} {
		if status, body := w.askAdmin(c.method, c.path, c.body, c.header); status != c.want {
			t.Errorf("%s: %d, want %d\n%s", name, status, c.want, body)
		}
	}
}

// A name that somebody chose does not move the cursor of an operator's terminal.
func TestPrintable(t *testing.T) {
	var out bytes.Buffer
	if err := table(&out, [][]string{{"USER", "SITE"}, {"bob\x1b[2J\nroot", ""}}); err != nil || out.String() != "USER          SITE\nbob?[2J?root  -\n" {
		t.Errorf("%q, %v", out.String(), err)
	}
}
