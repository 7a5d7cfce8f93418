package identityengine

import (
	"context"
	"encoding/json"
	"net/url"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"sidegate.example/sidegate/flows"
)

// seeds are our own answers and, where they are present, Okta's.
func seeds(f *testing.F) {
	for _, pattern := range []string{"testdata/*.json", "testdata/remediation/*.json", recordings + "/*.json"} {
		files, err := filepath.Glob(pattern)
		if err != nil {
			f.Fatal(err)
		}
		for _, file := range files {
			b, err := os.ReadFile(file)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(b)
		}
	}
	f.Add([]byte(`{"version":"1.0.0","remediation":{"value":[{"name":"challenge-poll","href":"https://evil.example/"}]}}`))
	f.Add([]byte(`{"version":"1.","remediation":{"value":[{"name":"0","href":"/ "}]}}`))
	f.Add([]byte(`{"version":"1.","remediation":{"value":[{"name":"select-authenticator-authenticate","href":"/","value":[
		{"name":"authenticator","options":[{"relatesTo":"authenticatorEnrollments[0"}]}]}]},"authenticatorEnrollments":{"value":[{"key":"phone_number"}]}}`))
	f.Add([]byte(`{"version":"1.0.0","remediation":{"value":[{"name":"brand-new","href":"/x","value":[
		{"name":"profile","mutable":false,"form":{"value":[{"name":"login","label":"Login","value":"joe"},{"name":"role","label":"Role"}]}},
		{"name":"y","mutable":false,"value":{"form":{"value":[{"name":"z","form":{"value":[{"name":"id","label":"Id","value":"a"}]}}]}}}]}]}}`))
	f.Add([]byte(`{"version":"1.0.0","remediation":{"value":[{"name":"user-code","href":"/x","value":[
		{"name":"a","value":"fixed","mutable":false},{"name":"a"},{"name":"b","required":true},{"name":"b"}]}]}}`))
}

// S80: whatever Okta answers, nothing panics, no call and no link leads off the org, every page has a way back, and
// nothing that Okta fixed is changed.
func FuzzDocument(f *testing.F) {
	seeds(f)
	hostile := map[string]any{}
	for _, name := range []string{"id", "methodType", "authenticator", "identifier", "credentials", "stateHandle", "fixed"} {
		hostile[name] = "changed"
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		d, ok := readDocument(body)
		if !ok {
			return
		}
		for _, form := range d.forms {
			checkFixed(t, form.fields, build(form.fields, hostile))
		}
		for _, st := range []state{
			{Want: wantPhone, Person: "joe", Handle: "02", Pending: "push", Main: &move{Path: "/idp/idx/authenticators/poll"}},
			*asking(),
			{Want: wantPassword, Person: "joe", Handle: "02", Seeking: seekingUnlock, Main: &move{Path: "/a", Input: []string{"credentials", "passcode"}}},
		} {
			s := &script{answers: []answer{{200, body}, {200, body}}}
			e, cc := scripted(t, s)
			var next flows.State
			var step flows.Step
			var err error
			if st.Want == wantPhone {
				next, step, err = e.Poll(context.Background(), cc, st.encode())
			} else {
				next, step, err = e.Advance(context.Background(), cc, st.encode(), flows.Answer{Values: map[string]string{"password": "p"}})
			}
			if err == nil {
				checkStep(t, next, step)
				checkAgain(t, e, cc, s, body, next)
				checkBack(t, e, cc, s, next, step)
				checkHostile(t, e, cc, s, d, next, step)
			}
			if s.foreign {
				t.Fatal("a call left the org")
			}
		}
	})
}

// checkBack: whatever is shown, the person can end it at Okta and begin again. There is nothing to end where Okta gave no
// handle or holds nothing any more.
func checkBack(t *testing.T, e *Engine, cc flows.ClientContext, s *script, next flows.State, step flows.Step) {
	if step.Kind == flows.KindDone || step.Kind == flows.KindDenied && step.Denied.Final {
		return
	}
	st, err := decodeState(next)
	if err != nil {
		t.Fatalf("%s without a way back: %v", step.Kind, err)
	}
	before := len(s.paths)
	_ = e.Cancel(context.Background(), cc, next)
	if len(s.paths) != before+1 && st.Handle != "" {
		t.Fatalf("%s cannot be cancelled: %s", step.Kind, next)
	}
}

