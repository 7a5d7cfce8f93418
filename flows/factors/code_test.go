package factors_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"sidegate.example/sidegate/flows"
	"sidegate.example/sidegate/flows/factors"
	"sidegate.example/sidegate/gateway/identity"
)

const wrongCode = `{"errorCode":"E0000068","errorSummary":"Invalid Passcode/Answer","errorCauses":[]}`

// Each factor with a code: what is sent to have one, what is sent to verify it, and how the page calls it.
func TestCodes(t *testing.T) {
	challenge := func(profile string) string {
		return `{"factorResult":"CHALLENGE","profile":{` + profile + `},"_links":{"verify":{"href":"https://evil.example/verify"}}}`
	}
	for _, c := range []struct {
		factor     identity.Factor
		id         string
		challenged bool
		typed      string
		sent       string
		device     string
	}{
		{identity.TOTP, "ostokta", false, " 123 456 ", `{"passCode":"123456"}`, ""},
		{identity.GoogleOTP, "uftgoogle", false, "012345", `{"passCode":"012345"}`, ""},
		{identity.HardwareOTP, "chfhotp", false, "ccccccjlkdjiblkkjhfjtvbdrhrjhklnbceutbkgldbt", `{"passCode":"ccccccjlkdjiblkkjhfjtvbdrhrjhklnbceutbkgldbt"}`, ""},
		{identity.SMS, "smsphone", true, "123456", `{"passCode":"123456"}`, "••• 1337"},
		{identity.Voice, "clfphone", true, "12345", `{"passCode":"12345"}`, "••• 1337"},
		{identity.Email, "emfmail", true, "123456", `{"passCode":"123456"}`, "i•••@mail.example"},
		{identity.SecurityQuestion, "ufsquestion", false, " rote  Grütze ", `{"answer":"rote  Grütze"}`, ""},
	} {
		t.Run(string(c.factor), func(t *testing.T) {
			w := newWorld(t)
			w.TB = t
			verify := base + "/" + c.id + "/verify"
			w.do("POST "+verify, func(in call) (int, string) {
				if in.body == "" {
					return 200, challenge("")
				}
				return 200, `{"factorResult":"SUCCESS"}`
			})
			w.start().choose(c.factor).want("code " + string(c.factor))
			if w.step.Device != c.device || len(w.step.Fields) != 1 {
				t.Errorf("the page says %q, %+v", w.step.Device, w.step.Fields)
			}
			var want []string
			if c.challenged {
				want = append(want, "POST "+verify)
			}
			w.wantSent(want...)
			w.code(c.typed).want("done 00uisaac " + string(c.factor))
			w.wantSent(append(want, "POST "+verify+" "+c.sent)...)
		})
	}
}

// To Okta an empty or forgotten code is a new challenge, which sends another message (§5.1).
func TestMalformedCodesNeverLeave(t *testing.T) {
	for factor, codes := range map[identity.Factor][]string{
		identity.TOTP:             {"", "   ", "12345", "123456789", "12345x", "１２３４５６", "12345\n", "\x00"},
		identity.SMS:              {"", " ", "12345", "abcdef", "-12345"},
		identity.Voice:            {"", "123", "1234567890"},
		identity.Email:            {"", "   ", "123", strings.Repeat("1", 65), "1234\x00", "ünicöde"},
		identity.HardwareOTP:      {"", "  ", "123", strings.Repeat("c", 65)},
		identity.SecurityQuestion: {"", "   ", strings.Repeat("x", 2000), "a\x00b", "\xff"},
	} {
		w := newWorld(t)
		for _, id := range []string{"smsphone", "clfphone", "emfmail"} {
			w.on("POST "+base+"/"+id+"/verify", 200, `{"factorResult":"CHALLENGE"}`)
		}
		w.start().choose(factor)
		before := len(w.sent())
		for _, code := range codes {
			w.code(code).want("code " + string(factor) + " passCode[sidegate.code_format]")
		}
		w.typeIn().want("code " + string(factor) + " passCode[sidegate.code_format]")
		if got := w.sent(); len(got) != before {
			t.Errorf("%s: Okta received %v", factor, got[before:])
		}
	}
}

