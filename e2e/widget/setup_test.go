package widget

import (
	"bytes"
	"strconv"
	"testing"

	"github.com/chromedp/cdproto/webauthn"
	"github.com/chromedp/chromedp"

	"sidegate.example/sidegate/oktasim"
)

// Everything that a policy may ask of a person in one sign-in, one after the other: a new password, then each authenticator
// that the widget can set up, and what is optional is left.
func TestSetUpEverything(t *testing.T) {
	user := oktasim.User{
		Login: "new@sidegate.example", Email: "new@sidegate.example", Password: oktasim.DefaultPassword,
		PasswordState: "expired", Methods: []string{"totp"},
		Require:  []string{"phone_number", "google_otp", "onprem_mfa", "rsa_token", "symantec_vip", "yubikey_token", "okta_email"},
		Optional: []string{"security_question"},
	}
	s := startSite(t, user)
	p := s.open(t)
	answer := func(code string) {
		p.t.Helper()
		p.fill(passcode, code)
		p.click(submit)
	}

	p.login(user.Login)
	p.fill("input[name=confirmPassword]", "new-Passw0rd")
	answer("new-Passw0rd")
	p.fill(totpInput, s.org.TOTP(user.Login))
	p.click(submit)

	p.choose("phone_number")
	p.fill("select[name=country]", "US")
	p.fill("input[name='authenticator.phoneNumber']", "2015550123")
	p.click(submit)
	p.see(passcode)
	answer(s.mail(t, user.Login, "sms", "+12015550123").Code)

	p.choose("google_otp")
	p.qr()
	p.click(".google-authenticator-next")
	p.fill(passcode, s.org.GoogleCode(user.Login))
	p.click(".google-authenticator-verify")

	p.choose("onprem_mfa")
	answer(s.org.HardwareCode(user.Login))
	p.choose("rsa_token")
	answer(s.org.HardwareCode(user.Login))
	p.choose("symantec_vip")
	p.fill("input[name='credentials.credentialId']", oktasim.SymantecCredential)
	first := s.org.HardwareCode(user.Login)
	n, err := strconv.Atoi(first)
	check(t, err)
	p.fill("input[name='credentials.nextPasscode']", strconv.Itoa(n+1))
	answer(first)

	p.choose("yubikey_token")
	answer(s.org.HardwareCode(user.Login))

	p.choose("okta_email")
	p.see(passcode)
	answer(s.mail(t, user.Login, "email", user.Email).Code)

	p.see("[data-se=security_question] a")
	p.click(".skip-all")
	p.wantSignedIn(user.Login, "pwd", "mfa", "okta_verify", "otp", "sms", "google_otp", "oath_otp", "rsa", "symantec", "yubikey", "email")
	for _, key := range user.Require {
		wantSetUp(t, s, user.Login, key)
	}
}

// A security key is set up, and proves the person next time.
func TestSecurityKey(t *testing.T) {
	user := oktasim.User{
		Login: "key@sidegate.example", Email: "key@sidegate.example", Password: oktasim.DefaultPassword, Methods: []string{"totp"},
		Require: []string{"webauthn"},
	}
	s := startSite(t, user)
	p := s.open(t)
	_, err := chromedp.Call(p.ctx, webauthn.Enable, webauthn.EnableParams{})
	check(t, err)
	_, err = chromedp.Call(p.ctx, webauthn.AddVirtualAuthenticator, webauthn.AddVirtualAuthenticatorParams{
		Options: &webauthn.VirtualAuthenticatorOptions{
			Protocol: webauthn.AuthenticatorProtocolCtap2, Transport: webauthn.AuthenticatorTransportUsb,
			HasUserVerification: true, IsUserVerified: true, AutomaticPresenceSimulation: true,
		},
	})
	check(t, err)

	p.login(user.Login)
	p.fill(totpInput, s.org.TOTP(user.Login))
	p.click(submit)
	p.choose("webauthn")
	p.click(".webauthn-setup")
	p.wantSignedIn(user.Login, "pwd", "mfa", "okta_verify", "otp", "pop")
	wantSetUp(t, s, user.Login, "webauthn")

	// Okta asks with the U2F app id of its own site, which Chromium does not take from a page of another.
	s.org.Inject(oktasim.Fault{Path: "/idp/idx/challenge", Mutate: func(body []byte) []byte {
		return bytes.Replace(body, []byte(`"appid":"`+s.okta+`"`), nil, 1)
	}})
	p.do(chromedp.Navigate(s.page))
	p.login(user.Login)
	p.choose("webauthn")
	p.wantSignedIn(user.Login, "pwd", "mfa", "pop")
}
