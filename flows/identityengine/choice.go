package identityengine

import (
	"strconv"

	"sidegate.example/sidegate/gateway/identity"
)

// maxFactors bounds the buttons of a page and with them a State.
const maxFactors = 10

// factorChoice is a factor that can be chosen, with the call that chooses it.
type factorChoice struct {
	ID     string          `json:"i"`
	Factor identity.Factor `json:"f"`
	Label  string          `json:"l,omitempty"`
	Detail string          `json:"d,omitempty"`
	Move   move            `json:"m"`
}

// servable are the methods of Okta Verify that a person can use here. signed_nonce (FastPass) needs a process on
// their machine that answers Okta, and is never offered.
var servable = map[string]identity.Factor{"push": identity.Push, "totp": identity.TOTP}

// sideFactors are the choices of the document's chooser.
func (r reader) sideFactors() []factorChoice {
	var out []factorChoice
	for _, f := range r.doc.forms {
		if f.name != "select-authenticator-authenticate" {
			continue
		}
		outer := find(f.fields, "authenticator")
		if outer == nil {
			continue
		}
		for _, o := range outer.options {
			at := readAuthenticator(r.doc.root.resolve(o.relatesTo))
			out = append(out, r.choices(f, outer.name, o.form, at, o.label)...)
		}
	}
	return numbered(out)
}

// choices are the factors of one authenticator: one for each method that can be served.
func (r reader) choices(f *form, outer string, fields []field, at authenticator, label string) []factorChoice {
	base := r.move(f, nil)
	if base == nil {
		return nil
	}
	var out []factorChoice
	add := func(factor identity.Factor, method, label string) {
		m := *base
		m.Body = map[string]any{}
		for k, v := range base.Body {
			m.Body[k] = v
		}
		chosen := build(fields, map[string]any{methodType: method})
		if method != "" {
			chosen[methodType] = method
		}
		m.Body[outer] = chosen
		out = append(out, factorChoice{Factor: factor, Label: shorten(label), Detail: at.device, Move: m})
	}
	switch {
	case at.isPassword():
		add(identity.Password, fixedMethod(fields), label)
	case at.isOktaVerify():
		for _, m := range methodsOf(fields, at) {
			if factor, ok := servable[m.name]; ok {
				add(factor, m.name, m.label)
			}
		}
	}
	return out
}

const methodType = "methodType"

type method struct{ name, label string }

func fixedMethod(fields []field) string {
	if m := find(fields, methodType); m != nil {
		return node{m.literal}.text()
	}
	return ""
}

// methodsOf are the methods that a form leaves to choose; a form that does not ask leaves those of the
// authenticator.
func methodsOf(fields []field, at authenticator) []method {
	var out []method
	if fixed := fixedMethod(fields); fixed != "" {
		return []method{{name: fixed}}
	}
	if m := find(fields, methodType); m != nil && len(m.options) > 0 {
		for _, o := range m.options {
			out = append(out, method{node{o.literal}.text(), o.label})
		}
		return out
	}
	for _, name := range at.methods {
		out = append(out, method{name: name})
	}
	return out
}

// numbered gives every choice an ID that is unique on the page: "push", and "push-2" on a second phone.
func numbered(list []factorChoice) []factorChoice {
	list = list[:min(len(list), maxFactors)]
	seen := map[identity.Factor]int{}
	for i := range list {
		f := list[i].Factor
		seen[f]++
		list[i].ID = string(f)
		if n := seen[f]; n > 1 {
			list[i].ID += "-" + strconv.Itoa(n)
		}
	}
	return list
}
