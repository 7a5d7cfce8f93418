package caddymodule

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"
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
