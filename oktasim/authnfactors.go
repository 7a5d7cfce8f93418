package oktasim

import (
	"net/http"
	"slices"
)

// The second factor inside the transaction (factors-api.md §6.4 to §6.7).

// authnVerify starts a factor, polls a push, or judges a code: all by POST to the same URL.
func (o *Org) authnVerify(x *exchange, t *authnTransaction, body apiBody) apiReply {
	if t.status != authnMFARequired && t.status != authnMFAChallenge {
		return notAllowedNow
	}
	f := t.user.findActive(&x.cfg.Policy.Factors, x.r.PathValue("factor"))
	switch {
	case f == nil || f.typ == factorFastPass:
		return apiNotFound(x.r.PathValue("factor"), "UserFactor")
	case t.status == authnMFAChallenge && f.id != t.factor.id:
		return notAllowedNow
	}
	if rep := t.user.canVerify(); rep != nil {
		return *rep
	}
	code, ok1 := body.text("passCode")
	answer, ok2 := body.text("answer")
	switch {
	case !ok1 || !ok2:
		return malformed
	case f.typ == factorPush:
		return o.authnPush(x, t, f)
	case f.typ == factorWebAuthn:
		return o.authnPasskey(x, t, f, body)
	case f.typ == factorQuestion:
		code = answer
	}
	if code == "" {
		return o.authnStart(x, t, f)
	}
	return o.authnCode(x, t, f, code)
}

// authnStart moves on to the challenge, and sends what it needs. An empty code gets here as well: another message.
func (o *Org) authnStart(x *exchange, t *authnTransaction, f *factor) apiReply {
	if slices.Contains([]string{factorSMS, factorCall, factorEmail}, f.typ) {
		if rep := o.sendCode(x, t.user, f, codeLife); rep != nil {
			return *rep
		}
	}
	t.status, t.factor, t.result = authnMFAChallenge, f, ""
	return apiReply{http.StatusOK, x.authnState(t)}
}

// authnCode judges a code. One that was not right leaves the transaction where it was; the fifth ends it.
func (o *Org) authnCode(x *exchange, t *authnTransaction, f *factor, code string) apiReply {
	rep := t.user.failed(&x.cfg.Policy.Factors, o.judgeCode(x, t.user, f, code))
	if rep == nil {
		t.proved = true
		return o.authnAdvance(x, t)
	}
	if result, ok := rep.body.(map[string]any); ok {
		t.status, t.factor = authnMFAChallenge, f
		t.result, _ = result["factorResult"].(string)
		return apiReply{http.StatusOK, x.authnState(t)}
	}
	if t.user.Locked {
		delete(o.api.authn, t.token)
	}
	return *rep
}

// authnPush polls while a push waits. When none does, because there was none or it was rejected or has expired, the same
// call sends one: a client that goes on polling bombards the phone.
func (o *Org) authnPush(x *exchange, t *authnTransaction, f *factor) apiReply {
	if t.result != "WAITING" {
		o.authnSendPush(x, t, f)
		return apiReply{http.StatusOK, x.authnState(t)}
	}
	t.polls++
	t.push.settle(x.now)
	switch t.push.State {
	case pushApproved:
		t.user.mfa.wrong = 0
		t.proved = true
		return o.authnAdvance(x, t)
	case pushDenied:
		t.result = "REJECTED"
	case pushExpired:
		t.result = "TIMEOUT"
	}
	return apiReply{http.StatusOK, x.authnState(t)}
}

func (o *Org) authnSendPush(x *exchange, t *authnTransaction, f *factor) {
	t.cancelPush(x.now)
	var numbers []string
	if t.user.NumberChallenge && f.key == keyVerify {
		numbers = plainNumbers()
	}
	t.status, t.factor, t.result, t.polls = authnMFAChallenge, f, "WAITING", 0
	t.push = o.newPush(x, t.user, f, numbers)
}

// authnPasskey gives out a challenge, or judges an assertion by it, once.
func (o *Org) authnPasskey(x *exchange, t *authnTransaction, f *factor, body apiBody) apiReply {
	if _, answered := body["clientData"]; answered && t.challenge != "" {
		challenge := t.challenge
		t.challenge = secretID("")
		trial, req := passkeyTrial(&account{passkeys: []*passkey{f.passkey}}, challenge, body)
		if !o.assert(x, trial, req) {
			return *t.user.missed()
		}
		t.user.mfa.wrong = 0
		t.proved = true
		return o.authnAdvance(x, t)
	}
	t.challenge = secretID("")
	return o.authnStart(x, t, f)
}

// authnResend sends the code or the push again.
func (o *Org) authnResend(x *exchange, t *authnTransaction, _ apiBody) apiReply {
	if t.status != authnMFAChallenge || t.factor.id != x.r.PathValue("factor") {
		return notAllowedNow
	}
	switch t.factor.typ {
	case factorPush:
		o.authnSendPush(x, t, t.factor)
	case factorSMS, factorCall, factorEmail:
		return o.authnStart(x, t, t.factor)
	default:
		return notAllowedNow
	}
	return apiReply{http.StatusOK, x.authnState(t)}
}
