package oktasim_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"sidegate.example/sidegate/oktasim"
)

func TestInteractRefuses(t *testing.T) {
	set := func(k, v string) func(url.Values) { return func(f url.Values) { f.Set(k, v) } }
	del := func(k string) func(url.Values) { return func(f url.Values) { f.Del(k) } }
	for name, c := range map[string]struct {
		change func(url.Values)
		status int
		code   string
	}{
		"unknown client":             {set("client_id", "0oaNobody"), 401, "invalid_client"},
		"wrong secret":               {set("client_secret", "guess"), 401, "invalid_client"},
		"no secret":                  {del("client_secret"), 401, "invalid_client"},
		"public client with secret":  {set("client_id", publicID), 401, "invalid_client"},
		"redirect URI prefix":        {set("redirect_uri", redirectURI+"/x"), 400, "invalid_request"},
		"redirect URI other case":    {set("redirect_uri", "https://APP.example/_sidegate/callback"), 400, "invalid_request"},
		"no redirect URI":            {del("redirect_uri"), 400, "invalid_request"},
		"no PKCE":                    {del("code_challenge"), 400, "invalid_request"},
		"PKCE plain":                 {set("code_challenge_method", "plain"), 400, "invalid_request"},
		"PKCE without method":        {del("code_challenge_method"), 400, "invalid_request"},
		"PKCE challenge not SHA-256": {set("code_challenge", "short"), 400, "invalid_request"},
		"no state":                   {del("state"), 400, "invalid_request"},
		"no openid":                  {set("scope", "profile"), 400, "invalid_scope"},
		"unknown scope":              {set("scope", "openid admin"), 400, "invalid_scope"},
		"parameter twice":            {func(f url.Values) { f.Add("state", "again") }, 400, "invalid_request"},
		"secret and assertion":       {set("client_assertion", "x"), 401, "invalid_request"},
	} {
		t.Run(name, func(t *testing.T) {
			f := interactForm("verifier")
			c.change(f)
			newBench(t).form("/oauth2/default/v1/interact", f).wantError(c.status, c.code)
		})
	}
}

func TestCredentialsInQueryRefused(t *testing.T) {
	f := interactForm("verifier")
	f.Del("client_secret")
	newBench(t).form("/oauth2/default/v1/interact?client_secret="+url.QueryEscape(secret), f).wantError(400, "invalid_request")
}

func TestParameterInBodyAndQueryRefused(t *testing.T) {
	newBench(t).form("/oauth2/default/v1/interact?state=other", interactForm("verifier")).wantError(400, "invalid_request")
}

func TestOAuthBodyMustBeAForm(t *testing.T) {
	newBench(t).do("POST", orgURL+"/oauth2/default/v1/interact", "application/json", []byte(`{}`)).wantError(400, "invalid_request")
}

func TestBasicAuthentication(t *testing.T) {
	encoded := url.QueryEscape(secret)
	for name, c := range map[string]struct {
		id, secret string
		keep       bool // client_secret stays in the body
		status     int
		code       string
	}{
		"right, form-encoded":   {confidentialID, encoded, false, 200, ""},
		"not form-encoded":      {confidentialID, "a%zz", false, 401, "invalid_client"},
		"wrong":                 {confidentialID, "guess", false, 401, "invalid_client"},
		"another client's id":   {publicID, encoded, false, 401, "invalid_client"},
		"two credentials":       {confidentialID, encoded, true, 401, "invalid_request"},
		"public client, secret": {publicID, "", false, 401, "invalid_client"},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			r := http.Request{Header: http.Header{}}
			r.SetBasicAuth(c.id, c.secret)
			b.head = r.Header
			f := interactForm("verifier")
			if !c.keep {
				f.Del("client_secret")
			}
			b.form("/oauth2/default/v1/interact", f).wantError(c.status, c.code)
		})
	}
}

