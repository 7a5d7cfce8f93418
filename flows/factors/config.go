package factors

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"slices"
	"time"

	"sidegate.example/sidegate/flows"
	"sidegate.example/sidegate/flows/limits"
	"sidegate.example/sidegate/flows/okta/access"
	"sidegate.example/sidegate/gateway/identity"
)

// Primary says who tells the engine which person signs in.
type Primary string

// The primaries.
const (
	// PrimaryPassword: the person types user name and password, which Okta's /api/v1/authn judges.
	PrimaryPassword Primary = "password"
	// PrimaryIdentity: a layer in front has established the name, and Start is given it as the identifier. The gate must
	// take it from the server, never from what a browser can send.
	PrimaryIdentity Primary = "identity"
	// PrimaryIdentityEngine: Config.First proves the first factor.
	PrimaryIdentityEngine Primary = "identity_engine"
)

// Number says whether pushes ask to tap a number.
type Number string

// The ways to ask for a push.
const (
	// NumberAlways asks Okta for a number with every push. An org without that feature may refuse it.
	NumberAlways Number = "always"
	// NumberNever asks for approve or deny. A number that Okta sends all the same is shown.
	NumberNever Number = "never"
)

// DefaultFactors are the factors that are accepted where Config.Factors is empty. What can be read off another account
// (email) or belongs to a phone number (sms, voice) has to be asked for, and so has a security question: Identity Engine
// lists a verified primary e-mail address as a factor that nobody enrolled (factors-api.md §3.3).
func DefaultFactors() []identity.Factor {
	return []identity.Factor{identity.Push, identity.NumberChallenge, identity.TOTP, identity.GoogleOTP, identity.HardwareOTP}
}

// Config describes the engine.
type Config struct {
	// API calls Okta. Required. With an SSWS token /api/v1/authn is called as a trusted application; with a service app
	// as a public one, whose browser context Okta does not take (§6.1).
	API *access.Access
	// Primary is required.
	Primary Primary
	// First proves the first factor where Primary is PrimaryIdentityEngine: an identityengine.Engine whose
	// Config.FirstFactorOnly is set. Nil otherwise.
	First flows.Flow
	// Factors are the factors that can end a sign-in. Default DefaultFactors. WebAuthn is among them only where the
	// people's keys were made on this very origin.
	Factors []identity.Factor
	// Required are those of which every session needs one; nil for any. Who has one is offered no other.
	Required []identity.Factor
	// NumberChallenge defaults to NumberAlways when Factors hold NumberChallenge, to NumberNever otherwise.
	NumberChallenge Number
	// Groups asks Okta for the names of the person's groups at the end of each sign-in.
	Groups bool
	// Enroll lists the factors that can be set up here; empty is none. WebAuthn and HardwareOTP cannot.
	Enroll []identity.Factor
	// EnrollProof says what a sign-in must have proved before; see there.
	EnrollProof EnrollProof
	// EnrollURL is shown to who has no factor and cannot set one up here: an https URL on the org. Default the
	// settings page of Okta's end-user dashboard.
	EnrollURL string
	// TemplateID names the SMS template at Okta; "" is Okta's own.
	TemplateID string
	// TokenLifetime is how long an e-mailed code is good, 1 s to 24 h in whole seconds. Default Okta's 5 min.
	TokenLifetime time.Duration
	// Budget counts wrong codes, pushes and denials, for all sites that share the org. Required.
	Budget limits.Budget
	// Limits are the limits that Budget holds.
	Limits limits.Config
	// Poll is the shortest time between two polls of a push, and EnrollPoll of one that is being set up. Defaults 4 s and
	// 6 s; tests lower them.
	Poll, EnrollPoll time.Duration
	// Now is the clock that dates proofs and ends waiting. Default time.Now.
	Now func() time.Time
}

// EnrollProof lists what allows a person to set up a factor: any one of them is enough, and a factor that the person has
// already and proves in this same sign-in always is (immunity S76). The password never is.
type EnrollProof struct {
	// EmailCode takes a code that Okta mails to the address that it holds as a factor of the person.
	EmailCode bool
	// AdminCode, if set, takes a code that an admin gave the person: it reports whether code is good for this user of
	// Okta, once. It is called with at most Limits.WrongCodes wrong codes per person and hour.
	AdminCode func(ctx context.Context, userID, login, code string) (bool, error)
	// Networks are addresses of browsers that may enrol without more.
	Networks []netip.Prefix
}

