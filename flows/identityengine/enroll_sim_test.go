package identityengine_test

import (
	"net/url"
	"slices"
	"testing"

	"sidegate.example/sidegate/flows"
	"sidegate.example/sidegate/flows/identityengine"
	"sidegate.example/sidegate/gateway/identity"
	"sidegate.example/sidegate/oktasim"
)

const (
	newcomer   = "new@sidegate.example"
	newcomerIs = "Nora New"
)

// withNewcomer has a person with these factors who must set up the others.
func withNewcomer(change func(*oktasim.User)) func(*settings) {
	return func(s *settings) {
		u := oktasim.User{Login: newcomer, Email: newcomer, Name: newcomerIs, Password: password, Device: "Pixel 9"}
		change(&u)
		s.sim.Users = append(s.sim.Users, u)
		s.engine.SelfService = identityengine.SelfService{Recover: true, Unlock: true, Activate: true}
		s.sim.Policy.Recover, s.sim.Policy.Unlock = true, true
		s.sim.Policy.ActivationLink, s.sim.Policy.RecoveryLink = "https://app/activate", "https://app/recover"
	}
}

func (b *bench) newest() oktasim.Mail {
	b.Helper()
	mails := b.org.Inbox(newcomer)
	if len(mails) == 0 {
		b.Fatal("nothing was sent")
	}
	return mails[len(mails)-1]
}

// mailedToken is the token in the newest mail's link.
func (b *bench) mailedToken() string {
	b.Helper()
	u, err := url.Parse(b.newest().Link)
	if err != nil || u.Query().Get("token") == "" {
		b.Fatalf("the link is %q: %v", b.newest().Link, err)
	}
	return u.Query().Get("token")
}

// byMail proves the e-mail, so that something may be set up.
func (b *bench) byMail() {
	b.Helper()
	b.start(newcomer, password)
	if b.step.Kind == flows.KindChoose {
		b.choose("email")
	}
	b.want(flows.KindCode)
	b.code(b.newest().Code)
}

func (b *bench) holds(key string) bool { return slices.Contains(b.org.Authenticators(newcomer), key) }

// By QR code after a proof, switching to e-mail and text message half-way: what is done last counts, and the sign-in
// goes on by itself.
func TestOktaVerifyIsSetUp(t *testing.T) {
	for _, way := range []string{"qr", "email", "sms", "email, then qr"} {
		t.Run(way, func(t *testing.T) {
			b := newBench(t, withNewcomer(func(u *oktasim.User) { u.Enrolled, u.Require = []string{"okta_email"}, []string{"okta_verify"} }))
			b.byMail()
			if b.step.Kind == flows.KindChoose {
				b.choose("enroll-push")
			}
			b.want(flows.KindWait)
			first := b.org.PendingQR(newcomer)
			if way != "qr" {
				channel, field, to := "channel-email", "email", newcomer
				if way == "sms" {
					channel, field, to = "channel-sms", "phoneNumber", "+15555550123"
				}
				b.choose(channel)
				b.want(flows.KindForm)
				b.typed(map[string]string{field: to})
				b.want(flows.KindWait)
				if b.org.ScanQR(newcomer, first) == nil {
					t.Error("the QR code of before the switch still sets something up")
				}
				if err := b.org.OpenLink(b.newest().Link); way != "email, then qr" && err != nil {
					t.Fatal(err)
				}
			}
			if way == "email, then qr" {
				b.choose("channel-qrcode")
				b.want(flows.KindWait)
			}
			if way == "qr" || way == "email, then qr" {
				if err := b.org.ScanQR(newcomer, b.org.PendingQR(newcomer)); err != nil {
					t.Fatal(err)
				}
			}
			b.poll()
			b.wantDone(newcomer, newcomerIs, identity.Password, identity.Email, identity.Push)
			if !b.holds("okta_verify") {
				t.Errorf("Okta has %v", b.org.Authenticators(newcomer))
			}
		})
	}
}

// S74: a QR code that is scanned after the person cancelled sets nothing up and lets nobody in.
func TestS74ScannedAfterCancel(t *testing.T) {
	b := newBench(t, withNewcomer(func(u *oktasim.User) { u.Enrolled, u.Require = []string{"okta_email"}, []string{"okta_verify"} }))
	b.byMail()
	if b.step.Kind == flows.KindChoose {
		b.choose("enroll-push")
	}
	qr := b.org.PendingQR(newcomer)
	if err := b.engine.Cancel(t.Context(), b.cc, b.state); err != nil {
		t.Fatal(err)
	}
	if b.org.ScanQR(newcomer, qr) == nil || b.holds("okta_verify") {
		t.Error("the code of a cancelled sign-in sets something up")
	}
	b.later(b.step.Wait.Interval)
	if _, step, err := b.engine.Poll(t.Context(), b.cc, b.state); err == nil && (step.Identity != nil || step.Kind == flows.KindDone) {
		t.Errorf("%+v: the poll of a cancelled sign-in ended in a session", step)
	}
}

