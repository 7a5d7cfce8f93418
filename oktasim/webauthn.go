package oktasim

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/protocol/webauthncose"
)

// WebAuthn as Okta's wire has it (identity-engine.md §6.6), verified by go-webauthn.

// passkey is a WebAuthn credential of a user.
type passkey struct {
	id         []byte
	key        []byte // public, COSE
	signCount  uint32
	transports []string
}

// foreignPasskey is a credential that was made elsewhere: no browser here has its private half.
func foreignPasskey(login string) *passkey {
	return &passkey{id: []byte(stableID("foreign", login)), transports: []string{"usb"}}
}

// passkeyAlgorithms are those that the org takes: ES256 and RS256.
var passkeyAlgorithms = []protocol.CredentialParameter{
	{Type: protocol.PublicKeyCredentialType, Algorithm: webauthncose.AlgES256},
	{Type: protocol.PublicKeyCredentialType, Algorithm: webauthncose.AlgRS256},
}

var assertionInvalid = errorMessage("authfactor.webauthn.error.assertion_validation_failure",
	"Unable to authenticate. Try again or contact your administrator for assistance.")

// relyingParty is what a posted credential is judged by.
type relyingParty struct {
	id             string
	origins        []string
	verifyUser     bool
	clientDataJSON []byte
}

// relyingParty reads the client data. Without Policy.RPID the RP ID is what the browser takes by default, the host of
// the page; that its origin is a trusted one is for the library to see.
func (x *exchange) relyingParty(t *transaction, clientData string) (relyingParty, error) {
	raw, err := decodeBase64(clientData)
	if err != nil {
		return relyingParty{}, err
	}
	var c struct{ Origin string }
	if err := json.Unmarshal(raw, &c); err != nil {
		return relyingParty{}, err
	}
	rp := relyingParty{id: x.cfg.Policy.RPID, origins: x.origins(t.client), verifyUser: x.cfg.Policy.UserVerification == userVerified, clientDataJSON: raw}
	if rp.id == "" {
		u, err := url.Parse(c.Origin)
		if err != nil {
			return relyingParty{}, err
		}
		rp.id = u.Hostname()
	}
	return rp, nil
}

// origins are the pages that may use passkeys: the org's own, the app's (where its redirect URIs are) and Policy.Origins.
func (x *exchange) origins(c *Client) []string {
	out := append([]string{x.cfg.URL}, x.cfg.Policy.Origins...)
	for _, r := range c.RedirectURIs {
		if u, err := url.Parse(r); err == nil {
			out = append(out, u.Scheme+"://"+u.Host)
		}
	}
	return out
}

// decodeBase64 takes both alphabets, padded or not: Okta's SDK sends base64url, its widget base64.
func decodeBase64(s string) ([]byte, error) {
	s = strings.NewReplacer("+", "-", "/", "_").Replace(strings.TrimRight(s, "="))
	return base64.RawURLEncoding.DecodeString(s)
}

// assert judges an assertion by each passkey of the user, as Okta has to: the wire does not say which it is of.
func (o *Org) assert(x *exchange, t *transaction, req *idxRequest) bool {
	c := req.Credentials
	rp, err := x.relyingParty(t, c.ClientData)
	authenticatorData, err1 := decodeBase64(c.AuthenticatorData)
	signature, err2 := decodeBase64(c.SignatureData)
	if errors.Join(err, err1, err2) != nil {
		return false
	}
	for _, p := range t.user.passkeys {
		sent := protocol.CredentialAssertionResponse{
			PublicKeyCredential: publicKeyCredential(p.id),
			AssertionResponse: protocol.AuthenticatorAssertionResponse{
				AuthenticatorResponse: protocol.AuthenticatorResponse{ClientDataJSON: rp.clientDataJSON},
				AuthenticatorData:     authenticatorData, Signature: signature,
			},
		}
		parsed, err := sent.Parse()
		if err != nil || len(p.key) == 0 {
			continue
		}
		err = parsed.Verify(t.task.challenge, rp.id, "", rp.origins, nil, nil, protocol.TopOriginExplicitVerificationMode,
			false, rp.verifyUser, true, p.key, protocol.SignaturePolicy{})
		count := parsed.Response.AuthenticatorData.Counter
		if err == nil && (count > p.signCount || count == 0 && p.signCount == 0) {
			p.signCount = count
			return true
		}
	}
	return false
}

