package identityengine

import (
	"cmp"
	"encoding/json"
	"maps"
	"reflect"
	"strconv"
	"strings"
	"unicode/utf8"

	"sidegate.example/sidegate/flows"
)

// A form whose fields a person fills in is read from its own description (§3.3), whatever it is about: what Okta fixed
// is sent back as it came, and everything else becomes an input of the page.

const (
	maxInputs  = 48
	maxOptions = 64
	// maxTyped bounds what is sent on of one input.
	maxTyped = 4096
)

// input is one field of the page and where its value goes in the body.
type input struct {
	Name     string          `json:"n"`
	Path     []string        `json:"p,omitempty"` // none: it is ours, and is not sent
	Type     flows.FieldType `json:"t,omitempty"`
	Label    string          `json:"l,omitempty"`
	Required bool            `json:"r,omitempty"`
	Secret   bool            `json:"s,omitempty"`
	Number   bool            `json:"d,omitempty"` // it is sent as one
	Value    string          `json:"v,omitempty"`
	Options  []inputOption   `json:"o,omitempty"`
}

// inputOption is one answer: a literal, or for an alternative what Okta fixed of it and the inputs that it has.
type inputOption struct {
	Value   string  `json:"v"`
	Label   string  `json:"l,omitempty"`
	Literal any     `json:"x,omitempty"`
	Inputs  []input `json:"i,omitempty"`
}

// inputs reads what a person has to fill in. It is nil and false for a form that no page can show: one that wants what
// only a script or a device has (§4.4), or that is too large.
type inputs struct {
	list     []input
	messages map[string][]flows.Message
	named    map[string]bool
	left     int
	hidden   bool // a required value that no page shows
}

func readInputs(fields []field) (*inputs, bool) {
	in := &inputs{messages: map[string][]flows.Message{}, named: map[string]bool{}, left: maxInputs}
	in.list = in.read(fields, nil, "")
	return in, !in.hidden && in.left >= 0
}

// read names every input by its place, so that names are unique.
func (in *inputs) read(fields []field, path []string, prefix string) []input {
	var out []input
	for i := range fields {
		f := &fields[i]
		if f.name == stateHandle || fixedIn(fields, f.name) {
			continue
		}
		at := append(path[:len(path):len(path)], f.name)
		name := prefix + f.name
		if f.form == nil && in.named[name] {
			continue
		}
		in.named[name] = true
		if f.form != nil {
			in.keep(name, f.messages)
			out = append(out, in.read(f.form, at, name+".")...)
			continue
		}
		if len(f.options) == 0 && (!f.mutable || f.literal != nil && f.label == "" && f.kind != "boolean") {
			continue // an id: Okta does not mark them all as fixed, or leaves the value out
		}
		if !f.visible {
			in.hidden = in.hidden || f.required && f.literal == nil
			continue
		}
		if in.left--; in.left < 0 {
			return out
		}
		in.keep(name, f.messages)
		out = append(out, in.one(f, name, at))
	}
	return out
}

func (in *inputs) keep(name string, messages []flows.Message) {
	if len(messages) > 0 {
		in.messages[name] = messages
	}
}

func (in *inputs) one(f *field, name string, path []string) input {
	i := input{Name: name, Path: path, Label: f.label, Required: f.required || f.name == "authenticator", Secret: f.secret}
	switch {
	case len(f.options) > 0:
		i.Type = flows.FieldSelect
		for n, o := range f.options[:min(len(f.options), maxOptions)] {
			if o.literal == "signed_nonce" {
				continue // FastPass cannot be served (§5.5)
			}
			option := inputOption{Value: strconv.Itoa(n), Label: cmp.Or(o.label, shorten(node{o.literal}.text())), Literal: o.literal}
			if o.form != nil {
				i.Type = flows.FieldAlternatives
				option.Literal = build(o.form, nil)
				option.Inputs = in.read(o.form, nil, name+"."+option.Value+".")
			}
			if o.form == nil && f.literal != nil && reflect.DeepEqual(o.literal, f.literal) {
				i.Value = option.Value
			}
			i.Options = append(i.Options, option)
		}
	case f.kind == "boolean":
		i.Type = flows.FieldBoolean
		if (node{f.literal}).flag(false) {
			i.Value = "true"
		}
	default:
		i.Type, i.Number = textType(f.name), f.kind == "number" || f.kind == "integer"
		if !f.secret {
			i.Value = shorten(node{f.literal}.text())
		}
	}
	return i
}

