package oktasim

import "fmt"

// Hardware tokens. Each code is the one after that before it; a code is good once.

// tokenCode is the n-th code of a token.
func tokenCode(n int) string { return fmt.Sprintf("%08d", 10_000_000+n) }

// SymantecCredential is the credential id that is printed on every Symantec VIP token of the org.
const SymantecCredential = "VSST12345678"

// wrongToken judges the next code of the token, at the enrolment of Symantec VIP the next two. Who sets a token up has to
// name it, or its owner.
func (o *Org) wrongToken(t *transaction, req *idxRequest) *message {
	a, c := t.user, req.Credentials
	enrolling := t.stage == stageEnrollAnswer
	ownerAsked := t.task.key == keyOnPrem || t.task.key == keyRSA
	switch {
	case c.Passcode != tokenCode(a.lastToken+1), enrolling && ownerAsked && c.ClientData != a.Login:
		return &invalidCode
	case enrolling && t.task.key == keySymantec:
		if c.CredentialID != SymantecCredential || c.NextPasscode != tokenCode(a.lastToken+2) {
			return &invalidCode
		}
		a.lastToken++
	}
	a.lastToken++
	if a.NextCode && ownerAsked && !t.task.next {
		t.task.next = true
		return &nextCode
	}
	return nil
}

// unchanged reports whether what is immutable in the form that sets a token up came back as it was.
func (k *kind) unchanged(req *idxRequest) bool {
	c := req.Credentials
	return k.key != keyOnPrem && k.key != keyRSA || c.ID == k.id && c.MethodType == k.methods[0]
}

// tokenFields are the inputs by which a token is set up (identity-engine.md §6.7).
func (b *documentBuilder) tokenFields(k *kind) []field {
	switch k.key {
	case keyOnPrem, keyRSA:
		return []field{fixed("id", k.id), fixed("methodType", k.methods[0]),
			{Name: "clientData", Label: "User Name", Value: b.t.user.Login, Required: true}, {Name: "passcode", Label: "Passcode", Required: true}}
	case keySymantec:
		return []field{{Name: "credentialId", Label: "Enter credential ID", Required: true},
			{Name: "passcode", Label: "Security Code 1", Required: true}, {Name: "nextPasscode", Label: "Security Code 2", Required: true}}
	}
	return []field{tokenField(k)}
}

// tokenField is the input for the code of a token.
func tokenField(k *kind) field {
	if k.key == keyYubiKey {
		return field{Name: "passcode", Label: "Insert then tap your YubiKey", Required: true, Secret: true}
	}
	return field{Name: "passcode", Label: "Enter code", Required: true}
}
