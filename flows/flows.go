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
// A returned error is always a *Error (an answer could not be had; the State beside it, or the one given where there is none,
// is still good for the same Step unless Reason is Expired). What Okta decided, refusals included, is a Step. The State beside a Step that
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

// Renewer is a Flow that can tell whether a person may still be signed in, for sessions that are to be prolonged.
type Renewer interface {
	// Active reports whether Okta still knows the person of this subject as one who may sign in. A returned error is a
	// *Error and says nothing about the person.
	Active(ctx context.Context, c ClientContext, subject string) (bool, error)
}

// StepUpper is a Flow that can have a person who is signed in prove one factor more.
type StepUpper interface {
	// StepUp begins for the person who, and nobody else: the identifier is known and not asked for, of factors alone are those
	// offered that the person has, and only what is missing is asked for. At KindDone the Identity is of the same Subject and
	// holds a proof of one of factors, made since the call. Besides that it is Start.
	StepUp(ctx context.Context, c ClientContext, redirectURI string, who identity.Identity, factors []identity.Factor) (State, Step, error)
}

// Answer is what a person did on a page.
type Answer struct {
	// Choice is the ID of the Choice that was pressed; "" submits the step's own fields.
	Choice string
	// Values holds what was typed, by Field.Name. Values may be secrets: never log them.
	Values map[string]string
}

// Names of the values of the first page (Start). The tokens come with a link that Okta mailed and stand in for
// the identifier; an engine takes them only where the operator switched self-service on.
const (
	FieldIdentifier      = "identifier"
	FieldPassword        = "password"
	FieldRememberMe      = "rememberMe" // "true" or absent
	FieldActivationToken = "activation_token"
	FieldRecoveryToken   = "recovery_token"
)

// FieldConfirm repeats a new password; both must be alike.
const FieldConfirm = "confirm"

// IDs of the choices of the first page (Start with Answer.Choice). Start with one of them needs no identifier.
const (
	// ChoiceIDRecover begins the recovery of a forgotten password.
	ChoiceIDRecover = "recover"
	// ChoiceIDUnlock begins to unlock a locked account.
	ChoiceIDUnlock = "unlock"
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
	// KindForm asks for all of Fields; Topic says what for. Fields may be of every Type.
	KindForm Kind = "form"
	// KindWebAuthn asks the browser for a passkey or security key by WebAuthn; it needs script. The answer's Values
	// are the WebAuthn* names.
	KindWebAuthn Kind = "webauthn"
	// KindDenied tells why this attempt ended or is blocked; Choices may hold ways on.
	KindDenied Kind = "denied"
	// KindDone carries the Identity.
	KindDone Kind = "done"
)

// Step is what to show next.
type Step struct {
	Kind Kind
	// Factor is the factor in question at KindCode, KindWait, KindWebAuthn and, where there is one, KindForm.
	Factor identity.Factor
	// Enrolling is true when Factor is being set up and not asked for: at KindChoose, what can be set up.
	Enrolling bool
	// Topic says what KindForm is about.
	Topic Topic
	// LinkState is what a link that Okta mails to the gate itself, with the code that this Step asks for, carries as
	// "state"; "" where Okta mails none.
	LinkState string
	// Setup is what a person needs to set up Factor on a phone; set at KindWait (Okta Verify) and KindCode (Google
	// Authenticator) while Enrolling.
	Setup *Setup
	// WebAuthn is set at KindWebAuthn.
	WebAuthn *WebAuthn
	// Person is the identifier that the person typed, to show whom this is for; may be empty.
	Person string
	// Device is the name of the phone as Okta knows it ("Pixel 7"); may be empty.
	Device string
	// Fields are the inputs of KindIdentify, KindCode and KindForm.
	Fields []Field
	// Choices are the buttons: factors to choose, other ways, send again.
	Choices []Choice
	// Messages are to be shown above the form; texts are Okta's, localised and untrusted.
	Messages []Message
	// Wait is set at KindWait, and at any other kind that may end without the person answering here: an e-mailed
	// link beside a code. Where it is set the Step is polled for.
	Wait *Wait
	// Denied is set at KindDenied.
	Denied *Denied
	// Identity is set at KindDone.
	Identity *identity.Identity
	// Cause says why to the operator's log, where Okta's answer told more than the step does; nil otherwise. No page
	// shows it, and it holds no secret.
	Cause error
}

// Topic is the closed set of what a KindForm can be about, so that the page can have its own words.
type Topic string