// textType tells addresses and numbers by the names that Okta gives their fields.
func textType(name string) flows.FieldType {
	switch name = strings.ToLower(name); {
	case strings.HasSuffix(name, "email"): // not "emailCode"
		return flows.FieldEmail
	case strings.Contains(name, "phone"):
		return flows.FieldTel
	}
	return flows.FieldText
}

// fields are the inputs as the page sees them, with the messages that belong to each.
func pageFields(list []input, messages map[string][]flows.Message) []flows.Field {
	out := make([]flows.Field, len(list))
	for n, i := range list {
		out[n] = flows.Field{
			Name: i.Name, Type: i.Type, Label: i.Label, Required: i.Required, Secret: i.Secret, Value: i.Value,
			Messages: messages[i.Name],
		}
		for _, o := range i.Options {
			out[n].Options = append(out[n].Options, flows.Option{Value: o.Value, Label: o.Label, Fields: pageFields(o.Inputs, messages)})
		}
	}
	return out
}

// fill puts the person's answers into body and returns what is wrong with them, by the input's name.
func fill(body map[string]any, list []input, values map[string]string) map[string][]flows.Message {
	wrong := map[string][]flows.Message{}
	for i := range list {
		in := &list[i]
		if key := in.fill(body, values, wrong); key != "" {
			wrong[in.Name] = []flows.Message{{Key: key, Error: true}}
		}
	}
	return wrong
}

// fill returns the key of what is wrong, "" when nothing is.
func (in *input) fill(body map[string]any, values map[string]string, wrong map[string][]flows.Message) string {
	typed := values[in.Name]
	if in.Type == flows.FieldBoolean {
		put(body, in.Path, typed == "true")
		return ""
	}
	if !in.Secret {
		typed = strings.TrimSpace(typed)
	}
	if typed == "" && len(in.Options) > 0 {
		typed = in.Value // what Okta chose stands until the person chooses
	}
	if typed == "" {
		remove(body, in.Path)
		if in.Required {
			return keyRequired
		}
		return ""
	}
	if len(in.Options) > 0 {
		return in.choose(body, typed, values, wrong)
	}
	if len(typed) > maxTyped || !utf8.ValidString(typed) || !in.Secret && !printable(typed) {
		return keyUnreadable
	}
	if in.Number {
		if _, err := strconv.ParseFloat(typed, 64); err != nil || !json.Valid([]byte(typed)) {
			return keyUnreadable
		}
		put(body, in.Path, json.Number(typed))
		return ""
	}
	put(body, in.Path, typed)
	return ""
}

// choose takes one of the options that Okta gave, and nothing else.
func (in *input) choose(body map[string]any, typed string, values map[string]string, wrong map[string][]flows.Message) string {
	for _, o := range in.Options {
		if o.Value != typed {
			continue
		}
		chosen := o.Literal
		if nested, ok := chosen.(map[string]any); ok {
			nested = cloned(nested)
			maps.Copy(wrong, fill(nested, o.Inputs, values))
			chosen = nested
		}
		put(body, in.Path, chosen)
		return ""
	}
	return keyRequired
}

// put sets the value at a path, making what is not there. The caller owns body and all in it.
func put(body map[string]any, path []string, value any) {
	if len(path) == 0 {
		return
	}
	for _, name := range path[:len(path)-1] {
		next, ok := body[name].(map[string]any)
		if !ok {
			next = map[string]any{}
			body[name] = next
		}
		body = next
	}
	body[path[len(path)-1]] = value
}

func remove(body map[string]any, path []string) {
	if len(path) == 0 {
		return
	}
	for _, name := range path[:len(path)-1] {
		next, ok := body[name].(map[string]any)
		if !ok {
			return
		}
		body = next
	}
	delete(body, path[len(path)-1])
}

// cloned copies a body and every object in it.
func cloned(body map[string]any) map[string]any {
	out := make(map[string]any, len(body))
	for k, v := range body {
		if nested, ok := v.(map[string]any); ok {
			v = cloned(nested)
		}
		out[k] = v
	}
	return out
}
