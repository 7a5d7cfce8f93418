package oktasim_test

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"sidegate.example/sidegate/oktasim"
)

const (
	confidentialID = "0oaConfidential"
	secret         = "s3cret+&%"
	publicID       = "0oaPublic"
	redirectURI    = "https://app.example/_sidegate/callback"
	password       = "Correct horse 1"
)

// bench is an org and a client that talks to it without the network: requests go straight into the
// handler, with a peer address of the test's choice.
type bench struct {
	t    testing.TB
	org  *oktasim.Org
	now  time.Time
	peer string
	head http.Header
}

const orgURL = "http://okta.test"

func newBench(t testing.TB, change ...func(*oktasim.Config)) *bench {
	t.Helper()
	b := &bench{t: t, now: time.Date(2026, 8, 1, 12, 0, 0, 0, time.UTC), peer: "198.51.100.9:4711", head: http.Header{}}
	cfg := oktasim.Config{
		URL: orgURL,
		Clients: []oktasim.Client{
			{ID: confidentialID, Label: "Payroll", Secret: secret, RedirectURIs: []string{redirectURI}},
			{ID: publicID, RedirectURIs: []string{redirectURI}},
		},
		Users: oktasim.DefaultUsers(),
		Now:   func() time.Time { return b.now },
	}
	for _, f := range change {
		f(&cfg)
	}
	org, err := oktasim.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	b.org = org
	return b
}

// answer is what came back.
type answer struct {
	t      testing.TB
	status int
	header http.Header
	body   []byte
	doc    map[string]any
}

func (b *bench) do(method, target, contentType string, body []byte) *answer {
	b.t.Helper()
	r := httptest.NewRequest(method, target, bytes.NewReader(body))
	r.RemoteAddr = b.peer
	r.Header = b.head.Clone()
	if contentType != "" {
		r.Header.Set("Content-Type", contentType)
	}
	w := httptest.NewRecorder()
	b.org.Handler().ServeHTTP(w, r)
	a := &answer{t: b.t, status: w.Code, header: w.Result().Header, body: w.Body.Bytes()}
	_ = json.Unmarshal(a.body, &a.doc)
	return a
}

func (b *bench) form(path string, v url.Values) *answer {
	b.t.Helper()
	return b.do(http.MethodPost, orgURL+path, "application/x-www-form-urlencoded", []byte(v.Encode()))
}

func (b *bench) idx(path string, body map[string]any) *answer {
	b.t.Helper()
	raw, err := json.Marshal(body)
	if err != nil {
		b.t.Fatal(err)
	}
	return b.do(http.MethodPost, orgURL+"/idp/idx/"+path, "application/json", raw)
}

// at walks the JSON answer: at("remediation", "value", 0, "name").
func (a *answer) at(path ...any) any {
	var v any = a.doc
	for _, p := range path {
		switch p := p.(type) {
		case string:
			m, _ := v.(map[string]any)
			v = m[p]
		case int:
			l, _ := v.([]any)
			if p >= len(l) {
				return nil
			}
			v = l[p]
		}
	}
	return v
}

func (a *answer) str(path ...any) string {
	s, _ := a.at(path...).(string)
	return s
}

// first is the name of the first remediation; "success" for an interaction code, "" for none.
func (a *answer) first() string {
	if a.at("successWithInteractionCode") != nil {
		return "success"
	}
	return a.str("remediation", "value", 0, "name")
}

// key is the i18n key of the first top-level message.
func (a *answer) key() string { return a.str("messages", "value", 0, "i18n", "key") }

func (a *answer) want(status int, what, got, want string) *answer {
	a.t.Helper()
	if a.status != status || got != want {
		a.t.Fatalf("status %d, %s %q; want %d, %q\n%s", a.status, what, got, status, want, a.body)
	}
	return a
}

func (a *answer) wantStep(status int, name string) *answer {
	a.t.Helper()
	return a.want(status, "first remediation", a.first(), name)
}

func (a *answer) wantKey(status int, key string) *answer {
	a.t.Helper()
	return a.want(status, "message key", a.key(), key)
}

func (a *answer) wantError(status int, code string) *answer {
	a.t.Helper()
	return a.want(status, "error", a.str("error"), code)
}

// signIn is one transaction as a client holds it.
type signIn struct {
	*bench
	verifier string
	handle   string // interaction handle
	state    string // state handle
}

