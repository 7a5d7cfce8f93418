package oktasim_test

import (
	"bytes"
	"image/png"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"

	"sidegate.example/sidegate/oktasim"
)

func kindOf(typ, provider string) map[string]any {
	return map[string]any{"factorType": typ, "provider": provider}
}

func with(kind map[string]any, name string, value any) map[string]any {
	kind[name] = value
	return kind
}

// path is the path of a link.
func (a *answer) path(at ...any) string {
	a.t.Helper()
	u, err := url.Parse(a.str(append(at, "href")...))
	if err != nil || u.Path == "" {
		a.t.Fatalf("no link at %v in %s", at, a.body)
	}
	return u.Path
}

func TestFactorEnrolPushByQR(t *testing.T) {
	const login = "nophone@sidegate.example"
	p := newAPIBench(t).person(login)
	a := p.call("POST", "", kindOf("push", "OKTA")).wantStatus(200)
	if a.str("status") != "PENDING_ACTIVATION" || a.str("_embedded", "activation", "factorResult") != "WAITING" || a.str("_embedded", "activation", "expiresAt") != "2026-08-01T12:10:00.000Z" {
		t.Fatalf("enrolment %s", a.body)
	}
	image := p.do("GET", orgURL+a.path("_embedded", "activation", "_links", "qrcode"), "", nil) // no credentials
	if _, err := png.Decode(bytes.NewReader(image.body)); err != nil || image.header.Get("Content-Type") != "image/png" {
		t.Fatalf("QR code: %v", err)
	}
	poll := a.path("_links", "poll")
	a = p.api("POST", poll, nil).wantResult(200, "WAITING")
	if a.path("_links", "poll") != poll || a.path("_links", "send", 0) == "" {
		t.Errorf("WAITING is %s", a.body)
	}
	if err := p.org.ScanQR(pushUser, p.org.PendingQR(login)); err != oktasim.ErrOtherPhone {
		t.Errorf("another phone scans it: %v", err)
	}
	if err := p.org.ScanQR(login, p.org.PendingQR(login)); err != nil {
		t.Fatal(err)
	}
	a = p.api("POST", poll, nil).wantResult(200, "")
	if a.str("status") != "ACTIVE" || a.str("_links", "verify", "href") == "" {
		t.Errorf("the factor is %s", a.body)
	}
	for _, typ := range []string{"push", "token:software:totp", "signed_nonce"} {
		if p.factor(typ, "OKTA") == nil {
			t.Errorf("no %s", typ)
		}
	}
	p.push(nil)
	if got := p.org.Authenticators(login); !slices.Contains(got, "okta_verify") {
		t.Errorf("the Identity Engine has %q", got)
	}
	p.call("POST", "", kindOf("push", "OKTA")).wantCode(400, "E0000001")
	p.api("POST", poll, nil).wantCode(403, "E0000079")
}

// The code lives for ten minutes; POST to activate makes a new one, and its answer names itself as the link to poll.
func TestFactorEnrolPushTimesOut(t *testing.T) {
	const login = "nophone@sidegate.example"
	p := newAPIBench(t).person(login)
	a := p.call("POST", "", kindOf("push", "OKTA")).wantStatus(200)
	old, poll := a.path("_embedded", "activation", "_links", "qrcode"), a.path("_links", "poll")
	content := p.org.PendingQR(login)
	p.now = p.now.Add(10 * time.Minute)
	a = p.api("POST", poll, nil).wantResult(200, "TIMEOUT")
	activate := a.path("_links", "activate")
	if err := p.org.ScanQR(login, content); err != oktasim.ErrNoLink {
		t.Errorf("an expired code can be scanned: %v", err)
	}
	a = p.api("POST", activate, nil).wantResult(200, "WAITING")
	if a.path("_links", "poll") != activate || a.path("_links", "qrcode") == old {
		t.Errorf("after a new start %s", a.body)
	}
	if err := p.org.ScanQR(login, content); err != oktasim.ErrNoLink {
		t.Errorf("the old code can be scanned: %v", err)
	}
	if b := p.do("GET", orgURL+old, "", nil); b.status != 404 {
		t.Errorf("the old QR code is answered %d", b.status)
	}
	if err := p.org.ScanQR(login, p.org.PendingQR(login)); err != nil {
		t.Fatal(err)
	}
	if a := p.api("POST", activate, nil); a.str("status") != "ACTIVE" {
		t.Errorf("after the scan %s", a.body)
	}
}

