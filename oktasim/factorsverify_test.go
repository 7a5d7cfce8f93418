package oktasim_test

import (
	"strings"
	"testing"
	"time"

	"sidegate.example/sidegate/oktasim"
)

func TestFactorCodes(t *testing.T) {
	p := newAPIBench(t, withFull).person(fullUser)
	for _, c := range []struct{ typ, provider, code string }{
		{"token:software:totp", "OKTA", p.org.TOTP(fullUser)},
		{"token:software:totp", "GOOGLE", p.org.GoogleCode(fullUser)},
		{"token", "SYMANTEC", p.org.HardwareCode(fullUser)},
	} {
		p.verify(c.typ, c.provider, passCode(c.code)).wantResult(200, "SUCCESS")
		p.verify(c.typ, c.provider, passCode(c.code)).wantCode(403, "E0000082") // replayed
		p.verify(c.typ, c.provider, passCode("000000")).wantCode(403, "E0000068")
		p.verify(c.typ, c.provider, nil).wantCode(400, "E0000001")
	}
	p.verify("token:hotp", "CUSTOM", passCode(p.org.HardwareCode(fullUser))).wantResult(200, "SUCCESS")
	p.verify("token:hardware", "YUBICO", passCode(p.org.YubiKeyCode(fullUser))).wantResult(200, "SUCCESS")
	if n := len(p.org.YubiKeyCode(fullUser)); n != 44 {
		t.Errorf("a YubiKey types %d letters", n)
	}
	p.verify("question", "OKTA", map[string]any{"answer": "Liver"}).wantResult(200, "SUCCESS")
	p.verify("question", "OKTA", map[string]any{"answer": "cheese"}).wantCode(403, "E0000068")
	p.verify("question", "OKTA", map[string]any{"passCode": "liver"}).wantCode(400, "E0000001")
}

// One secret serves both worlds: a code that the Identity Engine took is used up here.
func TestFactorCodeIsUsedUpInBothWorlds(t *testing.T) {
	p := newAPIBench(t).person(totpUser)
	code := p.org.TOTP(totpUser)
	p.head.Del("Authorization")
	s := p.begin()
	s.password(totpUser, password)
	s.totp(code).wantStep(200, "success")
	p.ssws(adminToken)
	p.verify("token:software:totp", "OKTA", passCode(code)).wantCode(403, "E0000082")
}

func TestFactorByType(t *testing.T) {
	p := newAPIBench(t).person(totpUser)
	p.call("POST", "/token:software:totp/verify", passCode(p.org.TOTP(totpUser))).wantResult(200, "SUCCESS")
	p.call("POST", "/sms/verify", nil).wantCode(404, "E0000007")
}

// A token that is out of step has to show its next code too.
func TestFactorTokenOutOfStep(t *testing.T) {
	p := newAPIBench(t, withFull).person(fullUser)
	p.verify("token", "RSA", passCode("10000004")).wantResult(200, "CHALLENGE")
	p.verify("token", "RSA", passCode("10000005")).wantResult(200, "SUCCESS")
	p.verify("token", "RSA", map[string]any{"passCode": "10000008", "nextPassCode": "10000009"}).wantResult(200, "SUCCESS")
	p.verify("token", "RSA", map[string]any{"passCode": "10000012", "nextPassCode": "10000020"}).wantResult(200, "CHALLENGE")
	p.verify("token", "RSA", passCode("10000099")).wantCode(403, "E0000068")
}

func TestFactorTokenThatAlwaysWantsTheNextCode(t *testing.T) {
	p := newAPIBench(t, withFull, func(c *oktasim.Config) { c.Users[len(c.Users)-1].NextCode = true }).person(fullUser)
	for range 2 {
		p.verify("token", "RSA", passCode(p.org.HardwareCode(fullUser))).wantResult(200, "CHALLENGE")
		p.verify("token", "RSA", passCode(p.org.HardwareCode(fullUser))).wantResult(200, "SUCCESS")
	}
}

