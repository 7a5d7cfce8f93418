package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/caddyserver/caddy/v2"

	"sidegate.example/sidegate/oktasim"
)

// demo is a running demo: three servers and a folder for Caddy.
type demo struct {
	opts      options
	places    places
	caddyfile []byte
	dir       string
	servers   []*http.Server
	failed    chan error // a server that ended by itself
}

// places are the addresses that a person or a test needs.
type places struct {
	// Site is behind engine identity_engine; Payroll behind engine factors with a page for the password, Vault behind
	// engine factors and Caddy's own basic_auth. Wiki shares the sign-in of Site.
	Site    string   `json:"site"`
	Payroll string   `json:"payroll"`
	Vault   string   `json:"vault"`
	Wiki    string   `json:"wiki"`
	Okta    string   `json:"okta"`
	Phone   string   `json:"phone"`
	Legacy  string   `json:"legacy"`
	People  []person `json:"people"`
}

// start starts everything. The simulator's port is opened before Caddy's and its handler is made
// after, because each needs to know the other's port.
func start(o options) (_ *demo, err error) {
	d := &demo{opts: o, failed: make(chan error, 2)}
	defer func() {
		if err != nil {
			err = errors.Join(err, d.stop())
		}
	}()
	if d.dir, err = os.MkdirTemp("", "sidegate-demo-"); err != nil {
		return nil, fmt.Errorf("making a folder for Caddy: %w", err)
	}
	legacy, err := listen(usualLegacy, o.freePorts)
	if err != nil {
		return nil, err
	}
	d.serve(legacy, legacyApp())
	okta, err := listen(usualOkta, o.freePorts)
	if err != nil {
		return nil, err
	}
	oktaURL := "http://" + okta.Addr().String()
	d.places = places{Okta: oktaURL, Phone: oktaURL + "/phone/", Legacy: "http://" + legacy.Addr().String()}
	d.places.People = people(d.places.Phone, d.places.Okta+"/inbox/")
	if err := d.startSite(); err != nil {
		return nil, errors.Join(err, okta.Close())
	}
	org, err := oktasim.New(orgConfig(d.places, d.redirects(), o))
	if err != nil {
		return nil, errors.Join(fmt.Errorf("making the simulated org: %w", err), okta.Close())
	}
	d.serve(okta, fromDataCentre(org.Handler()))
	if err := org.SendActivation(newcomer); err != nil {
		return nil, fmt.Errorf("mailing the welcome: %w", err)
	}
	return d, nil
}

func (d *demo) startSite() error {
	for name, secret := range map[string]string{"client_secret": clientSecret, "api_token": apiToken} {
		if err := os.WriteFile(filepath.Join(d.dir, name), []byte(secret), 0o600); err != nil {
			return fmt.Errorf("writing a secret for Caddy: %w", err)
		}
	}
	users, err := caddyUsers(d.places.People)
	if err != nil {
		return err
	}
	port, err := sitePort(d.opts.freePorts)
	if err != nil {
		return err
	}
	d.caddyfile, err = siteConfig{
		Port:             port,
		Dir:              filepath.ToSlash(d.dir),
		Org:              d.places.Okta,
		Title:            title,
		ClientID:         clientID,
		Refresh:          d.opts.refresh,
		PushShowsServer:  d.opts.embeddedPushShowsServer,
		EnrollByPassword: d.opts.enrollByPassword,
		PayrollFactors:   d.opts.payrollFactors,
		PayrollEnroll:    enrollOf(d.opts.payrollFactors),
		PayrollStepUp:    stepUpOf(d.opts.payrollFactors),
		BehindProxy:      d.opts.behindProxy,
		LegacyUpstream:   d.places.Legacy,
		Users:            users,
	}.caddyfile()
	if err != nil {
		return err
	}
	port, err = startCaddy(d.caddyfile)
	if err != nil {
		return err
	}
	d.places.Site = fmt.Sprintf("http://localhost:%d", port)
	d.places.Payroll, d.places.Vault = fmt.Sprintf("http://payroll.localhost:%d", port), fmt.Sprintf("http://vault.localhost:%d", port)
	d.places.Wiki = fmt.Sprintf("http://wiki.localhost:%d", port)
	return nil
}

// redirects are the redirect URIs to register for the gateway, which derives its own from the host that the
// browser asked for.
func (d *demo) redirects() []string {
	const callback = "/_mfa/callback"
	byAddress := strings.Replace(d.places.Site, "localhost", loopback, 1)
	return []string{d.places.Site + callback, byAddress + callback}
}

// serve serves h on l until stop.
func (d *demo) serve(l net.Listener, h http.Handler) {
	server := &http.Server{
		Handler:           h,
		ReadHeaderTimeout: 10 * time.Second,
		ErrorLog:          log.New(io.Discard, "", 0),
	}
	d.servers = append(d.servers, server)
	go func() {
		if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			d.failed <- fmt.Errorf("serving %s: %w", l.Addr(), err)
		}
	}()
}

// stop ends all servers, Caddy first, because it still tells Okta which sign-ins are over, and leaves
// nothing on disk. Streams that are open end with their server.
func (d *demo) stop() error {
	ctx, cancel := context.WithTimeout(context.Background(), leaveWithin)
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- caddy.Stop() }()
	var errs []error
	select {
	case err := <-done:
		errs = append(errs, err)
	case <-ctx.Done():
		errs = append(errs, fmt.Errorf("caddy did not stop within %s", leaveWithin))
	}
	for _, s := range d.servers {
		errs = append(errs, s.Close())
	}
	if d.dir != "" {
		errs = append(errs, os.RemoveAll(d.dir))
	}
	return errors.Join(errs...)
}
