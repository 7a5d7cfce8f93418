package widget

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"testing"

	"sidegate.example/sidegate/oktasim"
)

const (
	submit        = "input[type=submit]"
	totpInput     = "input[name='credentials.totp']"
	waitsForPhone = ".okta-verify-push-challenge"
	rejected      = "You have chosen to reject this login."
)

// login answers the first page.
func (p *tab) login(user string) {
	p.t.Helper()
	p.fill("input[name=identifier]", user)
	p.fill("input[name='credentials.passcode']", oktasim.DefaultPassword)
	p.click(submit)
}

// submitAgain presses the button until the widget takes it, which clears the alert: for 200 ms after the last time it
// does not listen.
func (p *tab) submitAgain() {
	p.t.Helper()
	p.until("the form being sent again", fmt.Sprintf(
		"(document.querySelector(%q).click(), !document.querySelector('.okta-form-infobox-error'))", submit))
}

// choose takes one of the listed authenticators, by the name that the widget gives it.
func (p *tab) choose(authenticator string) {
	p.t.Helper()
	p.click("[data-se=" + authenticator + "] a")
}

// wantSignedIn waits for the tokens and for userinfo, which the widget fetched.
func (p *tab) wantSignedIn(user string, amr ...any) {
	p.t.Helper()
	p.until("the tokens", "!!window.outcome")
	text, err := eval[string](p, "JSON.stringify(window.outcome)")
	var got struct {
		Claims, User map[string]any
		Failure      string
	}
	if err == nil {
		err = json.Unmarshal([]byte(text), &got)
	}
	if err != nil || got.Failure != "" {
		p.failf("the widget ended with %s (%v)", text, err)
	}
	for claim, want := range map[string]any{"iss": p.s.okta + "/oauth2/default", "aud": clientID, "preferred_username": user} {
		if got.Claims[claim] != want {
			p.t.Errorf("claim %s is %v, want %v", claim, got.Claims[claim], want)
		}
	}
	if factors, _ := got.Claims["amr"].([]any); !slices.Equal(factors, amr) {
		p.t.Errorf("amr is %v, want %v", factors, amr)
	}
	if got.User["email"] != user || got.User["sub"] != got.Claims["sub"] {
		p.t.Errorf("userinfo is %v", got.User)
	}
}

// wantAlert waits for the widget to say it, and nobody may be signed in.
func (p *tab) wantAlert(text string) {
	p.t.Helper()
	p.until(strconv.Quote(text), fmt.Sprintf(
		"[...document.querySelectorAll('[role=alert]')].some(e => e.checkVisibility() && e.innerText.includes(%q))", text))
	if in, err := eval[bool](p, "!!window.outcome"); in || err != nil {
		p.failf("signed in (%v)", err)
	}
}

func TestPush(t *testing.T) {
	const user = "push@sidegate.example"
	s := startSite(t)
	p := s.open(t)
	p.login(user)
	p.choose("okta_verify-push")
	p.see(waitsForPhone)
	check(t, s.org.Deny(s.pending(t, user).ID))
	p.wantAlert(rejected)
	p.click(submit) // send it again
	p.see(waitsForPhone)
	check(t, s.org.Approve(s.pending(t, user).ID))
	p.wantSignedIn(user, "pwd", "mfa", "okta_verify", "swk")
}

func TestNumberChallenge(t *testing.T) {
	const user = "number@sidegate.example"
	for name, right := range map[string]bool{"right number": true, "wrong number": false} {
		t.Run(name, func(t *testing.T) {
			s := startSite(t)
			p := s.open(t)
			p.login(user)
			p.choose("okta_verify-push")
			shown := p.read("[data-se=challenge-number]", "e.innerText")
			push := s.pending(t, user)
			if right {
				check(t, s.org.Tap(push.ID, shown))
				p.wantSignedIn(user, "pwd", "mfa", "okta_verify", "swk")
				return
			}
			other := slices.IndexFunc(push.Numbers, func(n string) bool { return n != shown })
			check(t, s.org.Tap(push.ID, push.Numbers[other]))
			p.wantAlert(rejected)
		})
	}
}

func TestTOTP(t *testing.T) {
	const user = "totp@sidegate.example"
	s := startSite(t)
	p := s.open(t)
	p.login(user)
	wrong := "000000"
	if s.org.TOTP(user) == wrong {
		wrong = "111111"
	}
	p.fill(totpInput, wrong)
	p.click(submit)
	p.wantAlert("Invalid code. Try again.")
	p.fill(totpInput, s.org.TOTP(user))
	p.submitAgain()
	p.wantSignedIn(user, "pwd", "mfa", "okta_verify", "otp")
}

// A page that the org does not trust is stopped by the browser: its script gets as far as the preflight.
func TestUntrustedPage(t *testing.T) {
	s := startSiteWith(t, func(cfg *oktasim.Config) { cfg.TrustedOrigins = nil })
	p := s.open(t)
	p.until("the failure", "!!window.outcome && !!window.outcome.failure")
	if asked := s.org.Requests(); len(asked) != 0 {
		t.Errorf("Okta was asked %+v, want nothing", asked)
	}
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
