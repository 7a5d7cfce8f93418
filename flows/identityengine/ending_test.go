package identityengine

import (
	"fmt"
	"strings"
	"testing"

	"sidegate.example/sidegate/flows"
)

// terminal is a document with nothing but a message, in a language that nobody here reads: only the key can decide.
func terminal(key, class string) string {
	return fmt.Sprintf(`{"version":"1.0.0","stateHandle":"h","messages":{"type":"array","value":[
		{"message":"Ṫęxť","i18n":{"key":%q,"params":[]},"class":%q}]}}`, key, class)
}

// askedAgain is the challenge of a code with what Okta says about the last one.
func askedAgain(top, field string) string {
	return fmt.Sprintf(`{"version":"1.0.0","stateHandle":"h",%s"remediation":{"value":[{"name":"challenge-authenticator","href":"/idp/idx/challenge/answer",
		"relatesTo":["$.currentAuthenticatorEnrollment"],"value":[{"name":"credentials","form":{"value":[{"name":"totp","label":"Code"%s}]}}]}]},
		"currentAuthenticatorEnrollment":{"value":{"key":"okta_verify","methods":[{"type":"totp"}]}}}`, top, field)
}

const (
	wrongOnField = `,"messages":{"value":[{"message":"Nein.","i18n":{"key":"api.authn.error.PASSCODE_INVALID"},"class":"ERROR"}]}`
	wrongOnTop   = `"messages":{"value":[{"message":"","i18n":{"key":"errors.E0000113"},"class":"ERROR"}]},`
	success      = `{"stateHandle":"h","successWithInteractionCode":{"value":[{"name":"interaction_code","value":"c0de"}]}}`
)

// Every way in which a sign-in can end or stop, after a gesture and in the middle of a poll. Texts decide nothing.
func TestEndings(t *testing.T) {
	const waiting = "wait push every=4s at=/idp/idx/authenticators/poll"
	totp := func(messages string) string {
		return `code totp at=/idp/idx/challenge/answer field=totp"Code"` + messages
	}
	for name, c := range map[string]struct {
		status    int
		body      string
		gesture   string
		afterPoll string // empty is the same
	}{
		"success":                      {200, success, "denied no_factor final=true", "calls /oauth2/v1/token"},
		"success with an error status": {401, success, "denied no_factor final=true", "calls /oauth2/v1/token"},
		"success in the way for apps that redirect": {200, `{"version":"1.0.0","success":{"name":"success-redirect","href":"http://localhost:3000/x"}}`,
			"error misconfigured", ""},

		"terminal, unknown key":        {200, terminal("brand.new.key", "INFO"), `denied expired final=true i:brand.new.key"Ṫęxť"`, ""},
		"terminal, no message at all":  {200, `{"version":"1.0.0","stateHandle":"h"}`, "denied expired final=true", ""},
		"link used in another tab":     {200, terminal("idx.transferred.to.new.tab", "INFO"), `denied elsewhere final=true i:idx.transferred.to.new.tab"Ṫęxť"`, ""},
		"cancelled on the other one":   {200, terminal("idx.operation.cancelled.on.other.device", "ERROR"), `denied elsewhere final=true !idx.operation.cancelled.on.other.device"Ṫęxť"`, ""},
		"account unlocked":             {200, terminal("oie.selfservice.unlock_user.success.message", "INFO"), `denied restored final=true i:oie.selfservice.unlock_user.success.message"Ṫęxť"`, ""},
		"session expired":              {401, terminal("idx.session.expired", "ERROR"), `denied expired final=true !idx.session.expired"Ṫęxť"`, ""},
		"session expired, 200":         {200, terminal("idx.session.expired", "ERROR"), `denied expired final=true !idx.session.expired"Ṫęxť"`, ""},
		"policy denies":                {403, terminal("security.access_denied_custom_message", "ERROR"), `denied policy final=true !security.access_denied_custom_message"Ṫęxť"`, ""},
		"device does not comply":       {403, terminal("idx.error.code.access_denied.device_assurance.remediation.title", "ERROR"), `denied policy final=true !idx.error.code.access_denied.device_assurance.remediation.title"Ṫęxť"`, ""},
		"app not assigned":             {400, terminal("idx.error.user.not.assigned.to.app", "ERROR"), `denied policy final=true !idx.error.user.not.assigned.to.app"Ṫęxť"`, ""},
		"policy cannot be met":         {400, terminal("oie.assurance.unsatisfiable", "ERROR"), `denied policy final=true !oie.assurance.unsatisfiable"Ṫęxť"`, ""},
		"may not unlock":               {403, terminal("oie.selfservice.unlock_user.challenge.failed.permissions", "ERROR"), `denied policy final=true !oie.selfservice.unlock_user.challenge.failed.permissions"Ṫęxť"`, ""},
		"locked":                       {403, terminal("errors.E0000119", "ERROR"), `denied locked final=true !errors.E0000119"Ṫęxť"`, ""},
		"factor suspended":             {400, terminal("authfactor.challenge.suspended_factor", "ERROR"), `denied locked final=true !authfactor.challenge.suspended_factor"Ṫęxť"`, ""},
		"user suspended":               {403, terminal("core.user.suspended", "ERROR"), `denied locked final=true !core.user.suspended"Ṫęxť"`, ""},
		"user deprovisioned":           {403, terminal("core.user.deprovisioned", "ERROR"), `denied locked final=true !core.user.deprovisioned"Ṫęxť"`, ""},
		"a network policy, not IDX":    {403, `{"error":"Forbidden","message":"Access denied by network policy"}`, "denied policy final=true !security.access_denied", waiting},
		"400 with a message on field":  {400, askedAgain("", wrongOnField), totp(` !api.authn.error.PASSCODE_INVALID"Nein."`), ""},
		"401 with a message on field":  {401, askedAgain("", wrongOnField), totp(` !api.authn.error.PASSCODE_INVALID"Nein."`), ""},
		"403 with a message, no text":  {403, askedAgain(wrongOnTop, ""), totp(" !errors.E0000113"), ""},
		"step-up after 401":            {401, askedAgain("", ""), totp(""), ""},
		"400, stale handle":            {400, terminal("api.error.field_required", "ERROR"), `denied expired final=true !api.error.field_required"Ṫęxť"`, waiting},
		"401 without a reason":         {401, "", "error malformed", waiting},
		"403 without a reason":         {403, "<html>", "denied policy final=true !security.access_denied", waiting},
		"429":                          {429, `{"errorCode":"E0000047"}`, "error rate_limited", ""},
		"429 in the key alone":         {200, terminal("tooManyRequests", "ERROR"), "error rate_limited", ""},
		"500":                          {500, `{"message":"internal server error"}`, "error unavailable", ""},
		"internal error as a document": {500, terminal("E0000009", "ERROR"), "error unavailable", ""},
		"internal error, 200":          {200, terminal("errors.E0000009", "ERROR"), "error unavailable", ""},
		"polling window expired":       {400, terminal("E0000010", "ERROR"), "error unavailable", `denied timeout final=true !E0000010"Ṫęxť"`},
		"push timed out":               {404, terminal("core.system.transaction_resource_not_found", "ERROR"), `denied timeout final=true !core.system.transaction_resource_not_found"Ṫęxť"`, ""},
		"safe mode":                    {200, `{"version":"1.0.0","remediation":{"value":[{"name":"poll","href":"/idp/idx/poll","refresh":2000,"value":[]}]}}`, "wait every=2s degraded at=/idp/idx/poll", ""},
		"safe mode, nothing to set up": {200, terminal("idx.error.server.safe.mode.enrollment.unavailable", "ERROR"), "error unavailable", ""},
		"unknown version":              {200, `{"version":"2.0.0","stateHandle":"h","remediation":{"value":[]}}`, "error malformed", ""},
		"unknown version, 400":         {400, `{"version":"2.0.0","stateHandle":"h"}`, "error malformed", ""},
		"no version":                   {200, `{"stateHandle":"h","remediation":{"value":[]}}`, "error malformed", "error unavailable"},
		"empty":                        {200, "", "error malformed", "error unavailable"},
	} {
		t.Run(name, func(t *testing.T) {
			a := answer{c.status, []byte(c.body)}
			if got := afterPassword(t, a, false); got != c.gesture {
				t.Errorf("after a gesture:\n got %s\nwant %s", got, c.gesture)
			}
			if c.afterPoll == "" {
				c.afterPoll = c.gesture
			}
			if got := afterPoll(t, a); got != c.afterPoll {
				t.Errorf("in a poll:\n got %s\nwant %s", got, c.afterPoll)
			}
			setUp := strings.Replace(c.afterPoll, "wait push", "wait enrolling push", 1)
			if got := afterPollOf(t, a, true); got != setUp {
				t.Errorf("in the poll of a phone that is being set up:\n got %s\nwant %s", got, setUp)
			}
		})
	}
}

