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
	"time"

	"github.com/lestrrat-go/jwx/v2/jwk"
	"sidegate.example/sidegate/flows"
	"sidegate.example/sidegate/flows/okta"
	"sidegate.example/sidegate/gateway/identity"
	"sidegate.example/sidegate/gateway/store"
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
	cfg := Config{Issuer: "http://localhost:3000", ClientID: "0oa", ClientSecret: "s", Client: client, Budget: new(store.Counters)}
	if !s.guarded {
		cfg.Enroll, cfg.WebAuthn = EnrollProof{OktaPolicy: true}, true
		cfg.SelfService = SelfService{Recover: true, Unlock: true, Activate: true}
	}
	e, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	e.keys.set, e.keys.fetchedAt = jwk.NewSet(), time.Now() // so that no poll fetches them
	cc, err := flows.NewClientContext("203.0.113.7", "test", "", "")
	if err != nil {
		t.Fatal(err)
	}
	return e, cc
}

// outcome is one line that says all that matters of what the engine made of an answer: the kind, the factor, what a form
// is about, why it ended, the poll interval, the number to tap, what is needed for a set-up, where the answer goes, the
// fields with their options, the choices with what they send, and the messages.
func outcome(s *script, next flows.State, step flows.Step, err error) string {
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
	if step.Device != "" {
		parts = append(parts, fmt.Sprintf("on=%q", step.Device))
	}
	if step.Wait != nil {
		parts = append(parts, "every="+step.Wait.Interval.String())
		if step.Wait.Degraded {
			parts = append(parts, "degraded")
		}
		if step.Wait.Number != "" {
			parts = append(parts, "number="+step.Wait.Number)
		}
	}
	if s := step.Setup; s != nil {
		parts = append(parts, fmt.Sprintf("setup=%s,qr=%v,secret=%v,to=%s,link=%s", s.Channel, s.QR != nil, s.Secret != "", s.SentTo, s.Link))
	}
	if w := step.WebAuthn; w != nil {
		parts = append(parts, fmt.Sprintf("create=%v options=%s", w.Create, w.Options))
	}
	st := new(state)
	if len(next) > 0 {
		if st, err = decodeState(next); err != nil {
			return "unreadable state: " + err.Error()
		}
	}
	if st.Main != nil {
		parts = append(parts, "at="+st.Main.Path)
	}
	parts = append(parts, fieldOutcome(step.Fields)...)
	for _, c := range step.Choices {
		parts = append(parts, choiceOutcome(st, c))
	}
	return strings.Join(append(parts, messageOutcome(step.Messages)...), " ")
}

// choiceOutcome is [id:method "label" (detail)], with the method or the channel that the choice sends.
func choiceOutcome(st *state, c flows.Choice) string {
	out := "[" + c.ID
	if f := st.choice(c.ID); f != nil {
		sent := node{f.Move.Body}.get("authenticator")
		if how := sent.get(methodType).text() + sent.get(channelField).text(); how != "" {
			out += ":" + how
		}
	}
	if c.Label != "" {
		out += fmt.Sprintf(" %q", c.Label)
	}
	if c.Detail != "" {
		out += " (" + c.Detail + ")"
	}
	return out + "]"
}

// messageOutcome marks an error with ! and anything else with i.
func messageOutcome(list []flows.Message) []string {
	var out []string
	for _, m := range list {
		mark := "i:"
		if m.Error {
			mark = "!"
		}
		if m.Text != "" {
			m.Key += fmt.Sprintf("%q", m.Text)
		}
		out = append(out, mark+m.Key)
	}
	return out
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
		if f.Secret {
			part += "+secret"
		}
		if f.Label != "" {
			part += fmt.Sprintf("%q", f.Label)
		}
		if f.Value != "" {
			part += "=" + f.Value
		}
		if len(f.Options) > 0 {
			var options []string
			for _, o := range f.Options {
				options = append(options, strings.Join(append([]string{o.Value + "=" + o.Label}, fieldOutcome(o.Fields)...), " "))
			}
			part += "(" + strings.Join(options, "|") + ")"
		}
		parts = append(append(parts, part), messageOutcome(f.Messages)...)
	}
	return parts
}

// asking is the state of a person who is asked for the password.
func asking() *state {
	return &state{Want: wantPassword, Person: "joe", Redirect: "https://app", Handle: "02", Main: &move{
		Path: "/idp/idx/challenge/answer", Input: []string{"credentials", "passcode"},
	}}
}

// afterPassword is what comes of an answer to a password.
func afterPassword(t testing.TB, a answer, guarded bool) string {
	s := &script{answers: []answer{a}, guarded: guarded}
	e, cc := scripted(t, s)
	next, step, err := e.Advance(context.Background(), cc, asking().encode(), flows.Answer{Values: map[string]string{"password": "p"}})
	return outcome(s, next, step, err)
}

// afterPoll is what comes of an answer to the poll of a push.
func afterPoll(t testing.TB, a answer) string { return afterPollOf(t, a, false) }

// afterPollOf is the same, for the poll of a phone that is being set up too.
func afterPollOf(t testing.TB, a answer, enrolling bool) string {
	s := &script{answers: []answer{a}}
	e, cc := scripted(t, s)
	st := state{Enrolling: enrolling, Want: wantPhone, Person: "joe", Handle: "02", Pending: identity.Push,
		Proofs: []proof{{Factor: identity.Password, At: 1}}, Main: &move{Path: "/idp/idx/authenticators/poll"},
	}
	next, step, err := e.Poll(context.Background(), cc, st.encode())
	if len(s.paths) == 2 && s.paths[1] == introspectPath { // a refusal without a reason is looked into, in vain here
		s.paths = s.paths[:1]
	}
	return outcome(s, next, step, err)
}

// read is what a document is about: Okta's key of the authenticator, and the kind and the fields of the form that is served.
func read(t testing.TB, body []byte) (got expectation) {
	t.Helper()
	e, _ := scripted(t, &script{})
	doc, ok := readDocument(body)
	if !ok {
		return got
	}
	p, err := reader{doc, e.client.Local, true, SelfService{true, true, true}}.read()
	if err != nil || p.form == nil {
		return got
	}
	names := []string{}
	for _, f := range p.form.fields {
		names = append(names, f.name)
	}
	return expectation{authenticator: doc.current(p.form).key, ask: p.ask, fields: strings.Join(names, " ")}
}

func TestRecordedAnswers(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(recordings, "*.json"))
	if err != nil {
		t.Fatal(err)
	}
	if len(files) == 0 {
		t.Skip("the recorded answers are not beside this checkout (../shared/okta/idx-fixtures)")
	}
	if len(files) != len(recorded) {
		t.Errorf("%d recordings, of which the table has %d", len(files), len(recorded))
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
			if got := read(t, body); got.authenticator != want.authenticator || want.fields != "" && (got.ask != want.ask || got.fields != want.fields) {
				t.Errorf("read as %+v, want the authenticator %q (%d, %s)", got, want.authenticator, want.ask, want.fields)
			}
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
