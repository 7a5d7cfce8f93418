package oktasim_test

import (
	"fmt"
	"testing"
	"time"

	"sidegate.example/sidegate/oktasim"
)

func TestAuthnCodes(t *testing.T) {
	b := newClassic(t, withFull)
	for _, f := range []struct {
		typ, provider string
		body          func() map[string]any
	}{
		{"token:software:totp", "OKTA", func() map[string]any { return passCode(b.org.TOTP(fullUser)) }},
		{"token:software:totp", "GOOGLE", func() map[string]any { return passCode(b.org.GoogleCode(fullUser)) }},
		{"token", "RSA", func() map[string]any { return passCode(b.org.HardwareCode(fullUser)) }},
		{"token:hardware", "YUBICO", func() map[string]any { return passCode(b.org.YubiKeyCode(fullUser)) }},
		{"question", "OKTA", func() map[string]any { return map[string]any{"answer": "liver"} }},
	} {
		c, a := b.enter(fullUser, "MFA_REQUIRED")
		path := a.choose(f.typ, f.provider)
		c.step(path, map[string]any{"passCode": "000000", "answer": "wrong"}).wantCode(403, "E0000068")
		c.step(path, f.body()).wantState("SUCCESS")
		c.step(path, f.body()).wantCode(401, "E0000011") // the state token went with the success
		b.now = b.now.Add(time.Second)
	}
}

func TestAuthnMessages(t *testing.T) {
	for typ, tooSoon := range map[string]string{"sms": "E0000109", "call": "E0000133", "email": "E0000118"} {
		b := newClassic(t, withFull)
		c, a := b.enter(fullUser, "MFA_REQUIRED")
		path := a.choose(typ, "OKTA")
		a = c.step(path, nil).wantState("MFA_CHALLENGE")
		if a.str("_links", "next", "name") != "verify" || a.str("_links", "resend", 0, "name") != typ || a.str("_embedded", "factor", "factorType") != typ {
			t.Errorf("challenge %s", a.body)
		}
		c.step(path+"/resend", nil).wantCode(429, tooSoon)
		b.now = b.now.Add(30 * time.Second)
		c.step(path+"/resend", nil).wantState("MFA_CHALLENGE")
		b.now = b.now.Add(30 * time.Second)
		c.step(path, passCode("")).wantState("MFA_CHALLENGE") // the trap: a third message
		box := b.org.Inbox(fullUser)
		if len(box) != 3 {
			t.Fatalf("%d messages, want 3", len(box))
		}
		c.step(path, passCode("x")).wantCode(403, "E0000068")
		c.step(path, passCode(box[2].Code)).wantState("SUCCESS")
	}
}

func TestAuthnPush(t *testing.T) {
	b := newClassic(t)
	c, a := b.enter(pushUser, "MFA_REQUIRED")
	path := a.choose("push", "OKTA")
	a = c.step(path, nil).wantResult(200, "WAITING")
	if a.str("status") != "MFA_CHALLENGE" || a.str("_links", "next", "name") != "poll" || a.path("_links", "next") != "/api/v1/authn"+path {
		t.Errorf("WAITING is %s", a.body)
	}
	c.step(path, nil).wantResult(200, "WAITING")
	if err := b.org.Approve(b.pending(pushUser).ID); err != nil {
		t.Fatal(err)
	}
	c.step(path, nil).wantState("SUCCESS")
}

// After the end of a push the URL that polled sends another one: a client that goes on bombards the phone.
func TestAuthnPollAfterTheEndSendsAnotherPush(t *testing.T) {
	for result, end := range map[string]func(*bench){
		"REJECTED": func(b *bench) { _ = b.org.Deny(b.pending(pushUser).ID) },
		"TIMEOUT":  func(b *bench) {},
	} {
		b := newClassic(t, func(c *oktasim.Config) { c.PushLifetime = time.Minute })
		c, a := b.enter(pushUser, "MFA_REQUIRED")
		path := a.choose("push", "OKTA")
		c.step(path, nil)
		end(b)
		b.now = b.now.Add(time.Minute)
		a = c.step(path, nil).wantResult(200, result)
		if a.str("_links", "next", "name") != "verify" || len(b.org.Pushes(pushUser)) != 1 {
			t.Errorf("%s is %s", result, a.body)
		}
		c.step(path, nil).wantResult(200, "WAITING")
		if n := len(b.org.Pushes(pushUser)); n != 2 {
			t.Errorf("%d pushes after %s, want 2", n, result)
		}
	}
}

