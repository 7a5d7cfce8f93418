package oktasim_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"sidegate.example/sidegate/oktasim"
)

// An admin's button beside the phone voids the person's refresh tokens and tells each app that has Universal Logout, with a
// token for its very address; nobody else's are touched. An org without such an app has no button.
func TestClearUserSessions(t *testing.T) {
	status := http.StatusNoContent
	var told []map[string]any
	app := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var body map[string]any
		if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
			t.Error(err)
		}
		body["claims"] = claims(t, strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer "))
		told = append(told, body)
		w.WriteHeader(status)
	}))
	defer app.Close()
	b := newBench(t, func(c *oktasim.Config) { c.Clients[0].GlobalTokenRevocation = app.URL + "/revoke" })
	s := b.beginWith("openid offline_access")
	refresh := s.form("/oauth2/default/v1/token", s.tokenForm(s.signedInCode())).str("refresh_token")
	use := func(token string) *answer {
		return b.form("/oauth2/default/v1/token", url.Values{"grant_type": {"refresh_token"}, "refresh_token": {token}, "scope": {"openid offline_access"},
			"client_id": {confidentialID}, "client_secret": {secret}})
	}

	if page := string(b.do("GET", orgURL+"/phone/", "", nil).body); !strings.Contains(page, `action="/phone/`+totpUser+`/clear"`) {
		t.Error("the list of phones has no button")
	}
	if a := b.form("/phone/"+totpUser+"/clear", nil); a.status != http.StatusSeeOther {
		t.Fatalf("somebody else: %d", a.status)
	}
	a := use(refresh)
	if a.status != http.StatusOK {
		t.Fatalf("somebody else's sessions were cleared: %d %s", a.status, a.body)
	}
	if a := b.form("/phone/"+pushUser+"/clear", nil); a.status != http.StatusSeeOther || a.header.Get("Location") != "/phone/" {
		t.Fatalf("%d to %q", a.status, a.header.Get("Location"))
	}
	use(a.str("refresh_token")).wantError(400, "invalid_grant")
	if len(told) != 2 {
		t.Fatalf("the app was told %d times", len(told))
	}
	subject, _ := told[1]["sub_id"].(map[string]any)
	signed, _ := told[1]["claims"].(map[string]any)
	if subject["format"] != "iss_sub" || subject["iss"] != orgURL || subject["sub"] == "" || signed["aud"] != app.URL+"/revoke" || signed["iss"] != orgURL {
		t.Errorf("the app was told %v", told[1])
	}

	status = http.StatusServiceUnavailable
	if a := b.form("/phone/"+pushUser+"/clear", nil); a.status != http.StatusBadGateway || !strings.Contains(string(a.body), "status 503") {
		t.Errorf("an app that fails: %d %s", a.status, a.body)
	}
	if a := b.form("/phone/nobody/clear", nil); a.status != http.StatusBadGateway {
		t.Errorf("nobody: %d", a.status)
	}
	if page := string(newBench(t).do("GET", orgURL+"/phone/", "", nil).body); strings.Contains(page, "/clear") {
		t.Error("an org without Universal Logout has the button")
	}
}
