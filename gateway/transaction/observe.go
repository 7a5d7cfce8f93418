package transaction

import (
	"slices"
	"time"

	"sidegate.example/sidegate/flows"
	"sidegate.example/sidegate/gateway/identity"
)

// Observer hears of what becomes of sign-ins. Labels come from closed sets. It is called with a
// transaction's lock held: it must not block and not call the Manager.
type Observer interface {
	// SignIn is called once per sign-in that ended: "success" when Okta said so (redeemed or not),
	// "abandoned", a flows.DeniedReason, or a flows.Reason when it could not even begin.
	SignIn(result string)
	// Challenge is called when a factor was answered: "accepted" or "rejected", or was not in time:
	// "timeout". took is the time since it was asked for. A person who turns to another factor has
	// not answered.
	Challenge(f identity.Factor, result string, took time.Duration)
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

func (nobody) SignIn(string)                                    {}
func (nobody) Challenge(identity.Factor, string, time.Duration) {}
func (nobody) Pending(int)                                      {}

// asks reports whether s asks for a factor.
func asks(s *flows.Step) bool { return s.Kind == flows.KindWait || s.Kind == flows.KindCode }

// verdict is the Challenge result when from was followed by to, "" when from's factor was not
// answered by that. gesture is nil when a poll brought it.
func verdict(from, to *flows.Step, gesture *flows.Answer) string {
	switch {
	case !asks(from):
		return ""
	case to.Kind == flows.KindDone:
		return challengeAccepted
	case gesture != nil && (from.Kind == flows.KindWait || gesture.Choice != ""):
		return "" // the person turned to something else
	case gesture == nil && to.Kind == flows.KindWait:
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
	case flows.DeniedNoFactor, flows.DeniedUnsupported:
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
