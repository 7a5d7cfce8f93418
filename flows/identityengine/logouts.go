package identityengine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"sidegate.example/sidegate/flows"
	"sidegate.example/sidegate/flows/okta"
)

const (
	// typRevocation is the typ of the tokens of Okta's Universal Logout ("Build Universal Logout for your app"), typLogout
	// the one of a logout token (OpenID Connect Back-Channel Logout 1.0 §2.4), which may be left out there.
	typRevocation = "global-token-revocation+jwt"
	typLogout     = "logout+jwt"
	// logoutEvent is the member of the events claim that makes a token a logout token.
	logoutEvent = "http://schemas.openid.net/event/backchannel-logout"
	// logoutLife is how long such a token may be good for: Okta's is for 5 minutes.
	logoutLife = 5 * time.Minute
	// logoutSkew is by how much clocks may differ; the verifier has the same for exp and iat.
	logoutSkew = 2 * time.Minute
	// maxTokenID bounds a jti.
	maxTokenID = 256
)

// What is wrong with a token that is to end sessions, beside what is wrong with any token.
var (
	errLogoutTyp    = errors.New("its typ is another")
	errLogoutIss    = errors.New("its issuer is another")
	errLogoutAud    = errors.New("it is for another recipient")
	errLogoutID     = errors.New("it has no usable jti")
	errLogoutTimes  = errors.New("its iat, exp or nbf is missing or too far from now")
	errLogoutEvents = errors.New("it is no logout token: its events say so, or it has a nonce")
	errLogoutSub    = errors.New("it has no sub; sessions are not known by sid")
)

// Logouts implements flows.LogoutVerifier for one org. Its keys are fetched when a token comes, and are not those of the
// Engine, so that whoever sends tokens with invented keys cannot keep sign-ins from noticing a key that is new.
type Logouts struct {
	clientID string
	org, app keyring
}

var _ flows.LogoutVerifier = (*Logouts)(nil)

// NewLogouts checks like New. Without an issuer and clientID every logout token is refused.
func NewLogouts(client *okta.Client, issuer, clientID string) (*Logouts, error) {
	if client == nil {
		return nil, errors.New("the verifier of logouts needs a client of the org")
	}
	l := &Logouts{clientID: clientID}
	l.org.client, l.org.issuer, l.org.now = client, client.Origin(), time.Now
	l.app.client, l.app.issuer, l.app.now = client, client.Origin(), time.Now
	if issuer != "" {
		var err error
		if l.app.issuer, _, err = readIssuer(issuer, client); err != nil {
			return nil, err
		}
	}
	return l, nil
}

// VerifyRevocation implements flows.LogoutVerifier. The org signs these tokens, whatever server signs ID tokens.
func (l *Logouts) VerifyRevocation(ctx context.Context, cc flows.ClientContext, token, audience string) (flows.LogoutToken, error) {
	return l.org.verifyLogout(ctx, cc, token, audience, func(typ string, _ node) error {
		if !strings.EqualFold(typ, typRevocation) {
			return errLogoutTyp
		}
		return nil
	})
}

// VerifyLogout implements flows.LogoutVerifier.
func (l *Logouts) VerifyLogout(ctx context.Context, cc flows.ClientContext, token string) (flows.LogoutToken, error) {
	return l.app.verifyLogout(ctx, cc, token, l.clientID, func(typ string, payload node) error {
		event, isObject := payload.get("events").get(logoutEvent).object()
		switch {
		case typ != "" && !strings.EqualFold(typ, typLogout) && !strings.EqualFold(typ, "JWT"):
			return errLogoutTyp
		case !isObject || event == nil || payload.has("nonce"): // a nonce would make it an ID token (§2.4)
			return errLogoutEvents
		case payload.get("sub").text() == "":
			return errLogoutSub
		}
		return nil
	})
}

// verifyLogout looks at everything in the token before it asks for a key, so that only what names this org and this
// recipient, and is new, makes a call.
func (k *keyring) verifyLogout(ctx context.Context, cc flows.ClientContext, token, audience string, kind func(typ string, payload node) error) (flows.LogoutToken, error) {
	kid, payload, err := precheck(token)
	if err != nil {
		return flows.LogoutToken{}, badToken(err)
	}
	encoded, _, _ := strings.Cut(token, ".")
	header, err := segment(encoded)
	if err != nil {
		return flows.LogoutToken{}, badToken(err)
	}
	typ, isText := header.get("typ").v.(string)
	if header.has("typ") && !isText {
		return flows.LogoutToken{}, badToken(errLogoutTyp)
	}
	out := flows.LogoutToken{ID: payload.get("jti").text(), Issuer: k.issuer, Subject: payload.get("sub").text()}
	switch err := kind(typ, payload); {
	case err != nil:
		return flows.LogoutToken{}, badToken(err)
	case payload.get("iss").v != k.issuer:
		return flows.LogoutToken{}, badToken(errLogoutIss)
	case audience == "" || !soleAudience(payload, audience):
		return flows.LogoutToken{}, badToken(errLogoutAud)
	case out.ID == "" || len(out.ID) > maxTokenID:
		return flows.LogoutToken{}, badToken(errLogoutID)
	case !freshLogout(payload, k.now()):
		return flows.LogoutToken{}, badToken(errLogoutTimes)
	}
	if err := k.check(ctx, cc, token, kid, audience, ""); err != nil {
		if errors.Is(err, errUnknownKey) || errors.Is(err, errUnverified) {
			return flows.LogoutToken{}, badToken(err)
		}
		return flows.LogoutToken{}, err
	}
	return out, nil
}

// soleAudience reports whether the token is for audience and nobody else, who could send it on to us.
func soleAudience(payload node, audience string) bool {
	aud := payload.get("aud")
	if list, ok := aud.v.([]any); ok && len(list) == 1 {
		return list[0] == audience
	}
	return aud.v == audience
}

// freshLogout reports whether the token was made a short time ago and is good for a short time.
func freshLogout(payload node, now time.Time) bool {
	iat, iatOK := seconds(payload.get("iat"))
	exp, expOK := seconds(payload.get("exp"))
	nbf, nbfOK := seconds(payload.get("nbf"))
	switch {
	case !iatOK || !expOK || payload.has("nbf") && (!nbfOK || nbf.After(now.Add(logoutSkew))):
		return false
	case iat.After(now.Add(logoutSkew)) || iat.Before(now.Add(-logoutLife-logoutSkew)):
		return false
	}
	return exp.After(now.Add(-logoutSkew)) && !exp.After(now.Add(logoutLife+logoutSkew))
}

// seconds reads a NumericDate.
func seconds(n node) (time.Time, bool) {
	number, ok := n.v.(json.Number)
	if !ok {
		return time.Time{}, false
	}
	f, err := number.Float64()
	if err != nil || f < 0 || f > 1<<40 {
		return time.Time{}, false
	}
	return time.Unix(int64(f), 0), true
}

func badToken(err error) *flows.Error {
	return &flows.Error{Reason: flows.ReasonBadAnswer, Err: fmt.Errorf("logout token: %w", err)}
}
