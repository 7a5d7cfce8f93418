package identityengine

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rsa"
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/lestrrat-go/jwx/v2/jwa"
	"sidegate.example/sidegate/flows/limits"
	"sidegate.example/sidegate/flows/okta"
	"sidegate.example/sidegate/gateway/identity"
)

// defaultMinPoll is the shortest time between two polls whatever Okta says: ten calls per state handle in
// five seconds are answered 429.
const defaultMinPoll = time.Second

// Config describes the app at Okta.
type Config struct {
	// Issuer is the authorization server: "https://acme.okta.com" for the org's own one, or
	// "https://acme.okta.com/oauth2/default" for a custom one. It must be on the Client's org.
	Issuer string
	// ClientID is the id of the app.
	ClientID string
	// ClientSecret authenticates the app (client_secret_post). Either it or PrivateKey is required: Okta
	// honours the browser's device token from confidential clients only.
	ClientSecret string
	// PrivateKey authenticates the app instead of the secret (private_key_jwt): RSA signs RS256, P-256
	// signs ES256. KeyID names the key registered at Okta; it is required with PrivateKey.
	PrivateKey crypto.Signer
	KeyID      string
	// Scopes default to openid, profile and email. openid is required. For groups add "groups" and
	// configure the claim at Okta.
	Scopes []string
	// Claims are further claims of the ID token to take over into the identity: texts, numbers, truth values and lists of them.
	Claims []string
	// MinPoll is the lower bound of the poll interval. Default 1 s; tests lower it.
	MinPoll time.Duration
	// Client calls the org. Required.
	Client *okta.Client
	// Now is the clock that dates the proofs. Default time.Now.
	Now func() time.Time
	// Budget counts wrong passwords and codes, pushes and denials, for all sites and engines that share the org. Required.
	Budget limits.Budget
	// Limits are the limits that Budget holds.
	Limits limits.Config
	// Enroll says what a sign-in must have proved before a factor may be set up in it. The zero value wants a factor
	// that the person already has.
	Enroll EnrollProof
	// SelfService switches on what people can do without a password. The zero value is nothing.
	SelfService SelfService
	// WebAuthn offers passkeys and security keys. Off by default: a credential made on Okta's own domain does not
	// work on this one, unless Okta was told the relying party (identity-engine.md §6.6).
	WebAuthn bool
	// Required are the factors of which every session needs one; nil for any. Whom Okta lets choose one is offered no other.
	Required []identity.Factor
	// FirstFactorOnly lets a sign-in end that has proved a password alone, for an engine that asks for the second factor
	// elsewhere. Off by default: nothing else may make a session of that (immunity S71).
	FirstFactorOnly bool
}

// EnrollProof lists what allows an enrolment: any one of them is enough (immunity S76). Whatever is listed, a factor
// other than the password and a security question that this same sign-in has proved, an e-mailed code included, always is; one that recovered the
// password in this transaction is not.
type EnrollProof struct {
	// Never refuses every enrolment.
	Never bool
	// Networks are the addresses of browsers that may enrol with the password alone.
	Networks []netip.Prefix
	// OktaPolicy leaves the decision to Okta's authenticator enrolment policy: the password alone is then enough
	// wherever Okta says so.
	OktaPolicy bool
}

// SelfService is what people can do before they have signed in.
type SelfService struct {
	// Recover serves "forgot password" and recovery tokens.
	Recover bool
	// Unlock serves the unlocking of accounts.
	Unlock bool
	// Activate serves activation tokens, with which a new user sets the account up.
	Activate bool
}

// app is the checked part of a Config that says who we are to Okta.
type app struct {
	// issuer is what the iss claim must be; base is what /v1/... is appended to, as a path on the
	// org.
	issuer, origin, base string
	id, secret           string
	key                  crypto.Signer
	keyID                string
	alg                  jwa.SignatureAlgorithm
	scopes               []string
}

