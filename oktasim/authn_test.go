package oktasim_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"sidegate.example/sidegate/oktasim"
)

// classic is a transaction of /api/v1/authn.
type classic struct {
	*bench
	token string
}

func (b *bench) authn(login, pass string) *answer {
	b.t.Helper()
	return b.api("POST", "/api/v1/authn", map[string]any{
		"username": login, "password": pass, "options": map[string]any{"warnBeforePasswordExpired": true},
	})
}

// enter gives user name and password and wants the status.
func (b *bench) enter(login, status string) (*classic, *answer) {
	b.t.Helper()
	a := b.authn(login, password).wantState(status)
	return &classic{b, a.str("stateToken")}, a
}

func (a *answer) wantState(status string) *answer {
	a.t.Helper()
	return a.want(200, "status", a.str("status"), status)
}

// step posts with the state token.
func (c *classic) step(path string, body map[string]any) *answer {
	c.t.Helper()
	if body == nil {
		body = map[string]any{}
	}
	body["stateToken"] = c.token
	return c.api("POST", "/api/v1/authn"+path, body)
}

// choose is the path that verifies a factor of the answer.
func (a *answer) choose(typ, provider string) string {
	a.t.Helper()
	list, _ := a.at("_embedded", "factors").([]any)
	for i := range list {
		if a.str("_embedded", "factors", i, "factorType") == typ && a.str("_embedded", "factors", i, "provider") == provider {
			return strings.TrimPrefix(a.path("_embedded", "factors", i, "_links", "verify"), "/api/v1/authn")
		}
	}
	a.t.Fatalf("no %s of %s in %s", typ, provider, a.body)
	return ""
}

// newClassic is an org whose calls carry no token: a public application.
func newClassic(t testing.TB, change ...func(*oktasim.Config)) *bench {
	t.Helper()
	b := newAPIBench(t, change...)
	b.head = http.Header{}
	return b
}

func TestAuthnPasswordOnly(t *testing.T) {
	b := newClassic(t, func(c *oktasim.Config) { c.Policy.PasswordOnly = true })
	_, a := b.enter(pushUser, "SUCCESS")
	if a.str("sessionToken") == "" || a.at("stateToken") != nil || a.str("_embedded", "user", "profile", "login") != pushUser {
		t.Errorf("SUCCESS is %s", a.body)
	}
}

// One text for all that is wrong, whether or not there is such a user.
func TestAuthnFailsAlike(t *testing.T) {
	b := newClassic(t)
	b.org.SetStatus("fastpass@sidegate.example", "SUSPENDED")
	want := b.authn(pushUser, "wrong").wantCode(401, "E0000004")
	for _, login := range []string{"nobody@sidegate.example", "locked@sidegate.example", "fastpass@sidegate.example"} {
		a := b.authn(login, password).wantCode(401, "E0000004")
		if a.str("errorSummary") != want.str("errorSummary") || len(a.body) != len(want.body) {
			t.Errorf("%s: %s, want %s", login, a.body, want.body)
		}
	}
	b.api("POST", "/api/v1/authn", map[string]any{"username": pushUser}).wantCode(400, "E0000001")
	b.api("POST", "/api/v1/authn", map[string]any{"username": 1, "password": password}).wantCode(400, "E0000003")
}

func TestAuthnShowsLockOutByPolicy(t *testing.T) {
	b := newClassic(t, func(c *oktasim.Config) { c.Policy.Factors.ShowLockedOut = true })
	a := b.authn("locked@sidegate.example", password).wantState("LOCKED_OUT")
	if a.at("stateToken") != nil || a.str("_links", "next", "name") != "unlock" {
		t.Errorf("LOCKED_OUT is %s", a.body)
	}
}

