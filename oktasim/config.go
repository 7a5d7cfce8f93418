package oktasim

import (
	"crypto"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"
)

// Config is one org. The zero value of every field but URL is usable.
type Config struct {
	// URL is the org's own base URL ("http://127.0.0.1:41231"), required. The org authorization
	// server has it as issuer, the custom one URL+"/oauth2/default".
	URL     string
	Clients []Client
	Users   []User
	// Tokens and Services may call the Users and Factors API.
	Tokens   []Token
	Services []Service
	Policy   Policy
	// Refresh is the poll interval announced in IDX documents; default 4 s. A poll earlier than
	// that after the answer to the previous poll (5 % tolerance) is answered 429.
	Refresh time.Duration
	// PushLifetime is how long a push waits for the person; default 5 min.
	PushLifetime time.Duration
	// StateLifetime is the idle life of a state handle and of its transaction; default 1 h.
	StateLifetime time.Duration
	// TrustedProxies is the network zone whose members may speak for others by X-Forwarded-For;
	// nil means nobody, and the peer's address counts.
	TrustedProxies []netip.Prefix
	// TrustedOrigins are the sites ("https://app.example") whose scripts may call Okta's URLs from a browser, compared
	// exactly; nil means none (Okta's Trusted Origins of the type CORS).
	TrustedOrigins []string
	// EmbeddedPushShowsServer switches on what Okta documents for its embedded SDKs: the push
	// shows the server's address (the peer's) and its agent, here "Sidegate gateway (server)",
	// whatever is passed on.
	EmbeddedPushShowsServer bool
	// RateLimit is the number of requests per minute and endpoint, announced in X-Rate-Limit-*
	// and enforced; default 6000.
	RateLimit int
	// NoRecord switches the request recorder off (load tests).
	NoRecord bool
	// Now is the clock; default time.Now.
	Now func() time.Time
	// Logger takes one debug line per answered request; default none.
	Logger *slog.Logger
}

// Client is an OIDC app of the org.
type Client struct {
	// ID is the client_id.
	ID string
	// Label is the app's name on the phone; default the ID.
	Label string
	// Secret allows client_secret_post and client_secret_basic. A client with neither Secret nor
	// Key is public.
	Secret string
	// Key is the public half (RSA or P-256) for private_key_jwt with RS256 or ES256.
	Key crypto.PublicKey
	// RedirectURIs are compared exactly.
	RedirectURIs []string
	// GlobalTokenRevocation is the app's endpoint for Universal Logout, which ClearSessions calls; "" for an app without.
	GlobalTokenRevocation string
}

func (c *Client) public() bool { return c.Secret == "" && c.Key == nil }

// User is a person of the org, with one phone at most.
type User struct {
	// Login is compared without regard to case.
	Login string `json:"login"`
	// Password is "" for a user without, who begins with another factor (Policy.IdentifierFirst) or an activation link.
	Password string   `json:"password"`
	Name     string   `json:"name"`
	Email    string   `json:"email"`
	Groups   []string `json:"groups"`
	// Status is one of Okta's states of a user, "SUSPENDED" and so on; default "ACTIVE". In any other, no password is right.
	Status string `json:"status"`
	// Locked makes every password answer "account locked" (unless Policy.HideUnknownUsers).
	Locked bool `json:"locked"`
	// Access is "" or why a sign-in is refused after the first factor: "unassigned" (not a user of the app), "denied" (by
	// policy) or "unsatisfiable" (the policy asks for what the user cannot have).
	Access string `json:"access"`
	// Device names the phone ("Pixel 7").
	Device string `json:"device"`
	// Methods are the Okta Verify methods enrolled, of "push", "totp", "signed_nonce"; empty
	// means no Okta Verify.
	Methods []string `json:"methods"`
	// NumberChallenge makes pushes of this user show three numbers.
	NumberChallenge bool `json:"number_challenge"`
	// TOTPSecret is base32; default derived from the login.
	TOTPSecret string `json:"totp_secret"`
	// Enrolled are the keys of the other second factors that the user has, of "okta_email", "phone_number",
	// "google_otp", "security_question", "custom_app", "webauthn" (a passkey made elsewhere, which no browser here can
	// use) and the token kinds "onprem_mfa", "rsa_token", "symantec_vip", "yubikey_token", "custom_otp".
	Enrolled []string `json:"enrolled"`
	// NextCode makes an on-prem or RSA token ask for the code after the first right one.
	NextCode bool `json:"next_code"`
	// Phone is the number for texts and calls; default "+15555550100".
	Phone string `json:"phone"`
	// Answer is that of the security question "disliked_food"; default "liver".
	Answer string `json:"answer"`
	// GraceUntil is until when what Require names can be put off.
	GraceUntil time.Time `json:"grace_until"`
	// PasswordState is "", "expired" (a new one is asked for) or "expiring" (it is, and can be skipped).
	PasswordState string `json:"password_state"`
	// Require are the keys that the user must set up before a sign-in ends; Optional are offered and can be skipped. With
	// neither, a user without any second factor has to set up "okta_verify". All keys of Enrolled but "custom_otp" are
	// allowed, and "okta_verify" and "okta_password".
	Require  []string `json:"require"`
	Optional []string `json:"optional"`
}

