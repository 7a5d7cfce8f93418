package factors

import (
	"errors"
	"net/http"

	"sidegate.example/sidegate/flows"
	"sidegate.example/sidegate/flows/okta"
)

// outcome is what an answer to a verification means: the closed set that everything else is refused by.
type outcome int

const (
	// refused is the zero value: whatever is not known lets nobody in.
	refused outcome = iota
	// accepted: factorResult exactly SUCCESS.
	accepted
	// waiting: a push is pending.
	waiting
	// asking: a challenge was sent, or one more code is needed.
	asking
	wrong
	// replayed and late: the code was right, or would have been, and costs no attempt.
	replayed
	late
	rejected
	updateApp
	timedOut
	failed
	locked
	// gone: the factor or the person is not to be had any more, or not in this state.
	gone
	policy
	// expired: the transaction is over.
	expired
	// passwordOver: the password has to be changed first.
	passwordOver
	// tooSoon: the same was sent a moment ago; quota: no more messages are to be had.
	tooSoon
	quota
	// unsure: the gateway's own credentials or call were refused.
	unsure
)

// results are the values of factorResult (§5.2). What is not here is refused.
var results = map[string]outcome{
	"SUCCESS": accepted, "WAITING": waiting, "CHALLENGE": asking, "REJECTED": rejected,
	"TIMEOUT": timedOut, "EXPIRED": timedOut, "CANCELLED": timedOut, "CANCELED": timedOut,
	"FAILED": wrong, "ERROR": failed, "PASSCODE_REPLAYED": replayed, "TIME_WINDOW_EXCEEDED": late,
}

// codes are Okta's errors (§9) as they bear on the verification of a factor.
var codes = map[string]outcome{
	"E0000004": wrong, "E0000207": wrong, "E0000068": wrong, "E0000069": locked, "E0000119": locked,
	"E0000070": waiting, "E0000073": rejected, "E0000082": replayed, "E0000083": late,
	"E0000085": policy, "E0000064": passwordOver, "E0000259": passwordOver, "E0000014": passwordOver, "E0000080": passwordOver,
	"E0000079": expired, "E0000105": expired, "E0000110": expired, "E0000191": timedOut, "E0000113": asking,
	"E0000074": failed, "E0000138": failed, "E0000139": failed, "E0000140": failed, "E0000067": failed, "E0000233": failed, "E0000247": failed,
	"E0000097": failed, "E0000098": failed, "E0000099": failed, "E0000121": failed,
	"E0000109": tooSoon, "E0000118": tooSoon, "E0000133": tooSoon,
	"E0000146": quota, "E0000147": quota, "E0000186": quota, "E0000204": quota, "E0000205": quota, "E0000150": quota, "E0000151": quota,
	"E0000007": gone, "E0000152": gone, "E0000153": gone, "E0000154": gone, "E0000155": gone, "E0000156": gone, "E0000180": gone,
	"E0000034": gone, "E0000035": gone, "E0000036": gone, "E0000038": gone,
	"E0000006": unsure, "E0000005": unsure, "E0000011": unsure, "E0000015": unsure,
}

// outcomeOf judges an answer that has a status. result is its factorResult, "" where there is none.
func outcomeOf(res *okta.Response, result string) outcome {
	switch res.Status {
	case http.StatusOK, http.StatusCreated, http.StatusAccepted:
		if code := res.Code(); code == "E0000070" { // an error body that says to go on waiting
			return waiting
		} else if code != "" {
			return refused
		}
		return results[result]
	}
	o := codes[res.Code()]
	if o == accepted || o == waiting || o == refused && res.Status == http.StatusUnauthorized {
		return unsure
	}
	return o
}

// limited is the outcome that hides in an error of the client: Okta answers 429 for a message that was sent a moment ago,
// and 5xx for a telephone company that failed; neither says anything about the org.
func limited(err error) (outcome, bool) {
	r := new(okta.Refusal)
	if !errors.As(err, &r) {
		return refused, false
	}
	o, known := codes[r.Code]
	return o, known && (o == tooSoon || o == quota || o == failed)
}

// misconfigured tells the operator what Okta refused and where to look.
func misconfigured(res *okta.Response) *flows.Error {
	e := res.Refuse(flows.ReasonMisconfigured)
	hint := "the service needs okta.users.manage and an admin role that may manage users"
	switch res.Code() {
	case "E0000011":
		hint = "the API token or the app's access token is not valid"
	case "E0000015":
		hint = "the org does not have this feature"
	}
	e.Err = hinted{e.Err, hint}
	return e
}

// hinted is an error with a word for the operator.
type hinted struct {
	error
	hint string
}

func (h hinted) Error() string { return h.error.Error() + "; " + h.hint }
func (h hinted) Unwrap() error { return h.error }

func badAnswer(why string) *flows.Error {
	return &flows.Error{Reason: flows.ReasonBadAnswer, Err: errors.New(why)}
}

func malformed(res *okta.Response) *flows.Error { return res.Refuse(flows.ReasonMalformed) }
