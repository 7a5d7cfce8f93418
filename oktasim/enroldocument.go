package oktasim

import "fmt"

// The documents of setting authenticators up.

// enroll is the document that lists what can be set up.
func (b *documentBuilder) enroll(d *document) {
	b.enrollChooser(d)
	d.AuthenticatorEnrollments = array(b.enrollments()...)
}

func (b *documentBuilder) enrollChooser(d *document) {
	keys, optional := b.t.wanted(b.x.now)
	f := field{Name: "authenticator", Type: "object", Required: true}
	var all []authenticator
	for i, key := range keys {
		k := catalogue[key]
		a := k.authenticator()
		if key == keyVerify {
			a.Methods = append(a.Methods, method{methodFastPass})
		}
		if optional && b.x.now.Before(b.t.user.GraceUntil) {
			a.GracePeriod = map[string]string{"type": "BY_DATE_TIME", "expiry": b.t.user.GraceUntil.UTC().Format(timestampLayout)}
		}
		all = append(all, a)
		f.Options = append(f.Options, option{Label: k.label, RelatesTo: fmt.Sprintf("$.authenticators.value[%d]", i), Value: valueForm(b.enrolOption(k)...)})
	}
	d.Authenticators = array(all...)
	d.Remediation = array(append(valuesOf(d.Remediation), b.form("select-authenticator-enroll", "credential/enroll", f))...)
	if optional {
		d.Remediation.Value = append(d.Remediation.Value, b.form("skip", "skip"))
	}
}

// enrolOption is identity-engine.md §4.6.
func (b *documentBuilder) enrolOption(k *kind) []field {
	value := []field{fixed("id", k.id)}
	switch k.key {
	case keyVerify:
		channel := b.channelField(false)
		channel.Type = "string"
		return append(value, channel)
	case keyPhone:
		return append(value, field{Name: "methodType", Required: false, Options: phoneMethods()}, field{Name: "phoneNumber", Type: "string", Required: false})
	case keyQuestion, keyGoogle, keySymantec, keyCustomApp:
		return value
	}
	return append(value, field{Name: "methodType", Value: k.methods[0], Mutable: isFalse})
}

func valuesOf[T any](a *ionArray[T]) []T {
	if a == nil {
		return nil
	}
	return a.Value
}

func phoneMethods() []option {
	return []option{{Label: "SMS", Value: "sms"}, {Label: "Voice call", Value: "voice"}}
}

var channelLabels = map[string]string{channelQR: "QRCODE", channelEmail: "EMAIL", channelSMS: "SMS", channelSameDevice: "SAMEDEVICE"}

func (b *documentBuilder) channelField(required bool) field {
	f := field{Name: "channel", Required: required}
	for _, c := range b.x.channels() {
		f.Options = append(f.Options, option{Label: channelLabels[c], Value: c})
	}
	return f
}

// enrolling are the documents of an authenticator that is being set up.
func (b *documentBuilder) enrolling(d *document) {
	k := catalogue[b.t.task.key]
	current := k.authenticator()
	d.AuthenticatorEnrollments = array(b.enrollments()...)
	switch b.t.stage {
	case stageEnrollPoll:
		b.enrollPoll(d, &current)
	case stageChannelData:
		b.channelData(d, &current)
	case stagePhoneData:
		data := b.form("authenticator-enrollment-data", "credential/enroll", field{Name: "authenticator", Type: "object", Label: k.label, Required: true,
			Form: &fields{[]field{hidden("id", k.id), {Name: "methodType", Required: true, Options: phoneMethods()},
				{Name: "phoneNumber", Type: "string", Label: "Phone number", Required: true}}}})
		data.RelatesTo = []string{"$.currentAuthenticator"}
		d.Remediation = array(data)
	default:
		b.enrollAnswer(d, k, &current)
	}
	b.enrollChooser(d)
	d.CurrentAuthenticator = objectOf(current)
}

func (b *documentBuilder) enrollPoll(d *document, current *authenticator) {
	poll := b.form("enroll-poll", "challenge/poll")
	poll.Refresh = b.x.cfg.Refresh.Milliseconds()
	d.Remediation = array(poll)
	if current.Key == keyVerify {
		d.Remediation = array(poll, b.selectChannel())
	}
	current.ContextualData = map[string]any{"selectedChannel": b.t.task.channel}
	switch b.t.task.channel {
	case channelQR:
		current.ContextualData["qrcode"] = qrImage(b.x.qrContent(b.t.task.link))
	case channelSameDevice:
		current.ContextualData["samedevice"] = map[string]string{
			"orgUrl": b.x.cfg.URL, "platform": "android", "downloadHref": "https://play.google.com/store/apps/details?id=com.okta.android.auth",
			"setupOVUrl": b.x.linkURL(b.t.task.link),
		}
	case channelEmail, channelSMS:
		name := map[string]string{channelEmail: "email", channelSMS: "phoneNumber"}[b.t.task.channel]
		current.ContextualData[name] = b.t.task.address
		current.Resend = b.form("resend", "challenge/resend", hidden(name, b.t.task.address))
	}
}

func (b *documentBuilder) selectChannel() *form {
	return b.form("select-enrollment-channel", "credential/enroll", field{Name: "authenticator", Type: "object", Label: "Okta Verify",
		Value: valueForm(hidden("id", verifyID), b.channelField(true))})
}

func (b *documentBuilder) channelData(d *document, current *authenticator) {
	input := field{Name: "email", Label: "Email", Required: true}
	if b.t.task.channel == channelSMS {
		input = field{Name: "phoneNumber", Label: "Phone Number", Required: true}
	}
	d.Remediation = array(b.form("enrollment-channel-data", "challenge/send", input), b.selectChannel())
	current.ContextualData = map[string]any{"selectedChannel": b.t.task.channel}
}

func (b *documentBuilder) enrollAnswer(d *document, k *kind, current *authenticator) {
	credentials := field{Name: "credentials", Type: "object", Required: true,
		Form: &fields{[]field{{Name: "passcode", Label: "Enter code", Required: true}}}}
	switch {
	case k.key == keyPassword:
		credentials.Form.Value = []field{{Name: "passcode", Label: "Enter password", Secret: true}}
		current.Settings = passwordSettings()
	case k.key == keyQuestion:
		credentials = questionField()
		current.ContextualData = questionData()
	case k.key == keyGoogle:
		current.ContextualData = googleData(b.t.user.Login, b.t.task.secret)
	case k.key == keyWebAuthn:
		credentials.Form.Value = hiddenInputs("clientData", "attestation", "transports", "clientExtensions")
		current.ContextualData = map[string]any{"activationData": b.activationData()}
	case k.token():
		credentials.Form.Value = b.tokenFields(k)
	case k.key == keyEmail || k.key == keyPhone:
		current.Resend = b.form("resend", "challenge/resend")
		current.Methods = []method{{b.t.task.method}}
		b.pollLink(current)
	}
	answer := b.form("enroll-authenticator", "challenge/answer", credentials)
	answer.RelatesTo = []string{"$.currentAuthenticator"}
	d.Remediation = array(answer)
}
