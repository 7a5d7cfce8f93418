package ui

import (
	"slices"
	"strconv"
	"strings"

	"sidegate.example/sidegate/flows"
	"sidegate.example/sidegate/gateway/identity"
)

// field is one input as the templates see it.
type field struct {
	ID, Name string
	// Okta is Okta's label; Text is the key of our own.
	Okta, Text string
	Type       string
	// Autocomplete and InputMode help password managers and phone keyboards.
	Autocomplete, InputMode string
	Value                   string
	Errors, Infos           []string
	// DescribedBy is the ids of what belongs to the input: its own messages, or the page's.
	DescribedBy string
	Invalid     bool
	Focus       bool
	// Reveal offers to show what is typed.
	Reveal bool
}

// fields prepares the inputs of a step. seen keeps what the page has told already.
func fields(s flows.Step, seen *messages, pageErrors bool) []field {
	out := make([]field, len(s.Fields))
	for i, in := range s.Fields {
		f := &out[i]
		id := "f" + strconv.Itoa(i)
		f.ID, f.Name = id, "f."+in.Name
		if !ownWords(s) {
			f.Okta = strings.TrimSpace(in.Label)
		}
		f.typed(s, in)
		f.Errors, f.Infos = seen.split(in.Messages)
		switch {
		case len(f.Errors) > 0:
			f.Invalid, f.DescribedBy = true, id+"-messages"
		case len(f.Infos) > 0:
			f.DescribedBy = id + "-messages"
		case pageErrors:
			f.DescribedBy = "errors"
		}
		if !in.Secret {
			f.Value = in.Value
		}
	}
	focus(out)
	return out
}

// typed says how the field is to be typed. A code is shown while it is typed, secret or not: it is
// read off a phone, dies within a minute, and is easier to get right in plain sight.
func (f *field) typed(s flows.Step, in flows.Field) {
	f.Type, f.Autocomplete, f.Text = "text", "off", "field.code"
	switch {
	case s.Kind != flows.KindCode && in.Name == flows.FieldIdentifier:
		f.Autocomplete, f.Text = "username", "field.identifier"
	case s.Kind != flows.KindCode && in.Name == flows.FieldPassword, s.Factor == identity.Password:
		f.Autocomplete, f.Text = "current-password", "field.password"
		f.Type, f.Reveal = "password", true
	case s.Factor == identity.SecurityQuestion:
		f.Text = "field.answer"
		if in.Secret {
			f.Type, f.Reveal = "password", true
		}
	case s.Factor == identity.HardwareOTP:
		f.Autocomplete = "one-time-code" // some keys type letters
	case numeric(s.Factor):
		f.Autocomplete, f.InputMode = "one-time-code", "numeric"
		if s.Factor == identity.TOTP {
			f.Text = "field.totp"
		}
	case in.Secret:
		f.Type, f.Reveal = "password", true
	}
}

func numeric(f identity.Factor) bool {
	return slices.Contains([]identity.Factor{identity.TOTP, identity.GoogleOTP, identity.Email, identity.SMS, identity.Voice}, f)
}

// focus puts the cursor where the person has to type: the wrong field, else the first empty one.
func focus(fields []field) {
	i := slices.IndexFunc(fields, func(f field) bool { return f.Invalid })
	if i < 0 {
		i = slices.IndexFunc(fields, func(f field) bool { return f.Value == "" })
	}
	if i < 0 && len(fields) > 0 {
		i = 0
	}
	if i >= 0 {
		fields[i].Focus = true
	}
}

// choice is one button as the templates see it.
type choice struct {
	ID     string
	Kind   flows.ChoiceKind
	Factor identity.Factor
	// Text is the key of our own text, "" when only Okta's will do.
	Text         string
	Okta, Detail string
	// Sub is a second line that tells two choices apart.
	Sub  string
	Icon string
}

// factorIcons are drawn beside a factor; the others get a key.
var factorIcons = map[identity.Factor]string{
	identity.Push: "phone", identity.NumberChallenge: "phone", identity.CustomPush: "phone",
	identity.TOTP: "code", identity.GoogleOTP: "code", identity.HardwareOTP: "code",
	identity.SMS: "message", identity.Email: "message", identity.Voice: "message",
}

// ownChoices are the factors that have a text of their own, "choice.<factor>".
var ownChoices = []identity.Factor{identity.Push, identity.NumberChallenge, identity.TOTP, identity.Password}

func choices(s flows.Step) []choice {
	out := make([]choice, len(s.Choices))
	for i, in := range s.Choices {
		in.Label, in.Detail = strings.TrimSpace(in.Label), strings.TrimSpace(in.Detail)
		c := choice{ID: in.ID, Kind: in.Kind, Factor: in.Factor, Okta: in.Label, Detail: in.Detail, Icon: "key"}
		if icon, ok := factorIcons[in.Factor]; ok {
			c.Icon = icon
		}
		c.words(in)
		out[i] = c
	}
	return out
}

func (c *choice) words(in flows.Choice) {
	switch {
	case in.Kind == flows.ChoiceResend:
		c.Text = "choice.resend"
		if pushes(in.Factor) || in.Factor == "" {
			c.Text = "choice.resend.push"
		}
	case in.Kind == flows.ChoiceOther:
		c.Text, c.Icon = "choice.other", "other"
	case in.Kind == flows.ChoiceSkip:
		c.Text, c.Icon = "choice.skip", "other"
	case pushes(in.Factor) && in.Factor != identity.CustomPush:
		c.Text = "choice.push"
		if in.Detail != "" {
			c.Text = "choice.push.device"
		}
	case slices.Contains(ownChoices, in.Factor):
		c.Text, c.Sub = "choice."+string(in.Factor), in.Detail
	case in.Label == "":
		c.Text, c.Sub = "choice.factor", in.Detail
	default:
		c.Sub = in.Detail
	}
}

func pushes(f identity.Factor) bool {
	return f == identity.Push || f == identity.NumberChallenge || f == identity.CustomPush
}

// asksPhone is whether this step, or a button on it, makes a phone ask its owner.
func asksPhone(s flows.Step) bool {
	return s.Kind == flows.KindWait || slices.ContainsFunc(s.Choices, func(c flows.Choice) bool { return pushes(c.Factor) })
}

// codeTitle is the key of the heading of KindCode.
func codeTitle(f identity.Factor) string {
	switch {
	case f == identity.Password:
		return "code.title.password"
	case f == identity.SecurityQuestion:
		return "code.title.question"
	case f == identity.TOTP:
		return "code.title.totp"
	default:
		return "code.title"
	}
}
