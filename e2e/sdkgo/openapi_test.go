package sdkgo

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/legacy"
)

// specification is Okta's own description of the operations, which is kept beside the repository.
const specification = "../../../shared/okta/factors-openapi.yaml"

// specified finds the operation of a request; nil where the specification is absent.
func specified(t *testing.T) routers.Router {
	t.Helper()
	if _, err := os.Stat(specification); err != nil {
		t.Log("answers are not held against ../shared/okta/factors-openapi.yaml, which is absent")
		return nil
	}
	doc, err := openapi3.NewLoader().LoadFromFile(specification)
	if err != nil {
		t.Fatal(err)
	}
	doc.Servers = nil // any host
	router, err := legacy.NewRouter(doc, openapi3.DisableExamplesValidation())
	if err != nil {
		t.Fatal(err)
	}
	return router
}

// validating holds every answer of an operation that Okta specifies against the specification.
type validating struct {
	t      *testing.T
	next   http.RoundTripper
	router routers.Router
	seen   map[string]int // answers judged, by operation
}

func (v *validating) RoundTrip(r *http.Request) (*http.Response, error) {
	response, err := v.next.RoundTrip(r)
	if err != nil || v.router == nil {
		return response, err
	}
	route, parameters, err := v.router.FindRoute(r)
	if err != nil {
		return response, nil // not specified: token, reset of factors
	}
	body, err := io.ReadAll(response.Body)
	response.Body.Close()
	response.Body = io.NopCloser(bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	v.judge(r.Context(), r, route, parameters, response, body)
	return response, nil
}

func (v *validating) judge(ctx context.Context, r *http.Request, route *routers.Route, parameters map[string]string, response *http.Response, body []byte) {
	v.seen[route.Operation.OperationID]++
	err := openapi3filter.ValidateResponse(ctx, &openapi3filter.ResponseValidationInput{
		RequestValidationInput: &openapi3filter.RequestValidationInput{Request: r, PathParams: parameters, Route: route},
		Status:                 response.StatusCode, Header: response.Header, Body: io.NopCloser(bytes.NewReader(body)),
		Options: &openapi3filter.Options{IncludeResponseStatus: true},
	})
	if err != nil {
		v.t.Errorf("%s answered %d, which is not as specified: %v\n%s", route.Operation.OperationID, response.StatusCode, err, body)
	}
}

// What the SDK cannot decode (FastPass in a list, known phones in the catalogue) or never asks for is held against the
// specification all the same.
func TestAnswersAreAsSpecified(t *testing.T) {
	b := newBench(t, credentials["SSWS"]...)
	if b.answers.router == nil {
		t.Skip("../shared/okta/factors-openapi.yaml is absent")
	}
	call := func(method, path, body string, want int) {
		t.Helper()
		r, err := http.NewRequestWithContext(b.ctx, method, orgURL+"/api/v1/users/"+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "SSWS "+token)
		r.Header.Set("Accept", "application/json")
		r.Header.Set("Content-Type", "application/json")
		response, err := b.answers.RoundTrip(r)
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		if response.StatusCode != want {
			answer, _ := io.ReadAll(response.Body)
			t.Errorf("%s %s: %d, want %d: %s", method, path, response.StatusCode, want, answer)
		}
	}
	id := b.user(every)
	call("GET", id+"/factors", "", 200)
	call("GET", id+"/factors/catalog", "", 200)
	call("POST", id+"/factors", `{"factorType":"webauthn","provider":"FIDO"}`, 200)
	call("GET", id+"/factors", "", 200)
	call("POST", id+"/factors/webauthn/verify", "{}", 200)
	call("POST", id+"/factors/token:hardware/verify", `{"passCode":"`+b.org.YubiKeyCode(every)+`"}`, 200)
	call("POST", id+"/factors/push/verify", `{"useNumberMatchingChallenge":true}`, 201)
	call("POST", id+"/factors/token/verify", `{"passCode":"0"}`, 403)
	call("POST", id+"/factors/sms/verify", "{}", 200)
	call("POST", id+"/factors/sms/verify", "{}", 429)
	call("POST", id+"/factors", `{"factorType":"sms","provider":"OKTA"}`, 400)
	call("GET", id+"/factors/unknown", "", 404)
	call("GET", "nobody", "", 404)
}
