package caddymodule

import (
	"cmp"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/bcrypt"

	"sidegate.example/sidegate/oktasim"
)

// behindBasicAuth is a site whose people come with a password of Caddy's; bob's is "hiccup". Without the password
// Caddy's handler is left out.
func (w *world) behindBasicAuth(password bool) string {
	w.t.Helper()
	hash, err := bcrypt.GenerateFromPassword([]byte("hiccup"), bcrypt.MinCost)
	if err != nil {
		w.t.Fatal(err)
	}
	site := "okta_mfa {\n\t\tengine factors\n\t\tapi_token {env.SIDEGATE_TEST_CLIENT_SECRET}\n\t\tprimary identity {http.auth.user.id}\n\t}\n\treverse_proxy " +
		w.up.Listener.Addr().String()
	if password {
		site = "basic_auth {\n\t\tbob " + string(hash) + "\n\t}\n\t" + site
	}
	return site
}

// primary identity takes the name from Caddy: the page begins at the second factor, and nothing that the client sends
// is taken for a name.
func TestPrimaryIdentityBehindBasicAuth(t *testing.T) {
	w := newWorld(t)
	addr := w.start(w.behindBasicAuth(true))
	const navigation = "Sec-Fetch-Mode: navigate"

	if a := get(t, addr, "/", navigation, "Remote-User: bob", "X-User: bob"); a.StatusCode != http.StatusUnauthorized || strings.Contains(a.body, "<form") {
		t.Errorf("without Caddy's password: %d", a.StatusCode)
	}
	a := get(t, addr, "/", navigation, "Authorization: Basic Ym9iOmhpY2N1cA==", "Remote-User: alice")
	w.blocked("with the password alone", a)
	if !strings.Contains(a.body, `data-view="signin"`) || !strings.Contains(a.body, "<bdi>bob</bdi>") || strings.Contains(a.body, "alice") || strings.Contains(a.body, `name="f.`) {
		t.Errorf("the page is not for bob:\n%s", a.body)
	}
	w.orgHits.none(t, "the first page")
}

// Where the handler that says who it is has not run, nobody gets in and nobody is asked.
func TestPrimaryIdentityWithoutOne(t *testing.T) {
	w := newWorld(t)
	addr := w.start(w.behindBasicAuth(false))
	a := get(t, addr, "/", "Sec-Fetch-Mode: navigate", "Authorization: Basic Ym9iOmhpY2N1cA==")
	if a.StatusCode != http.StatusForbidden || !strings.Contains(a.body, `data-problem="misconfigured"`) {
		t.Errorf("%d", a.StatusCode)
	}
	w.up.none(t, "a request of nobody")
}

// withAlice is a second person.
func withAlice(c *oktasim.Config) {
	alice := c.Users[0]
	alice.Login, alice.Email, alice.Name = "alice@example.com", "alice@example.com", "Alice"
	c.Users = append(c.Users, alice)
}

// knownAs signs in by a push as who Caddy says it is, and checks what the upstream saw.
func (b *browser) knownAs(sim *oktasim.Org, who string) {
	t := b.w.t
	t.Helper()
	first := b.get("/payroll")
	if first.StatusCode != http.StatusUnauthorized || !strings.Contains(first.body, "<bdi>"+who+"</bdi>") || strings.Contains(first.body, `name="f.`) {
		t.Fatalf("the first page (%d) is not for %s alone:\n%s", first.StatusCode, who, first.body)
	}
	b.submit("/_mfa/identify", url.Values{"csrf": {find(t, csrfInput, first)}, "f.identifier": {"mallory"}})
	page := b.get("/payroll")
	b.submit("/_mfa/answer", url.Values{"csrf": {find(t, csrfInput, page)}, "choice": {find(t, pushChoice, page)}})
	pushes := sim.Pushes(who)
	if len(pushes) != 1 {
		t.Fatalf("%d pushes for %s", len(pushes), who)
	}
	if err := sim.Approve(pushes[0].ID); err != nil {
		t.Fatal(err)
	}
	b.arrive()
	hits := b.w.up.requests()
	only(t, hits[len(hits)-1].Header, "Remote-User", who)
}

