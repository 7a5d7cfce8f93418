package okta_test

import (
	"net/http"
	"net/url"
	"reflect"
	"testing"

	"sidegate.example/sidegate/flows/okta"
)

// The token call is the service's own: it goes to one place, and nothing of a browser is on it (S22).
func TestTokenCall(t *testing.T) {
	var got *http.Request
	c, _ := org(t, func(w http.ResponseWriter, r *http.Request) {
		got = r
		_ = r.ParseForm()
		w.Header().Set("DPoP-Nonce", "n1")
		w.Header().Set("X-Okta-Request-Id", "req-1")
		w.WriteHeader(http.StatusBadRequest)
		_, _ = w.Write([]byte(`{"error":"use_dpop_nonce"}`))
	})
	res, err := c.Token(t.Context(), okta.TokenRequest{Form: url.Values{"grant_type": {"client_credentials"}}, DPoP: "proof"})
	if err != nil {
		t.Fatal(err)
	}
	want := http.Header{
		"Accept": {"application/json"}, "Accept-Encoding": {"gzip"}, "Content-Type": {"application/x-www-form-urlencoded"},
		"Content-Length": {"29"}, "Dpop": {"proof"}, "User-Agent": {"sidegate"},
	}
	if !reflect.DeepEqual(got.Header, want) || got.URL.Path != "/oauth2/v1/token" || got.PostForm.Get("grant_type") != "client_credentials" {
		t.Errorf("%s %v\nwant %v", got.URL, got.Header, want)
	}
	if res.DPoPNonce != "n1" || res.RequestID != "req-1" || res.Endpoint != "token" {
		t.Errorf("%+v", res)
	}
	if text := res.Refuse("x").Err.Error(); text != "token: HTTP 400 use_dpop_nonce, request req-1" {
		t.Errorf("the refusal says %q", text)
	}
}
