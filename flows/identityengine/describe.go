package identityengine

import (
	"strings"

	"sidegate.example/sidegate/flows"
	"sidegate.example/sidegate/gateway/identity"
)

// topics are the forms that are shown as Okta describes them, by name.
var topics = map[string]flows.Topic{
	"authenticator-enrollment-data":       flows.TopicPhone,
	"select-authenticator-enroll-data":    flows.TopicPhone,
	"enrollment-channel-data":             flows.TopicAddress,
	"reenroll-authenticator":              flows.TopicPasswordExpired,
	"reenroll-authenticator-warning":      flows.TopicPasswordExpiring,
	"reset-authenticator":                 flows.TopicResetPassword,
	"identify-recovery":                   flows.TopicRecover,
	"select-authenticator-unlock-account": flows.TopicUnlock,
	"enroll-profile":                      flows.TopicProfile,
	"profile-update":                      flows.TopicProfile,
	"consent":                             flows.TopicConsent,
	"granular-consent":                    flows.TopicConsent,
	"admin-consent":                       flows.TopicConsent,
	"email-challenge-consent":             flows.TopicConsent,
	"request-activation-email":            flows.TopicOther,
}

// neverGeneric are side doors that a person must choose with their eyes open, and forms that only a browser or a device
// answers: what they lead to is not what the document asks.
var neverGeneric = map[string]bool{
	"select-identify": true, "select-enrollment-channel": true, "resend": true, "success-redirect": true,
	"failure-redirect": true, "enroll-authenticator-promotion": true, "cancel-transaction": true,
	"challenge-poll": true, "challenge-authenticator": true, "identify": true, "poll": true,
	"select-authenticator-authenticate": true, "select-authenticator-enroll": true,
	"authenticator-verification-data": true, "enroll-authenticator": true, "enroll-poll": true, "skip": true,
	"device-assurance-grace-period": true, "keep-me-signed-in": true,
}

// generic serves a form that no code names, from its own description.
func (r reader) generic(p *page, f *form) bool {
	if _, device := obstacles[f.name]; device || neverGeneric[f.name] || topics[f.name] != "" {
		return false
	}
	m := r.move(f, nil)
	if m == nil || !r.describe(p, f, flows.TopicOther) {
		return false
	}
	p.enrolling = r.setsUp(f.name, m.Path)
	return true
}

// setsUp reports whether a form that no code names may set something up, which is guarded then as any other set-up is
// (immunity S76). It may unless nothing speaks for it: by its name, by where it leads, or because the document is about an
// authenticator and names no enrolment of it.
func (r reader) setsUp(texts ...string) bool {
	for _, text := range texts {
		text = strings.ToLower(strings.ReplaceAll(text, "-", ""))
		for _, part := range []string{"enroll", "setup", "credential"} {
			if strings.Contains(text, part) {
				return true
			}
		}
	}
	root := r.doc.root
	return root.has("enrollmentAuthenticator") || root.has("currentAuthenticator") && !root.has("currentAuthenticatorEnrollment")
}

// describe fills p with the inputs that the form has.
func (r reader) describe(p *page, f *form, topic flows.Topic) bool {
	in, ok := readInputs(f.fields)
	if !ok {
		return false
	}
	at := r.doc.current(f)
	p.ask, p.topic, p.inputs, p.main = askForm, topic, in, r.move(f, nil)
	switch topic {
	case flows.TopicNewPassword, flows.TopicPasswordExpired, flows.TopicPasswordExpiring, flows.TopicResetPassword:
		if len(in.list) == 0 {
			return false
		}
		if !at.isPassword() { // another authenticator that is to be set up again
			p.topic, p.enrolling, p.factor = flows.TopicOther, true, r.currentFactor(at)
			break
		}
		p.factor = identity.Password
		in.newPassword()
		p.note = requirements(at)
	case flows.TopicPhone:
		p.enrolling, p.factor = true, identity.SMS
		if at.key != "" && at.key != "phone_number" { // an e-mail address, for one
			p.topic, p.factor = flows.TopicOther, r.currentFactor(at)
		}
	case flows.TopicAddress:
		p.enrolling, p.factor = true, identity.Push
		p.channels = r.channels(channelOf(at))
	}
	if p.main != nil {
		p.main.Inputs = in.list
	}
	return true
}

func channelOf(at authenticator) flows.Channel {
	return flows.Channel(at.node.get("contextualData").get("selectedChannel").text())
}

// newPassword has the password typed twice.
func (in *inputs) newPassword() {
	for i := range in.list {
		if in.list[i].Secret && !in.named[flows.FieldConfirm] { // Okta may have one of its own
			in.list[i].Required = true
			confirm := input{Name: flows.FieldConfirm, Secret: true, Required: true}
			in.list = append(in.list[:i+1:i+1], append([]input{confirm}, in.list[i+1:]...)...)
			return
		}
	}
}
