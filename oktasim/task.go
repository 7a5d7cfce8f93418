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

// maxWrong is how many wrong answers end a transaction.
const maxWrong = 5

// pinAccepted is what the server of a token says when it wants the next code as well.
const pinAccepted = "Pin accepted, Wait for token to change, then enter new passcode"

var (
	invalidCode  = errorMessage("api.authn.error.PASSCODE_INVALID", "Invalid code. Try again.")
	usedCode     = errorMessage("authfactor.challenge.soft_token.used_passcode", "Each code can only be used once. Please wait for a new code and try again.")
	nextCode     = errorMessage("errors.E0000113", pinAccepted, pinAccepted)
	invalidPhone = errorMessage("api.factors.error.sms.invalid_phone", "Invalid Phone Number.")
	shortAnswer  = errorMessage("securityQuestion.answer.tooShort.arg", "The security question answer must be at least 4 characters in length", 4)
	wrongAnswer  = errorMessage("api.authn.error.PASSCODE_INVALID", "Your answer doesn't match our records. Please try again.")
	suspended    = errorMessage("authfactor.challenge.suspended_factor", "Your account is locked. Please contact your administrator.")
)

// challengeOther asks for an authenticator that the user has.
func (o *Org) challengeOther(x *exchange, t *transaction, k *kind, req *idxRequest) reply {
	want := req.Authenticator
	switch {
	case !t.user.hasKey(k.key) || !t.selectable(k):
		return bad()
	case want.EnrollmentID != "" && want.EnrollmentID != t.user.enrolmentID(k):
		return bad()
	case want.MethodType != "" && !slices.Contains(k.methods, want.MethodType):
		return bad()
	}
	if want.AutoChallenge != nil {
		t.autoChallenge = *want.AutoChallenge
	}
	t.cancelPush(x.now)
	switch {
	case k.key == keyCustomApp:
		o.begin(t, task{})
		o.sendPush(x, t, k.key)
	case want.MethodType == "" && len(k.methods) > 1:
		t.stage = stageTaskMethod
		o.begin(t, task{key: k.key})
	default:
		if want.MethodType == "" {
			want.MethodType = k.methods[0]
		}
		t.stage = stageAnswer
		o.start(x, t, task{key: k.key, method: want.MethodType})
	}
	return t.ok(x)
}

// start begins a task and sends what it needs to be answered.
func (o *Org) start(x *exchange, t *transaction, next task) {
	mail := Mail{Channel: next.method}
	switch next.key {
	case keyEmail:
		mail.To = t.user.Email
	case keyPhone:
		mail.To = t.user.Phone
		if next.phone != "" {
			mail.To = next.phone
		}
	case keyWebAuthn:
		next.challenge = secretID("")
		fallthrough
	default:
		o.begin(t, next)
		return
	}
	next.code = fmt.Sprintf("%06d", randomInt(1_000_000))
	mail.Code, mail.Subject = next.code, "Your one-time code"
	mail.Text = "Your code for " + t.client.Label + " is " + next.code + "."
	if next.key == keyEmail && x.cfg.Policy.MagicLink {
		next.link = secretID("")
		mail.Link = x.mailedCode(t, &next)
	}
	o.begin(t, next)
	o.send(x, t.user, mail)
}

// resendMail sends code or link again; those before are void, and wrong answers stay counted.
func (o *Org) resendMail(x *exchange, t *transaction, req *idxRequest) reply {
	switch {
	case t.stage == stageEnrollPoll && t.task.address != "":
		if given := req.Email + req.PhoneNumber; given != "" && given != t.task.address {
			return bad() // it is immutable
		}
		o.sendLink(x, t, t.task.channel, t.task.address)
	case t.task.code != "":
		o.start(x, t, task{key: t.task.key, method: t.task.method, phone: t.task.phone, wrong: t.task.wrong})
	default:
		return bad()
	}
	return t.ok(x)
}

// pollTask asks whether a link has been followed or a phone set up.
func (o *Org) pollTask(x *exchange, t *transaction) reply {
	switch {
	case !t.task.opened:
		return t.ok(x)
	case t.stage == stageAnswer:
		return o.proved(x, t)
	case t.task.key == keyVerify:
		t.user.Methods = []string{methodPush, methodTOTP}
	}
	if t.stage == stageEnrollPoll && t.user.Device == "" {
		t.user.Device = "New phone"
	}
	return o.enrolled(x, t)
}

