package oktasim

// askTask is the document that asks for the task's authenticator.
func (b *documentBuilder) askTask(d *document) {
	k := catalogue[b.t.task.key]
	a := b.enrollment(held{kind: k})
	answer := b.taskForm(k)
	d.Remediation = array(answer, b.chooseVerify())
	if b.t.task.method != "" {
		a.Methods = []method{{b.t.task.method}}
	}
	if b.t.task.code != "" {
		a.Resend = b.form("resend", "challenge/resend")
	}
	b.pollLink(&a)
	switch k.key {
	case keyQuestion:
		a.Profile = map[string]string{"questionKey": b.t.user.questionKey, "question": b.t.user.question}
		a.ContextualData = map[string]any{"enrolledQuestion": map[string]string{"questionKey": b.t.user.questionKey, "question": b.t.user.question}}
	case keyWebAuthn, keySymantec, keyGoogle: // as in the recordings
		current := k.authenticator()
		if k.key == keyWebAuthn {
			current.ContextualData = map[string]any{"challengeData": b.challengeData()}
		}
		answer.RelatesTo = []string{"$.currentAuthenticator"}
		d.CurrentAuthenticator = objectOf(current)
		return
	}
	answer.RelatesTo = []string{"$.currentAuthenticatorEnrollment"}
	d.CurrentAuthenticatorEnrollment = objectOf(a)
}

// taskForm asks for the method, or for what proves the authenticator.
func (b *documentBuilder) taskForm(k *kind) *form {
	if b.t.stage == stageTaskMethod {
		methods := field{Name: "methodType", Required: true, Options: phoneMethods()}
		return b.form("authenticator-verification-data", "challenge", field{Name: "authenticator", Label: k.label,
			Form: &fields{[]field{fixed("id", k.id), fixed("enrollmentId", b.t.user.enrolmentID(k)), methods}}})
	}
	value := []field{tokenField(k)}
	switch k.key {
	case keyQuestion:
		question := hidden("questionKey", b.t.user.questionKey)
		question.Label = b.t.user.question
		value = []field{question, {Name: "answer", Label: "answer", Required: true}}
	case keyWebAuthn:
		value = hiddenInputs("clientData", "authenticatorData", "signatureData")
	}
	return b.form("challenge-authenticator", "challenge/answer", field{Name: "credentials", Type: "object", Required: true, Form: &fields{value}})
}

// pollLink adds the poll for a mailed link.
func (b *documentBuilder) pollLink(a *authenticator) {
	if b.t.task.link == "" {
		return
	}
	a.Poll = b.form("poll", "challenge/poll")
	a.Poll.Produces = "" // the recordings have none here
	a.Poll.Refresh = b.x.cfg.Refresh.Milliseconds()
	a.ContextualData = map[string]any{"useEmailMagicLink": true}
}
