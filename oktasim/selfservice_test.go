package oktasim_test

import (
	"encoding/json"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"sidegate.example/sidegate/oktasim"
)

func (s *signIn) unlock(identifier, label string, more map[string]any) *answer {
	s.t.Helper()
	a := s.step("unlock-account", nil).wantStep(200, "select-authenticator-unlock-account")
	body := a.option("select-authenticator-unlock-account", label)
	for k, v := range more {
		body[k] = v
	}
	return s.step("challenge", map[string]any{"authenticator": body, "identifier": identifier})
}

func unlockable(c *oktasim.Config) { c.Policy.Unlock = true }

func TestUnlock(t *testing.T) {
	for name, c := range map[string]struct {
		user  oktasim.User
		label string
		more  map[string]any
	}{
		"by e-mail":             {oktasim.User{Locked: true, Enrolled: []string{"okta_email"}}, "Email", nil},
		"by text":               {oktasim.User{Locked: true, Enrolled: []string{"phone_number"}}, "Phone", map[string]any{"methodType": "sms"}},
		"locked out by the API": {oktasim.User{Status: "LOCKED_OUT", Enrolled: []string{"okta_email"}}, "Email", nil},
	} {
		t.Run(name, func(t *testing.T) {
			s := newBench(t, withUser(c.user, unlockable)).begin()
			s.unlock(someone, c.label, c.more).wantStep(200, "challenge-authenticator")
			s.answer(map[string]any{"passcode": wrongOf(s.newest(someone).Code)}).wantStep(401, "challenge-authenticator")
			a := s.answer(map[string]any{"passcode": s.newest(someone).Code})
			a.wantStep(200, "").wantKey(200, "oie.selfservice.unlock_user.success.message")
			if a.at("cancel") == nil {
				t.Error("no way back to the sign-in")
			}
			s.answer(map[string]any{"passcode": s.newest(someone).Code}).wantKey(400, badRequest)
			s.state = s.step("cancel", nil).wantStep(200, "identify").str("stateHandle")
			s.password(someone, password).wantStep(200, "select-authenticator-authenticate")
		})
	}
}

func TestUnlockRefused(t *testing.T) {
	locked := withUser(oktasim.User{Locked: true, Enrolled: []string{"okta_email"}}, unlockable, func(c *oktasim.Config) {
		c.Users = append(c.Users, oktasim.User{Login: "free", Email: "free@sidegate.example", Password: password, Enrolled: []string{"okta_email"}})
	})
	t.Run("switched off", func(t *testing.T) {
		s := newBench(t).begin()
		if a := s.step("introspect", nil); strings.Contains(string(a.body), "unlock-account") {
			t.Error("it is offered all the same")
		}
		s.step("unlock-account", nil).wantKey(403, "security.access_denied")
	})
	// Nobody learns who exists, or who is locked.
	var answers []string
	for name, c := range map[string]struct{ identifier, label string }{
		"unknown user": {"nobody", "Email"}, "not locked": {"free", "Email"}, "without that authenticator": {someone, "Phone"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newBench(t, locked).begin()
			a := s.unlock(c.identifier, c.label, map[string]any{"methodType": map[string]string{"Email": "email", "Phone": "sms"}[c.label]})
			a.wantStep(403, "select-authenticator-unlock-account").wantKey(403, "oie.selfservice.unlock_user.challenge.failed.permissions")
			answers = append(answers, strings.ReplaceAll(string(a.body), s.state, "STATE"))
		})
	}
	if len(slices.Compact(answers)) != 1 {
		t.Errorf("the answers differ:\n%s", strings.Join(answers, "\n"))
	}
	t.Run("by what unlocks nothing", func(t *testing.T) {
		s := newBench(t, locked).begin()
		s.unlock(someone, "Email", map[string]any{"id": s.verifyKind()}).wantKey(400, badRequest)
		s.unlockAgain("fax").wantKey(400, badRequest)
	})
	t.Run("after the password", func(t *testing.T) {
		s := newBench(t, locked).begin()
		s.password(pushUser, password)
		s.step("unlock-account", nil).wantKey(400, badRequest)
	})
}

// verifyKind is the id of Okta Verify, from another sign-in.
func (b *bench) verifyKind() string {
	b.t.Helper()
	s := b.begin()
	s.password(pushUser, password)
	return s.verifyID()
}

// unlockAgain tries a method that the authenticator does not have.
func (s *signIn) unlockAgain(method string) *answer {
	s.t.Helper()
	a := s.step("introspect", nil)
	body := a.option("select-authenticator-unlock-account", "Email")
	body["methodType"] = method
	return s.step("challenge", map[string]any{"authenticator": body, "identifier": someone})
}

