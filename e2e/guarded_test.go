package e2e

import (
	"testing"

	"sidegate.example/sidegate/oktasim"
)

// What cannot be done here is named, with a way on, and nobody gets in. S76: that a password alone sets nothing up is one
// of them.
func TestRefusedByName(t *testing.T) {
	everyWay(t, func(t *testing.T, b *browser, shot func(*tab, string)) {
		p := b.tab()
		for _, c := range []struct {
			name, want string
			user       oktasim.User
		}{
			{"nothing", "[data-reason=enrollment]", oktasim.User{}},
			{"required", "[data-reason=enrollment]", oktasim.User{Require: []string{"okta_verify"}}},
			{"fastpass", "[data-reason=unsupported][data-obstacle=fastpass]", oktasim.User{Methods: []string{"signed_nonce"}}},
			{"unassigned", "[data-reason=policy]", oktasim.User{Access: "unassigned", Enrolled: []string{"okta_email"}}},
			{"denied", "[data-reason=policy]", oktasim.User{Access: "denied", Enrolled: []string{"okta_email"}}},
		} {
			p.signIn(b.d.join(c.name, c.user), "/")
			p.see(onDenied + c.want)
			shot(p, "refused-"+c.name)
			p.open("/")
			if p.has(onApp) {
				t.Fatalf("%s got in", c.name)
			}
			if p.has("#cancel button") {
				p.click("#cancel button")
			}
			p.see(onSignIn)
		}
	})
}

// Where the operator leaves it to Okta's policy, all that has to be set up is, right after the password.
func TestFirstFactorAfterThePassword(t *testing.T) {
	everyWay(t, func(t *testing.T, b *browser, shot func(*tab, string)) {
		fox := b.d.join("fox", oktasim.User{Require: []string{"okta_verify", "phone_number"}})
		p := b.tab()
		p.signIn(fox, "/")
		p.see(onEnroll)
		shot(p, "enroll-by-password")
		p.click("[data-choice-kind=enroll][data-factor=push]")
		p.see(onSetUp)
		b.d.scan(fox, p.qr())
		p.click("[data-choice-kind=enroll][data-factor=sms]")
		p.fill(telField, "+15555550188")
		p.pick("#answer select", "0")
		p.press(primary)
		p.prove("sms", func() string { return b.d.newestMail(fox).Code })
		p.admitted(fox, "/")
	}, "-enroll-by-password")
}

// Whether Okta asks for the user name alone or for both, the person fills in one page.
func TestIdentifierFirst(t *testing.T) {
	b := newBrowser(t, startDemo(t))
	b.d.policy(map[string]any{"identifier_first": true})
	tom := b.d.person("tom")
	p := b.tab()
	p.askCode(tom, "/")
	p.code(b.d.totp(tom))
	p.admitted(tom, "/")
}
