package factors_test

import (
	"strings"
	"testing"

	"sidegate.example/sidegate/flows"
	"sidegate.example/sidegate/flows/factors"
	"sidegate.example/sidegate/gateway/identity"
)

const (
	authnUser = `"_embedded":{"user":{"id":"` + userID + `","profile":{"login":"isaac@example.com"}}`
	success   = `{"status":"SUCCESS","sessionToken":"00secret","expiresAt":"2099-01-01T00:00:00Z",` + authnUser + `}}`
	required  = `{"status":"MFA_REQUIRED","stateToken":"007st",` + authnUser + `,"factors":[
		{"id":"opfpixel","factorType":"push","provider":"OKTA","profile":{"name":"Pixel 7"}},
		{"id":"ostokta","factorType":"token:software:totp","provider":"OKTA"},
		{"id":"smsphone","factorType":"sms","provider":"OKTA","profile":{"phoneNumber":"+1 XXX-XXX-1337"}},
		{"id":"ufsquestion","factorType":"question","provider":"OKTA","profile":{"questionText":"What food?"}},
		{"id":"dsfduo","factorType":"web","provider":"DUO"}]},"_links":{"cancel":{"href":"https://rc.okta1.com:80/api/v1/authn/cancel"}}}`
	inside = "/api/v1/authn/factors/"
)

// challenged is a transaction at one factor.
func challenged(result, next, challenge string) string {
	return `{"status":"MFA_CHALLENGE","stateToken":"007st","factorResult":` + result + `,` + authnUser + `,
		"factor":{"id":"opfpixel","factorType":"push","provider":"OKTA"` + challenge + `}},"_links":{"next":{"name":"` + next + `","href":"https://evil.example/"}}}`
}

// classic is a world that asks for the password.
func classic(t testing.TB, change ...func(*factors.Config)) *world {
	t.Helper()
	w := newWorld(t, append([]func(*factors.Config){func(c *factors.Config) { c.Primary = factors.PrimaryPassword }}, change...)...)
	w.on("POST /api/v1/authn", 200, required)
	w.on("POST /api/v1/authn/cancel", 200, `{}`)
	w.on("POST /api/v1/authn/previous", 200, required)
	return w
}

func (w *world) signIn() *world { return w.start(flows.FieldPassword, " p4ss wörd ") }

const authnPost = `POST /api/v1/authn {"context":{"deviceToken":"dev1"},"options":{"multiOptionalFactorEnroll":false,"warnBeforePasswordExpired":true},` +
	`"password":" p4ss wörd ","username":"isaac@example.com"}`

// A password alone lets nobody in: the gate's own factor comes after it, by the Factors API.
func TestPasswordThenPush(t *testing.T) {
	w := classic(t)
	w.on("POST /api/v1/authn", 200, success)
	w.on("POST "+push+"/verify", 201, waitingPush("72"))
	w.on("GET "+pushTx, 200, `{"factorResult":"SUCCESS"}`)
	w.signIn().want("choose").choose(identity.Push).want("wait number_challenge #72")
	if strings.Contains(string(w.state), "00secret") || strings.Contains(string(w.state), "p4ss") {
		t.Errorf("the state holds a secret of the password's: %s", w.state)
	}
	w.poll().want("done 00uisaac password number_challenge")
	w.wantSent(authnPost, `POST `+push+`/verify {"useNumberMatchingChallenge":true}`, "GET "+pushTx)
	if got := w.calls[0].header.Get("Authorization"); got != "SSWS "+ssws {
		t.Errorf("Okta is told %q, and would not take the browser's context", got)
	}
}

