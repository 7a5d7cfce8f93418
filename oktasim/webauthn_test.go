package oktasim_test

import (
	"encoding/base64"
	"strings"
	"testing"

	"sidegate.example/sidegate/oktasim"
)

const someone = "someone@sidegate.example"

// withUser is an org with one more person, who has the usual password unless u says another.
func withUser(u oktasim.User, change ...func(*oktasim.Config)) func(*oktasim.Config) {
	return func(c *oktasim.Config) {
		u.Login, u.Email = someone, someone
		if u.Password == "" {
			u.Password = password
		}
		c.Users = append(c.Users, u)
		for _, f := range change {
			f(c)
		}
	}
}

// entered is a sign-in of that person after the password.
func entered(t *testing.T, u oktasim.User, change ...func(*oktasim.Config)) (*signIn, *answer) {
	t.Helper()
	s := newBench(t, withUser(u, change...)).begin()
	return s, s.password(someone, password)
}

// option finds what a chooser offers by label, as the inputs of its form.
func (a *answer) option(remediation, label string) map[string]any {
	a.t.Helper()
	list, _ := a.at("remediation", "value").([]any)
	for i := range list {
		if a.str("remediation", "value", i, "name") != remediation {
			continue
		}
		options, _ := a.at("remediation", "value", i, "value", 0, "options").([]any)
		for j := range options {
			at := []any{"remediation", "value", i, "value", 0, "options", j}
			if a.str(append(at, "label")...) != label {
				continue
			}
			out := map[string]any{}
			fields, _ := a.at(append(at, "value", "form", "value")...).([]any)
			for _, f := range fields {
				field := f.(map[string]any)
				out[field["name"].(string)] = field["value"]
			}
			return out
		}
	}
	return nil
}

// offered are the labels of a chooser.
func (a *answer) offered(remediation string) string {
	var out []string
	list, _ := a.at("remediation", "value").([]any)
	for i := range list {
		if a.str("remediation", "value", i, "name") != remediation {
			continue
		}
		options, _ := a.at("remediation", "value", i, "value", 0, "options").([]any)
		for j := range options {
			out = append(out, a.str("remediation", "value", i, "value", 0, "options", j, "label"))
		}
	}
	return strings.Join(out, ", ")
}

// pick chooses what a chooser offers; more goes over what its form says.
func (s *signIn) pick(a *answer, path, remediation, label string, more map[string]any) *answer {
	s.t.Helper()
	body := a.option(remediation, label)
	if body == nil {
		s.t.Fatalf("%q is not in %q: %s", label, a.offered(remediation), a.body)
	}
	for k, v := range more {
		body[k] = v
	}
	for k, v := range body {
		if v == nil {
			delete(body, k)
		}
	}
	return s.step(path, map[string]any{"authenticator": body})
}

// enrol chooses what to set up, use chooses what to prove.
func (s *signIn) enrol(a *answer, label string, more map[string]any) *answer {
	s.t.Helper()
	return s.pick(a, "credential/enroll", "select-authenticator-enroll", label, more)
}

func (s *signIn) use(a *answer, label string, more map[string]any) *answer {
	s.t.Helper()
	return s.pick(a, "challenge", "select-authenticator-authenticate", label, more)
}

func (s *signIn) answer(credentials map[string]any) *answer {
	s.t.Helper()
	return s.step("challenge/answer", map[string]any{"credentials": credentials})
}

const passkeyLabel = "Security Key or Biometric"

func creationChallenge(a *answer) string {
	return a.str("currentAuthenticator", "value", "contextualData", "activationData", "challenge")
}

func requestChallenge(a *answer) string {
	return a.str("currentAuthenticator", "value", "contextualData", "challengeData", "challenge")
}

// withPasskey is an org where the person has set a passkey up.
func withPasskey(t *testing.T, change ...func(*oktasim.Config)) (*bench, *softKey) {
	t.Helper()
	s, a := entered(t, oktasim.User{Require: []string{"webauthn"}}, change...)
	k := newSoftKey(t)
	a = s.enrol(a, passkeyLabel, nil).wantStep(200, "enroll-authenticator")
	s.answer(k.create(creationChallenge(a))).wantStep(200, "success")
	return s.bench, k
}

func (b *bench) askPasskey() (*signIn, *answer) {
	b.t.Helper()
	s := b.begin()
	a := s.password(someone, password).wantStep(200, "select-authenticator-authenticate")
	return s, s.use(a, passkeyLabel, nil).wantStep(200, "challenge-authenticator")
}

func TestPasskeyIsSetUpAndUsed(t *testing.T) {
	for name, encode := range map[string]*base64.Encoding{"base64url, as Okta's SDK": base64.RawURLEncoding, "base64, as its widget": base64.StdEncoding} {
		t.Run(name, func(t *testing.T) {
			b, k := withPasskey(t)
			k.encode = encode
			s, a := b.askPasskey()
			if got := a.str("authenticatorEnrollments", "value", 1, "credentialId"); got != base64.RawURLEncoding.EncodeToString(k.id) {
				t.Errorf("credentialId %q", got)
			}
			if got := a.str("authenticatorEnrollments", "value", 1, "transports", 0); got != "internal" {
				t.Errorf("transports %q", got)
			}
			a = s.form("/oauth2/default/v1/token", s.tokenForm(code(s.answer(k.get(requestChallenge(a))).wantStep(200, "success"))))
			if amr := claims(t, a.str("id_token"))["amr"].([]any); amr[len(amr)-1] != "pop" {
				t.Errorf("amr %v", amr)
			}
		})
	}
}

