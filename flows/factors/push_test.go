package factors_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"sidegate.example/sidegate/flows"
	"sidegate.example/sidegate/flows/factors"
	"sidegate.example/sidegate/gateway/identity"
)

const denied = "denied "

// pending is a world that waits for the phone.
func pending(t *testing.T, change ...func(*factors.Config)) *world {
	t.Helper()
	w := newWorld(t, change...)
	w.on("POST "+push+"/verify", 201, waitingPush("72"))
	return w.start().want("choose").choose(identity.Push).want("wait number_challenge #72")
}

func TestPushWithNumber(t *testing.T) {
	w := pending(t)
	if w.step.Device != "Pixel 7" || w.step.Person != login || w.step.Wait.Interval != 4*time.Second {
		t.Errorf("the page says %q, %q, %v", w.step.Device, w.step.Person, w.step.Wait.Interval)
	}
	before := string(w.state)
	w.on("GET "+pushTx, 200, waitingPush("72"), waitingPush("0"), `{"factorResult":"SUCCESS"}`)
	w.poll().want("wait number_challenge #72")
	if string(w.state) != before {
		t.Error("a poll without news changed the state")
	}
	w.poll().want("wait number_challenge #0") // zero is a number to tap, and every answer is looked at
	w.poll().want("done 00uisaac number_challenge")
	id := w.step.Identity
	if id.Login != login || id.Name != "Isaac Brock" || id.Email != "isaac@mail.example" || id.Groups != nil {
		t.Errorf("the identity is %+v", id)
	}
	w.wantSent(`POST `+push+`/verify {"useNumberMatchingChallenge":true}`, "GET "+pushTx, "GET "+pushTx, "GET "+pushTx)
	post := w.calls[2]
	if post.header.Get("Authorization") != "SSWS "+ssws || post.header.Get("Content-Type") != "application/json" || post.header.Get("Accept") != "application/json" {
		t.Errorf("the header is %v", post.header)
	}
}

func TestPushWithoutNumber(t *testing.T) {
	w := newWorld(t, func(c *factors.Config) { c.NumberChallenge = factors.NumberNever })
	w.on("POST "+push+"/verify", 201, waitingPush(""))
	w.start().choose(identity.Push).want("wait push #")
	w.on("GET "+pushTx, 200, `{"factorResult":"SUCCESS"}`)
	w.poll().want("done 00uisaac push")
	w.wantSent("POST "+push+"/verify", "GET "+pushTx) // no body: an empty object would do, a passCode would not
}

// A site that wants the number takes no push without one, whoever left it out.
func TestNumberIsWanted(t *testing.T) {
	w := newWorld(t, func(c *factors.Config) { c.Factors = []identity.Factor{identity.NumberChallenge} })
	w.on("POST "+push+"/verify", 201, waitingPush(""))
	w.on("GET "+pushTx, 200, `{"factorResult":"SUCCESS"}`)
	w.start().choose(identity.Push).want("wait push #").poll().want("denied policy final")
}

