package replicas

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"text/template"
	"time"

	"sidegate.example/sidegate/gateway/store/storetest"
	"sidegate.example/sidegate/oktasim"
)

const (
	// mainSite is behind engine identity_engine, paySite behind engine factors; wikiSite shares the sign-in of mainSite.
	mainSite = "app.test"
	paySite  = "pay.test"
	wikiSite = "wiki.test"

	clientID     = "0oareplicas"
	clientSecret = "client-secret-of-replicas"
	apiToken     = "00api-token-of-replicas"
	ringSecret   = "key-ring-secret-of-replicas-0123456789abcdef"
	password     = "a-Passw0rd-of-tests"

	// refresh is how often Okta lets itself be asked.
	refresh = 250 * time.Millisecond
)

// world is what the replicas share: the org, Redis, the app behind the gate, and the load balancer in front.
type world struct {
	setup
	t       *testing.T
	dir     string
	org     *oktasim.Org
	oktaURL string
	app     *app
	redis   *storetest.Server // nil where the replicas share nothing
	lb      *balancer
	all     []*replica
	reloads int
}

// setup is what tests differ in.
type setup struct {
	// replicas is how many are started; default 3.
	replicas int
	// org changes the org.
	org func(*oktasim.Config)
	// store goes into the global option.
	store string
	// global goes into the global okta_mfa option, site and pay into those of the sites; matchers are the main site's.
	global, site, pay, matchers string
	// sso: there is wikiSite too.
	sso bool
	// sharedStorage: Caddy's storage is one for all replicas.
	sharedStorage bool
}

func newWorld(t *testing.T, s setup) *world {
	t.Helper()
	if s.replicas == 0 {
		s.replicas = 3
	}
	dir, err := os.MkdirTemp("", "replicas") // t.TempDir is too long for a socket's name
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) }) //nolint:errcheck // as far as it goes
	w := &world{setup: s, t: t, dir: dir, app: newApp(t)}
	w.startOrg()
	w.lb = newBalancer(w)
	for n := range s.replicas {
		w.all = append(w.all, w.newReplica(fmt.Sprint("replica", n+1)))
	}
	return w
}

// durable keeps everything over a restart, every answered write included.
var durable = []string{"--appendonly", "yes", "--appendfsync", "always"}

// newRedisWorld is a world whose replicas share a redis-server with these arguments, and nothing else unless s says so.
func newRedisWorld(t *testing.T, s setup, args ...string) *world {
	t.Helper()
	server := storetest.Redis(t, args...)
	s.store = redisStore(s, "address "+server.Addr)
	w := newWorld(t, s)
	w.redis = server
	return w
}

// redisStore is the global option for a store with these lines.
func redisStore(s setup, lines string) string {
	if !s.sharedStorage {
		lines += "\n\t\t\tkey_ring_secret {env.KEY_RING_SECRET}"
	}
	return "store redis {\n\t\t\t" + lines + "\n\t\t}"
}

func (w *world) startOrg() {
	server := httptest.NewUnstartedServer(nil)
	w.oktaURL = "http://" + server.Listener.Addr().String()
	c := oktasim.Config{
		URL:            w.oktaURL,
		Clients:        []oktasim.Client{{ID: clientID, Secret: clientSecret, RedirectURIs: []string{"https://" + mainSite + "/_mfa/callback"}}},
		Tokens:         []oktasim.Token{{Value: apiToken, Role: oktasim.RoleOrgAdmin}},
		Refresh:        refresh,
		TrustedProxies: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")},
		RateLimit:      100_000_000,
	}
	c.Policy.Factors.AuthnPasswordOnly = true
	if w.setup.org != nil {
		w.setup.org(&c)
	}
	org, err := oktasim.New(c)
	if err != nil {
		w.t.Fatal(err)
	}
	server.Config.Handler = org.Handler()
	server.Start()
	w.t.Cleanup(func() {
		server.CloseClientConnections()
		server.Close()
	})
	w.org = org
}

// person is somebody of the org, with a phone.
type person struct {
	w     *world
	login string
}

// join adds a person to the org.
func (w *world) join(name string, change ...func(*oktasim.User)) person {
	w.t.Helper()
	u := oktasim.User{Login: name + "@example.com", Name: name, Email: name + "@example.com", Password: password, Device: "Pixel 7",
		Methods: []string{"push", "totp"}}
	for _, f := range change {
		f(&u)
	}
	if err := w.org.AddUser(u); err != nil {
		w.t.Fatal(err)
	}
	return person{w, u.Login}
}

// approve answers the newest push on the phone, which waits for an answer.
func (p person) approve() error {
	pushes := p.w.org.Pushes(p.login)
	if len(pushes) == 0 {
		return fmt.Errorf("%s has no push", p.login)
	}
	return p.w.org.Approve(pushes[len(pushes)-1].ID)
}