func TestPrivateKeyJWT(t *testing.T) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	stranger, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	const id = "0oaKey"
	endpoint := orgURL + "/oauth2/default/v1/interact"
	for name, c := range map[string]struct {
		change func(*jwt.Claims)
		key    *ecdsa.PrivateKey
		status int
	}{
		"right":              {func(*jwt.Claims) {}, key, 200},
		"another key":        {func(*jwt.Claims) {}, stranger, 401},
		"audience is issuer": {func(c *jwt.Claims) { c.Audience = jwt.Audience{orgURL + "/oauth2/default"} }, key, 401},
		"audience is token":  {func(c *jwt.Claims) { c.Audience = jwt.Audience{orgURL + "/oauth2/default/v1/token"} }, key, 401},
		"two audiences":      {func(c *jwt.Claims) { c.Audience = append(c.Audience, "x") }, key, 401},
		"expired":            {func(c *jwt.Claims) { c.Expiry = shift(c, -2*time.Hour) }, key, 401},
		"too long":           {func(c *jwt.Claims) { c.Expiry = shift(c, time.Hour) }, key, 401},
		"no expiry":          {func(c *jwt.Claims) { c.Expiry = nil }, key, 401},
		"no jti":             {func(c *jwt.Claims) { c.ID = "" }, key, 401},
		"other subject":      {func(c *jwt.Claims) { c.Subject = publicID }, key, 401},
		"other issuer":       {func(c *jwt.Claims) { c.Issuer = confidentialID }, key, 401},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, func(cfg *oktasim.Config) {
				cfg.Clients = append(cfg.Clients, oktasim.Client{ID: id, Key: key.Public(), RedirectURIs: []string{redirectURI}})
			})
			claims := jwt.Claims{
				Issuer: id, Subject: id, Audience: jwt.Audience{endpoint}, ID: "jti-1",
				Expiry: jwt.NewNumericDate(b.now.Add(30 * time.Minute)),
			}
			c.change(&claims)
			f := interactForm("verifier")
			f.Del("client_secret")
			f.Set("client_id", id)
			f.Set("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer")
			f.Set("client_assertion", assertion(t, c.key, claims))
			if a := b.form("/oauth2/default/v1/interact", f); a.status != c.status {
				t.Fatalf("status %d, want %d: %s", a.status, c.status, a.body)
			}
			if c.status == 200 {
				b.form("/oauth2/default/v1/interact", f).wantError(401, "invalid_client") // jti used
			}
		})
	}
}

func shift(c *jwt.Claims, d time.Duration) *jwt.NumericDate {
	return jwt.NewNumericDate(c.Expiry.Time().Add(d))
}

func assertion(t *testing.T, key *ecdsa.PrivateKey, claims jwt.Claims) string {
	t.Helper()
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: key}, nil)
	if err != nil {
		t.Fatal(err)
	}
	s, err := jwt.Signed(signer).Claims(claims).Serialize()
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestTokenRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*signIn, url.Values)
		path   string
		status int
		code   string
	}{
		"PKCE mismatch":        {func(_ *signIn, f url.Values) { f.Set("code_verifier", "another") }, "", 400, "invalid_grant"},
		"no verifier":          {func(_ *signIn, f url.Values) { f.Del("code_verifier") }, "", 400, "invalid_request"},
		"unknown code":         {func(_ *signIn, f url.Values) { f.Set("interaction_code", "guess") }, "", 400, "invalid_grant"},
		"code after 60 s":      {func(s *signIn, _ url.Values) { s.now = s.now.Add(time.Minute) }, "", 400, "invalid_grant"},
		"code of other server": {func(*signIn, url.Values) {}, "/oauth2/v1/token", 400, "invalid_grant"},
		"code of other client": {func(_ *signIn, f url.Values) { f.Set("client_id", publicID); f.Del("client_secret") }, "", 400, "invalid_grant"},
		"other grant":          {func(_ *signIn, f url.Values) { f.Set("grant_type", "password") }, "", 400, "unsupported_grant_type"},
		"no client secret":     {func(_ *signIn, f url.Values) { f.Del("client_secret") }, "", 401, "invalid_client"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newBench(t).begin()
			f := s.tokenForm(s.signedInCode())
			c.change(s, f)
			path := c.path
			if path == "" {
				path = "/oauth2/default/v1/token"
			}
			s.form(path, f).wantError(c.status, c.code)
		})
	}
}

func TestInteractionCodeWorksOnce(t *testing.T) {
	s := newBench(t).begin()
	f := s.tokenForm(s.signedInCode())
	if a := s.form("/oauth2/default/v1/token", f); a.status != 200 {
		t.Fatalf("first use: %d %s", a.status, a.body)
	}
	s.form("/oauth2/default/v1/token", f).wantError(400, "invalid_grant")
	s.idx("introspect", map[string]any{"interactionHandle": s.handle}).wantKey(401, "idx.session.expired")
}

func TestCodeShownWithWrongVerifierIsBurnt(t *testing.T) {
	s := newBench(t).begin()
	f := s.tokenForm(s.signedInCode())
	good := f.Get("code_verifier")
	f.Set("code_verifier", "another")
	s.form("/oauth2/default/v1/token", f).wantError(400, "invalid_grant")
	f.Set("code_verifier", good)
	s.form("/oauth2/default/v1/token", f).wantError(400, "invalid_grant")
}
