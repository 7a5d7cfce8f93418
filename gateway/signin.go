package gateway

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"time"

	"sidegate.example/sidegate/flows"
	"sidegate.example/sidegate/gateway/decision"
	"sidegate.example/sidegate/gateway/identity"
	"sidegate.example/sidegate/gateway/session"
	"sidegate.example/sidegate/gateway/transaction"
	"sidegate.example/sidegate/ui"
)

const (
	// fieldPrefix marks the inputs of a step in a form, so that no field of Okta's can shadow one of ours.
	fieldPrefix = "f."
	// choiceField is the button that was pressed.
	choiceField = "choice"
	// noScriptRefresh is how often a page that waits reloads itself without script.
	noScriptRefresh = 4 * time.Second
	// deviceAge is the life of the cookie that names a device to Okta.
	deviceAge = 365 * 24 * time.Hour
	// refusalFloor pads a refusal of user name and password to a multiple of itself, so that the time that it took
	// tells nothing about which of them was wrong. It is longer than the calls to Okta that differ take: an unknown
	// user name costs three, a wrong password four.
	refusalFloor = 3 * time.Second
)

// signInPage shows, in place of the page that was asked for, where this browser's sign-in stands: the first
// page, or the current step. It never makes Okta do anything (immunity S79).
func (x *exchange) signInPage() {
	if x.outside() {
		return
	}
	back := returnPath(x.facts.URL)
	if x.r.Method != http.MethodGet && x.r.Method != http.MethodHead {
		notice := ui.NoticeFormLost
		if x.keep() {
			back, notice = x.cfg.Prefix+resumeRoute, ui.NoticeFormKept
		}
		x.firstPage(back, notice)
		return
	}
	v, err := x.cfg.State.transactions.Get(x.r.Context(), x.signIn, x.realm())
	switch {
	case errors.Is(err, transaction.ErrUnavailable):
		x.paused(err, back)
	case err != nil && x.askSignInSite(back):
	case err != nil:
		x.firstPage(back, "")
	case v.Step.Kind == flows.KindDone:
		x.enter(back)
	default:
		x.stepPage(v, back)
	}
}

// firstPage costs no state and no call to Okta, however often it is asked for.
func (x *exchange) firstPage(back string, notice string) {
	x.ensureSignIn()
	if x.session != nil {
		x.stepUpPage(back, notice)
		return
	}
	if x.cfg.PersonKnown {
		step := flows.Step{Kind: flows.KindIdentify, Person: x.facts.Person}
		x.stepForm(ui.Page{View: ui.ViewSignIn, Step: step, Notice: notice, Return: back}, form{browser: x.signIn, back: back})
		return
	}
	step := flows.Step{Kind: flows.KindIdentify, Fields: []flows.Field{{Name: flows.FieldIdentifier}}}
	if !x.cfg.IdentifierFirst {
		step.Fields = append(step.Fields, flows.Field{Name: flows.FieldPassword, Secret: true})
	}
	if x.cfg.RememberMe {
		step.Fields = append(step.Fields, flows.Field{Name: flows.FieldRememberMe, Type: flows.FieldBoolean})
	}
	if x.cfg.Recover {
		step.Choices = append(step.Choices, flows.Choice{ID: flows.ChoiceIDRecover, Kind: flows.ChoiceRecover})
	}
	if x.cfg.Unlock {
		step.Choices = append(step.Choices, flows.Choice{ID: flows.ChoiceIDUnlock, Kind: flows.ChoiceUnlock})
	}
	x.stepForm(ui.Page{View: ui.ViewSignIn, Step: step, Notice: notice, Return: back}, form{browser: x.signIn, back: back})
}

// ensureSignIn gives the browser an id that its forms are drawn for.
func (x *exchange) ensureSignIn() {
	if x.signIn == "" {
		x.signIn = newID()
		x.setCookie(x.cookies.signIn, x.signIn, 0)
	}
}

func (x *exchange) stepPage(v transaction.View, back string) {
	p := ui.Page{View: ui.ViewStep, Step: v.Step, Seq: v.Seq, Return: back, Notice: x.trouble(v), StepUp: x.why()}
	if x.session != nil {
		p.Return = v.Back
	}
	if v.Step.Wait != nil {
		x.cfg.State.transactions.Touch(x.r.Context(), v.ID, x.realm())
	}
	if v.Step.Kind == flows.KindWait {
		// The push on the phone names the browser that asked for it, wherever this one is by now.
		p.Address, p.Agent = v.Client.Addr().String(), v.Client.UserAgent()
		p.Refresh = noScriptRefresh
	}
	x.stepForm(p, form{browser: v.ID, seq: v.Seq, back: back})
}

// trouble tells a person who waits that Okta does not answer, and the operator why.
func (x *exchange) trouble(v transaction.View) string {
	if v.Trouble == "" {
		return ""
	}
	x.log.WarnContext(x.r.Context(), "okta does not answer a poll", slog.String("reason", string(v.Trouble)), slog.Any("error", v.Cause))
	if v.Trouble == flows.ReasonRateLimited {
		return ui.NoticeBusy
	}
	return ui.NoticeUnreachable
}

