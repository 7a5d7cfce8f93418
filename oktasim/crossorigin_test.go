package oktasim_test

import (
	"net/http"
	"testing"

	"sidegate.example/sidegate/oktasim"
)

const trusted = "https://app.example"

// Only a trusted origin may read answers, and only by its exact name; it may send cookies along.
func TestOnlyTrustedOriginsMayReadAnswers(t *testing.T) {
	for name, c := range map[string]struct {
		origin string
		list   []string
		ok     bool
	}{
		"trusted":            {trusted, []string{"https://other.example", trusted}, true},
		"foreign":            {"https://evil.example", []string{trusted}, false},
		"none trusted":       {trusted, nil, false},
		"other scheme":       {"http://app.example", []string{trusted}, false},
		"other port":         {trusted + ":8443", []string{trusted}, false},
		"longer name":        {trusted + ".evil.example", []string{trusted}, false},
		"opaque":             {"null", []string{trusted}, false},
		"no wildcards":       {trusted, []string{"*"}, false},
		"no wildcard inside": {trusted, []string{"https://*.example"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, func(cfg *oktasim.Config) { cfg.TrustedOrigins = c.list })
			origin, credentials := "", ""
			if c.ok {
				origin, credentials = c.origin, "true"
			}
			for _, path := range []string{"/oauth2/default/v1/interact", "/oauth2/default/v1/token", "/idp/idx/introspect", "/oauth2/v1/keys"} {
				b.head = http.Header{"Origin": {c.origin}}
				wantHeaders(t, "answer of "+path, b.do(http.MethodPost, orgURL+path, "", nil), map[string]string{
					"Access-Control-Allow-Origin": origin, "Access-Control-Allow-Credentials": credentials, "Vary": "Origin",
				})

				b.head.Set("Access-Control-Request-Method", http.MethodPost)
				b.head.Set("Access-Control-Request-Headers", "content-type,x-okta-user-agent-extended")
				method, headers := "", ""
				if c.ok {
					method, headers = http.MethodPost, "content-type,x-okta-user-agent-extended"
				}
				preflight := b.do(http.MethodOptions, orgURL+path, "", nil)
				if preflight.status != http.StatusNoContent || len(preflight.body) != 0 {
					t.Errorf("preflight of %s: %d %q, want 204 and nothing", path, preflight.status, preflight.body)
				}
				wantHeaders(t, "preflight of "+path, preflight, map[string]string{
					"Access-Control-Allow-Origin": origin, "Access-Control-Allow-Credentials": credentials,
					"Access-Control-Allow-Methods": method, "Access-Control-Allow-Headers": headers,
				})
			}
		})
	}
}

// The phone, the inbox and the control port are of nobody else's business, trusted or not.
func TestTrustedOriginsReachOktasURLsOnly(t *testing.T) {
	b := newBench(t, func(cfg *oktasim.Config) { cfg.TrustedOrigins = []string{trusted} })
	b.head = http.Header{"Origin": {trusted}}
	for _, path := range []string{"/phone/", "/inbox/push@sidegate.example", "/sim/pushes?login=push@sidegate.example"} {
		got := b.do(http.MethodGet, orgURL+path, "", nil)
		if got.status != http.StatusOK {
			t.Errorf("%s: status %d", path, got.status)
		}
		wantHeaders(t, path, got, map[string]string{"Access-Control-Allow-Origin": "", "Access-Control-Allow-Credentials": ""})
	}
}

func wantHeaders(t *testing.T, what string, got *answer, want map[string]string) {
	t.Helper()
	for name, value := range want {
		if got := got.header.Get(name); got != value {
			t.Errorf("%s: %s is %q, want %q", what, name, got, value)
		}
	}
}
