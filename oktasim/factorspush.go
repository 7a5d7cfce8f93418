package oktasim

import (
	"net/http"
	"slices"
	"strconv"
	"time"
)

// factorTransaction is a push that the Factors API has sent.
type factorTransaction struct {
	id   string
	user *account
	push *push
	// factor is the id of the one that was verified.
	factor string
}

// keptAfterwards is how long a transaction can be asked for after its push has expired.
const keptAfterwards = 5 * time.Minute

// pushApp is what the phone calls whoever asks through the Factors or Authentication API, which name no app.
const pushApp = "Okta sign-in"

// newPush sends a push that shows the address and agent of the browser that the caller speaks for: unlike the Identity
// Engine's, this API takes them (factors-api.md §7). numbers are nil for a plain one.
func (o *Org) newPush(x *exchange, a *account, f *factor, numbers []string) *push {
	p := &push{
		Push: Push{
			ID: secretID("opf"), Login: a.Login, Authenticator: f.key, State: pushPending, App: pushApp, Sent: x.now, Numbers: numbers,
			Address: x.client.address, UserAgent: x.client.userAgent, Place: placeOf(x.client.address),
		},
		expires: x.now.Add(x.cfg.PushLifetime),
	}
	if numbers != nil {
		p.answer = numbers[randomInt(int64(len(numbers)))]
	}
	o.deliver(a, p)
	return p
}

// plainNumbers are those of a number challenge of this API, where the right one is an integer: no leading zeros.
func plainNumbers() []string {
	var out []string
	for len(out) < 3 {
		if n := strconv.Itoa(randomInt(100)); !slices.Contains(out, n) {
			out = append(out, n)
		}
	}
	return out
}

// challengePush answers 201 and a link to poll. Each call is another push; those before it stay pending.
func (o *Org) challengePush(x *exchange, a *account, f *factor, body apiBody) apiReply {
	asked, present := body["useNumberMatchingChallenge"]
	matching, ok := asked.(bool)
	switch {
	case present && !ok:
		return malformed
	case matching && x.cfg.Policy.Factors.NoNumberMatching:
		return notValid("useNumberMatchingChallenge", "useNumberMatchingChallenge: the feature is not enabled")
	}
	var numbers []string
	if matching || a.NumberChallenge && f.key == keyVerify {
		numbers = plainNumbers()
	}
	o.forgetTransactions(x.now)
	t := &factorTransaction{id: secretID("v2mst."), user: a, factor: f.id, push: o.newPush(x, a, f, numbers)}
	if o.api.transactions == nil {
		o.api.transactions = map[string]*factorTransaction{}
	}
	o.api.transactions[t.id] = t
	o.api.queue = append(o.api.queue, t)
	return apiReply{http.StatusCreated, x.waitingPush(t)}
}

// waitingPush is a transaction that waits, the right number included.
func (x *exchange) waitingPush(t *factorTransaction) map[string]any {
	url := x.cfg.URL + "/api/v1/users/" + t.user.id + "/factors/" + t.factor + "/transactions/" + t.id
	out := map[string]any{
		"expiresAt": apiTime(t.push.expires), "factorResult": "WAITING",
		"_links": map[string]any{"poll": link(url), "cancel": link(url, "DELETE")},
	}
	if t.push.Numbers != nil {
		out["_embedded"] = t.push.challenge()
	}
	return out
}

// challenge is where the right number stands.
func (p *push) challenge() map[string]any {
	n, err := strconv.Atoi(p.answer)
	if err != nil {
		panic(err) // numbers have digits
	}
	return map[string]any{"challenge": map[string]any{"correctAnswer": n}}
}

// transactionOf finds the transaction in the path. It is bound to user and factor; Okta did not check that until 2025.
func (o *Org) transactionOf(x *exchange, a *account) *factorTransaction {
	o.forgetTransactions(x.now)
	t := o.api.transactions[x.r.PathValue("transaction")]
	if t == nil || t.user != a || t.factor != x.r.PathValue("factor") {
		return nil
	}
	return t
}

var transactionGone = apiFail(http.StatusNotFound, "E0000191", "Verification timed out. Please try again")

// pollPush answers GET …/transactions/{id}.
func (o *Org) pollPush(x *exchange, a *account) apiReply {
	t := o.transactionOf(x, a)
	f := a.findFactor(&x.cfg.Policy.Factors, x.r.PathValue("factor"))
	if t == nil || f == nil {
		return transactionGone
	}
	t.push.settle(x.now)
	out := map[string]any{"factorResult": "SUCCESS"}
	switch t.push.State {
	case pushPending:
		out = x.waitingPush(t)
		out["profile"] = map[string]any{"credentialId": a.Login}
	case pushApproved:
		a.mfa.wrong = 0
	case pushDenied, pushExpired:
		out = map[string]any{"factorResult": "REJECTED", "profile": map[string]any{"credentialId": a.Login}, "_links": x.factorLinks(a, f)}
		if t.push.State == pushExpired {
			out["factorResult"] = "TIMEOUT"
		}
	}
	return apiReply{http.StatusOK, out}
}

// cancelFactorPush takes the push back; the transaction is gone.
func (o *Org) cancelFactorPush(x *exchange, a *account) apiReply {
	t := o.transactionOf(x, a)
	if t == nil {
		return transactionGone
	}
	t.push.settle(x.now)
	if t.push.State == pushPending {
		t.push.State = pushCancelled
	}
	delete(o.api.transactions, t.id)
	return apiReply{status: http.StatusNoContent}
}

// forgetTransactions drops what expired long ago. The queue is in the order of sending, so this looks at no more than it
// removes plus one.
func (o *Org) forgetTransactions(now time.Time) {
	s := &o.api
	for len(s.queue) > 0 && !now.Before(s.queue[0].push.expires.Add(keptAfterwards)) {
		delete(s.transactions, s.queue[0].id)
		s.queue = s.queue[1:]
	}
}