// notIn checks that what another one got in with does not serve here: it is a first page, for who.
func (b *browser) notIn(who string) {
	t := b.w.t
	t.Helper()
	before := len(b.w.up.requests())
	if a := b.get("/payroll"); a.StatusCode != http.StatusUnauthorized || !strings.Contains(a.body, "<bdi>"+who+"</bdi>") {
		t.Errorf("for %s after another one: %d\n%s", who, a.StatusCode, a.body)
	}
	if len(b.w.up.requests()) != before {
		t.Errorf("%s got in with another one's session", who)
	}
}

// stranger checks that whoever Caddy knows no name of gets the refusal, and Okta no call.
func (b *browser) stranger(what string, sim *oktasim.Org) {
	b.w.t.Helper()
	asked, seen := len(sim.Requests()), len(b.w.up.requests())
	a := b.get("/payroll")
	if a.StatusCode != http.StatusForbidden || !strings.Contains(a.body, `data-problem="misconfigured"`) {
		b.w.t.Errorf("%s: %d\n%s", what, a.StatusCode, a.body)
	}
	if len(sim.Requests()) != asked || len(b.w.up.requests()) != seen {
		b.w.t.Errorf("%s: %d calls of Okta, %d of the upstream", what, len(sim.Requests())-asked, len(b.w.up.requests())-seen)
	}
}

// forward_auth in front: the name is the one that the other service answered with. A header of that name that the client
// sends is nobody's (S16), and another person at the other service ends the session (S46).
func TestPrimaryIdentityBehindForwardAuth_S16_S46(t *testing.T) {
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		who, err := r.Cookie("who")
		if err != nil {
			w.WriteHeader(http.StatusUnauthorized)
			io.WriteString(w, "sign in there first") //nolint:errcheck // a test's server
			return
		}
		if who.Value != "" {
			w.Header().Set("Remote-User", who.Value)
		}
	}))
	t.Cleanup(other.Close)
	for name, copied := range map[string]string{"alone": "", "with copied headers": "\n\t\tcopy_headers Remote-User"} {
		t.Run(name, func(t *testing.T) {
			w, sim := newFactors(t, withAlice)
			auth := "forward_auth " + other.Listener.Addr().String() + " {\n\t\turi /verify" + copied + "\n\t}\n\t"
			b := w.browser(w.start(auth + w.factorsSite("factors push\n\t\tprimary identity {http.reverse_proxy.header.Remote-User}")))
			for _, spoof := range []string{"Remote-User", "remote_user", "Http.reverse_proxy.header.Remote-User"} {
				b.header[spoof] = []string{"alice@example.com"}
			}
			if a := b.get("/payroll"); a.StatusCode != http.StatusUnauthorized || a.body != "sign in there first" {
				t.Errorf("without the other service: %d %q", a.StatusCode, a.body)
			}
			b.cookies["who"] = ""
			b.stranger("no name from the other service", sim)
			b.cookies["who"] = "bob"
			b.knownAs(sim, "bob")
			b.cookies["who"] = "alice@example.com"
			b.notIn("alice@example.com")
			b.cookies["who"] = ""
			b.stranger("no name beside bob's session", sim)
			b.cookies["who"] = "bob"
			if a := b.get("/payroll"); a.StatusCode != http.StatusOK {
				t.Errorf("bob again: %d", a.StatusCode)
			}
		})
	}
}

// authority signs certificates.
type authority struct {
	t    *testing.T
	key  *ecdsa.PrivateKey
	cert *x509.Certificate
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	a := &authority{t: t}
	made := a.sign(&x509.Certificate{Subject: pkix.Name{CommonName: "people"}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign})
	a.key = made.PrivateKey.(*ecdsa.PrivateKey)
	var err error
	if a.cert, err = x509.ParseCertificate(made.Certificate[0]); err != nil {
		t.Fatal(err)
	}
	return a
}

