package identityengine

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sidegate.example/sidegate/flows"
	"sidegate.example/sidegate/flows/okta"
	"sidegate.example/sidegate/gateway/identity"
)

// recordings is where Okta's recorded answers lie beside a checkout.
const recordings = "../../../shared/okta/idx-fixtures"

// script answers calls from a list of bodies; when it is used up, with 503, which shows as ReasonUnavailable.
type script struct {
	answers []answer
	paths   []string
	bodies  []string
	foreign bool
	// guarded is an engine with no option switched on.
	guarded bool
}

type answer struct {
	status int
	body   []byte
}

func (s *script) RoundTrip(r *http.Request) (*http.Response, error) {
	s.foreign = s.foreign || r.URL.Host != "localhost:3000"
	sent, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	s.paths, s.bodies = append(s.paths, r.URL.Path), append(s.bodies, string(sent))
	a := answer{status: http.StatusServiceUnavailable}
	if len(s.answers) > 0 {
		a, s.answers = s.answers[0], s.answers[1:]
	}
	return &http.Response{
		StatusCode: a.status, Header: http.Header{}, Request: r,
		Body: io.NopCloser(strings.NewReader(string(a.body))),
	}, nil
}

// scripted is an engine of the recorded org.
func scripted(t testing.TB, s *script) (*Engine, flows.ClientContext) {
	t.Helper()
	client, err := okta.New(okta.Config{Org: "http://localhost:3000", Transport: s})
	if err != nil {
		t.Fatal(err)
	}
	cfg := Config{Issuer: "http://localhost:3000", ClientID: "0oa", ClientSecret: "s", Client: client}
	if !s.guarded {
		cfg.Enroll, cfg.WebAuthn = EnrollProof{OktaPolicy: true}, true
		cfg.SelfService = SelfService{Recover: true, Unlock: true, Activate: true}
	}
	e, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	cc, err := flows.NewClientContext("203.0.113.7", "test", "", "")
	if err != nil {
		t.Fatal(err)
	}
	return e, cc
}

// outcome is one line that says all that matters of what the engine made of an answer.
func outcome(s *script, step flows.Step, err error) string {
	if len(s.paths) > 1 {
		return "calls " + strings.Join(s.paths[1:], " ")
	}
	if failed := new(flows.Error); errors.As(err, &failed) {
		return "error " + string(failed.Reason)
	}
	parts := []string{string(step.Kind)}
	if step.Enrolling {
		parts = append(parts, "enrolling")
	}
	for _, word := range []string{string(step.Factor), string(step.Topic)} {
		if word != "" {
			parts = append(parts, word)
		}
	}
	if step.Denied != nil {
		parts = append(parts, string(step.Denied.Reason), fmt.Sprintf("final=%v", step.Denied.Final))
		if step.Denied.Obstacle != "" {
			parts = append(parts, "obstacle="+string(step.Denied.Obstacle))
		}
	}
	if step.Wait != nil {
		parts = append(parts, step.Wait.Interval.String(), "number="+step.Wait.Number)
	}
	if s := step.Setup; s != nil {
		parts = append(parts, fmt.Sprintf("setup=%s,qr=%v,secret=%v,to=%s,link=%s", s.Channel, s.QR != nil, s.Secret != "", s.SentTo, s.Link))
	}
	if w := step.WebAuthn; w != nil {
		parts = append(parts, fmt.Sprintf("create=%v options=%s", w.Create, w.Options))
	}
	parts = append(parts, fieldOutcome(step.Fields)...)
	for _, c := range step.Choices {
		parts = append(parts, "["+c.ID+"]")
	}
	for _, m := range step.Messages {
		parts = append(parts, "!"+m.Key)
	}
	return strings.Join(parts, " ")
}

// fieldOutcome names each input with its type; a star is for required, and alternatives have theirs in brackets.
func fieldOutcome(fields []flows.Field) []string {
	var parts []string
	for _, f := range fields {
		part := "field=" + f.Name
		if f.Type != flows.FieldText {
			part += ":" + string(f.Type)
		}
		if f.Required {
			part += "*"
		}
		if len(f.Options) > 0 {
			var options []string
			for _, o := range f.Options {
				options = append(options, strings.Join(append([]string{o.Value}, fieldOutcome(o.Fields)...), " "))
			}
			part += "(" + strings.Join(options, "|") + ")"
		}
		parts = append(parts, part)
		for _, m := range f.Messages {
			parts = append(parts, "!"+m.Key)
		}
	}
	return parts
}

// afterPassword is what comes of an answer to a password.
func afterPassword(t testing.TB, a answer, guarded bool) string {
	s := &script{answers: []answer{a}, guarded: guarded}
	e, cc := scripted(t, s)
	st := state{Want: wantPassword, Person: "joe", Redirect: "https://app", Handle: "02", Main: &move{
		Path: "/idp/idx/challenge/answer", Input: []string{"credentials", "passcode"},
	}}
	_, step, err := e.Advance(context.Background(), cc, st.encode(), flows.Answer{Values: map[string]string{"password": "p"}})
	return outcome(s, step, err)
}

// afterPoll is what comes of an answer to the poll of a push.
func afterPoll(t testing.TB, a answer) string {
	s := &script{answers: []answer{a}}
	e, cc := scripted(t, s)
	st := state{Want: wantPhone, Person: "joe", Handle: "02", Pending: identity.Push,
		Proofs: []proof{{Factor: identity.Password, At: 1}}, Main: &move{Path: "/idp/idx/authenticators/poll"},
	}
	_, step, err := e.Poll(context.Background(), cc, st.encode())
	return outcome(s, step, err)
}

func TestRecordedAnswers(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(recordings, "*.json"))
	if err != nil {
		t.Fatal(err)
	}
	if len(files) == 0 {
		t.Skip("the recorded answers are not beside this checkout (../shared/okta/idx-fixtures)")
	}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".json")
		t.Run(name, func(t *testing.T) {
			want, ok := recorded[name]
			body, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if want.status == 0 {
				want.status = http.StatusOK
			}
			a := answer{want.status, body}
			if got := afterPassword(t, a, false); !ok || got != want.afterPassword {
				t.Errorf("after the password:\n got %s\nwant %s", got, want.afterPassword)
			}
			if want.guarded == "" {
				want.guarded = want.afterPassword
			}
			if got := afterPassword(t, a, true); !ok || got != want.guarded {
				t.Errorf("after the password, no option switched on:\n got %s\nwant %s", got, want.guarded)
			}
			if want.afterPoll == "" {
				want.afterPoll = want.afterPassword
			}
			if got := afterPoll(t, a); !ok || got != want.afterPoll {
				t.Errorf("after a poll:\n got %s\nwant %s", got, want.afterPoll)
			}
		})
	}
}
