package oktasim

import (
	"encoding/base32"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"time"
)

// Ways to bring Okta Verify's account to a phone.
const (
	channelQR         = "qrcode"
	channelEmail      = "email"
	channelSMS        = "sms"
	channelSameDevice = "samedevice"
)

var e164 = regexp.MustCompile(`^\+[1-9][0-9]{7,14}$`)

func (x *exchange) channels() []string {
	if len(x.cfg.Policy.Channels) > 0 {
		return x.cfg.Policy.Channels
	}
	return []string{channelQR, channelEmail, channelSMS}
}

// wanted are the keys that the policy wants set up now, and whether that can be skipped.
func (t *transaction) wanted() (keys []string, optional bool) {
	if missing := t.user.missing(t.user.Require); len(missing) > 0 {
		return missing, false
	}
	if missing := t.user.missing(t.user.Optional); len(missing) > 0 && !t.offered {
		return missing, true
	}
	if len(t.user.Methods) == 0 && len(t.user.Enrolled) == 0 {
		return []string{"okta_verify"}, false
	}
	return nil, false
}

// afterProof moves on when all factors that the policy asks for are proved.
func (o *Org) afterProof(t *transaction, now time.Time) {
	if keys, _ := t.wanted(); len(keys) > 0 {
		t.stage = stageEnroll
		return
	}
	o.finish(t, now)
}

// afterEnrolment counts what was set up as proved, as Okta does.
func (o *Org) afterEnrolment(t *transaction, now time.Time, amr string) {
	t.factors = append(t.factors, "mfa", amr)
	o.afterProof(t, now)
}

// enrolStages are those in which another authenticator, or another way to set one up, may be chosen.
var enrolStages = []stage{stageEnroll, stageEnrollAnswer, stageEnrollPoll, stageChannelData, stagePhoneData}

// enrollStart begins to set an authenticator up.
func (o *Org) enrollStart(x *exchange, t *transaction, req *idxRequest) reply {
	if !slices.Contains(enrolStages, t.stage) {
		return o.forbidden(x, t, req)
	}
	want := req.Authenticator
	k := authenticatorByID(want.ID)
	if want.ID == verifyID {
		k = catalogue["okta_verify"]
	}
	keys, _ := t.wanted()
	if k == nil || !slices.Contains(keys, k.key) {
		return bad()
	}
	switch k.key {
	case "okta_verify":
		return o.enrollVerify(x, t, want.Channel)
	case "phone_number":
		return o.enrollPhone(x, t, want.MethodType, want.PhoneNumber)
	}
	next := task{key: k.key, method: k.methods[0]}
	if k.key == "google_otp" {
		next.secret = []byte(secretID("")[:20])
		t.user.lastGoogle = -1
		t.user.googleKey = next.secret // the app on the phone has it once it is scanned
	}
	t.stage = stageEnrollAnswer
	o.start(x, t, next)
	return t.ok(x)
}

func (o *Org) enrollVerify(x *exchange, t *transaction, channel string) reply {
	if channel == "" {
		channel = channelQR
	}
	if !slices.Contains(x.channels(), channel) {
		return bad()
	}
	next := task{key: "okta_verify", channel: channel}
	t.stage = stageEnrollPoll
	switch channel {
	case channelEmail, channelSMS:
		t.stage = stageChannelData
	default:
		next.link = secretID("")
	}
	o.begin(t, next)
	return t.ok(x)
}

func (o *Org) enrollPhone(x *exchange, t *transaction, method, number string) reply {
	t.stage = stagePhoneData
	if number == "" {
		o.begin(t, task{key: "phone_number"})
		return t.ok(x)
	}
	if !e164.MatchString(number) {
		o.begin(t, task{key: "phone_number"})
		return t.withMessage(x, http.StatusBadRequest, invalidPhone)
	}
	if !slices.Contains(catalogue["phone_number"].methods, method) {
		return bad()
	}
	t.stage = stageEnrollAnswer
	o.start(x, t, task{key: "phone_number", method: method, phone: number})
	return t.ok(x)
}

// sendSetUp sends the link that sets Okta Verify up.
func (o *Org) sendSetUp(x *exchange, t *transaction, req *idxRequest) reply {
	if t.stage != stageChannelData {
		return bad()
	}
	address := req.Email
	if t.task.channel == channelSMS {
		address = req.PhoneNumber
	}
	if t.task.channel == channelSMS && !e164.MatchString(address) || address == "" {
		return t.withMessage(x, http.StatusBadRequest, invalidPhone)
	}
	t.stage = stageEnrollPoll
	o.sendLink(x, t, t.task.channel, address)
	return t.ok(x)
}

func (o *Org) sendLink(x *exchange, t *transaction, channel, address string) {
	next := task{key: "okta_verify", channel: channel, address: address, link: secretID("")}
	o.begin(t, next)
	o.send(x, t.user, Mail{Channel: channel, To: address, Subject: "Set up Okta Verify",
		Text: "Open this link on your phone to set up Okta Verify.", Link: x.linkURL(next.link)})
}

