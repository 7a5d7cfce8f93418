package access

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"

	"sidegate.example/sidegate/flows"
	"sidegate.example/sidegate/flows/okta"
)

const (
	schemeBearer = "Bearer"
	schemeDPoP   = "DPoP"
	// tokenMargin is how long before its end an access token is not used any more, so that it is good when it arrives.
	tokenMargin = time.Minute
	// maxToken bounds an access token; Okta's have 1 KB.
	maxToken = 16 << 10
	// maxTokenCalls bounds what one fetch may ask: once as before, once with a proof, once with the nonce.
	maxTokenCalls = 3
)

// token is an access token. Secret.
type token struct {
	scheme, value string
	until         time.Time
}

// app is an OAuth 2.0 service app.
type app struct {
	client *okta.Client
	signer signer
	scope  string
	now    func() time.Time

	flight  singleflight.Group // concurrent callers share one fetch, and its failure
	mu      sync.Mutex         // guards current
	current *token

	// dpop is the key that tokens are bound to, nil until the app demands one, and nonce what its proofs must hold. They
	// are written by the fetch alone, dpop once and before there is a token that needs it.
	dpop  *signer
	nonce string
}

func newApp(cfg Config) (*app, error) {
	a := &app{client: cfg.Client, now: cfg.Now}
	var err error
	if a.signer, err = newSigner(cfg.ClientID, cfg.PrivateKey, cfg.KeyID); err != nil {
		return nil, err
	}
	scopes := cfg.Scopes
	if len(scopes) == 0 {
		scopes = []string{"okta.users.read", "okta.users.manage"}
	}
	a.scope = strings.Join(scopes, " ")
	if a.now == nil {
		a.now = time.Now
	}
	return a, nil
}

// token returns one that is good for a while and is not refused, which Okta has just turned down.
func (a *app) token(ctx context.Context, refused *token) (*token, error) {
	if t := a.kept(refused); t != nil {
		return t, nil
	}
	done := a.flight.DoChan("", func() (any, error) {
		if t := a.kept(refused); t != nil {
			return t, nil
		}
		// It ends with the client's own deadline rather than with the browser that happened to be first.
		t, err := a.fetch(context.WithoutCancel(ctx))
		a.mu.Lock()
		defer a.mu.Unlock()
		a.current = t
		return t, err
	})
	select {
	case r := <-done:
		t, _ := r.Val.(*token)
		return t, r.Err
	case <-ctx.Done():
		return nil, &flows.Error{Reason: flows.ReasonUnavailable, Err: fmt.Errorf("token: %w", context.Cause(ctx))}
	}
}

// kept is the current token, nil where there is none that is good.
func (a *app) kept(refused *token) *token {
	a.mu.Lock()
	defer a.mu.Unlock()
	if t := a.current; t != nil && t != refused && a.now().Before(t.until) {
		return t
	}
	return nil
}

// fetch asks for an access token. Each call has an assertion and a proof of its own: Okta takes either once (§1.3, §1.4).
func (a *app) fetch(ctx context.Context) (*token, error) {
	for range maxTokenCalls {
		res, err := a.ask(ctx)
		if err != nil {
			return nil, err
		}
		if res.Status == http.StatusOK {
			return a.read(res)
		}
		switch code := res.Code(); {
		case code == "invalid_dpop_proof" && a.dpop == nil:
			if a.dpop, err = newProofKey(); err != nil {
				return nil, err
			}
		case code == "use_dpop_nonce" && res.DPoPNonce != "" && res.DPoPNonce != a.nonce:
			a.nonce = res.DPoPNonce
			if a.dpop == nil {
				if a.dpop, err = newProofKey(); err != nil {
					return nil, err
				}
			}
		default:
			return nil, refusedApp(res)
		}
	}
	return nil, misconfigured("token: the org asks for one DPoP proof after the other")
}

func (a *app) ask(ctx context.Context) (*okta.Response, error) {
	endpoint := a.client.Origin() + okta.TokenPath
	assertion, err := a.signer.assertion(endpoint, a.now())
	if err != nil {
		return nil, err
	}
	r := okta.TokenRequest{Form: url.Values{
		"grant_type":            {"client_credentials"},
		"scope":                 {a.scope},
		"client_assertion_type": {"urn:ietf:params:oauth:client-assertion-type:jwt-bearer"},
		"client_assertion":      {assertion},
	}}
	if a.dpop != nil {
		if r.DPoP, err = a.proof(http.MethodPost, endpoint, a.nonce, ""); err != nil {
			return nil, err
		}
	}
	return a.client.Token(ctx, r)
}

func (a *app) read(res *okta.Response) (*token, error) {
	var body struct {
		Type    string `json:"token_type"`
		Value   string `json:"access_token"`
		Expires int64  `json:"expires_in"`
	}
	if json.Unmarshal(res.Body, &body) != nil || body.Value == "" || len(body.Value) > maxToken || !visible(body.Value) {
		return nil, res.Refuse(flows.ReasonMalformed)
	}
	t := &token{value: body.Value, scheme: schemeBearer}
	if strings.EqualFold(body.Type, schemeDPoP) && a.dpop != nil {
		t.scheme = schemeDPoP
	} else if !strings.EqualFold(body.Type, schemeBearer) {
		return nil, res.Refuse(flows.ReasonMalformed)
	}
	life := time.Duration(min(max(body.Expires, 0), 24*3600)) * time.Second
	t.until = a.now().Add(life - min(tokenMargin, life/2))
	return t, nil
}

// hints say what to change at Okta, by the error of the token endpoint (§1.3).
var hints = map[string]string{
	"invalid_client":         "check client_id, the key and its id, and the clock of this machine",
	"invalid_scope":          "grant the app okta.users.read and okta.users.manage on its tab Okta API Scopes",
	"unauthorized_client":    "the app must be of type API Services, with the grant client_credentials",
	"unsupported_grant_type": "the app must be of type API Services, with the grant client_credentials",
}

// refusedApp sorts what the token endpoint said.
func refusedApp(res *okta.Response) *flows.Error {
	code := res.Code()
	switch code {
	case "temporarily_unavailable", "server_error":
		return res.Refuse(flows.ReasonUnavailable)
	case "":
		return res.Refuse(flows.ReasonMalformed)
	}
	e := res.Refuse(flows.ReasonMisconfigured)
	if hint := hints[code]; hint != "" {
		e.Err = fmt.Errorf("%w; %s", e.Err, hint)
	}
	return e
}

func misconfigured(what string) *flows.Error {
	return &flows.Error{Reason: flows.ReasonMisconfigured, Err: errors.New(what)}
}
