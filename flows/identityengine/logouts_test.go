package identityengine_test

import (
	"crypto/rand"
	"crypto/rsa"
	"maps"
	"strings"
	"testing"
	"time"

	"sidegate.example/sidegate/flows"
	"sidegate.example/sidegate/flows/identityengine"
	"sidegate.example/sidegate/flows/okta"
	"sidegate.example/sidegate/oktasim"
)

const (
	endpoint    = "https://legacy.example/_mfa/global-token-revocation"
	logoutEvent = "http://schemas.openid.net/event/backchannel-logout"
)

// logouts is a verifier at the bench's org.
func (b *bench) logouts() *identityengine.Logouts {
	b.Helper()
	client, err := okta.New(okta.Config{Org: b.srv.URL})
	if err != nil {
		b.Fatal(err)
	}
	l, err := identityengine.NewLogouts(client, b.srv.URL+"/oauth2/default", clientID)
	if err != nil {
		b.Fatal(err)
	}
	return l
}

// What the simulated org sends is good; the keys are fetched once, and not for what is not the org's.
func TestLogoutTokens(t *testing.T) {
	b := newBench(t)
	l, issuer := b.logouts(), b.srv.URL+"/oauth2/default"
	for range 2 {
		got, err := l.VerifyRevocation(t.Context(), b.cc, b.org.RevocationToken(endpoint), endpoint)
		if err != nil || got.Issuer != b.srv.URL || got.ID == "" {
			t.Fatalf("%+v, %v", got, err)
		}
	}
	token, err := b.org.LogoutToken(issuer, clientID, pushUser)
	if err != nil {
		t.Fatal(err)
	}
	got, err := l.VerifyLogout(t.Context(), b.cc, token)
	if err != nil || got.Issuer != issuer || !strings.HasPrefix(got.Subject, "00u") {
		t.Fatalf("%+v, %v", got, err)
	}
	if _, err := l.VerifyRevocation(t.Context(), b.cc, token, clientID); err == nil {
		t.Error("a logout token passed for a revocation")
	}
	if n := b.called("/oauth2/v1/keys"); n != 1 {
		t.Errorf("the org's keys were fetched %d times, want once", n)
	}
}

// While the keys cannot be had, a token is not called bad: Okta is to try again.
func TestLogoutTokenWithoutKeys(t *testing.T) {
	b := newBench(t)
	b.org.Inject(oktasim.Fault{Path: "/oauth2/v1/keys", Kind: "status", Status: 503, Times: -1})
	_, err := b.logouts().VerifyRevocation(t.Context(), b.cc, b.org.RevocationToken(endpoint), endpoint)
	wantReason(t, err, flows.ReasonUnavailable)
}

