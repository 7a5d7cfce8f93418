package ui

import (
	"time"

	"sidegate.example/sidegate/flows"
)

// View says which page to render.
type View string

// The views.
const (
	// ViewSignIn is the first, static page: Page.Step holds its fields and messages. Its form
	// posts to <Prefix>/identify.
	ViewSignIn View = "signin"
	// ViewStep renders Page.Step by its Kind. Its form posts to <Prefix>/answer.
	ViewStep View = "step"
	// ViewMailed shows Page.Mailed, a link that Okta mailed. Its form posts to <Prefix>/identify or, a code, to
	// <Prefix>/answer.
	ViewMailed View = "mailed"
	// ViewError explains Page.Problem and leads back to Page.Return.
	ViewError View = "error"
	// ViewSignOut asks whether to sign out; its form posts to <Prefix>/signout.
	ViewSignOut View = "signout"
	// ViewSignedOut says that the person is signed out.
	ViewSignedOut View = "signedout"
	// ViewForbidden says that the person, who is signed in, may not enter, and leads to <Prefix>/signout.
	ViewForbidden View = "forbidden"
	// ViewResume asks whether to send Page.Resume on. Its forms post to where that was sent, and to <Prefix>/resume to discard it.
	ViewResume View = "resume"
)

// Problem is the closed set of what ViewError explains. A code outside the set shows a general text, and
// the code itself is never shown (immunity S38).
type Problem string

// The problems.
const (
	// ProblemCSRF: the form's token is missing, old or not this browser's.
	ProblemCSRF Problem = "csrf"
	// ProblemCrossOrigin: the request came from another site.
	ProblemCrossOrigin Problem = "cross_origin"
	// ProblemTooLarge: the form is larger than the gate reads.
	ProblemTooLarge Problem = "too_large"
	// ProblemStale: this sign-in has ended or was overtaken by another tab.
	ProblemStale Problem = "stale"
	// ProblemRateLimited: too many attempts; Page.RetryAfter says how long to wait.
	ProblemRateLimited Problem = "rate_limited"
	// ProblemUnavailable: Okta cannot be reached.
	ProblemUnavailable Problem = "unavailable"
	// ProblemPaused: the store that the gate's servers share cannot be reached.
	ProblemPaused Problem = "paused"
	// ProblemMalformed: Okta answered something that the gate does not understand.
	ProblemMalformed Problem = "malformed"
	// ProblemMisconfigured: the settings of this gate do not work, at Okta or for this person; the operator has to act.
	ProblemMisconfigured Problem = "misconfigured"
	// ProblemInsecure: the page was asked for over plain HTTP.
	ProblemInsecure Problem = "insecure"
	// ProblemNotFound: the gate has no such page.
	ProblemNotFound Problem = "not_found"
	// ProblemMethod: the gate's page does not take this method.
	ProblemMethod Problem = "method"
	// ProblemStarting: the gate is not ready yet.
	ProblemStarting Problem = "starting"
	// ProblemBusy: too many sign-ins are pending.
	ProblemBusy Problem = "busy"
	// ProblemNotEverywhere: the session has ended here, and the other replicas could not be told yet.
	ProblemNotEverywhere Problem = "not_everywhere"
	// ProblemNotKept: what the person was sending is kept no longer, or for somebody else.
	ProblemNotKept Problem = "not_kept"
	// ProblemBadRequest: the request cannot be read. Also shown for a code outside this set.
	ProblemBadRequest Problem = "bad_request"
)

// Problems lists every Problem.
func Problems() []Problem {
	return []Problem{ProblemCSRF, ProblemCrossOrigin, ProblemTooLarge, ProblemStale, ProblemRateLimited,
		ProblemUnavailable, ProblemPaused, ProblemMalformed, ProblemMisconfigured, ProblemInsecure, ProblemNotFound,
		ProblemMethod, ProblemStarting, ProblemBusy, ProblemNotEverywhere, ProblemNotKept, ProblemBadRequest}
}

