package widget

import (
	"testing"

	"sidegate.example/sidegate/oktasim"
)

// forgetful can prove that the account is theirs by e-mail.
var forgetful = oktasim.User{
	Login: "forgetful@sidegate.example", Email: "forgetful@sidegate.example", Password: oktasim.DefaultPassword, Enrolled: []string{"okta_email"},
	Phone: phone,
}

// mailedCode chooses e-mail and types the code that came.
func (p *tab) mailedCode(user oktasim.User) {
	p.t.Helper()
	p.choose("okta_email")
	p.click(".enter-auth-code-instead-link")
	p.fill(passcode, p.s.mail(p.t, user.Login, "email", user.Email).Code)
	p.click(submit)
}

// Whoever is asked for their name first can still say that the password is gone, and chooses a new one.
func TestRecoverPassword(t *testing.T) {
	s := startSiteWith(t, func(cfg *oktasim.Config) {
		cfg.Users = append(cfg.Users, forgetful)
		cfg.Policy = oktasim.Policy{IdentifierFirst: true, Recover: true}
	})
	p := s.open(t)
	p.fill("input[name=identifier]", forgetful.Login)
	p.click(submit)
	p.see(passcode)
	p.click("[data-se=forgot-password]")
	p.mailedCode(forgetful)
	p.fill("input[name=confirmPassword]", "new-Passw0rd")
	p.fill(passcode, "new-Passw0rd")
	p.click(submit)
	p.mailedCode(forgetful) // recovery proves no second factor
	p.wantSignedIn(forgetful.Login, "pwd", "mfa", "email")
}

// A locked account is unlocked by e-mail, which signs nobody in: the password still has to come.
func TestUnlock(t *testing.T) {
	user := forgetful
	user.Locked = true
	s := startSiteWith(t, func(cfg *oktasim.Config) {
		cfg.Users = append(cfg.Users, user)
		cfg.Policy = oktasim.Policy{Unlock: true}
	})
	p := s.open(t)
	p.click("[data-se=unlock]")
	p.see(".siw-main-view.select-authenticator-unlock-account")
	p.fill("input[name=identifier]", user.Login)
	p.mailedCode(user)
	p.see(".siw-main-view.terminal")
	p.wantAlert("You can log in using your existing username and password")
	p.click(".js-cancel")
	p.login(user.Login)
	p.mailedCode(user)
	p.wantSignedIn(user.Login, "pwd", "mfa", "email")
}
