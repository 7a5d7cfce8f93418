package oktasim_test

import (
	"strings"
	"testing"
	"time"

	"sidegate.example/sidegate/oktasim"
)

// opened is a sign-in as the policy has it begin, and its first document.
func opened(t *testing.T, p oktasim.Policy) (*signIn, *answer) {
	t.Helper()
	b := newBench(t, func(c *oktasim.Config) { c.Policy = p })
	s := &signIn{bench: b, verifier: strings.Repeat("v", 43)}
	s.handle = b.form("/oauth2/default/v1/interact", interactForm(s.verifier)).str("interaction_handle")
	a := b.idx("introspect", map[string]any{"interactionHandle": s.handle})
	s.state = a.str("stateHandle")
	return s, a
}

func TestDeviceProbe(t *testing.T) {
	s, a := opened(t, oktasim.Policy{DeviceProbe: true})
	a.wantStep(200, "device-challenge-poll")
	if a.str("authenticatorChallenge", "value", "challengeMethod") != "LOOPBACK" || a.str("authenticatorChallenge", "value", "cancel", "name") != "cancel-polling" {
		t.Errorf("probe: %s", a.body)
	}
	s.password(pushUser, password).wantKey(400, badRequest)
	s.pollAfter(4*time.Second).wantStep(200, "device-challenge-poll") // nobody answers it
	s.step("authenticators/poll/cancel", map[string]any{"reason": "OV_UNREACHABLE_BY_LOOPBACK", "statusCode": nil}).wantStep(200, "identify")
	s.password(pushUser, password).wantStep(200, "select-authenticator-authenticate")
}

func TestSafeMode(t *testing.T) {
	s, a := opened(t, oktasim.Policy{SafeModePolls: 2, DeviceProbe: true})
	a.wantStep(200, "poll")
	poll := func() *answer { s.now = s.now.Add(4 * time.Second); return s.step("poll", nil) }
	poll().wantStep(200, "poll")
	if a := s.step("poll", nil); a.status != 429 {
		t.Errorf("at once again: %d", a.status)
	}
	poll().wantStep(200, "device-challenge-poll") // and on as ever
}

func TestOtherWaysIn(t *testing.T) {
	_, a := opened(t, oktasim.Policy{FastPass: true, IdentityProviders: []string{"GOOGLE", "FACEBOOK"}})
	a.wantStep(200, "identify")
	var names []string
	list, _ := a.at("remediation", "value").([]any)
	for i := range list {
		names = append(names, a.str("remediation", "value", i, "name"))
	}
	if got := strings.Join(names, " "); got != "identify select-enroll-profile launch-authenticator redirect-idp redirect-idp" {
		t.Errorf("offered %s", got)
	}
	idp := a.at("remediation", "value", 3).(map[string]any)
	if idp["method"] != "GET" || idp["type"] != "GOOGLE" || idp["rel"] != nil || idp["value"] != nil || !strings.HasPrefix(idp["href"].(string), orgURL+"/sso/idps/0oa") {
		t.Errorf("identity provider: %v", idp)
	}
}
