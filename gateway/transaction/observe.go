package transaction

import (
	"slices"
	"time"

	"sidegate.example/sidegate/flows"
	"sidegate.example/sidegate/gateway/identity"
)

// Ended is how one sign-in ended.
type Ended struct {
	// Result is "success" when Okta said so (redeemed or not), "abandoned", a flows.DeniedReason, or a
	// flows.Reason when it could not even begin.
	Result string
	// Person is the identifier that was typed; may be empty.
	Person string
	// Client is the browser of the latest gesture, as Okta was shown it.
	Client flows.ClientContext
	// Cause says why to the operator's log, where more is known than Result tells: Step.Cause, or the error that
	// the latest poll met; nil otherwise. It holds no secret.
	Cause error
}

// Challenged is what became of one factor that was asked for. A person who turns to another factor has not answered,
// and is none.
type Challenged struct {
	Factor identity.Factor
	// Result is "accepted", "rejected", or "timeout" when the answer did not come in time.
	Result string
	// Took is the time since the factor was asked for.
	Took time.Duration
	// Person and Client are as in Ended.
	Person string
	Client flows.ClientContext
}

// Observer hears of what becomes of sign-ins. Results come from closed sets. It may be called with a
// transaction's lock held: it must not block and not call the Manager.
type Observer interface {
	// SignIn is called once per sign-in that ended.
	SignIn(Ended)
	// Challenge is called once per factor that was answered, or was not in time.
	Challenge(Challenged)
	// Refused is called when what a person pressed or typed was refused for a Step.Cause, and the sign-in goes on. Client
	// and Person are as in Ended, Cause is not nil, and Result is "".
	Refused(Ended)
	// Pending is called with +1 and -1 as sign-ins begin and end. Only the sum over all observers of
	// the process is meaningful, because a reload swaps them.
	Pending(delta int)
}

// Results of SignIn and Challenge that are no flows.DeniedReason or flows.Reason.
const (
	signInSuccess   = "success"
	signInAbandoned = "abandoned"

	challengeAccepted = "accepted"
	challengeRejected = "rejected"
	challengeTimeout  = "timeout"
)

type nobody struct{}

func (nobody) SignIn(Ended)         {}
func (nobody) Challenge(Challenged) {}
func (nobody) Refused(Ended)        {}
func (nobody) Pending(int)          {}

// asks reports whether s asks for a factor that the person has. Setting one up is no challenge.
func asks(s *flows.Step) bool {
	switch s.Kind {
	case flows.KindCode, flows.KindWebAuthn:
		return !s.Enrolling
	}
	return s.Kind == flows.KindWait && !completing(s) && !degraded(s) && !s.Enrolling
}

// completing reports whether s waits for Okta alone: its factor was accepted.
func completing(s *flows.Step) bool {
	return s.Kind == flows.KindWait && s.Wait != nil && s.Wait.Completing
}

// degraded reports whether s waits for an Okta in safe mode: nothing was accepted, nothing is asked.
func degraded(s *flows.Step) bool {
	return s.Kind == flows.KindWait && s.Wait != nil && s.Wait.Degraded
}

// verdict is the Challenge result when from was followed by to, "" when from's factor was not
// answered by that. gesture is nil when a poll brought it.
func verdict(from, to *flows.Step, gesture *flows.Answer) string {
	switch {
	case !asks(from), degraded(to):
		return ""
	case to.Kind == flows.KindDone, completing(to):
		return challengeAccepted
	case gesture != nil && (from.Kind == flows.KindWait || gesture.Choice != ""):
		return "" // the person turned to something else
	case gesture == nil && (to.Kind == flows.KindWait || sameQuestion(from, to)):
		return "" // still waiting
	case to.Kind == flows.KindDenied:
		return deniedVerdict(to.Denied)
	case to.Kind == from.Kind && to.Factor == from.Factor, saysError(to):
		return challengeRejected // asked again
	}
	return challengeAccepted
}

func deniedVerdict(d *flows.Denied) string {
	switch d.Reason {
	case flows.DeniedTimeout, flows.DeniedExpired:
		return challengeTimeout
	case flows.DeniedNoFactor, flows.DeniedUnsupported, flows.DeniedUnavailable:
		return challengeAccepted // what came after this factor is what ended it
	}
	return challengeRejected
}

func saysError(s *flows.Step) bool {
	isError := func(m flows.Message) bool { return m.Error }
	return slices.ContainsFunc(s.Messages, isError) || slices.ContainsFunc(s.Fields, func(f flows.Field) bool {
		return slices.ContainsFunc(f.Messages, isError)
	})
}
