package caddymodule

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"

	"sidegate.example/sidegate/gateway/upstream"
)

// behind is a site with options and the upstream behind it.
func (w *world) behind(options ...string) string {
	return "okta_mfa {\n\t\t" + strings.Join(options, "\n\t\t") + "\n\t}\n\treverse_proxy " + w.up.Listener.Addr().String()
}

// assertion puts a JWT into the header, in the algorithm that is asked for; the keys are there for everybody. reverse_proxy
// sends it whatever the client's Connection says (S20).
func TestAssertionOptions(t *testing.T) {
	for _, tt := range []struct{ option, header, alg string }{
		{"assertion", "Remote-Assertion", "ES256"},
		{"assertion alg EdDSA", "Remote-Assertion", "EdDSA"},
		{"assertion header x-who alg ES256", "X-Who", "ES256"},
		{"assertion off", "", ""},
	} {
		t.Run(tt.option, func(t *testing.T) {
			w := newWorld(t)
			addr := w.start(w.behind(tt.option))
			h := w.allowed(addr, "Connection: close, Remote-Assertion, X-Who", "Remote_Assertion: forged", "Remote-Assertion: forged").Header
			keys := get(t, addr, "/_mfa/jwks.json")
			if tt.header == "" {
				if only(t, h, "Remote-Assertion", ""); keys.StatusCode != 404 {
					t.Errorf("jwks.json: %d, want 404", keys.StatusCode)
				}
				return
			}
			only(t, h, tt.header, h.Get(tt.header))
			var set jose.JSONWebKeySet
			if err := json.Unmarshal([]byte(keys.body), &set); err != nil {
				t.Fatalf("%v in %s", err, keys.body)
			}
			jws, err := jose.ParseSigned(h.Get(tt.header), []jose.SignatureAlgorithm{jose.SignatureAlgorithm(tt.alg)})
			if err != nil {
				t.Fatal(err)
			}
			claims, err := jws.Verify(set)
			if err != nil {
				t.Fatal(err)
			}
			for _, want := range []string{`"aud":"http://` + addr + `"`, `"htm":"GET"`, `"htu":"http://` + addr + `/payroll"`, `"sub":"00ubob"`} {
				if !strings.Contains(string(claims), want) {
					t.Errorf("%s is not in %s", want, claims)
				}
			}
		})
	}
}

// upstream_cookie gives the app a cookie that it can check, and leaves the client none of that name.
func TestUpstreamCookieOption(t *testing.T) {
	const shared = "app-" + canary + "-0123456789abcdef0123456789abcdef"
	t.Setenv("SIDEGATE_TEST_APP_SECRET", shared)
	for _, tt := range []struct{ option, name string }{
		{"upstream_cookie app_user {env.SIDEGATE_TEST_APP_SECRET}", "app_user"},
		{"upstream_cookie off", ""},
	} {
		w := newWorld(t)
		addr := w.start(w.behind(tt.option))
		r := w.allowed(addr, "Cookie: a=1; app_user=forged")
		cookie, err := upstream.NewCookie("app_user", shared)
		if err != nil {
			t.Fatal(err)
		}
		who, err := cookie.Read(r, "http://"+addr)
		if (err == nil) != (tt.name != "") || tt.name != "" && who.Username != "bob" {
			t.Errorf("%s: the app reads %+v, %v", tt.option, who, err)
		}
	}
}

// What is wrong with these only shows when the configuration is loaded.
func TestUpstreamSettingsThatCannotBe(t *testing.T) {
	t.Setenv("SIDEGATE_TEST_SHORT", "short")
	t.Setenv("SIDEGATE_TEST_APP_SECRET", strings.Repeat("x", 32))
	w := newWorld(t)
	for option, want := range map[string]string{
		"upstream_cookie app_user {env.SIDEGATE_TEST_SHORT}":             "okta_mfa: upstream_cookie: the secret has 5 bytes, but at least 32 are needed; make one with: openssl rand -base64 32",
		"upstream_cookie __Host-okta_mfa {env.SIDEGATE_TEST_APP_SECRET}": "okta_mfa: upstream_cookie has the name of the gate's own cookie __Host-okta_mfa; give it another one",
		"assertion\n\t\theader user Remote-Assertion":                    `okta_mfa: header "Remote-Assertion" is given to two claims, or differs from another only in case or separators`,
	} {
		if got := provisionError(t, w, "okta_mfa {\n\t\t"+option+"\n\t}"); !strings.HasSuffix(got, want) {
			t.Errorf("\n have %s\n want ...%s", got, want)
		}
	}
	for json, want := range map[string]string{
		`"assertion":{"alg":"ES256"}`:                  `okta_mfa: assertion alg is given without assertion header; write "assertion header Remote-Assertion"`,
		`"assertion":{"header":"X-Who","alg":"HS256"}`: `okta_mfa: assertion alg "HS256" is unknown; allowed: ES256, EdDSA`,
		`"upstream_cookie":{"name":"app_user"}`:        `okta_mfa: upstream_cookie needs a name and a secret; write "upstream_cookie app_user {env.APP_COOKIE_SECRET}"`,
	} {
		const handler = `"handler":"okta_mfa"`
		good := string(adapt(t, w.caddyfile("http://:0", "okta_mfa")))
		if got := refusal(t, []byte(strings.Replace(good, handler, handler+","+json, 1))); !strings.HasSuffix(got, want) {
			t.Errorf("\n have %s\n want ...%s", got, want)
		}
	}
}
