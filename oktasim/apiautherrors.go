package oktasim

import "net/http"

// apiReply is an answer of the Users, Factors and Authentication API. The body is encoded after mu is released, so it
// shares nothing that changes.
type apiReply struct {
	status int
	body   any // nil for none
}

// apiError is Okta's error object (factors-api.md §1.1).
type apiError struct {
	Code    string       `json:"errorCode"`
	Summary string       `json:"errorSummary"`
	Link    string       `json:"errorLink"`
	ID      string       `json:"errorId"`
	Causes  []errorCause `json:"errorCauses"`
}

type errorCause struct {
	Summary string `json:"errorSummary"`
}

func apiFail(status int, code, summary string, causes ...string) apiReply {
	e := apiError{Code: code, Summary: summary, Link: code, Causes: []errorCause{}}
	for _, c := range causes {
		e.Causes = append(e.Causes, errorCause{c})
	}
	return apiReply{status, e}
}

const rateLimited = "API call exceeded rate limit due to too many requests."

// Errors that many operations have (factors-api.md §9).
var (
	accessDenied   = apiFail(http.StatusForbidden, "E0000006", "You do not have permission to perform the requested action")
	invalidSession = apiFail(http.StatusForbidden, "E0000005", "Invalid session")
	invalidToken   = apiFail(http.StatusUnauthorized, "E0000011", "Invalid token provided")
	malformed      = apiFail(http.StatusBadRequest, "E0000003", "The request body was not well-formed.")
	notAllowedNow  = apiFail(http.StatusForbidden, "E0000079", "This operation is not allowed in the current authentication state.")
)

func apiNotFound(what, kind string) apiReply {
	return apiFail(http.StatusNotFound, "E0000007", "Not found: Resource not found: "+what+" ("+kind+")")
}

// notValid is E0000001; what names the member of the request.
func notValid(what string, causes ...string) apiReply {
	return apiFail(http.StatusBadRequest, "E0000001", "Api validation failed: "+what, causes...)
}

// answer sends the reply; every error has an id of its own.
func (x *exchange) answer(rep apiReply) {
	if e, ok := rep.body.(apiError); ok {
		e.ID = secretID("oae")
		rep.body = e
	}
	if rep.body == nil {
		x.status = rep.status
		return
	}
	x.json(rep.status, "application/json", rep.body)
}

// checkMedia wants JSON in and out (factors-api.md §1.1), and a length on every POST.
func (x *exchange) checkMedia() *apiReply {
	h := x.r.Header
	var rep apiReply
	switch {
	case x.r.Method == http.MethodPost && len(x.body) == 0 && h.Get("Content-Length") == "":
		rep = apiFail(http.StatusLengthRequired, "E0000003", "The request body was not well-formed.")
	case h.Get("Accept") == "":
		rep = apiFail(http.StatusBadRequest, "E0000018", "Bad request. Accept and/or Content-Type headers are likely not set.")
	case !acceptsIon(h.Get("Accept")):
		rep = apiFail(http.StatusNotAcceptable, "E0000122", "The requested media type is not supported.")
	case len(x.body) > 0 && !jsonType(h.Get("Content-Type")):
		rep = apiFail(http.StatusBadRequest, "E0000021", "Bad request. Accept and/or Content-Type headers likely do not match supported values.")
	default:
		return nil
	}
	return &rep
}
