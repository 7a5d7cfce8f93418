package oktasim_test

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"sidegate.example/sidegate/oktasim"
)

const (
	adminToken    = "00adminToken"
	readOnlyToken = "00readOnlyToken"
	powerless     = "00noRole"
	serviceID     = "0oaService"
	dpopID        = "0oaDPoP"
	roleless      = "0oaRoleless"
)

var serviceKey = newKey()

func newKey() *ecdsa.PrivateKey {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	return key
}

// newAPIBench is an org with tokens and service apps; its calls carry the admin's token.
func newAPIBench(t testing.TB, change ...func(*oktasim.Config)) *bench {
	t.Helper()
	keys := map[string]crypto.PublicKey{"k1": serviceKey.Public()}
	both := []string{"okta.users.read", "okta.users.manage"}
	b := newBench(t, append([]func(*oktasim.Config){func(c *oktasim.Config) {
		c.Tokens = []oktasim.Token{
			{Value: adminToken, Role: oktasim.RoleOrgAdmin, Login: "totp@sidegate.example"},
			{Value: readOnlyToken, Role: oktasim.RoleReadOnly},
			{Value: powerless},
		}
		c.Services = []oktasim.Service{
			{ID: serviceID, Keys: keys, Scopes: both, Role: oktasim.RoleOrgAdmin},
			{ID: dpopID, Keys: keys, Scopes: both, Role: oktasim.RoleOrgAdmin, DPoP: true},
			{ID: roleless, Keys: keys, Scopes: both},
		}
	}}, change...)...)
	b.ssws(adminToken)
	return b
}

func (b *bench) ssws(token string) { b.head.Set("Authorization", "SSWS "+token) }

// api calls the Users, Factors or Authentication API; a nil body is none.
func (b *bench) api(method, path string, body any) *answer {
	b.t.Helper()
	var raw []byte
	contentType := ""
	if body != nil {
		var err error
		if raw, err = json.Marshal(body); err != nil {
			b.t.Fatal(err)
		}
		contentType = "application/json"
	}
	saved := b.head
	b.head = saved.Clone()
	defer func() { b.head = saved }()
	b.head.Set("Accept", "application/json")
	b.head.Set("Content-Length", strconv.Itoa(len(raw)))
	return b.do(method, orgURL+path, contentType, raw)
}

func (a *answer) wantCode(status int, code string) *answer {
	a.t.Helper()
	return a.want(status, "errorCode", a.str("errorCode"), code)
}

func (a *answer) wantStatus(status int) *answer {
	a.t.Helper()
	return a.want(status, "errorCode", a.str("errorCode"), "")
}

func TestAPIWantsCredentialsThatItKnows(t *testing.T) {
	b := newAPIBench(t)
	user := "/api/v1/users/push@sidegate.example"
	for header, want := range map[string]struct {
		status int
		code   string
	}{
		"":                              {403, "E0000005"},
		"SSWS wrong":                    {401, "E0000011"},
		"SSWS ":                         {401, "E0000011"},
		"Bearer " + adminToken:          {401, "E0000011"},
		"Basic dXNlcjpwYXNz":            {401, "E0000011"},
		"SSWS " + powerless:             {403, "E0000006"},
		"SSWS " + readOnlyToken:         {200, ""},
		"SSWS " + adminToken:            {200, ""},
		"Bearer eyJhbGciOiJub25lIn0.e.": {401, "E0000011"},
	} {
		b.head = http.Header{}
		if header != "" {
			b.head.Set("Authorization", header)
		}
		a := b.api("GET", user, nil)
		a.want(want.status, "code with "+header, a.str("errorCode"), want.code)
		if a.header.Get("X-Okta-Request-Id") == "" || want.code != "" && a.str("errorId") == "" {
			t.Errorf("%q: no ids to look the answer up by: %s", header, a.body)
		}
	}
}

// A token dies with its admin and lives again with him.
func TestAPITokenDiesWithItsAdmin(t *testing.T) {
	b := newAPIBench(t)
	b.org.SetStatus("totp@sidegate.example", "DEPROVISIONED")
	b.api("GET", "/api/v1/users/push@sidegate.example", nil).wantCode(401, "E0000011")
	b.org.SetStatus("totp@sidegate.example", "ACTIVE")
	b.api("GET", "/api/v1/users/push@sidegate.example", nil).wantStatus(200)
}

func TestAPIReadOnlyTokenCannotManage(t *testing.T) {
	b := newAPIBench(t)
	b.ssws(readOnlyToken)
	b.api("POST", "/api/v1/users/00u/lifecycle/unlock", nil).wantCode(403, "E0000006")
}

