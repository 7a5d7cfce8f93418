package oktasim

import (
	"crypto/hmac"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
)

// The steps with the authenticators of the catalogue. Those with an *idxRequest are idxSteps.

// maxWrong is how many wrong codes end a transaction.
const maxWrong = 5

var (
	invalidCode  = errorMessage("api.authn.error.PASSCODE_INVALID", "Invalid code. Try again.")
	invalidPhone = errorMessage("api.factors.error.sms.invalid_phone", "Invalid Phone Number.")
	shortAnswer  = errorMessage("securityQuestion.answer.tooShort.arg", "The security question answer must be at least 4 characters in length")
	wrongAnswer  = errorMessage("api.authn.error.PASSCODE_INVALID", "Your answer doesn't match our records. Please try again.")
	suspended    = errorMessage("authfactor.challenge.suspended_factor", "Your account is locked. Please contact your administrator.")
)

// challengeOther asks for an authenticator that the user has.
func (o *Org) challengeOther(x *exchange, t *transaction, k *kind, methodType string) reply {
	if !t.user.hasKey(k.key) || t.recovering && k.key != "okta_email" {
		return bad()
	}
	if methodType == "" {
		methodType = k.methods[0]
	}
	if !slices.Contains(k.methods, methodType) {
		return bad()
	}
	t.cancelPush(x.now)
	t.stage = stageAnswer
	o.start(x, t, task{key: k.key, method: methodType})
	return t.ok(x)
}

// start begins a task and sends what it needs to be answered.
func (o *Org) start(x *exchange, t *transaction, next task) {
	mail := Mail{Channel: next.method}
	switch next.key {
	case "okta_email":
		mail.To = t.user.Email
		if x.cfg.Policy.MagicLink && t.stage == stageAnswer {
			next.link = secretID("")
			mail.Link = x.linkURL(next.link)
		}
	case "phone_number":
		mail.To = t.user.Phone
		if next.phone != "" {
			mail.To = next.phone
		}
	default:
		o.begin(t, next)
		return
	}
	next.code = fmt.Sprintf("%06d", randomInt(1_000_000))
	mail.Code, mail.Subject = next.code, "Your one-time code"
	mail.Text = "Your code for " + t.client.Label + " is " + next.code + "."
	o.begin(t, next)
	o.send(x, t.user, mail)
}

// resendMail sends code or link again; those before are void.
func (o *Org) resendMail(x *exchange, t *transaction) reply {
	switch {
	case t.stage == stageEnrollPoll && t.task.address != "":
		o.sendLink(x, t, t.task.channel, t.task.address)
	case t.task.code != "":
		o.start(x, t, task{key: t.task.key, method: t.task.method, phone: t.task.phone})
	default:
		return bad()
	}
	return t.ok(x)
}

// pollTask asks whether a link has been followed or a phone set up.
func (o *Org) pollTask(x *exchange, t *transaction) reply {
	if !t.task.opened {
		return t.ok(x)
	}
	if t.stage == stageAnswer {
		o.proved(t, x.now)
		return t.ok(x)
	}
	a := t.user
	a.Methods = []string{methodPush, methodTOTP}
	if a.Device == "" {
		a.Device = "New phone"
	}
	o.begin(t, task{})
	o.afterEnrolment(t, x.now, "okta_verify")
	return t.ok(x)
}

// answerTask judges a code or an answer.
func (o *Org) answerTask(x *exchange, t *transaction, req *idxRequest) reply {
	if t.stage == stageEnrollAnswer && t.task.key == "security_question" {
		return o.defineQuestion(x, t, req)
	}
	if !o.right(t, req, x.now) {
		if t.task.wrong++; t.task.wrong >= maxWrong {
			o.drop(t, x.now)
			return reply{status: http.StatusForbidden, doc: terminal(t, suspended)}
		}
		m := invalidCode
		if t.task.key == "security_question" {
			m = wrongAnswer
		}
		return t.onField(x, m)
	}
	if t.stage == stageEnrollAnswer {
		key := t.task.key
		if key == "phone_number" {
			t.user.Phone = t.task.phone
		}
		if key == "google_otp" {
			t.user.googleKey = t.task.secret
		}
		t.user.Enrolled = append(t.user.Enrolled, key)
		proof := catalogue[key].proof(t.task.method)
		o.begin(t, task{})
		o.afterEnrolment(t, x.now, proof)
		return t.ok(x)
	}
	o.proved(t, x.now)
	return t.ok(x)
}