// The number stands in a later poll alone.
func TestAuthnNumberChallengeComesLater(t *testing.T) {
	b := newClassic(t)
	c, a := b.enter(numberUser, "MFA_REQUIRED")
	path := a.choose("push", "OKTA")
	at := []any{"_embedded", "factor", "_embedded", "challenge", "correctAnswer"}
	for range 2 {
		if a := c.step(path, nil).wantResult(200, "WAITING"); a.at(at...) != nil {
			t.Fatalf("the number is there at once: %s", a.body)
		}
	}
	a = c.step(path, nil).wantResult(200, "WAITING")
	number, ok := a.at(at...).(float64)
	if !ok {
		t.Fatalf("no number: %s", a.body)
	}
	if err := b.org.Tap(b.pending(numberUser).ID, fmt.Sprint(int(number))); err != nil {
		t.Fatal(err)
	}
	c.step(path, nil).wantState("SUCCESS")
}

func TestAuthnPreviousAndCancel(t *testing.T) {
	b := newClassic(t)
	c, a := b.enter(pushUser, "MFA_REQUIRED")
	push, totp := a.choose("push", "OKTA"), a.choose("token:software:totp", "OKTA")
	c.step("/previous", nil).wantCode(403, "E0000079")
	c.step(push, nil).wantResult(200, "WAITING")
	c.step(totp, passCode(b.org.TOTP(pushUser))).wantCode(403, "E0000079")
	c.step(push+"/resend", nil).wantResult(200, "WAITING")
	c.step("/previous", nil).wantState("MFA_REQUIRED")
	for _, p := range b.org.Pushes(pushUser) {
		if p.State != "cancelled" {
			t.Errorf("a push is %s", p.State)
		}
	}
	c.step(totp, nil).wantState("MFA_CHALLENGE")
	c.step("/cancel", nil).wantStatus(200)
	c.step(totp, passCode(b.org.TOTP(pushUser))).wantCode(401, "E0000011")
	c.step("/cancel", nil).wantCode(401, "E0000011")
}

func TestAuthnPasskey(t *testing.T) {
	b, k := withPasskey(t, withOrigin)
	c, a := b.enter(someone, "MFA_REQUIRED")
	path := a.choose("webauthn", "FIDO")
	a = c.step(path, nil).wantState("MFA_CHALLENGE")
	challenge := a.str("_embedded", "factor", "_embedded", "challenge", "challenge")
	c.step(path, k.get("another")).wantCode(403, "E0000068")
	c.step(path, k.get(challenge)).wantCode(403, "E0000068") // it was used
	a = c.step(path, nil).wantState("MFA_CHALLENGE")
	c.step(path, k.get(a.str("_embedded", "factor", "_embedded", "challenge", "challenge"))).wantState("SUCCESS")
}

// A push by /authn shows the browser too.
func TestAuthnPushShowsTheBrowser(t *testing.T) {
	b := newClassic(t, func(c *oktasim.Config) { c.TrustedProxies = zoneOfTheBench })
	b.head.Set("User-Agent", chrome)
	b.head.Set("X-Forwarded-For", "203.0.113.7")
	c, a := b.enter(pushUser, "MFA_REQUIRED")
	c.step(a.choose("push", "OKTA"), nil).wantResult(200, "WAITING")
	if got := b.pending(pushUser); got.Address != "203.0.113.7" || got.UserAgent != chrome {
		t.Errorf("the phone shows %+v", got)
	}
}

// Some orgs say with a result that a code was used before; the transaction goes on.
func TestAuthnCodeResults(t *testing.T) {
	b := newClassic(t, withFull, func(c *oktasim.Config) { c.Policy.Factors.CodeResults = true })
	code := b.org.TOTP(fullUser)
	c, a := b.enter(fullUser, "MFA_REQUIRED")
	path := a.choose("token:software:totp", "OKTA")
	c.step(path, passCode(code)).wantState("SUCCESS")
	c, _ = b.enter(fullUser, "MFA_REQUIRED")
	a = c.step(path, passCode(code)).wantResult(200, "PASSCODE_REPLAYED")
	if a.str("status") != "MFA_CHALLENGE" {
		t.Errorf("status %s", a.body)
	}
	c.step(path, passCode(b.org.TOTP(fullUser))).wantState("SUCCESS")
}
