package caddymodule

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/caddyserver/caddy/v2"

	"sidegate.example/sidegate/flows/factors"
	"sidegate.example/sidegate/gateway"
)

// Settings are what both the global okta_mfa option and the okta_mfa handler take. What a handler
// leaves out it takes from the global option. Values that say so may hold {env.NAME} and
// {file./absolute/path}; those are read when the configuration is loaded and never written back.
type Settings struct {
	// Org is the address of the Okta org, https://acme.okta.com or its custom domain. Every
	// request to Okta goes to this origin, whatever an answer says. Plain http is taken for a
	// loopback address only (tests, demo). Placeholders are read. Required.
	Org string `json:"org,omitempty"`

	// Engine is how people sign in: "identity_engine", all of it through Okta's Identity Engine under the org's own
	// policies, or "factors", the second factor through the Factors API, where Okta shows the browser's address and agent
	// on the phone and the gate's own settings say which factors count. Default: identity_engine.
	Engine string `json:"engine,omitempty"`

	// AuthorizationServer is the id of the custom authorization server that issues the tokens,
	// such as "default" or "aus9abc...". Default, and "org": the org authorization server.
	// Placeholders are read.
	AuthorizationServer string `json:"authorization_server,omitempty"`

	// ClientID is the client id of the app at Okta; the app needs the Interaction Code grant.
	// Placeholders are read. Required, but for engine factors without primary identity_engine.
	ClientID string `json:"client_id,omitempty"`

	// ClientSecret proves to Okta that this gateway is the app. It must be a placeholder: text written
	// here, and {$NAME} of a Caddyfile, could be read through Caddy's admin API, in its autosave file and in
	// its debug log, and is refused. Either this or PrivateKey is required.
	ClientSecret string `json:"client_secret,omitempty"`

	// PrivateKey is the PEM text of an RSA or P-256 key, for apps that authenticate by
	// private_key_jwt instead of a secret. It must be a placeholder, as ClientSecret must.
	PrivateKey string `json:"private_key,omitempty"`

	// PrivateKeyID is the kid under which Okta knows the public half of PrivateKey. Required with
	// PrivateKey. Placeholders are read.
	PrivateKeyID string `json:"private_key_id,omitempty"`

	// RedirectURI is the sign-in redirect URI that is registered for the app at Okta. Okta never
	// sends anybody there, but compares it. An absolute https URL (http on loopback). Default: <origin of the
	// request><prefix>/callback, such as https://app.example.com/_mfa/callback.
	// Placeholders are read.
	RedirectURI string `json:"redirect_uri,omitempty"`

	// Scopes are the scopes to ask Okta for. Default: openid profile email. Add "groups" where the
	// authorization server has a groups claim under that scope.
	Scopes []string `json:"scopes,omitempty"`

	// CookieSecret seals the session cookies: the first is used for new ones, the others still
	// open old ones, so put a new one in front and drop the last when all sessions under it have ended.
	// Whoever knows one can make sessions. Default: a key ring in Caddy's storage, made on
	// first use, rotated by age and shared by all that share the storage. Each must be a placeholder, as
	// ClientSecret must, and stand for 32 bytes or more.
	CookieSecret []string `json:"cookie_secret,omitempty"`

	// CookieName is the name of the session cookie. It must begin with __Host-, so that no other
	// host can set or read it. Default: __Host-okta_mfa.
	CookieName string `json:"cookie_name,omitempty"`

	// Prefix is the path under which the gate's own pages live; the site behind cannot use it.
	// Default: /_mfa.
	Prefix string `json:"prefix,omitempty"`

	// Title names the site on the sign-in pages. Default: the host. No placeholder is read.
	Title string `json:"title,omitempty"`

	// IdleTimeout ends a session that has sent no request for so long. Longer is more convenient and
	// leaves an unattended browser open for longer. At least 1m, at most Lifetime. Default: 1h, or
	// Lifetime where that is shorter.
	IdleTimeout caddy.Duration `json:"idle_timeout,omitempty"`

	// Recheck is how often Okta is asked whether the person of a session may still be signed in, and in which groups they are
	// now. No request waits for it: who is suspended, deactivated or out of the group is out at the next request after the
	// answer. With engine identity_engine the scope offline_access is asked for too: the app at Okta needs the grant type Refresh
	// Token, and with engine factors groups are read only where user_groups is on. At least 1m. Default: never.
	Recheck caddy.Duration `json:"recheck,omitempty"`

	// RecheckGrace ends a session so long after Okta's last answer when Okta cannot be reached. At least Recheck. Default:
	// the session lives to its absolute end.
	RecheckGrace caddy.Duration `json:"recheck_grace,omitempty"`

	// Lifetime ends a session so long after the sign-in, used or not. At least 1m, at most 30 days, for which the
	// key ring keeps its old keys. Default: 12h.
	Lifetime caddy.Duration `json:"lifetime,omitempty"`

	// SignInForm is what the first page asks for: "password" for user name and password in one
	// form, "identifier" for the user name alone, for orgs whose policy asks for no password or
	// asks for it later. Default: password.
	SignInForm string `json:"sign_in_form,omitempty"`

	// PushContext is whose address and browser the Okta Verify push shows at this org: "browser", or "gateway"
	// where Okta's documented limitation of embedded sign-in holds. It changes what the pages tell people to
	// compare, not what Okta is sent. Try it with a test account. Default: browser.
	PushContext string `json:"push_context,omitempty"`

	// EnrollRequires says what a sign-in must have proved before a factor can be set up in it: "factor" (the person's
	// other factor, or a code mailed to them), networks in CIDR form from which the password alone is enough,
	// "okta_policy" (Okta's authenticator enrolment policy decides alone: whoever has only the password can then set up a
	// phone of theirs wherever that policy lets them) or "never". A factor that is already proved is enough beside
	// networks too. Engine factors takes "email_code" (a code that Okta mails to an address that it holds as a factor),
	// "admin_code" (one that an admin gives out, see the admin API) and networks beside "factor". Where Okta recovers passwords by e-mail, that and a new sign-in with a mailed code rest on
	// one mailbox: let recovery ask for more, or e-mail be for recovery only, at Okta. Default: factor.
	EnrollRequires []string `json:"enroll_requires,omitempty"`

	// SelfService is what people can do before they have signed in: "recover" a forgotten password, "unlock" their
	// account, "activate" a new one by a mailed link. Okta's policy must allow it too. None of it makes a session by
	// itself: a sign-in with a second factor follows. Default: none.
	SelfService []string `json:"self_service,omitempty"`

	// WebAuthn is "on" where passkeys and security keys can be used: Okta must know this site's domain as a relying
	// party, because a key that was set up on Okta's own sign-in page works on Okta's domain alone. Default: off.
	WebAuthn string `json:"webauthn,omitempty"`

	// RememberMe is "on" to show a check box on the first page that asks Okta to remember this browser. Default: off.
	RememberMe string `json:"remember_me,omitempty"`

	// UniversalLogout is "on" where Okta may end all sessions of a person, by its Universal Logout at
	// <prefix>/global-token-revocation or by OpenID Connect Back-Channel Logout at <prefix>/backchannel-logout. Only what Okta
	// has signed for this address, or this client id, is obeyed. Default: off.
	UniversalLogout string `json:"universal_logout,omitempty"`

	// Headers name the request headers that carry the identity to the upstream.
	Headers HeaderNames `json:"headers,omitzero"`

	// MinPollInterval is the shortest time between two questions to Okta whether a push was
	// answered, should Okta ask for less. Okta limits the rate, so a small value suits tests only.
	// Default: 1s.
	MinPollInterval caddy.Duration `json:"min_poll_interval,omitempty"`

	UpstreamSettings

	SSOSettings

	// Groups are the groups that a session keeps, beside those that rules name: names, or patterns with * for any text, ? for a
	// character and [a-c] for one of several. The upstream sees these alone. Fewer groups make a smaller cookie; what does not
	// fit into 1 KB is kept in the store. Default: all groups that Okta sends.
	Groups []string `json:"groups,omitempty"`

	// Rules say who may enter and what a session must have proved. Those of the global options hold for every site, beside
	// its own. Default: everybody who has signed in.
	Rules []Rule `json:"rules,omitempty"`

	FactorsSettings
}

