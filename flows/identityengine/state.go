package identityengine

import (
	"errors"
	"slices"
	"time"

	"sidegate.example/sidegate/flows"
	"sidegate.example/sidegate/gateway/identity"
)

// stateVersion changes when an older process could misread a State.
const stateVersion = 2

// want is what the Step of a State waits for.
type want string

const (
	// wantCredentials: a sign-in has to begin anew with what is typed; Okta holds nothing for it.
	wantCredentials want = "new"
	// wantPassword: the password of the person, for Submit.
	wantPassword want = "pwd"
	wantCode     want = "code"
	// wantForm: the inputs of Main; wantCredential: what the browser's credential API gives.
	wantForm       want = "form"
	wantCredential want = "key"
	wantChoice     want = "pick"
	wantPhone      want = "wait"
	// wantOkta: Okta is in safe mode and has to be asked again.
	wantOkta want = "busy"
	// wantToken: Okta has accepted everything and only the tokens are still to be had.
	wantToken want = "token"
	// wantNothing: a refusal; Resend and Factors may lead on.
	wantNothing want = "no"
)

// state is what has to be kept to go on: no more, since ten thousand may wait. Keys are short for that.
type state struct {
	Version int    `json:"V"`
	Want    want   `json:"a"`
	Person  string `json:"u,omitempty"`
	// User is Okta's id of the person, once Okta has named it.
	User string `json:"I,omitempty"`
	// Redirect is kept while the sign-in may have to begin anew; Both, for wantCredentials, is set when the
	// page asks for the identifier too.
	Redirect string `json:"r,omitempty"`
	Both     bool   `json:"b,omitempty"`
	// Remember is what the person wants Okta to do with this browser.
	Remember bool `json:"w,omitempty"`
	// Handle, Verifier and Nonce belong to the transaction at Okta. Secret.
	Handle   string  `json:"h,omitempty"`
	Verifier string  `json:"v,omitempty"`
	Nonce    string  `json:"n,omitempty"`
	Proofs   []proof `json:"p,omitempty"`
	// StepUp is set where the person is signed in already.
	StepUp *stepUp `json:"up,omitempty"`
	// Pending is the factor that the Step asks for, Device and Label how the page calls it, Number what is to be
	// tapped.
	Pending identity.Factor `json:"k,omitempty"`
	Device  string          `json:"d,omitempty"`
	Label   string          `json:"l,omitempty"`
	Number  string          `json:"t,omitempty"`
	// Misses counts the polls in a row that Okta refused without a reason that we know.
	Misses int `json:"x,omitempty"`
	// Code is the interaction code, for wantToken, and CodeAt when it came, in Unix seconds. Secret.
	Code   string `json:"o,omitempty"`
	CodeAt int64  `json:"i,omitempty"`
	// Tokens are what the code was redeemed for, at wantToken, until they are checked. Secret.
	Tokens *tokens `json:"K,omitempty"`
	// First is set at wantToken where the password alone is enough; see Config.FirstFactorOnly.
	First bool `json:"F,omitempty"`
	// Main answers or polls, Resend and Factors are the ways on. PollBy asks whether a mailed link was opened, beside
	// wantCode.
	Main    *move          `json:"m,omitempty"`
	PollBy  *move          `json:"q,omitempty"`
	Resend  *move          `json:"e,omitempty"`
	Skip    *move          `json:"S,omitempty"`
	Recover *move          `json:"R,omitempty"`
	Factors []factorChoice `json:"f,omitempty"`
	// Enrolling, Topic, Setup, Channels and WebAuthn are the Step's, kept because it may be shown again without Okta.
	Enrolling bool            `json:"E,omitempty"`
	Topic     flows.Topic     `json:"T,omitempty"`
	Note      *flows.Message  `json:"M,omitempty"`
	Setup     *flows.Setup    `json:"P,omitempty"`
	Channels  []channelChoice `json:"C,omitempty"`
	WebAuthn  *flows.WebAuthn `json:"W,omitempty"`
	// About is the key of the authenticator that is being set up.
	About string `json:"A,omitempty"`
	// Proves is set where what is typed into a form proves Pending: not a number or an address, which prove nothing yet
	// (immunity S71).
	Proves bool `json:"Q,omitempty"`
	// Seeking is what the person came for instead of a sign-in, until Okta's way to it is found.
	Seeking seeking `json:"G,omitempty"`
	// Recovering is set while what is proved is proved for the account's recovery, which makes no session (immunity
	// S71); Vouched when a token that Okta mailed began the sign-in.
	Recovering bool `json:"N,omitempty"`
	Vouched    bool `json:"U,omitempty"`
	// Spent are the factors that were proved for the recovery: they prove nothing more in this transaction, because a mailbox
	// that recovers the password and is then asked for a code would be all that a session rests on.
	Spent []identity.Factor `json:"B,omitempty"`
	// Restored is set once anything was recovered: a success without a second factor then means that and no more.
	Restored bool `json:"Z,omitempty"`
	// Cancel is the path that ends the transaction when it is not the usual one.
	Cancel string `json:"c,omitempty"`
	// Seen is the fingerprint of the document that this State of a waiting person was made of, and Every the
	// interval that it named; see poll.
	Seen  string        `json:"s,omitempty"`
	Every time.Duration `json:"y,omitempty"`
}

