package caddymodule

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/caddyserver/caddy/v2"

	"sidegate.example/sidegate/flows"
	"sidegate.example/sidegate/flows/factors"
	"sidegate.example/sidegate/flows/limits"
	"sidegate.example/sidegate/flows/okta"
	"sidegate.example/sidegate/flows/okta/access"
	"sidegate.example/sidegate/gateway/identity"
)

// FactorsSettings are the settings of engine factors. Engine identity_engine has no use for them, but for Limits.
type FactorsSettings struct {
	// Primary is what proves the first factor: "password" (a page of this gate, judged by Okta's /api/v1/authn),
	// "identity_engine" (the app's own sign-in at Okta, for which client_id and a secret or key are needed too), or
	// "identity": something in front of this handler, named by PrimaryIdentity. Default: password.
	Primary string `json:"primary,omitempty"`

	// PrimaryIdentity is the placeholder that says who the person is, with primary identity: {http.auth.user.id} after
	// basic_auth, {http.reverse_proxy.header.Remote-User} after forward_auth, {http.request.tls.client.san.emails.0}
	// with client certificates, as far as Caddy has verified them (client_auth with a trust pool). Its value must be the person's Okta user name or id. Nothing that a client can send is
	// taken, request headers above all.
	PrimaryIdentity string `json:"primary_identity,omitempty"`

	// APIToken is an Okta API token (SSWS), for an admin account of its own that may manage users' factors. It must be a
	// placeholder, as ClientSecret must. Either this or APIClientID is required.
	APIToken string `json:"api_token,omitempty"`

	// APIClientID is the client id of an app of type API Services that has the scopes okta.users.read and
	// okta.users.manage (and okta.groups.read for UserGroups), and an admin role. Placeholders are read.
	APIClientID string `json:"api_client_id,omitempty"`

	// APIPrivateKey is the PEM text of that app's RSA or P-256 key. It must be a placeholder, as ClientSecret must.
	APIPrivateKey string `json:"api_private_key,omitempty"`

	// APIPrivateKeyID is the kid under which Okta knows the public half of APIPrivateKey. Placeholders are read.
	APIPrivateKeyID string `json:"api_private_key_id,omitempty"`

	// Factors are the factors that can end a sign-in, of push, number_challenge, totp, google_otp, hardware_otp, webauthn,
	// sms, voice, email and security_question. A session that was made under another list is challenged. Default: push
	// number_challenge totp google_otp hardware_otp.
	Factors []string `json:"factors,omitempty"`

	// NumberChallenge is "always" to ask for a number with every push, "never" to ask for approve or deny. Default:
	// always where number_challenge is among the Factors.
	NumberChallenge string `json:"number_challenge,omitempty"`

	// UserGroups is "on" to ask Okta for the person's groups at sign-in, one call more. Default: off.
	UserGroups string `json:"user_groups,omitempty"`

	// Enroll are the factors that people can set up here, of push, totp, google_otp, sms, voice, email and
	// security_question. One at least must be among Factors, where push also counts for number_challenge. What a sign-in
	// must have proved before is enroll_requires. Default: none.
	Enroll []string `json:"enroll,omitempty"`

	// EnrollURL is the page on the org that is named to who has no factor and can set none up here. Default: the
	// settings of Okta's dashboard for people.
	EnrollURL string `json:"enroll_url,omitempty"`

	// SMSTemplate is the id of a custom SMS template at Okta. Default: Okta's own text.
	SMSTemplate string `json:"sms_template,omitempty"`

	// EmailCodeLifetime is how long an e-mailed code is good, in whole seconds up to 24h. Default: 5m, which is Okta's.
	EmailCodeLifetime caddy.Duration `json:"email_code_lifetime,omitempty"`

	// Limits bound what one person can make happen. They hold for both engines.
	Limits LimitSettings `json:"limits,omitzero"`
}

// LimitSettings are of both engines, and counted over all sites of the org, tabs and sign-ins of this process.
type LimitSettings struct {
	// WrongCodes is how many codes in a row can be wrong within Window; at most 4, because Okta locks the account at 5.
	// Okta itself forgets them only after a right one: whatever this is, it is sent no more than four in a row within an
	// hour. Default: 3.
	WrongCodes int `json:"wrong_codes,omitempty"`
	// Passwords is how many passwords in a row can be wrong within Window, per user name, and twice as many for all names
	// that have the part before the @ in common. Default: 5.
	Passwords int `json:"passwords,omitempty"`
	// AddressPasswords is how many passwords from one address, of IPv6 from one /56, can be wrong within Window, for all
	// names together. Default: 50.
	AddressPasswords int `json:"address_passwords,omitempty"`
	// Pushes is how many pushes, texts, calls and e-mails can be sent within Window, but for those that were answered.
	// Default: 3.
	Pushes int `json:"pushes,omitempty"`
	// Window is the time that these count in, at least 1m. Default: 5m.
	Window caddy.Duration `json:"window,omitempty"`
	// CoolDown is how long no push is sent to who has denied one. Default: 5m.
	CoolDown caddy.Duration `json:"cool_down,omitempty"`
	// NotMe is how long nobody can sign in as a person who denied a push and then pressed "that was not me", a button of
	// engine factors. Default: not at all, it is only logged.
	NotMe caddy.Duration `json:"not_me,omitempty"`
}

