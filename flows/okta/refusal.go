package okta

import (
	"encoding/json"
	"fmt"

	"sidegate.example/sidegate/flows"
)

// Code is Okta's stable code in a body that is no IDX document: the errorCode of the platform ("E0000047") or
// the error of OAuth ("invalid_client"); "" when there is none (identity-engine.md §8.4).
func (r *Response) Code() string {
	code, _ := r.codes()
	return code
}

// Refusal is what Okta refused, and nothing else of its answer: it is for logs, and for who steers by the code.
type Refusal struct {
	// Endpoint and Status are those of the Response.
	Endpoint string
	Status   int
	// Code and ErrorID are Okta's, RequestID finds the call in the org's System Log; each "" when there is none.
	Code, ErrorID, RequestID string
}

func (r *Refusal) Error() string {
	text := fmt.Sprintf("%s: HTTP %d", r.Endpoint, r.Status)
	if r.Code != "" {
		text += " " + r.Code
	}
	if r.ErrorID != "" {
		text += ", errorId " + r.ErrorID
	}
	if r.RequestID != "" {
		text += ", request " + r.RequestID
	}
	return text
}

// Refuse makes the error that tells the operator what Okta refused. It wraps a *Refusal.
func (r *Response) Refuse(reason flows.Reason) *flows.Error {
	code, id := r.codes()
	return &flows.Error{Reason: reason, Err: &Refusal{r.Endpoint, r.Status, code, id, r.RequestID}}
}

func (r *Response) codes() (code, id string) {
	var body struct {
		ErrorCode string `json:"errorCode"`
		ErrorID   string `json:"errorId"`
		Error     string `json:"error"`
	}
	if json.Unmarshal(r.Body, &body) != nil {
		return "", ""
	}
	code = token(body.ErrorCode)
	if code == "" {
		code = token(body.Error)
	}
	return code, token(body.ErrorID)
}

// token lets through what looks like a code or an id: error texts go to logs, and a proxy in between may write
// anything here.
func token(s string) string {
	if len(s) > 64 {
		return ""
	}
	for _, b := range []byte(s) {
		if !('a' <= b && b <= 'z' || 'A' <= b && b <= 'Z' || '0' <= b && b <= '9' || b == '_' || b == '-' || b == '.') {
			return ""
		}
	}
	return s
}