func TestPasskeyRefused(t *testing.T) {
	const failure = "authfactor.webauthn.error.assertion_validation_failure"
	required := func(c *oktasim.Config) { c.Policy.UserVerification = "required" }
	for name, c := range map[string]struct {
		policy func(*oktasim.Config)
		bend   func(*softKey)
	}{
		"origin of nobody":     {bend: func(k *softKey) { k.origin, k.rpID = "https://evil.example", "evil.example" }},
		"RP ID of another":     {bend: func(k *softKey) { k.rpID = "evil.example" }},
		"nobody was there":     {bend: func(k *softKey) { k.flags = 0 }},
		"user is not verified": {policy: required, bend: func(*softKey) {}},
		"the org's RP ID is another than the page's": {
			policy: func(c *oktasim.Config) { c.Policy.RPID = "acme.okta.test" }, bend: func(*softKey) {},
		},
	} {
		t.Run("create: "+name, func(t *testing.T) {
			var change []func(*oktasim.Config)
			if c.policy != nil {
				change = append(change, c.policy)
			}
			s, a := entered(t, oktasim.User{Require: []string{"webauthn"}}, change...)
			k := newSoftKey(t)
			c.bend(k)
			a = s.enrol(a, passkeyLabel, nil)
			s.answer(k.create(creationChallenge(a))).wantStep(400, "enroll-authenticator").wantKey(400, failure)
		})
		t.Run("get: "+name, func(t *testing.T) {
			b, k := withPasskey(t)
			c.bend(k)
			if c.policy != nil {
				b.org.Update(c.policy)
			}
			s, a := b.askPasskey()
			s.answer(k.get(requestChallenge(a))).wantStep(400, "challenge-authenticator").wantKey(400, failure)
		})
	}
	t.Run("get: key of another", func(t *testing.T) {
		b, _ := withPasskey(t)
		s, a := b.askPasskey()
		s.answer(newSoftKey(t).get(requestChallenge(a))).wantKey(400, failure)
	})
	t.Run("get: counter went back", func(t *testing.T) {
		b, k := withPasskey(t)
		k.count = 0
		s, a := b.askPasskey()
		s.answer(k.get(requestChallenge(a))).wantKey(400, failure)
	})
	t.Run("get: challenge of before", func(t *testing.T) {
		b, k := withPasskey(t)
		s, first := b.askPasskey()
		second := s.answer(map[string]any{}).wantKey(400, failure)
		if requestChallenge(first) == requestChallenge(second) {
			t.Error("a challenge is asked twice")
		}
		s.answer(k.get(requestChallenge(first))).wantKey(400, failure)
	})
	t.Run("get: a creation instead", func(t *testing.T) {
		b, k := withPasskey(t)
		s, a := b.askPasskey()
		s.answer(k.create(requestChallenge(a))).wantKey(400, failure)
	})
	t.Run("create: a credential that is known", func(t *testing.T) {
		b, k := withPasskey(t, func(c *oktasim.Config) {
			c.Users = append(c.Users, oktasim.User{Login: "other", Password: password, Require: []string{"webauthn"}})
		})
		s := b.begin()
		a := s.enrol(s.password("other", password), passkeyLabel, nil)
		s.answer(k.create(creationChallenge(a))).wantKey(400, failure)
	})
}

// What an operator sets up for passkeys at Okta: an RP ID, and origins beside the app's.
func TestPasskeyOfAConfiguredRPID(t *testing.T) {
	s, a := entered(t, oktasim.User{Require: []string{"webauthn"}}, func(c *oktasim.Config) {
		c.Policy.RPID, c.Policy.Origins = "example", []string{"https://login.example"}
	})
	k := newSoftKey(t)
	k.origin, k.rpID = "https://login.example", "example"
	a = s.enrol(a, passkeyLabel, nil)
	if got := a.str("currentAuthenticator", "value", "contextualData", "activationData", "rp", "id"); got != "example" {
		t.Errorf("rp.id %q", got)
	}
	s.answer(k.create(creationChallenge(a))).wantStep(200, "success")
	again, a := s.askPasskey()
	if got := a.str("currentAuthenticator", "value", "contextualData", "challengeData", "rpId"); got != "example" {
		t.Errorf("rpId %q", got)
	}
	again.answer(k.get(requestChallenge(a))).wantStep(200, "success")
}

// A passkey that was made at Okta's own page: it is listed, and no answer of another key will do.
func TestPasskeyMadeElsewhere(t *testing.T) {
	s, a := entered(t, oktasim.User{Enrolled: []string{"webauthn"}})
	a = s.use(a, passkeyLabel, nil).wantStep(200, "challenge-authenticator")
	if a.str("authenticatorEnrollments", "value", 1, "credentialId") == "" {
		t.Errorf("no credential: %s", a.body)
	}
	s.answer(newSoftKey(t).get(requestChallenge(a))).wantKey(400, "authfactor.webauthn.error.assertion_validation_failure")
}
