package oktasim

import (
	"encoding/base64"
	"fmt"
	"strings"
)

// The lists of what a user has, as they stand in documents.

// held is one enrolment of a user. A passkey is one each, other kinds can be had once.
type held struct {
	kind    *kind
	passkey *passkey
}

// held are the user's enrolments: password, Okta Verify, and the others in the order in which they were set up.
func (a *account) held() []held {
	var out []held
	for _, key := range []string{keyPassword, keyVerify} {
		if a.hasKey(key) {
			out = append(out, held{kind: catalogue[key]})
		}
	}
	for _, key := range a.Enrolled {
		if key != keyWebAuthn {
			out = append(out, held{kind: catalogue[key]})
			continue
		}
		for _, p := range a.passkeys {
			out = append(out, held{kind: catalogue[key], passkey: p})
		}
	}
	return out
}

// enrolmentID is the id of an enrolment, which is not that of the authenticator.
func (a *account) enrolmentID(k *kind) string {
	switch k.key {
	case keyPassword:
		return stableID("lae", a.Login)
	case keyVerify:
		return stableID("pfd", a.Login)
	}
	return stableID("pae", a.Login+k.key)
}

// enrollment is an authenticator that the user has.
func (b *documentBuilder) enrollment(h held) authenticator {
	out := h.kind.authenticator()
	out.ID, out.AuthenticatorID, out.Profile = b.t.user.enrolmentID(h.kind), h.kind.id, b.t.user.profile(h.kind.key)
	if h.kind.key == keyVerify {
		out.Methods = b.methodsEnrolled()
	}
	if p := h.passkey; p != nil {
		out.ID = stableID("fwf", string(p.id))
		out.CredentialID, out.Transports = base64.RawURLEncoding.EncodeToString(p.id), p.transports
	}
	return out
}

// enrollments are all of them.
func (b *documentBuilder) enrollments() []authenticator {
	var out []authenticator
	for _, h := range b.t.user.held() {
		out = append(out, b.enrollment(h))
	}
	return out
}

// selectable reports whether the user may prove the sign-in, or in recovery who they are, by the authenticator.
func (t *transaction) selectable(k *kind) bool {
	if t.recovering {
		return k.key == keyEmail || k.key == keyPhone
	}
	return k.key != keyPassword
}

// choices are the authenticators that the user has, as options of the chooser.
func (b *documentBuilder) choices() []option {
	var out []option
	for i, h := range b.t.user.held() {
		if !b.t.selectable(h.kind) {
			continue
		}
		o := option{Label: h.kind.label, RelatesTo: b.enrolmentAt(i), Value: valueForm(b.choice(h)...)}
		if h.kind.key == keyVerify {
			o.RelatesTo = "$.authenticators.value[0]" // as in the recordings
		}
		out = append(out, o)
	}
	return out
}

// enrolmentAt is what an option relates to.
func (b *documentBuilder) enrolmentAt(i int) string {
	return fmt.Sprintf("$.authenticatorEnrollments.value[%d]", i)
}

func (b *documentBuilder) choice(h held) []field {
	k := h.kind
	value := []field{fixed("id", k.id)}
	switch {
	case k.key == keyVerify:
		return append(value, b.methodField())
	case len(k.methods) > 1:
		method := field{Name: "methodType", Type: "string"}
		for _, m := range k.methods {
			method.Options = append(method.Options, option{Label: strings.ToUpper(m), Value: m})
		}
		value = append(value, method)
	case k.key == keyCustomApp:
		value = append(value, field{Name: "methodType", Type: "string", Options: []option{{Label: methodLabels[methodPush], Value: methodPush}}})
	case k.key == keyEmail || k.key == keyWebAuthn || k.key == keyYubiKey:
		value = append(value, field{Name: "methodType", Value: k.methods[0], Mutable: isFalse})
	}
	if k.namesEnrolment() {
		value = append(value, fixed("enrollmentId", b.t.user.enrolmentID(k)))
	}
	return value
}

// authenticators are those of the org that the user can sign in with: Okta Verify and the password first.
func (b *documentBuilder) authenticators() []authenticator {
	verify := catalogue[keyVerify].authenticator()
	verify.Methods = b.methodsEnrolled()
	out := []authenticator{verify, b.passwordAuthenticator()}
	last := ""
	for _, h := range b.t.user.held() {
		if h.kind.key != keyVerify && h.kind.key != keyPassword && h.kind.key != last {
			out = append(out, h.kind.authenticator())
		}
		last = h.kind.key
	}
	return out
}