// checkFixed: the last field of a name that Okta fixed has Okta's value.
func checkFixed(t *testing.T, fields []field, body map[string]any) {
	fixed := map[string]any{}
	for i := range fields {
		f := &fields[i]
		if !f.mutable && f.literal != nil && f.form == nil {
			fixed[f.name] = f.literal
		}
	}
	for name, want := range fixed {
		if !reflect.DeepEqual(body[name], want) {
			t.Fatalf("%s became %v, Okta fixed %v", name, body[name], want)
		}
	}
}

// checkStep: a step is complete and its buttons are answerable.
func checkStep(t *testing.T, next flows.State, step flows.Step) {
	switch step.Kind {
	case flows.KindWait:
		if step.Wait == nil || step.Wait.Interval <= 0 || step.Wait.Interval > maxInterval {
			t.Fatalf("wait is %+v", step.Wait)
		}
	case flows.KindDenied:
		if step.Denied == nil || step.Denied.Final != (len(step.Choices) == 0) {
			t.Fatalf("denied is %+v with %d choices", step.Denied, len(step.Choices))
		}
		if step.Denied.Final {
			return
		}
	case flows.KindCode, flows.KindIdentify:
		if len(step.Fields) == 0 {
			t.Fatal("nothing to type")
		}
	case flows.KindChoose:
		if len(step.Choices) == 0 {
			t.Fatal("nothing to choose")
		}
	case flows.KindForm:
		if step.Topic == "" {
			t.Fatal("a form about nothing")
		}
	case flows.KindWebAuthn:
		if step.WebAuthn == nil || !json.Valid(step.WebAuthn.Options) {
			t.Fatalf("webauthn is %+v", step.WebAuthn)
		}
	default:
		t.Fatalf("kind %q without a token", step.Kind)
	}
	if _, err := decodeState(next); err != nil {
		t.Fatalf("the state %s cannot be read: %v", next, err)
	}
	if s := step.Setup; s != nil && s.Link != "" && !strings.HasPrefix(s.Link, "https://apps.apple.com/") && !strings.HasPrefix(s.Link, "https://play.google.com/") {
		t.Fatalf("a page would link to %q", s.Link) // the org of these tests has no https
	}
	checkFields(t, step.Fields, map[string]bool{})
	seen := map[string]bool{}
	for _, c := range step.Choices {
		if c.ID == "" || seen[c.ID] {
			t.Fatalf("the choice %+v is not unique", c)
		}
		seen[c.ID] = true
	}
}

// checkFields: names are unique and texts bounded.
func checkFields(t *testing.T, fields []flows.Field, seen map[string]bool) {
	for _, f := range fields {
		if f.Name == "" || seen[f.Name] || len(f.Label) > maxText || f.Secret && f.Value != "" {
			t.Fatalf("the field %+v is not unique, not bounded or tells a secret", f)
		}
		seen[f.Name] = true
		values := map[string]bool{}
		for _, o := range f.Options {
			if values[o.Value] {
				t.Fatalf("two options of %s have the value %q", f.Name, o.Value)
			}
			values[o.Value] = true
			checkFields(t, o.Fields, seen)
		}
	}
}