func TestFactorMessages(t *testing.T) {
	for _, c := range []struct {
		typ, channel, to, tooSoon string
		wait                      time.Duration
		digits                    int
	}{
		{"sms", "sms", "+15555550123", "E0000109", 30 * time.Second, 6},
		{"call", "voice", "+15555550123", "E0000133", 30 * time.Second, 5},
		{"email", "email", fullUser, "E0000118", 5 * time.Second, 6},
	} {
		t.Run(c.typ, func(t *testing.T) {
			p := newAPIBench(t, withFull).person(fullUser)
			a := p.verify(c.typ, "OKTA", nil).wantResult(200, "CHALLENGE")
			if got := a.str("profile", "phoneNumber"); got != strings.TrimPrefix(c.to, fullUser) {
				t.Errorf("profile %q", got)
			}
			first := p.lastMail()
			if first.Channel != c.channel || first.To != c.to || len(first.Code) != c.digits {
				t.Fatalf("message %+v", first)
			}
			p.verify(c.typ, "OKTA", nil).wantCode(429, c.tooSoon)
			p.now = p.now.Add(c.wait - time.Second)
			p.verify(c.typ, "OKTA", nil).wantCode(429, c.tooSoon)
			p.now = p.now.Add(time.Second)
			p.verify(c.typ, "OKTA", map[string]any{}).wantResult(200, "CHALLENGE")
			second := p.lastMail()
			if first.Code != second.Code { // they are the same once in 100,000 runs
				p.verify(c.typ, "OKTA", passCode(first.Code)).wantCode(403, "E0000068")
			}
			p.verify(c.typ, "OKTA", passCode(second.Code)).wantResult(200, "SUCCESS")
			p.verify(c.typ, "OKTA", passCode(second.Code)).wantCode(403, "E0000082")
		})
	}
}

// The trap of factors-api.md §5.1: a code that is empty, misspelt or missing is no wrong code but another message.
func TestFactorEmptyCodeSendsAnotherMessage(t *testing.T) {
	p := newAPIBench(t, withFull).person(fullUser)
	for i, body := range []any{nil, map[string]any{}, passCode(""), map[string]any{"passcode": "123456"}, map[string]any{"passCode": nil}} {
		p.verify("sms", "OKTA", body).wantResult(200, "CHALLENGE")
		if n := len(p.org.Inbox(fullUser)); n != i+1 {
			t.Fatalf("body %v: %d messages, want %d", body, n, i+1)
		}
		p.now = p.now.Add(30 * time.Second)
	}
	p.verify("sms", "OKTA", map[string]any{"passCode": 123456}).wantCode(400, "E0000003")
	p.verify("sms", "OKTA", []string{"123456"}).wantCode(400, "E0000003")
}

func TestFactorLateCode(t *testing.T) {
	p := newAPIBench(t, withFull).person(fullUser)
	email := p.factor("email", "OKTA")["id"].(string)
	p.call("POST", "/"+email+"/verify?tokenLifetimeSeconds=10", nil).wantResult(200, "CHALLENGE")
	p.now = p.now.Add(10 * time.Second)
	p.verify("email", "OKTA", passCode(p.lastMail().Code)).wantCode(403, "E0000083")
	for _, bad := range []string{"0", "86401", "x"} {
		p.call("POST", "/"+email+"/verify?tokenLifetimeSeconds="+bad, nil).wantCode(400, "E0000001")
	}
	p.verify("sms", "OKTA", nil)
	p.now = p.now.Add(5 * time.Minute)
	p.verify("sms", "OKTA", passCode(p.lastMail().Code)).wantCode(403, "E0000083")
}

// Some orgs say it with a result instead of an error.
func TestFactorCodeResults(t *testing.T) {
	p := newAPIBench(t, withFull, func(c *oktasim.Config) { c.Policy.Factors.CodeResults = true }).person(fullUser)
	code := passCode(p.org.TOTP(fullUser))
	p.verify("token:software:totp", "OKTA", code).wantResult(200, "SUCCESS")
	p.verify("token:software:totp", "OKTA", code).wantResult(200, "PASSCODE_REPLAYED")
	p.verify("email", "OKTA", nil)
	p.now = p.now.Add(5 * time.Minute)
	p.verify("email", "OKTA", passCode(p.lastMail().Code)).wantResult(200, "TIME_WINDOW_EXCEEDED")
	p.verify("email", "OKTA", passCode("x")).wantCode(403, "E0000068")
}

