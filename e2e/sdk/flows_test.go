package sdk

import (
	"encoding/json"
	"errors"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"sidegate.example/sidegate/oktasim"
)

const (
	pushUser   = "push@sidegate.example"
	numberUser = "number@sidegate.example"
	totpUser   = "totp@sidegate.example"
)

func TestPushApproved(t *testing.T) {
	for name, client := range map[string]scenario{
		"public client, custom server":       {ClientID: publicID, Issuer: "/oauth2/default"},
		"confidential client, custom server": {ClientID: confidential, ClientSecret: clientSecret, Issuer: "/oauth2/default"},
		"confidential client, org server":    {ClientID: confidential, ClientSecret: clientSecret},
	} {
		t.Run(name, func(t *testing.T) {
			org, url := startOrg(t)
			s := client
			s.Issuer = url + client.Issuer
			s.Username, s.Method = pushUser, "push"
			r := start(t, s)
			r.next("password")
			if e := r.next("chosen"); e.Step != "challenge-poll" {
				t.Fatalf("after choosing push the SDK is at %q, want challenge-poll", e.Step)
			}
			r.next("waiting")
			check(t, org.Approve(pending(t, org, pushUser).ID))
			r.say("go on")
			r.wantSignedIn(s.Issuer, s.ClientID, pushUser, "pwd", "mfa", "okta_verify", "swk")
		})
	}
}

func TestPushApprovedWhileTheSDKPolls(t *testing.T) {
	org, url := startOrg(t)
	r := start(t, scenario{Issuer: url + "/oauth2/default", ClientID: publicID, Username: pushUser, Method: "push"})
	r.next("password")
	r.next("chosen")
	r.next("waiting")
	r.say("go on")
	waitForPolls(t, org, 3)
	check(t, org.Approve(pending(t, org, pushUser).ID))
	r.wantSignedIn(url+"/oauth2/default", publicID, pushUser, "pwd", "mfa", "okta_verify", "swk")
	for _, q := range org.Requests() {
		if q.Status >= 400 {
			t.Errorf("%s %s was answered %d: the SDK's way of polling must be allowed", q.Method, q.Path, q.Status)
		}
	}
}

func TestPushDenied(t *testing.T) {
	org, url := startOrg(t)
	r := start(t, scenario{Issuer: url + "/oauth2/default", ClientID: publicID, Username: pushUser, Method: "push"})
	r.next("password")
	r.next("chosen")
	r.next("waiting")
	check(t, org.Deny(pending(t, org, pushUser).ID))
	r.say("go on")
	if end := r.next("end"); end.Status != "PENDING" || !slices.Contains(end.Messages, "api.authn.poll.error.push_rejected") {
		t.Fatalf("the SDK ended with %+v, want PENDING and push_rejected", end)
	}
}

func TestNumberChallenge(t *testing.T) {
	org, url := startOrg(t)
	s := scenario{Issuer: url + "/oauth2/default", ClientID: confidential, ClientSecret: clientSecret, Username: numberUser, Method: "push"}

	t.Run("right number", func(t *testing.T) {
		r := start(t, s)
		r.next("password")
		r.next("chosen")
		w := r.next("waiting")
		check(t, org.Tap(pending(t, org, numberUser).ID, w.Number))
		r.say("go on")
		r.wantSignedIn(s.Issuer, s.ClientID, numberUser, "pwd", "mfa", "okta_verify", "swk")
	})
	t.Run("wrong number", func(t *testing.T) {
		r := start(t, s)
		r.next("password")
		r.next("chosen")
		w := r.next("waiting")
		p := pending(t, org, numberUser)
		wrong := slices.IndexFunc(p.Numbers, func(n string) bool { return n != w.Number })
		check(t, org.Tap(p.ID, p.Numbers[wrong]))
		r.say("go on")
		if end := r.next("end"); !slices.Contains(end.Messages, "api.authn.poll.error.push_rejected") {
			t.Fatalf("the SDK ended with %+v, want push_rejected", end)
		}
	})
}

