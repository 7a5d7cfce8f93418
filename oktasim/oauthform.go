package oktasim

import (
	"mime"
	"net/http"
	"net/url"
)

// oauthError is the error family of interact, token and userinfo (identity-engine.md §1.5, §7).
type oauthError struct {
	status      int
	Code        string `json:"error"`
	Description string `json:"error_description"`
}

func invalidRequest(description string) *oauthError {
	return &oauthError{http.StatusBadRequest, "invalid_request", description}
}

func invalidClient(description string) *oauthError {
	return &oauthError{http.StatusUnauthorized, "invalid_client", description}
}

func invalidGrant(description string) *oauthError {
	return &oauthError{http.StatusBadRequest, "invalid_grant", description}
}

func (x *exchange) oauthError(e *oauthError) {
	x.json(e.status, "application/json", e)
}

// oauthForm reads the form of an OAuth endpoint: from the body alone, nothing twice, no credentials in
// the URL.
func (x *exchange) oauthForm() (url.Values, *oauthError) {
	mediaType, _, err := mime.ParseMediaType(x.r.Header.Get("Content-Type"))
	if err != nil || mediaType != "application/x-www-form-urlencoded" {
		return nil, invalidRequest("The Content-Type must be application/x-www-form-urlencoded.")
	}
	query, err := url.ParseQuery(x.r.URL.RawQuery)
	if err != nil {
		return nil, invalidRequest("The query is malformed.")
	}
	if query.Has("client_secret") || query.Has("client_assertion") {
		return nil, invalidRequest("Client credentials must not be sent in the query of the URL.")
	}
	form, err := url.ParseQuery(string(x.body))
	if err != nil {
		return nil, invalidRequest("The request body is malformed.")
	}
	for name, values := range form {
		if len(values) > 1 || query.Has(name) {
			return nil, invalidRequest("Duplicate parameters in the request: '" + name + "'.")
		}
	}
	return form, nil
}
