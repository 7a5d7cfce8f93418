package caddymodule

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"sidegate.example/sidegate/flows/factors"
	"sidegate.example/sidegate/gateway/identity"
)

// checkEffect refuses what s, the block of one site, says and what can change nothing there: whoever wrote it relies on it. whole
// is s over the global options, of which some may be for other sites. Limits are taken everywhere: all sites of an org are to have
// the same.
func (s Settings) checkEffect(whole Settings) error {
	switch whole.Engine {
	case "", engineIdentity:
		return cmp.Or(s.checkFactorsAlone(), s.checkUnread(whole))
	case engineFactors:
		return cmp.Or(s.checkIdentityAlone(whole), s.checkUnread(whole), s.checkCodes(whole))
	}
	return nil // validate refuses it
}

// given is a setting and whether a block has it.
type given struct {
	name string
	is   bool
}

// checkFactorsAlone is for a site of engine identity_engine.
func (s Settings) checkFactorsAlone() error {
	for _, g := range []given{
		{"primary", s.Primary != ""}, {"api_token", s.APIToken != ""}, {"api_client_id", s.APIClientID != ""},
		{"api_private_key", s.APIPrivateKey != ""}, {"api_private_key_id", s.APIPrivateKeyID != ""}, {"factors", len(s.Factors) > 0},
		{"number_challenge", s.NumberChallenge != ""}, {"user_groups", s.UserGroups == on}, {"enroll", len(s.Enroll) > 0},
		{"enroll_url", s.EnrollURL != ""}, {"sms_template", s.SMSTemplate != ""}, {"email_code_lifetime", s.EmailCodeLifetime != 0},
	} {
		if g.is {
			return fmt.Errorf("%s is for engine factors, and changes nothing at engine identity_engine; write engine factors, or leave it out", g.name)
		}
	}
	return nil
}

// checkIdentityAlone is for a site of engine factors.
func (s Settings) checkIdentityAlone(whole Settings) error {
	if s.SignInForm == formIdentifier && whole.primary() != factors.PrimaryIdentityEngine {
		return fmt.Errorf("sign_in_form identifier changes nothing with primary %s; leave it out", whole.primary())
	}
	if whole.throughIdentityEngine() {
		return nil
	}
	logouts := whole.UniversalLogout == on // whose tokens are made out by that server, to that client
	for _, g := range []given{
		{"scopes", len(s.Scopes) > 0}, {"remember_me", s.RememberMe == on}, {"webauthn", s.WebAuthn == on},
		{"self_service", len(s.SelfService) > 0 && !slices.Contains(s.SelfService, off)},
		{"client_id", s.ClientID != "" && !logouts}, {"authorization_server", s.AuthorizationServer != "" && !logouts},
		{"client_secret", s.ClientSecret != ""}, {"private_key", s.PrivateKey != ""}, {"private_key_id", s.PrivateKeyID != ""},
		{"redirect_uri", s.RedirectURI != ""},
	} {
		if g.is {
			return fmt.Errorf("%s is for engine identity_engine, and changes nothing here; leave it out, or write primary identity_engine%s",
				g.name, map[string]string{"webauthn": "; passkeys of engine factors are webauthn among its factors"}[g.name])
		}
	}
	return nil
}

// checkUnread finds what is of no use beside something else that is given.
func (s Settings) checkUnread(whole Settings) error {
	switch {
	case s.PrivateKeyID != "" && whole.ClientSecret != "" && whole.PrivateKey == "":
		return errors.New("private_key_id changes nothing beside client_secret; leave it out")
	case (s.APIPrivateKey != "" || s.APIPrivateKeyID != "") && whole.APIToken != "" && whole.APIClientID == "":
		return errors.New("api_private_key and api_private_key_id change nothing beside api_token; leave them out")
	case len(s.Groups) > 0 && whole.UserGroups != on && whole.Engine == engineFactors:
		return errors.New("groups changes nothing, because nobody has groups here; write user_groups on, or leave it out")
	}
	return nil
}

// checkCodes finds what of engine factors is about a factor that nobody is asked for here. To set one up, people prove any factor
// that they have, so that a text message can be sent wherever enroll has a factor, and one that no sign-in ends with is of use beside
// one that does.
func (s Settings) checkCodes(whole Settings) error {
	accepted := factorNames(whole.Factors)
	if len(accepted) == 0 {
		accepted = factors.DefaultFactors()
	}
	asks := func(f ...identity.Factor) bool {
		return slices.ContainsFunc(f, func(f identity.Factor) bool { return slices.Contains(accepted, f) })
	}
	letsIn := func(f string) bool { // a push may prove the number too
		return asks(identity.Factor(f)) || f == string(identity.Push) && asks(identity.NumberChallenge)
	}
	enrols := len(whole.Enroll) > 0
	pushes := asks(identity.Push, identity.NumberChallenge) || enrols
	mails := asks(identity.Email) || slices.Contains(whole.Enroll, string(identity.Email)) || enrols && slices.Contains(whole.EnrollRequires, enrollEmail)
	switch {
	case len(s.Enroll) > 0 && !slices.ContainsFunc(s.Enroll, letsIn):
		return fmt.Errorf("enroll %s lets nobody in, because no sign-in ends with that here; enroll what is among factors, or add one of these to them", strings.Join(s.Enroll, " "))
	case len(s.EnrollRequires) > 0 && !enrols && whole.primary() != factors.PrimaryIdentityEngine:
		return errors.New("enroll_requires guards nothing, because nothing can be set up here; name what can with enroll, or leave it out")
	case s.PushContext == pushGateway && !pushes && !whole.throughIdentityEngine():
		return errors.New("push_context gateway changes nothing, because nobody is sent a push here; add push or number_challenge to factors, or leave it out")
	case s.NumberChallenge != "" && !pushes:
		return errors.New("number_challenge changes nothing, because nobody is sent a push here; add push or number_challenge to factors, or leave it out")
	case s.SMSTemplate != "" && !asks(identity.SMS) && !enrols:
		return errors.New("sms_template changes nothing, because nobody is sent a text message here; add sms to factors, or leave it out")
	case s.EmailCodeLifetime != 0 && !mails:
		return errors.New("email_code_lifetime changes nothing, because nobody is sent a code by e-mail here; add email to factors, or leave it out")
	}
	return nil
}