func TestRecovery(t *testing.T) {
	recoverable := func(c *oktasim.Config) { c.Policy.Recover = true }
	for name, first := range map[string]bool{"from the first page": false, "from the password's page": true} {
		t.Run(name, func(t *testing.T) {
			s := newBench(t, withUser(oktasim.User{Enrolled: []string{"okta_email", "google_otp"}}, recoverable, func(c *oktasim.Config) { c.Policy.IdentifierFirst = first })).begin()
			if first {
				a := s.step("identify", map[string]any{"identifier": someone})
				if a.at("currentAuthenticatorEnrollment", "value", "recover") == nil {
					t.Fatalf("nothing to recover by: %s", a.body)
				}
				s.step("recover", nil).wantStep(200, "select-authenticator-authenticate")
			} else {
				s.step("recover", nil).wantStep(200, "identify-recovery")
				s.step("identify", map[string]any{"identifier": "nobody"}).wantKey(400, "oie.selfservice.reset.password.not.allowed")
				s.step("identify", map[string]any{"identifier": someone}).wantStep(200, "select-authenticator-authenticate")
			}
			a := s.step("introspect", nil)
			if got := a.offered("select-authenticator-authenticate"); got != "Email" {
				t.Errorf("offered %q", got)
			}
			s.use(a, "Email", nil).wantStep(200, "challenge-authenticator")
			a = s.answer(map[string]any{"passcode": s.newest(someone).Code}).wantStep(200, "reset-authenticator")
			if got := a.str("remediation", "value", 0, "value", 0, "form", "value", 1, "name"); got != "revokeSessions" {
				t.Errorf("second input %q", got)
			}
			s.answer(map[string]any{"passcode": "short1"}).wantStep(400, "reset-authenticator")
			a = s.answer(map[string]any{"passcode": "new Passw0rd", "revokeSessions": true}).wantStep(200, "select-authenticator-authenticate")
			if got := a.offered("select-authenticator-authenticate"); got != "Email, Google Authenticator" {
				t.Errorf("then offered %q", got)
			}
			again := s.begin()
			if first {
				again.step("identify", map[string]any{"identifier": someone})
				again.answer(map[string]any{"passcode": password}).wantStep(401, "challenge-authenticator")
				again.answer(map[string]any{"passcode": "new Passw0rd"}).wantStep(200, "select-authenticator-authenticate")
				return
			}
			again.password(someone, password).wantStep(401, "identify")
			again.password(someone, "new Passw0rd").wantStep(200, "select-authenticator-authenticate")
		})
	}
	t.Run("switched off", func(t *testing.T) {
		newBench(t).begin().step("recover", nil).wantKey(400, badRequest)
	})
	t.Run("by what recovers nothing", func(t *testing.T) {
		s, offered := entered(t, oktasim.User{Enrolled: []string{"okta_email", "google_otp"}}, recoverable)
		s = s.begin()
		s.step("recover", nil)
		s.step("identify", map[string]any{"identifier": someone})
		s.use(offered, "Google Authenticator", nil).wantKey(400, badRequest)
	})
	t.Run("locked", func(t *testing.T) {
		s := newBench(t, withUser(oktasim.User{Locked: true, Enrolled: []string{"okta_email"}}, recoverable)).begin()
		s.step("recover", nil)
		s.step("identify", map[string]any{"identifier": someone}).wantKey(400, "oie.selfservice.reset.password.not.allowed")
	})
}

// interactWith begins with a mailed token; the introspected document, or the OAuth error.
func (b *bench) interactWith(name, token string, change ...func(url.Values)) (*signIn, *answer) {
	b.t.Helper()
	s := &signIn{bench: b, verifier: strings.Repeat("v", 43)}
	form := interactForm(s.verifier)
	form.Set(name, token)
	for _, f := range change {
		f(form)
	}
	a := b.form("/oauth2/default/v1/interact", form)
	if a.status != 200 {
		return s, a
	}
	s.handle = a.str("interaction_handle")
	a = b.idx("introspect", map[string]any{"interactionHandle": s.handle})
	s.state = a.str("stateHandle")
	return s, a
}

// welcomed sends the mail and returns what its link carries.
func (b *bench) welcomed(which, page string) string {
	b.t.Helper()
	if a := b.sim("POST", which, `{"login":"`+someone+`"}`); a.status != 204 {
		b.t.Fatalf("%s: %d %s", which, a.status, a.body)
	}
	link, err := url.Parse(b.newest(someone).Link)
	if err != nil || link.Scheme+"://"+link.Host+link.Path != page {
		b.t.Fatalf("link %v, want one to %s", link, page)
	}
	return link.Query().Get("token")
}

const activationPage, recoveryPage = "https://app.example/activate", "https://app.example/recover"

func newcomer(c *oktasim.Config) {
	u := &c.Users[len(c.Users)-1]
	u.Password = ""
	c.Policy.ActivationLink, c.Policy.RecoveryLink = activationPage, recoveryPage
}

