package e2e

import (
	"net/http"
	"net/url"
	"testing"
	"time"

	"sidegate.example/sidegate/oktasim"
)

const (
	onRestored = onDenied + "[data-reason=restored]"
	newField   = `input[name="f.credentials.passcode"]`
	againField = `input[name="f.confirm"]`
	remember   = `input[name="f.rememberMe"]`
)

// newPassword types a new password twice.
func (p *tab) newPassword(password string) {
	p.t.Helper()
	p.fill(newField, password)
	p.fill(againField, password)
	p.press(primary)
}

// A password that expires soon may be left, or changed on the way in; what must be set up may be put off while there is
// time.
func TestWhatCanWait(t *testing.T) {
	everyWay(t, func(t *testing.T, b *browser, shot func(*tab, string)) {
		old := b.d.join("old", oktasim.User{PasswordState: "expiring", Enrolled: []string{"google_otp"}, Require: []string{"okta_verify"},
			GraceUntil: time.Now().Add(24 * time.Hour)})
		enter := func(p *tab, path string) {
			p.choose("google_otp")
			p.prove("google_otp", func() string { return b.d.codes(old).Google })
			p.see(onEnroll)
			shot(p, "enroll-grace")
			p.click("[data-choice-kind=skip]")
			p.admitted(old, path)
			p.leave()
		}
		p := b.tab()
		p.signIn(old, "/skip")
		p.see("main[data-topic=password_expiring]")
		shot(p, "password-expiring")
		p.click("[data-choice-kind=skip]")
		enter(p, "/skip")

		p.signIn(old, "/change")
		p.newPassword("changed-Passw0rd")
		enter(p, "/change")
		p.signIn(old, "/")
		p.see("main [role=alert]")
		old.Password = "changed-Passw0rd"
		p.identify(old.Login, old.Password)
		p.see(onChoose)
	})
}

// S71: unlocking an account lets nobody in; the sign-in after it does.
func TestUnlock(t *testing.T) {
	everyWay(t, func(t *testing.T, b *browser, shot func(*tab, string)) {
		loc := b.d.join("loc", oktasim.User{Locked: true, Enrolled: []string{"okta_email"}})
		p := b.tab()
		p.signIn(loc, "/")
		p.see(onDenied + "[data-reason=locked]")
		p.click("#cancel button")
		p.click("[data-choice-kind=unlock]")
		p.see("main[data-topic=unlock]")
		shot(p, "unlock")
		p.click("input[type=radio][value='0']")
		p.fill(`input[name="f.identifier"]`, loc.Login)
		p.click(primary)
		p.prove("email", func() string { return b.d.newestMail(loc).Code })
		p.see(onRestored)
		shot(p, "unlocked")
		p.click("#cancel button")
		p.see(onSignIn)
		p.identify(loc.Login, loc.Password)
		p.mailed(loc)
		p.admitted(loc, "/")
	})
}

// The demo's newcomer: the link of the welcome mail leads from nothing to a sign-in: a password and Okta Verify are set up on the way. Opened
// alone it does nothing, and it works once.
func TestActivationByMailedToken(t *testing.T) {
	everyWay(t, func(t *testing.T, b *browser, shot func(*tab, string)) {
		wes := b.d.person("wes")
		link := b.d.newestMail(wes).Link
		p := b.tab()
		p.open(link)
		p.see("main[data-view=mailed]")
		shot(p, "activate")
		if p.open(link); len(b.d.authenticators(wes)) != 0 {
			t.Fatal("the link that was only opened did something")
		}
		p.click(primary)
		p.see(onEnroll)
		p.click("[data-choice-kind=enroll][data-factor=password]")
		p.see("main[data-topic=new_password]")
		shot(p, "activate-password")
		p.newPassword(password)
		p.click("[data-choice-kind=enroll][data-factor=push]")
		p.see(onSetUp)
		b.d.scan(wes, p.qr())
		p.admitted(wes, "/")
		p.leave()

		p.open(link)
		p.click(primary)
		p.see(onDenied + "[data-reason=expired]")
		shot(p, "activate-again")
		p.click("#cancel button")
		p.see(onSignIn)
		wes.Password = password
		p.askPush(wes, "/")
		b.phone(wes).click(card + " button[name=approve]")
		p.admitted(wes, "/")
	})
}

// S71: the link to a new password does not stand in for the second factor.
func TestRecoveryByMailedToken(t *testing.T) {
	everyWay(t, func(t *testing.T, b *browser, shot func(*tab, string)) {
		rex := b.d.join("rex", oktasim.User{Enrolled: []string{"okta_email", "google_otp"}})
		b.d.simPost("/sim/recovery", map[string]string{"login": rex.Login}, http.StatusNoContent)
		p := b.tab()
		p.open(b.d.newestMail(rex).Link)
		p.see("main[data-view=mailed]")
		shot(p, "recover-by-link")
		p.click(primary)
		p.see("main[data-topic=reset_password]")
		rex.Password = "recovered-Passw0rd"
		p.newPassword(rex.Password)
		p.choose("google_otp")
		p.prove("google_otp", func() string { return b.d.codes(rex).Google })
		p.admitted(rex, "/")
		p.leave()
		p.signIn(rex, "/")
		p.see(onChoose)
	})
}

// Okta hears whether the person wants this browser to be remembered.
func TestRememberMe(t *testing.T) {
	everyWay(t, func(t *testing.T, b *browser, shot func(*tab, string)) {
		rem := b.d.join("rem", oktasim.User{Enrolled: []string{"okta_email"}})
		p := b.tab()
		for _, want := range []bool{true, false} {
			p.open("/")
			if want {
				p.click(remember)
				shot(p, "remember-me")
			}
			p.identify(rem.Login, rem.Password)
			p.mailed(rem)
			p.admitted(rem, "/")
			var got struct{ Remembered bool }
			b.d.simGet("/sim/person?login="+url.QueryEscape(rem.Login), &got)
			if got.Remembered != want {
				t.Errorf("remembered %t, want %t", got.Remembered, want)
			}
			p.leave()
		}
	})
}

// authenticators are the keys of what a person has set up.
func (d *demo) authenticators(who person) []string {
	d.t.Helper()
	var got struct{ Authenticators []string }
	d.simGet("/sim/person?login="+url.QueryEscape(who.Login), &got)
	return got.Authenticators
}
