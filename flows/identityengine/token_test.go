package identityengine_test

import (
	"crypto"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"math/big"
	"strings"
	"testing"
	"time"

	"sidegate.example/sidegate/flows"
	"sidegate.example/sidegate/gateway/identity"
	"sidegate.example/sidegate/oktasim"
)

var b64 = base64.RawURLEncoding

// forger signs tokens with a key that the org publishes, so that the signature is never what is wrong.
type forger struct{ key *rsa.PrivateKey }

func (f forger) jwks() string {
	return fmt.Sprintf(`{"keys":[{"kty":"RSA","alg":"RS256","use":"sig","kid":"forged","n":"%s","e":"%s"},
		{"kty":"oct","alg":"HS256","kid":"forged-hmac","k":"c2VjcmV0"}]}`,
		b64.EncodeToString(f.key.N.Bytes()), b64.EncodeToString(big.NewInt(int64(f.key.E)).Bytes()))
}

func (f forger) rs256(header, payload string) string {
	input := b64.EncodeToString([]byte(header)) + "." + b64.EncodeToString([]byte(payload))
	sum := sha256.Sum256([]byte(input))
	sig, err := rsa.SignPKCS1v15(nil, f.key, crypto.SHA256, sum[:])
	if err != nil {
		panic(err)
	}
	return input + "." + b64.EncodeToString(sig)
}

func hs256(header, payload string, key []byte) string {
	input := b64.EncodeToString([]byte(header)) + "." + b64.EncodeToString([]byte(payload))
	h := hmac.New(sha256.New, key)
	h.Write([]byte(input))
	return input + "." + b64.EncodeToString(h.Sum(nil))
}

const plainHeader = `{"alg":"RS256","kid":"forged"}`

func encode(claims map[string]any) string {
	b, err := json.Marshal(claims)
	if err != nil {
		panic(err)
	}
	return string(b)
}

// forgery is an org that publishes the forger's keys, where a push needs no waiting.
func forgery(t *testing.T, f forger) *bench {
	t.Helper()
	b := newBench(t, policy(oktasim.Policy{AutoChallenge: true}), func(s *settings) {
		s.sim.Refresh, s.engine.MinPoll = time.Millisecond, time.Millisecond
	})
	b.org.Inject(oktasim.Fault{Path: "/v1/keys", Kind: "body", Body: f.jwks(), Times: -1})
	return b
}

// redeem signs in while the token endpoint answers with what forge makes of the true claims.
func (b *bench) redeem(t *testing.T, forge func(claims map[string]any) string) (flows.Step, error) {
	t.Helper()
	b.TB = t
	b.start(pushUser, password)
	b.want(flows.KindWait)
	if err := b.org.Approve(b.push(pushUser).ID); err != nil {
		t.Fatal(err)
	}
	b.org.Inject(oktasim.Fault{Path: "/v1/token", Mutate: func(body []byte) []byte {
		var answer map[string]any
		if err := json.Unmarshal(body, &answer); err != nil {
			panic(err)
		}
		part, err := b64.DecodeString(strings.Split(answer["id_token"].(string), ".")[1])
		if err != nil {
			panic(err)
		}
		claims := map[string]any{}
		if err := json.Unmarshal(part, &claims); err != nil {
			panic(err)
		}
		answer["id_token"] = forge(claims)
		return []byte(encode(answer))
	}})
	b.later(b.step.Wait.Interval)
	_, step, err := b.engine.Poll(t.Context(), b.cc, b.state)
	return step, err
}

