package widget

import (
	"testing"

	"sidegate.example/sidegate/oktasim"
)

// Whoever is not let in is told why, in the widget's own words for Okta's message.
func TestRefused(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*oktasim.User)
		words  string
	}{
		"wrong password":        {func(u *oktasim.User) { u.Password = "another" }, "Unable to sign in"},
		"locked":                {func(u *oktasim.User) { u.Locked = true }, "suspended for your account"},
		"suspended":             {func(u *oktasim.User) { u.Status = "SUSPENDED" }, "Unable to sign in"},
		"not a user of the app": {func(u *oktasim.User) { u.Access = "unassigned" }, "User is not assigned to this application."},
		"denied by policy":      {func(u *oktasim.User) { u.Access = "denied" }, "You do not have permission to perform the requested action"},
		"policy cannot be met":  {func(u *oktasim.User) { u.Access = "unsatisfiable" }, `Unable to login to "` + clientID + `" at this time.`},
	} {
		t.Run(name, func(t *testing.T) {
			user := many
			c.change(&user)
			p := startSite(t, user).open(t)
			p.login(user.Login)
			p.wantAlert(c.words)
		})
	}
}

// The password expires soon, which can be left for later; then the token wants its next code as well.
func TestWarnings(t *testing.T) {
	user := many
	user.PasswordState, user.NextCode = "expiring", true
	s := startSite(t, user)
	p := s.open(t)
	p.login(user.Login)
	p.wantAlert("When your password expires, you will have to change your password")
	p.click("[data-se=skip]")
	p.choose("rsa_token")
	p.see(passcode)
	p.fill(passcode, s.org.HardwareCode(user.Login))
	p.click(submit)
	p.wantAlert("Pin accepted, Wait for token to change, then enter new passcode.")
	p.fill(passcode, s.org.HardwareCode(user.Login))
	p.submitAgain()
	p.wantSignedIn(user.Login, "pwd", "mfa", "rsa")
}

// The link in an e-mail does as well as the code in it; the widget polls for it.
func TestMagicLink(t *testing.T) {
	s := startSiteWith(t, func(cfg *oktasim.Config) {
		cfg.Users = append(cfg.Users, many)
		cfg.Policy.MagicLink = true
	})
	p := s.open(t)
	p.login(many.Login)
	p.choose("okta_email")
	p.see(".enter-auth-code-instead-link")
	check(t, s.org.OpenLink(s.mail(t, many.Login, "email", many.Email).Link))
	p.wantSignedIn(many.Login, "pwd", "mfa", "email")
}
