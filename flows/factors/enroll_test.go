package factors_test

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"sidegate.example/sidegate/flows"
	"sidegate.example/sidegate/flows/factors"
	"sidegate.example/sidegate/gateway/identity"
)

const (
	catalog = `[{"factorType":"push","provider":"OKTA","status":"NOT_SETUP"},{"factorType":"token:software:totp","provider":"GOOGLE"},
		{"factorType":"token:software:totp","provider":"OKTA","status":"NOT_SETUP"},{"factorType":"sms","provider":"OKTA"},
		{"factorType":"call","provider":"OKTA"},{"factorType":"email","provider":"OKTA"},{"factorType":"question","provider":"OKTA"},
		{"factorType":"webauthn","provider":"FIDO"},{"factorType":"web","provider":"DUO"}]`
	png    = "\x89PNG\r\n\x1a\nrest of the picture"
	mailed = `[{"id":"emfmail","factorType":"email","provider":"OKTA","status":"ACTIVE","profile":{"email":"isaac@mail.example"}}]`
)

var toEnroll = []identity.Factor{identity.Push, identity.TOTP, identity.GoogleOTP, identity.SMS, identity.Voice, identity.Email, identity.SecurityQuestion}

// bare is a world of a person with no factor, on a network that may enrol.
func bare(t testing.TB, change ...func(*factors.Config)) *world {
	t.Helper()
	w := newWorld(t, append([]func(*factors.Config){func(c *factors.Config) {
		c.Factors, c.Enroll = nil, toEnroll
		c.EnrollProof.Networks = []netip.Prefix{netip.MustParsePrefix("203.0.113.0/24")}
	}}, change...)...)
	w.on("GET "+base, 200, `[]`)
	w.on("GET "+base+"/catalog", 200, catalog)
	return w
}

func enrolled(id, kind, provider, rest string) string {
	return `{"id":"` + id + `","factorType":"` + kind + `","provider":"` + provider + `","status":"PENDING_ACTIVATION"` + rest + `}`
}