// checkHostile: whatever a person presses or types, what Okta fixed goes back as it came, and of a list one of its own.
func checkHostile(t *testing.T, e *Engine, cc flows.ClientContext, s *script, d *document, known flows.State, step flows.Step) {
	if len(known) == 0 {
		return
	}
	typed := map[string]string{"stateHandle": "changed", "authenticator.id": "changed", "id": "changed", "credentials.questionKey": "changed"}
	hostileValues(step.Fields, typed)
	for _, name := range []string{flows.WebAuthnClientData, flows.WebAuthnAuthenticatorData, flows.WebAuthnSignature, flows.WebAuthnAttestation, "id", "methodType"} {
		if step.WebAuthn != nil {
			typed[name] = "Y2hhbmdlZA"
		}
	}
	answers := []flows.Answer{{Values: typed}}
	for _, c := range step.Choices {
		answers = append(answers, flows.Answer{Choice: c.ID})
	}
	for _, a := range answers {
		before := len(s.bodies)
		_, _, _ = e.Advance(context.Background(), cc, known, a)
		if len(s.bodies) == before || s.paths[before] == "/oauth2/v1/interact" {
			continue // not sent, or a sign-in of its own
		}
		sent, err := parseJSON([]byte(s.bodies[before]))
		if err != nil {
			t.Fatal(err)
		}
		if !slices.ContainsFunc(formsOf(d.root), func(f node) bool {
			path, err := e.client.Local(f.get("href").text())
			if err != nil || !f.has("href") {
				return false
			}
			u, err := url.Parse(path) // the path was sent escaped
			return err == nil && u.Path == s.paths[before] && kept(f.get("value"), sent, false, depthLimit)
		}) {
			t.Fatalf("%+v was sent to %s as %s, which fits no form of the document", a, s.paths[before], s.bodies[before])
		}
	}
}

// hostileValues fills every field, and takes of every list the last option.
func hostileValues(fields []flows.Field, typed map[string]string) {
	for _, f := range fields {
		typed[f.Name] = "Changed1"
		if f.Type == flows.FieldBoolean {
			typed[f.Name] = "true"
		}
		for _, o := range f.Options {
			typed[f.Name] = o.Value
			hostileValues(o.Fields, typed)
		}
	}
}

// formsOf are the remediations and the actions, as Okta sent them.
func formsOf(root node) []node {
	out := root.get("remediation").items()
	actions := []node{root.get("currentAuthenticatorEnrollment").inner(), root.get("currentAuthenticator").inner()}
	for _, f := range out {
		actions = append(actions, root.resolve(f.get("relatesTo")))
	}
	for _, a := range actions {
		out = append(out, a.get("resend"), a.get("recover"))
	}
	return out
}

// kept reports whether body holds what Okta fixed in a list of fields: read here from Okta's JSON once more, so that the
// engine's reading and this one cannot be wrong at once. fixed is set inside an object that is fixed as a whole.
func kept(list, body node, fixed bool, depth int) bool {
	if depth == 0 {
		return true // so deep nothing is read
	}
	last := map[string]any{}
	for _, f := range list.items() {
		value := f.get("value")
		if nested := f.has("form") || value.has("form"); !nested && value.v != nil && (fixed || !f.get("mutable").flag(true)) {
			last[f.get("name").text()] = value.v
		}
	}
	delete(last, stateHandle)
	delete(last, "")
	for _, f := range list.items() {
		name, form := f.get("name").text(), f.get("form")
		if !f.has("form") {
			form = f.get("value").get("form")
		}
		sent := body.get(name)
		if _, said := last[name]; said || sent.v == nil || name == stateHandle {
			continue
		}
		if form.v != nil && !kept(form, sent, fixed || !f.get("mutable").flag(true), depth-1) {
			return false
		}
		options := f.get("options").items()
		if form.v == nil && len(options) > 0 && !slices.ContainsFunc(options, func(o node) bool { return keptOption(o, sent, depth) }) {
			return false
		}
	}
	for name, want := range last {
		if !reflect.DeepEqual(body.get(name).v, want) {
			return false
		}
	}
	return true
}

func keptOption(o, sent node, depth int) bool {
	for _, n := range []node{o.get("value"), o} {
		if n.has("form") {
			return kept(n.get("form"), sent, false, depth-1)
		}
	}
	return reflect.DeepEqual(o.get("value").v, sent.v)
}

