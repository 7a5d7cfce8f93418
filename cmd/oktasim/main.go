// Command oktasim serves a simulated Okta org on one address: Okta's URLs, the phones of its users under
// /phone/ and the control port under /sim/. It is a test tool; whoever reaches it owns it, so it listens
// on loopback unless told otherwise.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"sidegate.example/sidegate/oktasim"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "oktasim:", err)
		os.Exit(1)
	}
}

// options are the command line.
type options struct {
	listen, url, users              string
	clientID, clientSecret          string
	apiToken                        string
	redirectURIs                    string
	trustedProxies                  string
	identifierFirst, embedded, logs bool
}

func parse(args []string, stderr io.Writer) (*options, error) {
	o := new(options)
	f := flag.NewFlagSet("oktasim", flag.ContinueOnError)
	f.SetOutput(stderr)
	f.StringVar(&o.listen, "listen", "127.0.0.1:0", "address to listen on; port 0 takes a free one")
	f.StringVar(&o.url, "url", "", "base URL under which clients reach the org; default http://<address>")
	f.StringVar(&o.users, "users", "", "JSON file with an array of users; default a set of test users")
	f.StringVar(&o.clientID, "client-id", "0oasidegate", "client id of the app")
	f.StringVar(&o.clientSecret, "client-secret", "", "secret of the app; empty makes it a public client")
	f.StringVar(&o.apiToken, "api-token", "", "SSWS token of an org admin for the Users and Factors API; empty means none")
	f.StringVar(&o.redirectURIs, "redirect-uri", "http://localhost:8080/_mfa/callback", "sign-in redirect URIs of the app, separated by commas")
	f.StringVar(&o.trustedProxies, "trusted-proxies", "", "networks whose X-Forwarded-For counts, separated by commas (network zone)")
	f.BoolVar(&o.identifierFirst, "identifier-first", false, "ask for the identifier before the password")
	f.BoolVar(&o.embedded, "push-shows-server", false, "Okta's documented limitation: a push shows the server's address and agent")
	f.BoolVar(&o.logs, "log", false, "log every request to Okta's URLs")
	if err := f.Parse(args); err != nil {
		return nil, err
	}
	if f.NArg() > 0 {
		return nil, fmt.Errorf("unexpected argument %q", f.Arg(0))
	}
	return o, nil
}

// run serves until ctx ends.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	opt, err := parse(args, stderr)
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", opt.listen)
	if err != nil {
		return fmt.Errorf("-listen %q: %w", opt.listen, err)
	}
	defer listener.Close()
	if opt.url == "" {
		opt.url = "http://" + listener.Addr().String()
	}
	cfg, err := opt.config(stderr)
	if err != nil {
		return err
	}
	org, err := oktasim.New(cfg)
	if err != nil {
		return err
	}
	greet(stdout, &cfg)
	return serve(ctx, listener, org)
}

func (o *options) config(stderr io.Writer) (oktasim.Config, error) {
	cfg := oktasim.Config{
		URL: o.url,
		Clients: []oktasim.Client{{
			ID: o.clientID, Label: "Legacy app", Secret: o.clientSecret, RedirectURIs: strings.Split(o.redirectURIs, ","),
		}},
		Users:                   oktasim.DefaultUsers(),
		Policy:                  oktasim.Policy{IdentifierFirst: o.identifierFirst},
		EmbeddedPushShowsServer: o.embedded,
	}
	if o.apiToken != "" {
		cfg.Tokens = []oktasim.Token{{Value: o.apiToken, Role: oktasim.RoleOrgAdmin}}
	}
	if o.logs {
		cfg.Logger = slog.New(slog.NewTextHandler(stderr, &slog.HandlerOptions{Level: slog.LevelDebug}))
	}
	if o.trustedProxies != "" {
		for s := range strings.SplitSeq(o.trustedProxies, ",") {
			p, err := netip.ParsePrefix(strings.TrimSpace(s))
			if err != nil {
				return cfg, fmt.Errorf("-trusted-proxies: %q is not a network such as 127.0.0.1/32", s)
			}
			cfg.TrustedProxies = append(cfg.TrustedProxies, p)
		}
	}
	if o.users == "" {
		return cfg, nil
	}
	raw, err := os.ReadFile(o.users)
	if err != nil {
		return cfg, fmt.Errorf("-users: %w", err)
	}
	cfg.Users = nil
	if err := json.Unmarshal(raw, &cfg.Users); err != nil {
		return cfg, fmt.Errorf("-users: %s: %w", o.users, err)
	}
	return cfg, nil
}

// greet prints what a person needs to start, the passwords too: these users are made up.
func greet(w io.Writer, cfg *oktasim.Config) {
	fmt.Fprintf(w, "issuer  %s/oauth2/default\nphones  %s/phone/\nclient  %s\n", cfg.URL, cfg.URL, cfg.Clients[0].ID)
	for _, u := range cfg.Users {
		fmt.Fprintf(w, "user    %s  password %s  (%s)\n", u.Login, u.Password, describe(&u))
	}
}

func describe(u *oktasim.User) string {
	what := "no Okta Verify"
	if len(u.Methods) > 0 {
		what = strings.Join(u.Methods, ", ")
	}
	if u.NumberChallenge {
		what += ", number challenge"
	}
	if len(u.Enrolled) > 0 {
		what += ", " + strings.Join(u.Enrolled, ", ")
	}
	if u.Locked {
		what += ", locked"
	}
	if len(u.Require) > 0 {
		what += "; has to set up " + strings.Join(u.Require, ", ")
	}
	return what
}

// serve ends within two seconds of ctx, hanging requests included.
func serve(ctx context.Context, l net.Listener, org *oktasim.Org) error {
	server := &http.Server{Handler: org.Handler(), ReadHeaderTimeout: 10 * time.Second}
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(l) }()
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
	}
	org.ClearFaults()
	wait, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	if err := server.Shutdown(wait); err != nil {
		_ = server.Close() // what is still open has had its time
	}
	<-failed
	return nil
}