// The interval is that of the newest document, and bounded.
func TestRefreshThatChanges(t *testing.T) {
	for refresh, want := range map[string]string{
		"500": "every=1s", "4200": "every=4.2s", "6202": "every=6.202s", "120000": "every=30s", `"2000"`: "every=2s", "-1": "every=4s", "null": "every=4s",
	} {
		body := strings.Replace(string(remediationFixture(t, "challenge-poll").body), `"refresh": 2000`, `"refresh": `+refresh, 1)
		if got := afterPoll(t, answer{200, []byte(body)}); !strings.Contains(got, want+" ") {
			t.Errorf("refresh %s: %s, want %s", refresh, got, want)
		}
		link := strings.Replace(string(remediationFixture(t, "challenge-authenticator.okta_email").body), `"refresh": 3000`, `"refresh": `+refresh, 1)
		if got := afterPassword(t, answer{200, []byte(link)}, false); !strings.Contains(got, want+" ") {
			t.Errorf("refresh %s beside a code: %s, want %s", refresh, got, want)
		}
	}
}

// A mailed token that is old or was used is the person's to know, and no mistake of the operator's.
func TestMailedTokenThatIsNoGood(t *testing.T) {
	for _, field := range []string{flows.FieldActivationToken, flows.FieldRecoveryToken} {
		s := &script{answers: []answer{{400, []byte(`{"error":"invalid_request","error_description":"The recovery token is invalid."}`)}}}
		e, cc := scripted(t, s)
		_, step, err := e.Start(t.Context(), cc, "https://app", flows.Answer{Values: map[string]string{field: "tok-en_1"}})
		if err != nil || step.Denied == nil || step.Denied.Reason != flows.DeniedExpired || !step.Denied.Final {
			t.Errorf("%s: %+v %v, want an expired sign-in", field, step, err)
		}
		if strings.Contains(fmt.Sprint(step.Cause), "tok-en_1") {
			t.Errorf("the log is told the token: %v", step.Cause)
		}
		if !strings.Contains(s.bodies[0], field+"=tok-en_1") {
			t.Errorf("Okta was sent %q", s.bodies[0])
		}
	}
}