// HeaderNames name the identity headers. Each can be "off"; the gate removes the default names and
// the names given here from what the browser sent in any case.
type HeaderNames struct {
	// User carries the Okta username. Default: Remote-User.
	User string `json:"user,omitempty"`
	// Name carries the display name. Default: Remote-Name.
	Name string `json:"name,omitempty"`
	// Email carries the e-mail address. Default: Remote-Email.
	Email string `json:"email,omitempty"`
	// Groups carries the groups. Default: Remote-Groups.
	Groups string `json:"groups,omitempty"`
}

// The words that a setting can have.
const (
	formPassword   = "password"
	formIdentifier = "identifier"
	pushBrowser    = "browser"
	pushGateway    = "gateway"
	headerOff      = "off"
	orgServer      = "org"
	on             = "on"
	off            = "off"

	enrollFactor     = "factor"
	enrollOktaPolicy = "okta_policy"
	enrollNever      = "never"

	selfRecover  = "recover"
	selfUnlock   = "unlock"
	selfActivate = "activate"
)

// over returns s with what it leaves out taken from the defaults d. How the gateway proves itself to Okta
// is taken as a whole: a site with a private key does not inherit the secret.
func (s Settings) over(d Settings) Settings {
	if s.ClientSecret == "" && s.PrivateKey == "" {
		s.ClientSecret, s.PrivateKey = d.ClientSecret, d.PrivateKey
		s.PrivateKeyID = cmp.Or(s.PrivateKeyID, d.PrivateKeyID)
	}
	if len(s.Scopes) == 0 {
		s.Scopes = d.Scopes
	}
	if len(s.CookieSecret) == 0 {
		s.CookieSecret = d.CookieSecret
	}
	if len(s.EnrollRequires) == 0 {
		s.EnrollRequires = d.EnrollRequires
	}
	if len(s.SelfService) == 0 {
		s.SelfService = d.SelfService
	}
	s.SSOSettings = s.SSOSettings.over(d.SSOSettings)
	s.UpstreamSettings = s.UpstreamSettings.over(d.UpstreamSettings)
	s.Rules = inherit(s.Rules, d.Rules)
	if len(s.Groups) == 0 {
		s.Groups = d.Groups
	}
	s.FactorsSettings = s.FactorsSettings.over(d.FactorsSettings)
	s.Engine = cmp.Or(s.Engine, d.Engine)
	s.WebAuthn = cmp.Or(s.WebAuthn, d.WebAuthn)
	s.RememberMe = cmp.Or(s.RememberMe, d.RememberMe)
	s.UniversalLogout = cmp.Or(s.UniversalLogout, d.UniversalLogout)
	s.Org = cmp.Or(s.Org, d.Org)
	s.AuthorizationServer = cmp.Or(s.AuthorizationServer, d.AuthorizationServer)
	s.ClientID = cmp.Or(s.ClientID, d.ClientID)
	s.RedirectURI = cmp.Or(s.RedirectURI, d.RedirectURI)
	s.CookieName = cmp.Or(s.CookieName, d.CookieName)
	s.Prefix = cmp.Or(s.Prefix, d.Prefix)
	s.Title = cmp.Or(s.Title, d.Title)
	s.IdleTimeout = cmp.Or(s.IdleTimeout, d.IdleTimeout)
	s.Lifetime = cmp.Or(s.Lifetime, d.Lifetime)
	s.Recheck = cmp.Or(s.Recheck, d.Recheck)
	s.RecheckGrace = cmp.Or(s.RecheckGrace, d.RecheckGrace)
	s.SignInForm = cmp.Or(s.SignInForm, d.SignInForm)
	s.PushContext = cmp.Or(s.PushContext, d.PushContext)
	s.MinPollInterval = cmp.Or(s.MinPollInterval, d.MinPollInterval)
	s.Headers = HeaderNames{
		User:   cmp.Or(s.Headers.User, d.Headers.User),
		Name:   cmp.Or(s.Headers.Name, d.Headers.Name),
		Email:  cmp.Or(s.Headers.Email, d.Headers.Email),
		Groups: cmp.Or(s.Headers.Groups, d.Headers.Groups),
	}
	return s
}

