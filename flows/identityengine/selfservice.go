package identityengine

import (
	"context"
	"unicode"

	"sidegate.example/sidegate/flows"
	"sidegate.example/sidegate/gateway/identity"
)

// What people can do before they have signed in, where the operator has switched it on (Config.SelfService): recover a
// password, unlock an account, and follow the links that Okta mails for both and for new accounts (§1.2, §4.3).

// maxMailed bounds a mailed token.
const maxMailed = 1024

// beginWithout begins with a choice of the first page, or with a token, instead of a password.
func (a *attempt) beginWithout(ctx context.Context, ans flows.Answer) (flows.State, flows.Step, error) {
	on := a.engine.selfService
	activation, recovery := ans.Values[flows.FieldActivationToken], ans.Values[flows.FieldRecoveryToken]
	switch {
	case ans.Choice == flows.ChoiceIDRecover && on.Recover:
		a.state.Seeking = seekingRecovery
	case ans.Choice == flows.ChoiceIDUnlock && on.Unlock:
		a.state.Seeking = seekingUnlock
	case ans.Choice == "" && activation != "" && on.Activate:
		a.token.name, a.token.value, a.state.Vouched = flows.FieldActivationToken, activation, true
	case ans.Choice == "" && recovery != "" && on.Recover:
		a.token.name, a.token.value = flows.FieldRecoveryToken, recovery
		a.state.recover()
		a.state.spend(identity.Email) // the link was mailed
	default:
		return nil, flows.Step{}, badAnswer("this is not offered here: self_service is off")
	}
	if a.token.name != "" && !tokenOK(a.token.value) {
		return nil, flows.Step{}, badAnswer("the link is incomplete")
	}
	return a.open(ctx)
}

func tokenOK(s string) bool {
	if s == "" || len(s) > maxMailed {
		return false
	}
	for _, r := range s {
		if r > unicode.MaxASCII || r <= ' ' || r == 0x7f {
			return false
		}
	}
	return true
}

// seek is the call towards what the person came for instead of a sign-in, nil while Okta's way to it is not there.
// What is proved from then on is proved for that, and makes no session.
func (a *attempt) seek(p *page) *move {
	s := &a.state
	switch {
	case s.Seeking == seekingRecovery && p.recover != nil && p.ask != askForm:
		s.Seeking = ""
		s.recover()
		return p.recover
	case s.Seeking == seekingUnlock && p.ask == askUnlock:
		s.Seeking = ""
		s.recover()
		return p.main
	}
	return nil
}
