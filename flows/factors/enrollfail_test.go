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

// The first code can be sent again, at Okta's own pace and within the budget; the page stays, because the code that was
// sent is still good.
func TestResendOfAnEnrolment(t *testing.T) {
	w := bare(t)
	w.on("POST "+base, 200, enrolled("mblnew", "sms", "OKTA", ""))
	w.on("POST "+base+"/mblnew/resend", 429, `{"errorCode":"E0000109"}`)
	w.start().choose(identity.SMS).typeIn("phoneNumber", "+15554151337").want("code sms")
	w.press("resend").want("code sms [sidegate.too_soon]")
	w.on("POST "+base+"/mblnew/resend", 403, `{"errorCode":"E0000150"}`)
	w.press("resend").want("choose [sidegate.quota]")
	w.choose(identity.SMS).typeIn("phoneNumber", "+15554151337").want("code sms") // the one that was too soon did not count
	w.press("resend").want("code sms [sidegate.too_many_sends]")
	w.press("other").choose(identity.Email).want("choose [sidegate.too_many_sends]")

	w = bare(t)
	w.on("POST "+base, 200, enrolled("mblnew", "sms", "OKTA", ""))
	w.on("POST "+base+"/mblnew/resend", 500, `{}`)
	w.start().choose(identity.SMS).typeIn("phoneNumber", "+15554151337").press("resend").want("error unavailable")
	w.on("POST "+base+"/mblnew/resend", 200, `{}`)
	w.press("resend").want("code sms") // the step is still there
	w.press("resend").want("code sms [sidegate.too_many_sends]")
}

// What Okta says of lists, instead of them, is no list.
func TestListsThatAreNone(t *testing.T) {
	for name, c := range map[string]struct {
		status int
		body   string
		want   string
	}{
		"not JSON":   {200, `<html>`, "error malformed"},
		"an object":  {200, `{"factors":[]}`, "error malformed"},
		"no right":   {403, `{"errorCode":"E0000006"}`, "error misconfigured"},
		"all broken": {400, `{"errorCode":"E0000001"}`, "error misconfigured"}, // an org with Temporary Access Codes, once (§3.3)
		"down":       {503, `{}`, "error unavailable"},
	} {
		for _, list := range []string{base, base + "/catalog", base + "/questions"} {
			w := bare(t)
			w.on("GET "+base+"/questions", 200, `[{"question":"a","questionText":"A?"}]`)
			w.on("GET "+list, c.status, c.body)
			if w.start(); list == base+"/questions" {
				w.choose(identity.SecurityQuestion)
			}
			want := c.want
			if list == base+"/questions" && want == "error misconfigured" {
				want = "error malformed"
			}
			if w.page() != want {
				t.Errorf("%s, %s: the page is %q, want %q", name, list, w.page(), want)
			}
		}
	}
}
