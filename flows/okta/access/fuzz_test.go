package access_test

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"sidegate.example/sidegate/flows"
	"sidegate.example/sidegate/flows/okta"
	"sidegate.example/sidegate/flows/okta/access"
)

// fixed gives the token endpoint one answer, and keeps the Authorization of every other call.
type fixed struct {
	status        int
	body          string
	authorization []string
}

func (f *fixed) RoundTrip(r *http.Request) (*http.Response, error) {
	status, body := f.status, f.body
	if r.URL.Path != okta.TokenPath {
		f.authorization = append(f.authorization, r.Header.Get("Authorization"))
		status, body = 200, `{}`
	}
	return &http.Response{StatusCode: status, Body: io.NopCloser(strings.NewReader(body)), Header: http.Header{}}, nil
}

// Whatever the token endpoint answers: it is one token in one header, or a *flows.Error that repeats nothing of it but
// an error code.
func FuzzTokenAnswer(f *testing.F) {
	for _, body := range []string{
		`{"token_type":"Bearer","access_token":"tok.en","expires_in":3600}`, `{"token_type":"DPoP","access_token":"tok","expires_in":-1}`,
		`{"token_type":"bearer","access_token":"a b","expires_in":1e3}`, `{"error":"invalid_client"}`, `{"error":"use_dpop_nonce"}`,
		`{"error":"invalid_dpop_proof"}`, `{"access_token":1}`, `[]`, `null`, ``, `{"token_type":"Bearer","access_token":"x","expires_in":9223372036854775807}`,
	} {
		for _, status := range []int{200, 400, 401, 429, 500} {
			f.Add(status, body)
		}
	}
	key := newOrg(f).key
	f.Fuzz(func(t *testing.T, status int, body string) {
		if status < 100 || status > 999 {
			return
		}
		transport := &fixed{status: status, body: body}
		client, err := okta.New(okta.Config{Org: "https://acme.okta.com", Transport: transport})
		if err != nil {
			t.Fatal(err)
		}
		a, err := access.New(access.Config{Client: client, ClientID: "0oasvc", PrivateKey: key, KeyID: "k1"})
		if err != nil {
			t.Fatal(err)
		}
		_, err = a.Do(t.Context(), browser(t), get)
		failed := new(flows.Error)
		switch {
		case err == nil && (len(transport.authorization) != 1 || strings.ContainsAny(transport.authorization[0], "\r\n") ||
			!strings.HasPrefix(transport.authorization[0], "Bearer ") && !strings.HasPrefix(transport.authorization[0], "DPoP ")):
			t.Errorf("%d %q made %q", status, body, transport.authorization)
		case err == nil && status != 200:
			t.Errorf("%d %q is taken for a token", status, body)
		case err != nil && (!errors.As(err, &failed) || len(transport.authorization) > 0 || strings.ContainsAny(err.Error(), "\r\n<>")):
			t.Errorf("%d %q: %v after %q", status, body, err, transport.authorization)
		}
	})
}
