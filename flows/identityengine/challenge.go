package identityengine

import (
	"slices"

	"sidegate.example/sidegate/gateway/identity"
)

func (r reader) challenge(p *page, f *form) bool {
	at := r.doc.current(f)
	credentials := find(f.fields, "credentials")
	if credentials == nil {
		return false
	}
	p.factor, p.device = r.currentFactor(at), at.detail()
	if at.key == "webauthn" {
		return r.webAuthn && r.useCredential(p, f, credentials, at)
	}
	if k, known := r.kind(at); known && len(k.methods) == 0 {
		return false
	}
	input := onlyInput(credentials.form)
	if input == nil || !input.visible {
		return false
	}
	p.ask = askCode
	switch {
	case at.isPassword():
		p.ask = askPassword
	case at.isOktaVerify():
		if input.name != "totp" && !at.only("totp") {
			return false
		}
		p.factor, p.device = identity.TOTP, r.doc.device(at)
	case p.factor == identity.SecurityQuestion:
		input.label = question(at, credentials.form)
	}
	p.answerBy(r.move(f, nil), credentials, input)
	r.sideActions(p, at)
	return true
}

// answerBy makes m the call that takes what is typed into input of credentials.
func (p *page) answerBy(m *move, credentials, input *field) {
	p.input, p.main = input, m
	if m != nil {
		m.Input = []string{credentials.name, input.name}
	}
}

// sideActions are what an authenticator can do while its code is awaited.
func (r reader) sideActions(p *page, at authenticator) {
	if again := action(at.node, "resend"); again != nil {
		p.resend = r.move(again, nil)
	}
	if poll := action(at.node, "poll"); poll != nil && p.factor == identity.Email {
		p.poll, p.interval = r.move(poll, nil), refresh(poll.refresh)
	}
}

// question is the security question in Okta's words (§6.5).
func question(at authenticator, fields []field) string {
	if q := at.node.get("contextualData").get("enrolledQuestion").get("question").text(); q != "" {
		return shorten(q)
	}
	if f := find(fields, "questionKey"); f != nil {
		return f.label
	}
	return ""
}

// onlyInput is the one field of a form that a person has to fill.
func onlyInput(fields []field) *field {
	var found *field
	for i := range fields {
		if f := &fields[i]; f.literal != nil || f.form != nil || len(f.options) > 0 || fixedIn(fields, f.name) {
			continue
		}
		if found != nil {
			return nil
		}
		found = &fields[i]
	}
	return found
}

func (a authenticator) only(method string) bool { return len(a.methods) == 1 && a.methods[0] == method }

func (r reader) wait(p *page, f *form) bool {
	at := r.doc.current(f)
	fastPass := at.node.get("contextualData").has("challenge")
	pushes := at.isOktaVerify() || at.isCustomApp()
	if !pushes || fastPass || len(at.methods) > 0 && !slices.Contains(at.methods, "push") {
		return false
	}
	p.ask, p.main, p.factor = askWait, r.move(f, nil), identity.Push
	p.device, p.interval = r.doc.device(at), refresh(f.refresh)
	if p.number = number(at.node.get("contextualData").get("correctAnswer")); p.number != "" {
		p.factor = identity.NumberChallenge
	}
	if at.isCustomApp() {
		p.factor = identity.CustomPush
	}
	if again := action(at.node, "resend"); again != nil {
		p.resend = r.move(again, nil)
	}
	return true
}
