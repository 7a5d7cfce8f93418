package oktasim

import "net/http"

// WebAuthn by the Factors API. The credentials are those of the Identity Engine, and so is the judgement of them: of a
// sign-in that has no app, whose pages are those of Policy.Origins.

// passkeyTrial is what the Identity Engine's judgement takes.
func passkeyTrial(a *account, challenge string, body apiBody) (*transaction, *idxRequest) {
	req := new(idxRequest)
	for name, into := range map[string]*string{
		"clientData": &req.Credentials.ClientData, "attestation": &req.Credentials.Attestation,
		"authenticatorData": &req.Credentials.AuthenticatorData, "signatureData": &req.Credentials.SignatureData,
	} {
		*into, _ = body.text(name)
	}
	return &transaction{user: a, client: &Client{}, task: task{key: keyWebAuthn, challenge: challenge}}, req
}

// creationOptions are what a browser makes a credential from. Okta's have no rp.id and no time-out.
func (x *exchange) creationOptions(a *account, f *factor) map[string]any {
	exclude := []any{}
	for _, p := range a.passkeys {
		exclude = append(exclude, map[string]any{"type": "public-key", "id": a.passkeyFactor(f.factorKind, p).profile["credentialId"]})
	}
	return map[string]any{
		"attestation": "direct", "challenge": f.challenge, "excludeCredentials": exclude, "pubKeyCredParams": passkeyAlgorithms,
		"authenticatorSelection": map[string]any{"userVerification": x.userVerification(), "requireResidentKey": false},
		"rp":                     map[string]string{"name": orgName},
		"user":                   map[string]string{"displayName": a.Name, "name": a.Login, "id": a.id},
	}
}

func (x *exchange) userVerification() string {
	if v := x.cfg.Policy.UserVerification; v != "" {
		return v
	}
	return "discouraged"
}

// activatePasskey takes a new credential.
func (o *Org) activatePasskey(x *exchange, a *account, f *factor, body apiBody) apiReply {
	trial, req := passkeyTrial(a, f.challenge, body)
	p := o.attest(x, trial, req)
	f.challenge = secretID("") // it was used
	if p == nil {
		return wrongCode
	}
	a.passkeys = append(a.passkeys, p)
	o.activate(x, a, f)
	a.mfa.made[stableID("fwf", string(p.id))] = x.now
	return apiReply{http.StatusOK, x.factorObject(a, a.passkeyFactor(f.factorKind, p))}
}

// verifyPasskey gives out a challenge, or judges an assertion by it, once.
func (o *Org) verifyPasskey(x *exchange, a *account, f *factor, body apiBody) apiReply {
	if a.mfa.challenges == nil {
		a.mfa.challenges = map[string]string{}
	}
	if _, answered := body["clientData"]; !answered {
		challenge := secretID("")
		a.mfa.challenges[f.id] = challenge
		return apiReply{http.StatusOK, map[string]any{
			"factorResult": "CHALLENGE", "profile": f.profile, "_links": x.factorLinks(a, f),
			"_embedded": map[string]any{"challenge": map[string]any{"challenge": challenge, "extensions": struct{}{}}},
		}}
	}
	challenge := a.mfa.challenges[f.id]
	delete(a.mfa.challenges, f.id)
	alone := &account{passkeys: []*passkey{f.passkey}}
	trial, req := passkeyTrial(alone, challenge, body)
	if challenge == "" || !o.assert(x, trial, req) {
		return *a.missed()
	}
	a.mfa.wrong = 0
	return apiReply{http.StatusOK, map[string]any{"factorResult": "SUCCESS", "profile": f.profile}}
}
