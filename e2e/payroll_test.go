package e2e

import (
	"bytes"
	"encoding/base32"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"
)

// settings changes switches of the simulated org.
func (d *demo) settings(change map[string]any) {
	d.t.Helper()
	body, err := json.Marshal(change)
	if err != nil {
		d.t.Fatal(err)
	}
	res, err := (&http.Client{Timeout: 10 * time.Second}).Post(d.Okta+"/sim/settings", "application/json", bytes.NewReader(body))
	if err != nil {
		d.t.Fatal(err)
	}
	if text := readBody(d.t, res); res.StatusCode != http.StatusOK {
		d.t.Fatalf("the simulator refused %s: %s", body, text)
	}
}

// classic is an org whose /api/v1/authn asks for the second factor itself.
func (d *demo) classic() {
	d.t.Helper()
	d.settings(map[string]any{"policy": map[string]any{"factors": map[string]any{"authn_password_only": false}}})
}

// approvedOn approves the push on the phone, by the number that the page shows if there is one.
func (p *tab) approvedOn(phone *tab) {
	p.t.Helper()
	if p.has("#number") {
		phone.click(numberButton(p.text("#number")))
		return
	}
	phone.click(card + " button[name=approve]")
}

// called reports whether the simulated org was asked for a path that holds part.
func (d *demo) called(part string) bool {
	d.t.Helper()
	return strings.Contains(d.oktaCalls(), part)
}

// Engine factors: the page for the password, then each factor through the Factors API, or inside /api/v1/authn where the
// org asks for it there. The phone shows the browser either way.
func TestPayroll(t *testing.T) {
	for kind, classic := range map[string]bool{"factors": false, "authn": true} {
		t.Run(kind, func(t *testing.T) {
			everyWay(t, func(t *testing.T, b *browser, shot func(*tab, string)) {
				if classic {
					b.d.classic()
				}
				site := b.d.Payroll
				p := b.tab()

				pat := b.d.person("pat")
				p.askPush(pat, site+"/push")
				shot(p, "payroll-"+kind+"-push")
				phone := b.phone(pat)
				if shown := phone.text(card); !strings.Contains(shown, browserAddress) || !strings.Contains(shown, browserShown) {
					t.Errorf("the phone showed %q, want %q and %q in it", shown, browserAddress, browserShown)
				}
				p.approvedOn(phone)
				p.admitted(pat, "/push")
				p.leave()

				nia := b.d.person("nia")
				p.askPush(nia, site+"/number")
				number := p.text("#number")
				b.phone(nia).click(numberButton(number))
				p.admitted(nia, "/number")
				p.leave()

				tom := b.d.person("tom")
				p.askCode(tom, site+"/totp")
				p.code(wrongCode(b.d.totp(tom)))
				p.see(onCode + " [role=alert], " + onCode + " [aria-invalid=true]")
				p.code(b.d.totp(tom))
				p.admitted(tom, "/totp")
				p.leave()

				max := b.d.person("max")
				p.signIn(max, site+"/sms")
				p.choose("sms")
				p.see(onCode)
				shot(p, "payroll-"+kind+"-sms")
				if text := p.text("main"); strings.Contains(text, "5555550100") {
					t.Errorf("the page shows a whole phone number: %q", text)
				}
				p.code(b.d.newestMail(max).Code)
				p.admitted(max, "/sms")

				inside, outside := b.d.called("/api/v1/authn/factors/"), b.d.called("/verify")
				for _, call := range strings.Split(b.d.oktaCalls(), "\n") {
					if strings.Contains(call, "/api/v1/users/") && strings.Contains(call, "/verify") && classic {
						t.Errorf("the Factors API was called too: %s", call)
					}
				}
				if inside != classic || !outside {
					t.Errorf("factors verified inside /api/v1/authn: %v, want %v", inside, classic)
				}
			})
		})
	}
}

// Denied, and asked for again at once: there is a pause, so that nobody is worn down by pushes (S78).
func TestPayrollDenied(t *testing.T) {
	everyWay(t, func(t *testing.T, b *browser, shot func(*tab, string)) {
		pat := b.d.person("pat")
		p := b.tab()
		p.askPush(pat, b.d.Payroll+"/")
		b.phone(pat).click(card + " button[name=deny]")
		p.see(onDenied + "[data-reason=denied_on_phone]")
		shot(p, "payroll-denied")
		p.press("[data-choice-kind=not_me]")
		p.see(onDenied)
		if p.has("[data-choice-kind]") {
			t.Error("after \"that was not me\" there is still a way on")
		}
		shot(p, "payroll-not-me")

		p.open(b.d.Payroll + "/")
		if p.has("#cancel button") {
			p.click("#cancel button")
		}
		p.see(onSignIn)
		p.identify(pat.Login, pat.Password)
		p.choose("push")
		p.see("main [role=alert]")
		shot(p, "payroll-pause")
		if got := b.d.pushes(pat); len(got) != 1 {
			t.Errorf("%d pushes were sent, want 1: the person has just denied one", len(got))
		}
		if p.has(onApp) {
			t.Error("somebody got in")
		}
	})
}