// validate checks what can be checked without reading a placeholder. The messages are complete
// in themselves, because Caddy puts a long chain of "loading ..." in front.
func (s Settings) validate() error {
	switch {
	case s.Org == "":
		return missing("org", "org https://acme.okta.com")
	case s.Engine != "" && !slices.Contains(engines, s.Engine):
		return fmt.Errorf("okta_mfa: engine %q is unknown; allowed: %s", s.Engine, strings.Join(engines, ", "))
	case s.WebAuthn != "" && !slices.Contains(switches, s.WebAuthn):
		return fmt.Errorf("okta_mfa: webauthn %q is unknown; allowed: %s", s.WebAuthn, strings.Join(switches, ", "))
	case s.RememberMe != "" && !slices.Contains(switches, s.RememberMe):
		return fmt.Errorf("okta_mfa: remember_me %q is unknown; allowed: %s", s.RememberMe, strings.Join(switches, ", "))
	case s.UniversalLogout != "" && !slices.Contains(switches, s.UniversalLogout):
		return fmt.Errorf("okta_mfa: universal_logout %q is unknown; allowed: %s", s.UniversalLogout, strings.Join(switches, ", "))
	case s.SignInForm != "" && !slices.Contains(signInForms, s.SignInForm):
		return fmt.Errorf("okta_mfa: sign_in_form %q is unknown; allowed: %s", s.SignInForm, strings.Join(signInForms, ", "))
	case s.PushContext != "" && !slices.Contains(pushContexts, s.PushContext):
		return fmt.Errorf("okta_mfa: push_context %q is unknown; allowed: %s", s.PushContext, strings.Join(pushContexts, ", "))
	}
	if err := s.validateEngine(); err != nil {
		return err
	}
	if err := s.UpstreamSettings.validate(); err != nil {
		return err
	}
	if err := s.refuseLiterals(); err != nil {
		return err
	}
	if err := checkScopes(s.Scopes); err != nil {
		return fmt.Errorf("okta_mfa: %w", err)
	}
	if err := errors.Join(checkEnroll(s.EnrollRequires), s.checkEnrollEngine(), checkSelfService(s.SelfService), checkSSO(s.SSO)); err != nil {
		return fmt.Errorf("okta_mfa: %w", err)
	}
	if err := gateway.CheckGroups(s.Groups); err != nil {
		return fmt.Errorf("okta_mfa: %w", err)
	}
	if err := s.checkRulesEngine(); err != nil {
		return fmt.Errorf("okta_mfa: %w", err)
	}
	for name, d := range map[string]caddy.Duration{
		"idle_timeout": s.IdleTimeout, "lifetime": s.Lifetime, "recheck": s.Recheck, "recheck_grace": s.RecheckGrace, "min_poll_interval": s.MinPollInterval,
	} {
		if d < 0 {
			return fmt.Errorf("okta_mfa: %s is negative; give a duration such as 1h", name)
		}
	}
	return nil
}