func TestAPIRateLimitIsPerToken(t *testing.T) {
	b := newAPIBench(t, func(c *oktasim.Config) { c.Tokens[0].RateLimit = 2 })
	reset := strconv.FormatInt(b.now.Add(time.Minute).Unix(), 10)
	for i, want := range []struct {
		status    int
		remaining string
	}{{200, "1"}, {200, "0"}, {429, "0"}} {
		a := b.api("GET", "/api/v1/users/push@sidegate.example", nil)
		h := a.header
		if a.status != want.status || h.Get("X-Rate-Limit-Limit") != "2" || h.Get("X-Rate-Limit-Remaining") != want.remaining || h.Get("X-Rate-Limit-Reset") != reset {
			t.Fatalf("call %d: %d %v", i, a.status, h)
		}
	}
	b.ssws(readOnlyToken)
	a := b.api("GET", "/api/v1/users/push@sidegate.example", nil).wantStatus(200)
	if got := a.header.Get("X-Rate-Limit-Limit"); got != "600" {
		t.Errorf("the default limit is announced as %q", got)
	}
	b.ssws(adminToken)
	b.now = b.now.Add(time.Minute)
	b.api("GET", "/api/v1/users/push@sidegate.example", nil).wantStatus(200)
}

func TestAPIWantsJSONAndALength(t *testing.T) {
	b := newAPIBench(t)
	target := orgURL + "/api/v1/users/00u/lifecycle/unlock"
	for name, c := range map[string]struct {
		head        http.Header
		contentType string
		body        string
		status      int
		code        string
	}{
		"no length":          {http.Header{"Accept": {"application/json"}}, "", "", 411, "E0000003"},
		"no Accept":          {http.Header{"Content-Length": {"0"}}, "", "", 400, "E0000018"},
		"only HTML accepted": {http.Header{"Content-Length": {"0"}, "Accept": {"text/html"}}, "", "", 406, "E0000122"},
		"a form":             {http.Header{"Content-Length": {"2"}, "Accept": {"*/*"}}, "application/x-www-form-urlencoded", "{}", 400, "E0000021"},
	} {
		b.head = c.head
		b.ssws(adminToken)
		a := b.do("POST", target, c.contentType, []byte(c.body))
		a.want(c.status, name, a.str("errorCode"), c.code)
	}
}

// assertion signs a client assertion; change may spoil it.
func (b *bench) assertion(client string, change func(*jwt.Claims)) string {
	b.t.Helper()
	c := jwt.Claims{
		Issuer: client, Subject: client, Audience: jwt.Audience{orgURL + "/oauth2/v1/token"}, ID: rand.Text(),
		IssuedAt: jwt.NewNumericDate(b.now), Expiry: jwt.NewNumericDate(b.now.Add(time.Hour)),
	}
	if change != nil {
		change(&c)
	}
	return b.signed(serviceKey, c, (&jose.SignerOptions{}).WithHeader("kid", "k1"))
}

func (b *bench) signed(key *ecdsa.PrivateKey, claims any, o *jose.SignerOptions) string {
	b.t.Helper()
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: key}, o)
	if err != nil {
		b.t.Fatal(err)
	}
	s, err := jwt.Signed(signer).Claims(claims).Serialize()
	if err != nil {
		b.t.Fatal(err)
	}
	return s
}

func tokenRequest(assertion string) url.Values {
	return url.Values{
		"grant_type": {"client_credentials"}, "scope": {"okta.users.read okta.users.manage"}, "client_assertion": {assertion},
		"client_assertion_type": {"urn:ietf:params:oauth:client-assertion-type:jwt-bearer"},
	}
}

func TestServiceAppGetsAToken(t *testing.T) {
	b := newAPIBench(t)
	b.head = http.Header{}
	a := b.form("/oauth2/v1/token", tokenRequest(b.assertion(serviceID, nil))).wantError(200, "")
	if a.str("token_type") != "Bearer" || a.at("expires_in") != 3600.0 || a.str("scope") != "okta.users.read okta.users.manage" {
		t.Fatalf("token answer %s", a.body)
	}
	b.head.Set("Authorization", "Bearer "+a.str("access_token"))
	b.api("GET", "/api/v1/users/push@sidegate.example", nil).wantStatus(200)
	b.api("GET", "/api/v1/users/me", nil).wantCode(404, "E0000007")
	b.now = b.now.Add(time.Hour + time.Second)
	b.api("GET", "/api/v1/users/push@sidegate.example", nil).wantCode(401, "E0000011")
}