// config is what the engines take.
func (l LimitSettings) config() limits.Config {
	return limits.Config{
		WrongCodes: l.WrongCodes, Passwords: l.Passwords, AddressPasswords: l.AddressPasswords, Pushes: l.Pushes,
		Window: time.Duration(l.Window), CoolDown: time.Duration(l.CoolDown), NotMe: time.Duration(l.NotMe),
	}
}

// The words of these settings.
const (
	engineIdentity = "identity_engine"
	engineFactors  = "factors"
	enrollEmail    = "email_code"
	enrollAdmin    = "admin_code"
)

var (
	engines        = []string{engineFactors, engineIdentity}
	primaries      = []string{string(factors.PrimaryIdentity), string(factors.PrimaryIdentityEngine), string(factors.PrimaryPassword)}
	numbers        = []string{string(factors.NumberAlways), string(factors.NumberNever)}
	identitySource = []string{"http.auth.user.", "http.reverse_proxy.header.", clientCertificate + "san."}
)

// clientCertificate begins the placeholders of a client certificate. Beside the alternative names only its subject names
// somebody.
const clientCertificate = "http.request.tls.client."

// over returns f with what it leaves out taken from d. The access to the API is taken as a whole, and so is who
// proves the first factor.
func (f FactorsSettings) over(d FactorsSettings) FactorsSettings {
	if f.APIToken == "" && f.APIClientID == "" {
		f.APIToken, f.APIClientID = d.APIToken, d.APIClientID
		f.APIPrivateKey, f.APIPrivateKeyID = cmp.Or(f.APIPrivateKey, d.APIPrivateKey), cmp.Or(f.APIPrivateKeyID, d.APIPrivateKeyID)
	}
	if f.Primary == "" {
		f.Primary, f.PrimaryIdentity = d.Primary, d.PrimaryIdentity
	}
	if len(f.Factors) == 0 {
		f.Factors = d.Factors
	}
	if len(f.Enroll) == 0 {
		f.Enroll = d.Enroll
	}
	f.NumberChallenge = cmp.Or(f.NumberChallenge, d.NumberChallenge)
	f.UserGroups = cmp.Or(f.UserGroups, d.UserGroups)
	f.EnrollURL = cmp.Or(f.EnrollURL, d.EnrollURL)
	f.SMSTemplate = cmp.Or(f.SMSTemplate, d.SMSTemplate)
	f.EmailCodeLifetime = cmp.Or(f.EmailCodeLifetime, d.EmailCodeLifetime)
	f.Limits = LimitSettings{
		WrongCodes:       cmp.Or(f.Limits.WrongCodes, d.Limits.WrongCodes),
		Passwords:        cmp.Or(f.Limits.Passwords, d.Limits.Passwords),
		AddressPasswords: cmp.Or(f.Limits.AddressPasswords, d.Limits.AddressPasswords),
		Pushes:           cmp.Or(f.Limits.Pushes, d.Limits.Pushes),
		Window:           cmp.Or(f.Limits.Window, d.Limits.Window),
		CoolDown:         cmp.Or(f.Limits.CoolDown, d.Limits.CoolDown),
		NotMe:            cmp.Or(f.Limits.NotMe, d.Limits.NotMe),
	}
	return f
}

// primary is the setting with its default.
func (f FactorsSettings) primary() factors.Primary {
	return cmp.Or(factors.Primary(f.Primary), factors.PrimaryPassword)
}

