package identityengine_test

import (
	"reflect"
	"testing"

	"sidegate.example/sidegate/flows"
	"sidegate.example/sidegate/gateway/identity"
	"sidegate.example/sidegate/oktasim"
)

var both = map[string]oktasim.Policy{
	"one form":              {},
	"identifier first":      {IdentifierFirst: true},
	"one form, hidden":      {HideUnknownUsers: true},
	"identifier first, hid": {IdentifierFirst: true, HideUnknownUsers: true},
}

// However Okta tells an unknown person from a wrong password, the page does not.
func TestUnknownPersonAndWrongPasswordLookAlike(t *testing.T) {
	for name, p := range both {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, policy(p))
			const ghost = "ghost@sidegate.example"
			wrong, unknown := b.start(pushUser, "wrong"), b.start(ghost, "wrong")
			unknown.Person, unknown.Fields[0].Value = wrong.Person, wrong.Fields[0].Value
			if !reflect.DeepEqual(wrong, unknown) {
				t.Fatalf("wrong password %+v\nunknown person %+v", wrong, unknown)
			}
			want := flows.Step{
				Kind: flows.KindIdentify, Person: pushUser,
				Fields: []flows.Field{
					{Name: flows.FieldIdentifier, Value: pushUser}, {Name: flows.FieldPassword, Secret: true},
				},
				Messages: []flows.Message{{Key: "sidegate.credentials", Error: true}},
			}
			if !reflect.DeepEqual(wrong, want) {
				t.Fatalf("the page is %+v\nwant %+v", wrong, want)
			}
			// From both the same person gets in.
			b.typed(map[string]string{flows.FieldIdentifier: pushUser, flows.FieldPassword: password})
			b.want(flows.KindChoose)
		})
	}
}

// The same where the first page asked for the identifier alone: the unknown get a page for a password that is
// never right.
func TestUnknownPersonIsAskedForAPassword(t *testing.T) {
	for name, p := range both {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, policy(p))
			look := func(identifier string) (steps []flows.Step) {
				steps = append(steps, b.start(identifier, ""))
				for range 2 {
					steps = append(steps, b.typed(map[string]string{flows.FieldPassword: "wrong"}))
				}
				for i := range steps {
					steps[i].Person = ""
				}
				return steps
			}
			known, unknown := look(pushUser), look("ghost@sidegate.example")
			if !reflect.DeepEqual(known, unknown) {
				t.Fatalf("known   %+v\nunknown %+v", known, unknown)
			}
			passwordOnly := []flows.Field{{Name: flows.FieldPassword, Secret: true}}
			if known[0].Kind != flows.KindIdentify || !reflect.DeepEqual(known[0].Fields, passwordOnly) || known[0].Messages != nil {
				t.Errorf("the first page is %+v", known[0])
			}
			if m := known[1].Messages; len(m) != 1 || m[0].Key != "sidegate.credentials" {
				t.Errorf("the refusal is %+v", known[1])
			}
		})
	}
}

func TestPasswordAfterIdentifier(t *testing.T) {
	for name, p := range both {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, policy(p))
			b.start(totpUser, "")
			b.want(flows.KindIdentify)
			b.typed(map[string]string{flows.FieldPassword: "wrong"})
			b.want(flows.KindIdentify)
			b.typed(map[string]string{flows.FieldPassword: password})
			b.want(flows.KindCode)
			b.code(b.org.TOTP(totpUser))
			b.wantDone(totpUser, "Timo Totp", identity.Password, identity.TOTP)
		})
	}
}

// P7: the gateway takes the same time over every refusal of name and password. What it knows them by is a first
// page with an error, or DeniedLocked; nothing else may come of them.
func TestRefusedCredentialsCanBeRecognised(t *testing.T) {
	for name, p := range both {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, policy(p))
			for _, user := range []string{"ghost@sidegate.example", pushUser, lockedUser} {
				for _, twoPages := range []bool{false, true} {
					if !twoPages {
						b.start(user, "wrong")
					} else if b.start(user, ""); b.step.Kind == flows.KindIdentify {
						if len(b.step.Messages) != 0 {
							t.Errorf("%s: the page for the password says %+v", user, b.step.Messages)
						}
						b.typed(map[string]string{flows.FieldPassword: "wrong"})
					}
					if user == lockedUser && !p.HideUnknownUsers {
						b.wantDenied(flows.DeniedLocked, true)
						continue
					}
					b.want(flows.KindIdentify)
					if m := b.step.Messages; len(m) != 1 || m[0].Key != "sidegate.credentials" || !m[0].Error {
						t.Errorf("%s: the refusal is %+v", user, b.step)
					}
				}
			}
		})
	}
}

func TestLockedAccount(t *testing.T) {
	for name, p := range map[string]oktasim.Policy{"one form": {}, "identifier first": {IdentifierFirst: true}} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, policy(p))
			b.start(lockedUser, password)
			b.wantDenied(flows.DeniedLocked, true)
		})
	}
}

