package main

import (
	"bytes"
	_ "embed"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"text/template"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	_ "github.com/caddyserver/caddy/v2/modules/standard" // the Caddyfile adapter, reverse_proxy, storage

	"golang.org/x/crypto/bcrypt"

	_ "sidegate.example/sidegate/caddymodule" // okta_mfa
)

//go:embed Caddyfile.tmpl
var caddyfileText string

var caddyfileTemplate = template.Must(template.New("Caddyfile").Parse(caddyfileText))

// siteConfig is what the demo's Caddyfile depends on.
type siteConfig struct {
	Port             int
	Title            string
	Dir              string // Caddy's storage, and the file with the client secret
	Org              string
	ClientID         string
	Refresh          time.Duration
	BehindProxy      bool
	PushShowsServer  bool
	EnrollByPassword bool
	PayrollFactors   string
	PayrollEnroll    string // what people set up there, "" for nothing
	PayrollStepUp    string // the class of factor that a transfer needs
	LegacyUpstream   string
	Users            []caddyUser
}

// enrollOf is what the pages of Payroll can set up of these factors.
func enrollOf(factors string) string {
	can := strings.Fields(factors)
	return strings.Join(slices.DeleteFunc(can, func(f string) bool { return f != "push" && f != "google_otp" }), " ")
}

// stepUpOf is the strongest class that these factors can give.
func stepUpOf(factors string) string {
	if slices.Contains(strings.Fields(factors), "number_challenge") {
		return "number_challenge"
	}
	return "any"
}

// caddyUser is somebody whom Caddy's own basic_auth knows.
type caddyUser struct{ Login, Hash string }

// caddyUsers lets everybody come to the vault with the password that they have at Okta.
func caddyUsers(people []person) ([]caddyUser, error) {
	hash, err := bcrypt.GenerateFromPassword([]byte(password), bcrypt.MinCost)
	if err != nil {
		return nil, fmt.Errorf("hashing the password: %w", err)
	}
	users := make([]caddyUser, len(people))
	for i, p := range people {
		users[i] = caddyUser{p.Login, string(hash)}
	}
	return users, nil
}

func (c siteConfig) caddyfile() ([]byte, error) {
	var b bytes.Buffer
	if err := caddyfileTemplate.Execute(&b, c); err != nil {
		return nil, fmt.Errorf("writing the Caddyfile: %w", err)
	}
	return b.Bytes(), nil
}

// startCaddy runs the Caddyfile in this process and returns the port of its sites.
func startCaddy(caddyfile []byte) (port int, err error) {
	config, warnings, err := caddyconfig.GetAdapter("caddyfile").Adapt(caddyfile, map[string]any{"filename": "Caddyfile"})
	if err != nil {
		return 0, fmt.Errorf("adapting the Caddyfile: %w", err)
	}
	if len(warnings) > 0 {
		return 0, fmt.Errorf("adapting the Caddyfile: %s", warnings[0])
	}
	if err := caddy.Load(config, true); err != nil {
		return 0, fmt.Errorf("starting Caddy: %w", err)
	}
	if port, err = caddyPort(); err != nil {
		return 0, errors.Join(err, caddy.Stop())
	}
	return port, nil
}

// caddyPort is the port that the running Caddy listens on; it may have been asked for a free one.
func caddyPort() (int, error) {
	app, err := caddy.ActiveContext().AppIfConfigured("http")
	if err != nil {
		return 0, fmt.Errorf("finding Caddy's listener: %w", err)
	}
	for _, server := range app.(*caddyhttp.App).Servers {
		for _, l := range server.Listeners() {
			if addr, ok := l.Addr().(*net.TCPAddr); ok {
				return addr.Port, nil
			}
		}
	}
	return 0, errors.New("finding Caddy's listener: it has none")
}
