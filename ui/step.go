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
	Required    bool
	// Checked is for a check box; Options are the answers of a list or of alternatives.
	Checked bool
	Options []fieldOption
	// Reveal offers to show what is typed.
	Reveal bool
	// Unseen labels say what stands beside them already; only a screen reader needs them again.
	Unseen bool
}

// fieldOption is one answer; an alternative has fields of its own.
type fieldOption struct {
	ID, Value, Okta string
	Fields          []field
	// Chosen is whether the page comes with this answer.
	Chosen bool
}

// fields prepares the inputs of a step. seen keeps what the page has told already.
func fields(s flows.Step, seen *messages, pageErrors bool) []field {
	out := fieldList(s, s.Fields, "f", seen, pageErrors)
	focus(out)
	return out
}

// fieldList prepares inputs under ids that begin with prefix.
func fieldList(s flows.Step, list []flows.Field, prefix string, seen *messages, pageErrors bool) []field {
	out := make([]field, len(list))
	for i, in := range list {
		f := &out[i]
		id := prefix + strconv.Itoa(i)
		f.ID, f.Name, f.Required = id, "f."+in.Name, in.Required || s.Kind != flows.KindForm
		for n, o := range in.Options {
			oid := id + "o" + strconv.Itoa(n)
			own := fieldList(s, o.Fields, oid+"f", seen, pageErrors)
			option := fieldOption{ID: oid, Value: o.Value, Okta: strings.TrimSpace(o.Label), Fields: own, Chosen: in.Value != "" && o.Value == in.Value}
			for i := range own {
				own[i].Required = false // or the browser would want those of every alternative
				own[i].Unseen = own[i].Okta == option.Okta
				option.Chosen = option.Chosen || own[i].Invalid // fields that are not chosen are hidden
			}
			f.Options = append(f.Options, option)
		}
		if !ownWords(s) && !ownLabel(in) {
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
	return out
}

// ownLabel is whether our word for a field is better than Okta's, or Okta has none.
func ownLabel(in flows.Field) bool {
	return in.Name == flows.FieldConfirm || in.Name == flows.FieldRememberMe || strings.HasSuffix(in.Name, "phoneNumber") && in.Type == flows.FieldTel
}

// typed says how the field is to be typed. A code is shown while it is typed, secret or not: it is
// read off a phone, dies within a minute, and is easier to get right in plain sight.
func (f *field) typed(s flows.Step, in flows.Field) {
	f.Type, f.Autocomplete, f.Text = "text", "off", "field.code"
	if s.Kind == flows.KindForm || in.Type != flows.FieldText {
		f.described(s, in)
		return
	}
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
	case s.Factor == identity.HardwareOTP, s.Factor == identity.Email:
		f.Autocomplete = "one-time-code" // some have letters
	case numeric(s.Factor):
		f.Autocomplete, f.InputMode = "one-time-code", "numeric"
		if s.Factor == identity.TOTP {
			f.Text = "field.totp"
		}
	case in.Secret:
		f.Type, f.Reveal = "password", true
	}
}

// newPasswords are the forms that ask for a password that is not known yet.
var newPasswords = []flows.Topic{flows.TopicNewPassword, flows.TopicPasswordExpired, flows.TopicPasswordExpiring, flows.TopicResetPassword}

// described says how a field of a form is to be filled in, by its type.
func (f *field) described(s flows.Step, in flows.Field) {
	f.Text = "field.other"
	switch in.Type {
	case flows.FieldBoolean:
		f.Type, f.Required, f.Checked = "checkbox", false, in.Value == "true"
		if in.Name == flows.FieldRememberMe {
			f.Text = "field.remember"
		}
		return
	case flows.FieldSelect, flows.FieldAlternatives:
		f.Type = string(in.Type)
		switch {
		case s.Topic == flows.TopicConsent:
			f.Text = "field.consent"
		case s.Topic == flows.TopicPhone:
			f.Text = "field.method"
			if len(f.Options) > 0 && in.Value == "" {
				f.Options[0].Chosen = true // Okta's own page begins with a text message too
			}
		default:
			f.Text = "field.choose"
		}
		return
	case flows.FieldEmail:
		f.Type, f.Autocomplete, f.Text = "email", "email", "field.email"
	case flows.FieldTel:
		f.Type, f.Autocomplete, f.Text = "tel", "tel", "field.phone"
	}
	switch {
	case in.Name == flows.FieldConfirm:
		f.Text = "field.confirm"
	case in.Secret && slices.Contains(newPasswords, s.Topic):
		f.Text = "field.new_password"
	case in.Name == flows.FieldIdentifier:
		f.Autocomplete, f.Text = "username", "field.identifier"
	}
	if in.Secret {
		f.Type, f.Reveal = "password", true
		if slices.Contains(newPasswords, s.Topic) {
			f.Autocomplete = "new-password"
		}
	}
}

func numeric(f identity.Factor) bool {
	return slices.Contains([]identity.Factor{identity.TOTP, identity.GoogleOTP, identity.SMS, identity.Voice}, f)
}

// focus puts the cursor where the person has to type: the wrong field, else the first empty one.
func focus(fields []field) {
	i := slices.IndexFunc(fields, func(f field) bool { return f.Invalid })
	if i < 0 {
		i = slices.IndexFunc(fields, func(f field) bool { return f.Value == "" && f.Type != "checkbox" })
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
	identity.SMS: "message", identity.Email: "message", identity.Voice: "phone",
}

// channelIcons are drawn beside a way to set Okta Verify up.
var channelIcons = map[flows.Channel]string{
	flows.ChannelQR: "qr", flows.ChannelEmail: "message", flows.ChannelSMS: "message", flows.ChannelSameDevice: "phone",
	flows.ChannelBootstrap: "phone",
}

// ownChoices are the factors that have a text of their own, "choice.<factor>".
var ownChoices = []identity.Factor{identity.Push, identity.NumberChallenge, identity.TOTP, identity.Password, identity.Email, identity.SMS,
	identity.Voice, identity.GoogleOTP, identity.SecurityQuestion, identity.WebAuthn}

// ownEnrolments are the factors whose set-up has a text of its own; what else can be set up is called as Okta calls it.
var ownEnrolments = []identity.Factor{identity.Push, identity.SMS, identity.Email, identity.GoogleOTP, identity.SecurityQuestion,
	identity.WebAuthn, identity.Password}

func choices(s flows.Step) []choice {
	out := make([]choice, len(s.Choices))
	for i, in := range s.Choices {
		in.Label, in.Detail = strings.TrimSpace(in.Label), strings.TrimSpace(in.Detail)
		c := choice{ID: in.ID, Kind: in.Kind, Factor: in.Factor, Okta: in.Label, Detail: in.Detail, Icon: "key"}
		if icon, ok := factorIcons[in.Factor]; ok {
			c.Icon = icon
		}
		c.words(in, s.Enrolling)
		out[i] = c
	}
	return out
}

func (c *choice) words(in flows.Choice, enrolling bool) {
	switch {
	case in.Kind == flows.ChoiceResend:
		c.Text = "choice.resend"
		switch push := pushes(in.Factor) || in.Factor == ""; {
		case push && enrolling:
			c.Text, c.Icon = "choice.resend.link", "message"
		case push:
			c.Text = "choice.resend.push"
		}
	case in.Kind == flows.ChoiceOther, in.Kind == flows.ChoiceSkip, in.Kind == flows.ChoiceRecover, in.Kind == flows.ChoiceUnlock:
		c.Text, c.Icon = "choice."+string(in.Kind), "other"
	case in.Kind == flows.ChoiceNotMe:
		c.Text, c.Icon = "choice.not_me", "alert"
	case in.Kind == flows.ChoiceChannel:
		c.Text, c.Icon = "choice.channel."+string(in.Channel), channelIcons[in.Channel]
	case in.Kind == flows.ChoiceEnroll:
		if c.Text, c.Sub = "choice.enroll", in.Detail; slices.Contains(ownEnrolments, in.Factor) {
			c.Text = "choice.enroll." + string(in.Factor)
		}
	case pushes(in.Factor) && in.Factor != identity.CustomPush:
		c.Text = "choice.push"
		if in.Detail != "" {
			c.Text = "choice.push.device"
		}
	case slices.Contains(ownChoices, in.Factor):
		c.Text, c.Sub = "choice."+string(in.Factor), in.Detail
	case in.Label == "":
		c.Text, c.Sub = "choice.factor", in.Detail
	case in.Factor == identity.HardwareOTP:
		c.Text, c.Sub = "choice.hardware_otp", in.Detail
	default:
		c.Sub = in.Detail
	}
}

func pushes(f identity.Factor) bool {
	return f == identity.Push || f == identity.NumberChallenge || f == identity.CustomPush
}

// asksPhone is whether this step, or a button on it, makes a phone ask its owner.
func asksPhone(s flows.Step) bool {
	if s.Enrolling {
		return false
	}
	return s.Kind == flows.KindWait || slices.ContainsFunc(s.Choices, func(c flows.Choice) bool { return pushes(c.Factor) })
}

// codeTitle is the key of the heading of KindCode.
func codeTitle(f identity.Factor, enrolling bool) string {
	switch {
	case enrolling && f == identity.GoogleOTP:
		return "enroll.title.google_otp"
	case enrolling && f == identity.HardwareOTP:
		return "enroll.title.token"
	case enrolling && (f == identity.Email || f == identity.SMS || f == identity.Voice):
		return "code.title." + string(f)
	case f == identity.Password:
		return "code.title.password"
	case f == identity.SecurityQuestion:
		return "code.title.question"
	case f == identity.TOTP, f == identity.Email, f == identity.SMS, f == identity.Voice, f == identity.GoogleOTP, f == identity.HardwareOTP:
		return "code.title." + string(f)
	default:
		return "code.title"
	}
}
