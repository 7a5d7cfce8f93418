package e2e

import (
	"bytes"
	"encoding/json"
	"net/http"
	"testing"

	"sidegate.example/sidegate/oktasim"
)

// password is that of people whom a test adds.
const password = "a-Passw0rd-of-tests"

// join adds a person to the simulated org, whose login is name@example.com.
func (d *demo) join(name string, u oktasim.User) person {
	d.t.Helper()
	u.Login, u.Name = name+"@example.com", name
	if u.Status == "" {
		u.Password = password
	}
	u.Email = u.Login
	d.simPost("/sim/users", u, http.StatusNoContent)
	return person{Login: u.Login, Password: u.Password, Phone: d.Phone + u.Login}
}

// policy changes the org's policy: members that are left out stay as they are.
func (d *demo) policy(changes map[string]any) {
	d.t.Helper()
	d.simPost("/sim/settings", map[string]any{"policy": changes}, http.StatusOK)
}

func (d *demo) simPost(path string, body any, want int) {
	d.t.Helper()
	if status := trySimPost(d.t, d.Okta+path, body); status != want {
		d.t.Fatalf("POST %s: %d, want %d", path, status, want)
	}
}

func trySimPost(t *testing.T, address string, body any) (status int) {
	t.Helper()
	b, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	res, err := (&http.Client{Timeout: patience}).Post(address, "application/json", bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	readBody(t, res)
	return res.StatusCode
}