// Nobody answers.
func TestPayrollTimeout(t *testing.T) {
	everyWay(t, func(t *testing.T, b *browser, shot func(*tab, string)) {
		b.d.settings(map[string]any{"push_lifetime": "1s"})
		pat := b.d.person("pat")
		p := b.tab()
		p.askPush(pat, b.d.Payroll+"/")
		p.see(onDenied + "[data-reason=timeout]")
		shot(p, "payroll-timeout")
		if p.has(onApp) {
			t.Error("somebody got in")
		}
	})
}

// S63: wrong codes stop at the gate before Okta locks the account, over new sign-ins and with the right code too.
func TestPayrollWrongCodesStopBeforeOktaLocks(t *testing.T) {
	everyWay(t, func(t *testing.T, b *browser, shot func(*tab, string)) {
		tom := b.d.person("tom")
		p := b.tab()
		p.askCode(tom, b.d.Payroll+"/")
		for range 2 {
			p.fill(codeField, wrongCode(b.d.totp(tom)))
			p.press(primary)
			p.see(onCode + " [role=alert], " + onCode + " [aria-invalid=true]")
		}
		p.fill(codeField, wrongCode(b.d.totp(tom)))
		p.press(primary)
		p.see("main [role=alert], " + onDenied)
		shot(p, "payroll-codes")
		calls := strings.Count(b.d.oktaCalls(), "/verify ")

		other := newBrowser(t, b.d)
		q := other.tab()
		q.signIn(tom, b.d.Payroll+"/")
		q.until("a code, a list or a refusal", `!!document.querySelector("main[data-view=step]:not([data-kind=identify])")`)
		if q.has("button[data-factor=totp]") {
			q.press("button[data-factor=totp]")
		}
		if q.has(codeField) {
			q.fill(codeField, b.d.totp(tom))
			q.press(primary)
		}
		q.see("main [role=alert], " + onDenied)
		if q.has(onApp) {
			t.Error("the right code let somebody in while codes are stopped")
		}
		if got := strings.Count(b.d.oktaCalls(), "/verify "); got != calls {
			t.Errorf("%d codes were sent on after the stop", got-calls)
		}
		// The other site, of the other engine, counts with it; and at Okta the account is not locked.
		q.signIn(tom, "/")
		q.until("a refusal", `!!document.querySelector("main[data-kind=denied][data-reason=too_many]") || !!document.querySelector("button[data-factor=totp]")`)
		if q.has("button[data-factor=totp]") {
			q.press("button[data-factor=totp]")
		}
		q.see(onDenied + "[data-reason=too_many]")
		if got := b.d.api(http.MethodGet, tom.Login, nil).Status; got != "ACTIVE" {
			t.Errorf("at Okta the account is %s", got)
		}
	})
}

// vault opens a page of the vault as somebody whom Caddy's own basic_auth has let through.
func (p *tab) vault(who person, path string) {
	p.t.Helper()
	site, _ := strings.CutPrefix(p.b.d.Vault, "http://")
	p.open("http://" + url.UserPassword(who.Login, who.Password).String() + "@" + site + path)
}

// Who somebody is comes from Caddy's basic_auth: the page begins at the second factor.
func TestVaultBehindBasicAuth(t *testing.T) {
	everyWay(t, func(t *testing.T, b *browser, shot func(*tab, string)) {
		pat := b.d.person("pat")
		p := b.tab()
		p.vault(pat, "/vault")
		p.see(onSignIn)
		shot(p, "vault-signin")
		if text := p.text("main"); !strings.Contains(text, pat.Login) || p.has(loginField) || p.has(passwordField) {
			t.Errorf("the page is %q", text)
		}
		if b.d.called("/api/") {
			t.Error("the first page asked Okta")
		}
		p.click(primary)
		p.choose("push")
		p.see(onWait)
		phone := b.phone(pat)
		if shown := phone.text(card); !strings.Contains(shown, browserAddress) || !strings.Contains(shown, browserShown) {
			t.Errorf("the phone showed %q", shown)
		}
		p.approvedOn(phone)
		p.admitted(pat, "/vault")
		if h := p.headers(); h["Authorization"] != "" {
			t.Error("the app was sent the password")
		}
	})
}

