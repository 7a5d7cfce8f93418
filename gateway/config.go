package gateway

import (
	"log/slog"
	"net/http"
	"net/url"
	"time"

	"sidegate.example/sidegate/flows"
	"sidegate.example/sidegate/gateway/decision"
	"sidegate.example/sidegate/gateway/identity"
	"sidegate.example/sidegate/gateway/session"
	"sidegate.example/sidegate/gateway/store"
	"sidegate.example/sidegate/gateway/upstream"
)

// Defaults of Config.
const (
	DefaultPrefix      = "/_mfa"
	DefaultCookieName  = "__Host-okta_mfa"
	DefaultIdleTimeout = time.Hour
	DefaultLifetime    = 12 * time.Hour
)

// DefaultHeaders are the identity headers that the upstream gets.
var DefaultHeaders = Headers{User: "Remote-User", Name: "Remote-Name", Email: "Remote-Email", Groups: "Remote-Groups"}

// DefaultAssertionHeader is the usual Headers.Assertion.
const DefaultAssertionHeader = "Remote-Assertion"

// Headers names the request headers that carry the identity to the upstream. An empty name switches
// that header off; the default names are scrubbed from requests all the same.
type Headers struct {
	User, Name, Email, Groups string
	// Assertion carries a signed JWT, see package upstream. It is off by default.
	Assertion string
}

func (h Headers) names() []string { return []string{h.User, h.Name, h.Email, h.Groups, h.Assertion} }

// Config is what one Gate needs. New rejects what is missing or contradictory.
type Config struct {
	// Flow signs people in. Required.
	Flow flows.Flow
	// Engine identifies the flow across configuration reloads: all that shapes a sign-in (org, client id, scopes),
	// never a secret. A sign-in that began under the old configuration goes on with the flow of the new
	// one that has the same Engine, from its first request on. Gates with different flows need different Engines.
	// Required.
	Engine string
	// Org names who gives out the subjects of identities: under one Org a subject is one person on every site.
	Org string
	// State outlives configuration reloads. Required.
	State *State
	// Store is what replicas share: all gates of one configuration have the same. Default: State.Memory, for one replica.
	Store store.Store
	// Policy names what a session made here is good for; a session made under another Policy is
	// challenged (immunity S13). It goes into the cookie's seal, not into its bytes. Required.
	Policy string
	// Keys seal sessions and forms. Required.
	Keys session.Keys
	// Rules say who may enter and what a session must have proved; nil lets everybody in who has one.
	Rules *decision.Rules
	// Applies says which scopes of Rules apply to a request as the upstream will see it. Required with Rules.
	Applies func(*http.Request) uint64
	// Groups are patterns (path.Match, with / as any character) of the groups that a session keeps, beside those that Rules
	// name; none keeps all. Who changes them, or the groups that rules name, has to change Policy too.
	Groups []string
	// Title is the name of the site on the pages; "" shows the host.
	Title string
	// Prefix is the path under which the gate's own routes live. Default /_mfa.
	Prefix string
	// CookieName is the session cookie; it must start with __Host-, or with __Secure- where there is a CookieDomain. Default
	// __Host-okta_mfa or __Secure-okta_mfa.
	CookieName string
	// CookieDomain makes one session of all hosts of a domain, such as example.com. Every host of it can then set the
	// cookie and is sent it. Default: a session is of one host.
	CookieDomain string
	// Headers carry the identity to the upstream.
	Headers Headers
	// AssertionAlg is upstream.ES256 or upstream.EdDSA. Default ES256.
	AssertionAlg string
	// SSO are the origins of sites that share one sign-in, such as https://accounts.example.com: people sign in at the first,
	// which hands its sessions over to the others. They need the same Policy, Keys and State, or its store. Default: none.
	SSO []string
	// UpstreamCookie is a signed cookie that the upstream gets; nil for none.
	UpstreamCookie *upstream.Cookie
	// IdleTimeout ends a session whose person does nothing for so long: navigations count, the requests of a page that polls do not. Default 1 h, or Lifetime where that is shorter.
	IdleTimeout time.Duration
	// Recheck is how often Okta is asked whether the person of a session may still be signed in, and in which groups they are, in
	// the background of a request. Zero never asks. The flow must be a flows.Rechecker.
	Recheck time.Duration
	// RecheckGrace ends a session so long after Okta's last answer when it gives none any more; at least Recheck. Zero lets it live
	// to its absolute end.
	RecheckGrace time.Duration
	// Lifetime ends a session this long after the sign-in, used or not. Default 12 h.
	Lifetime time.Duration
	// IdentifierFirst makes the first page ask for the user name alone, for orgs whose policy asks
	// for no password or asks for it later. By default the first page asks for both.
	IdentifierFirst bool
	// PersonKnown says that who the person is was established before the gate, and Facts.Person says who: the first page
	// asks for nothing, the sign-in begins at the second factor, and a session is good for that person alone. A request
	// without a Facts.Person is refused.
	PersonKnown bool
	// RememberMe puts a check box on the first page that asks Okta to remember this browser.
	RememberMe bool
	// Recover and Unlock put links to both on the first page; Activate serves the links that Okta mails to new users
	// and, with Recover, to those who forgot their password. The flow must have them switched on too.
	Recover, Unlock, Activate bool
	// PushShowsGateway says that a push at this org shows the gateway's address and agent, as Okta documents for
	// embedded sign-in, so that the pages do not promise the browser's.
	PushShowsGateway bool
	// RedirectURI is the sign-in redirect URI registered at Okta. "" means <origin of the request><Prefix>/callback,
	// such as https://app.example.com/_mfa/callback.
	RedirectURI string
	// Logouts lets Okta end sessions, by Universal Logout and OpenID Connect Back-Channel Logout; nil has no routes for it.
	Logouts flows.LogoutVerifier
	// Observer hears of what happens; nil means nobody.
	Observer Observer
	// Logger gets one line per security decision; nil discards.
	Logger *slog.Logger
}

// Facts are what the server in front of the gate knows about a request and no header can change.
type Facts struct {
	// ClientIP is the browser's address as the server decided on it (Caddy's client_ip).
	ClientIP string
	// Secure is true when the browser speaks https: TLS here, or a trusted proxy that says so.
	Secure bool
	// Person is who the person is as something in front of the gate has established, where Config.PersonKnown says so. It
	// must not come from what a client can send.
	Person string
	// URL is the request's URL before any rewrite; nil means r.URL.
	URL *url.URL
	// Ask says that the request is one that a trusted proxy has and asks about.
	Ask Ask
}

// Ask is what a proxy in front of the upstream wants to know about a request.
type Ask int

const (
	// AskNothing is a request that is here itself.
	AskNothing Ask = iota
	// AskDecision wants status 204 with the identity headers, 401 or 403, and never a page or a redirect: nginx's
	// auth_request.
	AskDecision
	// AskPage wants the same 204, or what the browser is to be shown instead: Traefik, Caddy, HAProxy, nginx's error_page.
	AskPage
)

// Outcome is what became of a request. The zero Outcome means that the gate has answered and nothing
// may go further: it is never an error (caddy-notes T1).
type Outcome struct {
	// Identity is set when the request may go on, with the identity headers already in place.
	Identity *identity.Identity
	// Session is the session's handle when Identity is set: a name for logs, which is no secret.
	Session string

	hold   *hold   // of a request that lasts
	stream *stream // that the gate's own answer has become
}

// Allowed reports whether the request may go on to the upstream.
func (o Outcome) Allowed() bool { return o.Identity != nil }
