package identityengine

import (
	"slices"
	"strconv"
	"time"

	"sidegate.example/sidegate/gateway/identity"
)

// maxFactors bounds the buttons of a page and with them a State. The longest recorded list has thirteen.
const maxFactors = 32

// factorChoice is a factor that can be chosen, with the call that chooses it.
type factorChoice struct {
	ID     string          `json:"i"`
	Factor identity.Factor `json:"f"`
	Label  string          `json:"l,omitempty"`
	Detail string          `json:"d,omitempty"`
	Move   move            `json:"m"`
	// Enroll is set when the factor is to be set up and not to be used.
	Enroll bool `json:"e,omitempty"`
}

// sameAs reports whether both choose the same factor of the same enrolment, as far as Okta tells enrolments apart.
func (c factorChoice) sameAs(side factorChoice, outer string) bool {
	of := func(c factorChoice) string { return node{c.Move.Body}.get(outer).get("enrollmentId").text() }
	return c.Factor == side.Factor && c.Enroll == side.Enroll && (of(c) == "" || of(side) == "" || of(c) == of(side))
}

// sideFactors are the choices of the document's chooser.
func (r reader) sideFactors() []factorChoice {
	var out []factorChoice
	for _, f := range r.doc.forms {
		enroll := f.name == "select-authenticator-enroll"
		if f.name != "select-authenticator-authenticate" && !enroll {
			continue
		}
		outer := find(f.fields, "authenticator")
		if outer == nil {
			continue
		}
		for _, o := range outer.options {
			if o.form == nil {
				continue // there is nothing to choose it by: Okta would be sent an empty authenticator
			}
			at := readAuthenticator(r.doc.root.resolve(o.relatesTo))
			if at.key == "webauthn" && !enroll && slices.ContainsFunc(out, func(c factorChoice) bool { return c.Factor == identity.WebAuthn && !c.Enroll }) {
				continue // the browser is asked for any of the person's credentials at once
			}
			if enroll {
				out = append(out, r.enrolment(f, outer.name, o, at)...)
			} else {
				out = append(out, r.choices(f, outer.name, o.form, at, o.label)...)
			}
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
	for _, m := range r.servedMethods(fields, at) {
		if m.label == "" && !at.isOktaVerify() {
			m.label = label
		}
		input := map[string]any{}
		if find(fields, methodType) != nil || at.isOktaVerify() || at.key == "phone_number" {
			input[methodType] = m.name // where the form does not ask, it saves a step (§4.6)
		}
		out = append(out, factorChoice{
			Factor: m.factor, Label: shorten(m.label), Detail: at.detail(), Move: chosen(base, outer, fields, input),
		})
	}
	return out
}

// chosen is the call base with one option of its list, of which input fixes what Okta leaves open.
func chosen(base *move, outer string, fields []field, input map[string]any) move {
	m := *base
	m.Body = map[string]any{}
	for k, v := range base.Body {
		m.Body[k] = v
	}
	body := build(fields, nil)
	for name, value := range input {
		if value != "" {
			body[name] = value
		}
	}
	m.Body[outer] = body
	return m
}

// enrolment is the choice to set an authenticator up. What Okta then asks for, such as a phone number, it asks for in
// a form of its own (§4.2).
func (r reader) enrolment(f *form, outer string, o option, at authenticator) []factorChoice {
	base := r.move(f, nil)
	k, known := r.kind(at)
	if base == nil || !known || len(k.methods) == 0 {
		return nil
	}
	input := map[string]any{}
	if c := find(o.form, channelField); c != nil && len(c.options) > 0 {
		input[channelField] = defaultChannel(c.options)
	}
	factor := r.currentFactor(at)
	if at.key == "phone_number" {
		factor = identity.SMS
	}
	return []factorChoice{{Enroll: true, Factor: factor, Label: shorten(o.label), Detail: at.grace(), Move: chosen(base, outer, o.form, input)}}
}

// grace says until when the set-up can be postponed (§3.5); "" when it cannot or no day is named.
func (a authenticator) grace() string {
	expiry := a.node.get("gracePeriod").get("expiry").text()
	until, err := time.Parse(time.DateOnly, expiry[:min(len(expiry), len(time.DateOnly))]) // what follows has several forms
	if err != nil {
		return ""
	}
	return "can wait until " + until.Format("2 January 2006")
}

const channelField = "channel"

// defaultChannel is the QR code where Okta offers it.
func defaultChannel(options []option) string {
	for _, o := range options {
		if (node{o.literal}).text() == "qrcode" {
			return "qrcode"
		}
	}
	return node{options[0].literal}.text()
}

const methodType = "methodType"

type method struct {
	name, label string
	factor      identity.Factor
}

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
			out = append(out, method{name: node{o.literal}.text(), label: o.label})
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
	seen := map[string]int{choiceOther: 1} // the way back to the list is called like the factor "other"
	for i := range list {
		id := string(list[i].Factor)
		if list[i].Enroll {
			id = "enroll-" + id
		}
		seen[id]++
		list[i].ID = id
		if n := seen[id]; n > 1 {
			list[i].ID += "-" + strconv.Itoa(n)
		}
	}
	return list
}
