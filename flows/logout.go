package flows

import "context"

// LogoutVerifier tells what Okta sends to end a person's sessions from what anybody could send. A returned error is a *Error:
// ReasonBadAnswer says that the token is none of Okta's for this, any other reason that this could not be found out. Its text
// holds nothing of the token. Implementations are safe for concurrent use.
type LogoutVerifier interface {
	// VerifyRevocation checks the token that comes with a request to end a person's sessions, sent to the URL audience
	// (OAuth Global Token Revocation, which Okta calls Universal Logout). It does not say who the person is.
	VerifyRevocation(ctx context.Context, c ClientContext, token, audience string) (LogoutToken, error)
	// VerifyLogout checks a logout token (OpenID Connect Back-Channel Logout), which says who the person is.
	VerifyLogout(ctx context.Context, c ClientContext, token string) (LogoutToken, error)
}

// LogoutToken is what a verified token says. It is good for ten minutes from now at most, and once: who has seen its ID
// before refuses it.
type LogoutToken struct {
	// ID is unique among the tokens of Issuer.
	ID     string
	Issuer string
	// Subject is whose sessions are to end, "" where the token does not say.
	Subject string
}