// Every status of §6.2.
func TestAuthnStatus(t *testing.T) {
	status := func(s, rest string) string {
		return `{"status":"` + s + `","stateToken":"007st",` + authnUser + `}` + rest + `}`
	}
	const skip = `,"_links":{"skip":{"href":"https://evil.example/skip"}}`
	for name, c := range map[string]struct {
		body string
		want string
		last string // the last call
	}{
		"success":                {success, "choose", authnPost},
		"MFA":                    {required, "choose", authnPost},
		"MFA, other spelling":    {strings.Replace(required, `"factors":`, `"factor":`, 1), "choose", authnPost},
		"enrol, must":            {status("MFA_ENROLL", ""), "denied enrollment final", "cancel"},
		"enrol, may":             {status("MFA_ENROLL", skip), "choose", "skip"},
		"enrol, going on":        {status("MFA_ENROLL_ACTIVATE", ""), "denied enrollment final", "cancel"},
		"password expires":       {status("PASSWORD_WARN", skip), "choose [sidegate.password_expiring]", "skip"},
		"password expires, must": {status("PASSWORD_WARN", ""), "denied unsupported final", "cancel"},
		"password expired":       {status("PASSWORD_EXPIRED", ""), "denied unsupported final", "cancel"},
		"password reset":         {status("PASSWORD_RESET", ""), "denied unsupported final", "cancel"},
		"locked out":             {`{"status":"LOCKED_OUT","_links":{"next":{"name":"unlock"}}}`, "identify [sidegate.credentials]", authnPost},
		"recovery":               {status("RECOVERY", ""), "denied unsupported final", "cancel"},
		"recovery challenge":     {status("RECOVERY_CHALLENGE", ""), "denied unsupported final", "cancel"},
		"unauthenticated":        {status("UNAUTHENTICATED", ""), "denied unsupported final", "cancel"},
		"challenge at once":      {status("MFA_CHALLENGE", ""), "denied unsupported final", "cancel"},
		"S71 unknown":            {status("MFA_BYPASSED", ""), "denied unsupported final", "cancel"},
		"S71 missing":            {`{"sessionToken":"x"}`, "denied unsupported final", authnPost},
		"S71 no user":            {`{"status":"SUCCESS"}`, "error malformed", authnPost},
		"S71 no token":           {strings.Replace(required, "007st", "", 1), "error malformed", authnPost},
		"only what is not known": {`{"status":"MFA_REQUIRED","stateToken":"007st",` + authnUser + `,"factors":[{"id":"dsfduo","factorType":"web","provider":"DUO"}]}}`, "denied enrollment final", "cancel"},
		"S77 not JSON":           {`SUCCESS`, "error malformed", authnPost},
	} {
		t.Run(name, func(t *testing.T) {
			w := classic(t)
			w.TB = t
			w.on("POST /api/v1/authn", 200, c.body)
			w.on("POST /api/v1/authn/skip", 200, success)
			w.signIn().want(c.want)
			got := w.sent()
			if last := got[len(got)-1]; last != c.last && last != `POST /api/v1/authn/`+c.last+` {"stateToken":"007st"}` {
				t.Errorf("the last call is %s", last)
			}
			if strings.HasPrefix(name, "password") && w.step.Denied != nil &&
				(w.step.Denied.Obstacle != flows.ObstaclePasswordElsewhere || w.step.Denied.Link != w.srv.URL+"/enduser/settings") {
				t.Errorf("the page is %+v", w.step.Denied)
			}
		})
	}
}

// Every error of §6.3. Unknown name, wrong password and a locked account that Okta hides are one page.
func TestAuthnErrors(t *testing.T) {
	for code, want := range map[string]string{
		"401 E0000004": "identify [sidegate.credentials]", "401 E0000207": "identify [sidegate.credentials]",
		"401 E0000011": "error misconfigured", "401 E0000064": "denied unsupported final", "403 E0000259": "denied unsupported final",
		"403 E0000069": "identify [sidegate.credentials]", "403 E0000119": "identify [sidegate.credentials]", "403 E0000085": "denied policy final",
		"403 E0000006": "error misconfigured", "403 E0000079": "denied unsupported final", "400 E0000001": "denied unsupported final",
		"429 E0000047": "error rate_limited", "502 E0000240": "error unavailable", "504 E0000241": "error unavailable",
		"401 E0000015": "error misconfigured",
	} {
		w := classic(t)
		status := int(code[0]-'0')*100 + int(code[1]-'0')*10 + int(code[2]-'0')
		w.on("POST /api/v1/authn", status, `{"errorCode":"`+code[4:]+`","errorSummary":"private"}`)
		if w.signIn(); w.page() != want {
			t.Errorf("%s: the page is %q (%v), want %q", code, w.page(), w.err, want)
		}
		w.wantSent(authnPost)
	}
}

