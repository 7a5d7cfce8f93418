package oktasim_test

import (
	"encoding/base64"
	"maps"
	"testing"

	"sidegate.example/sidegate/oktasim"
)

// The Factors API names no app, so the pages that may use passkeys are those of Policy.Origins.
func withOrigin(c *oktasim.Config) { c.Policy.Origins = []string{"https://app.example"} }

// enrolPasskey sets a passkey up and returns its factor's id.
func (p *person) enrolPasskey(k *softKey) string {
	p.t.Helper()
	a := p.call("POST", "", kindOf("webauthn", "FIDO")).wantStatus(200)
	if a.at("_embedded", "activation", "rp", "id") != nil || a.str("_embedded", "activation", "user", "name") != p.login {
		p.t.Fatalf("creation options %s", a.body)
	}
	a = p.api("POST", a.path("_links", "activate"), p.attestation(k, a.str("_embedded", "activation", "challenge"))).wantStatus(200)
	if a.str("status") != "ACTIVE" || a.str("profile", "credentialId") != base64.RawURLEncoding.EncodeToString(k.id) {
		p.t.Fatalf("activated %s", a.body)
	}
	return a.str("id")
}

func (p *person) attestation(k *softKey, challenge string) map[string]any {
	body := k.create(challenge)
	maps.DeleteFunc(body, func(name string, _ any) bool { return name != "attestation" && name != "clientData" })
	return body
}

func TestFactorPasskey(t *testing.T) {
	p := newAPIBench(t, withOrigin).person(pushUser)
	k, other := newSoftKey(t), newSoftKey(t)
	k.encode, other.encode = base64.StdEncoding, base64.StdEncoding // as Okta's widget sends
	path := "/" + p.enrolPasskey(k) + "/verify"
	otherPath := "/" + p.enrolPasskey(other) + "/verify"
	challenge := func(path string) string {
		a := p.call("POST", path, nil).wantResult(200, "CHALLENGE")
		if a.str("profile", "credentialId") == "" || a.at("_embedded", "challenge", "extensions") == nil {
			t.Errorf("challenge %s", a.body)
		}
		return a.str("_embedded", "challenge", "challenge")
	}
	answer := k.get(challenge(path))
	p.call("POST", path, answer).wantResult(200, "SUCCESS")
	p.call("POST", path, answer).wantCode(403, "E0000068") // the challenge was used
	p.call("POST", otherPath, k.get(challenge(otherPath))).wantCode(403, "E0000068")
	p.call("POST", path, k.get(challenge(path))).wantResult(200, "SUCCESS")
	p.call("POST", path, k.get("another")).wantCode(403, "E0000068")
	once := challenge(path)
	k.origin = "https://evil.example"
	p.call("POST", path, k.get(once)).wantCode(403, "E0000068")
	k.origin = "https://app.example"
	p.call("POST", path, k.get(once)).wantCode(403, "E0000068") // even a wrong answer uses it up
	p.call("POST", path, k.get(challenge(path))).wantResult(200, "SUCCESS")
}

func TestFactorPasskeyEnrolmentIsJudged(t *testing.T) {
	p := newAPIBench(t, withOrigin).person(pushUser)
	a := p.call("POST", "", kindOf("webauthn", "FIDO")).wantStatus(200)
	activate := a.path("_links", "activate")
	k := newSoftKey(t)
	p.api("POST", activate, p.attestation(k, "another")).wantCode(403, "E0000068")
	p.api("POST", activate, p.attestation(k, a.str("_embedded", "activation", "challenge"))).wantCode(403, "E0000068") // it was used
	p.api("POST", activate, map[string]any{"attestation": "AAAA", "clientData": "AAAA"}).wantCode(403, "E0000068")
}

// A passkey of one world serves the other.
func TestFactorPasskeyOfTheIdentityEngine(t *testing.T) {
	b, k := withPasskey(t, withOrigin, func(c *oktasim.Config) {
		c.Tokens = []oktasim.Token{{Value: adminToken, Role: oktasim.RoleOrgAdmin}}
	})
	b.ssws(adminToken)
	p := b.person(someone)
	a := p.verify("webauthn", "FIDO", nil).wantResult(200, "CHALLENGE")
	p.verify("webauthn", "FIDO", k.get(a.str("_embedded", "challenge", "challenge"))).wantResult(200, "SUCCESS")
}
