package gateway

import (
	"time"

	"sidegate.example/sidegate/gateway/identity"
)

// Observer hears of what the gate does. All labels come from closed sets, so that it can count them.
// Implementations are safe for concurrent use and must not block.
type Observer interface {
	// Decision is called once per request: DecisionAllowed, DecisionChallenged, DecisionForbidden,
	// DecisionOwn (the gate's own pages) or DecisionFailed.
	Decision(d Decision)
	// SignIn is called once per sign-in that ended: "success", "abandoned", a flows.DeniedReason or a
	// flows.Reason.
	SignIn(result string)
	// Challenge is called when one factor was answered: "accepted", "rejected", or "timeout". took is
	// the time since the factor was asked for.
	Challenge(f identity.Factor, result string, took time.Duration)
	// Pending is called with +1 and -1 as sign-ins begin and end.
	Pending(delta int)
	// Streams is called with +1 and -1 as event streams open and close.
	Streams(delta int)
}

// Decision is a metric label.
type Decision string

// The decisions on a request.
const (
	DecisionAllowed    Decision = "allowed"
	DecisionChallenged Decision = "challenged"
	DecisionForbidden  Decision = "forbidden"
	DecisionOwn        Decision = "own"
	DecisionFailed     Decision = "failed"
)

// nobody is the Observer of a Gate that was given none.
type nobody struct{}

func (nobody) Decision(Decision)                                {}
func (nobody) SignIn(string)                                    {}
func (nobody) Challenge(identity.Factor, string, time.Duration) {}
func (nobody) Pending(int)                                      {}
func (nobody) Streams(int)                                      {}