// The ways in which an assertion is wrong (factors-api.md §1.3): none is taken twice.
func TestServiceAppAssertionIsChecked(t *testing.T) {
	b := newAPIBench(t)
	b.head = http.Header{}
	for name, change := range map[string]func(*jwt.Claims){
		"audience of another path": func(c *jwt.Claims) { c.Audience = jwt.Audience{orgURL + "/oauth2/default/v1/token"} },
		"two audiences":            func(c *jwt.Claims) { c.Audience = append(c.Audience, orgURL) },
		"expires too late":         func(c *jwt.Claims) { c.Expiry = jwt.NewNumericDate(b.now.Add(time.Hour + time.Second)) },
		"expired":                  func(c *jwt.Claims) { c.Expiry = jwt.NewNumericDate(b.now) },
		"no expiry":                func(c *jwt.Claims) { c.Expiry = nil },
		"issued in the future":     func(c *jwt.Claims) { c.IssuedAt = jwt.NewNumericDate(b.now.Add(time.Minute)) },
		"another subject":          func(c *jwt.Claims) { c.Subject = dpopID },
		"unknown client":           func(c *jwt.Claims) { c.Issuer, c.Subject = "0oaNobody", "0oaNobody" },
	} {
		a := b.form("/oauth2/v1/token", tokenRequest(b.assertion(serviceID, change)))
		a.want(401, name, a.str("error"), "invalid_client")
	}
	again := b.assertion(serviceID, nil)
	b.form("/oauth2/v1/token", tokenRequest(again)).wantError(200, "")
	b.form("/oauth2/v1/token", tokenRequest(again)).wantError(401, "invalid_client")
	noID := b.assertion(serviceID, func(c *jwt.Claims) { c.ID = "" })
	b.form("/oauth2/v1/token", tokenRequest(noID)).wantError(200, "") // jti is optional
	other := b.signed(newKey(), jwt.Claims{Issuer: serviceID, Subject: serviceID, Audience: jwt.Audience{orgURL + "/oauth2/v1/token"},
		Expiry: jwt.NewNumericDate(b.now.Add(time.Minute))}, nil)
	b.form("/oauth2/v1/token", tokenRequest(other)).wantError(401, "invalid_client")
	secret := tokenRequest("")
	secret.Set("client_secret", "s3cret")
	b.form("/oauth2/v1/token", secret).wantError(401, "invalid_client")
	b.form("/oauth2/default/v1/token", tokenRequest(b.assertion(serviceID, nil))).wantError(401, "invalid_client")
}

func TestServiceAppScopes(t *testing.T) {
	b := newAPIBench(t, func(c *oktasim.Config) { c.Services[0].Scopes = []string{"okta.users.read"} })
	b.head = http.Header{}
	f := tokenRequest(b.assertion(serviceID, nil))
	b.form("/oauth2/v1/token", f).wantError(400, "invalid_scope")
	for _, scope := range []string{"", "openid", "okta.factors.manage"} {
		f := tokenRequest(b.assertion(serviceID, nil))
		f.Set("scope", scope)
		b.form("/oauth2/v1/token", f).wantError(400, "invalid_scope")
	}
	f = tokenRequest(b.assertion(serviceID, nil))
	f.Set("scope", "okta.users.read")
	b.head.Set("Authorization", "Bearer "+b.form("/oauth2/v1/token", f).str("access_token"))
	b.api("GET", "/api/v1/users/push@sidegate.example", nil).wantStatus(200)
	b.api("POST", "/api/v1/users/00u/lifecycle/unlock", nil).wantCode(403, "E0000006")
	b.api("GET", "/api/v1/users/00u/groups", nil).wantCode(403, "E0000006")

	b = newAPIBench(t, func(c *oktasim.Config) { c.Services[0].Scopes = []string{"okta.users.manage", "okta.groups.read"} })
	id := b.api("GET", "/api/v1/users/push", nil).str("id")
	for scope, want := range map[string][2]int{"okta.users.manage": {200, 403}, "okta.groups.read": {403, 200}} {
		f := tokenRequest(b.assertion(serviceID, nil))
		f.Set("scope", scope)
		b.head = http.Header{}
		b.head.Set("Authorization", "Bearer "+b.form("/oauth2/v1/token", f).str("access_token"))
		user, groups := b.api("GET", "/api/v1/users/"+id, nil), b.api("GET", "/api/v1/users/"+id+"/groups", nil)
		if user.status != want[0] || groups.status != want[1] {
			t.Errorf("%s: user %d, groups %d, want %v", scope, user.status, groups.status, want)
		}
	}
}

// Scopes alone are not enough.
func TestServiceAppNeedsAnAdminRole(t *testing.T) {
	b := newAPIBench(t)
	b.head = http.Header{}
	b.head.Set("Authorization", "Bearer "+b.form("/oauth2/v1/token", tokenRequest(b.assertion(roleless, nil))).str("access_token"))
	b.api("GET", "/api/v1/users/push@sidegate.example", nil).wantCode(403, "E0000006")
}

func TestConfigOfTheAPIIsChecked(t *testing.T) {
	for name, change := range map[string]func(*oktasim.Config){
		"token without a value": func(c *oktasim.Config) { c.Tokens = []oktasim.Token{{}} },
		"unknown role":          func(c *oktasim.Config) { c.Tokens = []oktasim.Token{{Value: "x", Role: "superman"}} },
		"app without a key":     func(c *oktasim.Config) { c.Services = []oktasim.Service{{ID: "x"}} },
		"key of another kind": func(c *oktasim.Config) {
			c.Services = []oktasim.Service{{ID: "x", Keys: map[string]crypto.PublicKey{"k": "key"}}}
		},
		"unknown status": func(c *oktasim.Config) { c.Users = []oktasim.User{{Login: "x", Status: "GONE"}} },
	} {
		c := oktasim.Config{URL: orgURL}
		change(&c)
		if _, err := oktasim.New(c); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
}

func contains(a *answer, text string) bool { return bytes.Contains(a.body, []byte(text)) }