// right judges what was sent for the task and uses it up.
func (o *Org) right(t *transaction, req *idxRequest, now time.Time) bool {
	a, given := t.user, req.Credentials.Passcode
	switch {
	case t.task.key == "security_question":
		return req.Credentials.QuestionKey == questionKey && strings.EqualFold(req.Credentials.Answer, a.Answer)
	case t.task.key == "google_otp":
		key := a.googleKey
		if t.task.secret != nil {
			key = t.task.secret
		}
		current := totpStep(now)
		for step := current - totpSkew; step <= current+totpSkew; step++ {
			if step > a.lastGoogle && hmac.Equal([]byte(totpCode(key, step)), []byte(given)) {
				a.lastGoogle = step
				return true
			}
		}
		return false
	case catalogue[t.task.key].token():
		if given != tokenCode(a.lastToken+1) {
			return false
		}
		a.lastToken++
		return true
	}
	return t.task.code != "" && hmac.Equal([]byte(t.task.code), []byte(given))
}

// proved goes on after the right answer to a challenge.
func (o *Org) proved(t *transaction, now time.Time) {
	k, method := catalogue[t.task.key], t.task.method
	o.begin(t, task{})
	if t.recovering {
		t.stage = stageReset
		return
	}
	o.afterFactor(t, now, k.proof(method))
}

// onField puts a message on the one input of the form, with Okta's status.
func (t *transaction) onField(x *exchange, m message) reply {
	d := t.document(x)
	credentials := &d.Remediation.Value[0].Value[0]
	last := len(credentials.Form.Value) - 1
	credentials.Form.Value[last].Messages = array(m)
	return reply{status: http.StatusUnauthorized, doc: d}
}

// askTask is the document of a challenge.
func (b *documentBuilder) askTask(d *document) {
	k := catalogue[b.t.task.key]
	value := []field{{Name: "passcode", Label: "Enter code", Required: true}}
	if k.key == "security_question" {
		question := hidden("questionKey", questionKey)
		question.Label = questionText
		value = []field{question, {Name: "answer", Label: "answer", Required: true}}
	}
	answer := b.form("challenge-authenticator", "challenge/answer",
		field{Name: "credentials", Type: "object", Required: true, Form: &fields{value}})
	answer.RelatesTo = []string{"$.currentAuthenticatorEnrollment"}
	d.Remediation = array(answer, b.chooseVerify())
	d.CurrentAuthenticator = nil
	a := b.enrollment(k)
	a.Methods = []method{{b.t.task.method}}
	if b.t.task.code != "" {
		a.Resend = b.form("resend", "challenge/resend")
	}
	if b.t.task.link != "" {
		a.Poll = b.form("poll", "challenge/poll")
		a.Poll.Refresh = b.x.cfg.Refresh.Milliseconds()
		a.ContextualData = map[string]any{"useEmailMagicLink": true}
	}
	if k.key == "security_question" {
		a.ContextualData = map[string]any{"enrolledQuestion": map[string]string{"questionKey": questionKey, "question": questionText}}
	}
	d.CurrentAuthenticatorEnrollment = objectOf(a)
}

// enrollment is an authenticator that the user has.
func (b *documentBuilder) enrollment(k *kind) authenticator {
	a := k.authenticator()
	a.ID, a.AuthenticatorID, a.Profile = stableID("pae", b.t.user.Login+k.key), k.id, b.t.user.profile(k.key)
	return a
}

// otherEnrollments are the user's authenticators beside password and Okta Verify.
func (b *documentBuilder) otherEnrollments() []authenticator {
	var out []authenticator
	for _, key := range b.t.user.Enrolled {
		out = append(out, b.enrollment(catalogue[key]))
	}
	return out
}

// otherOptions are those that can be chosen, by their places among the enrolments, of which password and Okta Verify
// are the first two.
func (b *documentBuilder) otherOptions() []option {
	var out []option
	for i, key := range b.t.user.Enrolled {
		k := catalogue[key]
		if b.t.recovering && key != "okta_email" {
			continue
		}
		value := []field{fixed("id", k.id)}
		if len(k.methods) > 1 {
			choice := field{Name: "methodType", Type: "string"}
			for _, m := range k.methods {
				choice.Options = append(choice.Options, option{Label: strings.ToUpper(m), Value: m})
			}
			value = append(value, choice, fixed("enrollmentId", stableID("pae", b.t.user.Login+key)))
		}
		out = append(out, option{Label: k.label, RelatesTo: fmt.Sprintf("$.authenticatorEnrollments.value[%d]", i+2), Value: valueForm(value...)})
	}
	return out
}