func TestActivation(t *testing.T) {
	b := newBench(t, withUser(oktasim.User{Status: "STAGED", Require: []string{"okta_email"}}, newcomer))
	s, a := b.interactWith("activation_token", b.welcomed("activation", activationPage))
	if got := a.wantStep(200, "select-authenticator-enroll").offered("select-authenticator-enroll"); got != "Password, Email" {
		t.Errorf("offered %q", got)
	}
	s.enrol(a, "Password", nil).wantStep(200, "enroll-authenticator")
	a = s.answer(map[string]any{"passcode": "new Passw0rd"}).wantStep(200, "select-authenticator-enroll")
	s.enrol(a, "Email", nil)
	done := s.answer(map[string]any{"passcode": s.newest(someone).Code}).wantStep(200, "success")
	id := claims(t, s.form("/oauth2/default/v1/token", s.tokenForm(code(done))).str("id_token"))
	if amr, _ := json.Marshal(id["amr"]); string(amr) != `["pwd","mfa","email"]` {
		t.Errorf("amr %s", amr)
	}
	if err := b.org.SendActivation(someone); err != oktasim.ErrNoUser {
		t.Errorf("a second activation: %v", err)
	}
	b.begin().password(someone, "new Passw0rd").wantStep(200, "select-authenticator-authenticate")
}

func TestRecoveryToken(t *testing.T) {
	b := newBench(t, withUser(oktasim.User{Methods: []string{"totp"}}, func(c *oktasim.Config) { c.Policy.RecoveryLink = recoveryPage }))
	s, a := b.interactWith("recovery_token", b.welcomed("recovery", recoveryPage))
	a.wantStep(200, "reset-authenticator")
	s.answer(map[string]any{"passcode": "new Passw0rd"}).wantStep(200, "challenge-authenticator")
	s.totp(b.org.TOTP(someone)).wantStep(200, "success")
}

func TestMailedTokensRefused(t *testing.T) {
	fresh := func(t *testing.T) (*bench, string) {
		t.Helper()
		b := newBench(t, withUser(oktasim.User{}, newcomer))
		return b, b.welcomed("activation", activationPage)
	}
	refused := func(a *answer, description string) {
		a.t.Helper()
		a.wantError(400, "invalid_request")
		if got := a.str("error_description"); got != description {
			a.t.Errorf("described as %q, want %q", got, description)
		}
	}
	const badActivation, badRecovery = "The activation token is invalid", "The recovery token is invalid"
	t.Run("made up", func(t *testing.T) {
		b, _ := fresh(t)
		_, a := b.interactWith("activation_token", "x")
		refused(a, badActivation)
		_, a = b.interactWith("recovery_token", "x")
		refused(a, badRecovery)
	})
	t.Run("used", func(t *testing.T) {
		b, token := fresh(t)
		b.interactWith("activation_token", token)
		_, a := b.interactWith("activation_token", token)
		refused(a, badActivation)
	})
	t.Run("of another kind", func(t *testing.T) {
		b, token := fresh(t)
		_, a := b.interactWith("recovery_token", token)
		refused(a, badRecovery)
	})
	t.Run("replaced by a newer one", func(t *testing.T) {
		b, token := fresh(t)
		b.welcomed("activation", activationPage)
		_, a := b.interactWith("activation_token", token)
		refused(a, badActivation)
	})
	t.Run("from a public client", func(t *testing.T) {
		b, token := fresh(t)
		_, a := b.interactWith("activation_token", token, func(v url.Values) { v.Set("client_id", publicID); v.Del("client_secret") })
		refused(a, "Activation tokens are only supported for confidential clients.")
		b.interactWith("activation_token", token) // and that has not used it up
		_, a = b.interactWith("activation_token", token)
		refused(a, badActivation)
	})
	t.Run("recovery, expired", func(t *testing.T) {
		b := newBench(t, withUser(oktasim.User{}, func(c *oktasim.Config) { c.Policy.RecoveryLink = recoveryPage }))
		token := b.welcomed("recovery", recoveryPage)
		b.now = b.now.Add(time.Hour)
		_, a := b.interactWith("recovery_token", token)
		refused(a, badRecovery)
	})
	t.Run("activation, expired: another can be asked for", func(t *testing.T) {
		b, token := fresh(t)
		b.now = b.now.Add(time.Hour)
		s, a := b.interactWith("activation_token", token)
		a.wantStep(200, "request-activation-email").wantKey(200, "idx.expired.activation.token")
		s.step("request-activation", nil).wantStep(200, "").wantKey(200, "idx.request.activation.email")
		link, _ := url.Parse(b.newest(someone).Link)
		_, a = b.interactWith("activation_token", link.Query().Get("token"))
		a.wantStep(200, "select-authenticator-enroll")
	})
	t.Run("asked for by nobody", func(t *testing.T) {
		s := newBench(t).begin()
		s.step("request-activation", nil).wantKey(400, badRequest)
		s.password(pushUser, password)
		s.step("request-activation", nil).wantKey(400, badRequest)
	})
	t.Run("mailed to the wrong person", func(t *testing.T) {
		b, _ := fresh(t)
		if got := b.sim("POST", "activation", `{"login":"`+pushUser+`"}`).status; got != 404 {
			t.Errorf("activation of an active user: %d", got)
		}
		if got := b.sim("POST", "recovery", `{"login":"`+someone+`"}`).status; got != 404 {
			t.Errorf("recovery of no password: %d", got)
		}
	})
}