// The codes of Page.Notice. Any other code shows nothing.
const (
	// NoticeFormLost: what the person was sending to the app was not kept.
	NoticeFormLost = "form_lost"
	// NoticeFormKept: it was, and can be sent after the sign-in.
	NoticeFormKept = "form_kept"
	// NoticeBusy: Okta is slow; the gate goes on trying.
	NoticeBusy = "busy"
	// NoticeUnreachable: Okta cannot be reached right now; the gate goes on trying.
	NoticeUnreachable = "unreachable"
)

// MailedKind is what a mailed link is for.
type MailedKind string

// The kinds of Mailed.
const (
	MailedActivation MailedKind = "activation"
	MailedRecovery   MailedKind = "recovery"
	MailedCode       MailedKind = "code"
)

// Mailed is what a mailed link holds: a token that is sent on without being shown, or a code that is shown.
type Mailed struct {
	Kind MailedKind
	// Field is the name under which Value goes back; "" when this browser has nothing to send it to.
	Field string
	Value string
}

// SignOutEverywhere is the field "choice" of the form of ViewSignOut when all sessions of the person are to end.
const SignOutEverywhere = "everywhere"

// Session is one session of the person who asks.
type Session struct {
	// Site is the host that it is for.
	Site string
	// Agent is the browser's User-Agent, Address its address, both at the sign-in.
	Agent, Address string
	// Since is when it began.
	Since time.Time
	// This marks the one that the page was asked for with.
	This bool
}

// Page is everything that one page shows. All texts may be hostile.
type Page struct {
	View View
	// Lang is the browser's Accept-Language as it came.
	Lang string
	// Title is the name of the site.
	Title string
	// CSRF is the hidden field "csrf" of every form.
	CSRF string
	// Agent is the browser's User-Agent as it came; shown as "Chrome on Windows".
	Agent string
	// Address is the browser's address as Okta is told it.
	Address string
	// Step is rendered by ViewSignIn (Fields and Messages) and ViewStep.
	Step flows.Step
	// Problem is rendered by ViewError.
	Problem Problem
	// RetryAfter is shown by ViewError in whole minutes; 0 shows nothing.
	RetryAfter time.Duration
	// Return is the path on this origin that the ways back lead to; "" and what is no such path
	// mean "/".
	Return string
	// User is the signed-in name on ViewSignOut, ViewForbidden and ViewResume; may be empty.
	User string
	// Sessions are the person's on ViewSignOut; may be empty.
	Sessions []Session
	// Refresh > 0 makes a browser without script ask again every four seconds.
	Refresh time.Duration
	// PhoneShowsGateway says that at this org the push shows the gateway's address and not the browser's, so
	// that nobody is told to refuse their own sign-in.
	PhoneShowsGateway bool
	// Seq is the state of the sign-in that a wait page shows: its script listens to
	// <Prefix>/events?seq=<Seq>, so that no change between page and stream is missed.
	Seq uint64
	// Mailed is shown by ViewMailed.
	Mailed Mailed
	// Host is the name that the browser knows this site by, without a port: a passkey of another relying party
	// cannot be used here, and the page says so.
	Host string
	// Resume is shown by ViewResume.
	Resume Resume
	// Notice is one of the Notice codes, or "".
	Notice string
	// StepUp says that the person is signed in and has to prove one factor more, and why; nil for a sign-in. On the first page
	// Return is then where who does not want to goes back to.
	StepUp *StepUp
}

// Resume is a request that was kept.
type Resume struct {
	// Action is a path and query on this origin, where the field _mfa_resume carries CSRF to, alone.
	Method, Action string
}

// StepUp is why one more factor is asked for.
type StepUp struct {
	Class Class
	// Stale says that the person has proved one, too long ago.
	Stale bool
	// MaxAge is how long one counts; 0 is for ever.
	MaxAge time.Duration
}

// Class is the closed set of classes of factor that a page can ask for; any other is shown as ClassAny.
type Class string

// The classes.
const (
	ClassAny               Class = "any"
	ClassPush              Class = "push"
	ClassNumberChallenge   Class = "number_challenge"
	ClassPhishingResistant Class = "phishing_resistant"
)