// S66, S67: each token differs from a good one in one thing.
func TestForgedTokensAreRefused(t *testing.T) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	f := forger{key}
	b := forgery(t, f)
	with := func(change map[string]any) func(map[string]any) string {
		return func(c map[string]any) string {
			for name, v := range change {
				if c[name] = v; v == nil {
					delete(c, name)
				}
			}
			return f.rs256(plainHeader, encode(c))
		}
	}
	twin := func(name string) func(map[string]any) string {
		return func(c map[string]any) string {
			return f.rs256(plainHeader, strings.Replace(encode(c), "{", `{"`+name+`":"x",`, 1))
		}
	}
	head := func(header string) func(map[string]any) string {
		return func(c map[string]any) string { return f.rs256(header, encode(c)) }
	}
	if step, err := b.redeem(t, with(nil)); err != nil || step.Kind != flows.KindDone {
		t.Fatalf("the unchanged token is refused: %v %v", step.Kind, err)
	}
	for name, list := range map[string][]any{"sole": {clientID}, "two, for us": {clientID, "other"}} {
		change := map[string]any{"aud": list, "azp": clientID}
		if _, err := b.redeem(t, with(change)); err != nil {
			t.Errorf("aud list (%s) is refused: %v", name, err)
		}
	}
	if _, err := b.redeem(t, with(map[string]any{"aud": []any{clientID}})); err != nil {
		t.Errorf("aud list of us alone is refused: %v", err)
	}
	past, future := time.Now().Add(-time.Hour).Unix(), time.Now().Add(time.Hour).Unix()
	for name, forge := range map[string]func(map[string]any) string{
		"alg none": func(c map[string]any) string {
			return b64.EncodeToString([]byte(`{"alg":"none","kid":"forged"}`)) + "." + b64.EncodeToString([]byte(encode(c))) + "."
		},
		"alg None, signed": head(`{"alg":"None","kid":"forged"}`),
		"HS256 by public key": func(c map[string]any) string {
			return hs256(`{"alg":"HS256","kid":"forged"}`, encode(c), key.N.Bytes())
		},
		"HS256 by a set key": func(c map[string]any) string {
			return hs256(`{"alg":"HS256","kid":"forged-hmac"}`, encode(c), []byte("secret"))
		},
		"RS256 by a set's HMAC": func(c map[string]any) string {
			return hs256(`{"alg":"RS256","kid":"forged-hmac"}`, encode(c), []byte("secret"))
		},
		"RS512":               head(`{"alg":"RS512","kid":"forged"}`),
		"no kid":              head(`{"alg":"RS256"}`),
		"unknown kid":         head(`{"alg":"RS256","kid":"nobody"}`),
		"crit":                head(`{"alg":"RS256","kid":"forged","crit":["exp"]}`),
		"zip":                 head(`{"alg":"RS256","kid":"forged","zip":"DEF"}`),
		"b64":                 head(`{"alg":"RS256","kid":"forged","b64":false}`),
		"two algs":            head(`{"alg":"none","alg":"RS256","kid":"forged"}`),
		"no algorithm":        head(`{"kid":"forged"}`),
		"other signature":     func(c map[string]any) string { s := f.rs256(plainHeader, encode(c)); return s[:len(s)-8] + "AAAAAAAA" },
		"issuer":              with(map[string]any{"iss": "https://evil.example"}),
		"no issuer":           with(map[string]any{"iss": nil}),
		"audience":            with(map[string]any{"aud": "other"}),
		"no audience":         with(map[string]any{"aud": nil}),
		"audience list":       with(map[string]any{"aud": []any{"other"}}),
		"many audiences":      with(map[string]any{"aud": []any{clientID, "other"}}),
		"empty audience list": with(map[string]any{"aud": []any{}, "azp": clientID}),
		"made for another":    with(map[string]any{"azp": "other"}),
		"nonce":               with(map[string]any{"nonce": "other"}),
		"no nonce":            with(map[string]any{"nonce": nil}),
		"expired":             with(map[string]any{"exp": past}),
		"no expiry":           with(map[string]any{"exp": nil}),
		"expiry as text":      with(map[string]any{"exp": fmt.Sprint(future)}),
		"from the future":     with(map[string]any{"iat": future}),
		"no subject":          with(map[string]any{"sub": nil}),
		"empty subject":       with(map[string]any{"sub": ""}),
		"two subjects":        twin("sub"),
		"two issuers":         twin("iss"),
		"nested twins": func(c map[string]any) string {
			return f.rs256(plainHeader, strings.Replace(encode(c), "{", `{"x":[{"a":1,"a":2}],`, 1))
		},
		"1 MB":       with(map[string]any{"pad": strings.Repeat("a", 700_000)}),
		"JWE":        func(map[string]any) string { return "eyJhbGciOiJkaXIifQ..AAAA.AAAA.AAAA" },
		"two parts":  func(map[string]any) string { return "eyJhbGciOiJkaXIifQ.AAAA" },
		"nothing":    func(map[string]any) string { return "" },
		"a text":     func(map[string]any) string { return "....." },
		"padding":    func(c map[string]any) string { return f.rs256(plainHeader, encode(c)) + "=" },
		"not base64": func(c map[string]any) string { return "!" + f.rs256(plainHeader, encode(c)) },
	} {
		t.Run(name, func(t *testing.T) {
			var nonce any
			_, err := b.redeem(t, func(c map[string]any) string { nonce = maps.Clone(c)["nonce"]; return forge(c) })
			failed := wantReason(t, err, flows.ReasonMalformed)
			if strings.Contains(failed.Error(), nonce.(string)) || strings.Contains(failed.Error(), totpUser) {
				t.Errorf("the error tells what the token holds: %v", failed)
			}
		})
	}
}

// After a rotation at Okta the unknown key makes it fetch the keys again at once, once for all who need it.
func TestKeyRotation(t *testing.T) {
	b := newBench(t)
	keys := "/oauth2/default/v1/keys"
	signIn := func() {
		t.Helper()
		b.start(totpUser, password)
		b.later(30 * time.Second) // a code is good once
		b.code(b.org.TOTP(totpUser))
		b.wantDone(totpUser, "Timo Totp", identity.Password, identity.TOTP)
	}
	b.later(-80 * time.Second) // tokens must not be from the future
	signIn()
	signIn()
	if n := b.called(keys); n != 1 {
		t.Fatalf("the keys were fetched %d times for two sign-ins, want once", n)
	}
	b.org.RotateKeys()
	signIn()
	signIn()
	if n := b.called(keys); n != 2 {
		t.Errorf("the keys were fetched %d times, want once more after the rotation", n)
	}
}