func TestTOTPWrongThenRight(t *testing.T) {
	for name, login := range map[string]string{"only method": totpUser, "one of two": pushUser} {
		t.Run(name, func(t *testing.T) {
			org, url := startOrg(t)
			r := start(t, scenario{Issuer: url + "/oauth2/default", ClientID: publicID, Username: login, Method: "totp"})
			r.next("password")
			if login == pushUser {
				r.next("chosen")
			}
			r.next("code")
			right := org.TOTP(login)
			wrong := "000000"
			if right == wrong {
				wrong = "111111"
			}
			r.say(wrong)
			if e := r.next("code"); !slices.Contains(e.Messages, "api.authn.error.PASSCODE_INVALID") {
				t.Fatalf("a wrong code gave %+v, want PASSCODE_INVALID", e)
			}
			r.say(right)
			r.wantSignedIn(url+"/oauth2/default", publicID, login, "pwd", "mfa", "okta_verify", "otp")
		})
	}
}

func TestWrongPassword(t *testing.T) {
	for name, c := range map[string]struct {
		policy oktasim.Policy
		key    string
	}{
		"identifier and password together": {oktasim.Policy{}, "errors.E0000004"},
		"identifier first":                 {oktasim.Policy{IdentifierFirst: true}, "incorrectPassword"},
	} {
		t.Run(name, func(t *testing.T) {
			_, url := startOrg(t, func(cfg *oktasim.Config) { cfg.Policy = c.policy })
			r := start(t, scenario{Issuer: url + "/oauth2/default", ClientID: publicID, Username: pushUser, Password: "wrong"})
			if e := r.next("password"); !slices.Equal(e.Messages, []string{c.key}) {
				t.Fatalf("messages = %v, want %s", e.Messages, c.key)
			}
		})
	}
}

func TestIdentifierFirst(t *testing.T) {
	org, url := startOrg(t, func(cfg *oktasim.Config) { cfg.Policy.IdentifierFirst = true })
	r := start(t, scenario{Issuer: url, ClientID: publicID, Username: pushUser, Method: "push"})
	r.next("password")
	r.next("chosen")
	r.next("waiting")
	check(t, org.Approve(pending(t, org, pushUser).ID))
	r.say("go on")
	r.wantSignedIn(url, publicID, pushUser, "pwd", "mfa", "okta_verify", "swk")
}

func TestClientContextFromTheSDK(t *testing.T) {
	org, url := startOrg(t, func(cfg *oktasim.Config) {
		cfg.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}
	})
	r := start(t, scenario{
		Issuer: url, ClientID: confidential, ClientSecret: clientSecret, Username: pushUser, Method: "push",
		Headers: map[string]string{"X-Forwarded-For": "203.0.113.7"},
	})
	r.next("password")
	r.next("chosen")
	r.next("waiting")
	if p := pending(t, org, pushUser); p.Address != "203.0.113.7" || p.Place != "Lisbon, Portugal" {
		t.Errorf("the phone shows %s, %s", p.Address, p.Place)
	}
}

// TestTheSDKVerifiesTheIDToken shows that the tests above could fail: a token whose signature is not by the
// org's key is refused.
func TestTheSDKVerifiesTheIDToken(t *testing.T) {
	org, url := startOrg(t)
	other, _ := startOrg(t)
	stranger := keysOf(t, other)
	org.Inject(oktasim.Fault{Path: "/v1/keys", Times: -1, Mutate: func(body []byte) []byte {
		return withKid(t, stranger, body)
	}})
	r := start(t, scenario{Issuer: url + "/oauth2/default", ClientID: publicID, Username: pushUser, Method: "push"})
	r.next("password")
	r.next("chosen")
	r.next("waiting")
	check(t, org.Approve(pending(t, org, pushUser).ID))
	r.say("go on")
	if e := r.next("failed"); !strings.Contains(e.Text, "signature") {
		t.Fatalf("the SDK failed with %s, want a signature error", e.Text)
	}
}

// keysOf is the JWKS of another org.
func keysOf(t *testing.T, org *oktasim.Org) []byte {
	t.Helper()
	w := httptest.NewRecorder()
	org.Handler().ServeHTTP(w, httptest.NewRequest("GET", "/oauth2/default/v1/keys", nil))
	return w.Body.Bytes()
}

type jwks struct {
	Keys []map[string]any `json:"keys"`
}

// withKid gives the stranger's key the kid of the true one.
func withKid(t *testing.T, stranger, truth []byte) []byte {
	var s, own jwks
	if err := errors.Join(json.Unmarshal(stranger, &s), json.Unmarshal(truth, &own)); err != nil {
		t.Error(err)
		return nil
	}
	s.Keys[0]["kid"] = own.Keys[0]["kid"]
	out, err := json.Marshal(s)
	if err != nil {
		t.Error(err)
	}
	return out
}
