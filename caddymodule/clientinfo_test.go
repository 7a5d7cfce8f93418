package caddymodule

import (
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
)

// prepared is a request as Caddy hands it to the first handler.
func prepared(r *http.Request) *http.Request {
	return caddyhttp.PrepareRequest(r, caddy.NewReplacer(), httptest.NewRecorder(), new(caddyhttp.Server))
}

// TestFactsComeFromCaddyAlone (S12, S22, S25): no header of an untrusted client decides an address or a scheme.
func TestFactsComeFromCaddyAlone(t *testing.T) {
	for name, test := range map[string]struct {
		proto   string
		tls     bool
		trusted bool
		secure  bool
	}{
		"plain":                           {secure: false},
		"TLS here":                        {tls: true, secure: true},
		"TLS here, http claimed":          {tls: true, proto: "http", trusted: true, secure: true},
		"https claimed by anybody":        {proto: "https"},
		"https said by a trusted proxy":   {proto: "https", trusted: true, secure: true},
		"http said by a trusted proxy":    {proto: "http", trusted: true},
		"nonsense said by a trusted one":  {proto: "javascript", trusted: true},
		"a list said by a trusted proxy":  {proto: "https, http", trusted: true},
		"nothing said by a trusted proxy": {trusted: true},
	} {
		t.Run(name, func(t *testing.T) {
			r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/x", nil)
			r.RemoteAddr = "198.51.100.9:4711"
			if test.tls {
				r.TLS = &tls.ConnectionState{HandshakeComplete: true}
			}
			if test.proto != "" {
				r.Header.Set("X-Forwarded-Proto", test.proto)
			}
			for _, h := range []string{"X-Forwarded-For", "X-Real-IP", "CF-Connecting-IP", "True-Client-IP"} {
				r.Header.Set(h, "1.3.3.4")
			}
			r.Header.Set("Forwarded", "for=1.3.3.4;proto=https")
			r = prepared(r)
			caddyhttp.SetVar(r.Context(), caddyhttp.TrustedProxyVarKey, test.trusted)
			f, trusted := factsOf(r)
			if trusted != test.trusted {
				t.Errorf("trusted %v, want %v", trusted, test.trusted)
			}
			if f.Secure != test.secure {
				t.Errorf("secure %v, want %v", f.Secure, test.secure)
			}
			if f.ClientIP != "198.51.100.9" {
				t.Errorf("client %q, want the peer", f.ClientIP)
			}
		})
	}
}

// TestFactsHoldTheURLBeforeRewrites (S11): the gate's own routes are told by what the browser asked for.
func TestFactsHoldTheURLBeforeRewrites(t *testing.T) {
	r := prepared(httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/app/x?y=1", nil))
	r.URL.Path, r.URL.RawQuery, r.RequestURI = "/_mfa/events", "", "/_mfa/events"
	if f, _ := factsOf(r); f.URL.String() != "/app/x?y=1" {
		t.Errorf("URL %q, want the one before the rewrite", f.URL)
	}
}

// TestEarlyDataCannotPost: TLS early data can be sent again by whoever recorded it, so nothing that it posts
// to the gate is done.
func TestEarlyDataCannotPost(t *testing.T) {
	w := newWorld(t)
	w.start(w.gated())
	app, err := caddy.ActiveContext().AppIfConfigured("http")
	if err != nil {
		t.Fatal(err)
	}
	server := app.(*caddyhttp.App).Servers["srv0"]
	for _, test := range []struct {
		method, path string
		complete     bool
		want         int
	}{
		{"POST", "/_mfa/identify", false, http.StatusTooEarly},
		{"POST", "/_mfa/answer", false, http.StatusTooEarly},
		{"POST", "/_mfa/signout", false, http.StatusTooEarly},
		{"POST", "/_mfa/identify", true, http.StatusBadRequest},
		{"GET", "/_mfa/signout", false, http.StatusOK},
		{"GET", "/payroll", false, http.StatusUnauthorized},
	} {
		r := httptest.NewRequestWithContext(t.Context(), test.method, "https://127.0.0.1"+test.path, nil)
		r.TLS = &tls.ConnectionState{HandshakeComplete: test.complete, ServerName: "127.0.0.1"}
		rec := httptest.NewRecorder()
		server.ServeHTTP(rec, r)
		if rec.Code != test.want {
			t.Errorf("%s %s, handshake complete %v: %d, want %d", test.method, test.path, test.complete, rec.Code, test.want)
		}
	}
	w.up.none(t, "early data")
	w.orgHits.none(t, "early data")
}

// TestPersonOfACertificate: a certificate that was shown but that nobody verified is one that the client made.
func TestPersonOfACertificate(t *testing.T) {
	alice := &x509.Certificate{Subject: pkix.Name{CommonName: "alice"}, EmailAddresses: []string{"alice@example.com"}}
	for key, want := range map[string]string{
		"http.request.tls.client.san.emails.0": "alice@example.com",
		"http.request.tls.client.subject":      "CN=alice",
	} {
		for name, test := range map[string]struct {
			tls  *tls.ConnectionState
			want string
		}{
			"verified":   {&tls.ConnectionState{PeerCertificates: []*x509.Certificate{alice}, VerifiedChains: [][]*x509.Certificate{{alice}}}, want},
			"unverified": {&tls.ConnectionState{PeerCertificates: []*x509.Certificate{alice}}, ""},
			"none":       {&tls.ConnectionState{}, ""},
			"no TLS":     {nil, ""},
		} {
			r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/x", nil)
			r.TLS = test.tls
			if got := person(prepared(r), key); got != test.want {
				t.Errorf("%s, %s: the person is %q, want %q", key, name, got, test.want)
			}
		}
	}
}
