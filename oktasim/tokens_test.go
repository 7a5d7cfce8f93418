package oktasim_test

import (
	"net/http"
	"testing"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"sidegate.example/sidegate/oktasim"
)

// keySet fetches the JWKS.
func (b *bench) keySet(path string) jose.JSONWebKeySet {
	b.t.Helper()
	a := b.do("GET", orgURL+path, "", nil)
	var set jose.JSONWebKeySet
	for _, k := range a.at("keys").([]any) {
		m := k.(map[string]any)
		if m["d"] != nil || m["kty"] != "RSA" || m["alg"] != "RS256" || m["use"] != "sig" {
			b.t.Fatalf("key %v", m)
		}
		set.Keys = append(set.Keys, jose.JSONWebKey{KeyID: m["kid"].(string)})
	}
	return set
}

func kid(t *testing.T, raw string) string {
	t.Helper()
	tok, err := jwt.ParseSigned(raw, []jose.SignatureAlgorithm{jose.RS256})
	if err != nil {
		t.Fatal(err)
	}
	return tok.Headers[0].KeyID
}

func (s *signIn) tokens() *answer {
	s.t.Helper()
	a := s.form("/oauth2/default/v1/token", s.tokenForm(s.signedInCode()))
	if a.status != 200 {
		s.t.Fatalf("token: %d %s", a.status, a.body)
	}
	return a
}

func TestRotateKeysReplacesThePublishedKey(t *testing.T) {
	b := newBench(t)
	const keys = "/oauth2/default/v1/keys"
	old := b.keySet(keys)
	b.org.RotateKeys()
	fresh := b.keySet(keys)
	if len(old.Keys) != 1 || len(fresh.Keys) != 1 || old.Keys[0].KeyID == fresh.Keys[0].KeyID {
		t.Fatalf("kids before %v, after %v: want one each, different", old.Keys, fresh.Keys)
	}
	a := b.begin().tokens()
	if got := kid(t, a.str("id_token")); got != fresh.Keys[0].KeyID {
		t.Fatalf("ID token has kid %s, want the new %s", got, fresh.Keys[0].KeyID)
	}
}

func TestServersHaveDifferentKeys(t *testing.T) {
	b := newBench(t)
	if b.keySet("/oauth2/v1/keys").Keys[0].KeyID == b.keySet("/oauth2/default/v1/keys").Keys[0].KeyID {
		t.Fatal("org server and custom server share a key")
	}
}

func TestDiscoveryNamesTheIssuerExactly(t *testing.T) {
	b := newBench(t)
	for issuer, base := range map[string]string{orgURL: orgURL + "/oauth2", orgURL + "/oauth2/default": orgURL + "/oauth2/default"} {
		for _, doc := range []string{"openid-configuration", "oauth-authorization-server"} {
			a := b.do("GET", issuer+"/.well-known/"+doc, "", nil)
			if a.str("issuer") != issuer || a.str("jwks_uri") != base+"/v1/keys" || a.str("token_endpoint") != base+"/v1/token" {
				t.Errorf("%s of %s: %s", doc, issuer, a.body)
			}
		}
	}
}

func TestThinIDTokenLeavesTheProfileToUserinfo(t *testing.T) {
	s := newBench(t, func(c *oktasim.Config) { c.Policy.ThinIDToken = true }).begin()
	a := s.tokens()
	id := claims(t, a.str("id_token"))
	for _, c := range []string{"name", "email", "preferred_username", "groups"} {
		if id[c] != nil {
			t.Errorf("thin ID token has %s", c)
		}
	}
	s.head = http.Header{"Authorization": {"Bearer " + a.str("access_token")}}
	info := s.do("GET", orgURL+"/oauth2/default/v1/userinfo", "", nil)
	if info.str("sub") != id["sub"] || info.str("email") != "push@sidegate.example" || info.str("groups", 1) != "Staff" || info.str("preferred_username") != "push@sidegate.example" {
		t.Errorf("userinfo: %s", info.body)
	}
}

func TestUserinfoRefuses(t *testing.T) {
	s := newBench(t).begin()
	a := s.tokens()
	for name, header := range map[string]string{
		"nothing":  "",
		"garbage":  "Bearer garbage",
		"ID token": "Bearer " + a.str("id_token"),
		"no type":  a.str("access_token"),
	} {
		t.Run(name, func(t *testing.T) {
			s.head = http.Header{"Authorization": {header}}
			if got := s.do("GET", orgURL+"/oauth2/default/v1/userinfo", "", nil); got.status != 401 || got.header.Get("WWW-Authenticate") == "" {
				t.Fatalf("status %d, WWW-Authenticate %q", got.status, got.header.Get("WWW-Authenticate"))
			}
		})
	}
	t.Run("token of another server", func(t *testing.T) {
		s.head = http.Header{"Authorization": {"Bearer " + a.str("access_token")}}
		if got := s.do("GET", orgURL+"/oauth2/v1/userinfo", "", nil); got.status != 401 {
			t.Fatalf("status %d", got.status)
		}
	})
}

func TestScopesDecideTheClaims(t *testing.T) {
	b := newBench(t)
	f := interactForm("verifier")
	f.Set("scope", "openid")
	a := b.form("/oauth2/default/v1/interact", f)
	s := &signIn{bench: b, verifier: "verifier", handle: a.str("interaction_handle")}
	s.state = s.idx("introspect", map[string]any{"interactionHandle": s.handle}).str("stateHandle")
	id := claims(t, s.tokens().str("id_token"))
	for _, c := range []string{"name", "email", "preferred_username", "groups"} {
		if id[c] != nil {
			t.Errorf("%s without its scope", c)
		}
	}
}