// verifyTable is every row of §5.2 for a code, and the errors of §9 that bear on one.
func TestVerifyAnswers(t *testing.T) {
	result := func(s string) string { return `{"factorResult":"` + s + `"}` }
	code := func(s string) string { return `{"errorCode":"` + s + `","errorId":"oae9"}` }
	const again = "code totp passCode"
	for name, c := range map[string]struct {
		status  int
		body    string
		want    string
		counted bool
	}{
		"success":           {200, result("SUCCESS"), "done 00uisaac totp", false},
		"wrong":             {403, wrongCode, again + "[api.authn.error.PASSCODE_INVALID]", true},
		"failed":            {200, result("FAILED"), again + "[api.authn.error.PASSCODE_INVALID]", true},
		"challenge":         {200, result("CHALLENGE"), again + "[api.authn.error.PASSCODE_INVALID]", true},
		"replayed":          {200, result("PASSCODE_REPLAYED"), again + "[sidegate.code_replayed]", false},
		"replayed, error":   {403, code("E0000082"), again + "[sidegate.code_replayed]", false},
		"late":              {200, result("TIME_WINDOW_EXCEEDED"), again + "[sidegate.code_late]", false},
		"late, error":       {403, code("E0000083"), again + "[sidegate.code_late]", false},
		"error":             {200, result("ERROR"), "choose [sidegate.factor_failed]", false},
		"factor error":      {400, code("E0000074"), "choose [sidegate.factor_failed]", false},
		"factor is gone":    {404, code("E0000007"), "choose [sidegate.factor_gone]", false},
		"inactive":          {410, code("E0000153"), "choose [sidegate.factor_gone]", false},
		"rejected":          {200, result("REJECTED"), "denied denied_on_phone", true},
		"timeout":           {200, result("TIMEOUT"), "denied timeout", true},
		"waiting":           {200, result("WAITING"), "denied unsupported final", true},
		"locked":            {403, code("E0000069"), "denied locked final", true},
		"policy":            {403, code("E0000085"), "denied policy final", true},
		"other state":       {403, code("E0000079"), "denied expired final", true},
		"S71 unknown":       {200, result("MFA_ENROLL"), "denied unsupported final", true},
		"S71 missing":       {200, `{}`, "denied unsupported final", true},
		"S71 unknown error": {403, code("E9999999"), "denied unsupported final", true},
		"S71 no body":       {403, ``, "denied unsupported final", true},
		"no right":          {403, code("E0000006"), "error misconfigured", false},
		"bad token":         {401, code("E0000011"), "error misconfigured", false},
		"no code at all":    {401, ``, "error misconfigured", false},
		"S77 not JSON":      {200, `SUCCESS`, "error malformed", true},
		"S77 rate limit":    {429, code("E0000047"), "error rate_limited", false},
		"S77 down":          {500, code("E0000009"), "error unavailable", true}, // Okta may have counted it
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.TB = t
			w.on("POST "+base+"/ostokta/verify", c.status, c.body)
			w.start().choose(identity.TOTP).code("123456").want(c.want)
			w.wantSent(`POST ` + base + `/ostokta/verify {"passCode":"123456"}`) // once, whatever came back
			wait, _ := w.budget.Wait(t.Context(), "code/"+userID, 1, 5*time.Minute)
			if (wait > 0) != c.counted && !strings.Contains(c.want, "misconfigured") {
				t.Errorf("counted: %v, want %v", wait > 0, c.counted)
			}
			if w.step.Kind == flows.KindDenied && w.step.Denied.Final && (w.step.Cause == nil || !strings.Contains(w.step.Cause.Error(), "request req-1")) {
				t.Errorf("the log gets %v", w.step.Cause)
			}
		})
	}
}

// A token that is out of step is asked for the code after this one, which is no wrong attempt (§5.2).
func TestNextCodeOfAToken(t *testing.T) {
	w := newWorld(t)
	w.on("POST "+base+"/chfhotp/verify", 200, `{"factorResult":"CHALLENGE"}`, `{"factorResult":"SUCCESS"}`)
	w.start().choose(identity.HardwareOTP).code("111111").want("code hardware_otp passCode[sidegate.next_code]")
	w.code("222222").want("done 00uisaac hardware_otp")
	w.wantSent(`POST `+base+`/chfhotp/verify {"passCode":"111111"}`, `POST `+base+`/chfhotp/verify {"passCode":"222222"}`)

	w = newWorld(t) // the same as an error (E0000113)
	w.on("POST "+base+"/chfhotp/verify", 409, `{"errorCode":"E0000113"}`)
	w.start().choose(identity.HardwareOTP).code("111111").want("code hardware_otp passCode[sidegate.next_code]")
}

// The codes of two phones look alike: each is tried, and never so often that Okta locks the account.
func TestSeveralOktaVerify(t *testing.T) {
	w := newWorld(t)
	w.on("GET "+base, 200, `[{"id":"ost1","factorType":"token:software:totp","provider":"OKTA","status":"ACTIVE"},
		{"id":"ost2","factorType":"token:software:totp","provider":"OKTA","status":"ACTIVE"}]`)
	w.on("POST "+base+"/ost1/verify", 403, wrongCode)
	w.on("POST "+base+"/ost2/verify", 200, `{"factorResult":"SUCCESS"}`)
	w.start().want("code totp").code("123456").want("done 00uisaac totp")
	w.on("POST "+base+"/ost2/verify", 403, wrongCode)
	w.start().code("123456").want("code totp passCode[api.authn.error.PASSCODE_INVALID]")
	w.code("234567").want("denied too_many final")
	if n := len(w.sent()); n != 6 {
		t.Errorf("Okta judged %d codes, want 2 and then 4", n)
	}
}

