package caddymodule

import (
	"fmt"
	"slices"
	"strconv"
	"time"

	"sidegate.example/sidegate/flows"
	"sidegate.example/sidegate/flows/factors"
	"sidegate.example/sidegate/flows/identityengine"
	"sidegate.example/sidegate/flows/okta"
)

// flow makes the engine that s names.
func (s Settings) flow(r *resolved, app *App, client *okta.Client) (flows.Flow, error) {
	if s.Engine == engineFactors {
		return s.factorsEngine(r, app, client)
	}
	return s.identityEngine(r, app, client, false)
}

// identityEngine makes the Identity Engine's; firstOnly for one that may end with a password alone, because a second
// factor follows elsewhere.
func (s Settings) identityEngine(r *resolved, app *App, client *okta.Client, firstOnly bool) (flows.Flow, error) {
	engine, err := identityengine.New(identityengine.Config{
		Issuer:          r.issuer,
		ClientID:        r.clientID,
		ClientSecret:    r.clientSecret,
		PrivateKey:      r.privateKey,
		KeyID:           r.privateKeyID,
		Scopes:          s.scopes(firstOnly),
		Claims:          s.claimsNamed(),
		MinPoll:         time.Duration(s.MinPollInterval),
		Enroll:          enrollProof(s.EnrollRequires),
		SelfService:     selfService(s.SelfService),
		WebAuthn:        s.WebAuthn == on,
		FirstFactorOnly: firstOnly,
		Required:        s.required(firstOnly),
		Budget:          app.store.Budget,
		Limits:          s.Limits.config(),
		Client:          client,
	})
	if err != nil {
		return nil, fmt.Errorf("okta_mfa: %w", err)
	}
	return engine, nil
}

// The gate asks the Factors engine whether a person is still active before it prolongs a session.
var _ flows.Renewer = (*factors.Engine)(nil)

// logouts verifies what Okta sends to end sessions, whichever engine signs people in; nil where it is off.
func (s Settings) logouts(r *resolved, client *okta.Client) (flows.LogoutVerifier, error) {
	if s.UniversalLogout != on {
		return nil, nil
	}
	l, err := identityengine.NewLogouts(client, r.issuer, r.clientID)
	if err != nil {
		return nil, fmt.Errorf("okta_mfa: %w", err)
	}
	return l, nil
}

// scopes are what the Identity Engine asks for; with recheck, what lets it ask again.
func (s Settings) scopes(firstOnly bool) []string {
	if s.Recheck == 0 || firstOnly || slices.Contains(s.Scopes, scopeOffline) {
		return s.Scopes
	}
	return append(s.asked(), scopeOffline)
}

// asked are the scopes that say what Okta tells of a person, in a list of its own.
func (s Settings) asked() []string {
	if len(s.Scopes) == 0 {
		return identityengine.DefaultScopes()
	}
	return slices.DeleteFunc(slices.Clone(s.Scopes), func(scope string) bool { return scope == scopeOffline })
}

// scopeOffline makes Okta give a refresh token.
const scopeOffline = "offline_access"

// throughIdentityEngine reports whether the sign-in begins there, so that what it alone can do can be offered.
func (s Settings) throughIdentityEngine() bool {
	return s.Engine != engineFactors || s.primary() == factors.PrimaryIdentityEngine
}

// asksPassword reports whether the first page must ask for a password, because it is judged at once.
func (s Settings) asksPassword() bool {
	return s.Engine == engineFactors && s.primary() == factors.PrimaryPassword
}

func (s Settings) offers(service string) bool {
	return s.throughIdentityEngine() && slices.Contains(s.SelfService, service)
}

// policy names what a session is good for: sites of one app at one issuer accept each other's only if their host is
// the same too. Where the gate's own settings say what counts as a second factor, a session made under others is not
// good (immunity S13). Nor is one for which Okta was asked for something else: a deny passes over what it does not hold.
func (s Settings) policy(r *resolved) string {
	policy := s.enginePolicy(r)
	if named := s.claimsNamed(); len(named) > 0 { // which a session that was made before does not hold
		policy = fingerprint(policy, "claims", fingerprint(named...))
	}
	if len(s.Groups) > 0 { // as above
		policy = fingerprint(policy, "groups", fingerprint(s.groupsKept()...))
	}
	return policy
}

func (s Settings) enginePolicy(r *resolved) string {
	if s.Engine != engineFactors {
		scopes := slices.Compact(slices.Sorted(slices.Values(s.asked())))
		return fingerprint("policy", r.issuer, r.clientID, fingerprint(scopes...))
	}
	names := slices.Sorted(slices.Values(s.Factors))
	return fingerprint("policy", engineFactors, r.org, string(s.primary()), s.identityKey(), r.clientID, fingerprint(names...), strconv.FormatBool(s.UserGroups == on))
}

// engine tells flows that differ apart, because a sign-in goes on with whichever flow of its engine served last:
// everything that shapes the calls to Okta is in it, and no secret.
func (s Settings) engine(r *resolved) string {
	method := "client_secret"
	if r.privateKey != nil {
		method = "private_key " + r.privateKeyID
	}
	parts := []string{engineIdentity, r.issuer, r.clientID, method, time.Duration(s.MinPollInterval).String(), fmt.Sprintf("%+v", s.Limits)}
	for _, list := range [][]string{s.claimsNamed(), s.scopes(s.Engine == engineFactors), s.EnrollRequires, s.SelfService, {s.WebAuthn}} {
		parts = append(parts, fingerprint(list...))
	}
	if class := s.everywhere(); class != "" {
		parts = append(parts, "require "+string(class))
	}
	if s.Engine == engineFactors {
		parts[0] = engineFactors
		parts = append(parts, s.fingerprint(r))
	}
	return fingerprint(parts...)
}

// fingerprint is of everything in f that shapes the calls to Okta.
func (f FactorsSettings) fingerprint(r *resolved) string {
	access := "token"
	if r.apiPrivateKey != nil {
		access = "app " + r.apiClientID + " " + r.apiPrivateKeyID
	}
	return fingerprint(access, fingerprint(f.Factors...), fingerprint(f.Enroll...), string(f.primary()), f.PrimaryIdentity,
		f.NumberChallenge, f.UserGroups, f.EnrollURL, f.SMSTemplate, time.Duration(f.EmailCodeLifetime).String())
}
