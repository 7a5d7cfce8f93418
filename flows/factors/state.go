package factors

import (
	"encoding/json"
	"errors"
	"time"

	"sidegate.example/sidegate/flows"
	"sidegate.example/sidegate/gateway/identity"
)

// stateVersion changes when an older process could misread a State.
const stateVersion = 1

// want is what the Step of a State waits for.
type want string

const (
	// wantFirst: an answer for the other engine, whose State is Inner.
	wantFirst want = "first"
	// wantCredentials: a sign-in has to begin anew with what is typed; Okta holds nothing for it.
	wantCredentials want = "new"
	wantChoice      want = "pick"
	wantCode        want = "code"
	wantPhone       want = "wait"
	// wantCredential: what the browser's credential API gives.
	wantCredential want = "key"
	// wantFinish: a factor was accepted and only Okta's last answers are missing.
	wantFinish want = "done"
	// wantNothing: a refusal; Factors may lead on.
	wantNothing want = "no"
	// wantProof: the admin's code that allows to set a factor up.
	wantProof want = "proof"
	// wantEnroll: which factor to set up, wantForm: what Okta needs to know for it, wantActivation: its first code,
	// wantDevice: that the phone has the account.
	wantEnroll     want = "set"
	wantForm       want = "form"
	wantActivation want = "act"
	wantDevice     want = "scan"
)

// state is what has to be kept to go on: no more, since ten thousand may wait. Keys are short for that.
type state struct {
	Version int  `json:"V"`
	Want    want `json:"a"`
	// Person is what the page calls the person; Inner is the State of the other engine, and secret.
	Person string      `json:"u,omitempty"`
	Inner  flows.State `json:"I,omitempty"`
	// User is the person at Okta, "" as long as nobody is; Login, Name and Email are of the profile, and Seen is when
	// Okta last said ACTIVE, in Unix seconds.
	User  string `json:"i,omitempty"`
	Login string `json:"l,omitempty"`
	Name  string `json:"n,omitempty"`
	Email string `json:"e,omitempty"`
	Seen  int64  `json:"s,omitempty"`

	Proofs []proof `json:"p,omitempty"`
	// Only are the factors that end a step-up; nil for a sign-in.
	Only []identity.Factor `json:"O,omitempty"`
	// Token is the stateToken of a transaction of /api/v1/authn, through which the factors are then verified; secret.
	// Challenged is set while that transaction is at one factor, Unsure after a poll of it without an answer.
	Token      string `json:"t,omitempty"`
	Challenged bool   `json:"c,omitempty"`
	Unsure     bool   `json:"U,omitempty"`

	Factors []factor `json:"f,omitempty"`
	// Pending is the place of the factor that the Step asks for, 1 for the first of Factors; 0 for none.
	Pending int `json:"k,omitempty"`
	// Poll and Cancel are the paths of a pending push, checked to be this user's and factor's, Until when it ends, in
	// Unix seconds, and Number what is to be tapped.
	Poll   string `json:"q,omitempty"`
	Cancel string `json:"x,omitempty"`
	Until  int64  `json:"y,omitempty"`
	Number string `json:"m,omitempty"`
	// Slow is set while Okta's limits make this person wait longer between two polls than an answer takes.
	Slow bool `json:"z,omitempty"`
	// Denied is set after a denial on the phone: the person may say that it was not them who signed in.
	Denied bool `json:"d,omitempty"`
	// WebAuthn is the Step's, for wantCredential.
	WebAuthn *flows.WebAuthn `json:"W,omitempty"`

	// Proving is set while what is asked for is the proof that allows to set a factor up, and makes no session; Vouched
	// once it is given.
	Proving bool       `json:"P,omitempty"`
	Vouched bool       `json:"v,omitempty"`
	Enrol   *enrolment `json:"E,omitempty"`
}

// proof is an identity.Proof with its time in Unix milliseconds: who signs in again in the second in which all their sessions ended is in.
type proof struct {
	Factor identity.Factor `json:"f"`
	At     int64           `json:"m"`
}

func (s *state) prove(f identity.Factor, at time.Time) {
	s.Proofs = append(s.Proofs, proof{f, at.UnixMilli()})
}

func (s *state) identity() *identity.Identity {
	id := &identity.Identity{Subject: s.User, Login: s.Login, Name: s.Name, Email: s.Email}
	for _, p := range s.Proofs {
		id.Proofs = append(id.Proofs, identity.Proof{Factor: p.Factor, At: time.UnixMilli(p.At).UTC()})
	}
	return id
}

func (s *state) encode() flows.State {
	s.Version = stateVersion
	b, err := json.Marshal(s)
	if err != nil {
		panic(err) // strings and numbers always encode
	}
	return b
}

var errState = errors.New("the stored progress cannot be read")

// decodeState refuses what another version wrote, and what leads anywhere but to its own user and factor: a store is not
// trusted more than an answer of Okta.
func decodeState(b flows.State) (*state, error) {
	s := new(state)
	if json.Unmarshal(b, s) != nil || s.Version != stateVersion || !s.complete() || !s.bound() {
		return nil, &flows.Error{Reason: flows.ReasonExpired, Err: errState}
	}
	return s, nil
}

// complete reports whether what the Step waits for can be sent.
func (s *state) complete() bool {
	if s.Pending < 0 || s.Pending > len(s.Factors) {
		return false
	}
	switch s.Want {
	case wantFirst:
		return len(s.Inner) > 0
	case wantCredentials:
		return true
	case wantCode, wantCredential:
		return s.User != "" && s.Pending > 0
	case wantPhone:
		return s.User != "" && s.Pending > 0 && (s.Poll != "" || s.Token != "")
	case wantFinish:
		return s.User != "" && s.identity().SecondFactor()
	case wantChoice, wantNothing, wantProof:
		return s.User != ""
	case wantEnroll, wantForm, wantActivation, wantDevice:
		return s.User != "" && s.Vouched && s.Enrol != nil
	}
	return false
}

// bound reports whether every id can stand in a path and every path is one of this user's factor.
func (s *state) bound() bool {
	if s.User != "" && !oktaID(s.User) {
		return false
	}
	for _, f := range s.Factors {
		for _, id := range f.IDs {
			if !oktaID(id) {
				return false
			}
		}
		if len(f.IDs) == 0 {
			return false
		}
	}
	for _, path := range []string{s.Poll, s.Cancel} {
		if path != "" && (s.pending() == nil || !below(path, factorPath(s.User, s.pending().IDs[0]))) {
			return false
		}
	}
	return s.Enrol == nil || s.Enrol.bound(s.User)
}

// pending is the factor that the Step asks for; nil for none.
func (s *state) pending() *factor {
	if s.Pending < 1 || s.Pending > len(s.Factors) {
		return nil
	}
	return &s.Factors[s.Pending-1]
}

// rest drops what belongs to one challenge.
func (s *state) rest() {
	s.Pending, s.Poll, s.Cancel, s.Until, s.Number, s.Slow, s.Denied, s.WebAuthn = 0, "", "", 0, "", false, false, nil
}
