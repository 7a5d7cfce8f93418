package oktasim

// verify fills in the documents in which Okta Verify is the authenticator in question. As in the
// recordings it sits in currentAuthenticator, first of the org's authenticators and second of the
// user's enrolments.
func (b *documentBuilder) verify(d *document) {
	d.Authenticators = array(b.authenticators()...)
	d.AuthenticatorEnrollments = array(b.enrollments()...)

	switch b.t.stage {
	case stageChoose:
		d.Remediation = array(b.chooseVerify())
	case stageMethod:
		b.confirmMethod(d)
	case stagePush:
		b.waitForPush(d)
	case stageRejected:
		b.rejected(d)
	case stageTOTP:
		b.askTOTP(d)
	case stageFastPass:
		b.waitForDevice(d)
	}
}

func (b *documentBuilder) methodsEnrolled() []method {
	out := make([]method, len(b.t.user.Methods))
	for i, m := range b.t.user.Methods {
		out[i] = method{m}
	}
	return out
}

// methodField is the choice of method; a single one is fixed.
func (b *documentBuilder) methodField() field {
	methods := b.t.user.Methods
	if len(methods) == 1 {
		return field{Name: "methodType", Value: methods[0], Mutable: isFalse}
	}
	f := field{Name: "methodType", Type: "string"}
	for _, m := range methods {
		f.Options = append(f.Options, option{Label: methodLabels[m], Value: m})
	}
	return f
}

func (b *documentBuilder) chooseVerify() *form { return b.chooser(b.choices()...) }

// current is currentAuthenticator for one method. As in the recordings the phone's name is not here but in
// authenticatorEnrollments.
func (b *documentBuilder) current(methods ...method) authenticator {
	return authenticator{Type: "app", Key: "okta_verify", ID: verifyID, DisplayName: "Okta Verify", Methods: methods}
}

// autoChallengeField has the string for a boolean that Okta sends.
func (b *documentBuilder) autoChallengeField() field {
	return field{Name: "autoChallenge", Type: "boolean", Required: "false", Value: b.t.autoChallenge, Label: "Send push automatically"}
}

func (b *documentBuilder) confirmMethod(d *document) {
	choice := field{Name: "methodType", Required: true}
	for _, m := range b.t.user.Methods {
		choice.Options = append(choice.Options, option{Label: methodLabels[m], Value: m})
	}
	value := []field{fixed("id", verifyID), choice}
	if b.t.enrolled(methodPush) {
		value = append(value, b.autoChallengeField())
	}
	confirm := b.form("authenticator-verification-data", "challenge", field{Name: "authenticator", Label: "Okta Verify", Form: &fields{value}})
	confirm.RelatesTo = []string{"$.currentAuthenticator"}
	d.Remediation = array(confirm, b.chooseVerify())
	d.CurrentAuthenticator = objectOf(b.current(b.methodsEnrolled()...))
}

// pollForm is challenge-poll.
func (b *documentBuilder) pollForm(path string) *form {
	f := b.form("challenge-poll", path)
	f.RelatesTo = []string{"$.currentAuthenticator"}
	f.Refresh = b.x.cfg.Refresh.Milliseconds()
	return f
}

// pushing is the app that shows the push, as currentAuthenticator.
func (b *documentBuilder) pushing() authenticator {
	a := catalogue[b.t.push.Authenticator].authenticator()
	a.Methods = []method{{methodPush}}
	return a
}

func (b *documentBuilder) waitForPush(d *document) {
	current, path := b.pushing(), "authenticators/poll"
	if current.Key == keyCustomApp {
		path = "challenge/poll"
	}
	poll := b.pollForm(path)
	if b.t.autoChallenge {
		poll.Value = append(poll.Value, b.autoChallengeField())
	}
	d.Remediation = array(poll, b.chooseVerify())
	if b.t.push.Numbers != nil {
		current.ContextualData = map[string]any{"correctAnswer": b.t.push.answer}
		current.Resend = b.form("resend", "challenge/resend")
	} else {
		current.Resend = b.form("resend", "challenge", hidden("authenticator", map[string]string{"methodType": methodPush, "id": current.ID}))
	}
	d.CurrentAuthenticator = objectOf(current)
}

func (b *documentBuilder) rejected(d *document) {
	current := b.pushing()
	again := b.form("resend", "challenge", field{
		Name: "authenticator", Type: "object", Label: current.DisplayName,
		Value: valueForm(fixed("id", current.ID), field{Name: "methodType", Value: methodPush, Label: "PUSH", Required: true, Mutable: isFalse}),
	})
	again.RelatesTo = []string{"$.currentAuthenticator"}
	d.Messages = array(errorMessage("api.authn.poll.error.push_rejected", "You have chosen to reject this login."))
	d.Remediation = array(again, b.chooseVerify())
	d.CurrentAuthenticator = objectOf(current)
}

func (b *documentBuilder) askTOTP(d *document) {
	visible := true
	answer := b.form("challenge-authenticator", "challenge/answer", field{
		Name: "credentials", Type: "object", Required: true,
		Form: &fields{[]field{{Name: "totp", Label: "Enter code from Okta Verify app", Required: true, Visible: &visible}}},
	})
	answer.RelatesTo = []string{"$.currentAuthenticator"}
	d.Remediation = array(answer, b.chooseVerify())
	d.CurrentAuthenticator = objectOf(b.current(method{methodTOTP}))
}

// waitForDevice is FastPass: a process on the person's machine would have to answer, and none does.
func (b *documentBuilder) waitForDevice(d *document) {
	d.Remediation = array(b.pollForm("authenticators/poll"), b.chooseVerify())
	current := b.current(method{methodFastPass})
	current.Cancel = b.cancelPolling()
	current.ContextualData = map[string]any{"challenge": objectOf(deviceChallenge())}
	d.CurrentAuthenticator = objectOf(current)
}