// DefaultScopes are those of a Config that names none.
func DefaultScopes() []string { return []string{"openid", "profile", "email"} }

// New checks the configuration. Its errors say what to write instead; none holds a secret.
func New(cfg Config) (*Engine, error) {
	if cfg.Client == nil {
		return nil, errors.New("the identity engine needs a client of the org")
	}
	a := app{id: cfg.ClientID, secret: cfg.ClientSecret, key: cfg.PrivateKey, keyID: cfg.KeyID, origin: cfg.Client.Origin()}
	var err error
	if a.issuer, a.base, err = readIssuer(cfg.Issuer, cfg.Client); err != nil {
		return nil, err
	}
	if err := a.readCredentials(); err != nil {
		return nil, err
	}
	a.scopes = cfg.Scopes
	if len(a.scopes) == 0 {
		a.scopes = DefaultScopes()
	}
	if !slices.Contains(a.scopes, "openid") {
		return nil, errors.New(`the scopes must hold "openid": without it Okta gives no ID token`)
	}
	e := &Engine{client: cfg.Client, app: a, minPoll: cfg.MinPoll, now: cfg.Now, enroll: cfg.Enroll, selfService: cfg.SelfService, webAuthn: cfg.WebAuthn, firstOnly: cfg.FirstFactorOnly, claims: cfg.Claims, required: cfg.Required}
	if e.minPoll <= 0 {
		e.minPoll = defaultMinPoll
	}
	if e.now == nil {
		e.now = time.Now
	}
	e.keys.client, e.keys.issuer, e.keys.now = e.client, a.issuer, e.now
	if e.count, err = limits.New(cfg.Budget, cfg.Limits, cfg.Client.Origin()); err != nil {
		return nil, err
	}
	return e, nil
}

var customServer = regexp.MustCompile(`^/oauth2/[A-Za-z0-9_-]+$`)

// readIssuer applies §1.1: the org's own server has its endpoints below /oauth2, a custom one below
// its issuer.
func readIssuer(issuer string, client *okta.Client) (iss, base string, err error) {
	u, err := url.Parse(issuer)
	if err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return "", "", errors.New(`the issuer must be "https://acme.okta.com" or "https://acme.okta.com/oauth2/default"`)
	}
	path := strings.TrimRight(u.EscapedPath(), "/")
	u.Path, u.RawPath = "/", ""
	if _, err := client.Local(u.String()); err != nil {
		return "", "", fmt.Errorf("the issuer must be on the org %s", client.Origin())
	}
	switch {
	case path == "" || path == "/oauth2":
		return client.Origin(), "/oauth2", nil
	case customServer.MatchString(path):
		return client.Origin() + path, path, nil
	}
	return "", "", fmt.Errorf("the path %q of the issuer is neither empty nor /oauth2/<authorization server id>", path)
}

func (a *app) readCredentials() error {
	switch {
	case a.id == "":
		return errors.New("the client id of the Okta app is missing")
	case a.secret == "" && a.key == nil:
		return errors.New("the Okta app needs a client secret or a private key: public clients are not supported")
	case a.secret != "" && a.key != nil:
		return errors.New("the Okta app has a client secret and a private key: give one, Okta refuses both at once")
	case a.key == nil:
		return nil
	case a.keyID == "":
		return errors.New("the private key needs the key id (kid) under which its public half is registered at Okta")
	}
	switch k := a.key.Public().(type) {
	case *rsa.PublicKey:
		if k.N.BitLen() < 2048 {
			return errors.New("the private key of the Okta app is an RSA key of less than 2048 bits")
		}
		a.alg = jwa.RS256
	case *ecdsa.PublicKey:
		if k.Curve != elliptic.P256() {
			return errors.New("the private key of the Okta app is an EC key on another curve than P-256")
		}
		a.alg = jwa.ES256
	default:
		return errors.New("the private key of the Okta app is neither RSA nor EC")
	}
	return nil
}