func TestAuthnCredentialsOfTheApplication(t *testing.T) {
	b := newClassic(t)
	for header, want := range map[string]struct {
		status int
		code   string
	}{
		"SSWS " + adminToken: {200, ""}, "SSWS " + readOnlyToken: {200, ""}, "SSWS " + powerless: {403, "E0000006"},
		"SSWS wrong": {401, "E0000011"}, "Bearer " + adminToken: {401, "E0000011"},
	} {
		b.head.Set("Authorization", header)
		a := b.authn(pushUser, password)
		a.want(want.status, header, a.str("errorCode"), want.code)
		b.now = b.now.Add(time.Second)
	}
}

// deviceToken counts for trusted applications only, and there it has a form.
func TestAuthnDeviceToken(t *testing.T) {
	b := newClassic(t)
	body := map[string]any{"username": pushUser, "password": password, "context": map[string]any{"deviceToken": "has-a-hyphen"}}
	b.api("POST", "/api/v1/authn", body).wantState("MFA_REQUIRED")
	b.ssws(adminToken)
	b.api("POST", "/api/v1/authn", body).wantCode(400, "E0000001")
	body["context"] = map[string]any{"deviceToken": strings.Repeat("x", 33)}
	b.api("POST", "/api/v1/authn", body).wantCode(400, "E0000001")
	body["context"] = map[string]any{"deviceToken": strings.Repeat("x", 32)}
	b.api("POST", "/api/v1/authn", body).wantState("MFA_REQUIRED")
}

// Four a second for one user name, however it is written.
func TestAuthnRateLimitPerUserName(t *testing.T) {
	b := newClassic(t)
	for _, login := range []string{pushUser, "PUSH@sidegate.example", pushUser, pushUser} {
		b.authn(login, "wrong").wantCode(401, "E0000004")
	}
	a := b.authn(pushUser, password).wantCode(429, "E0000047")
	if a.header.Get("X-Rate-Limit-Limit") != "4" || a.header.Get("X-Rate-Limit-Reset") != fmt.Sprint(b.now.Add(time.Second).Unix()) {
		t.Errorf("headers %v", a.header)
	}
	b.authn(totpUser, password).wantState("MFA_REQUIRED")
	b.now = b.now.Add(time.Second)
	b.authn(pushUser, password).wantState("MFA_REQUIRED")
}

func TestAuthnFactorsAreMasked(t *testing.T) {
	b := newClassic(t, withFull)
	c, a := b.enter(fullUser, "MFA_REQUIRED")
	text := string(a.body)
	for _, secret := range []string{"+15555550123", `"email":"` + fullUser, "signed_nonce"} {
		if strings.Contains(text, secret) {
			t.Errorf("the answer has %s", secret)
		}
	}
	for _, want := range []string{"+1 XXX-XXX-0123", "f***@sidegate.example", `"questionText"`, `"factorTypes":[`, `"factorsPolicyInfo"`} {
		if !strings.Contains(text, want) {
			t.Errorf("the answer lacks %s", want)
		}
	}
	if again := c.step("", nil).wantState("MFA_REQUIRED"); again.str("stateToken") != c.token {
		t.Errorf("the state is %s", again.body)
	}
}

// A state token lives for five minutes from its last use.
func TestAuthnStateTokenSlides(t *testing.T) {
	b := newClassic(t)
	c, a := b.enter(pushUser, "MFA_REQUIRED")
	if a.str("expiresAt") != "2026-08-01T12:05:00.000Z" {
		t.Errorf("expiresAt %q", a.str("expiresAt"))
	}
	for range 3 {
		b.now = b.now.Add(4 * time.Minute)
		c.step("", nil).wantState("MFA_REQUIRED")
	}
	b.now = b.now.Add(5 * time.Minute)
	c.step("", nil).wantCode(401, "E0000011")
}