// pushed is how many pushes the phone has shown.
func (p person) pushed() int { return len(p.w.org.Pushes(p.login)) }

// code is what the phone shows as one-time code.
func (p person) code() string { return p.w.org.TOTP(p.login) }

// wrongCode is a code that it does not show.
func (p person) wrongCode() string {
	return strings.Map(func(r rune) rune { return '0' + (r-'0'+5)%10 }, p.code())
}

// asked is how many requests for a path Okta has answered with status; 0 is any.
func (w *world) asked(path string, status int) (n int) {
	for _, q := range w.org.Requests() {
		if strings.HasSuffix(q.Path, path) && (status == 0 || q.Status == status) {
			n++
		}
	}
	return n
}

// caddyfile is the configuration of a replica.
func (w *world) caddyfile(r *replica) string {
	storage := filepath.Join(r.dir, "data")
	if w.sharedStorage {
		storage = filepath.Join(w.dir, "data")
	}
	_, port, _ := net.SplitHostPort(r.addr)
	var b strings.Builder
	err := caddyfile.Execute(&b, map[string]any{
		"Reloads": w.reloads, "Socket": r.socket(), "Storage": storage, "Org": w.oktaURL, "ClientID": clientID, "Refresh": refresh,
		"Store": w.store, "Global": w.global, "Port": port, "Matchers": w.matchers, "Site": w.site, "Pay": w.pay, "App": w.app.addr(),
		"MainSite": mainSite, "PaySite": paySite, "WikiSite": wikiSite, "SSO": w.sso,
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return b.String()
}

var caddyfile = template.Must(template.New("Caddyfile").Parse(`{
	admin unix/{{.Socket}}
	persist_config off
	auto_https off
	grace_period 1s
	storage file_system {{.Storage}}
	storage_check off
	storage_clean_interval off
	log {
		level WARN
	}
	servers {
		trusted_proxies static 127.0.0.0/8
		trusted_proxies_strict
	}
	okta_mfa {
		org {{.Org}}
		authorization_server default
		client_id {{.ClientID}}
		client_secret {env.CLIENT_SECRET}
		min_poll_interval {{.Refresh}}
		title "Loaded {{.Reloads}} times"
		{{.Store}}
		{{.Global}}
	}
}

http://{{.MainSite}}:{{.Port}} {
	bind 127.0.0.1
	{{.Matchers}}
	okta_mfa {
		redirect_uri https://{{.MainSite}}/_mfa/callback
		{{- if .SSO}}
		sso https://{{.MainSite}} https://{{.WikiSite}}
		{{- end}}
		{{.Site}}
	}
	reverse_proxy {{.App}} {
		flush_interval -1
	}
}

{{if .SSO -}}
http://{{.WikiSite}}:{{.Port}} {
	bind 127.0.0.1
	okta_mfa {
		redirect_uri https://{{.MainSite}}/_mfa/callback
		sso https://{{.MainSite}} https://{{.WikiSite}}
	}
	reverse_proxy {{.App}}
}
{{- end}}

http://{{.PaySite}}:{{.Port}} {
	bind 127.0.0.1
	okta_mfa {
		engine factors
		push_context browser
		api_token {env.API_TOKEN}
		primary password
		factors push totp
		{{.Pay}}
	}
	reverse_proxy {{.App}}
}
`))

// balancer is the load balancer in front of the replicas: TLS ends there.
type balancer struct {
	w    *world
	wire *http.Transport
}

func newBalancer(w *world) *balancer {
	b := &balancer{w, &http.Transport{MaxIdleConnsPerHost: 64, IdleConnTimeout: patience}}
	w.t.Cleanup(b.wire.CloseIdleConnections)
	return b
}

// path is the way of one browser through the load balancer.
type path struct {
	*balancer
	// to is the replica that the next request goes to.
	to      func() *replica
	address string
}

// RoundTrip asks another replica when one does not listen, as load balancers do.
func (p path) RoundTrip(r *http.Request) (*http.Response, error) {
	var res *http.Response
	var err error
	for range p.w.all {
		out := r.Clone(r.Context())
		if r.GetBody != nil {
			if out.Body, err = r.GetBody(); err != nil {
				return nil, err
			}
		}
		out.Host = r.URL.Host
		out.URL.Scheme, out.URL.Host = "http", p.to().addr
		out.Header.Set("X-Forwarded-For", p.address)
		out.Header.Set("X-Forwarded-Proto", "https")
		if res, err = p.wire.RoundTrip(out); !errors.Is(err, syscall.ECONNREFUSED) {
			break
		}
	}
	if res != nil {
		res.Request = r // to the browser there is one site
	}
	return res, err
}
