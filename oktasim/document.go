package oktasim

import "net/http"

// Ids and labels of the two authenticators of the org.
var (
	passwordID = stableID("aut", "okta_password")
	verifyID   = stableID("aut", "okta_verify")

	methodLabels = map[string]string{
		methodFastPass: "Use Okta FastPass", methodPush: "Get a push notification", methodTOTP: "Enter a code",
	}
)

// document is what the transaction shows now. The caller holds mu.
func (t *transaction) document(x *exchange) *document {
	b := &documentBuilder{t: t, x: x, base: x.cfg.URL + "/idp/idx/"}
	d := &document{
		Version: "1.0.0", StateHandle: t.handle, ExpiresAt: t.expires.UTC().Format(timestampLayout), Intent: "LOGIN",
		Cancel: b.form("cancel", "cancel"),
		App:    objectOf(map[string]string{"name": "oidc_client", "label": t.client.Label, "id": t.client.ID}),
	}
	if t.user != nil && len(t.factors) > 0 {
		d.User = objectOf(map[string]string{"id": t.user.id, "identifier": t.user.Login})
	} else if t.identifier != "" {
		d.User = objectOf(map[string]string{"id": stableID("00u", t.identifier), "identifier": t.identifier})
	}
	b.fill(d)
	return d
}

// documentBuilder carries what every part of a document needs.
type documentBuilder struct {
	t    *transaction
	x    *exchange
	base string
}

func (b *documentBuilder) fill(d *document) {
	switch b.t.stage {
	case stageIdentify:
		b.identify(d)
	case stagePassword:
		b.password(d)
	case stageEnroll:
		b.enroll(d)
	case stageDone:
		d.Success = b.success()
	case stageTaskMethod, stageAnswer:
		b.verify(d)
		b.askTask(d)
	case stageEnrollAnswer, stageEnrollPoll, stageChannelData, stagePhoneData:
		b.enrolling(d)
	case stagePasswordExpired, stagePasswordExpiring, stageReset:
		b.newPassword(d)
	case stageUnlock:
		b.askUnlock(d)
	case stageUnlocked:
		d.Messages = array(unlocked)
	case stageActivationExpired:
		d.Messages = array(activationExpired)
		d.Remediation = array(b.form("request-activation-email", "request-activation"))
	case stageProbe:
		b.probe(d)
	case stageSafeMode:
		b.safeMode(d)
	case stageKeep:
		b.askKeep(d)
	case stageRecover:
		d.Remediation = array(b.form("identify-recovery", "identify", field{Name: "identifier", Label: "Username", Required: true}))
	default:
		b.verify(d)
	}
}

// form makes a remediation or action; stateHandle is its last field.
func (b *documentBuilder) form(name, path string, value ...field) *form {
	return &form{
		Rel: []string{"create-form"}, Name: name, Href: b.base + path, Method: http.MethodPost,
		Produces: ionContentType, Accepts: acceptsJSON,
		Value: append(value, hidden("stateHandle", b.t.handle)),
	}
}

func passcodeField() field {
	return field{Name: "credentials", Type: "object", Required: true, Form: &fields{[]field{
		{Name: "passcode", Label: "Password", Secret: true},
	}}}
}

func (b *documentBuilder) identify(d *document) {
	value := []field{{Name: "identifier", Label: "Username", Required: true}}
	if !b.x.cfg.Policy.IdentifierFirst {
		value = append(value, passcodeField())
		d.CurrentAuthenticator = objectOf(b.recoverable(b.passwordAuthenticator()))
	}
	value = append(value, field{Name: "rememberMe", Label: "Keep me signed in", Type: "boolean"})
	d.Remediation = array(append([]*form{b.form("identify", "identify", value...), b.form("select-enroll-profile", "enroll")}, b.beside()...)...)
	if b.x.cfg.Policy.Unlock {
		d.Remediation.Value = append(d.Remediation.Value, b.form("unlock-account", "unlock-account"))
	}
}

func (b *documentBuilder) passwordAuthenticator() authenticator {
	return authenticator{Type: "password", Key: "okta_password", ID: passwordID, DisplayName: "Password", Methods: []method{{"password"}}}
}

func (b *documentBuilder) passwordEnrollment() authenticator {
	a := b.passwordAuthenticator()
	a.ID = stableID("lae", b.t.identifier)
	a.AuthenticatorID = passwordID
	return a
}

func (b *documentBuilder) password(d *document) {
	answer := b.form("challenge-authenticator", "challenge/answer", passcodeField())
	answer.RelatesTo = []string{"$.currentAuthenticatorEnrollment"}
	d.Remediation = array(answer, b.chooser(option{
		Label: "Password", RelatesTo: "$.authenticatorEnrollments.value[0]",
		Value: valueForm(fixed("id", passwordID), field{Name: "methodType", Value: "password", Mutable: isFalse}),
	}))
	if b.x.cfg.Policy.Unlock {
		d.Remediation.Value = append(d.Remediation.Value, b.form("unlock-account", "unlock-account"))
	}
	d.CurrentAuthenticatorEnrollment = objectOf(b.recoverable(b.passwordEnrollment()))
	d.Authenticators = array(b.passwordAuthenticator())
	d.AuthenticatorEnrollments = array(b.passwordEnrollment())
}

// valueForm is the polymorphic value {"form":{"value":[…]}}.
func valueForm(value ...field) any { return map[string]fields{"form": {value}} }

func (b *documentBuilder) chooser(o ...option) *form {
	return b.form("select-authenticator-authenticate", "challenge", field{Name: "authenticator", Type: "object", Options: o})
}

func (b *documentBuilder) success() *form {
	value := []field{
		{Name: "grant_type", Required: true, Value: "interaction_code"},
		{Name: "interaction_code", Required: true, Value: b.t.code},
		{Name: "client_id", Required: true, Value: b.t.client.ID},
	}
	if b.t.client.Secret != "" {
		value = append(value, field{Name: "client_secret", Required: true})
	}
	return &form{
		Rel: []string{"create-form"}, Name: "issue", Href: b.t.server.base + "/v1/token", Method: http.MethodPost,
		Value: append(value, field{Name: "code_verifier", Required: true}), Accepts: "application/x-www-form-urlencoded",
	}
}

// terminal is a document that only tells something; t may be nil.
func terminal(t *transaction, m message) *document {
	d := &document{Version: "1.0.0", Messages: array(m)}
	if t != nil {
		d.StateHandle, d.ExpiresAt, d.Intent = t.handle, t.expires.UTC().Format(timestampLayout), "LOGIN"
	}
	return d
}