// Nothing but the token stands between an approval and the browser that waits for it: the keys are there before, and again
// before they are too old.
func TestKeysAreThereBeforeTheApproval(t *testing.T) {
	b := newBench(t)
	keys := "/oauth2/default/v1/keys"
	b.later(-400 * time.Second) // tokens must not be from the future
	push := b.pushed(pushUser)
	for i, c := range []struct {
		age  time.Duration
		want int
	}{{0, 1}, {5 * time.Second, 1}, {200 * time.Second, 1}, {40 * time.Second, 2}} {
		b.later(c.age)
		b.poll()
		if n := b.called(keys); n != c.want {
			t.Errorf("after poll %d the keys were fetched %d times, want %d", i+1, n, c.want)
		}
	}
	if err := b.org.Approve(push.ID); err != nil {
		t.Fatal(err)
	}
	b.poll()
	b.wantDone(pushUser, "Paula Push", identity.Password, identity.Push)
	if n := b.called(keys); n != 2 {
		t.Errorf("the approval waited for the keys, which were fetched %d times", n)
	}
}

// Keys that never fit are not fetched for every token.
func TestUnknownKeyIsNotFetchedForEver(t *testing.T) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	f := forger{key}
	b := forgery(t, f)
	b.later(-100 * time.Second)
	unknown := func(c map[string]any) string { return f.rs256(`{"alg":"RS256","kid":"nobody"}`, encode(c)) }
	for i, want := range []int{1, 2, 2, 3} {
		if i == 3 {
			b.later(30 * time.Second)
		}
		_, err := b.redeem(t, unknown)
		wantReason(t, err, flows.ReasonMalformed)
		if n := b.called("/oauth2/default/v1/keys"); n != want {
			t.Errorf("the keys were fetched %d times after sign-in %d, want %d", n, i+1, want)
		}
	}
}

// The metadata names where the keys are: elsewhere is nowhere.
func TestKeysElsewhereAreNotFetched(t *testing.T) {
	for _, body := range []string{
		`{"issuer":"%s","jwks_uri":"https://evil.example/keys"}`,
		`{"issuer":"https://evil.example","jwks_uri":"%[1]s/v1/keys"}`,
		`{"issuer":"%s"}`,
	} {
		b := newBench(t)
		b.org.Inject(oktasim.Fault{
			Path: "/.well-known/openid-configuration", Kind: "body", Body: fmt.Sprintf(body, b.srv.URL+"/oauth2/default"), Times: -1,
		})
		b.start(totpUser, password)
		_, _, err := b.engine.Advance(t.Context(), b.cc, b.state, flows.Answer{
			Values: map[string]string{b.step.Fields[0].Name: b.org.TOTP(totpUser)},
		})
		wantReason(t, err, flows.ReasonMalformed)
	}
}

// What is a refusal, and not an outage, is not asked for twice.
func TestTokenRefusals(t *testing.T) {
	for _, c := range []struct {
		fault  oktasim.Fault
		reason flows.Reason
		denied flows.DeniedReason
		cause  string
	}{
		{fault: oktasim.Fault{Kind: "body", Status: 401, Body: `{"error":"invalid_client"}`}, reason: flows.ReasonMisconfigured},
		{fault: oktasim.Fault{Kind: "body", Body: `{}`}, reason: flows.ReasonMalformed},
		{fault: oktasim.Fault{Kind: "redirect"}, reason: flows.ReasonMalformed},
		{fault: oktasim.Fault{Kind: "body", Status: 400, Body: `{"error":"invalid_grant"}`}, denied: flows.DeniedExpired, cause: "token: HTTP 400 invalid_grant"},
		{fault: oktasim.Fault{Kind: "body", Status: 400, Body: `{"error":"access_denied"}`}, denied: flows.DeniedPolicy, cause: "token: HTTP 400 access_denied; assign the app"},
	} {
		b := newBench(t)
		b.start(totpUser, password)
		c.fault.Path = "/v1/token"
		b.org.Inject(c.fault)
		_, step, err := b.engine.Advance(t.Context(), b.cc, b.state, flows.Answer{
			Values: map[string]string{b.step.Fields[0].Name: b.org.TOTP(totpUser)},
		})
		if c.denied != "" {
			if b.step = step; err != nil {
				t.Fatal(err)
			}
			b.wantDenied(c.denied, true)
			b.wantCause(c.cause)
		} else {
			wantReason(t, err, c.reason)
		}
		if n := b.called("/oauth2/default/v1/token"); n != 1 {
			t.Errorf("the code was sent %d times", n)
		}
	}
}