func TestFactorEnrolPushByLink(t *testing.T) {
	for _, way := range []string{"email", "sms"} {
		t.Run(way, func(t *testing.T) {
			const login = "nophone@sidegate.example"
			p := newAPIBench(t).person(login)
			a := p.call("POST", "", kindOf("push", "OKTA")).wantStatus(200)
			poll := a.path("_links", "poll")
			send := a.path("_embedded", "activation", "_links", "send", map[string]int{"email": 0, "sms": 1}[way])
			var body any
			if way == "sms" {
				p.api("POST", send, nil).wantCode(400, "E0000098")
				body = map[string]any{"profile": map[string]any{"phoneNumber": "+15555550177"}}
			}
			p.api("POST", send, body).wantResult(200, "WAITING")
			mail := p.lastMail()
			if mail.Channel != way || mail.Link == "" || mail.Code != "" {
				t.Fatalf("message %+v", mail)
			}
			if err := p.org.OpenLink(mail.Link); err != nil {
				t.Fatal(err)
			}
			if err := p.org.OpenLink(mail.Link); err != oktasim.ErrNoLink {
				t.Errorf("the link works twice: %v", err)
			}
			if a := p.api("POST", poll, nil); a.str("status") != "ACTIVE" {
				t.Errorf("after the link %s", a.body)
			}
		})
	}
}

// A real TOTP library makes the code from the secret in the answer, as an app does.
func TestFactorEnrolTOTP(t *testing.T) {
	for provider, at := range map[string][]any{
		"GOOGLE": {"_embedded", "activation", "_links", "qrcode"},
		"OKTA":   {"_embedded", "_links", "qrcode"}, // one level up
	} {
		t.Run(provider, func(t *testing.T) {
			const login = "nophone@sidegate.example"
			p := newAPIBench(t).person(login)
			a := p.call("POST", "", kindOf("token:software:totp", provider)).wantStatus(200)
			if image := p.do("GET", orgURL+a.path(at...), "", nil); image.header.Get("Content-Type") != "image/png" {
				t.Errorf("QR code %d", image.status)
			}
			activate := a.path("_links", "activate")
			p.api("POST", activate, passCode("000000")).wantCode(403, "E0000068")
			p.api("POST", activate, passCode("")).wantCode(400, "E0000001")
			secret := a.str("_embedded", "activation", "sharedSecret")
			code, err := totp.GenerateCode(secret, p.now)
			if err != nil {
				t.Fatal(err)
			}
			a = p.api("POST", activate, passCode(code)).wantStatus(200)
			if a.str("status") != "ACTIVE" || a.at("_embedded") != nil {
				t.Errorf("activated %s", a.body)
			}
			p.verify("token:software:totp", provider, passCode(code)).wantCode(403, "E0000082")
			p.now = p.now.Add(time.Minute)
			code, _ = totp.GenerateCode(secret, p.now)
			p.verify("token:software:totp", provider, passCode(code)).wantResult(200, "SUCCESS")
		})
	}
}

