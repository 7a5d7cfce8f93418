package factors_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"sidegate.example/sidegate/flows"
	"sidegate.example/sidegate/flows/factors"
	"sidegate.example/sidegate/flows/okta"
	"sidegate.example/sidegate/flows/okta/access"
	"sidegate.example/sidegate/gateway/identity"
)

// S63: Okta forgets wrong codes only after a right one (§5.6), so that who waits out the window of the other limits gains
// nothing: no five wrong codes reach Okta within an hour.
func TestS63WaitingGainsNothing(t *testing.T) {
	w := newWorld(t, func(c *factors.Config) { c.Limits.Window = time.Minute })
	w.on("POST "+base+"/ostokta/verify", 403, wrongCode)
	for range 59 {
		if w.start().choose(identity.TOTP).step.Kind == flows.KindCode {
			w.code("000000")
		}
		w.later(time.Minute)
	}
	if n := w.posts(); n != 4 {
		t.Errorf("Okta judged %d wrong codes in 59 minutes, want 4", n)
	}
	w.later(4 * time.Minute)
	w.start().choose(identity.TOTP).want("code totp")
}

// S63: who has mistyped three times waits for five minutes and has one more try, which is still one less than Okta locks the
// account at; only after that one the wait is long. A right code forgives all.
func TestS63OneMoreTry(t *testing.T) {
	w := newWorld(t)
	try := func(code string) *world {
		if w.start().choose(identity.TOTP).step.Kind == flows.KindCode {
			w.code(code)
		}
		return w
	}
	w.do("POST "+base+"/ostokta/verify", func(c call) (int, string) {
		if strings.Contains(c.body, "123456") {
			return 200, `{"factorResult":"SUCCESS"}`
		}
		return 403, wrongCode
	})
	for _, right := range []bool{true, false} {
		try("000000")
		try("000000")
		try("000000").want("denied too_many final")
		w.later(5*time.Minute - time.Second)
		try("123456").want("denied too_many final")
		w.later(time.Second)
		if right {
			try("123456").want("done 00uisaac totp")
		}
	}
	try("000000").want("denied too_many final")
	w.later(54 * time.Minute)
	try("123456").want("denied too_many final")
	if n := w.posts(); n != 3+1+3+1 {
		t.Errorf("Okta judged %d codes, want 8", n)
	}
	w.later(time.Minute + time.Second)
	try("123456").want("done 00uisaac totp")
}

// S63: wrong passwords for many names from one address stop before Okta is asked. Right ones use nothing up.
func TestS63PasswordsOfOneAddress(t *testing.T) {
	w := newWorld(t, func(c *factors.Config) { c.Primary = factors.PrimaryPassword })
	w.do("POST /api/v1/authn", func(c call) (int, string) {
		if strings.Contains(c.body, `"right"`) {
			return 200, success
		}
		return 401, `{"errorCode":"E0000004"}`
	})
	for range 60 {
		w.start(flows.FieldIdentifier, login, flows.FieldPassword, "right").want("choose")
	}
	before := w.posts()
	for i := range 60 {
		w.start(flows.FieldIdentifier, fmt.Sprintf("name%d@example.com", i), flows.FieldPassword, "wrong")
	}
	w.want("identify [sidegate.too_many_tries]")
	if n := w.posts() - before; n != 50 {
		t.Errorf("Okta judged %d wrong passwords of one address, want 50", n)
	}
	w.start(flows.FieldIdentifier, login, flows.FieldPassword, "right").want("identify [sidegate.too_many_tries]")
	w.later(5 * time.Minute)
	w.start(flows.FieldIdentifier, login, flows.FieldPassword, "right").want("choose")
}

// S63, S78: an org that goes by two names has one budget for a person, of codes and of pushes.
func TestS63TwoNamesOfOneOrg(t *testing.T) {
	w := newWorld(t)
	w.on("POST "+base+"/ostokta/verify", 403, wrongCode)
	w.on("POST "+push+"/verify", 201, waitingPush(""))
	client, err := okta.New(okta.Config{Org: strings.Replace(w.srv.URL, "127.0.0.1", "localhost", 1), Now: w.now})
	if err != nil {
		t.Fatal(err)
	}
	api, err := access.New(access.Config{Client: client, Token: ssws})
	if err != nil {
		t.Fatal(err)
	}
	other, err := factors.New(factors.Config{API: api, Primary: factors.PrimaryIdentity, Factors: all, Budget: w.budget, Now: w.now})
	if err != nil {
		t.Fatal(err)
	}
	w.start().choose(identity.TOTP).code("000000").code("000000").want("code totp passCode[api.authn.error.PASSCODE_INVALID]")
	for range 3 {
		w.start().choose(identity.Push).want("wait push #")
	}
	w.engine = other
	w.start().choose(identity.TOTP).code("000000").want("denied too_many final")
	w.start().choose(identity.Push).want("choose [sidegate.too_many_sends]")
}

// S63: to Okta a wrong signature is a wrong code.
func TestS63WrongSignatures(t *testing.T) {
	w := newWorld(t)
	n := 0
	w.do("POST "+base+"/fwfkey/verify", func(c call) (int, string) {
		if c.body == "" {
			return 200, `{"factorResult":"CHALLENGE","_embedded":{"challenge":{"challenge":"AAAA"}}}`
		}
		n++
		return 403, wrongCode
	})
	w.start()
	for range 3 {
		w.choose(identity.WebAuthn).want("webauthn webauthn")
		w.typeIn(flows.WebAuthnClientData, "AAAA", flows.WebAuthnAuthenticatorData, "AAAA", flows.WebAuthnSignature, "AAAA")
	}
	w.want("choose [sidegate.factor_failed]").choose(identity.WebAuthn).want("denied too_many final")
	if n != 3 {
		t.Errorf("Okta judged %d wrong signatures, want 3", n)
	}
	w.start().choose(identity.TOTP).want("denied too_many final")
}

