package e2e

import (
	"strings"
	"testing"

	"github.com/chromedp/cdproto/webauthn"

	"sidegate.example/sidegate/oktasim"
)

const (
	onPasskey  = "main[data-kind=webauthn]"
	askBrowser = "#credential button.primary"
)

// securityKey plugs a virtual security key into the tab, whose owner touches it when asked.
func (p *tab) securityKey() webauthn.AuthenticatorID {
	p.t.Helper()
	call(p, webauthn.Enable, webauthn.EnableParams{})
	return call(p, webauthn.AddVirtualAuthenticator, webauthn.AddVirtualAuthenticatorParams{Options: &webauthn.VirtualAuthenticatorOptions{
		Protocol: webauthn.AuthenticatorProtocolCtap2, Transport: webauthn.AuthenticatorTransportUsb,
		HasUserVerification: true, IsUserVerified: true, AutomaticPresenceSimulation: true,
	}}).AuthenticatorID
}

// A security key is set up and used; one that does not know the account is told, and another way is at hand.
func TestPasskey(t *testing.T) {
	d := startDemo(t)
	kim := d.join("kim", oktasim.User{Enrolled: []string{"okta_email"}, Require: []string{"webauthn"}})
	p := newBrowser(t, d).tab()
	key := p.securityKey()
	p.signIn(kim, "/")
	p.mailed(kim)
	p.click("[data-choice-kind=enroll][data-factor=webauthn]")
	p.see(onPasskey + "[data-enrolling]")
	p.fits("enroll-passkey")
	p.click(askBrowser)
	p.admitted(kim, "/")
	p.leave()

	p.signIn(kim, "/again")
	p.choose("webauthn")
	p.see(onPasskey)
	p.fits("passkey")
	p.click(askBrowser)
	p.admitted(kim, "/again")
	p.leave()

	call(p, webauthn.ClearCredentials, webauthn.ClearCredentialsParams{AuthenticatorID: key})
	p.signIn(kim, "/third")
	p.choose("webauthn")
	p.click(askBrowser)
	p.see("#credential-status:not(:empty)")
	p.fits("passkey-failed")
	p.click("[data-choice-kind=other]")
	p.mailed(kim)
	p.admitted(kim, "/third")
}

// Without script no browser asks a security key: the page says so, offers no button that does nothing, and leads on.
func TestPasskeyWithoutScript(t *testing.T) {
	b := newBrowser(t, startDemo(t))
	b.noJS = true
	kim := b.d.join("kim", oktasim.User{Enrolled: []string{"okta_email", "webauthn"}})
	p := b.tab()
	p.signIn(kim, "/")
	p.choose("webauthn")
	p.see(onPasskey)
	p.fits("passkey-no-script")
	if got := p.text("main"); !strings.Contains(got, "This needs JavaScript") || eval[bool](p, `document.querySelector("#credential").checkVisibility()`) {
		t.Errorf("the page says %q", got)
	}
	p.click("[data-choice-kind=other]")
	p.mailed(kim)
	p.admitted(kim, "/")
}

// A key of another site is not asked for: the page says whose it is and leads on, with script and without.
func TestPasskeyOfAnotherSite(t *testing.T) {
	everyWay(t, func(t *testing.T, b *browser, shot func(*tab, string)) {
		b.d.policy(map[string]any{"rp_id": "login.example.org"})
		kim := b.d.join("kim", oktasim.User{Enrolled: []string{"okta_email", "webauthn"}})
		p := b.tab()
		p.signIn(kim, "/")
		p.choose("webauthn")
		p.see("#foreign")
		shot(p, "passkey-foreign")
		if got := p.text("#foreign"); !strings.Contains(got, "login.example.org") || !strings.Contains(got, "localhost") || p.has("#credential") {
			t.Errorf("the page says %q", got)
		}
		p.click("[data-choice-kind=other]")
		p.mailed(kim)
		p.admitted(kim, "/")
	})
}