// answerTask judges a code or an answer.
func (o *Org) answerTask(x *exchange, t *transaction, req *idxRequest) reply {
	enrolling := t.stage == stageEnrollAnswer
	switch {
	case enrolling && t.task.key == keyQuestion:
		return o.defineQuestion(x, t, req)
	case enrolling && t.task.key == keyWebAuthn:
		return o.registerPasskey(x, t, req)
	case enrolling && t.task.key == keyPassword:
		return o.answerNewPassword(x, t, req)
	case t.task.key == keyWebAuthn && !o.assert(x, t, req):
		return o.wrongPasskey(x, t)
	case t.task.key == keyWebAuthn:
		return o.proved(x, t)
	case enrolling && !catalogue[t.task.key].unchanged(req):
		return bad()
	}
	if m := o.wrong(t, req, x.now); m == &nextCode {
		return t.withMessage(x, http.StatusUnauthorized, *m)
	} else if m != nil {
		if rep, over := o.countWrong(x, t); over {
			return rep
		}
		return t.onField(x, *m)
	}
	if !enrolling {
		return o.proved(x, t)
	}
	switch t.task.key {
	case keyPhone:
		t.user.Phone = t.task.phone
	case keyGoogle:
		t.user.googleKey = t.task.secret
	}
	return o.enrolled(x, t)
}

// countWrong counts a wrong answer; too many end the transaction.
func (o *Org) countWrong(x *exchange, t *transaction) (rep reply, over bool) {
	if t.task.wrong++; t.task.wrong < maxWrong {
		return reply{}, false
	}
	o.drop(t, x.now)
	return reply{status: http.StatusForbidden, doc: terminal(t, suspended)}, true
}

// wrong judges what was sent for the task and uses it up; nil when it is right.
func (o *Org) wrong(t *transaction, req *idxRequest, now time.Time) *message {
	a, given := t.user, req.Credentials.Passcode
	switch {
	case t.task.key == keyQuestion:
		if req.Credentials.QuestionKey != a.questionKey || !strings.EqualFold(req.Credentials.Answer, a.Answer) {
			return &wrongAnswer
		}
		return nil
	case t.task.key == keyGoogle:
		key := a.googleKey
		if t.task.secret != nil {
			key = t.task.secret
		}
		switch judgeTOTP(key, &a.lastGoogle, given, now) {
		case totpRight:
			return nil
		case totpUsed:
			return &usedCode
		}
		return &invalidCode
	case catalogue[t.task.key].token():
		return o.wrongToken(t, req)
	case t.task.code == "" || !hmac.Equal([]byte(t.task.code), []byte(given)):
		return &invalidCode
	}
	return nil
}

// proved goes on after the right answer to a challenge.
func (o *Org) proved(x *exchange, t *transaction) reply {
	k, method := catalogue[t.task.key], t.task.method
	o.begin(t, task{})
	switch {
	case t.unlocking:
		t.user.unlock()
		t.stage = stageUnlocked
		return t.ok(x)
	case t.recovering:
		t.stage = stageReset
		return t.ok(x)
	}
	o.afterFactor(t, x.now, k.proof(method))
	return t.ok(x)
}

// enrolled goes on after the task's authenticator was set up, which counts as proved, as at Okta.
func (o *Org) enrolled(x *exchange, t *transaction) reply {
	key, method := t.task.key, t.task.method
	proof := catalogue[key].proof(method)
	switch key {
	case keyVerify:
		proof = keyVerify
	case keyPassword:
	default:
		t.user.add(key)
	}
	o.begin(t, task{})
	o.afterFactor(t, x.now, proof)
	return t.ok(x)
}

// onField puts a message on the one input of the form, with Okta's status.
func (t *transaction) onField(x *exchange, m message) reply {
	d := t.document(x)
	credentials := &d.Remediation.Value[0].Value[0]
	last := len(credentials.Form.Value) - 1
	credentials.Form.Value[last].Messages = array(m)
	return reply{status: http.StatusUnauthorized, doc: d}
}