// defineQuestion sets the security question up.
func (o *Org) defineQuestion(x *exchange, t *transaction, req *idxRequest) reply {
	c := req.Credentials
	listed := c.QuestionKey == questionKey
	own := c.QuestionKey == "custom" && c.Question != ""
	if !listed && !own {
		return bad()
	}
	if len(c.Answer) < 4 {
		return t.onAnswers(x, shortAnswer)
	}
	t.user.Answer = c.Answer
	t.user.Enrolled = append(t.user.Enrolled, t.task.key)
	o.begin(t, task{})
	o.afterEnrolment(t, x.now, "kba")
	return t.ok(x)
}

// onAnswers puts a message on the answer of both alternatives, as Okta does.
func (t *transaction) onAnswers(x *exchange, m message) reply {
	d := t.document(x)
	for _, o := range d.Remediation.Value[0].Value[0].Options {
		value := o.Value.(map[string]fields)["form"].Value
		value[len(value)-1].Messages = array(m)
	}
	return reply{status: http.StatusBadRequest, doc: d}
}

// skip leaves out what is optional.
func (o *Org) skip(x *exchange, t *transaction, _ *idxRequest) reply {
	_, optional := []string(nil), false
	if t.user != nil {
		_, optional = t.wanted()
	}
	switch {
	case t.stage == stagePasswordExpiring:
		o.afterPassword(x, t)
	case slices.Contains(enrolStages, t.stage) && optional:
		t.offered = true
		o.begin(t, task{})
		o.afterProof(t, x.now)
	default:
		return bad()
	}
	return t.ok(x)
}

// enroll is the document that lists what can be set up.
func (b *documentBuilder) enroll(d *document) {
	b.enrollChooser(d)
	d.AuthenticatorEnrollments = array(b.passwordEnrollment())
}

func (b *documentBuilder) enrollChooser(d *document) {
	keys, optional := b.t.wanted()
	f := field{Name: "authenticator", Type: "object", Required: true}
	for i, key := range keys {
		k := catalogue[key]
		value := []field{fixed("id", k.id)}
		switch key {
		case "okta_verify":
			value = append(value, b.channelField(false))
			a := k.authenticator()
			a.Methods = append(a.Methods, method{methodFastPass})
			d.Authenticators = array(append(valuesOf(d.Authenticators), a)...)
		case "phone_number":
			value = append(value, field{Name: "methodType", Required: false, Options: phoneMethods()}, field{Name: "phoneNumber", Type: "string", Required: false})
			d.Authenticators = array(append(valuesOf(d.Authenticators), k.authenticator())...)
		default:
			d.Authenticators = array(append(valuesOf(d.Authenticators), k.authenticator())...)
		}
		f.Options = append(f.Options, option{Label: k.label, RelatesTo: fmt.Sprintf("$.authenticators.value[%d]", i), Value: valueForm(value...)})
	}
	d.Remediation = array(append(valuesOf(d.Remediation), b.form("select-authenticator-enroll", "credential/enroll", f))...)
	if optional {
		d.Remediation.Value = append(d.Remediation.Value, b.form("skip", "skip"))
	}
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
	f := field{Name: "channel", Type: "string", Required: required}
	for _, c := range b.x.channels() {
		f.Options = append(f.Options, option{Label: channelLabels[c], Value: c})
	}
	return f
}

// enrolling are the documents of an authenticator that is being set up.
func (b *documentBuilder) enrolling(d *document) {
	k := catalogue[b.t.task.key]
	current := k.authenticator()
	d.AuthenticatorEnrollments = array(b.passwordEnrollment())
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
	d.Remediation = array(poll, b.selectChannel())
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
	switch k.key {
	case "security_question":
		credentials = questionField()
	case "google_otp":
		secret := base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(b.t.task.secret)
		current.ContextualData = map[string]any{"sharedSecret": secret, "qrcode": qrImage("otpauth://totp/" + b.t.user.Login + "?secret=" + secret)}
	case "okta_email", "phone_number":
		current.Resend = b.form("resend", "challenge/resend")
		current.Methods = []method{{b.t.task.method}}
	}
	answer := b.form("enroll-authenticator", "challenge/answer", credentials)
	answer.RelatesTo = []string{"$.currentAuthenticator"}
	d.Remediation = array(answer)
}

// questionField has the two alternatives of identity-engine.md §6.5.
func questionField() field {
	answer := func() field { return field{Name: "answer", Label: "Answer", Required: true, Secret: true} }
	return field{Name: "credentials", Type: "object", Required: true, Options: []option{
		{Label: "Choose a security question", Value: valueForm(field{Name: "questionKey", Type: "string", Required: true,
			Label: "Choose a security question", Options: []option{{Label: questionText, Value: questionKey}}}, answer())},
		{Label: "Create my own security question", Value: valueForm(fixed("questionKey", "custom"),
			field{Name: "question", Label: "Create a security question", Required: true}, answer())},
	}}
}