// S76: whoever has no factor and a name, or a password, sets none up: the page says where it is done at Okta.
func TestS76EnrolmentIsRefused(t *testing.T) {
	elsewhere := func(c *factors.Config) { c.EnrollProof.Networks = []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")} }
	for name, c := range map[string]struct {
		list   string
		change func(*factors.Config)
		want   string
	}{
		"not switched on":          {`[]`, func(c *factors.Config) { c.Enroll = nil }, "denied enrollment final"},
		"no proof named":           {`[]`, func(c *factors.Config) { c.EnrollProof = factors.EnrollProof{} }, "denied enrollment final"},
		"another network":          {`[]`, elsewhere, "denied enrollment final"},
		"e-mail is no proof":       {mailed, elsewhere, "denied enrollment final"},
		"e-mail is a proof":        {mailed, func(c *factors.Config) { elsewhere(c); c.EnrollProof.EmailCode = true }, "choose [sidegate.proof_first]"},
		"no address to mail to":    {`[]`, func(c *factors.Config) { elsewhere(c); c.EnrollProof.EmailCode = true }, "denied enrollment final"},
		"a question is none":       {`[{"id":"ufs1","factorType":"question","provider":"OKTA","status":"ACTIVE"}]`, elsewhere, "denied enrollment final"},
		"an inactive one is none":  {`[{"id":"sms1","factorType":"sms","provider":"OKTA","status":"INACTIVE"}]`, elsewhere, "denied enrollment final"},
		"a factor that is not let": {`[{"id":"sms1","factorType":"sms","provider":"OKTA","status":"ACTIVE"}]`, elsewhere, "choose [sidegate.proof_first]"},
		"an admin can be asked":    {`[]`, func(c *factors.Config) { elsewhere(c); c.EnrollProof.AdminCode = noCode }, "code other [sidegate.proof_code]"},
	} {
		t.Run(name, func(t *testing.T) {
			w := bare(t, c.change)
			w.TB = t
			w.on("GET "+base, 200, c.list)
			w.start().want(c.want)
			w.wantSent() // not even the catalogue
			if strings.Contains(c.want, "final") && w.step.Denied.Link != w.srv.URL+"/enduser/settings" {
				t.Errorf("the page leads to %q", w.step.Denied.Link)
			}
			// No button of a later step works before the proof.
			if w.state != nil {
				for _, id := range []string{"e0", "e1", "channel-email"} {
					if w.press(id); w.page() != "error bad_answer" {
						t.Errorf("%s: the page is %q", id, w.page())
					}
				}
			}
		})
	}
	w := classic(t, func(c *factors.Config) { c.Enroll = toEnroll })
	w.on("POST /api/v1/authn", 200, success)
	w.on("GET "+base, 200, `[]`)
	w.signIn().want("denied enrollment final") // the password is no proof
}

func noCode(context.Context, string, string, string) (bool, error) { return false, nil }

// What the page offers is what the operator allows and Okta's policy has, and no more.
func TestWhatCanBeSetUp(t *testing.T) {
	w := bare(t)
	w.start().want("choose")
	want := "enroll:push enroll:google_otp enroll:totp enroll:sms enroll:voice enroll:email enroll:security_question"
	if got := w.buttons(); got != want || !w.step.Enrolling {
		t.Errorf("the buttons are %s", got)
	}
	w = bare(t, func(c *factors.Config) { c.Enroll = []identity.Factor{identity.GoogleOTP} })
	if got := w.start().buttons(); got != "enroll:google_otp" {
		t.Errorf("the buttons are %s", got)
	}
	w.on("GET "+base+"/catalog", 200, `[{"factorType":"push","provider":"OKTA"}]`)
	w.start().want("denied enrollment final")
}

// activation is a push that is being set up.
const activation = `,"_links":{"poll":{"href":"$ORG` + base + `/opfnew/lifecycle/activate/poll"}},"_embedded":{"activation":{
	"expiresAt":"2099-01-01T00:00:00Z","factorResult":"WAITING","_links":{
		"send":[{"name":"email","href":"$ORG` + base + `/opfnew/lifecycle/activate/email"},{"name":"sms","href":"$ORG` + base + `/opfnew/lifecycle/activate/sms"}],
		"qrcode":{"href":"$ORG` + base + `/opfnew/qr/00Ji8q","type":"image/png"}}}}`

func TestEnrolPush(t *testing.T) {
	w := bare(t)
	w.on("POST "+base, 200, enrolled("opfnew", "push", "OKTA", activation))
	w.on("GET "+base+"/opfnew/qr/00Ji8q", 200, png)
	poll := "POST " + base + "/opfnew/lifecycle/activate/poll"
	w.on(poll, 200, `{"factorResult":"WAITING","expiresAt":"2099-01-01T00:00:00Z"}`)
	w.start().choose(identity.Push).want("wait push #")
	if s := w.step.Setup; s == nil || s.Channel != flows.ChannelQR || string(s.QR) != png || !w.step.Enrolling || w.step.Wait.Interval.Seconds() != 6 {
		t.Errorf("the page is %+v", w.step)
	}
	if got := w.buttons(); got != "channel channel other" {
		t.Errorf("the buttons are %s", got)
	}
	w.poll().want("wait push #")
	if string(w.step.Setup.QR) != png {
		t.Error("the picture is gone after a poll")
	}
	w.on("POST "+base+"/opfnew/lifecycle/activate/email", 200, `{}`)
	w.on("POST "+base+"/opfnew/lifecycle/activate/sms", 200, `{}`)
	w.press("channel-email").want("wait push #")
	if s := w.step.Setup; s.Channel != flows.ChannelEmail || s.SentTo != "i•••@mail.example" || s.QR != nil {
		t.Errorf("the page is %+v", s)
	}
	w.press("channel-sms").want("form push")
	w.typeIn("phoneNumber", "0555").want("form push phoneNumber[sidegate.phone_format]")
	w.typeIn("phoneNumber", "+1 (555) 415-1337").want("wait push #")
	if s := w.step.Setup; s.Channel != flows.ChannelSMS || s.SentTo != "••• 1337" {
		t.Errorf("the page is %+v", s)
	}
	w.on(poll, 200, enrolled("opfnew", "push", "OKTA", "")[:0]+`{"id":"opfnew","factorType":"push","provider":"OKTA","status":"ACTIVE"}`)
	w.poll().want("done 00uisaac push")
	w.wantSent("GET "+base+"/catalog", `POST `+base+` {"factorType":"push","provider":"OKTA"}`, "GET "+base+"/opfnew/qr/00Ji8q", poll,
		"POST "+base+"/opfnew/lifecycle/activate/email", `POST `+base+`/opfnew/lifecycle/activate/sms {"profile":{"phoneNumber":"+15554151337"}}`, poll)
	for _, c := range w.calls {
		if want := "SSWS " + ssws; strings.Contains(c.path, "/qr/") {
			if c.header.Get("Authorization") != "" || c.header.Get("Accept") != "image/png" {
				t.Errorf("the picture is fetched with %v", c.header)
			}
		} else if c.header.Get("Authorization") != want {
			t.Errorf("%s carries %q", c.path, c.header.Get("Authorization"))
		}
	}
}

// S69: no link of an enrolment is followed off the org or to another factor, and no picture comes from elsewhere.
func TestS69ForeignEnrolmentLinks(t *testing.T) {
	for _, href := range []string{"https://evil.example", "$ORG" + base + "/opfother", "$ORG" + users + "00uother/factors/opfnew", "$ORG" + base + "/opfnew/../opfother"} {
		w := bare(t)
		w.on("POST "+base, 200, enrolled("opfnew", "push", "OKTA", strings.ReplaceAll(activation, "$ORG"+base+"/opfnew", href)))
		w.start().choose(identity.Push).want("error malformed")
		only := strings.Replace(activation, "$ORG"+base+"/opfnew/qr", href+"/qr", 1)
		only = strings.ReplaceAll(only, "$ORG"+base+"/opfnew/lifecycle/activate/email", href+"/email")
		w.on("POST "+base, 200, enrolled("opfnew", "push", "OKTA", only))
		w.start().choose(identity.Push).want("wait push #")
		if w.step.Setup.QR != nil || w.buttons() != "channel other" {
			t.Errorf("%s: the page is %+v, %s", href, w.step.Setup, w.buttons())
		}
		for _, c := range w.sent() {
			if strings.Contains(c, "/qr") || strings.Contains(c, "opfother") {
				t.Errorf("%s: Okta received %s", href, c)
			}
		}
	}
}

func TestPollOfAnEnrolment(t *testing.T) {
	for name, c := range map[string]struct {
		status int
		body   string
		want   string
	}{
		"timeout":           {200, `{"factorResult":"TIMEOUT"}`, "choose [sidegate.setup_over]"},
		"cancelled":         {200, `{"factorResult":"CANCELLED"}`, "choose [sidegate.setup_over]"},
		"error":             {200, `{"factorResult":"ERROR"}`, "choose [sidegate.setup_over]"},
		"S71 success":       {200, `{"factorResult":"SUCCESS"}`, "choose [sidegate.setup_over]"},
		"S71 nothing":       {200, `{}`, "choose [sidegate.setup_over]"},
		"S71 both":          {200, `{"factorResult":"WAITING","status":"ACTIVE","id":"opfnew"}`, "wait push #"},
		"S71 not active":    {200, `{"id":"opfnew","status":"PENDING_ACTIVATION"}`, "choose [sidegate.setup_over]"},
		"S71 another one's": {200, `{"id":"opfother","status":"ACTIVE"}`, "error malformed"},
		"gone":              {404, `{"errorCode":"E0000007"}`, "choose [sidegate.setup_over]"},
		"not JSON":          {200, `<html>`, "error malformed"},
		"down":              {500, `{}`, "error unavailable"},
		"bad token":         {401, `{"errorCode":"E0000011"}`, "error misconfigured"},
	} {
		w := bare(t)
		w.on("POST "+base, 200, enrolled("opfnew", "push", "OKTA", activation))
		w.on("POST "+base+"/opfnew/lifecycle/activate/poll", c.status, c.body)
		if w.start().choose(identity.Push).poll().page() != c.want {
			t.Errorf("%s: the page is %q (%v), want %q", name, w.page(), w.err, c.want)
		}
	}
}

// The two apps with codes: Okta puts the picture in one of two places, and the key in one of two encodings.
func TestEnrolCodes(t *testing.T) {
	for _, c := range []struct {
		factor   identity.Factor
		provider string
		rest     string
		secret   string
	}{
		{identity.GoogleOTP, "GOOGLE", `"_embedded":{"activation":{"timeStep":30,"sharedSecret":"JBSWY3DPEHPK3PXP","encoding":"base32",
			"_links":{"qrcode":{"href":"$ORG` + base + `/ostnew/qr/00a"}}}}`, "JBSWY3DPEHPK3PXP"},
		{identity.TOTP, "OKTA", `"_embedded":{"activation":{"timeStep":"30","sharedSecret":"SGVsbG8h","encoding":"base64"},
			"_links":{"qrcode":{"href":"$ORG` + base + `/ostnew/qr/00a"}}}`, "JBSWY3DPEE"},
		{identity.GoogleOTP, "GOOGLE", `"_embedded":{"activation":{"sharedSecret":"<b>","encoding":"base32","_links":{"qrcode":{"href":"$ORG` + base + `/ostnew/qr/00a"}}}}`, ""},
	} {
		w := bare(t)
		w.on("POST "+base, 200, enrolled("ostnew", "token:software:totp", c.provider, ","+c.rest))
		w.on("GET "+base+"/ostnew/qr/00a", 200, png)
		w.start().choose(c.factor).want("code " + string(c.factor))
		if s := w.step.Setup; string(s.QR) != png || s.Secret != c.secret || !w.step.Enrolling {
			t.Errorf("the page is %+v", s)
		}
		w.on("POST "+base+"/ostnew/lifecycle/activate", 403, wrongCode)
		w.code("").want("code " + string(c.factor) + " passCode[sidegate.code_format]")
		w.code("111111").want("code " + string(c.factor) + " passCode[api.authn.error.PASSCODE_INVALID]")
		if string(w.step.Setup.QR) != png {
			t.Error("the picture is gone after a wrong code")
		}
		w.on("POST "+base+"/ostnew/lifecycle/activate", 200, `{"id":"ostnew","status":"ACTIVE"}`)
		w.code("123456").want("done 00uisaac " + string(c.factor))
		w.wantSent("GET "+base+"/catalog", `POST `+base+` {"factorType":"token:software:totp","provider":"`+c.provider+`"}`,
			"GET "+base+"/ostnew/qr/00a", `POST `+base+`/ostnew/lifecycle/activate {"passCode":"111111"}`, `POST `+base+`/ostnew/lifecycle/activate {"passCode":"123456"}`)
	}
}

// S63: the codes of an enrolment stop like any other, and 200 alone activates nothing (S71).
func TestActivationAnswers(t *testing.T) {
	start := func() *world {
		w := bare(t)
		w.on("POST "+base, 200, enrolled("ostnew", "token:software:totp", "GOOGLE", ""))
		return w.start().choose(identity.GoogleOTP).want("code google_otp")
	}
	w := start()
	w.on("POST "+base+"/ostnew/lifecycle/activate", 403, wrongCode)
	w.code("111111").code("222222").code("333333").code("444444").want("denied too_many final")
	if n := w.posts(); n != 4 {
		t.Errorf("%d calls, want the enrolment and three codes", n)
	}
	for body, want := range map[string]string{
		`{"id":"ostnew","status":"PENDING_ACTIVATION"}`: "error malformed", `{}`: "error malformed", `{"factorResult":"SUCCESS"}`: "error malformed",
		`{"id":"ostother","status":"ACTIVE"}`: "error malformed",
	} {
		w := start()
		w.on("POST "+base+"/ostnew/lifecycle/activate", 200, body)
		w.code("123456").want(want)
	}
	w = start()
	w.on("POST "+base+"/ostnew/lifecycle/activate", 403, `{"errorCode":"E0000082"}`)
	w.code("123456").want("code google_otp passCode[sidegate.code_late]")
	w.on("POST "+base+"/ostnew/lifecycle/activate", 429, `{"errorCode":"E0000047"}`)
	w.code("123456").want("error rate_limited")
}

// Phones and addresses: the number is sent as digits, the code can be sent again, and what was set up for these alone is
// asked for again where the operator does not take it as a factor.
func TestEnrolPhone(t *testing.T) {
	for factor, kind := range map[identity.Factor]string{identity.SMS: "sms", identity.Voice: "call"} {
		w := bare(t, func(c *factors.Config) { c.Factors = all })
		body := `{"factorType":"` + kind + `","profile":{"phoneNumber":"+15554151337"},"provider":"OKTA"}`
		w.on("POST "+base, 200, enrolled("mblnew", kind, "OKTA", ""))
		w.on("POST "+base+"/mblnew/resend", 200, `{}`)
		w.on("POST "+base+"/mblnew/lifecycle/activate", 200, `{"id":"mblnew","status":"ACTIVE"}`)
		w.start().choose(factor).want("form " + string(factor))
		if w.step.Topic != flows.TopicPhone || w.step.Fields[0].Type != flows.FieldTel {
			t.Errorf("the form is %+v", w.step)
		}
		for _, bad := range []string{"", "5554151337", "+0123456789", "+1", "+1555415133712345678", "+1555x", "+1\x00555415133"} {
			w.typeIn("phoneNumber", bad).want("form " + string(factor) + " phoneNumber[sidegate.phone_format]")
		}
		w.typeIn("phoneNumber", " +1 555-415.1337 ").want("code " + string(factor))
		if w.step.Device != "••• 1337" || strings.Contains(w.buttons(), "555") {
			t.Errorf("the page says %q", w.step.Device)
		}
		w.press("resend").want("code " + string(factor))
		w.code("123456").want("done 00uisaac " + string(factor))
		w.wantSent("GET "+base+"/catalog", "POST "+base+" "+body, "POST "+base+"/mblnew/resend "+body, `POST `+base+`/mblnew/lifecycle/activate {"passCode":"123456"}`)
	}
}

func TestEnrolEmail(t *testing.T) {
	w := bare(t)
	w.on("POST "+base, 200, enrolled("emfnew", "email", "OKTA", ""))
	w.on("POST "+base+"/emfnew/lifecycle/activate", 200, `{"id":"emfnew","status":"ACTIVE"}`)
	w.start().choose(identity.Email).want("code email")
	w.code("123456").want("choose") // set up, but no factor of this site: the next one has to be
	w.wantSent("GET "+base+"/catalog", `POST `+base+` {"factorType":"email","profile":{"email":"isaac@mail.example"},"provider":"OKTA"}`,
		`POST `+base+`/emfnew/lifecycle/activate {"passCode":"123456"}`, "GET "+base+"/catalog")
}

func TestEnrolQuestion(t *testing.T) {
	w := bare(t, func(c *factors.Config) { c.Factors = all })
	w.on("GET "+base+"/questions", 200, `[{"question":"disliked_food","questionText":"What food?"},{"question":"../x","questionText":"Evil"}]`)
	w.on("POST "+base, 200, `{"id":"ufsnew","factorType":"question","provider":"OKTA","status":"ACTIVE"}`)
	w.start().choose(identity.SecurityQuestion).want("form security_question")
	if f := w.step.Fields; len(f) != 2 || len(f[0].Options) != 1 || f[0].Options[0].Label != "What food?" || !f[1].Secret {
		t.Errorf("the form is %+v", f)
	}
	w.typeIn("question", "disliked_food", "answer", "abc").want("form security_question answer[sidegate.answer_short]")
	w.typeIn("question", "../x", "answer", "mayonnaise").want("form security_question answer[sidegate.answer_short]")
	w.on("GET "+base, 200, `[{"id":"ufsnew","factorType":"question","provider":"OKTA","status":"ACTIVE","profile":{"questionText":"What food?"}}]`)
	w.typeIn("question", "disliked_food", "answer", "mayonnaise").want("code security_question") // chosen is not proved
	if strings.Contains(string(w.state), "mayonnaise") {
		t.Error("the state holds the answer")
	}
	got := w.sent()
	if want := `POST ` + base + ` {"factorType":"question","profile":{"answer":"mayonnaise","question":"disliked_food"},"provider":"OKTA"}`; !slices.Contains(got, want) {
		t.Errorf("Okta received %v", got)
	}
}

// A code is good once: it is not spent while Okta cannot say what may be set up.
func TestAdminCodeIsKeptForLater(t *testing.T) {
	spent := 0
	w := bare(t, func(c *factors.Config) {
		c.EnrollProof = factors.EnrollProof{AdminCode: func(context.Context, string, string, string) (bool, error) {
			spent++
			return spent == 1, nil
		}}
	})
	w.on("GET "+base+"/catalog", 503, `{}`)
	for range 4 {
		w.start().want("code other [sidegate.proof_code]").code("right-one").want("error unavailable")
	}
	w.on("GET "+base+"/catalog", 200, catalog)
	w.code("right-one").want("choose")
	if !w.step.Enrolling {
		t.Errorf("the page is %+v", w.step)
	}
}

// The proofs of S76, one by one: each leads to the same choice, and makes no session by itself.
func TestS76Proofs(t *testing.T) {
	elsewhere := func(c *factors.Config) { c.EnrollProof = factors.EnrollProof{EmailCode: true} }
	w := bare(t, elsewhere)
	w.on("GET "+base, 200, mailed)
	w.on("POST "+base+"/emfmail/verify", 200, `{"factorResult":"CHALLENGE"}`)
	w.start().want("choose [sidegate.proof_first]").choose(identity.Email).want("code email [sidegate.proof_code]")
	w.on("POST "+base+"/emfmail/verify", 403, wrongCode)
	w.code("111111").want("code email [sidegate.proof_code] passCode[api.authn.error.PASSCODE_INVALID]")
	w.on("POST "+base+"/emfmail/verify", 200, `{"factorResult":"SUCCESS"}`)
	w.code("123456").want("choose")
	if !w.step.Enrolling {
		t.Fatalf("the page is %+v", w.step)
	}

	var asked []string
	w = bare(t, func(c *factors.Config) {
		c.EnrollProof = factors.EnrollProof{AdminCode: func(_ context.Context, user, name, code string) (bool, error) {
			asked = append(asked, user+" "+name+" "+code)
			if code == "broken" {
				return false, errors.New("the list cannot be read")
			}
			return code == "right-one", nil
		}}
	})
	w.start().want("code other [sidegate.proof_code]").code("").want("code other [sidegate.proof_code] passCode[sidegate.code_format]")
	w.code("wrong-one").want("code other [sidegate.proof_code] passCode[api.authn.error.PASSCODE_INVALID]")
	w.code("broken").want("error unavailable")
	w.code("right-one").want("choose")
	if !w.step.Enrolling || !slices.Equal(asked, []string{userID + " " + login + " wrong-one", userID + " " + login + " broken", userID + " " + login + " right-one"}) {
		t.Errorf("%v", asked)
	}
	for range 3 {
		w.start().code("wrong-one")
	}
	w.start().code("right-one").want("denied too_many final") // three are enough for everybody

	// An existing factor that this site does not take for a sign-in, with an admin as the other way.
	w = bare(t, func(c *factors.Config) { c.EnrollProof = factors.EnrollProof{AdminCode: noCode} })
	w.on("GET "+base, 200, `[{"id":"sms1","factorType":"sms","provider":"OKTA","status":"ACTIVE"}]`)
	w.on("POST "+base+"/sms1/verify", 200, `{"factorResult":"CHALLENGE"}`, `{"factorResult":"SUCCESS"}`)
	w.start().want("choose [sidegate.proof_first]")
	if got := w.buttons(); got != "factor:sms factor:other" {
		t.Errorf("the buttons are %s", got)
	}
	w.press("admin").want("code other [sidegate.proof_code]")
	w.press("other").want("choose [sidegate.proof_first]").choose(identity.SMS).want("code sms [sidegate.proof_code]")
	w.press("other").want("choose [sidegate.proof_first]") // who has neither the phone nor the code at hand is not stuck
	w.on("POST "+base+"/sms1/verify", 200, `{"factorResult":"CHALLENGE"}`, `{"factorResult":"SUCCESS"}`)
	w.start().choose(identity.SMS).code("123456").want("choose")
	if !w.step.Enrolling {
		t.Errorf("the page is %+v", w.step)
	}
}
