package identityengine

import (
	"bytes"
	"context"
	"reflect"
	"strings"
	"testing"
	"time"

	"sidegate.example/sidegate/flows"
	"sidegate.example/sidegate/gateway/identity"
)

const stillWaiting = `{"version":"1.0.0","stateHandle":"h","expiresAt":"2026-01-01T00:00:00.000Z","remediation":{"value":[
	{"name":"challenge-poll","href":"/idp/idx/authenticators/poll","refresh":3000,"relatesTo":["$.currentAuthenticator"],
		"value":[{"name":"autoChallenge","value":true},{"name":"n","value":12345678901234567890}]}]},
	"currentAuthenticator":{"value":{"key":"okta_verify","methods":[{"type":"push"}],"contextualData":{"correctAnswer":"07"},
		"resend":{"name":"resend","href":"/idp/idx/challenge/resend"}}}}`

// known is a State of a person who waits with stillWaiting, and the Step that came with it.
func known(t *testing.T) (*script, func(answer, flows.State) (flows.State, flows.Step, error), flows.State, flows.Step) {
	t.Helper()
	s := &script{}
	e, cc := scripted(t, s)
	poll := func(a answer, st flows.State) (flows.State, flows.Step, error) {
		s.answers = append(s.answers, a)
		return e.Poll(context.Background(), cc, st)
	}
	start := state{Want: wantPhone, Person: "joe", Handle: "h", Pending: identity.NumberChallenge, Verifier: "v",
		Proofs: []proof{{Factor: identity.Password, At: 1}}, Main: &move{Path: "/idp/idx/authenticators/poll"},
	}
	st, step, err := poll(answer{200, []byte(stillWaiting)}, start.encode())
	if err != nil || step.Kind != flows.KindWait || !isWaiting(st) {
		t.Fatalf("%s %+v %v", st, step, err)
	}
	return s, poll, st, step
}

// Whoever holds a State keeps the one that it has when there is no news, although Okta moves the expiry.
func TestPollWithoutNews(t *testing.T) {
	s, poll, st, want := known(t)
	before := bytes.Clone(st)
	later := strings.Replace(stillWaiting, "00:00:00.000Z", "00:00:03.123Z", 1)
	for range 3 {
		next, step, err := poll(answer{200, []byte(later)}, st)
		if err != nil || &next[0] != &st[0] || !bytes.Equal(next, before) {
			t.Fatalf("%s %v, want the State that was given: %s", next, err, before)
		}
		if !reflect.DeepEqual(step, want) {
			t.Errorf("the step is %+v, want %+v", step, want)
		}
		if *step.Wait != (flows.Wait{Interval: 3 * time.Second, Number: "07"}) {
			t.Errorf("wait is %+v", step.Wait)
		}
	}
	if got, want := s.bodies[len(s.bodies)-1], `{"autoChallenge":true,"n":12345678901234567890,"stateHandle":"h"}`; got != want {
		t.Errorf("the poll was posted as %s, want %s", got, want)
	}
}

// Anything but the expiry that differs is read, whatever it is.
func TestNewsIsRead(t *testing.T) {
	for name, c := range map[string]struct{ old, new, want string }{
		"number":     {`"07"`, `"70"`, "wait number_challenge every=3s number=70 [resend]"},
		"no number":  {`"correctAnswer"`, `"x"`, "wait push every=3s [resend]"},
		"interval":   {`3000`, `5000`, "wait number_challenge every=5s number=07 [resend]"},
		"no resend":  {`"resend":`, `"x":`, "wait number_challenge every=3s number=07"},
		"message":    {`"remediation"`, `"messages":{"value":[{"message":"m","i18n":{"key":"k"}}]},"remediation"`, "wait number_challenge every=3s number=07 [resend] i:k\"m\""},
		"rejected":   {`"challenge-poll"`, `"resend"`, "denied timeout final=false [resend]"},
		"off origin": {`/idp/idx/authenticators/poll`, `https://evil.example/`, "error malformed"},
		"garbage":    {`"version"`, `version`, "error unavailable"},
	} {
		s, poll, st, _ := known(t)
		changed := strings.Replace(stillWaiting, c.old, c.new, 1)
		_, step, err := poll(answer{200, []byte(changed)}, st)
		s.paths = nil
		if got := outcome(s, nil, step, err); got != c.want {
			t.Errorf("%s: got %s, want %s", name, got, c.want)
		}
	}
}

func TestNewHandleIsUsed(t *testing.T) {
	s, poll, st, _ := known(t)
	st, _, err := poll(answer{200, []byte(strings.Replace(stillWaiting, `"h"`, `"h2"`, 1))}, st)
	if err != nil {
		t.Fatal(err)
	}
	_, _, _ = poll(answer{503, nil}, st)
	if got := s.bodies[len(s.bodies)-1]; !strings.Contains(got, `"stateHandle":"h2"`) {
		t.Errorf("the poll was posted as %s", got)
	}
}

// Messages are not in the State: a document that has some is read each time.
func TestMessagesAreShownAtEveryPoll(t *testing.T) {
	_, poll, st, _ := known(t)
	with := answer{200, []byte(strings.Replace(stillWaiting, `"remediation"`, `"messages":{"value":[{"message":"m"}]},"remediation"`, 1))}
	for range 2 {
		next, step, err := poll(with, st)
		if err != nil || len(step.Messages) != 1 {
			t.Fatalf("%+v %v", step, err)
		}
		st = next
	}
	if next, _, _ := poll(with, st); &next[0] != &st[0] {
		t.Error("the same State is another one")
	}
}

// What was missed counts in a row only: the known document ends the row.
func TestKnownDocumentForgetsMisses(t *testing.T) {
	_, poll, st, want := known(t)
	refused := answer{400, []byte(`{}`)}
	for i := range 3 * maxMisses {
		missed, _, err := poll(refused, st)
		if err != nil || missed == nil {
			t.Fatalf("after %d rounds: %s %v", i, missed, err)
		}
		next, step, err := poll(answer{200, []byte(stillWaiting)}, missed)
		if err != nil || !bytes.Equal(next, st) || !reflect.DeepEqual(step, want) {
			t.Fatalf("%s %+v %v", next, step, err)
		}
		st = next
	}
}

// Only the expiry is left out, and only where it is a member.
func TestFingerprint(t *testing.T) {
	base := fingerprint([]byte(`{"a":"1","expiresAt":"2026-01-01T00:00:00.000Z","b":"2"}`))
	for body, same := range map[string]bool{
		`{"a":"1","expiresAt":"2031-12-31T23:59:59.999Z","b":"2"}`: true,
		`{"a":"1","expiresAt": "2031-12-31T23:59:59Z","b":"2"}`:    true,
		`{"a":"3","expiresAt":"2026-01-01T00:00:00.000Z","b":"2"}`: false,
		`{"a":"1","expiresAt":"2026-01-01T00:00:00.000Z","b":"3"}`: false,
		`{"a":"1","expiresAt":"soon","b":"2"}`:                     false,
		`{"a":"1","b":"2"}`:                                        false,
	} {
		if got := fingerprint([]byte(body)) == base; got != same {
			t.Errorf("%s: same %v, want %v", body, got, same)
		}
	}
	if fingerprint([]byte(`{"a":"\"expiresAt\":\"1\""}`)) == fingerprint([]byte(`{"a":"\"expiresAt\":\"2\""}`)) {
		t.Error("the expiry is left out inside a text")
	}
}

func isWaiting(s flows.State) bool {
	_, _, ok := readWaiting(s)
	return ok
}