// A wrong password can be typed again, on the same page; what was typed is not kept.
func TestPasswordAgain(t *testing.T) {
	w := classic(t)
	w.on("POST /api/v1/authn", 401, `{"errorCode":"E0000004"}`)
	w.signIn().want("identify [sidegate.credentials]")
	if f := w.step.Fields; len(f) != 2 || f[0].Value != login || !f[1].Secret || f[1].Value != "" {
		t.Errorf("the fields are %+v", f)
	}
	w.on("POST /api/v1/authn", 200, success)
	w.typeIn(flows.FieldIdentifier, login, flows.FieldPassword, "right").want("choose")
	for range 5 { // a right one has made the wrong one forgotten
		w.on("POST /api/v1/authn", 401, `{"errorCode":"E0000004"}`)
		w.signIn().want("identify [sidegate.credentials]")
	}
	w.signIn().want("identify [sidegate.too_many_tries]")
	w.start().want("identify") // the name alone, as a page without a password field sends it
	w.start(flows.FieldPassword, strings.Repeat("x", 5000)).want("error bad_answer")
}

// Classic: the transaction of the password is the one that the factor is verified in, and the Factors API is not asked.
func TestClassicPush(t *testing.T) {
	w := classic(t)
	verify := "POST " + inside + "opfpixel/verify"
	w.on(verify, 200, challenged(`"WAITING"`, "poll", ""), challenged(`"WAITING"`, "poll", `,"_embedded":{"challenge":{"correctAnswer":92}}`), success)
	w.signIn().want("choose")
	if got := w.buttons(); got != "factor:push(Pixel 7) factor:totp factor:sms(••• 37) factor:security_question(What food?)" {
		t.Errorf("the buttons are %s", got)
	}
	w.choose(identity.Push).want("wait push #")
	w.poll().want("wait number_challenge #92") // the number comes late
	w.poll().want("done 00uisaac password number_challenge")
	poll := verify + ` {"stateToken":"007st"}`
	w.wantSent(authnPost, poll, poll, poll)
}

// After a refusal the call that polls would send another push (§6.5): it is not made again.
func TestClassicPushEnds(t *testing.T) {
	for result, want := range map[string]string{
		`"REJECTED"`: "denied denied_on_phone", `"TIMEOUT"`: "denied timeout", `"CANCELLED"`: "denied timeout", `"ERROR"`: "choose [sidegate.factor_failed]",
		`"SUCCESS"`: "denied unsupported final", `null`: "denied unsupported final", `"WAITING"`: "denied unsupported final",
		`"REJECTED","factorResultMessage":"OKTA_VERIFY_UPGRADE_REQUIRED"`: "denied update_app",
	} {
		w := classic(t)
		next := "verify"
		if result == "null" {
			next = "poll"
		}
		w.on("POST "+inside+"opfpixel/verify", 200, challenged(`"WAITING"`, "poll", ""), challenged(result, next, ""))
		w.signIn().choose(identity.Push).want("wait push #")
		if w.poll().page() != want {
			t.Errorf("%s: the page is %q, want %q", result, w.page(), want)
		}
		before := w.posts()
		w.poll()
		if w.posts() != before {
			t.Errorf("%s: Okta was asked again", result)
		}
	}
}

