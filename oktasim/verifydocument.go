package oktasim

// verify fills in the documents in which Okta Verify is the authenticator in question. As in the
// recordings it sits in currentAuthenticator, first of the org's authenticators and second of the
// user's enrolments.
func (b *documentBuilder) verify(d *document) {
	all := b.methodsEnrolled()
	verify := authenticator{Type: "app", Key: "okta_verify", ID: verifyID, DisplayName: "Okta Verify", Methods: all}
	d.Authenticators = array(verify, b.passwordAuthenticator())
	enrolment := verify
	enrolment.ID = stableID("pfd", b.t.user.Login)
	enrolment.AuthenticatorID = verifyID
	enrolment.Profile = b.deviceProfile()
	d.AuthenticatorEnrollments = array(append([]authenticator{b.passwordEnrollment(), enrolment}, b.otherEnrollments()...)...)

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

func (b *documentBuilder) deviceProfile() map[string]string {
	if b.t.user.Device == "" {
		return nil
	}
	return map[string]string{"deviceName": b.t.user.Device}
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

func (b *documentBuilder) chooseVerify() *form {
	var options []option
	if len(b.t.user.Methods) > 0 && !b.t.recovering {
		options = append(options, option{
			Label: "Okta Verify", RelatesTo: "$.authenticators.value[0]",
			Value: valueForm(fixed("id", verifyID), b.methodField()),
		})
	}
	return b.chooser(append(options, b.otherOptions()...)...)
}

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
func (b *documentBuilder) pollForm() *form {
	f := b.form("challenge-poll", "authenticators/poll")
	f.RelatesTo = []string{"$.currentAuthenticator"}
	f.Refresh = b.x.cfg.Refresh.Milliseconds()
	return f
}

func (b *documentBuilder) waitForPush(d *document) {
	poll := b.pollForm()
	if b.t.autoChallenge {
		poll.Value = append(poll.Value, b.autoChallengeField())
	}
	d.Remediation = array(poll, b.chooseVerify())
	current := b.current(method{methodPush})
	if b.t.push.Numbers != nil {
		current.ContextualData = map[string]any{"correctAnswer": b.t.push.answer}
		current.Resend = b.form("resend", "challenge/resend")
	} else {
		current.Resend = b.form("resend", "challenge", hidden("authenticator", map[string]string{"methodType": methodPush, "id": verifyID}))
	}
	d.CurrentAuthenticator = objectOf(current)
}

func (b *documentBuilder) rejected(d *document) {
	again := b.form("resend", "challenge", field{
		Name: "authenticator", Type: "object", Label: "Okta Verify",
		Value: valueForm(fixed("id", verifyID), field{Name: "methodType", Value: methodPush, Label: "PUSH", Required: true, Mutable: isFalse}),
	})
	again.RelatesTo = []string{"$.currentAuthenticator"}
	d.Messages = array(errorMessage("api.authn.poll.error.push_rejected", "You have chosen to reject this login."))
	d.Remediation = array(again, b.chooseVerify())
	d.CurrentAuthenticator = objectOf(b.current(method{methodPush}))
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
	d.Remediation = array(b.pollForm(), b.chooseVerify())
	current := b.current(method{methodFastPass})
	current.Cancel = b.form("cancel-polling", "authenticators/poll/cancel")
	current.Cancel.Produces = "" // the recordings have none here
	current.ContextualData = map[string]any{"challenge": objectOf(map[string]any{
		"challengeMethod": "LOOPBACK", "challengeRequest": secretID(""), "domain": "http://localhost",
		"ports": []string{"2000", "6511", "6512", "6513"},
	})}
	d.CurrentAuthenticator = objectOf(current)
}