// S76: with the password alone nobody sets anything up, and Okta is not asked for a QR code.
func TestS76NothingIsAskedOfOktaForThePasswordAlone(t *testing.T) {
	b := newBench(t, withNewcomer(func(u *oktasim.User) { u.Require = []string{"okta_verify"} }))
	b.start(newcomer, password)
	b.wantDenied(flows.DeniedEnrollment, true)
	if n := b.called("/idp/idx/credential/enroll"); n != 0 || b.org.PendingQR(newcomer) != "" {
		t.Errorf("%d calls to set something up, QR code %q", n, b.org.PendingQR(newcomer))
	}
}

// S71: a recovered password, in both ways to it, is no sign-in: the factor is asked for afterwards.
func TestRecoveryAgainstAnOrg(t *testing.T) {
	for _, way := range []string{"first page", "mailed link"} {
		t.Run(way, func(t *testing.T) {
			b := newBench(t, withNewcomer(func(u *oktasim.User) { u.Enrolled = []string{"okta_email", "google_otp"} }))
			if way == "first page" {
				b.take(b.engine.Start(t.Context(), b.cc, redirectURI, flows.Answer{Choice: flows.ChoiceIDRecover}))
				b.want(flows.KindForm)
				b.typed(map[string]string{flows.FieldIdentifier: newcomer})
				if b.step.Kind == flows.KindChoose {
					b.choose("email")
				}
				b.code(b.newest().Code)
			} else {
				if err := b.org.SendRecovery(newcomer); err != nil {
					t.Fatal(err)
				}
				b.take(b.engine.Start(t.Context(), b.cc, redirectURI, flows.Answer{Values: map[string]string{flows.FieldRecoveryToken: b.mailedToken()}}))
				if b.step.Kind == flows.KindChoose {
					b.choose("email")
				}
				if b.step.Kind == flows.KindCode {
					b.code(b.newest().Code)
				}
			}
			b.want(flows.KindForm)
			b.typed(map[string]string{b.step.Fields[0].Name: "Another horse 2", flows.FieldConfirm: "Another horse 2"})
			if b.step.Kind == flows.KindDone {
				t.Fatal("the recovery let somebody in")
			}
			if b.step.Kind == flows.KindChoose {
				b.choose("google_otp")
			}
			b.code(b.org.GoogleCode(newcomer))
			b.wantDone(newcomer, newcomerIs, identity.GoogleOTP)
		})
	}
}

// A locked account is unlocked, and that is all.
func TestUnlockAgainstAnOrg(t *testing.T) {
	b := newBench(t, withNewcomer(func(u *oktasim.User) { u.Enrolled, u.Locked = []string{"okta_email"}, true }))
	b.start(newcomer, password)
	b.wantDenied(flows.DeniedLocked, true)
	b.take(b.engine.Start(t.Context(), b.cc, redirectURI, flows.Answer{Choice: flows.ChoiceIDUnlock}))
	b.want(flows.KindForm)
	values := map[string]string{flows.FieldIdentifier: newcomer}
	for _, f := range b.step.Fields {
		if len(f.Options) > 0 {
			values[f.Name] = f.Options[0].Value
		}
	}
	b.typed(values)
	b.want(flows.KindCode)
	b.code(b.newest().Code)
	b.wantDenied(flows.DeniedRestored, true)
	b.byMail()
	b.wantDone(newcomer, newcomerIs, identity.Password, identity.Email)
}

// A new account is set up from the mailed link alone: an administrator made that, so it may (S76).
func TestActivationAgainstAnOrg(t *testing.T) {
	b := newBench(t, withNewcomer(func(u *oktasim.User) { u.Password, u.Status, u.Require = "", "STAGED", []string{"okta_verify"} }))
	if err := b.org.SendActivation(newcomer); err != nil {
		t.Fatal(err)
	}
	b.take(b.engine.Start(t.Context(), b.cc, redirectURI, flows.Answer{Values: map[string]string{flows.FieldActivationToken: b.mailedToken()}}))
	for range 4 {
		switch {
		case b.step.Kind == flows.KindChoose:
			b.choose(b.step.Choices[0].ID)
		case b.step.Kind == flows.KindForm && b.step.Topic == flows.TopicNewPassword:
			b.typed(map[string]string{b.step.Fields[0].Name: "Another horse 2", flows.FieldConfirm: "Another horse 2"})
		case b.step.Kind == flows.KindWait:
			if err := b.org.ScanQR(newcomer, b.org.PendingQR(newcomer)); err != nil {
				t.Fatal(err)
			}
			b.poll()
		}
	}
	b.want(flows.KindDone)
	if !b.holds("okta_verify") || !b.step.Identity.SecondFactor() {
		t.Errorf("Okta has %v, the proofs are %v", b.org.Authenticators(newcomer), b.step.Identity.Proofs)
	}
}
