package access_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lestrrat-go/jwx/v2/jwa"
	"github.com/lestrrat-go/jwx/v2/jws"

	"sidegate.example/sidegate/flows"
	"sidegate.example/sidegate/flows/okta"
	"sidegate.example/sidegate/flows/okta/access"
)

const agent = "Mozilla/5.0 (X11) Test/1.0"

// org is the token endpoint and an API that takes what it gave, as strict as Okta is documented to be.
type org struct {
	testing.TB
	srv    *httptest.Server
	client *okta.Client
	key    *ecdsa.PrivateKey
	mu     sync.Mutex
	now    time.Time

	dpop, nonce bool // what the app demands
	refuse      int  // this many API calls are answered 401
	life        int
	status      int    // of the token endpoint, 0 for what is right
	body        string // with status

	tokens, calls int
	current       string
	seen          map[string]bool // every jti
	headers       []http.Header
}

func newOrg(t testing.TB) *org {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	o := &org{TB: t, key: key, life: 3600, seen: map[string]bool{}, now: time.Unix(1_800_000_000, 0)}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /oauth2/v1/token", o.token)
	mux.HandleFunc("/api/v1/users/{id}", o.api)
	o.srv = httptest.NewServer(mux)
	t.Cleanup(o.srv.Close)
	if o.client, err = okta.New(okta.Config{Org: o.srv.URL}); err != nil {
		t.Fatal(err)
	}
	return o
}

func (o *org) access(change ...func(*access.Config)) *access.Access {
	o.Helper()
	cfg := access.Config{Client: o.client, ClientID: "0oasvc", PrivateKey: o.key, KeyID: "k1", Now: func() time.Time {
		o.mu.Lock()
		defer o.mu.Unlock()
		return o.now
	}}
	for _, f := range change {
		f(&cfg)
	}
	a, err := access.New(cfg)
	if err != nil {
		o.Fatal(err)
	}
	return a
}

// once fails the test where an assertion or a proof is used twice.
func (o *org) once(jti any) {
	s, _ := jti.(string)
	if s == "" || o.seen[s] {
		o.Errorf("jti %q is empty or was used before", s)
	}
	o.seen[s] = true
}

// proof checks a DPoP proof and returns its claims (RFC 9449 §4.3).
func (o *org) proof(r *http.Request) map[string]any {
	values := r.Header.Values("DPoP")
	if len(values) != 1 {
		o.Errorf("%d DPoP headers", len(values))
		return nil
	}
	msg, err := jws.ParseString(values[0])
	if err != nil {
		o.Errorf("the proof: %v", err)
		return nil
	}
	h := msg.Signatures()[0].ProtectedHeaders()
	if h.Type() != "dpop+jwt" || h.JWK() == nil {
		o.Errorf("the header of the proof is %v", h)
		return nil
	}
	payload, err := jws.Verify([]byte(values[0]), jws.WithKey(h.Algorithm(), h.JWK()))
	if err != nil {
		o.Errorf("the proof: %v", err)
	}
	if strings.Contains(values[0], "\"d\"") {
		o.Error("the proof holds the private key")
	}
	claims := map[string]any{}
	_ = json.Unmarshal(payload, &claims)
	o.once(claims["jti"])
	if claims["htm"] != r.Method || claims["htu"] != o.srv.URL+r.URL.Path {
		o.Errorf("the proof is for %v %v, the call for %s %s", claims["htm"], claims["htu"], r.Method, r.URL.Path)
	}
	return claims
}

func (o *org) token(w http.ResponseWriter, r *http.Request) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.tokens++
	o.headers = append(o.headers, r.Header)
	_ = r.ParseForm()
	payload, err := jws.Verify([]byte(r.PostForm.Get("client_assertion")), jws.WithKey(jwa.ES256, o.key.Public()))
	claims := map[string]any{}
	_ = json.Unmarshal(payload, &claims)
	o.once(claims["jti"])
	if err != nil || claims["iss"] != "0oasvc" || claims["sub"] != "0oasvc" || claims["aud"] != o.srv.URL+"/oauth2/v1/token" ||
		r.PostForm.Get("grant_type") != "client_credentials" || r.PostForm.Get("scope") != "okta.users.read okta.users.manage" ||
		r.PostForm.Get("client_assertion_type") != "urn:ietf:params:oauth:client-assertion-type:jwt-bearer" || r.PostForm.Has("client_id") {
		o.Errorf("%v: claims %v, form %v", err, claims, r.PostForm)
	}
	answer := func(status int, body string) {
		w.WriteHeader(status)
		_, _ = w.Write([]byte(body))
	}
	kind := "Bearer"
	switch {
	case o.status != 0:
		answer(o.status, o.body)
		return
	case o.dpop && r.Header.Get("DPoP") == "":
		answer(400, `{"error":"invalid_dpop_proof"}`)
		return
	case o.dpop:
		kind = "DPoP"
		if claims := o.proof(r); o.nonce && claims["nonce"] != "n1" {
			w.Header().Set("DPoP-Nonce", "n1")
			answer(400, `{"error":"use_dpop_nonce"}`)
			return
		}
	}
	o.current = "secret-token-" + string(rune('a'+o.tokens))
	_ = json.NewEncoder(w).Encode(map[string]any{"token_type": kind, "access_token": o.current, "expires_in": o.life, "scope": "x"})
}