// pollTable is every row of §5.2, the errors of a poll, and what hostile or broken answers say.
func TestPollAnswers(t *testing.T) {
	result := func(s string) string { return `{"factorResult":"` + s + `","profile":{},"_links":{}}` }
	const timeout, unknown, broken = denied + "timeout", denied + "unsupported final", "error malformed"
	for name, c := range map[string]struct {
		status int
		body   string
		want   string
	}{
		"success":              {200, result("SUCCESS"), "done 00uisaac number_challenge"},
		"rejected":             {200, result("REJECTED"), denied + "denied_on_phone"},
		"app too old":          {200, `{"factorResult":"REJECTED","factorMessage":"OKTA_VERIFY_UPGRADE_REQUIRED"}`, denied + "update_app"},
		"timeout":              {200, result("TIMEOUT"), timeout},
		"expired":              {200, result("EXPIRED"), timeout},
		"cancelled":            {200, result("CANCELLED"), timeout},
		"canceled":             {200, result("CANCELED"), timeout},
		"failed":               {200, result("FAILED"), "choose [sidegate.factor_failed]"},
		"error":                {200, result("ERROR"), "choose [sidegate.factor_failed]"},
		"S71 MFA_ENROLL":       {200, result("MFA_ENROLL"), unknown},
		"S71 lower case":       {200, result("success"), unknown},
		"S71 spaces":           {200, result("SUCCESS "), unknown},
		"S71 unknown":          {200, result("APPROVED"), unknown},
		"S71 missing":          {200, `{}`, unknown},
		"S71 null":             {200, `{"factorResult":null}`, unknown},
		"S71 active factor":    {200, `{"id":"opfpixel","status":"ACTIVE"}`, unknown},
		"S71 status":           {200, `{"status":"SUCCESS","sessionToken":"x"}`, unknown},
		"S71 error and result": {200, `{"factorResult":"SUCCESS","errorCode":"E0000068"}`, unknown},
		"S71 204":              {204, ``, broken},
		"S71 206":              {206, result("SUCCESS"), unknown},
		"S71 success in 403":   {403, result("SUCCESS"), unknown},
		"challenge":            {200, result("CHALLENGE"), unknown},
		"replayed":             {200, result("PASSCODE_REPLAYED"), unknown},
		"late":                 {200, result("TIME_WINDOW_EXCEEDED"), unknown},
		"gone":                 {404, `{"errorCode":"E0000191"}`, timeout},
		"not found":            {404, `{"errorCode":"E0000007"}`, timeout},
		"waiting for ack":      {202, `{"errorCode":"E0000070"}`, "wait number_challenge #72"},
		"locked":               {403, `{"errorCode":"E0000069"}`, denied + "locked final"},
		"rejected by error":    {403, `{"errorCode":"E0000073"}`, denied + "denied_on_phone"},
		"policy":               {403, `{"errorCode":"E0000085"}`, denied + "policy final"},
		"suspended device":     {423, `{"errorCode":"E0000155"}`, timeout},
		"no right":             {403, `{"errorCode":"E0000006"}`, "error misconfigured"},
		"bad token":            {401, `{"errorCode":"E0000011"}`, "error misconfigured"},
		"S77 500":              {500, `{"factorResult":"SUCCESS"}`, "error unavailable"},
		"S77 429":              {429, `{"errorCode":"E0000047"}`, "error rate_limited"},
		"S77 a list":           {200, `[{"factorResult":"SUCCESS"}]`, broken},
		"S77 two documents":    {200, `{"factorResult":"SUCCESS"}{"factorResult":"REJECTED"}`, broken},
		"S77 truncated":        {200, `{"factorResult":"SUCC`, broken},
		"S77 a number":         {200, `{"factorResult":1}`, broken},
		"S77 html":             {200, `<html>SUCCESS`, broken},
		"S77 large":            {200, `{"factorResult":"SUCCESS","x":"` + strings.Repeat("x", 1<<20) + `"}`, broken},
		"S69 redirect":         {302, `http://evil.example/`, broken},
	} {
		t.Run(name, func(t *testing.T) {
			w := pending(t)
			w.TB = t
			w.on("GET "+pushTx, c.status, c.body)
			state := string(w.state)
			w.poll().want(c.want)
			switch {
			case w.err != nil && string(w.state) != state:
				t.Error("an error changed the state")
			case w.step.Kind == flows.KindDenied && w.step.Denied.Reason == flows.DeniedUnsupported &&
				(w.step.Cause == nil || !strings.Contains(w.step.Cause.Error(), "factor_poll: HTTP") || !strings.Contains(w.step.Cause.Error(), "request req-1")):
				t.Errorf("the log gets %v", w.step.Cause)
			}
		})
	}
}

// S69, S74: the link that our credentials follow leads to this person's factor on this org, or nowhere.
func TestS69ForeignPollLinks(t *testing.T) {
	for _, href := range []string{
		"https://evil.example" + pushTx, "//evil.example" + pushTx, "$ORG.evil.example" + pushTx, "http://u:p@evil.example/",
		"$ORG" + users + "00uother/factors/opfpixel/transactions/x", "$ORG" + base + "/opfother/transactions/x",
		"$ORG" + push + "/../../../00uother/factors/opfpixel/transactions/x", "$ORG" + push + "/%2e%2e/x", "$ORG" + push + "/transactions/a%2f..%2fb",
		"$ORG" + push + "x/transactions/x", "$ORG" + push, "$ORG/", "", "$ORG" + push + "/a;b", "javascript:alert(1)",
	} {
		w := newWorld(t)
		w.on("POST "+push+"/verify", 201, strings.ReplaceAll(waitingPush("72"), "$ORG"+pushTx, href))
		w.start().choose(identity.Push).want("denied unsupported final")
		w.wantSent(`POST ` + push + `/verify {"useNumberMatchingChallenge":true}`)
	}
}

// A cancel link that leads elsewhere is not followed; the push then times out by itself.
func TestForeignCancelLink(t *testing.T) {
	w := newWorld(t)
	w.on("POST "+push+"/verify", 201, strings.Replace(waitingPush("72"), `"cancel":{"href":"$ORG`+pushTx, `"cancel":{"href":"https://evil.example/x`, 1))
	w.start().choose(identity.Push).want("wait number_challenge #72")
	if err := w.engine.Cancel(t.Context(), w.cc, w.state); err != nil {
		t.Error(err)
	}
	w.wantSent(`POST ` + push + `/verify {"useNumberMatchingChallenge":true}`)
}

