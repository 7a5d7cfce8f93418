package oktasim

import (
	"net/http"
	"slices"
	"time"
)

// The steps with Okta Verify. Those with an *idxRequest are idxSteps.

// secondFactorStages are those in which another method may be chosen.
var secondFactorStages = []stage{stageChoose, stageMethod, stagePush, stageRejected, stageTOTP, stageFastPass, stageTaskMethod, stageAnswer}

// challenge selects an authenticator and starts it: from the chooser, from the confirmation of a method,
// or from "send again".
func (o *Org) challenge(x *exchange, t *transaction, req *idxRequest) reply {
	want := req.Authenticator
	switch {
	case t.stage == stagePassword && want.ID == passwordID:
		return t.ok(x)
	case t.stage == stageUnlock:
		return o.challengeUnlock(x, t, req)
	}
	if k := kindByID(want.ID); k != nil && k.key != keyVerify && slices.Contains(secondFactorStages, t.stage) {
		return o.challengeOther(x, t, k, req)
	}
	if want.ID != verifyID || t.recovering || !slices.Contains(secondFactorStages, t.stage) {
		return bad()
	}
	if want.MethodType != "" && !t.enrolled(want.MethodType) {
		return bad()
	}
	if want.AutoChallenge != nil {
		t.autoChallenge = *want.AutoChallenge
	}
	t.cancelPush(x.now)
	o.begin(t, task{})
	switch want.MethodType {
	case "":
		t.stage = stageMethod
	case methodPush:
		o.sendPush(x, t, keyVerify)
	case methodTOTP:
		t.stage = stageTOTP
	case methodFastPass:
		t.stage = stageFastPass
	}
	return t.ok(x)
}

// resend is the action of a number challenge that waits.
func (o *Org) resend(x *exchange, t *transaction, req *idxRequest) reply {
	if t.task.key != "" {
		return o.resendMail(x, t, req)
	}
	if t.stage != stagePush {
		return bad()
	}
	o.sendPush(x, t, t.push.Authenticator)
	return t.ok(x)
}

// answerTOTP judges the code; its message belongs to the field.
func (o *Org) answerTOTP(x *exchange, t *transaction, req *idxRequest) reply {
	var m message
	switch t.user.checkTOTP(req.Credentials.TOTP, x.now) {
	case totpRight:
		o.afterFactor(t, x.now, "okta_verify", "otp")
		return t.ok(x)
	case totpUsed:
		m = usedCode
	default:
		m = invalidCode
	}
	d := t.document(x)
	d.Remediation.Value[0].Value[0].Form.Value[0].Messages = array(m)
	return reply{status: http.StatusUnauthorized, doc: d}
}

// poll asks whether the phone has answered. One at a time, and not before the interval is over
// (identity-engine.md §5.7).
func (o *Org) poll(x *exchange, t *transaction, _ *idxRequest) reply {
	switch {
	case !slices.Contains([]stage{stagePush, stageFastPass, stageEnrollPoll, stageProbe, stageSafeMode}, t.stage) && !(slices.Contains([]stage{stageAnswer, stageEnrollAnswer}, t.stage) && t.task.link != ""):
		return bad()
	case t.polling:
		return bad()
	case x.now.Before(t.nextPoll):
		return reply{tooEarly: t.nextPoll}
	}
	o.holdPoll(x, t)
	if t.task.key != "" {
		return o.pollTask(x, t)
	}
	switch t.stage {
	case stageFastPass, stageProbe:
		return t.ok(x)
	case stageSafeMode:
		return o.pollSafeMode(x, t)
	}
	t.push.settle(x.now)
	switch t.push.State {
	case pushApproved:
		if t.push.Authenticator == keyCustomApp {
			o.afterFactor(t, x.now, "swk")
		} else {
			o.afterFactor(t, x.now, keyVerify, "swk")
		}
	case pushDenied:
		t.stage = stageRejected
	case pushExpired:
		o.drop(t, x.now)
		return reply{status: http.StatusNotFound, doc: terminal(t,
			errorMessage("core.system.transaction_resource_not_found", "Verification timed out. Please try again"))}
	}
	return t.ok(x)
}

// holdPoll makes a second poll meet 400 until this one's answer is out, and 429 until the interval after it
// is over, however long the answer took. 5 % are for the coarseness of timers on both sides. The first
// poll of a wait is free: Okta's own SDK polls at once.
func (o *Org) holdPoll(x *exchange, t *transaction) {
	t.polling = true
	interval := x.cfg.Refresh * 95 / 100
	x.sent = append(x.sent, func(now time.Time) {
		o.mu.Lock()
		defer o.mu.Unlock()
		t.polling = false
		t.nextPoll = now.Add(interval)
	})
}
