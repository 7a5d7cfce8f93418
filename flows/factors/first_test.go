package factors_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"sidegate.example/sidegate/flows"
	"sidegate.example/sidegate/flows/factors"
	"sidegate.example/sidegate/gateway/identity"
)

// other is the other engine, which does as it is told.
type other struct {
	step  flows.Step
	state flows.State
	err   error
	calls []string
}

func (o *other) Start(_ context.Context, _ flows.ClientContext, redirect string, a flows.Answer) (flows.State, flows.Step, error) {
	o.calls = append(o.calls, "start "+redirect+" "+a.Values[flows.FieldIdentifier])
	return o.state, o.step, o.err
}

func (o *other) Advance(_ context.Context, _ flows.ClientContext, s flows.State, a flows.Answer) (flows.State, flows.Step, error) {
	o.calls = append(o.calls, "advance "+string(s)+" "+a.Choice)
	return o.state, o.step, o.err
}

func (o *other) Poll(_ context.Context, _ flows.ClientContext, s flows.State) (flows.State, flows.Step, error) {
	o.calls = append(o.calls, "poll "+string(s))
	return o.state, o.step, o.err
}

func (o *other) Cancel(_ context.Context, _ flows.ClientContext, s flows.State) error {
	o.calls = append(o.calls, "cancel "+string(s))
	return nil
}

func composed(t testing.TB) (*world, *other) {
	t.Helper()
	o := &other{state: flows.State("inner"), step: flows.Step{Kind: flows.KindIdentify}}
	return newWorld(t, func(c *factors.Config) { c.Primary, c.First = factors.PrimaryIdentityEngine, o }), o
}

func doneAs(subject string, proofs ...identity.Factor) flows.Step {
	id := &identity.Identity{Subject: subject, Login: "of the other engine"}
	for _, f := range proofs {
		id.Proofs = append(id.Proofs, identity.Proof{Factor: f, At: time.Unix(1, 0).UTC()})
	}
	return flows.Step{Kind: flows.KindDone, Person: login, Identity: id}
}

// The first factor by the Identity Engine, the second by the Factors API: pages, polls and cancellations go to whose turn
// it is, and the person is the one that the other engine names by id.
func TestFirstFactorOfTheOtherEngine(t *testing.T) {
	w, o := composed(t)
	w.start().want("identify")
	w.press("skip").want("identify").poll().want("identify")
	if err := w.engine.Cancel(t.Context(), w.cc, w.state); err != nil {
		t.Fatal(err)
	}
	o.step, o.state = doneAs(userID, identity.Password), nil
	w.typeIn("password", "x").want("choose")
	w.on("POST "+push+"/verify", 201, waitingPush("72"))
	w.on("GET "+pushTx, 200, `{"factorResult":"SUCCESS"}`)
	w.choose(identity.Push).poll().want("done 00uisaac password number_challenge")
	if w.step.Identity.Login != login {
		t.Errorf("the login is %q", w.step.Identity.Login)
	}
	const want = "start https://app.example/cb isaac@example.com|advance inner skip|poll inner|cancel inner|advance inner "
	if got := strings.Join(o.calls, "|"); got != want {
		t.Errorf("the other engine was called: %s", got)
	}
}

func TestFirstFactorRefused(t *testing.T) {
	w, o := composed(t)
	for name, step := range map[string]flows.Step{
		"S71 no proof":    doneAs(userID),
		"S71 no identity": {Kind: flows.KindDone},
		"S71 no subject":  doneAs("", identity.Password),
		"a path":          doneAs("../x", identity.Password),
	} {
		o.step, o.state = step, nil
		if w.start().page() != "denied no_factor final" {
			t.Errorf("%s: the page is %q", name, w.page())
		}
	}
	o.step = flows.Step{Kind: flows.KindDenied, Denied: &flows.Denied{Reason: flows.DeniedPolicy, Final: true}}
	w.start().want("denied policy final")
	o.err = &flows.Error{Reason: flows.ReasonUnavailable, Err: errors.New("x")}
	w.start().want("error unavailable")
	o.err = nil
	o.step = doneAs(userID, identity.Password, identity.Push) // its own second factor is not ours
	w.start().want("choose")
	w.on("GET "+users+userID, 200, person("SUSPENDED"))
	w.start().want("denied locked final")
	// Somebody whose login is another person's id is not that person.
	w.on("GET "+users+userID, 200, `{"id":"00uother","status":"ACTIVE","profile":{"login":"`+userID+`"}}`)
	w.start().want("denied policy final")
	if w.posts() != 0 {
		t.Errorf("Okta received %v", w.sent())
	}
}

// S71: what the other engine keeps although Okta's answer was lost is what it is given next.
func TestStateBesideAnErrorOfTheOtherEngine(t *testing.T) {
	w, o := composed(t)
	w.start()
	o.state, o.step, o.err = flows.State("left"), flows.Step{}, &flows.Error{Reason: flows.ReasonUnavailable}
	if w.press("skip"); w.err == nil {
		t.Fatalf("the page is %q, want an error", w.page())
	}
	if w.poll(); o.calls[len(o.calls)-1] != "poll left" {
		t.Errorf("the other engine was called: %q", o.calls)
	}
}
