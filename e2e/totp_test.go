package e2e

import "testing"

// A wrong code is told and may be corrected.
func TestTOTPWrongThenRight(t *testing.T) {
	everyWay(t, func(t *testing.T, b *browser, shot func(*tab, string)) {
		tom := b.d.person("tom")
		p := b.tab()
		p.askCode(tom, "/codes")
		shot(p, "code")
		p.code(wrongCode(b.d.totp(tom)))
		p.see(onCode + " [role=alert], " + onCode + " [aria-invalid=true]")
		shot(p, "code-wrong")
		if p.has(onApp) {
			t.Fatal("a wrong code let somebody in")
		}
		phone := b.phone(tom)
		shot(phone, "phone-totp")
		p.code(phone.text("#totp"))
		p.admitted(tom, "/codes")
	})
}