// The topics of KindForm.
const (
	// TopicNewPassword: choose a first password.
	TopicNewPassword Topic = "new_password"
	// TopicPasswordExpired: the password has to be changed now.
	TopicPasswordExpired Topic = "password_expired"
	// TopicPasswordExpiring: the password may be changed now; ChoiceSkip leaves it.
	TopicPasswordExpiring Topic = "password_expiring"
	// TopicResetPassword: choose a new password after recovery.
	TopicResetPassword Topic = "reset_password"
	// TopicRecover: whose password was forgotten.
	TopicRecover Topic = "recover"
	// TopicUnlock: whose account is to be unlocked, and how.
	TopicUnlock Topic = "unlock"
	// TopicPhone: the number of the phone that is being set up.
	TopicPhone Topic = "phone"
	// TopicAddress: where Okta sends the link that sets Okta Verify up.
	TopicAddress Topic = "address"
	// TopicQuestion: set up or answer a security question.
	TopicQuestion Topic = "question"
	// TopicProfile: details that Okta asks for.
	TopicProfile Topic = "profile"
	// TopicConsent: Okta asks for an agreement.
	TopicConsent Topic = "consent"
	// TopicOther: a form that no code names, in Okta's own words.
	TopicOther Topic = "other"
)

// Channel is the closed set of ways to bring Okta Verify's account to a phone.
type Channel string

// The channels of Setup.
const (
	ChannelQR         Channel = "qrcode"
	ChannelEmail      Channel = "email"
	ChannelSMS        Channel = "sms"
	ChannelSameDevice Channel = "samedevice"
	// ChannelBootstrap is approved on another device that has Okta Verify already.
	ChannelBootstrap Channel = "devicebootstrap"
)

// Setup is what a person needs to set up an authenticator app. All of it is secret: it is shown to the browser that
// is signing in and to nobody else.
type Setup struct {
	Channel Channel
	// QR is a PNG to be scanned; nil when there is none.
	QR []byte
	// Secret is the base32 key to type where the picture cannot be scanned; "" when Okta gives none.
	Secret string
	// Link opens Okta Verify or where to get it, on this same device: an https URL on the org's origin or of an app
	// store; may be empty.
	Link string
	// SentTo is the address or number that the link was sent to; may be empty.
	SentTo string
	// Devices are the names of devices that have Okta Verify, for ChannelBootstrap.
	Devices []string
}

// WebAuthn is what the browser's credential API is to be asked. The engine has read and bounded everything in it.
type WebAuthn struct {
	// Create is true to make a credential, false to use one.
	Create bool
	// RPID is the relying party id that Okta names; "" means the page's own host.
	RPID string
	// Options is the JSON of PublicKeyCredentialCreationOptions or PublicKeyCredentialRequestOptions (WebAuthn Level
	// 2, their members alone), with every binary member in base64url.
	Options []byte
}

// Names of the values of an answer to KindWebAuthn, all base64url without padding but the last.
const (
	WebAuthnClientData        = "clientData"
	WebAuthnAuthenticatorData = "authenticatorData"
	WebAuthnSignature         = "signatureData"
	WebAuthnAttestation       = "attestation"
	// WebAuthnTransports is a JSON list of strings.
	WebAuthnTransports = "transports"
)

// FieldType is how a Field is filled in.
type FieldType string

// The types of Field.
const (
	FieldText  FieldType = ""
	FieldEmail FieldType = "email"
	FieldTel   FieldType = "tel"
	// FieldBoolean is a check box: its value is "true", or absent.
	FieldBoolean FieldType = "boolean"
	// FieldSelect takes the Value of one of Options.
	FieldSelect FieldType = "select"
	// FieldAlternatives takes the Value of one of Options, and with it that option's own Fields; those of the others
	// are ignored.
	FieldAlternatives FieldType = "alternatives"
)

// Option is one answer to a Field of type FieldSelect or FieldAlternatives.
type Option struct {
	// Value goes back in Answer.Values; unique within the Field.
	Value string
	// Label is Okta's localised text; may be empty.
	Label string
	// Fields belong to this alternative. Their names are unique within the Step.
	Fields []Field
}

// Field is one input.
type Field struct {
	// Name is the key in Answer.Values, unique within the Step.
	Name string
	Type FieldType
	// Required fields must be filled in; the engine checks it again.
	Required bool
	// Options are the answers of FieldSelect and FieldAlternatives.
	Options []Option
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
	// ChoiceEnroll selects an authenticator to set up.
	ChoiceEnroll ChoiceKind = "enroll"
	// ChoiceChannel brings Okta Verify's account to the phone in another way; Choice.Channel says which.
	ChoiceChannel ChoiceKind = "channel"
	// ChoiceRecover begins to recover a forgotten password.
	ChoiceRecover ChoiceKind = "recover"
	// ChoiceUnlock begins to unlock the account.
	ChoiceUnlock ChoiceKind = "unlock"
	// ChoiceNotMe tells that the push that was denied was not asked for by the person.
	ChoiceNotMe ChoiceKind = "not_me"
)

// ChoiceIDNotMe is the ID of the Choice of kind ChoiceNotMe, so that the gate can audit that it was pressed.
const ChoiceIDNotMe = "not_me"

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
	// Channel is set at ChoiceChannel.
	Channel Channel
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
	// Degraded is set while Okta is in safe mode and asks to be asked again: nothing is asked of the person, and nothing
	// has been accepted.
	Degraded bool
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
