package oktasim

import (
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"
)

// scopesKnown are the scopes that the org's apps may ask for.
var scopesKnown = []string{"openid", "profile", "email", "groups", "address", "phone", "offline_access"}

// s256 is what base64url without padding makes of a SHA-256 sum.
var s256 = regexp.MustCompile(`^[A-Za-z0-9_-]{43}$`)

// authServer is one authorization server: the org's, or the custom one named "default".
type authServer struct {
	org    *Org
	issuer string
	base   string // URL of /v1/…, without it
	custom bool
	keys   keyRing
}

// path is where the server's /v1 hangs in the org.
func (as *authServer) path() string { return strings.TrimPrefix(as.base, as.org.cfg.Load().URL) }

// interact answers POST {base}/v1/interact with an interaction handle.
func (as *authServer) interact(x *exchange) {
	form, oerr := x.oauthForm()
	if oerr != nil {
		x.oauthError(oerr)
		return
	}
	client, oerr := as.org.authenticate(x, form, as.base+"/v1/interact")
	if oerr == nil {
		oerr = checkInteract(client, form)
	}
	if oerr != nil {
		x.oauthError(oerr)
		return
	}
	t := &transaction{
		client: client, server: as, interact: secretID(""),
		challenge: form.Get("code_challenge"), state: form.Get("state"), nonce: form.Get("nonce"), scopes: strings.Fields(form.Get("scope")),
	}
	if oerr := as.org.begun(t, form, x.now); oerr != nil {
		x.oauthError(oerr)
		return
	}
	x.json(http.StatusOK, "application/json", map[string]string{"interaction_handle": t.interact})
}

// begun keeps a new transaction, unless the mailed token that it came with is no good.
func (o *Org) begun(t *transaction, form url.Values, now time.Time) *oauthError {
	o.mu.Lock()
	defer o.mu.Unlock()
	t.stage = o.cfg.Load().Policy.firstStage()
	if oerr := o.redeemWelcome(t, form, now); oerr != nil {
		return oerr
	}
	o.addTransaction(t, now)
	return nil
}

func checkInteract(client *Client, form url.Values) *oauthError {
	if !slices.Contains(client.RedirectURIs, form.Get("redirect_uri")) {
		return invalidRequest("The 'redirect_uri' parameter must be a Login redirect URI in the client app settings.")
	}
	if form.Get("state") == "" {
		return invalidRequest("The authentication request has an invalid 'state' parameter.")
	}
	switch {
	case form.Get("code_challenge") == "":
		return invalidRequest("A PKCE code challenge is required for the interaction code flow.")
	case form.Get("code_challenge_method") != "S256":
		return invalidRequest("The PKCE code challenge method is not supported: use 'S256'.")
	case !s256.MatchString(form.Get("code_challenge")):
		return invalidRequest("The PKCE code challenge is invalid.")
	}
	scopes := strings.Fields(form.Get("scope"))
	if !slices.Contains(scopes, "openid") {
		return &oauthError{http.StatusBadRequest, "invalid_scope", "The 'openid' scope is required."}
	}
	for _, s := range scopes {
		if !slices.Contains(scopesKnown, s) {
			return &oauthError{http.StatusBadRequest, "invalid_scope", "One or more scopes are not configured for the authorization server resource."}
		}
	}
	return nil
}