func (o *org) api(w http.ResponseWriter, r *http.Request) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.calls++
	if r.Header.Get("X-Forwarded-For") != "203.0.113.7" || r.Header.Get("User-Agent") != agent {
		o.Errorf("the API is told %q, %q", r.Header.Get("X-Forwarded-For"), r.Header.Get("User-Agent"))
	}
	scheme := "Bearer "
	if o.dpop {
		scheme = "DPoP "
		sum := sha256.Sum256([]byte(o.current))
		if claims := o.proof(r); claims["ath"] != base64.RawURLEncoding.EncodeToString(sum[:]) || claims["nonce"] != nil {
			o.Errorf("the proof is bound to %v", claims)
		}
	} else if r.Header.Get("DPoP") != "" {
		o.Error("a proof that nobody asked for")
	}
	if o.refuse > 0 || r.Header.Get("Authorization") != scheme+o.current {
		o.refuse--
		w.WriteHeader(http.StatusUnauthorized)
		_, _ = w.Write([]byte(`{"errorCode":"E0000011"}`))
		return
	}
	_, _ = w.Write([]byte(`{}`))
}

func browser(t testing.TB) flows.ClientContext {
	cc, err := flows.NewClientContext("203.0.113.7", agent, "de", "dev")
	if err != nil {
		t.Fatal(err)
	}
	return cc
}

var get = okta.Request{Method: "GET", URL: "/api/v1/users/00u?expand=blocks"}

func (o *org) want(a *access.Access, status, tokens, calls int) {
	o.Helper()
	res, err := a.Do(o.Context(), browser(o), get)
	if err != nil {
		o.Fatal(err)
	}
	if res.Status != status || o.tokens != tokens || o.calls != calls {
		o.Errorf("status %d after %d tokens and %d calls, want %d, %d, %d", res.Status, o.tokens, o.calls, status, tokens, calls)
	}
}

func TestTokenIsKept(t *testing.T) {
	o := newOrg(t)
	a := o.access()
	o.want(a, 200, 1, 1)
	o.now = o.now.Add(58 * time.Minute)
	o.want(a, 200, 1, 2)
	o.now = o.now.Add(time.Minute + time.Second) // a minute before its end
	o.want(a, 200, 2, 3)
	for _, h := range o.headers {
		for name := range h {
			if strings.HasPrefix(name, "X-") || name == "Accept-Language" || strings.Contains(h.Get(name), "Mozilla") {
				t.Errorf("the token call carries %s: %s", name, h.Get(name))
			}
		}
	}
}

// A token that Okta turns down is replaced once, and the second refusal is the answer.
func TestTokenIsRefused(t *testing.T) {
	o := newOrg(t)
	a := o.access()
	o.want(a, 200, 1, 1)
	o.refuse = 1
	o.want(a, 200, 2, 3)
	o.refuse = 2
	o.want(a, 401, 3, 5)
	o.want(a, 200, 3, 6)
}

func TestDPoP(t *testing.T) {
	o := newOrg(t)
	o.dpop = true
	a := o.access()
	o.want(a, 200, 2, 1)
	o.refuse = 1
	o.want(a, 200, 3, 3) // the demand is remembered, and every call has a proof of its own
	o.nonce = true
	o.refuse = 1
	o.want(a, 200, 5, 5)
	o.refuse = 1
	o.want(a, 200, 6, 7) // and so is the nonce
}

// Many who come at once wait for one token, and get it.
func TestTokenIsFetchedOnce(t *testing.T) {
	o := newOrg(t)
	a := o.access()
	var wg sync.WaitGroup
	for range 50 {
		wg.Go(func() {
			if res, err := a.Do(t.Context(), browser(t), get); err != nil || res.Status != 200 {
				t.Errorf("%v %v", res, err)
			}
		})
	}
	wg.Wait()
	if o.tokens != 1 || o.calls != 50 {
		t.Errorf("%d tokens for %d calls", o.tokens, o.calls)
	}
}

