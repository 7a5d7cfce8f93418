package factors_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"sidegate.example/sidegate/flows"
	"sidegate.example/sidegate/flows/factors"
	"sidegate.example/sidegate/gateway/identity"
)

// Every status of §2.2, at sign-in and at renewal: where a layer in front vouches for the person, this check alone keeps
// out who has left.
func TestUserStatus(t *testing.T) {
	for status, want := range map[string]string{
		"ACTIVE": "choose", "STAGED": "denied policy final", "PROVISIONED": "denied policy final", "RECOVERY": "denied policy final",
		"PASSWORD_EXPIRED": "denied unsupported final", "LOCKED_OUT": "denied locked final", "SUSPENDED": "denied locked final",
		"DEPROVISIONED": "denied policy final", "ACTIVATING": "denied policy final", "active": "denied policy final",
		"": "error malformed",
	} {
		w := newWorld(t)
		w.on("GET "+users+login, 200, person(status))
		w.on("GET "+users+userID, 200, person(status))
		w.start().want(want)
		w.wantSent()
		if strings.HasPrefix(want, "denied") {
			named := status
			if status == "ACTIVATING" || status == "active" {
				named = "unknown"
			}
			if w.step.Cause == nil || w.step.Cause.Error() != "users: the status of 00uisaac is "+named {
				t.Errorf("%s: the log gets %v", status, w.step.Cause)
			}
		}
		active, err := w.engine.Active(t.Context(), w.cc, userID)
		if active != (status == "ACTIVE") || (err != nil) != (status == "") {
			t.Errorf("%q: Active is %v, %v", status, active, err)
		}
	}
}

func TestUserLookUp(t *testing.T) {
	for name, c := range map[string]struct {
		status int
		body   string
		want   string
	}{
		"unknown":        {404, `{"errorCode":"E0000007"}`, "denied policy final"},
		"not an API":     {404, `<html>`, "error misconfigured"},
		"no right":       {403, `{"errorCode":"E0000006"}`, "error misconfigured"},
		"bad token":      {401, `{"errorCode":"E0000011"}`, "error misconfigured"},
		"no id":          {200, `{"status":"ACTIVE","profile":{"login":"isaac@example.com"}}`, "error malformed"},
		"id with a path": {200, `{"id":"../x","status":"ACTIVE","profile":{"login":"isaac@example.com"}}`, "error malformed"},
		"a list":         {200, `[]`, "error malformed"},
		"somebody else":  {200, strings.Replace(person("ACTIVE"), login, "other@example.com", 1), "denied policy final"},
		"diacritics":     {200, strings.Replace(person("ACTIVE"), login, "isáac@example.com", 1), "denied policy final"},
		"other case":     {200, strings.Replace(person("ACTIVE"), login, "Isaac@EXAMPLE.com", 1), "choose"},
		"redirect":       {302, "http://evil.example", "error malformed"},
		"down":           {503, `{}`, "error unavailable"},
	} {
		w := newWorld(t)
		w.on("GET "+users+login, c.status, c.body)
		if w.start(); w.page() != c.want {
			t.Errorf("%s: the page is %q (%v), want %q", name, w.page(), w.err, c.want)
		}
		w.wantSent()
	}
}

// A short name is whoever's Okta finds for it, today one person's and tomorrow another's: the whole login or the id is
// asked for.
func TestShortName(t *testing.T) {
	w := newWorld(t)
	for _, name := range []string{"isaac", "other"} {
		w.on("GET "+users+name, 200, person("ACTIVE"))
		w.start(flows.FieldIdentifier, name).want("denied policy final")
	}
	w.start(flows.FieldIdentifier, " "+login+" ").want("choose")
	w.start(flows.FieldIdentifier, userID).want("choose")
}

// S65: what cannot name one person, or leads to another path, is refused before Okta hears of it.
func TestS65Identifiers(t *testing.T) {
	for _, primary := range []factors.Primary{factors.PrimaryIdentity, factors.PrimaryPassword} {
		w := newWorld(t, func(c *factors.Config) { c.Primary = primary })
		for _, name := range []string{
			"", "  ", "a@evil@corp", "a＠evil@corp", "pu\u034fsh@corp", "pu\ufe0fsh@corp", "a\u20dd@corp", "q\u0308", "a\u3164@corp", "a／b", "a\x00@corp", "a\u202e@corp", "a\u200f@corp", "a\u200b@corp", `a"b@corp`, "a`b@corp", "a\nb", "a\tb",
			"me", "ME", "Me ", "ｍｅ", ".", "..", "a/b", "../users/x", `a\b`, "a%2fb", "a?b", "a#b", "a;b", "<a>", "\xff@corp", "a\ufffd", "😀@corp",
			strings.Repeat("x", 321),
		} {
			if w.start(flows.FieldIdentifier, name, flows.FieldPassword, "x").page() != "error bad_answer" {
				t.Errorf("%q: the page is %q", name, w.page())
			}
			if len(name) > 3 && w.err != nil && strings.Contains(w.err.Error(), name) {
				t.Errorf("the error repeats %q", name)
			}
		}
		if len(w.calls) != 0 {
			t.Errorf("Okta received %v", w.calls)
		}
	}
	w := newWorld(t)
	for _, name := range []string{"o'neil@example.com", "jürgen@example.com", "a b", "a+b@example.com", strings.Repeat("x", 320)} {
		w.start(flows.FieldIdentifier, name).want("denied policy final") // sent, and unknown there
	}
	if len(w.calls) != 5 || !strings.HasSuffix(w.calls[1].path, "/jürgen@example.com") {
		t.Errorf("Okta received %d calls", len(w.calls))
	}
}