// stepForm draws a page whose form is sealed as f.
func (x *exchange) stepForm(p ui.Page, f form) {
	token, err := x.sealForm(formSignIn, f)
	if err != nil {
		x.failed(err)
		return
	}
	p.CSRF = token
	x.w.Header().Set("WWW-Authenticate", unauthorized)
	x.page(http.StatusUnauthorized, p)
}

// identify begins a sign-in with the first page's form.
func (x *exchange) identify() {
	f, ok := x.readForm(formSignIn, x.signIn)
	if !ok {
		return
	}
	x.ensureDevice()
	client, err := x.client()
	if err != nil {
		x.flowFailed(&flows.Error{Reason: flows.ReasonMisconfigured, Err: err}, f)
		return
	}
	began := time.Now()
	b := transaction.Begin{Engine: x.cfg.Engine, Site: x.realm(), Client: client, RedirectURI: x.redirectURI(), Back: f.from}
	if x.session != nil {
		b.StepUp = &transaction.StepUp{Who: x.session.Identity, Factors: decision.Class(f.class).Factors()}
	} else {
		b.Answer = x.begun()
	}
	v, err := x.cfg.State.transactions.Begin(x.r.Context(), b)
	if errors.Is(err, transaction.ErrBusy) {
		x.problem(http.StatusServiceUnavailable, ui.ProblemBusy, f)
		return
	}
	if err != nil {
		x.flowFailed(err, f)
		return
	}
	_ = x.cfg.State.transactions.Cancel(x.r.Context(), x.signIn, x.realm()) // superseded, if there was one
	x.setCookie(x.cookies.signIn, v.ID, 0)
	x.stepped(v.Step, began, f)
}

// answer goes on with the sign-in in progress.
func (x *exchange) answer() {
	f, ok := x.readForm(formSignIn, x.signIn)
	if !ok {
		return
	}
	client, err := x.client()
	if err != nil {
		x.flowFailed(&flows.Error{Reason: flows.ReasonMisconfigured, Err: err}, f)
		return
	}
	began := time.Now()
	v, err := x.cfg.State.transactions.Answer(x.r.Context(), x.signIn, x.realm(), f.seq, client, x.typed())
	switch {
	case errors.Is(err, transaction.ErrStale), errors.Is(err, transaction.ErrGone), errors.Is(err, transaction.ErrClosed):
		x.problem(http.StatusForbidden, ui.ProblemStale, f)
	case err != nil:
		x.flowFailed(err, f)
	default:
		x.stepped(v.Step, began, f)
	}
}

// stepped sends the browser back to its page, which now shows the next step.
func (x *exchange) stepped(s flows.Step, began time.Time, f form) {
	if refused(s) && !x.cfg.PersonKnown {
		// Without what was typed: a password typed as the user name must not end up in the log.
		x.log.WarnContext(x.r.Context(), "credentials refused", slog.String("client_ip", x.facts.ClientIP))
		pad(x.r.Context(), time.Since(began))
	}
	x.seeOther(f.back)
}

func final(s flows.Step) bool { return s.Kind == flows.KindDenied && s.Denied.Final }

// refused reports whether the step is the answer to a wrong user name or password, or to a locked account's.
func refused(s flows.Step) bool {
	if s.Kind == flows.KindDenied {
		return s.Denied != nil && s.Denied.Reason == flows.DeniedLocked
	}
	if s.Kind != flows.KindIdentify {
		return false
	}
	for _, m := range s.Messages {
		if m.Error {
			return true
		}
	}
	return false
}

// pad waits until the time taken is a multiple of refusalFloor.
func pad(ctx context.Context, took time.Duration) {
	t := time.NewTimer(refusalFloor - took%refusalFloor)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}

// cancel ends the sign-in in progress; the page then shows the first page again.
func (x *exchange) cancel() {
	f, ok := x.readForm(formSignIn, x.signIn)
	if !ok {
		return
	}
	back := f.back
	if v, err := x.cfg.State.transactions.Get(x.r.Context(), x.signIn, x.realm()); err == nil && x.session != nil && !final(v.Step) {
		x.dropKept()
		back = orDefault(v.Back, "/") // who cancels a step-up goes on as before; after a denial the button is to start over
	}
	if err := x.cfg.State.transactions.Cancel(x.r.Context(), x.signIn, x.realm()); err != nil {
		x.paused(err, back)
		return
	}
	x.setCookie(x.cookies.signIn, "", -1)
	x.seeOther(back)
}

// typed is what the form holds for the flow: a button, or what was typed, never both, because a button beside a
// half-typed code is not an answer to it. Passwords keep their spaces.
func (x *exchange) typed() flows.Answer {
	if choice := x.r.PostForm.Get(choiceField); choice != "" {
		return flows.Answer{Choice: choice}
	}
	a := flows.Answer{Values: map[string]string{}}
	for name, values := range x.r.PostForm {
		if field, ok := strings.CutPrefix(name, fieldPrefix); ok && len(values) == 1 {
			a.Values[field] = values[0]
		}
	}
	return a
}

