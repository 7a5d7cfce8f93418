// Package flows owns the vocabulary between the gate and Okta: a Flow turns what Okta asks into a
// Step to show and takes the Answer that a person gave. It holds types only; the engines that
// speak to Okta live below it, and the pages that render a Step live in ui.
package flows

import (
	"context"
	"time"

	"sidegate.example/sidegate/gateway/identity"
)

// State is a flow's own serialised progress: opaque to everyone else, secret (it holds Okta's state
// handle), and small, because ten thousand people may be waiting.
type State []byte

// Flow is one engine of Okta. It is a pure protocol translator: all progress is in State, so that
// any process which holds the State can go on. Implementations are safe for concurrent use; calls
// for the same State are serialised by the caller (identity-engine.md §5.7).
//
// Every method takes the browser's ClientContext, because Okta judges and shows it: there is no
// default, and the zero ClientContext is refused.
//
// A returned error is always a *Error (an answer could not be had, the State given is still good
// unless Reason is Expired). What Okta decided, refusals included, is a Step. The State beside a Step that
// ends the sign-in (KindDone, KindDenied with Final) may be nil: nothing is to be called for it any more.
type Flow interface {
	// Start begins a sign-in with what the person typed on the first page: Values["identifier"]
	// and, if the page asked for it, Values["password"]. redirectURI is the sign-in redirect URI
	// registered for the app at Okta.
	Start(ctx context.Context, c ClientContext, redirectURI string, a Answer) (State, Step, error)
	// Advance answers the current step. It is the only method besides Start that may make Okta
	// send a push, and is called for a person's own gesture only (immunity S79).
	Advance(ctx context.Context, c ClientContext, s State, a Answer) (State, Step, error)
	// Poll asks Okta once whether a Wait step has ended.
	Poll(ctx context.Context, c ClientContext, s State) (State, Step, error)
	// Cancel ends the transaction at Okta, pending pushes included. Best effort.
	Cancel(ctx context.Context, c ClientContext, s State) error
}

// Answer is what a person did on a page.
type Answer struct {
	// Choice is the ID of the Choice that was pressed; "" submits the step's own fields.
	Choice string
	// Values holds what was typed, by Field.Name. Values may be secrets: never log them.
	Values map[string]string
}

// Names of the fields of the first page (Start).
const (
	FieldIdentifier = "identifier"
	FieldPassword   = "password"
)

// Kind is the closed set of things that a page can ask or tell.
type Kind string

// The kinds of Step.
const (
	// KindIdentify asks for Fields (identifier, password or both).
	KindIdentify Kind = "identify"
	// KindChoose offers Choices of kind ChoiceFactor and nothing to type.
	KindChoose Kind = "choose"
	// KindCode asks for one secret or code: Fields has one field, Factor says which.
	KindCode Kind = "code"
	// KindWait waits for the person's phone; Wait says for how long and which number to tap.
	KindWait Kind = "wait"
	// KindDenied tells why this attempt ended or is blocked; Choices may hold ways on.
	KindDenied Kind = "denied"
	// KindDone carries the Identity.
	KindDone Kind = "done"
)

// Step is what to show next.
type Step struct {
	Kind Kind
	// Factor is the factor in question at KindCode and KindWait.
	Factor identity.Factor
	// Person is the identifier that the person typed, to show whom this is for; may be empty.
	Person string
	// Device is the name of the phone as Okta knows it ("Pixel 7"); may be empty.
	Device string
	// Fields are the inputs of KindIdentify and KindCode.
	Fields []Field
	// Choices are the buttons: factors to choose, other ways, send again.
	Choices []Choice
	// Messages are to be shown above the form; texts are Okta's, localised and untrusted.
	Messages []Message
	// Wait is set at KindWait.
	Wait *Wait
	// Denied is set at KindDenied.
	Denied *Denied
	// Identity is set at KindDone.
	Identity *identity.Identity
	// Cause says why to the operator's log, where Okta's answer told more than the step does; nil otherwise. No page
	// shows it, and it holds no secret.
	Cause error
}

