package identityengine_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"fmt"
	"strings"
	"testing"

	"sidegate.example/sidegate/flows"
	"sidegate.example/sidegate/oktasim"
)

// Okta's code alone leaves an operator to guess: the error for the log says what to change.
func TestMisconfigurationSaysWhatToChange(t *testing.T) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	withKey := func(s *settings) {
		s.engine.ClientSecret, s.engine.PrivateKey, s.engine.KeyID = "", key, "k1"
	}
	for _, c := range []struct {
		path, code string
		status     int
		change     []func(*settings)
		want       string
	}{
		{"interact", "invalid_client", 401, nil, "check client_id and client_secret"},
		{"interact", "invalid_client", 401, []func(*settings){withKey}, "check client_id, private_key and private_key_id"},
		{"token", "invalid_client", 401, nil, "check client_id and client_secret"},
		{"interact", "invalid_request", 400, nil, `is "` + redirectURI + `" registered as a sign-in redirect URI of the app, and is PKCE allowed?`},
		{"token", "invalid_request", 400, nil, "check the settings of the app"},
		{"interact", "unauthorized_client", 400, nil, "switch on the Interaction Code grant for the app"},
		{"interact", "access_denied", 400, nil, "assign the app"},
		{"interact", "access_denied", 401, nil, "access policy rule"},
		{"interact", "invalid_scope", 400, nil, "check scopes"},
		{"interact", "something_new", 400, nil, "check the settings of the app"},
		{"token", "invalid_dpop_proof", 400, nil, "switch off DPoP"},
	} {
		b := newBench(t, c.change...)
		fault := oktasim.Fault{Path: "/v1/" + c.path, Kind: "body", Status: c.status,
			Body: fmt.Sprintf(`{"error":%q,"error_description":"hidden"}`, c.code)}
		b.org.Inject(fault)
		values := map[string]string{flows.FieldIdentifier: totpUser, flows.FieldPassword: password}
		s, step, err := b.engine.Start(t.Context(), b.cc, redirectURI, flows.Answer{Values: values})
		if c.path == "token" {
			b.take(s, step, err)
			_, _, err = b.engine.Advance(t.Context(), b.cc, b.state, flows.Answer{
				Values: map[string]string{b.step.Fields[0].Name: b.org.TOTP(totpUser)},
			})
		}
		text := wantReason(t, err, flows.ReasonMisconfigured).Error()
		begin := fmt.Sprintf("okta: misconfigured: %s: HTTP %d %s; ", c.path, c.status, c.code)
		if hint, ok := strings.CutPrefix(text, begin); !ok || !strings.Contains(hint, c.want) {
			t.Errorf("the log is told %q, want %q and %q", text, begin, c.want)
		}
		if strings.Contains(text, "hidden") || strings.Contains(text, secret) {
			t.Errorf("the log is told too much: %q", text)
		}
	}
}

// An issuer that does not exist answers with Okta's own code.
func TestMissingAuthorizationServerIsNamed(t *testing.T) {
	b := newBench(t)
	b.org.Inject(oktasim.Fault{Path: "/v1/interact", Kind: "body", Status: 404, Body: `{"errorCode":"E0000007","errorId":"oae1"}`})
	_, _, err := b.engine.Start(t.Context(), b.cc, redirectURI, flows.Answer{Values: map[string]string{"identifier": pushUser}})
	const want = "okta: misconfigured: interact: HTTP 404 E0000007, errorId oae1; check issuer: the org has no such authorization server"
	if text := wantReason(t, err, flows.ReasonMisconfigured).Error(); text != want {
		t.Errorf("the log is told %q, want %q", text, want)
	}
}
