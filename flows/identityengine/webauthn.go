package identityengine

import (
	"encoding/base64"
	"encoding/json"
	"slices"
	"strings"

	"sidegate.example/sidegate/flows"
	"sidegate.example/sidegate/gateway/identity"
)

// What the browser's credential API is asked (§6.6): only members that are known, each bounded, binary ones in
// base64url.

// maxCredentials bounds the lists of credentials of one person, maxBinary one value in them.
const (
	maxCredentials = 64
	maxBinary      = 16 << 10
)

type relyingParty struct {
	ID   string `json:"id,omitempty"`
	Name string `json:"name"`
}

type credentialUser struct {
	ID          string `json:"id"`
	Name        string `json:"name"`
	DisplayName string `json:"displayName"`
}

type credentialParameter struct {
	Type string      `json:"type"`
	Alg  json.Number `json:"alg"`
}

type credentialDescriptor struct {
	Type       string   `json:"type"`
	ID         string   `json:"id"`
	Transports []string `json:"transports,omitempty"`
}

type authenticatorSelection struct {
	UserVerification        string `json:"userVerification,omitempty"`
	ResidentKey             string `json:"residentKey,omitempty"`
	RequireResidentKey      bool   `json:"requireResidentKey,omitempty"`
	AuthenticatorAttachment string `json:"authenticatorAttachment,omitempty"`
}

type creationOptions struct {
	Challenge              string                 `json:"challenge"`
	RP                     relyingParty           `json:"rp"`
	User                   credentialUser         `json:"user"`
	PubKeyCredParams       []credentialParameter  `json:"pubKeyCredParams"`
	Attestation            string                 `json:"attestation,omitempty"`
	AuthenticatorSelection authenticatorSelection `json:"authenticatorSelection,omitzero"`
	ExcludeCredentials     []credentialDescriptor `json:"excludeCredentials,omitempty"`
}

type requestOptions struct {
	Challenge        string                 `json:"challenge"`
	RPID             string                 `json:"rpId,omitempty"`
	UserVerification string                 `json:"userVerification,omitempty"`
	AllowCredentials []credentialDescriptor `json:"allowCredentials,omitempty"`
}

func (r reader) makeCredential(p *page, f *form, credentials *field, at authenticator) bool {
	data := at.node.get("contextualData").get("activationData")
	selection := data.get("authenticatorSelection")
	o := creationOptions{
		Challenge: base64url(data.get("challenge").text()),
		RP:        relyingParty{ID: domain(data.get("rp").get("id").text()), Name: word(data.get("rp").get("name"))},
		User: credentialUser{
			ID:   base64.RawURLEncoding.EncodeToString([]byte(word(data.get("user").get("id")))),
			Name: word(data.get("user").get("name")), DisplayName: word(data.get("user").get("displayName")),
		},
		Attestation: word(data.get("attestation")),
		AuthenticatorSelection: authenticatorSelection{
			UserVerification: word(selection.get("userVerification")), ResidentKey: word(selection.get("residentKey")),
			RequireResidentKey:      selection.get("requireResidentKey").flag(false),
			AuthenticatorAttachment: word(selection.get("authenticatorAttachment")),
		},
		ExcludeCredentials: r.credentials(),
	}
	for _, n := range data.get("pubKeyCredParams").items() {
		if alg, ok := n.get("alg").v.(json.Number); ok && len(o.PubKeyCredParams) < maxFactors {
			o.PubKeyCredParams = append(o.PubKeyCredParams, credentialParameter{Type: "public-key", Alg: alg})
		}
	}
	if o.Challenge == "" || o.User.ID == "" || len(o.PubKeyCredParams) == 0 {
		return false
	}
	return r.credential(p, f, credentials, &flows.WebAuthn{Create: true, RPID: o.RP.ID, Options: mustJSON(o)})
}

func (r reader) useCredential(p *page, f *form, credentials *field, at authenticator) bool {
	data := at.node.get("contextualData").get("challengeData")
	o := requestOptions{
		Challenge: base64url(data.get("challenge").text()), RPID: domain(data.get("rpId").text()),
		UserVerification: word(data.get("userVerification")), AllowCredentials: r.credentials(),
	}
	return o.Challenge != "" && r.credential(p, f, credentials, &flows.WebAuthn{RPID: o.RPID, Options: mustJSON(o)})
}

// answered are what every answer of a browser has; the user handle, for one, it may leave out.
var answered = []string{flows.WebAuthnClientData, flows.WebAuthnAuthenticatorData, flows.WebAuthnSignature, flows.WebAuthnAttestation}

func (r reader) credential(p *page, f *form, credentials *field, w *flows.WebAuthn) bool {
	m := r.move(f, nil)
	if m != nil {
		for i := range credentials.form {
			if fixedIn(credentials.form, credentials.form[i].name) {
				continue
			}
			m.Inputs = append(m.Inputs, input{
				Name: credentials.form[i].name, Path: []string{credentials.name, credentials.form[i].name},
				Required: credentials.form[i].required || slices.Contains(answered, credentials.form[i].name),
			})
		}
	}
	p.ask, p.factor, p.main, p.webAuthn = askWebAuthn, identity.WebAuthn, m, w
	return true
}

// credentials are those of the person that Okta knows.
func (r reader) credentials() []credentialDescriptor {
	var out []credentialDescriptor
	for _, n := range r.doc.root.get("authenticatorEnrollments").items() {
		id := base64url(n.get("credentialId").text())
		if id == "" || readAuthenticator(n).key != "webauthn" || len(out) == maxCredentials {
			continue
		}
		out = append(out, credentialDescriptor{Type: "public-key", ID: id, Transports: transports(n)})
	}
	return out
}

// transports come as a list, in the profile, or as one text with commas.
func transports(n node) []string {
	t := n.get("transports")
	if t.v == nil {
		t = n.get("profile").get("transports")
	}
	var out []string
	if one := t.text(); one != "" {
		for part := range strings.SplitSeq(one, ",") {
			out = append(out, strings.TrimSpace(part))
		}
		return out[:min(len(out), maxFactors)]
	}
	for _, i := range t.items() {
		if s := word(i); s != "" && len(out) < maxFactors {
			out = append(out, s)
		}
	}
	return out
}

// word is a short text.
func word(n node) string { return shorten(n.text()) }

// base64url is s when it can be binary data in base64, in the URL-safe alphabet without padding; "" otherwise.
func base64url(s string) string {
	s = strings.TrimRight(strings.NewReplacer("+", "-", "/", "_").Replace(s), "=")
	if _, err := base64.RawURLEncoding.DecodeString(s); err != nil || len(s) > maxBinary {
		return ""
	}
	return s
}

// domain is a relying party id; "" for what cannot be one.
func domain(s string) string {
	if len(s) > 253 || strings.ContainsFunc(s, func(c rune) bool {
		return (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '.' && c != '-'
	}) {
		return ""
	}
	return s
}

// credentialValue checks one value of the browser's answer; "" for what cannot be one.
func credentialValue(name, typed string) string {
	switch name {
	case flows.WebAuthnTransports:
		var list []string
		if json.Unmarshal([]byte(typed), &list) != nil || len(list) > maxFactors || len(typed) > maxText {
			return "[]"
		}
		return typed
	case "clientExtensions":
		return "{}"
	}
	return base64url(typed)
}