func TestFactorMessageLanguage(t *testing.T) {
	p := newAPIBench(t, withFull).person(fullUser)
	p.head.Set("Accept-Language", "de-CH")
	p.verify("sms", "OKTA", nil)
	if text := p.lastMail().Text; !strings.HasPrefix(text, "Ihr Bestätigungscode") {
		t.Errorf("text %q", text)
	}
}

// Five wrong codes in a row lock the account out of everything; a right one starts the count again.
func TestFactorLockOutAtFive(t *testing.T) {
	p := newAPIBench(t, withFull).person(fullUser)
	wrong := func() *answer { return p.verify("token:software:totp", "OKTA", passCode("000000")) }
	for range 4 {
		wrong().wantCode(403, "E0000068")
	}
	p.verify("question", "OKTA", map[string]any{"answer": "liver"}).wantResult(200, "SUCCESS")
	for range 4 {
		wrong().wantCode(403, "E0000068")
	}
	wrong().wantCode(403, "E0000069")
	p.verify("question", "OKTA", map[string]any{"answer": "liver"}).wantCode(403, "E0000069")
	p.verify("push", "OKTA", nil).wantCode(403, "E0000069")
	if got := p.api("GET", "/api/v1/users/"+p.id, nil).str("status"); got != "LOCKED_OUT" {
		t.Errorf("status %q", got)
	}
	p.head.Del("Authorization")
	if a := p.begin().password(fullUser, password); a.status != 401 {
		t.Errorf("the Identity Engine lets the locked user in: %d", a.status)
	}
	p.ssws(adminToken)
	p.api("POST", "/api/v1/users/"+p.id+"/lifecycle/unlock", nil).wantStatus(200)
	wrong().wantCode(403, "E0000068")
}

// Replayed and late codes count for nothing.
func TestFactorReplayDoesNotLock(t *testing.T) {
	p := newAPIBench(t, withFull).person(fullUser)
	code := passCode(p.org.TOTP(fullUser))
	p.verify("token:software:totp", "OKTA", code).wantResult(200, "SUCCESS")
	for range 6 {
		p.verify("token:software:totp", "OKTA", code).wantCode(403, "E0000082")
	}
}

// Whoever was let in by another layer must be looked up: verify itself refuses the deactivated and the locked alone.
func TestFactorVerifyByState(t *testing.T) {
	for status, want := range map[string]string{"DEPROVISIONED": "E0000038", "LOCKED_OUT": "E0000069", "SUSPENDED": "", "STAGED": ""} {
		p := newAPIBench(t, withFull).person(fullUser)
		p.org.SetStatus(fullUser, status)
		a := p.verify("question", "OKTA", map[string]any{"answer": "liver"})
		a.want(map[bool]int{true: 200, false: 403}[want == ""], status, a.str("errorCode"), want)
	}
}

func TestFactorThatCannotBeVerified(t *testing.T) {
	p := newAPIBench(t, withFull).person(fullUser)
	p.verify("signed_nonce", "OKTA", nil).wantCode(400, "E0000001")
	q := newAPIBench(t).person(totpUser)
	a := q.call("POST", "", map[string]any{"factorType": "token:software:totp", "provider": "GOOGLE"}).wantStatus(200)
	q.call("POST", "/"+a.str("id")+"/verify", passCode(q.org.GoogleCode(totpUser))).wantCode(404, "E0000007") // pending
}

func TestControlPortShowsWhatTheYubiKeyTypes(t *testing.T) {
	p := newAPIBench(t, withFull).person(fullUser)
	code := p.sim("GET", "codes?login="+fullUser, "").str("yubikey")
	p.verify("token:hardware", "YUBICO", passCode(code)).wantResult(200, "SUCCESS")
}