// S76: a password alone sets nothing up; a code that Okta mails does, and then there is Okta Verify by QR code.
func TestPayrollEnrolsOktaVerifyAfterAMailedCode(t *testing.T) {
	everyWay(t, func(t *testing.T, b *browser, shot func(*tab, string)) {
		ned := b.d.person("ned")
		p := b.tab()
		p.signIn(ned, b.d.Payroll+"/")
		p.see("main[data-view=step]:not([data-kind=identify])")
		shot(p, "payroll-enroll-proof")
		if text := p.text("main"); !strings.Contains(text, "You can set one up here") {
			t.Errorf("the page does not say what the proof is for: %q", text)
		}
		if p.has("#qr") || b.d.called("lifecycle/activate") {
			t.Fatal("a password alone led to a QR code")
		}
		if !p.has(codeField) {
			p.click("button[data-factor=email]")
		}
		p.see(codeField)
		p.code(b.d.newestMail(ned).Code)
		p.see(onEnroll)
		shot(p, "payroll-enroll-choose")
		p.click("[data-choice-kind=enroll][data-factor=push]")
		p.see(onSetUp)
		shot(p, "payroll-enroll-qr")
		b.d.scan(ned, p.qr())
		p.until("what follows", `document.readyState === "complete" && !!document.body && !document.querySelector("main[data-kind=wait][data-enrolling]")`)
		shot(p, "payroll-enrolled")
		if !p.has(onApp) { // what was set up may be asked for at once
			p.choose("push")
			p.see(onWait)
			p.approvedOn(b.phone(ned))
		}
		p.admitted(ned, "/")
	})
}

// Google Authenticator, with codes that a real TOTP library computes from the key on the page.
func TestPayrollEnrolsGoogleAuthenticator(t *testing.T) {
	everyWay(t, func(t *testing.T, b *browser, shot func(*tab, string)) {
		ned := b.d.person("ned")
		p := b.tab()
		p.signIn(ned, b.d.Payroll+"/")
		p.see("main[data-view=step]:not([data-kind=identify])")
		if !p.has(codeField) {
			p.click("button[data-factor=email]")
		}
		p.see(codeField)
		p.code(b.d.newestMail(ned).Code)
		p.see(onEnroll)
		p.click("[data-choice-kind=enroll][data-factor=google_otp]")
		p.see("main[data-factor=google_otp]")
		shot(p, "payroll-google")
		secret := strings.ReplaceAll(p.text("#secret"), " ", "")
		if _, err := base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(strings.TrimRight(secret, "=")); err != nil {
			t.Fatalf("the key is %q: %v", secret, err)
		}
		code, err := totp.GenerateCode(secret, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		p.fill(codeField, code)
		p.press(primary)
		p.admitted(ned, "/")
	})
}

// An expired password is said at once, with where it is changed.
func TestPayrollExpiredPassword(t *testing.T) {
	everyWay(t, func(t *testing.T, b *browser, shot func(*tab, string)) {
		p := b.tab()
		p.signIn(b.d.person("exa"), b.d.Payroll+"/")
		p.see(onDenied + "[data-obstacle=password_elsewhere]")
		shot(p, "payroll-expired")
		if h1, text := p.text("h1"), p.text("main"); h1 != "Your password has expired" || strings.Contains(text, "Okta asks for something") {
			t.Errorf("the page is %q", text)
		}
		if link := eval[string](p, `document.querySelector("#there").href`); !strings.HasPrefix(link, b.d.Okta+"/") {
			t.Errorf("the page leads to %q", link)
		}
	})
}

// Where the operator names no proof that the person can give, setting up is refused with words.
func TestVaultSetsNothingUp(t *testing.T) {
	everyWay(t, func(t *testing.T, b *browser, shot func(*tab, string)) {
		ned := b.d.person("ned")
		p := b.tab()
		p.vault(ned, "/")
		p.click(primary)
		p.see(onDenied)
		shot(p, "vault-no-factor")
		if link := eval[string](p, `document.querySelector("#there").href`); !strings.HasPrefix(link, b.d.Okta+"/") {
			t.Errorf("the page does not lead to where a factor is set up: %q", link)
		}
		if b.d.called("lifecycle") {
			t.Error("something was set up")
		}
	})
}
