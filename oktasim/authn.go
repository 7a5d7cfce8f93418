package oktasim

import (
	"maps"
	"net/http"
	"strings"
	"time"
)

// States of a transaction of /api/v1/authn (factors-api.md §6.2).
const (
	authnSuccess         = "SUCCESS"
	authnMFARequired     = "MFA_REQUIRED"
	authnMFAChallenge    = "MFA_CHALLENGE"
	authnMFAEnroll       = "MFA_ENROLL"
	authnPasswordWarn    = "PASSWORD_WARN"
	authnPasswordExpired = "PASSWORD_EXPIRED"
)

// authnLife is how long a state token is good after its last use.
const authnLife = 5 * time.Minute

// authnTransaction is one sign-in of the Classic kind.
type authnTransaction struct {
	token   string
	user    *account
	status  string
	expires time.Time

	warn         bool // the caller wants PASSWORD_WARN
	warned       bool
	proved       bool // by a second factor
	enrolSkipped bool
	factor       *factor // that is challenged
	result       string  // factorResult
	challenge    string  // WebAuthn's
	push         *push
	polls        int
}

// authnStep is a step of a transaction. It runs with mu held and t live.
type authnStep func(x *exchange, t *authnTransaction, body apiBody) apiReply

func (o *Org) authnRoutes(mux *http.ServeMux) {
	mux.Handle("POST /api/v1/authn", endpoint(func(x *exchange) { x.answer(o.serveAuthn(x, nil)) }))
	for path, step := range map[string]authnStep{
		"/factors/{factor}/verify":        o.authnVerify,
		"/factors/{factor}/verify/resend": o.authnResend,
		"/previous":                       o.authnPrevious,
		"/skip":                           o.authnSkip,
		"/cancel":                         o.authnCancel,
		"/credentials/change_password":    o.authnChangePassword,
	} {
		mux.Handle("POST /api/v1/authn"+path, endpoint(func(x *exchange) { x.answer(o.serveAuthn(x, step)) }))
	}
}

