package oktasim

import (
	"container/list"
	"slices"
	"time"
)

// stage is where a transaction stands; the document it shows follows from it.
type stage int

const (
	stageIdentify stage = iota
	stagePassword
	stageChoose   // Okta Verify is enrolled with several methods
	stageMethod   // one method, to be confirmed before it is used
	stagePush     // waiting for the phone
	stageRejected // the phone said no
	stageTOTP
	stageFastPass // waiting for a device-bound answer that never comes
	stageEnroll   // policy wants authenticators set up that the user lacks
	stageDone     // an interaction code is out

	stageTaskMethod       // by which method task's authenticator is asked for
	stageAnswer           // task's authenticator is asked for
	stageEnrollAnswer     // task's authenticator is being set up and has to be proved or defined
	stageEnrollPoll       // Okta Verify is being set up on a phone
	stageChannelData      // where the link that sets Okta Verify up goes
	stagePhoneData        // which phone number is set up
	stagePasswordExpired  // a new password has to be chosen
	stagePasswordExpiring // a new password may be chosen
	stageRecover          // whose password was forgotten
	stageReset            // a new password after recovery

	stageUnlock            // whose account is unlocked, and how
	stageUnlocked          // it was
	stageActivationExpired // the activation link is too old
	stageKeep              // whether to stay signed in

	stageProbe    // waiting for FastPass on a machine that does not answer
	stageSafeMode // waiting for an Okta in trouble
)

// codeLifetime is how long an interaction code can be redeemed.
const codeLifetime = time.Minute

// transaction is one sign-in, from interact to token.
type transaction struct {
	// What interact laid down.
	client    *Client
	server    *authServer
	interact  string // interaction handle
	challenge string // PKCE, S256
	state     string
	nonce     string
	scopes    []string

	handle        string // live state handle
	expires       time.Time
	place         *list.Element // in Org.idle
	stage         stage
	identifier    string
	user          *account // nil until identified, and for an unknown identifier
	factors       []string // amr values proved so far
	authTime      time.Time
	autoChallenge bool
	push          *push // the newest one
	task          task  // the authenticator in question, where it is not Okta Verify's push or code
	recovering    bool
	unlocking     bool      // recovering, for a locked account
	activating    bool      // an activation token began it
	offered       bool      // what is optional has been offered
	waited        int       // polls in safe mode
	warned        bool      // that the password expires
	remember      bool      // the person asked to stay signed in
	polling       bool      // a poll is being answered
	nextPoll      time.Time // when the next poll may come

	code        string
	codeExpires time.Time
}

// The functions below need Org.mu.

func (o *Org) addTransaction(t *transaction, now time.Time) {
	o.dropIdle(now)
	t.handle = newStateHandle()
	t.expires = now.Add(o.cfg.Load().StateLifetime)
	t.place = o.idle.PushBack(t)
	o.byHandle[t.handle] = t
	o.byInteract[t.interact] = t
}

// newStateHandle has the form of the recordings: "02" and url-safe characters.
func newStateHandle() string { return secretID("02") }

// live returns the transaction and renews its idle life; nil when it is unknown or expired.
func (o *Org) live(t *transaction, now time.Time) *transaction {
	if t == nil {
		return nil
	}
	if !now.Before(t.expires) {
		o.drop(t, now)
		return nil
	}
	t.expires = now.Add(o.cfg.Load().StateLifetime)
	o.idle.MoveToBack(t.place)
	return t
}

// dropIdle forgets what has expired: the list is in order of last use, so this looks at no more than it
// removes plus one.
func (o *Org) dropIdle(now time.Time) {
	for e := o.idle.Front(); e != nil; e = o.idle.Front() {
		t := e.Value.(*transaction)
		if now.Before(t.expires) {
			return
		}
		o.drop(t, now)
	}
}

func (o *Org) drop(t *transaction, now time.Time) {
	t.cancelPush(now)
	o.begin(t, task{})
	delete(o.byHandle, t.handle)
	delete(o.byInteract, t.interact)
	delete(o.byCode, t.code)
	o.idle.Remove(t.place)
}

// restart puts the transaction back to the first page under a new state handle (idx/cancel).
func (o *Org) restart(t *transaction, now time.Time) {
	t.cancelPush(now)
	o.begin(t, task{})
	t.recovering, t.unlocking, t.activating, t.offered, t.warned, t.remember = false, false, false, false, false, false
	delete(o.byHandle, t.handle)
	delete(o.byCode, t.code)
	t.handle = newStateHandle()
	o.byHandle[t.handle] = t
	t.stage, t.user, t.identifier, t.factors, t.push, t.code = stageIdentify, nil, "", nil, nil, ""
}

// finish issues the interaction code.
func (o *Org) finish(t *transaction, now time.Time) {
	t.user.remembered = t.remember
	if t.activating {
		t.user.Status = "" // it was staged
	}
	t.stage = stageDone
	t.authTime = now
	t.code = secretID("")
	t.codeExpires = now.Add(codeLifetime)
	o.byCode[t.code] = t
}

func (t *transaction) enrolled(method string) bool {
	return t.user != nil && slices.Contains(t.user.Methods, method)
}

// afterPassword moves on when the first factor is proved.
func (o *Org) afterPassword(x *exchange, t *transaction) reply {
	t.factors = []string{"pwd"}
	if rep, ok := o.admitted(x, t); !ok {
		return rep
	}
	p := x.cfg.Policy
	switch methods := t.user.Methods; {
	case t.user.PasswordState == passwordExpired:
		t.stage = stagePasswordExpired
	case t.user.PasswordState == passwordExpiring && !t.warned:
		t.stage, t.warned = stagePasswordExpiring, true
	case p.PasswordOnly:
		o.afterLast(t, x.now)
	case len(t.user.Enrolled) > 0 && !(p.AutoChallenge && t.enrolled(methodPush)):
		t.stage = stageChoose
	case len(methods) == 0:
		o.afterProof(t, x.now)
	case p.AutoChallenge && t.enrolled(methodPush):
		t.autoChallenge = true
		o.sendPush(x, t, keyVerify)
	case len(methods) > 1:
		t.stage = stageChoose
	case methods[0] == methodTOTP:
		t.stage = stageTOTP
	default:
		t.stage = stageMethod
	}
	return t.ok(x)
}

// afterFactor moves on when a factor beside the password is proved, or the first one of a user without.
func (o *Org) afterFactor(t *transaction, now time.Time, amr ...string) {
	if len(t.factors) > 0 && !slices.Contains(t.factors, "mfa") {
		t.factors = append(t.factors, "mfa")
	}
	t.factors = append(t.factors, amr...)
	o.afterProof(t, now)
}