// S63: eleven wrong codes for one person, each from another address and in a sign-in of its own, are three at Okta, which
// locks the account at five. A right one begins anew.
func TestS63WrongCodes(t *testing.T) {
	w := newWorld(t)
	w.on("POST "+base+"/ostokta/verify", 403, wrongCode)
	tries := func(n int) (sent, stopped int) {
		before := w.posts()
		for i := range n {
			w.cc, _ = flows.NewClientContext(address, agent, "de", "")
			w.start(flows.FieldIdentifier, []string{"isaac@example.com", "ISAAC@example.com", "isaac@EXAMPLE.com"}[i%3])
			if w.choose(identity.TOTP).step.Kind != flows.KindDenied {
				w.code(fmt.Sprint(100000 + i))
			}
			if w.step.Kind == flows.KindDenied {
				stopped++
			}
		}
		return w.posts() - before, stopped
	}
	for _, name := range []string{"ISAAC@example.com", "isaac@EXAMPLE.com"} {
		w.on("GET "+users+name, 200, person("ACTIVE"))
	}
	if sent, stopped := tries(11); sent != 3 || stopped != 9 {
		t.Errorf("Okta judged %d codes, want 3; %d were stopped, want 9 (the third one too)", sent, stopped)
	}

	w = newWorld(t)
	w.on("POST "+base+"/ostokta/verify", 403, wrongCode)
	for range 3 {
		w.on("POST "+base+"/ostokta/verify", 403, wrongCode)
		w.start().choose(identity.TOTP).code("111111").code("222222").want("code totp passCode[api.authn.error.PASSCODE_INVALID]")
		w.on("POST "+base+"/ostokta/verify", 200, `{"factorResult":"SUCCESS"}`)
		w.code("333333").want("done 00uisaac totp")
	}
}

// S63: guesses of several kinds share the budget, and so does the answer to a question.
func TestS63OneBudgetForAllCodes(t *testing.T) {
	w := newWorld(t)
	for _, id := range []string{"ostokta", "uftgoogle", "ufsquestion"} {
		w.on("POST "+base+"/"+id+"/verify", 403, wrongCode)
	}
	w.start().choose(identity.TOTP).code("111111")
	w.press("other").choose(identity.GoogleOTP).code("111111")
	w.press("other").choose(identity.SecurityQuestion).code("soup").want("denied too_many final")
	w.start().choose(identity.GoogleOTP).want("denied too_many final")
}

// S64: before there is a person, spellings of one name are one name.
func TestS64Spellings(t *testing.T) {
	w := newWorld(t, func(c *factors.Config) { c.Primary, c.Limits.Passwords = factors.PrimaryPassword, 3 })
	w.on("POST /api/v1/authn", 401, `{"errorCode":"E0000004"}`)
	for i, name := range []string{"straße@x", " STRASSE@x", "ＳＴＲＡＳＳＥ@x", "strasse@X", "StraSSe@x"} {
		want := "identify [sidegate.credentials]"
		if i >= 3 {
			want = "identify [sidegate.too_many_tries]"
		}
		w.start(flows.FieldIdentifier, name, flows.FieldPassword, "wrong").want(want)
	}
	if n := len(w.sent()); n != 3 {
		t.Errorf("Okta judged %d passwords, want 3", n)
	}
	w.start(flows.FieldIdentifier, "strasser@x", flows.FieldPassword, "wrong").want("identify [sidegate.credentials]")
}

// S72: a name is counted to its last letter.
func TestS72LongNames(t *testing.T) {
	w := newWorld(t, func(c *factors.Config) { c.Primary, c.Limits.Passwords = factors.PrimaryPassword, 1 })
	w.on("POST /api/v1/authn", 401, `{"errorCode":"E0000004"}`)
	for _, n := range []int{60, 71, 72, 300} {
		for _, last := range []string{"a", "b"} {
			w.start(flows.FieldIdentifier, strings.Repeat("x", n)+last, flows.FieldPassword, "w").want("identify [sidegate.credentials]")
		}
		w.start(flows.FieldIdentifier, strings.Repeat("x", n)+"a", flows.FieldPassword, "w").want("identify [sidegate.too_many_tries]")
	}
}