// sign makes a certificate, its own if the authority has none yet.
func (a *authority) sign(c *x509.Certificate) *tls.Certificate {
	a.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		a.t.Fatal(err)
	}
	c.SerialNumber, c.NotBefore, c.NotAfter = big.NewInt(1), time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
	c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
	parent, by := a.cert, a.key
	if parent == nil {
		parent, by = c, key
	}
	der, err := x509.CreateCertificate(rand.Reader, c, parent, key.Public(), by)
	if err != nil {
		a.t.Fatal(err)
	}
	return &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// shows makes the browser show a certificate, none if it is nil.
func (b *browser) shows(cert *tls.Certificate) {
	b.w.t.Helper()
	if b.https != nil {
		b.https.CloseIdleConnections()
	}
	b.https = &http.Transport{
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, network, b.addr)
		},
		TLSClientConfig: &tls.Config{
			ServerName: "app.test", InsecureSkipVerify: true, //nolint:gosec // Caddy's throw-away CA
			GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
				if cert == nil {
					return new(tls.Certificate), nil
				}
				return cert, nil
			},
		},
	}
	b.w.t.Cleanup(b.https.CloseIdleConnections)
}

// A client certificate in front: one that Caddy has verified names the person, any other names nobody, whatever it says, and
// another certificate in the same browser ends the session (S46).
func TestPrimaryIdentityByClientCertificate_S46(t *testing.T) {
	people, forged := newAuthority(t), newAuthority(t)
	ca := writeFile(t, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: people.cert.Raw})), 0o600)
	trust := "\n\t\t\ttrust_pool file " + ca
	bob := func() *x509.Certificate {
		return &x509.Certificate{Subject: pkix.Name{CommonName: "bob"}, EmailAddresses: []string{"bob", "x@example.com"}}
	}
	alice := &x509.Certificate{Subject: pkix.Name{CommonName: "alice"}, EmailAddresses: []string{"alice@example.com"}}
	for _, c := range []struct {
		mode, placeholder, bob, alice string
		unverified                    bool // Caddy lets certificates in that it has not verified
	}{
		{"verify_if_given" + trust, "san.emails.0", "bob", "alice@example.com", false},
		{"require_and_verify" + trust, "subject", "CN=bob", "CN=alice", false},
		{"request", "san.emails.0", "", "", true},
		{"require", "subject", "", "", true},
	} {
		t.Run(strings.Fields(c.mode)[0], func(t *testing.T) {
			w, sim := newFactors(t, withAlice, func(o *oktasim.Config) {
				o.Users[0].Login = cmp.Or(c.bob, "bob")
				o.Users[1].Login = cmp.Or(c.alice, "alice@example.com")
			})
			w.global = "skip_install_trust"
			site := "tls internal {\n\t\tclient_auth {\n\t\t\tmode " + c.mode + "\n\t\t}\n\t}\n\t" +
				w.factorsSite("factors push\n\t\tprimary identity {http.request.tls.client."+c.placeholder+"}")
			b := w.browser(w.run(adapt(t, w.caddyfile("https://app.test:"+freePort(t), site))))
			waitForCertificate(t, b.addr)
			if c.mode != "require" && !strings.HasPrefix(c.mode, "require_") {
				b.shows(nil)
				b.stranger("no certificate", sim)
			}
			b.shows(people.sign(bob()))
			if c.unverified {
				b.stranger("a certificate that Caddy did not verify", sim)
				return
			}
			b.knownAs(sim, c.bob)
			b.shows(people.sign(alice))
			b.notIn(c.alice)
			b.shows(forged.sign(bob()))
			r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, b.origin()+"/payroll", nil)
			if err != nil {
				t.Fatal(err)
			}
			if resp, err := b.https.RoundTrip(r); err == nil {
				resp.Body.Close()
				t.Errorf("Caddy took a certificate of another authority: %d", resp.StatusCode)
			}
		})
	}
}