// What is offered: ACTIVE, known, allowed; Okta Verify's codes once, its secret device key never; numbers masked.
func TestChoices(t *testing.T) {
	w := newWorld(t)
	w.start().want("choose")
	const want = "factor:push(Pixel 7) factor:totp factor:google_otp factor:hardware_otp(Entrust Datacard) factor:webauthn(MacBook) " +
		"factor:sms(••• 1337) factor:voice(••• 1337) factor:email(i•••@mail.example) factor:security_question(What food?)"
	if got := w.buttons(); got != want {
		t.Errorf("the buttons are\n%s\nwant\n%s", got, want)
	}
	for _, secret := range []string{"opfpixel", "15554151337", "isaac@mail", "AAAA"} {
		for _, c := range w.step.Choices {
			if strings.Contains(c.ID+c.Detail+c.Label, secret) {
				t.Errorf("the page holds %q", secret)
			}
		}
	}
	if n := len(w.state); n > 1500 {
		t.Errorf("the state of a person with every factor has %d bytes", n)
	}

	w = newWorld(t, func(c *factors.Config) { c.Factors = nil })
	if got := w.start().buttons(); got != "factor:push(Pixel 7) factor:totp factor:google_otp factor:hardware_otp(Entrust Datacard)" {
		t.Errorf("without a list the buttons are %s", got)
	}
	w = newWorld(t, func(c *factors.Config) { c.Factors = []identity.Factor{identity.TOTP} })
	w.start().want("code totp") // one thing that asks nobody else
}

func TestGroups(t *testing.T) {
	w := newWorld(t, func(c *factors.Config) { c.Groups = true })
	w.on("POST "+base+"/ostokta/verify", 200, `{"factorResult":"SUCCESS"}`)
	w.on("GET "+users+userID+"/groups", 200, `[{"id":"1","profile":{"name":"Everyone"}},{"profile":{"name":"Böse & Co"}},{"profile":{}}]`)
	w.start().choose(identity.TOTP).code("123456").want("done 00uisaac totp")
	if got := strings.Join(w.step.Identity.Groups, "|"); got != "Everyone|Böse & Co" {
		t.Errorf("the groups are %q", got)
	}
}

// S77: an outage at the last moment admits nobody and loses nobody: the factor was accepted, and the rest is asked again.
func TestS77OutageAtTheLastMoment(t *testing.T) {
	w := newWorld(t, func(c *factors.Config) { c.Groups = true })
	w.on("POST "+base+"/ostokta/verify", 200, `{"factorResult":"SUCCESS"}`)
	w.on("GET "+users+userID+"/groups", 503, `{}`)
	w.start().choose(identity.TOTP).code("123456").want("wait # [sidegate.accepted]")
	if !w.step.Wait.Completing || len(w.step.Choices) != 0 {
		t.Errorf("the page is %+v", w.step)
	}
	w.poll().want("error unavailable")
	w.on("GET "+users+userID+"/groups", 200, `[]`)
	w.later(10e9)
	w.poll().want("done 00uisaac totp")

	w.on("GET "+users+userID+"/groups", 503, `{}`)
	w.start().choose(identity.TOTP).code("123456").want("wait # [sidegate.accepted]")
	w.later(60e9)
	w.poll().want("denied unavailable final")
}

// Minutes may pass before a phone answers: who was deactivated meanwhile is not let in.
func TestStatusIsReadAgain(t *testing.T) {
	w := pending(t)
	w.on("GET "+pushTx, 200, `{"factorResult":"SUCCESS"}`)
	w.on("GET "+users+userID, 200, person("SUSPENDED"))
	w.later(90e9)
	w.poll().want("denied locked final")

	w = newWorld(t) // nor who was deactivated a moment ago
	w.on("POST "+base+"/ostokta/verify", 200, `{"factorResult":"SUCCESS"}`)
	w.start().choose(identity.TOTP)
	w.on("GET "+users+userID, 200, person("DEPROVISIONED"))
	w.code("123456").want("denied policy final")
}

func TestZeroContext(t *testing.T) {
	w := newWorld(t)
	_, _, err := w.engine.Start(t.Context(), flows.ClientContext{}, "", flows.Answer{Values: map[string]string{flows.FieldIdentifier: login}})
	w.start()
	_, _, err2 := w.engine.Poll(t.Context(), flows.ClientContext{}, w.state)
	_, err3 := w.engine.Active(t.Context(), flows.ClientContext{}, userID)
	for _, err := range []error{err, err2, err3} {
		if !errors.Is(err, flows.ErrNoClientContext) {
			t.Errorf("%v", err)
		}
	}
	if len(w.calls) != 2 {
		t.Errorf("Okta received %v", w.calls)
	}
}

// S22: what a client wrote into headers is not what Okta is told; see checkContext, which every test here runs. This one
// is for what NewClientContext leaves of it.
func TestS22ContextOfCalls(t *testing.T) {
	w := pending(t)
	w.on("GET "+pushTx, 200, waitingPush("72"))
	w.poll()
	for _, c := range w.calls {
		for _, name := range []string{"X-Real-Ip", "Forwarded", "Cf-Connecting-Ip", "True-Client-Ip"} {
			if c.header.Get(name) != "" {
				t.Errorf("%s carries %s", c.path, name)
			}
		}
		if c.method != http.MethodGet && c.header.Get("Content-Length") == "" {
			t.Errorf("%s has no length", c.path)
		}
	}
	if len(w.calls) != 4 {
		t.Errorf("%d calls", len(w.calls))
	}
}