func TestFactorEnrolByMessage(t *testing.T) {
	for typ, c := range map[string]struct {
		profile map[string]any
		tooSoon string
		wait    time.Duration
	}{
		"sms":   {map[string]any{"phoneNumber": "+1-555-555-0199"}, "E0000109", 30 * time.Second},
		"call":  {map[string]any{"phoneNumber": "+15555550199", "phoneExtension": "12"}, "E0000133", 30 * time.Second},
		"email": {map[string]any{"email": pushUser}, "E0000118", 5 * time.Second},
	} {
		t.Run(typ, func(t *testing.T) {
			p := newAPIBench(t).person(pushUser)
			body := with(kindOf(typ, "OKTA"), "profile", c.profile)
			a := p.call("POST", "", body).wantStatus(200)
			if a.str("status") != "PENDING_ACTIVATION" || a.str("_links", "resend", 0, "name") != typ {
				t.Fatalf("enrolment %s", a.body)
			}
			activate, resend := a.path("_links", "activate"), a.path("_links", "resend", 0)
			p.api("POST", resend, body).wantCode(429, c.tooSoon)
			p.now = p.now.Add(c.wait)
			p.api("POST", resend, body).wantStatus(200)
			p.api("POST", resend, kindOf("question", "OKTA")).wantCode(400, "E0000001")
			p.api("POST", activate, passCode("x")).wantCode(403, "E0000068")
			a = p.api("POST", activate, passCode(p.lastMail().Code)).wantStatus(200)
			if a.str("status") != "ACTIVE" {
				t.Errorf("activated %s", a.body)
			}
			p.api("POST", resend, body).wantCode(403, "E0000079")
			p.api("POST", activate, passCode("x")).wantCode(403, "E0000079")
			p.now = p.now.Add(c.wait)
			p.verify(typ, "OKTA", nil).wantResult(200, "CHALLENGE")
			for _, other := range []string{"sms", "call"} {
				if other != typ && p.factor(other, "OKTA") != nil {
					t.Errorf("%s came with %s", other, typ)
				}
			}
		})
	}
}

// Five activations or resends in five minutes, then none.
func TestFactorEnrolActivationsAreLimited(t *testing.T) {
	p := newAPIBench(t).person(pushUser)
	body := with(kindOf("sms", "OKTA"), "profile", map[string]any{"phoneNumber": "+15555550199"})
	a := p.call("POST", "", body).wantStatus(200)
	activate, resend := a.path("_links", "activate"), a.path("_links", "resend", 0)
	for range 5 {
		p.api("POST", activate, passCode("x")).wantCode(403, "E0000068")
	}
	p.api("POST", activate, passCode(p.lastMail().Code)).wantCode(429, "E0000047")
	p.now = p.now.Add(time.Minute)
	p.api("POST", resend, body).wantCode(429, "E0000047")
	p.now = p.now.Add(4 * time.Minute)
	p.api("POST", resend, body).wantStatus(200)
	p.api("POST", activate, passCode(p.lastMail().Code)).wantStatus(200)
}

func TestFactorEnrolPhoneNumbers(t *testing.T) {
	p := newAPIBench(t).person(pushUser)
	number := func(typ, n string) map[string]any {
		return with(kindOf(typ, "OKTA"), "profile", map[string]any{"phoneNumber": n})
	}
	for _, bad := range []string{"12345", "+1", "+155555501999999999", "phone"} {
		p.call("POST", "", number("sms", bad)).wantCode(400, "E0000098")
	}
	a := p.call("POST", "?activate=true", number("sms", "+15555550199")).wantStatus(200)
	if a.str("status") != "ACTIVE" || len(p.org.Inbox(pushUser)) != 0 {
		t.Errorf("at once: %s", a.body)
	}
	p.call("POST", "", number("sms", "+15555550199")).wantCode(400, "E0000001")
	a = p.call("POST", "?updatePhone=true", number("call", "+15555550111")).wantCode(400, "E0000001")
	if a.str("errorCauses", 0, "errorSummary") != "There is an existing verified phone number." {
		t.Errorf("cause %s", a.body)
	}
	a = p.call("POST", "", kindOf("call", "OKTA")).wantStatus(200) // the known number
	if a.str("profile", "phoneNumber") != "+15555550199" {
		t.Errorf("call %s", a.body)
	}
}