// Defaults of Config.
const (
	defaultPoll       = 4 * time.Second
	defaultEnrollPoll = 6 * time.Second
	maxTokenLifetime  = 24 * time.Hour
	settingsPath      = "/enduser/settings"
)

// New checks the configuration. Its errors say what to write instead; none holds a secret.
func New(cfg Config) (*Engine, error) {
	if cfg.API == nil {
		return nil, errors.New("the factors engine needs API access")
	}
	if err := cfg.check(); err != nil {
		return nil, err
	}
	cfg.complete()
	client := cfg.API.Client()
	count, err := limits.New(cfg.Budget, cfg.Limits, client.Origin())
	if err != nil {
		return nil, err
	}
	return &Engine{cfg: cfg, client: client, count: count}, nil
}

func (c *Config) check() error {
	switch c.Primary {
	case PrimaryPassword, PrimaryIdentity:
		if c.First != nil {
			return fmt.Errorf("primary %s takes no other engine", c.Primary)
		}
	case PrimaryIdentityEngine:
		if c.First == nil {
			return errors.New("primary identity_engine needs the Identity Engine's app")
		}
	default:
		return fmt.Errorf("primary %q is unknown; allowed: %s, %s, %s", c.Primary, PrimaryPassword, PrimaryIdentity, PrimaryIdentityEngine)
	}
	for _, f := range c.Factors {
		if !slices.Contains(verifiable, f) {
			return fmt.Errorf("factor %q cannot be verified by the Factors API; allowed: %v", f, verifiable)
		}
	}
	for _, f := range c.Enroll {
		if !slices.Contains(enrollable, f) {
			return fmt.Errorf("factor %q cannot be set up here; allowed: %v", f, enrollable)
		}
	}
	return errors.Join(c.checkNumber(), c.checkTimes(), c.checkEnrollURL())
}

func (c *Config) checkNumber() error {
	allowed := c.Factors
	if len(allowed) == 0 {
		allowed = DefaultFactors()
	}
	number, plain := slices.Contains(allowed, identity.NumberChallenge), slices.Contains(allowed, identity.Push)
	switch c.NumberChallenge {
	case "":
	case NumberAlways:
		if !number {
			return errors.New("number_challenge always needs number_challenge among the factors")
		}
	case NumberNever:
		if number && !plain {
			return errors.New("number_challenge never needs push among the factors")
		}
	default:
		return fmt.Errorf("number_challenge %q is unknown; allowed: %s, %s", c.NumberChallenge, NumberAlways, NumberNever)
	}
	return nil
}

func (c *Config) checkTimes() error {
	if c.TokenLifetime < 0 || c.TokenLifetime > maxTokenLifetime || c.TokenLifetime%time.Second != 0 {
		return fmt.Errorf("the life of an e-mailed code is %s; Okta takes whole seconds from 1s to 24h", c.TokenLifetime)
	}
	return nil
}

func (c *Config) checkEnrollURL() error {
	if c.EnrollURL == "" {
		return nil
	}
	u, err := url.Parse(c.EnrollURL)
	if err == nil && u.IsAbs() {
		_, err = c.API.Client().Local(c.EnrollURL)
	}
	if err != nil || !u.IsAbs() {
		return fmt.Errorf("the enrolment page %q is not a URL on the org %s", c.EnrollURL, c.API.Client().Origin())
	}
	return nil
}

// complete fills in defaults.
func (c *Config) complete() {
	if len(c.Factors) == 0 {
		c.Factors = DefaultFactors()
	}
	if c.NumberChallenge == "" {
		c.NumberChallenge = NumberNever
		if slices.Contains(c.Factors, identity.NumberChallenge) {
			c.NumberChallenge = NumberAlways
		}
	}
	if c.EnrollURL == "" {
		c.EnrollURL = c.API.Client().Origin() + settingsPath
	}
	c.Poll = cmp.Or(c.Poll, defaultPoll)
	c.EnrollPoll = cmp.Or(c.EnrollPoll, defaultEnrollPoll)
	if c.Now == nil {
		c.Now = time.Now
	}
}