func TestAuthnLockOutAtFive(t *testing.T) {
	b := newClassic(t)
	c, a := b.enter(totpUser, "MFA_REQUIRED")
	path := a.choose("token:software:totp", "OKTA")
	for range 4 {
		c.step(path, passCode("000000")).wantCode(403, "E0000068")
	}
	c.step(path, passCode("000000")).wantCode(403, "E0000069")
	c.step(path, passCode(b.org.TOTP(totpUser))).wantCode(401, "E0000011")
	b.authn(totpUser, password).wantCode(401, "E0000004")
}

// Wrong codes of both APIs are counted together.
func TestAuthnAndFactorsCountTogether(t *testing.T) {
	b := newAPIBench(t)
	p := b.person(totpUser)
	b.ssws(readOnlyToken) // the admin token is this user's own, and dies with the lock-out
	c, a := b.enter(totpUser, "MFA_REQUIRED")
	path := a.choose("token:software:totp", "OKTA")
	for range 4 {
		c.step(path, passCode("000000")).wantCode(403, "E0000068")
	}
	b.ssws(adminToken)
	p.verify("token:software:totp", "OKTA", passCode("000000")).wantCode(403, "E0000069")
}

func TestAuthnEnrolment(t *testing.T) {
	b := newClassic(t)
	c, a := b.enter("nophone@sidegate.example", "MFA_ENROLL")
	if a.str("_embedded", "factors", 0, "status") != "NOT_SETUP" || a.at("_links", "skip") != nil {
		t.Errorf("MFA_ENROLL is %s", a.body)
	}
	c.step("/skip", nil).wantCode(403, "E0000079")

	b = newClassic(t, withUser(oktasim.User{Optional: []string{"okta_verify"}}))
	c, a = b.enter(someone, "MFA_ENROLL")
	if a.at("_links", "skip") == nil {
		t.Errorf("MFA_ENROLL is %s", a.body)
	}
	c.step("/skip", nil).wantState("SUCCESS")
}

func TestAuthnPasswordWarning(t *testing.T) {
	b := newClassic(t, withUser(oktasim.User{Methods: []string{"totp"}, PasswordState: "expiring"}))
	c, a := b.enter(someone, "MFA_REQUIRED")
	a = c.step(a.choose("token:software:totp", "OKTA"), passCode(b.org.TOTP(someone))).wantState("PASSWORD_WARN")
	if a.at("_embedded", "policy", "expiration", "passwordExpireDays") != 5.0 || a.str("_links", "next", "name") != "changePassword" {
		t.Errorf("PASSWORD_WARN is %s", a.body)
	}
	c.step("/skip", nil).wantState("SUCCESS")
	b.now = b.now.Add(time.Minute)
	a = b.api("POST", "/api/v1/authn", map[string]any{"username": someone, "password": password}).wantState("MFA_REQUIRED") // no warning wanted
	c = &classic{b, a.str("stateToken")}
	c.step(a.choose("token:software:totp", "OKTA"), passCode(b.org.TOTP(someone))).wantState("SUCCESS")
}

// The second factor comes before the news that the password has expired.
func TestAuthnExpiredPassword(t *testing.T) {
	b := newClassic(t, withUser(oktasim.User{Methods: []string{"totp"}, PasswordState: "expired"}))
	c, a := b.enter(someone, "MFA_REQUIRED")
	c.step(a.choose("token:software:totp", "OKTA"), passCode(b.org.TOTP(someone))).wantState("PASSWORD_EXPIRED")
	c.step("/skip", nil).wantCode(403, "E0000079")
	change := func(before, after string) *answer {
		return c.step("/credentials/change_password", map[string]any{"oldPassword": before, "newPassword": after})
	}
	change("wrong", "Another horse 2").wantCode(403, "E0000014")
	change(password, "short").wantCode(403, "E0000080")
	change(password, "Another horse 2").wantState("SUCCESS")
	b.authn(someone, password).wantCode(401, "E0000004")

	b = newClassic(t, withUser(oktasim.User{PasswordState: "expired"}))
	b.enter(someone, "PASSWORD_EXPIRED") // nobody is asked for a factor that is not there
}
