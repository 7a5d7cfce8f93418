package main

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"sidegate.example/sidegate/oktasim"
)

// started runs the command and returns the issuer it printed and what makes it end.
func started(t *testing.T, args ...string) (issuer string, end func() error) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	out, in := io.Pipe()
	result := make(chan error, 1)
	go func() {
		err := run(ctx, args, in, io.Discard)
		_ = in.CloseWithError(io.EOF)
		result <- err
	}()
	lines := bufio.NewScanner(out)
	if !lines.Scan() {
		cancel()
		t.Fatalf("nothing printed: %v", <-result)
	}
	issuer = strings.TrimPrefix(lines.Text(), "issuer  ")
	go func() { _, _ = io.Copy(io.Discard, out) }()
	return issuer, func() error {
		cancel()
		return <-result
	}
}

func TestServesAndEndsClean(t *testing.T) {
	issuer, end := started(t)
	r, err := http.Get(issuer + "/.well-known/openid-configuration")
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	var doc struct{ Issuer string }
	if err := json.NewDecoder(r.Body).Decode(&doc); err != nil || doc.Issuer != issuer {
		t.Fatalf("issuer %q (%v), want %q", doc.Issuer, err, issuer)
	}
	if err := end(); err != nil {
		t.Fatalf("end: %v", err)
	}
	if _, err := http.Get(issuer); err == nil {
		t.Fatal("still listening after the end")
	}
}

func TestUsersFromFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "users.json")
	if err := os.WriteFile(file, []byte(`[{"login":"eve@x.example","password":"p","methods":["push"]}]`), 0o600); err != nil {
		t.Fatal(err)
	}
	issuer, end := started(t, "-users", file)
	r, err := http.Get(strings.TrimSuffix(issuer, "/oauth2/default") + "/phone/eve@x.example")
	if err != nil {
		t.Fatal(err)
	}
	_ = r.Body.Close()
	if r.StatusCode != http.StatusOK {
		t.Fatalf("phone of the user in the file: %d", r.StatusCode)
	}
	if err := end(); err != nil {
		t.Fatal(err)
	}
}

// TestGreetingSaysHowToSignIn: nobody has to read the source for a password or for what to register.
func TestGreetingSaysHowToSignIn(t *testing.T) {
	opt, err := parse(nil, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	cfg, err := opt.config(io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := cfg.Clients[0].RedirectURIs, []string{"http://localhost:8080/_mfa/callback"}; !slices.Equal(got, want) {
		t.Errorf("redirect URIs %q, want %q", got, want)
	}
	var out strings.Builder
	greet(&out, &cfg)
	for _, u := range cfg.Users {
		if want := "user    " + u.Login + "  password " + u.Password + "  ("; u.Password == "" || !strings.Contains(out.String(), want) {
			t.Errorf("%q is not in\n%s", want, out.String())
		}
	}
}

func TestBadArgumentsSayWhat(t *testing.T) {
	for name, c := range map[string]struct {
		args []string
		want string
	}{
		"unknown flag":    {[]string{"-nope"}, "-nope"},
		"stray argument":  {[]string{"stray"}, `unexpected argument "stray"`},
		"bad network":     {[]string{"-trusted-proxies", "10.0.0.1"}, "is not a network"},
		"no such file":    {[]string{"-users", "/nonexistent/users.json"}, "-users: open"},
		"bad listen":      {[]string{"-listen", "nowhere:x"}, "nowhere"},
		"URL with a path": {[]string{"-url", "http://h/x"}, "without a path"},
	} {
		t.Run(name, func(t *testing.T) {
			err := run(t.Context(), c.args, io.Discard, io.Discard)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Fatalf("error %v, want it to name %q", err, c.want)
			}
		})
	}
}

func TestAPIToken(t *testing.T) {
	issuer, end := started(t, "-api-token", "00token")
	get := func(token string) int {
		r, err := http.NewRequest(http.MethodGet, strings.TrimSuffix(issuer, "/oauth2/default")+"/api/v1/users/push@sidegate.example", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Accept", "application/json")
		r.Header.Set("Authorization", "SSWS "+token)
		a, err := new(http.Client).Do(r)
		if err != nil {
			t.Fatal(err)
		}
		_ = a.Body.Close()
		return a.StatusCode
	}
	if got := get("00token"); got != http.StatusOK {
		t.Errorf("with the token: %d", got)
	}
	if got := get("another"); got != http.StatusUnauthorized {
		t.Errorf("with another token: %d", got)
	}
	if err := end(); err != nil {
		t.Fatal(err)
	}
}

func TestDescribe(t *testing.T) {
	for want, u := range map[string]oktasim.User{
		"no Okta Verify": {},
		"push, totp, number challenge, okta_email, locked":   {Methods: []string{"push", "totp"}, NumberChallenge: true, Enrolled: []string{"okta_email"}, Locked: true},
		"no Okta Verify, okta_email; has to set up webauthn": {Enrolled: []string{"okta_email"}, Require: []string{"webauthn"}},
	} {
		if got := describe(&u); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