// A poll whose answer is lost may have been the last: the transaction is asked where it is before the call is made that
// could send another push.
func TestClassicPollWithoutAnAnswer(t *testing.T) {
	w := classic(t)
	w.on("POST "+inside+"opfpixel/verify", 200, challenged(`"WAITING"`, "poll", ""))
	w.signIn().choose(identity.Push)
	w.on("POST "+inside+"opfpixel/verify", 500, `{}`)
	w.poll().want("wait push #")
	w.on("POST /api/v1/authn", 200, challenged(`"REJECTED"`, "verify", ""))
	w.poll().want("denied denied_on_phone")
	got := w.sent()
	if len(got) != 4 || got[3] != `POST /api/v1/authn {"stateToken":"007st"}` {
		t.Errorf("Okta received %v", got)
	}
	w = classic(t) // and still waiting is waiting
	w.on("POST "+inside+"opfpixel/verify", 200, challenged(`"WAITING"`, "poll", ""))
	w.signIn().choose(identity.Push)
	w.on("POST "+inside+"opfpixel/verify", 500, `{}`)
	w.poll().want("wait push #").poll().want("choose") // somebody went back: nothing was proved by that
}

func TestClassicCodes(t *testing.T) {
	for _, c := range []struct {
		factor     identity.Factor
		id, typed  string
		body       string
		challenged bool
	}{
		{identity.TOTP, "ostokta", "123456", `"passCode":"123456"`, false},
		{identity.SMS, "smsphone", "654321", `"passCode":"654321"`, true},
		{identity.SecurityQuestion, "ufsquestion", "soup", `"answer":"soup"`, false},
	} {
		w := classic(t)
		verify := "POST " + inside + c.id + "/verify"
		var want []string
		if c.challenged {
			w.on(verify, 200, challenged("null", "verify", ""))
			want = append(want, verify+` {"stateToken":"007st"}`)
		}
		w.signIn().choose(c.factor).want("code " + string(c.factor))
		w.on(verify, 403, wrongCode)
		w.code(c.typed).want("code " + string(c.factor) + " passCode[api.authn.error.PASSCODE_INVALID]")
		w.on(verify, 200, success)
		w.code(c.typed).want("done 00uisaac password " + string(c.factor))
		sent := verify + ` {` + c.body + `,"stateToken":"007st"}`
		w.wantSent(append(append([]string{authnPost}, want...), sent, sent)...)
	}
}

// Another factor is chosen by going back first: the transaction is at one at a time.
func TestClassicOtherFactor(t *testing.T) {
	w := classic(t)
	w.on("POST "+inside+"opfpixel/verify", 200, challenged(`"WAITING"`, "poll", ""))
	w.on("POST "+inside+"ostokta/verify", 200, success)
	w.signIn().choose(identity.Push).press("other").choose(identity.TOTP).code("123456").want("done 00uisaac password totp")
	w.wantSent(authnPost, `POST `+inside+`opfpixel/verify {"stateToken":"007st"}`, `POST /api/v1/authn/previous {"stateToken":"007st"}`,
		`POST `+inside+`ostokta/verify {"passCode":"123456","stateToken":"007st"}`)

	w = classic(t)
	w.on("POST "+inside+"opfpixel/verify", 200, challenged(`"WAITING"`, "poll", ""))
	w.signIn().choose(identity.Push)
	if err := w.engine.Cancel(t.Context(), w.cc, w.state); err != nil {
		t.Fatal(err)
	}
	if got := w.sent(); got[len(got)-1] != `POST /api/v1/authn/cancel {"stateToken":"007st"}` {
		t.Errorf("the last call is %s", got[len(got)-1])
	}
}

