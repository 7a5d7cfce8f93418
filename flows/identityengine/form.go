package identityengine

import (
	"maps"
	"slices"

	"sidegate.example/sidegate/flows"
)

// depthLimit bounds nested forms; the deepest recorded ones have four levels.
const depthLimit = 8

// form is a remediation or an action: something that Okta can be sent.
type form struct {
	name, href, method string
	kind               string // of a redirect: "X509" is a smart card
	refresh            node
	relatesTo          node
	fields             []field
}

// field is one input of a form, with every variant of identity-engine.md §3.3 made one.
type field struct {
	name, label string
	kind        string // Ion's type: "string", "boolean", "object", ...; may be empty
	required    bool
	mutable     bool
	visible     bool
	secret      bool
	// literal is the default or, when not mutable, the fixed value; nil when there is none.
	literal any
	// form holds the fields of a nested object; nil for a scalar.
	form     []field
	options  []option
	messages []flows.Message
}

// option is one of the alternatives of a field: a scalar literal or a nested form.
type option struct {
	label     string
	literal   any
	form      []field
	relatesTo node
}

func readForm(n node) *form {
	return &form{
		name:      n.get("name").text(),
		href:      n.get("href").text(),
		method:    n.get("method").text(),
		kind:      n.get("type").text(),
		refresh:   n.get("refresh"),
		relatesTo: n.get("relatesTo"),
		fields:    readFields(n.get("value"), depthLimit),
	}
}

func readFields(n node, depth int) []field {
	if depth == 0 {
		return nil
	}
	var out []field
	for _, item := range n.items() {
		if name := item.get("name").text(); name != "" {
			out = append(out, readField(name, item, depth))
		}
	}
	return out
}

func readField(name string, n node, depth int) field {
	f := field{
		name:     name,
		label:    shorten(n.get("label").text()),
		kind:     n.get("type").text(),
		visible:  n.get("visible").flag(true),
		required: n.get("required").flag(n.get("requred").flag(false)),
		mutable:  n.get("mutable").flag(true),
		secret:   n.get("secret").flag(false),
		messages: readMessages(n.get("messages")),
	}
	switch value := n.get("value"); {
	case n.has("form"):
		f.form = readFields(n.get("form"), depth-1)
	case value.has("form"):
		f.form = readFields(value.get("form"), depth-1)
	default:
		f.literal = value.v
	}
	if !f.mutable {
		fix(f.form)
	}
	for _, o := range n.get("options").items() {
		f.options = append(f.options, readOption(o, depth))
	}
	return f
}

// fix makes what an immutable object holds immutable too. What has no value in it is still to be filled in.
func fix(fields []field) {
	for i := range fields {
		f := &fields[i]
		f.mutable = f.mutable && f.literal == nil
		fix(f.form)
	}
}

func readOption(n node, depth int) option {
	o := option{label: shorten(n.get("label").text()), relatesTo: n.get("relatesTo")}
	switch value := n.get("value"); {
	case value.has("form"):
		o.form = readFields(value.get("form"), depth-1)
	case n.has("form"):
		o.form = readFields(n.get("form"), depth-1) // one recording has it so
	default:
		o.literal = value.v
	}
	return o
}

// find returns the field of that name, nil when there is none.
func find(fields []field, name string) *field {
	for i := range fields {
		if fields[i].name == name {
			return &fields[i]
		}
	}
	return nil
}

// build makes the object to post: the defaults, over them the input for fields that exist, over that the
// values that Okta fixed, which nothing may change (§3.7).
func build(fields []field, input map[string]any) map[string]any {
	out := map[string]any{}
	for i := range fields {
		f := &fields[i]
		given, ok := input[f.name]
		switch {
		case f.form != nil:
			nested, _ := given.(map[string]any)
			inner := build(f.form, nested)
			if before, ok := out[f.name].(map[string]any); ok {
				maps.Copy(before, inner) // "userProfile" comes three times in one form (§3.3)
			} else if len(inner) > 0 || f.required {
				out[f.name] = inner
			}
		case ok:
			out[f.name] = given
		case f.literal != nil:
			out[f.name] = f.literal
		}
	}
	// A name may occur twice: the fixed value wins wherever it stands.
	for i := range fields {
		if fields[i].fixed() {
			out[fields[i].name] = fields[i].literal
		}
	}
	return out
}

// fixed reports whether Okta gave the value and forbids to change it. A choice that says it is immutable
// and has no value is still to be made.
func (f *field) fixed() bool { return !f.mutable && f.literal != nil && f.form == nil }

// fixedIn reports whether Okta fixed the value of that name anywhere in a form: a name may occur twice.
func fixedIn(fields []field, name string) bool {
	return slices.ContainsFunc(fields, func(f field) bool { return f.name == name && f.fixed() })
}

// unanswered lists the required fields that have no value in body: what a page would have to ask.
func unanswered(fields []field, body map[string]any) []string {
	var out []string
	for i := range fields {
		f := &fields[i]
		value, ok := body[f.name]
		if nested, isObject := value.(map[string]any); isObject && f.form != nil {
			if f.required {
				out = append(out, unanswered(f.form, nested)...)
			}
			continue
		}
		if f.required && !ok && f.name != stateHandle {
			out = append(out, f.name)
		}
	}
	return out
}

// stateHandle is the field that every call carries.
const stateHandle = "stateHandle"

// move is a call that can be made later: what a State keeps of a form.
type move struct {
	// Path is local to the org.
	Path string `json:"p"`
	// Body is what to post, without the state handle.
	Body map[string]any `json:"b,omitempty"`
	// Handle is the form's own state handle where it differs from the document's.
	Handle string `json:"h,omitempty"`
	// Input is where in Body the person's one answer goes; Inputs, for a form of several, where each does.
	Input  []string `json:"i,omitempty"`
	Inputs []input  `json:"n,omitempty"`
}

// withInput is the body with value put where Input says.
func (m *move) withInput(value string) map[string]any {
	if len(m.Input) == 0 {
		return m.Body
	}
	body := maps.Clone(m.Body)
	if body == nil {
		body = map[string]any{}
	}
	at := body
	for _, name := range m.Input[:len(m.Input)-1] {
		nested, _ := at[name].(map[string]any)
		nested = maps.Clone(nested)
		if nested == nil {
			nested = map[string]any{}
		}
		at[name] = nested
		at = nested
	}
	at[m.Input[len(m.Input)-1]] = value
	return body
}