// Policy is how the org signs people in.
type Policy struct {
	// IdentifierFirst: the first document asks for the identifier alone.
	IdentifierFirst bool `json:"identifier_first"`
	// HideUnknownUsers: an unknown or locked identifier is answered like a wrong password.
	HideUnknownUsers bool `json:"hide_unknown_users"`
	// AutoChallenge: the push is sent without choosing; challenge-poll follows the password.
	AutoChallenge bool `json:"auto_challenge"`
	// PasswordOnly: no second factor is asked.
	PasswordOnly bool `json:"password_only"`
	// EmailLink is the app's page for mailed codes (its e-mail verification URI): with MagicLink, mails link there with
	// "otp" and "state", and not to the org.
	EmailLink string `json:"email_link"`
	// MagicLink puts a link into e-mails with a code, which does as well.
	MagicLink bool `json:"magic_link"`
	// Channels are the ways to set Okta Verify up, of "qrcode", "email", "sms" and "samedevice"; default the first three.
	Channels []string `json:"channels"`
	// RPID is the RP ID that passkeys are made and asked for; "" leaves it to the browser, which takes the page's host.
	RPID string `json:"rp_id"`
	// Origins are trusted for WebAuthn ("https://host") beside the org's own and those of the app's redirect URIs.
	Origins []string `json:"origins"`
	// UserVerification is WebAuthn's "discouraged" (the default), "preferred" or "required".
	UserVerification string `json:"user_verification"`
	// DeviceProbe begins each sign-in with a silent probe for FastPass, which ends when it is cancelled; FastPass has its
	// button beside the first form, IdentityProviders theirs ("GOOGLE").
	DeviceProbe       bool     `json:"device_probe"`
	FastPass          bool     `json:"fast_pass"`
	IdentityProviders []string `json:"identity_providers"`
	// SafeModePolls is how often each sign-in has to poll before its first page, as while Okta is in trouble.
	SafeModePolls int `json:"safe_mode_polls"`
	// Unlock allows to unlock a locked account by e-mail or phone.
	Unlock bool `json:"unlock"`
	// KeepMeSignedIn asks whether to stay signed in after the last proof, unless rememberMe was sent with the identifier.
	KeepMeSignedIn bool `json:"keep_me_signed_in"`
	// ActivationLink and RecoveryLink are the pages to which SendActivation and SendRecovery link, with "token".
	ActivationLink string `json:"activation_link"`
	RecoveryLink   string `json:"recovery_link"`
	// DeniedMessage is what a user with Access "denied" is told; "" means Okta's own words.
	DeniedMessage string `json:"denied_message"`
	// Factors is about the Users, Factors and Authentication API.
	Factors FactorsPolicy `json:"factors"`
	// Recover allows to recover a forgotten password by e-mail or phone.
	Recover bool `json:"recover"`
	// ThinIDToken leaves name, email, preferred_username and groups out of the ID token, so that
	// only userinfo has them.
	ThinIDToken bool `json:"thin_id_token"`
}

// Defaults of Config.
const (
	defaultRefresh       = 4 * time.Second
	defaultPushLifetime  = 5 * time.Minute
	defaultStateLifetime = time.Hour
	defaultRateLimit     = 6000
)

func (c *Config) setDefaults() {
	c.URL = strings.TrimRight(c.URL, "/")
	if c.Refresh == 0 {
		c.Refresh = defaultRefresh
	}
	if c.PushLifetime == 0 {
		c.PushLifetime = defaultPushLifetime
	}
	if c.StateLifetime == 0 {
		c.StateLifetime = defaultStateLifetime
	}
	if c.RateLimit == 0 {
		c.RateLimit = defaultRateLimit
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
}

func (c *Config) validate() error {
	u, err := url.Parse(c.URL)
	if err != nil || u.Host == "" || u.Path != "" {
		return fmt.Errorf("oktasim: URL %q must be scheme://host[:port] without a path", c.URL)
	}
	for _, cl := range c.Clients {
		if cl.ID == "" {
			return errors.New("oktasim: a client needs an ID")
		}
	}
	for _, u := range c.Users {
		if err := u.validate(); err != nil {
			return err
		}
	}
	return c.validateAPI()
}

func (u *User) validate() error {
	if normalLogin(u.Login) == "" {
		return errors.New("oktasim: a user needs a Login")
	}
	for _, m := range u.Methods {
		if !slices.Contains([]string{methodPush, methodTOTP, methodFastPass}, m) {
			return fmt.Errorf("oktasim: user %q: unknown method %q", u.Login, m)
		}
	}
	for _, key := range slices.Concat(u.Enrolled, u.Require, u.Optional) {
		if _, ok := catalogue[key]; !ok {
			return fmt.Errorf("oktasim: user %q: unknown authenticator %q", u.Login, key)
		}
	}
	for _, key := range slices.Concat(u.Require, u.Optional) {
		if catalogue[key].issued {
			return fmt.Errorf("oktasim: user %q: nobody can set up %q", u.Login, key)
		}
	}
	if slices.Contains(u.Enrolled, keyPassword) || slices.Contains(u.Enrolled, keyVerify) {
		return fmt.Errorf("oktasim: user %q: Password and Methods say what is not in Enrolled", u.Login)
	}
	if u.Status != "" && !slices.Contains(userStates, u.Status) {
		return fmt.Errorf("oktasim: user %q: unknown status %q", u.Login, u.Status)
	}
	if !slices.Contains([]string{"", passwordExpired, passwordExpiring}, u.PasswordState) {
		return fmt.Errorf("oktasim: user %q: unknown password state %q", u.Login, u.PasswordState)
	}
	if !slices.Contains([]string{"", accessUnassigned, accessDeniedByPolicy, accessUnsatisfiable}, u.Access) {
		return fmt.Errorf("oktasim: user %q: unknown access %q", u.Login, u.Access)
	}
	if u.TOTPSecret != "" {
		if _, err := decodeTOTPSecret(u.TOTPSecret); err != nil {
			return fmt.Errorf("oktasim: user %q: TOTPSecret is not base32", u.Login)
		}
	}
	return nil
}

func normalLogin(s string) string { return strings.ToLower(strings.TrimSpace(s)) }