// seeking is what a person without a password can come for.
type seeking string

const (
	seekingRecovery seeking = "recover"
	seekingUnlock   seeking = "unlock"
)

// proof is an identity.Proof with its time in Unix milliseconds: who signs in again in the second in which all their sessions ended is in.
type proof struct {
	Factor identity.Factor `json:"f"`
	At     int64           `json:"m"`
}

func (s *state) prove(f identity.Factor, at time.Time) {
	switch {
	case s.Recovering:
		s.spend(f)
	case !slices.Contains(s.Spent, possession(f)):
		s.Proofs = append(s.Proofs, proof{f, at.UnixMilli()})
	}
}

// spend keeps f from being counted. A password can be: the person has just chosen another one.
func (s *state) spend(f identity.Factor) {
	if f = possession(f); f != identity.Password && !slices.Contains(s.Spent, f) {
		s.Spent = append(s.Spent, f)
	}
}

// possession is what the person has for a factor, named by one factor of it: a text and a call reach one phone, and all that
// Okta Verify can do is one app.
func possession(f identity.Factor) identity.Factor {
	switch f {
	case identity.Voice:
		return identity.SMS
	case identity.NumberChallenge, identity.TOTP:
		return identity.Push
	}
	return f
}

func (s *state) proved(f identity.Factor) bool {
	for _, p := range s.Proofs {
		if p.Factor == f {
			return true
		}
	}
	return false
}

// recover begins what makes no session: what was proved before counts for nothing either, because the one thing that
// recovers the password must not be all that a session rests on.
func (s *state) recover() {
	for _, p := range s.Proofs {
		s.spend(p.Factor)
	}
	s.Recovering, s.Restored, s.Proofs = true, true, nil
}

func (s *state) identity() *identity.Identity {
	id := &identity.Identity{}
	for _, p := range s.Proofs {
		id.Proofs = append(id.Proofs, identity.Proof{Factor: p.Factor, At: time.UnixMilli(p.At).UTC()})
	}
	return id
}

func (s *state) encode() flows.State {
	if s.settled() {
		return s.encodeWaiting()
	}
	return s.marshal()
}

var errState = errors.New("the stored progress cannot be read")

// decodeState refuses what another version wrote.
func decodeState(b flows.State) (*state, error) {
	s, ok := new(state), false
	if w, rest, waits := readWaiting(b); waits {
		s, ok = w.whole(rest)
	} else {
		ok = unmarshal(b, s)
	}
	if !ok || s.Version != stateVersion || !s.complete() {
		return nil, &flows.Error{Reason: flows.ReasonExpired, Err: errState}
	}
	return s, nil
}

// complete reports whether what the Step waits for can be sent.
func (s *state) complete() bool {
	switch s.Want {
	case wantPassword, wantCode:
		return s.Main != nil && len(s.Main.Input) > 0
	case wantPhone, wantForm, wantCredential, wantOkta:
		return s.Main != nil
	case wantToken:
		return (s.Code != "" || s.Tokens != nil) && (s.secondFactor() || s.First && s.proved(identity.Password))
	case wantCredentials, wantChoice, wantNothing:
		return true
	}
	return false
}

// choice finds a factor by the ID of its button.
func (s *state) choice(id string) *factorChoice {
	for i := range s.Factors {
		if s.Factors[i].ID == id {
			return &s.Factors[i]
		}
	}
	return nil
}