// ensureDevice gives the browser a token that names it to Okta, once a person has done something here.
func (x *exchange) ensureDevice() {
	if x.device == "" || !validID(x.device) {
		x.device = newID()
		x.setCookie(x.cookies.device, x.device, deviceAge)
	}
}

func (x *exchange) redirectURI() string {
	if x.cfg.RedirectURI != "" {
		return x.cfg.RedirectURI
	}
	return origin(x.r, x.facts) + x.cfg.Prefix + "/callback"
}

// enter turns a finished sign-in into a session, and shows the page that was asked for. Tabs that waited for the
// same sign-in get the same session.
func (x *exchange) enter(back string) {
	cookie, id, err := x.cfg.State.transactions.Redeem(x.r.Context(), x.signIn, x.realm(), x.mint)
	if errors.Is(err, session.ErrTooLarge) {
		x.log.ErrorContext(x.r.Context(), "the session does not fit into a cookie even without groups: the person's name or address at Okta is too long", slog.String("user", id.Login))
		x.problem(http.StatusInternalServerError, ui.ProblemMisconfigured, form{back: back})
		return
	}
	if errors.Is(err, transaction.ErrUnavailable) {
		x.paused(err, back)
		return
	}
	if errors.Is(err, errOther) {
		x.flowFailed(&flows.Error{Reason: flows.ReasonMalformed, Err: err}, form{back: back})
		return
	}
	if errors.Is(err, errEndedMeanwhile) {
		x.log.WarnContext(x.r.Context(), "sign-in not completed: all sessions of the person were ended meanwhile", slog.String("user", id.Login),
			slog.String("subject", id.Subject), slog.String("client_ip", x.facts.ClientIP))
		_ = x.cfg.State.transactions.Cancel(x.r.Context(), x.signIn, x.realm()) // otherwise it waits for its end, and is refused again
		err = transaction.ErrGone
	}
	if errors.Is(err, transaction.ErrGone) {
		x.signIn = "" // a new one: the old id is spent
		x.firstPage(back, "")
		return
	}
	if err != nil {
		x.failed(err)
		return
	}
	x.setCookie(x.cookies.session, cookie, 0)
	x.setCookie(x.cookies.signIn, "", -1)
	x.superseded()
	x.seeOther(back)
}

// errEndedMeanwhile: what a sign-in has proved is older than the end of all sessions of its person.
var errEndedMeanwhile = errors.New("gateway: all sessions of the person have ended since the sign-in")

// mint makes the session of an identity. It refuses one that no second factor proved, whatever a flow says
// (immunity S71).
func (x *exchange) mint(id identity.Identity) (string, error) {
	if id.Subject == "" || !id.SecondFactor() {
		return "", errors.New("gateway: a flow ended without a second factor")
	}
	now, named := time.Now(), id.Groups != nil
	id.Groups = x.wanted(id.Groups)
	proved := slices.MaxFunc(id.Proofs, func(a, b identity.Proof) int { return a.At.Compare(b.At) }).At
	issued, ok := x.cfg.State.revocations.Begin(x.cfg.Org, id.Subject, proved, now)
	if !ok {
		return "", errEndedMeanwhile
	}
	claims := session.Claims{ID: session.NewID(), Identity: id, IssuedAt: issued, SeenAt: now, ExpiresAt: now.Add(x.cfg.Lifetime)}
	if len(x.cfg.SSO) > 0 {
		claims.Family = session.NewID()
	}
	if x.session != nil {
		if err := x.raise(&claims); err != nil {
			return "", err
		}
	}
	told := standing{Renewal: string(id.Renewal)}
	if x.session != nil { // whose time of issue stays
		told.Checked = proved.UTC()
		if named {
			told.Groups = append([]string{}, id.Groups...)
		}
		if x.cfg.Recheck > 0 { // Okta may have said more since
			doc, err := x.cfg.State.document(x.r.Context(), x.cfg.Org, x.session)
			if err != nil {
				return "", err
			}
			told = told.over(doc.standing)
		}
	}
	cookie, bulk, err := x.seal(&claims)
	if err != nil {
		return "", err
	}
	if err := x.register(&claims, bulk, told); err != nil {
		return "", err
	}
	factors := make([]string, len(id.Proofs))
	for i, p := range id.Proofs {
		factors[i] = string(p.Factor)
	}
	done := "signed in"
	if x.session != nil {
		done = "stepped up"
	}
	x.log.InfoContext(x.r.Context(), done, slog.String("user", id.Login), slog.String("subject", id.Subject),
		slog.String("session", claims.ID.Handle()), slog.Any("factors", factors), slog.String("client_ip", x.facts.ClientIP))
	return cookie, nil
}
