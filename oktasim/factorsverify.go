package oktasim

import (
	"net/http"
	"slices"
	"strconv"
	"time"
)

// canVerify refuses those who may prove nothing any more. States that only a gateway has to refuse are let through: that
// is the gateway's business (factors-api.md §2.2).
func (a *account) canVerify() *apiReply {
	switch a.state() {
	case "LOCKED_OUT":
		return &userLocked
	case "DEPROVISIONED":
		return &wrongUserState
	}
	return nil
}

// verifyFactor answers POST …/verify (factors-api.md §5).
func (o *Org) verifyFactor(x *exchange, a *account) apiReply {
	body, ok := x.readBody()
	passCode, okCode := body.text("passCode")
	answer, okAnswer := body.text("answer")
	life, okLife := x.codeLife()
	if !ok || !okCode || !okAnswer {
		return malformed
	}
	if !okLife {
		return notValid("tokenLifetimeSeconds", "tokenLifetimeSeconds: must be between 1 and 86400")
	}
	f := a.findActive(&x.cfg.Policy.Factors, x.r.PathValue("factor"))
	if f == nil {
		return apiNotFound(x.r.PathValue("factor"), "UserFactor")
	}
	if rep := a.canVerify(); rep != nil {
		return *rep
	}
	switch f.typ {
	case factorPush:
		return o.challengePush(x, a, f, body)
	case factorFastPass:
		return notValid("factorType", "factorType: signed_nonce cannot be verified")
	case factorWebAuthn:
		return o.verifyPasskey(x, a, f, body)
	case factorQuestion:
		passCode = answer
	}
	if passCode == "" {
		return o.withoutCode(x, a, f, life)
	}
	next, _ := body.text("nextPassCode")
	return o.verifyCode(x, a, f, passCode, next)
}

// codeLife is the life of a code that the request asks for.
func (x *exchange) codeLife() (time.Duration, bool) {
	v := x.r.URL.Query().Get("tokenLifetimeSeconds")
	if v == "" {
		return codeLife, true
	}
	n, err := strconv.Atoi(v)
	return time.Duration(n) * time.Second, err == nil && n >= 1 && n <= 86400
}

// withoutCode is a verify call that brings no code. Where codes are sent it sends another one, however many were
// sent before: the trap for a client that passes on an empty field.
func (o *Org) withoutCode(x *exchange, a *account, f *factor, life time.Duration) apiReply {
	if !slices.Contains([]string{factorSMS, factorCall, factorEmail}, f.typ) {
		return emptyCode
	}
	if f.typ != factorEmail {
		life = codeLife
	}
	if rep := o.sendCode(x, a, f, life); rep != nil {
		return *rep
	}
	out := map[string]any{"factorResult": "CHALLENGE", "_links": x.factorLinks(a, f)}
	if f.typ != factorEmail {
		out["profile"] = f.profile
	}
	return apiReply{http.StatusOK, out}
}

// factorLinks are those of a challenge and of a push that came to nothing.
func (x *exchange) factorLinks(a *account, f *factor) map[string]any {
	url := x.factorURL(a, f)
	return map[string]any{"verify": link(url+"/verify", "POST"), "factor": link(url, "GET", "DELETE")}
}

func (o *Org) verifyCode(x *exchange, a *account, f *factor, given, next string) apiReply {
	v := o.judgeCode(x, a, f, given)
	if v == codeNext && next != "" {
		v = o.judgeCode(x, a, f, next)
	}
	if rep := a.failed(&x.cfg.Policy.Factors, v); rep != nil {
		if v == codeNext {
			return apiReply{rep.status, map[string]any{"factorResult": "CHALLENGE", "_links": x.factorLinks(a, f)}}
		}
		return *rep
	}
	return apiReply{http.StatusOK, map[string]any{"factorResult": "SUCCESS"}}
}
