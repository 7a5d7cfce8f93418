package identityengine

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	jwtverifier "github.com/okta/okta-jwt-verifier-golang/v2"
	"github.com/okta/okta-jwt-verifier-golang/v2/utils"

	"sidegate.example/sidegate/flows"
)

// maxToken bounds a token. Okta's ID tokens are about 1 KB, more with groups.
const maxToken = 64 << 10

// The checks that come before the verifier (immunity S66, S67).
var (
	errTokenSize = errors.New("it is missing or too large")
	errTokenForm = errors.New("it is no signed JWT of three parts")
	errTokenTwin = errors.New("it names a header or claim twice")
	errTokenHead = errors.New("its header is not that of a plain RS256 signature")
	errTokenAud  = errors.New("it is for another app as well")

	errUnverified = errors.New("it does not verify")
)

// verify checks the ID token with Okta's verifier and returns its claims. The errors say which check failed and
// hold nothing of the token.
func (a *attempt) verify(ctx context.Context, token string) (*claims, error) {
	app := &a.engine.app
	kid, payload, err := precheck(token)
	if err != nil {
		return nil, malformed("token: %w", err)
	}
	if err := a.engine.keys.check(ctx, a.cc, token, kid, app.id, a.state.Nonce); err != nil {
		return nil, err
	}
	if err := checkAudience(payload, app.id); err != nil {
		return nil, malformed("token: %w", err)
	}
	c := readClaims(payload)
	if c.subject == "" {
		return nil, malformed("token: the ID token has no subject")
	}
	c.named = namedClaims(payload, a.engine.claims)
	return c, nil
}

// check has Okta's verifier check a token: that a key of the ring signed it, and its issuer, audience, nonce ("" for none)
// and times. An error that is errUnknownKey or errUnverified is about the token, any other about the keys.
func (k *keyring) check(ctx context.Context, cc flows.ClientContext, token, kid, audience, nonce string) error {
	set, err := k.forKey(ctx, cc, kid)
	if err != nil {
		return err
	}
	v, err := (&jwtverifier.JwtVerifier{
		Issuer:           k.issuer,
		ClaimsToValidate: map[string]string{"aud": audience, "nonce": nonce},
		Client:           &http.Client{Transport: noTransport{}},
		Cache: func(func(string) (any, error), time.Duration, time.Duration) (utils.Cacher, error) {
			return fetched{metadata: k.issuer + metadataPath, keys: set}, nil
		},
	}).New()
	if err != nil {
		return malformed("token: the verifier cannot be made")
	}
	if _, err := v.VerifyIdToken(token); err != nil {
		return malformed("token: %w: %s", errUnverified, failedCheck(err))
	}
	return nil
}

// precheck refuses what no verifier should have to look at, and names the key.
func precheck(token string) (kid string, payload node, err error) {
	if token == "" || len(token) > maxToken {
		return "", node{}, errTokenSize
	}
	parts := strings.Split(token, ".")
	if len(parts) != 3 || parts[2] == "" { // five parts are a JWE
		return "", node{}, errTokenForm
	}
	header, err := segment(parts[0])
	if err != nil {
		return "", node{}, err
	}
	if payload, err = segment(parts[1]); err != nil {
		return "", node{}, err
	}
	kid, _ = header.get("kid").v.(string)
	if header.get("alg").v != "RS256" || kid == "" || header.has("crit") || header.has("zip") || header.has("enc") || header.has("b64") {
		return "", node{}, errTokenHead
	}
	return kid, payload, nil
}

func segment(s string) (node, error) {
	b, err := base64.RawURLEncoding.Strict().DecodeString(s)
	if err != nil {
		return node{}, errTokenForm
	}
	n, err := parseJSON(b)
	if err != nil {
		return node{}, errTokenForm
	}
	if twins(b) {
		return node{}, errTokenTwin
	}
	return n, nil
}

// twins reports whether an object anywhere in b has one name twice: two readers could then see two
// different tokens.
func twins(b []byte) bool {
	d := json.NewDecoder(bytes.NewReader(b))
	type level struct {
		names  map[string]bool // nil in a list
		isName bool
	}
	var stack []level
	for {
		t, err := d.Token()
		if err != nil {
			return false // the end: b is known to parse
		}
		if delim, ok := t.(json.Delim); ok {
			switch delim {
			case '{':
				stack = append(stack, level{names: map[string]bool{}, isName: true})
				continue
			case '[':
				stack = append(stack, level{})
				continue
			default:
				stack = stack[:len(stack)-1]
			}
		} else if top := len(stack) - 1; top >= 0 && stack[top].isName {
			name := t.(string) // in an object every other token is a name
			if stack[top].names[name] {
				return true
			}
			stack[top].names[name], stack[top].isName = true, false
			continue
		}
		// A value has ended: in an object a name is next.
		if top := len(stack) - 1; top >= 0 && stack[top].names != nil {
			stack[top].isName = true
		}
	}
}

// checkAudience is stricter than the verifier, which takes any list that holds the app: other audiences are
// accepted only where the token says that it was made for us (OpenID Connect Core 3.1.3.7).
func checkAudience(payload node, clientID string) error {
	azp, _ := payload.get("azp").v.(string)
	if payload.has("azp") && azp != clientID {
		return errTokenAud
	}
	if list, ok := payload.get("aud").v.([]any); ok && len(list) != 1 && azp != clientID {
		return errTokenAud
	}
	return nil
}

// failedCheck names the claim that the verifier refused. Its own texts quote the token.
func failedCheck(err error) string {
	for _, claim := range []string{"Issuer", "Audience", "Expiration", "Issued At", "Nonce"} {
		if strings.Contains(err.Error(), "`"+claim+"`") {
			return claim
		}
	}
	return "signature"
}

// fetched hands the verifier what the keyring holds, so that it makes no call of its own: every call to Okta
// carries a person's context, and an unknown key is fetched again at once and not in five minutes.
type fetched struct {
	metadata string
	keys     any
}

// keysName stands for the address of the keys, which the verifier only uses as a name.
const keysName = "keys"

func (f fetched) Get(name string) (any, error) {
	switch name {
	case f.metadata:
		return map[string]any{"jwks_uri": keysName}, nil
	case keysName:
		return f.keys, nil
	}
	return nil, fmt.Errorf("%q is not to be fetched", name)
}

// noTransport makes sure of it.
type noTransport struct{}

func (noTransport) RoundTrip(*http.Request) (*http.Response, error) {
	return nil, errors.New("the verifier makes no calls")
}