// What the token endpoint may say instead of a token; none of it is repeated in the error.
func TestTokenErrors(t *testing.T) {
	for _, c := range []struct {
		status int
		body   string
		reason flows.Reason
		text   string
		tokens int
	}{
		{401, `{"error":"invalid_client","error_description":"private"}`, flows.ReasonMisconfigured, "invalid_client; check client_id", 1},
		{400, `{"error":"invalid_scope"}`, flows.ReasonMisconfigured, "invalid_scope; grant the app okta.users.read", 1},
		{400, `{"error":"unauthorized_client"}`, flows.ReasonMisconfigured, "API Services", 1},
		{400, `{"error":"unsupported_grant_type"}`, flows.ReasonMisconfigured, "API Services", 1},
		{400, `{"error":"something_new"}`, flows.ReasonMisconfigured, "something_new", 1},
		{400, `{"error":"invalid_dpop_proof"}`, flows.ReasonMisconfigured, "invalid_dpop_proof", 2},
		{400, `{"error":"use_dpop_nonce"}`, flows.ReasonMisconfigured, "use_dpop_nonce", 1},
		{400, `{"error":"temporarily_unavailable"}`, flows.ReasonUnavailable, "token: HTTP 400", 1},
		{429, `{}`, flows.ReasonRateLimited, "token: HTTP 429", 1},
		{500, `{}`, flows.ReasonUnavailable, "token: HTTP 500", 1},
		{302, `{}`, flows.ReasonMalformed, "redirect", 1},
		{400, `private`, flows.ReasonMalformed, "token: HTTP 400", 1},
		{200, `private`, flows.ReasonMalformed, "token: HTTP 200", 1},
		{200, `{"token_type":"Bearer"}`, flows.ReasonMalformed, "", 1},
		{200, `{"token_type":"MAC","access_token":"private"}`, flows.ReasonMalformed, "", 1},
		{200, `{"token_type":"DPoP","access_token":"private"}`, flows.ReasonMalformed, "", 1},
		{200, `{"token_type":"Bearer","access_token":"pri vate\n"}`, flows.ReasonMalformed, "", 1},
	} {
		o := newOrg(t)
		o.status, o.body = c.status, c.body
		_, err := o.access().Do(t.Context(), browser(t), get)
		failed := new(flows.Error)
		if !errors.As(err, &failed) || failed.Reason != c.reason || !strings.Contains(err.Error(), c.text) ||
			strings.Contains(err.Error(), "private") || strings.Contains(err.Error(), "vate") {
			t.Errorf("%d %s: %v, want %s, %q", c.status, c.body, err, c.reason, c.text)
		}
		if o.tokens != c.tokens || o.calls != 0 {
			t.Errorf("%d %s: %d token calls, want %d, and %d calls", c.status, c.body, o.tokens, c.tokens, o.calls)
		}
	}
}

// S69: no credential leaves for another origin, and none without a browser's context.
func TestS69NothingLeavesTheOrg(t *testing.T) {
	evil := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("the other origin was called") }))
	defer evil.Close()
	o := newOrg(t)
	for _, a := range []*access.Access{o.access(), o.access(func(c *access.Config) {
		*c = access.Config{Client: o.client, Token: "00ssws"}
	})} {
		r := get
		r.URL = evil.URL + "/api/v1/users/00u"
		_, err := a.Do(t.Context(), browser(t), r)
		failed := new(flows.Error)
		if !errors.As(err, &failed) || failed.Reason != flows.ReasonMalformed || strings.Contains(err.Error(), "127.0.0.1") {
			t.Errorf("%v", err)
		}
		if _, err := a.Do(t.Context(), flows.ClientContext{}, get); !errors.Is(err, flows.ErrNoClientContext) {
			t.Errorf("%v", err)
		}
	}
	if o.calls != 0 {
		t.Errorf("%d calls", o.calls)
	}
}

func TestSSWS(t *testing.T) {
	var got []string
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got = append(got, r.URL.Path+" "+r.Header.Get("Authorization"))
		w.WriteHeader(http.StatusUnauthorized)
	}))
	defer srv.Close()
	client, err := okta.New(okta.Config{Org: srv.URL})
	if err != nil {
		t.Fatal(err)
	}
	a, err := access.New(access.Config{Client: client, Token: "00ssws"})
	if err != nil {
		t.Fatal(err)
	}
	res, err := a.Do(t.Context(), browser(t), get)
	if err != nil || res.Status != 401 || len(got) != 1 || got[0] != "/api/v1/users/00u SSWS 00ssws" || a.Trusted() != "SSWS 00ssws" {
		t.Errorf("%v %v %v", res, err, got)
	}
}

// Errors of New say what to write instead, and none holds a secret (S70).
func TestS70New(t *testing.T) {
	o := newOrg(t)
	weak, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	other, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for want, cfg := range map[string]access.Config{
		"needs a client":         {Token: "hunter2"},
		"give one":               {Client: o.client, Token: "hunter2", ClientID: "x"},
		"holds spaces":           {Client: o.client, Token: "hunter2\n"},
		"needs an API token":     {Client: o.client},
		"client id":              {Client: o.client, PrivateKey: o.key, KeyID: "k"},
		"needs a private key":    {Client: o.client, ClientID: "x", KeyID: "k"},
		"key id":                 {Client: o.client, ClientID: "x", PrivateKey: o.key},
		"less than 2048 bits":    {Client: o.client, ClientID: "x", PrivateKey: weak, KeyID: "k"},
		"another curve than P-2": {Client: o.client, ClientID: "x", PrivateKey: other, KeyID: "k"},
	} {
		if _, err := access.New(cfg); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%q: %v", want, err)
		}
	}
}