// serveAuthn does what all calls have in common; a nil step is the first call. A caller without a token is a public
// application; one with a token is a trusted one. No other credential is taken (factors-api.md §6.1).
func (o *Org) serveAuthn(x *exchange, step authnStep) apiReply {
	if rep := x.checkMedia(); rep != nil {
		return *rep
	}
	trusted := x.r.Header.Get("Authorization") != ""
	if trusted {
		if rep := o.checkTrusted(x); rep != nil {
			return *rep
		}
	}
	body, ok := x.readBody()
	token, okToken := body.text("stateToken")
	if !ok || !okToken {
		return malformed
	}
	if step == nil && token == "" {
		return o.authnBegin(x, body, trusted)
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	t := o.api.authn[token]
	if t == nil || !x.now.Before(t.expires) {
		return invalidToken
	}
	t.expires = x.now.Add(authnLife)
	if step == nil {
		return apiReply{http.StatusOK, x.authnState(t)}
	}
	return step(x, t, body)
}

func (o *Org) checkTrusted(x *exchange) *apiReply {
	if !strings.HasPrefix(x.r.Header.Get("Authorization"), "SSWS ") {
		return &invalidToken
	}
	c, rep := o.identifyCaller(x)
	switch {
	case rep != nil:
		return rep
	case c.role == RoleNone:
		return &accessDenied
	case !o.limiter.count(x, c.bucket, c.limit, time.Minute):
		return &tooManyTries
	}
	return nil
}

var authnFailed = apiFail(http.StatusUnauthorized, "E0000004", "Authentication failed")

// perSecond is how often a second one user name may be tried.
const perSecond = 4

// authnBegin takes user name and password.
func (o *Org) authnBegin(x *exchange, body apiBody, trusted bool) apiReply {
	username, ok1 := body.text("username")
	password, ok2 := body.text("password")
	device, ok3 := body.object("context").text("deviceToken")
	switch {
	case !ok1 || !ok2 || !ok3:
		return malformed
	case username == "" || password == "":
		return notValid("authRequest", "The 'username' and 'password' attributes are required in this context.")
	case trusted && (len(device) > 32 || strings.Contains(device, "-")):
		return notValid("deviceToken", "deviceToken: must be 32 characters or less, without hyphens")
	case !o.limiter.count(x, "authn "+foldLogin(username), perSecond, time.Second):
		return tooManyTries
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	a := o.findUser(username)
	switch {
	case a != nil && a.id == username:
		return authnFailed
	case a != nil && a.state() == "LOCKED_OUT" && x.cfg.Policy.Factors.ShowLockedOut:
		unlock := link(x.cfg.URL+"/api/v1/authn/recovery/unlock", "POST")
		unlock["name"] = "unlock"
		return apiReply{http.StatusOK, map[string]any{"status": "LOCKED_OUT", "_links": map[string]any{"next": unlock}}}
	case a == nil || !a.active() || a.Password == "" || password != a.Password:
		return authnFailed
	}
	t := &authnTransaction{token: secretID("00"), user: a, expires: x.now.Add(authnLife)}
	t.warn, _ = body.object("options")["warnBeforePasswordExpired"].(bool)
	o.keepAuthn(x, t)
	return o.authnAdvance(x, t)
}

// keepAuthn adds a transaction, and forgets those that have expired when there are many.
func (o *Org) keepAuthn(x *exchange, t *authnTransaction) {
	if o.api.authn == nil {
		o.api.authn = map[string]*authnTransaction{}
	}
	if len(o.api.authn) >= maxWindows {
		maps.DeleteFunc(o.api.authn, func(_ string, t *authnTransaction) bool { return !x.now.Before(t.expires) })
	}
	o.api.authn[t.token] = t
}

// authnAdvance finds what comes next. An expired password is asked about after the second factor, where there is one.
func (o *Org) authnAdvance(x *exchange, t *authnTransaction) apiReply {
	a, p := t.user, x.cfg.Policy
	t.factor, t.push, t.result, t.challenge = nil, nil, "", ""
	mfa := !p.PasswordOnly && !p.Factors.AuthnPasswordOnly && !t.proved
	switch {
	case mfa && len(t.factors(x)) > 0:
		t.status = authnMFARequired
	case a.PasswordState == passwordExpired:
		t.status = authnPasswordExpired
	case mfa && !t.enrolSkipped:
		t.status = authnMFAEnroll
	case a.PasswordState == passwordExpiring && t.warn && !t.warned:
		t.status = authnPasswordWarn
	default:
		t.status = authnSuccess
		delete(o.api.authn, t.token)
	}
	return apiReply{http.StatusOK, x.authnState(t)}
}

// factors are those that can prove something here.
func (t *authnTransaction) factors(x *exchange) []*factor {
	var out []*factor
	for _, f := range t.user.factors(&x.cfg.Policy.Factors) {
		if f.status == factorActive && f.typ != factorFastPass {
			out = append(out, f)
		}
	}
	return out
}

// authnPrevious goes back to the choice of factors.
func (o *Org) authnPrevious(x *exchange, t *authnTransaction, _ apiBody) apiReply {
	if t.status != authnMFAChallenge {
		return notAllowedNow
	}
	t.cancelPush(x.now)
	return o.authnAdvance(x, t)
}

// authnSkip passes over a warning, or over an enrolment that is optional.
func (o *Org) authnSkip(x *exchange, t *authnTransaction, _ apiBody) apiReply {
	switch {
	case t.status == authnPasswordWarn:
		t.warned = true
	case t.status == authnMFAEnroll && t.user.maySkipEnrolment():
		t.enrolSkipped = true
	default:
		return notAllowedNow
	}
	return o.authnAdvance(x, t)
}

// maySkipEnrolment: only what is optional is left out.
func (a *account) maySkipEnrolment() bool { return len(a.Require) == 0 && len(a.Optional) > 0 }

func (o *Org) authnCancel(x *exchange, t *authnTransaction, _ apiBody) apiReply {
	t.cancelPush(x.now)
	delete(o.api.authn, t.token)
	return apiReply{http.StatusOK, struct{}{}}
}

// cancelPush voids the pending push, if any.
func (t *authnTransaction) cancelPush(now time.Time) {
	if t.push == nil {
		return
	}
	if t.push.settle(now); t.push.State == pushPending {
		t.push.State = pushCancelled
	}
}

// authnChangePassword replaces a password that has expired or will.
func (o *Org) authnChangePassword(x *exchange, t *authnTransaction, body apiBody) apiReply {
	before, _ := body.text("oldPassword")
	after, _ := body.text("newPassword")
	switch {
	case t.status != authnPasswordExpired && t.status != authnPasswordWarn:
		return notAllowedNow
	case before != t.user.Password:
		return apiFail(http.StatusForbidden, "E0000014", "Update of credentials failed", "oldPassword: Old Password is not correct")
	case len(after) < 8:
		return apiFail(http.StatusForbidden, "E0000080", "The password does meet the complexity requirements of the current password policy.")
	}
	t.user.Password, t.user.PasswordState = after, ""
	return o.authnAdvance(x, t)
}
