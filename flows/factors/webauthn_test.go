package factors_test

import (
	"testing"

	"sidegate.example/sidegate/flows"
	"sidegate.example/sidegate/flows/factors"
	"sidegate.example/sidegate/flows/okta/access"
	"sidegate.example/sidegate/gateway/identity"
	"sidegate.example/sidegate/oktasim"
)

// A security key is asked for with the credential that Okta knows, and what it signed goes back in the base64 that Okta's
// own widget sends (§5.5).
func TestWebAuthn(t *testing.T) {
	w := newWorld(t)
	verify := "POST " + base + "/fwfkey/verify"
	w.on(verify, 200, `{"factorResult":"CHALLENGE","_embedded":{"challenge":{"challenge":"vQ+w/_8=","rpId":"app.example","userVerification":"preferred","extensions":{}}}}`)
	w.start().choose(identity.WebAuthn).want("webauthn webauthn")
	const options = `{"challenge":"vQ-w__8","rpId":"app.example","userVerification":"preferred","allowCredentials":[{"type":"public-key","id":"l3Br_x-y"}]}`
	if a := w.step.WebAuthn; a.Create || a.RPID != "app.example" || string(a.Options) != options {
		t.Errorf("the browser is asked %+v, %s", a, a.Options)
	}
	for _, values := range [][]string{
		{}, {"clientData", "YWJj"}, {"clientData", "YWJj", "authenticatorData", "!", "signatureData", "YWJj"},
	} {
		w.typeIn(values...).want("error bad_answer")
	}
	w.wantSent(verify)
	w.on(verify, 200, `{"factorResult":"SUCCESS","profile":{"credentialId":"another"}}`)
	w.typeIn("clientData", "-_-_", "authenticatorData", "YWI", "signatureData", "YWJj").want("done 00uisaac webauthn")
	w.wantSent(verify, verify+` {"authenticatorData":"YWI=","clientData":"+/+/","signatureData":"YWJj"}`)

	for answer, want := range map[string]string{
		`{"factorResult":"CHALLENGE"}`: "error malformed",
		`{"factorResult":"CHALLENGE","_embedded":{"challenge":{"challenge":"a b!"}}}`:                "error malformed",
		`{"factorResult":"CHALLENGE","_embedded":{"challenge":{"challenge":"YWJj","rpId":"Evil/"}}}`: "webauthn webauthn",
	} {
		w.on(verify, 200, answer)
		w.start().choose(identity.WebAuthn).want(want)
	}
	if w.on(verify, 403, wrongCode); w.start().choose(identity.WebAuthn).step.Kind == flows.KindDone {
		t.Error("a refusal signs in")
	}
}

// Okta knows SSWS tokens alone as those of a trusted application: with an app of OAuth the password goes to it as from a
// public one, and no access token goes along.
func TestSimPasswordOfAPublicApplication(t *testing.T) {
	s := newSimulated(t, func(_ *oktasim.Config, _ *access.Config, cfg *factors.Config) { cfg.Primary = factors.PrimaryPassword })
	s.start(flows.FieldIdentifier, simUser, flows.FieldPassword, oktasim.DefaultPassword).want("choose").
		choose(identity.TOTP).code(s.org.TOTP(simUser))
	if s.step.Kind != flows.KindDone {
		t.Fatalf("the page is %s (%v)", s.page(), s.err)
	}
	inside := 0
	for _, r := range s.org.Requests() {
		if len(r.Path) >= len("/api/v1/authn") && r.Path[:len("/api/v1/authn")] == "/api/v1/authn" {
			inside++
			if got := r.Header.Get("Authorization") + r.Header.Get("DPoP"); got != "" {
				t.Errorf("%s carries %q", r.Path, got)
			}
		}
	}
	if inside != 2 {
		t.Errorf("%d calls of /api/v1/authn", inside)
	}
}
