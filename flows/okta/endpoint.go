package okta

import "strings"

// Endpoints as metric labels: a closed set, so that no href of an answer makes a new label.
const endpointOther = "other"

// endpoint is where a call goes: its name, and the bucket of Okta's rate limits that it is counted in.
type endpoint struct{ name, bucket string }

// bucketAPI counts "most other /api/v1 endpoints" together (factors-api.md §8.2).
const bucketAPI = "api"

// endpoints are tried in order; the first whose prefix, part and suffix fit names the call. Its bucket is its own unless
// one is named.
var endpoints = []struct{ prefix, part, suffix, name, bucket string }{
	{"/oauth2/", "", "/v1/interact", "interact", ""},
	{"/oauth2/", "", "/v1/token", "token", ""},
	{"/oauth2/", "", "/v1/keys", "keys", ""},
	{"/oauth2/", "", "/v1/userinfo", "userinfo", ""},
	{"/", "", "/.well-known/openid-configuration", "metadata", ""},
	{"/idp/idx/", "", "/introspect", "introspect", ""},
	{"/idp/idx/", "", "/identify", "identify", ""},
	{"/idp/idx/", "", "/challenge", "challenge", ""},
	{"/idp/idx/", "", "/challenge/answer", "answer", ""},
	{"/idp/idx/", "", "/challenge/resend", "resend", ""},
	{"/idp/idx/", "", "/poll/cancel", "probe_cancel", ""},
	{"/idp/idx/", "", "/poll", "poll", ""},
	{"/idp/idx/", "", "/cancel", "cancel", ""},
	{"/idp/idx/", "", "/skip", "skip", ""},
	{"/idp/idx/", "", "/keep-me-signed-in", "keep_me_signed_in", ""},
	{"/api/v1/authn/factors/", "", "/verify", "authn_verify", ""},
	{"/api/v1/authn", "", "", "authn", ""},
	{"/api/v1/users/", "/factors/", "/verify", "factor_verify", ""},
	{"/api/v1/users/", "/factors/", "/lifecycle/activate/poll", "factor_enroll_poll", bucketAPI},
	{"/api/v1/users/", "/factors/", "/lifecycle/activate", "factor_activate", ""},
	{"/api/v1/users/", "/factors/", "/resend", "factor_resend", ""},
	{"/api/v1/users/", "/transactions/", "", "factor_poll", bucketAPI},
	{"/api/v1/users/", "/factors", "", "factors", bucketAPI},
	{"/api/v1/users/", "", "/groups", "groups", bucketAPI},
	{"/api/v1/users/", "", "", "users", ""},
}

// endpointOf names the endpoint of a path without its query.
func endpointOf(path string) endpoint {
	for _, e := range endpoints {
		if !strings.HasPrefix(path, e.prefix) {
			continue
		}
		// Prefix and suffix may share a slash: "/oauth2/v1/token" is of the org's own server.
		rest := path[len(strings.TrimSuffix(e.prefix, "/")):]
		if !strings.HasSuffix(rest, e.suffix) || !strings.Contains(rest, e.part) {
			continue
		}
		if e.bucket == "" {
			e.bucket = e.name
		}
		return endpoint{e.name, e.bucket}
	}
	return endpoint{endpointOther, endpointOther}
}
