package e2e

import (
	"strconv"
	"testing"

	"sidegate.example/sidegate/oktasim"
)

// token is a kind of authenticator whose codes come from a thing of its own.
type token struct {
	key, factor string
	// issued marks what only an administrator can hand out.
	issued bool
	// more fills in what is asked for beside the first code when it is set up; nil where that is all.
	more func(p *tab, code string)
}

var tokens = []token{
	{key: "onprem_mfa", factor: "hardware_otp", more: ownUserName},
	{key: "rsa_token", factor: "hardware_otp", more: ownUserName},
	{key: "symantec_vip", factor: "hardware_otp", more: func(p *tab, code string) {
		n, err := strconv.Atoi(code)
		p.check(err)
		p.fill(`input[name="f.credentials.credentialId"]`, oktasim.SymantecCredential)
		p.fill(`input[name="f.credentials.nextPasscode"]`, strconv.Itoa(n+1))
	}},
	{key: "yubikey_token", factor: "hardware_otp"},
	{key: "custom_otp", factor: "other", issued: true},
}

// ownUserName leaves the user name at the token's server as it comes, which is the person's own.
func ownUserName(p *tab, _ string) {
	p.see(`input[name="f.credentials.clientData"][value$="@example.com"]`)
}

// Each kind of token is set up after a code by email, and is then what the next sign-in asks for. A wrong code is told,
// sets nothing up, lets nobody in and may be corrected.
func TestEveryToken(t *testing.T) {
	everyWay(t, func(t *testing.T, b *browser, shot func(*tab, string)) {
		p := b.tab()
		for _, k := range tokens {
			user := oktasim.User{Enrolled: []string{"okta_email"}, Require: []string{k.key}}
			if k.issued {
				user = oktasim.User{Enrolled: []string{k.key}}
			}
			who := b.d.join(k.key, user)
			if !k.issued {
				p.signIn(who, "/"+k.key)
				p.mailed(who)
				p.see(onEnroll)
				p.click("[data-choice-kind=enroll][data-factor=" + k.factor + "]")
				p.see("main[data-enrolling][data-factor=" + k.factor + "]")
				shot(p, "enroll-"+k.key)
				right := b.d.codes(who).Token
				p.giveToken(k, wrongCode(right))
				p.see("main[data-enrolling] [role=alert]")
				p.giveToken(k, right)
				p.admitted(who, "/"+k.key)
				p.leave()
			}
			p.signIn(who, "/again/"+k.key)
			p.choose(k.factor)
			p.see("main[data-kind=code][data-factor=" + k.factor + "]")
			shot(p, "code-"+k.key)
			p.fill(codeField, wrongCode(b.d.codes(who).Token))
			p.press(primary)
			p.see("main[data-kind=code] [role=alert]")
			p.code(b.d.codes(who).Token)
			p.admitted(who, "/again/"+k.key)
			p.leave()
		}
	})
}

// giveToken sends the form that sets a token up.
func (p *tab) giveToken(k token, code string) {
	p.t.Helper()
	if k.more == nil {
		p.fill(codeField, code)
	} else {
		p.fill(`input[name="f.credentials.passcode"]`, code)
		k.more(p, code)
	}
	p.press(primary)
}

// The organisation's own app is set up by QR code, and a push to it asks for an approval as Okta Verify's does.
func TestCustomAppPush(t *testing.T) {
	everyWay(t, func(t *testing.T, b *browser, shot func(*tab, string)) {
		cas := b.d.join("cas", oktasim.User{Enrolled: []string{"okta_email"}, Require: []string{"custom_app"}})
		p := b.tab()
		p.signIn(cas, "/")
		p.mailed(cas)
		p.click("[data-choice-kind=enroll][data-factor=custom_push]")
		p.see(onSetUp + "[data-factor=custom_push]")
		shot(p, "enroll-custom-app")
		b.d.scan(cas, p.qr())
		p.admitted(cas, "/")
		p.leave()

		p.signIn(cas, "/again")
		p.choose("custom_push")
		p.see(onWait + "[data-factor=custom_push]")
		shot(p, "custom-app-wait")
		if got := b.d.pushes(cas); len(got) != 1 || got[0].Address != browserAddress {
			t.Errorf("pushes %+v, want one with the browser's address", got)
		}
		b.phone(cas).click(card + " button[name=approve]")
		p.admitted(cas, "/again")
	})
}
