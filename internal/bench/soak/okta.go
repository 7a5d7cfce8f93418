package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"
)

// oktaClient is the hand on the simulated phones.
type oktaClient struct {
	base   string
	client *http.Client
}

func newOktaClient(base string) oktaClient {
	return oktaClient{base: base, client: &http.Client{Timeout: 30 * time.Second, Transport: &http.Transport{}}}
}

func (o oktaClient) counts() (counts, error) {
	var c counts
	err := o.get("/bench/counts", &c)
	return c, err
}

// approve presses yes on the push that waits on the nth user's phone.
func (o oktaClient) approve(n int) error {
	var pushes []struct{ ID, State string }
	if err := o.get("/sim/pushes?login="+url.QueryEscape(login(n)), &pushes); err != nil {
		return err
	}
	if len(pushes) != 1 || pushes[0].State != "pending" {
		return fmt.Errorf("%s has the pushes %v, want one that is pending", login(n), pushes)
	}
	resp, err := o.client.Post(o.base+"/sim/pushes/"+pushes[0].ID+"/approve", "", nil)
	if err != nil {
		return fmt.Errorf("approving: %w", err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusNoContent {
		return fmt.Errorf("approving: %s", resp.Status)
	}
	return nil
}

// hold makes the org answer nobody until release.
func (o oktaClient) hold() error { return o.get("/bench/hold", nil) }

func (o oktaClient) release() error { return o.get("/bench/release", nil) }

func (o oktaClient) get(path string, into any) error {
	resp, err := o.client.Get(o.base + path)
	if err != nil {
		return fmt.Errorf("asking the org: %w", err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(io.LimitReader(resp.Body, 200))
		return fmt.Errorf("asking the org for %s: %s: %s", path, resp.Status, text)
	}
	if into == nil {
		return nil
	}
	return json.NewDecoder(resp.Body).Decode(into)
}