// S66: each token differs from a good one in one thing. None but those that only the signature gives away makes a call.
func TestForgedLogoutTokens_S66(t *testing.T) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	f := forger{key}
	b := newBench(t)
	b.org.Inject(oktasim.Fault{Path: "/v1/keys", Kind: "body", Body: f.jwks(), Times: -1})
	l := b.logouts()
	now := time.Now()
	revocation := map[string]any{"iss": b.srv.URL, "aud": endpoint, "jti": "j-1", "sub": "0oa1", "iat": now.Unix(), "exp": now.Add(5 * time.Minute).Unix()}
	logout := map[string]any{"iss": b.srv.URL + "/oauth2/default", "aud": clientID, "jti": "j-1", "sub": "00u1", "iat": now.Unix(),
		"exp": now.Add(2 * time.Minute).Unix(), "events": map[string]any{logoutEvent: map[string]any{}}}
	const revocationHeader, logoutHeader = `{"alg":"RS256","kid":"forged","typ":"global-token-revocation+jwt"}`, `{"alg":"RS256","kid":"forged","typ":"logout+jwt"}`
	with := func(of map[string]any, change map[string]any) string {
		c := maps.Clone(of)
		for name, v := range change {
			if c[name] = v; v == nil {
				delete(c, name)
			}
		}
		return encode(c)
	}
	verify := map[bool]func(token string) error{
		true: func(token string) error {
			_, err := l.VerifyRevocation(t.Context(), b.cc, token, endpoint)
			return err
		},
		false: func(token string) error { _, err := l.VerifyLogout(t.Context(), b.cc, token); return err },
	}
	for isRevocation, good := range map[bool]map[string]any{true: revocation, false: logout} {
		header := logoutHeader
		if isRevocation {
			header = revocationHeader
		}
		for name, change := range map[string]map[string]any{"unchanged": nil, "one audience in a list": {"aud": []any{good["aud"]}}} {
			if err := verify[isRevocation](f.rs256(header, with(good, change))); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
		}
		claims := encode(good)
		head := func(change string) string {
			return f.rs256(strings.Replace(header, `"alg":"RS256"`, change, 1), claims)
		}
		bad := map[string]string{
			"alg none":             b64.EncodeToString([]byte(strings.Replace(header, "RS256", "none", 1))) + "." + b64.EncodeToString([]byte(claims)) + ".",
			"alg none, signed":     head(`"alg":"none"`),
			"HS256 by public key":  hs256(strings.Replace(header, "RS256", "HS256", 1), claims, key.N.Bytes()),
			"RS256 by HMAC":        hs256(header, claims, key.N.Bytes()),
			"two algs":             head(`"alg":"none","alg":"RS256"`),
			"unknown key":          f.rs256(strings.Replace(header, "forged", "nobody", 1), claims),
			"other signature":      f.rs256(header, claims)[:len(f.rs256(header, claims))-8] + "AAAAAAAA",
			"typ of an ID token's": f.rs256(strings.Replace(header, `+jwt`, "x+jwt", 1), claims),
			"typ a number":         head(`"alg":"RS256","typ":1,"x":1`),
			"two subjects":         f.rs256(header, strings.Replace(claims, "{", `{"sub":"x",`, 1)),
			"issuer":               f.rs256(header, with(good, map[string]any{"iss": "https://evil.example"})),
			"no issuer":            f.rs256(header, with(good, map[string]any{"iss": nil})),
			"audience":             f.rs256(header, with(good, map[string]any{"aud": "https://other.example/_mfa/global-token-revocation"})),
			"no audience":          f.rs256(header, with(good, map[string]any{"aud": nil})),
			"two audiences":        f.rs256(header, with(good, map[string]any{"aud": []any{good["aud"], "other"}})),
			"expired":              f.rs256(header, with(good, map[string]any{"exp": now.Add(-3 * time.Minute).Unix()})),
			"good for long":        f.rs256(header, with(good, map[string]any{"exp": now.Add(time.Hour).Unix()})),
			"no exp":               f.rs256(header, with(good, map[string]any{"exp": nil})),
			"exp a text":           f.rs256(header, with(good, map[string]any{"exp": "9999999999"})),
			"old":                  f.rs256(header, with(good, map[string]any{"iat": now.Add(-10 * time.Minute).Unix()})),
			"of tomorrow":          f.rs256(header, with(good, map[string]any{"iat": now.Add(24 * time.Hour).Unix()})),
			"no iat":               f.rs256(header, with(good, map[string]any{"iat": nil})),
			"not before":           f.rs256(header, with(good, map[string]any{"nbf": now.Add(time.Hour).Unix()})),
			"no jti":               f.rs256(header, with(good, map[string]any{"jti": nil})),
			"endless jti":          f.rs256(header, with(good, map[string]any{"jti": strings.Repeat("j", 300)})),
			"nothing":              "",
			"the other kind":       map[bool]string{false: f.rs256(revocationHeader, encode(revocation)), true: f.rs256(logoutHeader, encode(logout))}[isRevocation],
		}
		if isRevocation {
			bad["no typ"] = f.rs256(plainHeader, claims)
		} else {
			bad["a nonce"] = f.rs256(header, with(good, map[string]any{"nonce": "n"}))
			bad["an empty nonce"] = f.rs256(header, with(good, map[string]any{"nonce": ""}))
			bad["no events"] = f.rs256(header, with(good, map[string]any{"events": nil}))
			bad["another event"] = f.rs256(header, with(good, map[string]any{"events": map[string]any{"x": map[string]any{}}}))
			bad["an event that is none"] = f.rs256(header, with(good, map[string]any{"events": map[string]any{logoutEvent: true}}))
			bad["sid alone"] = f.rs256(header, with(good, map[string]any{"sub": nil, "sid": "s"}))
		}
		for name, token := range bad {
			failed := wantReason(t, verify[isRevocation](token), flows.ReasonBadAnswer)
			if strings.Contains(failed.Error(), "j-1") || strings.Contains(failed.Error(), "evil") {
				t.Errorf("%s: the error tells what the token holds: %v", name, failed)
			}
		}
	}
	if n := b.called("/oauth2/v1/keys") + b.called("/oauth2/default/v1/keys"); n != 4 { // of two issuers, and once more for the unknown key
		t.Errorf("the keys were fetched %d times, want 4", n)
	}
}