func interactForm(verifier string) url.Values {
	sum := sha256.Sum256([]byte(verifier))
	return url.Values{
		"client_id": {confidentialID}, "client_secret": {secret}, "scope": {"openid profile email groups"},
		"redirect_uri": {redirectURI}, "state": {"st"}, "nonce": {"n0"},
		"code_challenge": {base64.RawURLEncoding.EncodeToString(sum[:])}, "code_challenge_method": {"S256"},
	}
}

// begin runs interact and introspect on the custom authorization server.
func (b *bench) begin() *signIn {
	b.t.Helper()
	return b.beginWith("openid profile email groups")
}

func (b *bench) beginWith(scope string) *signIn {
	b.t.Helper()
	s := &signIn{bench: b, verifier: rand.Text() + rand.Text()}
	form := interactForm(s.verifier)
	form.Set("scope", scope)
	a := b.form("/oauth2/default/v1/interact", form)
	s.handle = a.str("interaction_handle")
	if a.status != 200 || s.handle == "" {
		b.t.Fatalf("interact: %d %s", a.status, a.body)
	}
	a = b.idx("introspect", map[string]any{"interactionHandle": s.handle}).wantStep(200, "identify")
	s.state = a.str("stateHandle")
	return s
}

func (s *signIn) step(path string, body map[string]any) *answer {
	s.t.Helper()
	if body == nil {
		body = map[string]any{}
	}
	body["stateHandle"] = s.state
	return s.idx(path, body)
}

func (s *signIn) password(login, pass string) *answer {
	s.t.Helper()
	return s.step("identify", map[string]any{"identifier": login, "credentials": map[string]any{"passcode": pass}})
}

func (s *signIn) choose(method string) *answer {
	s.t.Helper()
	return s.step("challenge", map[string]any{"authenticator": map[string]any{"id": s.verifyID(), "methodType": method}})
}

// verifyID reads the id of Okta Verify from the current document.
func (s *signIn) verifyID() string {
	s.t.Helper()
	d := s.idx("introspect", map[string]any{"stateToken": s.state})
	list, _ := d.at("authenticators", "value").([]any)
	for i := range list {
		if d.str("authenticators", "value", i, "key") == "okta_verify" {
			return d.str("authenticators", "value", i, "id")
		}
	}
	s.t.Fatalf("no okta_verify in %s", d.body)
	return ""
}

// pollAfter moves the clock and polls.
func (s *signIn) pollAfter(d time.Duration) *answer {
	s.t.Helper()
	s.now = s.now.Add(d)
	return s.step("authenticators/poll", nil)
}

func (s *signIn) totp(code string) *answer {
	s.t.Helper()
	return s.step("challenge/answer", map[string]any{"credentials": map[string]any{"totp": code}})
}

// pending is the user's only pending push.
func (b *bench) pending(login string) oktasim.Push {
	b.t.Helper()
	var found []oktasim.Push
	for _, p := range b.org.Pushes(login) {
		if p.State == "pending" {
			found = append(found, p)
		}
	}
	if len(found) != 1 {
		b.t.Fatalf("%d pending pushes, want 1", len(found))
	}
	return found[0]
}

func code(a *answer) string { return a.str("successWithInteractionCode", "value", 1, "value") }

func (s *signIn) tokenForm(code string) url.Values {
	return url.Values{
		"grant_type": {"interaction_code"}, "interaction_code": {code}, "code_verifier": {s.verifier},
		"client_id": {confidentialID}, "client_secret": {secret},
	}
}

// signedInCode goes all the way to an interaction code by push.
func (s *signIn) signedInCode() string {
	s.t.Helper()
	s.password("push@sidegate.example", password).wantStep(200, "select-authenticator-authenticate")
	s.choose("push").wantStep(200, "challenge-poll")
	if err := s.org.Approve(s.pending("push@sidegate.example").ID); err != nil {
		s.t.Fatal(err)
	}
	return code(s.pollAfter(4*time.Second).wantStep(200, "success"))
}

// claims decodes the payload of a JWT without looking at the signature.
func claims(t testing.TB, raw string) map[string]any {
	t.Helper()
	parts := strings.Split(raw, ".")
	if len(parts) != 3 {
		t.Fatalf("not a JWT: %q", raw)
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		t.Fatal(err)
	}
	var m map[string]any
	if err := json.NewDecoder(io.LimitReader(bytes.NewReader(payload), 1<<20)).Decode(&m); err != nil {
		t.Fatal(err)
	}
	return m
}