// checkAgain: a poll that knows the document gives what one gives that reads it.
func checkAgain(t *testing.T, e *Engine, cc flows.ClientContext, s *script, body []byte, known flows.State) {
	if !isWaiting(known) {
		return
	}
	fresh, err := decodeState(known)
	if err != nil {
		t.Fatal(err)
	}
	fresh.Seen = ""
	s.answers = []answer{{200, body}, {200, body}}
	before := len(s.bodies)
	next, step, err := e.Poll(context.Background(), cc, known)
	wantNext, wantStep, wantErr := e.Poll(context.Background(), cc, fresh.encode())
	if err != nil || wantErr != nil || string(next) != string(wantNext) || !reflect.DeepEqual(step, wantStep) {
		t.Fatalf("known: %s %+v %v\n read: %s %+v %v", next, step, err, wantNext, wantStep, wantErr)
	}
	if len(s.bodies) != before+2 || s.bodies[before] != s.bodies[before+1] || s.paths[before] != s.paths[before+1] {
		t.Fatalf("the polls were sent as %q", s.bodies[before:])
	}
}

// S80: a damaged State is refused or used, never a panic, and never leads off the org.
func FuzzState(f *testing.F) {
	f.Add([]byte(`{"V":2,"a":"wait","h":"02","k":"push","m":{"p":"/idp/idx/authenticators/poll"},"e":{"p":"/idp/idx/challenge"}}`))
	f.Add([]byte(`{"V":2,"a":"pwd","m":{"p":"https://evil.example/","b":{"credentials":7},"i":["credentials","passcode"]}}`))
	f.Add([]byte(`{"V":2,"a":"code","m":{"p":"/x","i":[]},"f":[{"i":"push"}]}`))
	f.Add([]byte(`{"V":2,"a":"code"}`))
	f.Add([]byte(`{"V":2,"a":"wait","h":"02","k":"push","s":"x","y":-1,"m":{"p":"//evil.example","b":{"n":1}},"e":{},"f":[{"f":"totp"}]}`))
	f.Add([]byte(`{"V":2,"a":"pwd"}`))
	f.Add([]byte(`{"V":2,"a":"token","o":"c0de","i":9999999999,"p":[{"f":"push","t":1}]}`))
	f.Add([]byte(`{"V":2,"a":"token"}`))
	f.Add([]byte(`{"V":2,"a":"pick","f":[{"i":"push","f":"push","m":{"p":"//evil.example"}}]}`))
	f.Add([]byte(`{"V":2,"a":"no","e":null}`))
	waits := phoneState()
	f.Add([]byte(waits.encode()))
	waits.Main.Path = "//evil.example"
	f.Add([]byte(waits.encode()))
	f.Fuzz(func(t *testing.T, b []byte) {
		s := &script{}
		e, cc := scripted(t, s)
		ctx := context.Background()
		_, _, _ = e.Poll(ctx, cc, b)
		_ = e.Cancel(ctx, cc, b)
		for _, choice := range []string{"", "push", "resend", "other", "skip", "recover", "channel-qrcode", "enroll-push"} {
			_, _, _ = e.Advance(ctx, cc, b, flows.Answer{Choice: choice, Values: map[string]string{
				"password": "p", "passcode": "123456", "totp": "123456", "identifier": "joe",
			}})
		}
		if s.foreign {
			t.Fatal("a call left the org")
		}
	})
}

// S66, S67: what passes the first check is one plain RS256 token without twins.
func FuzzToken(f *testing.F) {
	f.Add("eyJhbGciOiJSUzI1NiIsImtpZCI6ImEifQ.eyJzdWIiOiJhIn0.c2ln")
	f.Add("eyJhbGciOiJSUzI1NiIsImtpZCI6ImEifQ.eyJhIjpbeyJiIjoxLCJiIjoyfV19.c2ln")
	f.Fuzz(func(t *testing.T, token string) {
		kid, payload, err := precheck(token)
		if err != nil {
			return
		}
		if kid == "" || len(token) > maxToken || strings.Count(token, ".") != 2 {
			t.Fatalf("%q passed", token)
		}
		if _, err := json.Marshal(payload.v); err != nil {
			t.Fatal(err)
		}
	})
}