// validate checks what can be checked without reading a placeholder, for engine factors.
func (f FactorsSettings) validate() error {
	switch {
	case f.APIToken == "" && f.APIClientID == "":
		return missing("api_token", "api_token {file./run/secrets/okta_api_token}, or api_client_id, api_private_key and api_private_key_id")
	case f.APIToken != "" && f.APIClientID != "":
		return errors.New("okta_mfa: api_token and api_client_id are both given; keep one")
	case f.APIClientID != "" && f.APIPrivateKey == "":
		return missing("api_private_key", "api_private_key {file./run/secrets/okta_api_key.pem}")
	case f.Primary != "" && !slices.Contains(primaries, f.Primary):
		return fmt.Errorf("okta_mfa: primary %q is unknown; allowed: %s", f.Primary, strings.Join(primaries, ", "))
	case f.NumberChallenge != "" && !slices.Contains(numbers, f.NumberChallenge):
		return fmt.Errorf("okta_mfa: number_challenge %q is unknown; allowed: %s", f.NumberChallenge, strings.Join(numbers, ", "))
	case f.UserGroups != "" && !slices.Contains(switches, f.UserGroups):
		return fmt.Errorf("okta_mfa: user_groups %q is unknown; allowed: %s", f.UserGroups, strings.Join(switches, ", "))
	case f.Limits.Window != 0 && time.Duration(f.Limits.Window) < limits.MinWindow:
		return fmt.Errorf("okta_mfa: limit window %s is too short; give 1m or more", time.Duration(f.Limits.Window))
	case f.primary() == factors.PrimaryIdentity:
		if err := checkIdentitySource(f.PrimaryIdentity); err != nil {
			return fmt.Errorf("okta_mfa: %w", err)
		}
	}
	return nil
}

// checkIdentitySource holds primary identity to what Caddy itself has established. A request's header, query, cookie or
// path is whatever the client wrote, and a constant would be everybody.
func checkIdentitySource(placeholder string) error {
	key := strings.TrimSuffix(strings.TrimPrefix(placeholder, "{"), "}")
	named := key == clientCertificate+"subject" || slices.ContainsFunc(identitySource, func(p string) bool { return strings.HasPrefix(key, p) && key != p })
	if !wholePlaceholder.MatchString(placeholder) || !named {
		return fmt.Errorf("primary identity %q is nothing that Caddy has established; give {http.auth.user.id} after basic_auth, {http.reverse_proxy.header.Remote-User} after forward_auth, or {http.request.tls.client.san.emails.0} with client certificates that Caddy verifies; a request header can be sent by anybody",
			placeholder)
	}
	return nil
}

// identityKey is the placeholder of primary identity without its braces; "" where that is not the primary.
func (s Settings) identityKey() string {
	if s.Engine != engineFactors || s.primary() != factors.PrimaryIdentity {
		return ""
	}
	return strings.Trim(s.PrimaryIdentity, "{}")
}

// factorsEngine makes the engine of s.
func (s Settings) factorsEngine(r *resolved, app *App, client *okta.Client) (flows.Flow, error) {
	api, err := access.New(access.Config{
		Client: client, Token: r.apiToken, ClientID: r.apiClientID, PrivateKey: r.apiPrivateKey, KeyID: r.apiPrivateKeyID, Scopes: s.apiScopes(),
	})
	if err != nil {
		return nil, fmt.Errorf("okta_mfa: %w", err)
	}
	c := factors.Config{
		API: api, Primary: s.primary(), Factors: factorNames(s.Factors), Required: s.required(false), NumberChallenge: factors.Number(s.NumberChallenge),
		Groups: s.UserGroups == on, Enroll: factorNames(s.Enroll), EnrollProof: factorsProof(s.EnrollRequires, app.state.UseEnrollCode), EnrollURL: s.EnrollURL,
		TemplateID: s.SMSTemplate, TokenLifetime: time.Duration(s.EmailCodeLifetime), Budget: app.store.Budget,
		Limits: s.Limits.config(),
		Poll:   time.Duration(s.MinPollInterval), EnrollPoll: time.Duration(s.MinPollInterval),
	}
	if c.Primary == factors.PrimaryIdentityEngine {
		if c.First, err = s.identityEngine(r, app, client, true); err != nil {
			return nil, err
		}
	}
	engine, err := factors.New(c)
	if err != nil {
		return nil, fmt.Errorf("okta_mfa: %w", err)
	}
	return engine, nil
}

// apiScopes are nil for what access asks for by itself.
func (s Settings) apiScopes() []string {
	if s.UserGroups != on {
		return nil
	}
	return []string{"okta.users.read", "okta.users.manage", "okta.groups.read"}
}

func factorNames(names []string) []identity.Factor {
	var out []identity.Factor
	for _, n := range names {
		out = append(out, identity.Factor(n))
	}
	return out
}

// factorsProof is what enroll_requires means to this engine; validate has seen it. A factor that is proved in the same
// sign-in is always enough.
func factorsProof(requires []string, useCode func(ctx context.Context, userID, login, code string) (bool, error)) factors.EnrollProof {
	var p factors.EnrollProof
	for _, r := range requires {
		if network, err := netip.ParsePrefix(r); err == nil {
			p.Networks = append(p.Networks, network)
		}
		switch r {
		case enrollEmail:
			p.EmailCode = true
		case enrollAdmin:
			p.AdminCode = useCode
		}
	}
	return p
}
