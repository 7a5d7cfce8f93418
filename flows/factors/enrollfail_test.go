package factors_test

import (
	"net/http"
	"testing"

	"sidegate.example/sidegate/gateway/identity"
)

// What Okta does not take is said, and something else can be chosen.
func TestEnrolmentIsNotTaken(t *testing.T) {
	for name, c := range map[string]struct {
		status int
		code   string
		want   string
	}{
		"exists":     {400, "E0000001", "choose [sidegate.not_set_up]"},
		"bad number": {400, "E0000098", "choose [sidegate.not_set_up]"},
		"policy":     {403, "E0000006", "choose [sidegate.not_set_up]"},
		"too soon":   {429, "E0000109", "choose [sidegate.too_soon]"},
		"quota":      {429, "E0000186", "choose [sidegate.quota]"},
		"rate limit": {429, "E0000047", "error rate_limited"},
		"bad token":  {401, "E0000011", "error misconfigured"},
		"down":       {500, "E0000009", "error unavailable"},
	} {
		w := bare(t)
		w.on("POST "+base, c.status, `{"errorCode":"`+c.code+`"}`)
		if w.start().choose(identity.GoogleOTP).page() != c.want {
			t.Errorf("%s: the page is %q (%v), want %q", name, w.page(), w.err, c.want)
		}
	}
	w := bare(t)
	w.on("POST "+base, http.StatusOK, enrolled("../x", "push", "OKTA", activation))
	w.start().choose(identity.Push).want("error malformed")
}