func TestPushIsCancelled(t *testing.T) {
	challenge := `POST ` + push + `/verify {"useNumberMatchingChallenge":true}`
	w := pending(t)
	w.on("DELETE "+pushTx, 204, "")
	if err := w.engine.Cancel(t.Context(), w.cc, w.state); err != nil {
		t.Fatal(err)
	}
	w.wantSent(challenge, "DELETE "+pushTx)

	w = pending(t) // that Okta does not answer changes nothing
	w.on("DELETE "+pushTx, 500, "")
	w.press("other").want("choose")
	w.wantSent(challenge, "DELETE "+pushTx)

	w = pending(t)
	w.choose(identity.TOTP).want("code totp")
	w.wantSent(challenge, "DELETE "+pushTx)

	w = pending(t)
	w.press("resend").want("wait number_challenge #72")
	w.wantSent(challenge, "DELETE "+pushTx, challenge)

	w = pending(t)
	if w.buttons() != "factor:totp resend:push other" {
		t.Errorf("the buttons are %s", w.buttons())
	}
}

// A push ends with the time that Okta gave it, by Okta's own clock, and at the latest after five minutes.
func TestPushEnds(t *testing.T) {
	for expires, life := range map[string]time.Duration{
		"":                     5 * time.Minute,
		"2099-01-01T00:00:00Z": 5 * time.Minute,
		"soon":                 5 * time.Minute,
		"minute":               time.Minute,
	} {
		w := newWorld(t)
		if expires == "minute" {
			expires = w.now().UTC().Truncate(time.Second).Add(time.Minute).Format("2006-01-02T15:04:05.000Z")
		}
		w.on("POST "+push+"/verify", 201, strings.Replace(waitingPush("72"), "2099-01-01T00:00:00.000Z", expires, 1))
		w.on("GET "+pushTx, 200, waitingPush("72"))
		w.start().choose(identity.Push)
		w.later(life - 2*time.Second)
		w.poll().want("wait number_challenge #72")
		w.later(3 * time.Second)
		w.poll().want("denied timeout")
		if got := w.sent(); got[len(got)-1] != "DELETE "+pushTx {
			t.Errorf("%q: the last call is %s", expires, got[len(got)-1])
		}
		w.choose2("resend").want("wait number_challenge #72")
	}
}

// However long others make a person wait, there is one more look before the push ends, and it does not give way.
func TestLastLook(t *testing.T) {
	w := pending(t)
	announce := func(remaining string) {
		w.header = map[string]string{
			"X-Rate-Limit-Limit": "100", "X-Rate-Limit-Remaining": remaining, "X-Rate-Limit-Reset": fmt.Sprint(w.now().Add(time.Minute).Unix()),
		}
	}
	w.on("GET "+pushTx, 200, waitingPush("72"))
	announce("50")
	w.poll()
	for i := range 999 { // a thousand people at 80 calls a minute
		w.client.Pace(pushTx, fmt.Sprint(i), time.Second)
	}
	w.poll().want("wait number_challenge #72 [sidegate.busy]")
	if got := w.step.Wait.Interval; got < 288*time.Second || got > 290*time.Second {
		t.Errorf("the next poll is in %v, and the push ends in 5m", got)
	}
	w.later(255 * time.Second)
	announce("5")
	w.poll().want("wait number_challenge #72 [sidegate.busy]")
	w.poll().want("error rate_limited") // the tenth that is left is for people
	if failed := new(flows.Error); !errors.As(w.err, &failed) || failed.RetryAfter > 35*time.Second || failed.RetryAfter < 30*time.Second {
		t.Errorf("the next poll is put off: %v %v, and the push ends in 45s", w.err, failed.RetryAfter)
	}
	w.later(30 * time.Second)
	w.on("GET "+pushTx, 200, `{"factorResult":"SUCCESS"}`)
	w.poll().want("done 00uisaac number_challenge")
}

// choose2 presses a button by its kind.
func (w *world) choose2(kind flows.ChoiceKind) *world {
	w.Helper()
	for _, c := range w.step.Choices {
		if c.Kind == kind {
			return w.press(c.ID)
		}
	}
	w.Fatalf("there is no button %s: %s", kind, w.buttons())
	return w
}

// S71: a challenge that says SUCCESS before anybody has answered lets nobody in.
func TestS71SuccessWithoutAnAnswer(t *testing.T) {
	for _, f := range []struct {
		factor identity.Factor
		id     string
	}{{identity.Push, "opfpixel"}, {identity.SMS, "smsphone"}, {identity.Email, "emfmail"}, {identity.Voice, "clfphone"}, {identity.WebAuthn, "fwfkey"}} {
		w := newWorld(t)
		w.on("POST "+base+"/"+f.id+"/verify", 200, `{"factorResult":"SUCCESS"}`)
		w.start().choose(f.factor).want("denied no_factor final")
	}
}

// An org that does not know number challenges is told apart from a person who did something wrong.
func TestNumberChallengeRefused(t *testing.T) {
	w := newWorld(t)
	w.on("POST "+push+"/verify", 400, `{"errorCode":"E0000001","errorId":"oae7"}`)
	w.start().choose(identity.Push).want("error misconfigured")
	if text := w.err.Error(); !strings.Contains(text, "try number_challenge never") || !strings.Contains(text, "E0000001, errorId oae7, request req-1") {
		t.Errorf("the log gets %q", text)
	}
}
