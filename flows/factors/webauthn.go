package factors

import (
	"context"
	"encoding/base64"
	"strings"

	"sidegate.example/sidegate/flows"
	"sidegate.example/sidegate/flows/limits"
)

// maxBinary bounds one value of a credential.
const maxBinary = 16 << 10

// assertion is what the browser is asked (§5.5); nil where the answer has no challenge.
func assertion(f *factor, c *challenge) *flows.WebAuthn {
	if c == nil || base64url(c.Challenge) == "" || f.Credential == "" {
		return nil
	}
	rp := c.RPID
	if len(rp) > 253 || strings.ContainsFunc(rp, func(r rune) bool { return !strings.ContainsRune("abcdefghijklmnopqrstuvwxyz0123456789.-", r) }) {
		rp = ""
	}
	type key struct {
		Type string `json:"type"`
		ID   string `json:"id"`
	}
	options := struct {
		Challenge string `json:"challenge"`
		RPID      string `json:"rpId,omitempty"`
		Verify    string `json:"userVerification,omitempty"`
		Allow     []key  `json:"allowCredentials"`
	}{base64url(c.Challenge), rp, line(c.UserVerify), []key{{"public-key", f.Credential}}}
	return &flows.WebAuthn{RPID: rp, Options: mustJSON(options)}
}

// sign verifies what the browser's key has signed.
func (a *attempt) sign(ctx context.Context, values map[string]string) (flows.State, flows.Step, error) {
	body := map[string]any{}
	for _, name := range []string{flows.WebAuthnClientData, flows.WebAuthnAuthenticatorData, flows.WebAuthnSignature} {
		v := standard(values[name])
		if v == "" {
			return nil, flows.Step{}, badAnswer("the browser gave no " + name)
		}
		body[name] = v
	}
	e, user, f := a.engine, a.state.User, a.state.pending()
	wait, err := e.count.TakeCode(ctx, user) // a wrong signature is a wrong code to Okta
	if err != nil {
		return nil, flows.Step{}, err
	}
	if wait > 0 {
		return a.tooMany()
	}
	v, err := a.verify(ctx, f, f.IDs[0], body)
	if err != nil {
		if !limits.Judged(err) {
			e.count.ReturnCode(ctx, user)
		}
		return nil, flows.Step{}, err
	}
	switch v.outcome {
	case accepted:
		return a.accepted(ctx, v)
	case gone, tooSoon, quota, failed, unsure:
		e.count.ReturnCode(ctx, user)
	}
	return a.refuse(ctx, v)
}

// base64url is s when it can be binary data in base64, in the URL-safe alphabet without padding; "" otherwise.
func base64url(s string) string {
	s = strings.TrimRight(strings.NewReplacer("+", "-", "/", "_").Replace(s), "=")
	if _, err := base64.RawURLEncoding.DecodeString(s); err != nil || len(s) > maxBinary {
		return ""
	}
	return s
}

// standard is the same data in the alphabet that Okta's own widget sends, with padding; "" for what is none.
func standard(s string) string {
	b, err := base64.RawURLEncoding.DecodeString(base64url(s))
	if err != nil {
		return ""
	}
	return base64.StdEncoding.EncodeToString(b)
}
