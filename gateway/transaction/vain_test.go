package transaction_test

import (
	"context"
	"testing"
	"time"

	"sidegate.example/sidegate/flows"
	"sidegate.example/sidegate/gateway/identity"
	"sidegate.example/sidegate/gateway/transaction"
)

// named is the begin of who knows nothing but a name.
func (r *rig) named(addr, user string) transaction.View {
	r.Helper()
	v, err := r.Begin(context.Background(), transaction.Begin{Engine: engine, Site: site, Client: client(r, addr),
		Answer: flows.Answer{Values: map[string]string{flows.FieldIdentifier: user}}})
	if err != nil {
		r.Fatalf("Begin: %v", err)
	}
	return v
}

// first makes the org answer every begin with step.
func (r *rig) first(step flows.Step) {
	r.org.script(func(o *org) { o.onStart = func(flows.Answer) (flows.Step, error) { return step, nil } })
}

func passwordAnd(choice string) flows.Answer {
	a := typed("ann")
	a.Choice = choice
	return a
}

// Where Okta asks for the name first, names alone lead to a list of factors and to a code; they keep no place.
func TestNamesAloneKeepNoPlace(t *testing.T) {
	list := func(f ...identity.Factor) flows.Step {
		s := flows.Step{Kind: flows.KindChoose}
		for _, f := range f {
			s.Choices = append(s.Choices, flows.Choice{ID: string(f), Kind: flows.ChoiceFactor, Factor: f})
		}
		return s
	}
	asksPassword := flows.Step{Kind: flows.KindCode, Factor: identity.Password, Fields: []flows.Field{{Name: flows.FieldPassword}}}
	withError := code("")
	withError.Messages = []flows.Message{{Error: true}}
	name := func(r *rig) transaction.View { return r.named("203.0.113.7", "ann") }
	password := func(r *rig) transaction.View { return r.begin("ann") }
	for what, c := range map[string]struct {
		first flows.Step
		reach func(r *rig) transaction.View
		stays bool
	}{
		"name, list":                     {list(identity.Push, identity.TOTP), name, false},
		"name, code":                     {code(""), name, false},
		"name, push":                     {push(""), name, true},
		"password, list":                 {list(identity.Push, identity.TOTP), password, true},
		"password, list with passwords":  {list(identity.Push, identity.Password), password, false},
		"password, code":                 {code(""), password, true},
		"password, password asked again": {asksPassword, password, false},
		"password, code with an error":   {withError, password, false},
		"password only now": {asksPassword, func(r *rig) transaction.View {
			v, _ := r.answer(name(r), passwordAnd("totp"))
			return v
		}, true},
		"a password that nobody asked for": {push(""), func(r *rig) transaction.View {
			v, _ := r.answer(name(r), passwordAnd("totp"))
			return v
		}, false},
		"wrong code": {code(""), func(r *rig) transaction.View {
			v, _ := r.answer(name(r), digits("000000"))
			return v
		}, false},
		"push, another way": {push(""), func(r *rig) transaction.View {
			v, _ := r.answer(name(r), choose("totp"))
			return v
		}, false},
		"push approved, code": {push(""), func(r *rig) transaction.View {
			v := name(r)
			r.org.phone(v, code(v.Step.Person))
			r.Touch(v.ID, site)
			time.Sleep(interval * 11 / 10)
			return r.get(v)
		}, true},
	} {
		t.Run(what, func(t *testing.T) {
			within(t, transaction.Config{MaxPending: 1}, func(r *rig) {
				r.first(c.first)
				v := c.reach(r)
				if !c.stays {
					r.beginFrom("203.0.113.8", "bob")
					r.wantGone(v)
					return
				}
				r.wantBusy("203.0.113.8")
				r.get(v)
			})
		})
	}
}

// A list of factors makes room when it must, and otherwise stays for as long as a person may take to find the phone.
func TestNamesAloneHaveTheWholeLifetime(t *testing.T) {
	within(t, transaction.Config{}, func(r *rig) {
		r.first(code(""))
		v := r.named("203.0.113.7", "ann")
		time.Sleep(10*time.Minute - time.Nanosecond)
		r.wantKind(r.get(v), flows.KindCode)
	})
}