// S71: Okta's success is no sign-in while no second factor was seen to be accepted.
func TestSuccessWithoutSecondFactorIsNoSignIn(t *testing.T) {
	b := newBench(t, policy(oktasim.Policy{PasswordOnly: true}))
	b.start(pushUser, password)
	b.wantDenied(flows.DeniedNoFactor, true)
	if n := b.called("/oauth2/default/v1/token"); n != 0 {
		t.Errorf("the code was redeemed %d times, want never", n)
	}

	b = newBench(t)
	b.org.Inject(oktasim.Fault{Path: "/idp/idx/introspect", Kind: "body", Body: successDocument})
	b.start(pushUser, password)
	b.wantDenied(flows.DeniedNoFactor, true)
}

const successDocument = `{"stateHandle":"02x","successWithInteractionCode":{"name":"issue","href":"https://evil.example/v1/token",
	"value":[{"name":"grant_type","value":"interaction_code"},{"name":"interaction_code","value":"c0de"}]}}`

func TestEnrolmentAndFastPassAreRefusedByName(t *testing.T) {
	b := newBench(t)
	b.start("nophone@sidegate.example", password)
	b.wantDenied(flows.DeniedEnrollment, true)

	b = newBench(t, func(s *settings) { s.sim.Users[3].Methods = []string{"signed_nonce"} })
	b.start("fastpass@sidegate.example", password)
	b.wantDenied(flows.DeniedUnsupported, true)
	if got := b.step.Denied.Obstacle; got != flows.ObstacleFastPass {
		t.Errorf("the obstacle is %q, want FastPass", got)
	}
}

func TestFastPassIsNotOffered(t *testing.T) {
	b := newBench(t)
	b.start("fastpass@sidegate.example", password)
	b.want(flows.KindChoose)
	ids := []string{}
	for _, c := range b.step.Choices {
		ids = append(ids, c.ID)
	}
	if !reflect.DeepEqual(ids, []string{"push", "totp"}) {
		t.Errorf("the choices are %v, want push and totp", ids)
	}
}

func TestTOTPWrongThenRight(t *testing.T) {
	b := newBench(t)
	b.start(totpUser, password)
	b.want(flows.KindCode)
	right := b.org.TOTP(totpUser)
	wrong := "000000"
	if wrong == right {
		wrong = "000001"
	}
	b.code(wrong)
	b.want(flows.KindCode)
	if m := b.step.Fields[0].Messages; len(m) != 1 || m[0].Key != "api.authn.error.PASSCODE_INVALID" || !m[0].Error {
		t.Fatalf("the messages of the field are %+v", m)
	}
	before := len(b.org.Requests())
	for _, no := range []string{"", "12345", "123456789", "12345a", "١٢٣٤٥٦"} {
		b.code(no)
		b.want(flows.KindCode)
		if m := b.step.Fields[0].Messages; len(m) != 1 || m[0].Key != "sidegate.code_format" {
			t.Errorf("%q: the messages of the field are %+v", no, m)
		}
	}
	if n := len(b.org.Requests()); n != before {
		t.Errorf("%d calls were made for codes that cannot be right", n-before)
	}
	b.code(" " + right[:3] + " " + right[3:] + "\t")
	b.wantDone(totpUser, "Timo Totp", identity.Password, identity.TOTP)
}

// What does not fit the step is not sent.
func TestAnswersThatDoNotFit(t *testing.T) {
	b := newBench(t)
	b.start(pushUser, password)
	before := len(b.org.Requests())
	for _, a := range []flows.Answer{
		{Choice: "sms"}, {Choice: "resend"}, {Choice: "other"}, {}, {Values: map[string]string{"totp": "123456"}},
	} {
		_, _, err := b.engine.Advance(t.Context(), b.cc, b.state, a)
		wantReason(t, err, flows.ReasonBadAnswer)
	}
	_, _, err := b.engine.Poll(t.Context(), b.cc, b.state)
	wantReason(t, err, flows.ReasonBadAnswer)
	for _, id := range []string{"", "  ", "a\x00b", "a\nb", string(make([]byte, 400)), "\xff"} {
		_, _, err := b.engine.Start(t.Context(), b.cc, redirectURI, flows.Answer{Values: map[string]string{"identifier": id}})
		wantReason(t, err, flows.ReasonBadAnswer)
	}
	if n := len(b.org.Requests()); n != before {
		t.Errorf("%d calls were made", n-before)
	}
	b.choose("push")
	for _, a := range []flows.Answer{{Choice: "push"}, {Choice: "totp"}, {}} {
		_, _, err := b.engine.Advance(t.Context(), b.cc, b.state, a)
		wantReason(t, err, flows.ReasonBadAnswer)
	}
	for _, s := range []flows.State{nil, []byte("{"), []byte("null"), []byte(`{"V":99}`), []byte("\x00")} {
		_, _, err := b.engine.Advance(t.Context(), b.cc, s, flows.Answer{Choice: "push"})
		wantReason(t, err, flows.ReasonExpired)
	}
}