// S64: Okta leaves diacritics out of account and takes the part before the @ for the whole name, so that these are one
// person's: at most twice the limit of wrong passwords reaches Okta, whatever is typed.
func TestS64SpellingsThatOktaReadsAlike(t *testing.T) {
	names := []string{"isaac@example.com", "isáac@example.com", "ísàac@example.com", "isa\u0308ac@example.com", "ISAAC@example．com", "isaac", "ísaac", "isaac@", "isaac@elsewhere.example"}
	w := newWorld(t, func(c *factors.Config) { c.Primary = factors.PrimaryPassword })
	w.on("POST /api/v1/authn", 401, `{"errorCode":"E0000004"}`)
	for range 5 {
		for _, name := range names[:5] {
			w.start(flows.FieldIdentifier, name, flows.FieldPassword, "wrong")
		}
	}
	if n := w.posts(); n != 5 {
		t.Errorf("Okta judged %d passwords of one login, want 5", n)
	}
	for range 5 {
		for _, name := range names {
			w.start(flows.FieldIdentifier, name, flows.FieldPassword, "wrong")
		}
	}
	if n := w.posts(); n != 10 {
		t.Errorf("Okta judged %d passwords of one person, want 10", n)
	}
	w.want("identify [sidegate.too_many_tries]")
	w.later(5 * time.Minute)
	w.on("POST /api/v1/authn", 200, success)
	for range 20 { // right ones use nothing up, and forgive no other name
		w.start(flows.FieldPassword, "right").want("choose")
	}
}

// S63: a code is tried for each account of Okta Verify and counts as one, but Okta, which counts each call, never judges as
// many as it locks the account at.
func TestS63ManyOktaVerify(t *testing.T) {
	for n, want := range map[int]string{
		2: "done 00uisaac totp", 3: "done 00uisaac totp", 4: "done 00uisaac totp", 5: "denied too_many final",
	} {
		w := newWorld(t)
		var list []string
		for i := range n {
			list = append(list, fmt.Sprintf(`{"id":"ost%d","factorType":"token:software:totp","provider":"OKTA","status":"ACTIVE"}`, i))
			w.on(fmt.Sprintf("POST %s/ost%d/verify", base, i), 403, wrongCode)
		}
		last := fmt.Sprintf("POST %s/ost%d/verify", base, n-1)
		w.on(last, 200, `{"factorResult":"SUCCESS"}`)
		w.on("GET "+base, 200, "["+strings.Join(list, ",")+"]")
		if w.start().code("123456").page() != want {
			t.Errorf("%d accounts: the page is %s, want %s", n, w.page(), want)
		}
		w.on(last, 403, wrongCode)
		before := w.posts()
		for range 4 {
			if w.start().step.Kind == flows.KindCode {
				w.code("123456")
			}
		}
		if sent, most := w.posts()-before, map[bool]int{true: 4, false: 0}[n < 5]; sent != most {
			t.Errorf("%d accounts: Okta judged %d wrong codes in a row, want %d", n, sent, most)
		}
	}

	w := newWorld(t) // a slip, and then the code of the second account
	w.on("GET "+base, 200, `[{"id":"ost0","factorType":"token:software:totp","provider":"OKTA","status":"ACTIVE"},
		{"id":"ost1","factorType":"token:software:totp","provider":"OKTA","status":"ACTIVE"}]`)
	w.on("POST "+base+"/ost0/verify", 403, wrongCode)
	w.do("POST "+base+"/ost1/verify", func(c call) (int, string) {
		if strings.Contains(c.body, "123456") {
			return 200, `{"factorResult":"SUCCESS"}`
		}
		return 403, wrongCode
	})
	w.start().code("000000").want("code totp passCode[api.authn.error.PASSCODE_INVALID]").code("123456").want("done 00uisaac totp")
}

// A right password is none of the wrong ones, also where the factor after it is never answered.
func TestRightPasswordsAreNotCounted(t *testing.T) {
	w := classic(t)
	for range 20 {
		w.signIn().want("choose")
	}
}

// S78: a second denial, of a push that was under way at the first, prolongs the quiet.
func TestS78SecondDenial(t *testing.T) {
	w := newWorld(t)
	second := strings.ReplaceAll(waitingPush(""), pushTx, push+"/transactions/v2mst.second")
	w.on("POST "+push+"/verify", 201, waitingPush(""), second)
	w.on("GET "+pushTx, 200, `{"factorResult":"REJECTED"}`)
	w.on("GET "+push+"/transactions/v2mst.second", 200, `{"factorResult":"REJECTED"}`)
	w.start().choose(identity.Push)
	first := w.state
	w.start().choose(identity.Push)
	later := w.state
	w.state = first
	w.poll().want("denied denied_on_phone")
	w.later(4 * time.Minute)
	w.state = later
	w.poll().want("denied denied_on_phone")
	w.later(4 * time.Minute)
	w.start().choose(identity.Push).want("choose [sidegate.cool_down]")
	w.later(time.Minute)
	w.start().choose(identity.Push).want("wait push #")
}

// Inside /api/v1/authn a number cannot be asked for: where a push without one is not enough, none is sent.
func TestClassicWithNumbersOnly(t *testing.T) {
	w := classic(t, func(c *factors.Config) { c.Factors = []identity.Factor{identity.NumberChallenge, identity.TOTP} })
	w.signIn().want("code totp")
	w = classic(t, func(c *factors.Config) { c.Factors = []identity.Factor{identity.NumberChallenge} })
	w.signIn().want("denied enrollment final")
	w.wantSent(authnPost, `POST /api/v1/authn/cancel {"stateToken":"007st"}`)
}