// Field is one input.
type Field struct {
	// Name is the key in Answer.Values.
	Name string
	// Label is Okta's localised label; may be empty, then the page uses its own text.
	Label string
	// Secret fields are typed masked and never sent back to the browser.
	Secret bool
	// Value prefills a field that is not secret.
	Value string
	// Messages belong to this field (a wrong code).
	Messages []Message
}

// ChoiceKind says what a Choice is for.
type ChoiceKind string

// The kinds of Choice.
const (
	// ChoiceFactor selects an authenticator and method.
	ChoiceFactor ChoiceKind = "factor"
	// ChoiceResend sends the push (or code) again.
	ChoiceResend ChoiceKind = "resend"
	// ChoiceOther goes back to the list of factors.
	ChoiceOther ChoiceKind = "other"
	// ChoiceSkip skips what Okta marks as optional.
	ChoiceSkip ChoiceKind = "skip"
)

// Choice is one button of a Step.
type Choice struct {
	// ID is unique within the Step and stable while the Step stands; it goes back in
	// Answer.Choice. It holds no secret.
	ID     string
	Kind   ChoiceKind
	Factor identity.Factor
	// Label is Okta's localised display name; may be empty.
	Label string
	// Detail tells two choices of one factor apart: device name, masked number.
	Detail string
}

// Wait describes a pending push.
type Wait struct {
	// Interval is the time that Okta asks to leave between the end of one poll and the next.
	// The engine clamps it to 1 s..30 s unless its configuration says otherwise.
	Interval time.Duration
	// Number is the number to tap on the phone; "" when the push is a plain approve/deny. A
	// string because Okta's answer may have leading zeros. Shown to nobody but the browser that
	// started the sign-in (immunity S75).
	Number string
	// Completing is set once the factor was accepted and only Okta's last answer is awaited: nothing is asked of the
	// person any more, and no page may speak of a phone.
	Completing bool
}

// DeniedReason is the closed set of reasons why an attempt ended. It is a metric label.
type DeniedReason string

// The reasons of KindDenied.
const (
	// DeniedOnPhone: the person, or whoever holds the phone, pressed "No, it's not me".
	DeniedOnPhone DeniedReason = "denied_on_phone"
	// DeniedTimeout: nobody answered the push in time.
	DeniedTimeout DeniedReason = "timeout"
	// DeniedExpired: Okta's transaction is over; start again.
	DeniedExpired DeniedReason = "expired"
	// DeniedLocked: the account or the factor is locked or suspended at Okta.
	DeniedLocked DeniedReason = "locked"
	// DeniedPolicy: Okta's policy refuses this person, app, device or network.
	DeniedPolicy DeniedReason = "policy"
	// DeniedNoFactor: Okta let the person through without a second factor, so the gate does not.
	DeniedNoFactor DeniedReason = "no_factor"
	// DeniedUnsupported: Okta asks for something this gateway cannot do (Step.Messages may say
	// what), such as FastPass only, a redirect to another identity provider or an enrolment.
	DeniedUnsupported DeniedReason = "unsupported"
	// DeniedUnavailable: Okta could not be reached when the sign-in was as good as done; start again.
	DeniedUnavailable DeniedReason = "unavailable"
	// DeniedUpdateApp: the phone's Okta Verify is too old or needs biometrics switched on.
	DeniedUpdateApp DeniedReason = "update_app"
)

// Denied tells why an attempt ended.
type Denied struct {
	Reason DeniedReason
	// Final is true when Okta's transaction is over: the only way on is to start again. When
	// false the Step's Choices lead on.
	Final bool
}

// Message is a text of Okta with its stable key.
type Message struct {
	// Key is Okta's i18n key ("api.authn.error.PASSCODE_INVALID"); programs steer by it.
	Key string
	// Text is localised by Okta and may be empty; escape it.
	Text string
	// Error is true for class ERROR.
	Error bool
}
