package okta

import "strings"

// Endpoints as metric labels: a closed set, so that no href of an answer makes a new label.
const endpointOther = "other"

// endpoints are tried in order; the first whose prefix and suffix fit names the call.
var endpoints = []struct{ prefix, suffix, name string }{
	{"/oauth2/", "/v1/interact", "interact"},
	{"/oauth2/", "/v1/token", "token"},
	{"/oauth2/", "/v1/keys", "keys"},
	{"/oauth2/", "/v1/userinfo", "userinfo"},
	{"/", "/.well-known/openid-configuration", "metadata"},
	{"/idp/idx/", "/introspect", "introspect"},
	{"/idp/idx/", "/identify", "identify"},
	{"/idp/idx/", "/challenge", "challenge"},
	{"/idp/idx/", "/challenge/answer", "answer"},
	{"/idp/idx/", "/challenge/resend", "resend"},
	{"/idp/idx/", "/poll/cancel", "probe_cancel"},
	{"/idp/idx/", "/poll", "poll"},
	{"/idp/idx/", "/cancel", "cancel"},
	{"/idp/idx/", "/skip", "skip"},
	{"/idp/idx/", "/keep-me-signed-in", "keep_me_signed_in"},
	{"/api/v1/authn", "", "authn"},
	{"/api/v1/users/", "/verify", "factor_verify"},
	{"/api/v1/users/", "/factors", "factors"},
	{"/api/v1/users/", "", "users"},
}

// endpointOf names the endpoint of a path without its query.
func endpointOf(path string) string {
	for _, e := range endpoints {
		if !strings.HasPrefix(path, e.prefix) {
			continue
		}
		// Prefix and suffix may share a slash: "/oauth2/v1/token" is of the org's own server.
		rest := path[len(strings.TrimSuffix(e.prefix, "/")):]
		if strings.HasSuffix(rest, e.suffix) {
			return e.name
		}
	}
	return endpointOther
}
