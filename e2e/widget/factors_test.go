package widget

import (
	"slices"
	"testing"

	"github.com/chromedp/chromedp"

	"sidegate.example/sidegate/oktasim"
)

const (
	passcode = "input[name='credentials.passcode']"
	phone    = "+15555550100"
)

// many has every authenticator that the widget can use without a device.
var many = oktasim.User{
	Login: "many@sidegate.example", Email: "many@sidegate.example", Password: oktasim.DefaultPassword, Phone: phone,
	Enrolled: []string{
		"okta_email", "phone_number", "google_otp", "security_question", "custom_app", "onprem_mfa", "rsa_token", "symantec_vip",
		"yubikey_token", "custom_otp",
	},
}

// Every other authenticator, chosen from the list, ends in tokens that name it.
func TestEveryFactor(t *testing.T) {
	s := startSite(t, many)
	p := s.open(t)
	code := func(code func() string) func(*tab) {
		return func(p *tab) {
			p.see(passcode)
			p.fill(passcode, code())
			p.click(submit)
		}
	}
	token := code(func() string { return s.org.HardwareCode(many.Login) })
	mailed := func(channel, to string) func(*tab) {
		return code(func() string { return s.mail(t, many.Login, channel, to).Code })
	}
	for _, f := range []struct {
		key    string
		answer func(*tab)
		amr    []any
	}{
		{"okta_email", func(p *tab) {
			p.click(".enter-auth-code-instead-link")
			mailed("email", many.Email)(p)
		}, []any{"email"}},
		{"phone_number", func(p *tab) {
			p.click(submit)
			mailed("sms", phone)(p)
		}, []any{"sms"}},
		{"phone_number", func(p *tab) {
			p.click(".phone-authenticator-challenge__link")
			mailed("voice", phone)(p)
		}, []any{"tel"}},
		{"google_otp", code(func() string { return s.org.GoogleCode(many.Login) }), []any{"google_otp"}},
		{"security_question", func(p *tab) {
			p.fill("input[name='credentials.answer']", "liver")
			p.click(submit)
		}, []any{"kba"}},
		{"custom_app", func(p *tab) {
			p.see(".send-push")
			check(t, s.org.Approve(s.pending(t, many.Login).ID))
		}, []any{"swk"}},
		{"onprem_mfa", token, []any{"oath_otp"}},
		{"rsa_token", token, []any{"rsa"}},
		{"symantec_vip", token, []any{"symantec"}},
		{"yubikey_token", token, []any{"yubikey"}},
		{"custom_otp", token, []any{"otp"}},
	} {
		t.Log(f.key)
		p.do(chromedp.Navigate(s.page))
		p.login(many.Login)
		p.choose(f.key)
		f.answer(p)
		p.wantSignedIn(many.Login, slices.Concat([]any{"pwd", "mfa"}, f.amr)...)
	}
}