func TestFactorEnrolAtOnce(t *testing.T) {
	p := newAPIBench(t).person(pushUser)
	code := func(name string, n int) map[string]any { return map[string]any{name: "1000000" + string(rune('0'+n))} }
	for name, c := range map[string]struct {
		path string
		body map[string]any
		code string
	}{
		"question":              {"", with(kindOf("question", "OKTA"), "profile", map[string]any{"question": "first_award", "answer": "spelling"}), ""},
		"question that is none": {"", with(kindOf("question", "OKTA"), "profile", map[string]any{"question": "mine", "answer": "spelling"}), "E0000001"},
		"short answer":          {"", with(kindOf("question", "OKTA"), "profile", map[string]any{"question": "first_award", "answer": "abc"}), "E0000001"},
		"HOTP":                  {"?activate=true", with(with(kindOf("token:hotp", "CUSTOM"), "factorProfileId", "fpr1"), "profile", map[string]any{"sharedSecret": "484f"}), ""},
		"HOTP later":            {"", with(with(kindOf("token:hotp", "CUSTOM"), "factorProfileId", "fpr1"), "profile", map[string]any{"sharedSecret": "484f"}), "E0000001"},
		"RSA":                   {"", with(with(kindOf("token", "RSA"), "profile", map[string]any{"credentialId": pushUser}), "verify", code("passCode", 1)), ""},
		"RSA wrong":             {"", with(with(kindOf("token", "RSA"), "profile", map[string]any{"credentialId": pushUser}), "verify", map[string]any{"passCode": "1"}), "E0000068"},
		"VIP": {"", with(with(kindOf("token", "SYMANTEC"), "profile", map[string]any{"credentialId": oktasim.SymantecCredential}), "verify",
			map[string]any{"passCode": "10000001", "nextPassCode": "10000002"}), ""},
		"VIP with one code": {"", with(with(kindOf("token", "SYMANTEC"), "profile", map[string]any{"credentialId": oktasim.SymantecCredential}), "verify", code("passCode", 1)), "E0000068"},
		"other address":     {"", with(kindOf("email", "OKTA"), "profile", map[string]any{"email": "other@sidegate.example"}), "E0000001"},
		"FastPass":          {"", kindOf("signed_nonce", "OKTA"), "E0000001"},
		"Duo":               {"", kindOf("web", "DUO"), "E0000001"},
		"sms of Google":     {"", kindOf("sms", "GOOGLE"), "E0000001"},
		"no type":           {"", map[string]any{}, "E0000001"},
		"number as type":    {"", map[string]any{"factorType": 1}, "E0000003"},
	} {
		t.Run(name, func(t *testing.T) {
			p := newAPIBench(t).person(pushUser)
			a := p.call("POST", c.path, c.body)
			if c.code != "" {
				a.want(a.status, name, a.str("errorCode"), c.code)
				return
			}
			if a.wantStatus(200).str("status") != "ACTIVE" {
				t.Errorf("%s", a.body)
			}
		})
	}
	yubikey := with(kindOf("token:hardware", "YUBICO"), "verify", passCode(p.org.YubiKeyCode(pushUser)))
	if a := p.call("POST", "", yubikey).wantStatus(200); a.str("status") != "ACTIVE" {
		t.Errorf("YubiKey %s", a.body)
	}
}

// What was set up here works in the Identity Engine.
func TestFactorEnrolledWorksInTheIdentityEngine(t *testing.T) {
	p := newAPIBench(t).person(totpUser)
	a := p.call("POST", "", kindOf("token:software:totp", "GOOGLE")).wantStatus(200)
	p.api("POST", a.path("_links", "activate"), passCode(p.org.GoogleCode(totpUser))).wantStatus(200)
	p.head.Del("Authorization")
	s := p.begin()
	d := s.password(totpUser, password)
	if !strings.Contains(string(d.body), "Google Authenticator") {
		t.Errorf("the Identity Engine does not offer it: %s", d.body)
	}
}