func publicKeyCredential(id []byte) protocol.PublicKeyCredential {
	return protocol.PublicKeyCredential{
		Credential: protocol.Credential{ID: base64.RawURLEncoding.EncodeToString(id), Type: string(protocol.PublicKeyCredentialType)},
		RawID:      id,
	}
}

// attest judges a new credential; nil when it is not right.
func (o *Org) attest(x *exchange, t *transaction, req *idxRequest) *passkey {
	c := req.Credentials
	rp, err := x.relyingParty(t, c.ClientData)
	object, err1 := decodeBase64(c.Attestation)
	if errors.Join(err, err1) != nil {
		return nil
	}
	sent := protocol.AuthenticatorAttestationResponse{
		AuthenticatorResponse: protocol.AuthenticatorResponse{ClientDataJSON: rp.clientDataJSON}, AttestationObject: object,
	}
	response, err := sent.Parse()
	if err != nil {
		return nil
	}
	data := response.AttestationObject.AuthData
	id := data.AttData.CredentialID
	parsed := protocol.ParsedCredentialCreationData{
		ParsedPublicKeyCredential: protocol.ParsedPublicKeyCredential{RawID: id},
		Response:                  *response,
		Raw:                       protocol.CredentialCreationResponse{AttestationResponse: sent},
	}
	if _, err := parsed.Verify(t.task.challenge, rp.id, rp.origins, nil, nil, protocol.TopOriginExplicitVerificationMode,
		false, rp.verifyUser, true, nil, passkeyAlgorithms, protocol.AttestationPolicy{}, protocol.SignaturePolicy{}); err != nil {
		return nil
	}
	if o.knowsPasskey(id) {
		return nil
	}
	p := &passkey{id: id, key: data.AttData.CredentialPublicKey, signCount: data.Counter}
	_ = json.Unmarshal([]byte(c.Transports), &p.transports) // optional, and only a hint
	return p
}

// knowsPasskey reports whether any user has the credential already.
func (o *Org) knowsPasskey(id []byte) bool {
	for _, a := range o.users {
		if slices.ContainsFunc(a.passkeys, func(p *passkey) bool { return bytes.Equal(p.id, id) }) {
			return true
		}
	}
	return false
}

// registerPasskey adds a credential to the user.
func (o *Org) registerPasskey(x *exchange, t *transaction, req *idxRequest) reply {
	p := o.attest(x, t, req)
	if p == nil {
		return o.wrongPasskey(x, t)
	}
	t.user.passkeys = append(t.user.passkeys, p)
	return o.enrolled(x, t)
}

// wrongPasskey shows the form again, with a new challenge: the old one was used.
func (o *Org) wrongPasskey(x *exchange, t *transaction) reply {
	if rep, over := o.countWrong(x, t); over {
		return rep
	}
	t.task.challenge = secretID("")
	return t.withMessage(x, http.StatusBadRequest, assertionInvalid)
}

// activationData is what a browser makes a credential from.
func (b *documentBuilder) activationData() map[string]any {
	rp := map[string]string{"name": orgName}
	if id := b.x.cfg.Policy.RPID; id != "" {
		rp["id"] = id
	}
	a := b.t.user
	return map[string]any{
		"rp":               rp,
		"user":             map[string]string{"displayName": a.Name, "name": a.Login, "id": a.id},
		"pubKeyCredParams": passkeyAlgorithms, "challenge": b.t.task.challenge, "attestation": "direct",
		"authenticatorSelection": map[string]string{"userVerification": b.userVerification()},
		"u2fParams":              map[string]string{"appid": b.x.cfg.URL},
	}
}

// challengeData is what a browser makes an assertion from.
func (b *documentBuilder) challengeData() map[string]any {
	out := map[string]any{
		"challenge": b.t.task.challenge, "userVerification": b.userVerification(),
		"extensions": map[string]string{"appid": b.x.cfg.URL},
	}
	if id := b.x.cfg.Policy.RPID; id != "" {
		out["rpId"] = id
	}
	return out
}

// orgName is the org's name in enrolments.
const orgName = "oktasim"

// userVerified is the value of Policy.UserVerification under which a credential without it is refused.
const userVerified = "required"

func (b *documentBuilder) userVerification() string {
	if v := b.x.cfg.Policy.UserVerification; v != "" {
		return v
	}
	return "discouraged"
}

// hiddenInputs are fields that a script fills in.
func hiddenInputs(names ...string) []field {
	var out []field
	for _, name := range names {
		out = append(out, field{Name: name, Label: name, Required: true, Visible: isFalse})
	}
	return out
}
