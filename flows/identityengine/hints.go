package identityengine

import (
	"fmt"

	"sidegate.example/sidegate/flows"
	"sidegate.example/sidegate/flows/okta"
)

// misconfiguredApp is a refusal of the app itself. Okta's code alone does not tell an operator what to change, and
// its texts change (§1.5), so the error says in our own words where to look.
func (a *attempt) misconfiguredApp(res *okta.Response) *flows.Error {
	e := res.Refuse(flows.ReasonMisconfigured)
	e.Err = fmt.Errorf("%w; %s", e.Err, a.hint(res.Endpoint, res.Code()))
	return e
}

func (a *attempt) hint(endpoint, code string) string {
	switch code {
	case "invalid_client":
		if a.engine.app.key != nil {
			return "check client_id, private_key and private_key_id, and that the app authenticates with a public key"
		}
		return "check client_id and client_secret"
	case "invalid_request":
		if endpoint == "interact" {
			return fmt.Sprintf("is %q registered as a sign-in redirect URI of the app, and is PKCE allowed?", a.state.Redirect)
		}
	case "unauthorized_client":
		return "switch on the Interaction Code grant for the app, and see that the app may use this authorization server"
	case "access_denied":
		return "assign the app to the people who sign in, enable Interaction Code for the org and the authorization server, " +
			"and have an access policy rule of the authorization server allow it for this app"
	case "invalid_scope":
		return "check scopes: the authorization server must have each of them"
	case "invalid_dpop_proof":
		return "switch off DPoP for the app"
	case "E0000007":
		return "check issuer: the org has no such authorization server"
	}
	return "check the settings of the app at Okta"
}

// forbidden tells the log of a refusal that the person is shown as one of policy.
func forbidden(res *okta.Response) error {
	return fmt.Errorf("%w; look for a network zone, or something in between, that refuses this address", res.Refuse("").Err)
}