// Who leaves a push whose answers were lost is no poll: the next factor is asked for where it is, and a call without an
// answer is an error that the person sees.
func TestClassicLeavesAPushWithoutAnAnswer(t *testing.T) {
	lost := func() *world {
		w := classic(t)
		w.on("POST "+inside+"opfpixel/verify", 200, challenged(`"WAITING"`, "poll", ""))
		w.signIn().choose(identity.Push).want("wait push #")
		return w
	}
	w := lost()
	w.on("POST "+inside+"opfpixel/verify", 500, `{}`)
	w.poll().want("wait push #").press("other").want("choose")
	w = lost()
	w.on("POST "+inside+"opfpixel/verify", 500, `{}`)
	w.poll().want("wait push #")
	w.on("POST "+inside+"opfpixel/verify", 200, challenged(`"WAITING"`, "poll", ""))
	w.press("resend").want("wait push #")
	got := w.sent()
	if len(got) != 5 || got[4] != `POST `+inside+`opfpixel/verify {"stateToken":"007st"}` {
		t.Errorf("Okta received %v", got)
	}
	w = lost()
	w.on("POST "+inside+"opfpixel/verify", 500, `{}`)
	w.press("resend").want("error unavailable")
}

// After the factor Okta may still want something: the password comes first, a second question is asked, and a transaction
// that is over says so.
func TestClassicAfterTheFactor(t *testing.T) {
	for body, want := range map[string]string{
		`{"status":"PASSWORD_EXPIRED","stateToken":"007st",` + authnUser + `}}`: "denied unsupported final",
		required: "choose",
		strings.ReplaceAll(success, userID, "00uother"): "error malformed",
		`{"status":"SUCCESS"}`:                          "error malformed",
		`{"status":"PASSWORD_WARN","stateToken":"007st",` + authnUser + `},"_links":{"skip":{"href":"x"}}}`: "done 00uisaac password totp",
	} {
		w := classic(t)
		w.on("POST "+inside+"ostokta/verify", 200, body)
		w.on("POST /api/v1/authn/skip", 200, success)
		if w.signIn().choose(identity.TOTP).code("123456"); w.page() != want {
			t.Errorf("%s\nthe page is %q (%v), want %q", body, w.page(), w.err, want)
		}
	}
	for _, code := range []string{"401 E0000011", "403 E0000006", "403 E0000079"} {
		w := classic(t)
		status := int(code[0]-'0')*100 + int(code[1]-'0')*10 + int(code[2]-'0')
		w.on("POST "+inside+"ostokta/verify", status, `{"errorCode":"`+code[4:]+`"}`)
		w.signIn().choose(identity.TOTP).code("123456").want("denied expired final")
	}
}

// Somebody whose login is another person's id is not that person, at the password and at the factor.
func TestAuthnOfAnId(t *testing.T) {
	for _, answer := range []string{success, required} {
		w := classic(t)
		w.on("POST /api/v1/authn", 200, answer)
		w.on("GET "+users+userID, 200, `{"id":"00uother","status":"ACTIVE","profile":{"login":"`+userID+`"}}`)
		w.signIn().want("denied policy final")
	}
	w := classic(t) // a transaction that changes hands
	w.on("POST "+inside+"ostokta/verify", 200, strings.ReplaceAll(required, userID, "00uother"))
	w.signIn().choose(identity.TOTP).code("123456").want("error malformed")
}

// An Okta that asks to skip for ever is left.
func TestAuthnWithoutEnd(t *testing.T) {
	w := classic(t)
	warn := `{"status":"PASSWORD_WARN","stateToken":"007st",` + authnUser + `},"_links":{"skip":{"href":"x"}}}`
	w.on("POST /api/v1/authn", 200, warn)
	w.on("POST /api/v1/authn/skip", 200, warn)
	w.signIn().want("error malformed")
	if n := w.posts(); n != 5 {
		t.Errorf("%d calls", n)
	}
}

// The wrong codes inside a transaction count like any other, and S76: nobody enrols in it.
func TestS63ClassicWrongCodes(t *testing.T) {
	w := classic(t)
	w.on("POST "+inside+"ostokta/verify", 403, wrongCode)
	w.signIn().choose(identity.TOTP).code("111111").code("222222").code("333333").want("denied too_many final")
	if got := w.sent(); got[len(got)-1] != `POST /api/v1/authn/cancel {"stateToken":"007st"}` {
		t.Errorf("the last call is %s: the transaction is left open", got[len(got)-1])
	}
	w.signIn().choose(identity.TOTP).want("denied too_many final")
}