// validateEngine checks that what the engine needs is there.
func (s Settings) validateEngine() error {
	if s.Engine == engineFactors {
		if err := s.FactorsSettings.validate(); err != nil || s.primary() != factors.PrimaryIdentityEngine {
			return err
		}
	}
	switch {
	case s.ClientID == "":
		return missing("client_id", "client_id {env.OKTA_CLIENT_ID}")
	case s.ClientSecret == "" && s.PrivateKey == "":
		return missing("client_secret", "client_secret {file./run/secrets/okta_client_secret}, or private_key {file./run/secrets/okta_key.pem}")
	case s.ClientSecret != "" && s.PrivateKey != "":
		return fmt.Errorf("okta_mfa: client_secret and private_key are both given; keep the one that the app uses at Okta")
	}
	return nil
}

// The words that a setting takes.
var (
	signInForms  = []string{formIdentifier, formPassword}
	pushContexts = []string{pushBrowser, pushGateway}
	switches     = []string{on, off}
	selfServices = []string{selfActivate, selfRecover, selfUnlock, off}
)

func missing(name, cure string) error {
	return fmt.Errorf("okta_mfa: %s is missing; write %q in the okta_mfa block of the site or of the global options", name, cure)
}

// gatewayHeaders turns "" into the default and "off" into no header.
func (h HeaderNames) gatewayHeaders() gateway.Headers {
	def := gateway.DefaultHeaders
	return HeaderNames{
		User:   cmp.Or(h.User, def.User),
		Name:   cmp.Or(h.Name, def.Name),
		Email:  cmp.Or(h.Email, def.Email),
		Groups: cmp.Or(h.Groups, def.Groups),
	}.given()
}

// given are the names that are written down, without defaults, which another block may change.
func (h HeaderNames) given() gateway.Headers {
	only := func(name string) string {
		if name == headerOff {
			return ""
		}
		return name
	}
	return gateway.Headers{User: only(h.User), Name: only(h.Name), Email: only(h.Email), Groups: only(h.Groups)}
}

// issuer is the issuer URL of an org's authorization server.
func issuer(org, server string) string {
	org = strings.TrimRight(org, "/")
	if server == "" || server == orgServer {
		return org
	}
	return org + "/oauth2/" + server
}

// fingerprint is a short digest of parts, each of them delimited, so that no two lists give the same
// text (immunity S52).
func fingerprint(parts ...string) string {
	h := sha256.New()
	for _, p := range parts {
		fmt.Fprintf(h, "%d:%s,", len(p), p)
	}
	return hex.EncodeToString(h.Sum(nil))
}
