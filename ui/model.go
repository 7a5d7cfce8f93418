package ui

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"time"

	"sidegate.example/sidegate/flows"
	"sidegate.example/sidegate/gateway/identity"
)

// model is what the templates see: texts chosen, sets closed, so that they only place things.
type model struct {
	catalogue *catalogue
	Lang, Dir string
	Nonce     string
	Prefix    string
	Style     string
	Script    string
	// Refresh makes a browser without script ask again.
	Refresh bool
	Seq     uint64

	View   View
	Kind   flows.Kind
	Reason flows.DeniedReason
	// Problem, Notice and Reason are of their closed sets, or "".
	Problem Problem
	Notice  string
	// StepUp is a class of its closed set where the person is signed in already, Stale and Limit what is said of its age.
	StepUp Class
	Stale  bool
	Limit  time.Duration

	Title, CSRF, Return, User, Person, Device, Number, Host string
	Factor                                                  identity.Factor
	Final                                                   bool
	// Completing is a wait that asks nothing of the person; Degraded one for an Okta that is in safe mode.
	Completing, Degraded bool
	// Minutes to wait before the next try; 0 when unknown.
	Minutes int
	Context context
	// Enrolling, Topic, Setup, WebAuthn and Polled are the step's; Obstacle is of its closed set, or "".
	Enrolling bool
	Topic     flows.Topic
	Setup     *setup
	WebAuthn  *webAuthn
	Polled    bool
	Obstacle  flows.Obstacle
	// Link is where on the org the person can do something about a denial.
	Link   string
	Mailed Mailed
	Resume Resume
	// Sessions are those of the person.
	Sessions []signedIn
	Fields   []field
	Choices  []choice
	Errors   []string
	Infos    []string
}

// context is what the phone will show of this browser.
type context struct {
	// Shown is whether the page says so at all: it must before any push is sent.
	Shown bool
	// Gateway is whether the phone shows the gateway instead.
	Gateway                  bool
	Browser, System, Address string
}

func (p *Pages) model(page Page) *model {
	c := p.languages.pick(page.Lang)
	s := page.Step
	m := &model{
		catalogue: c, Lang: c.tag.String(), Dir: c.dir,
		Prefix: p.prefix, Style: p.assets.style, Script: p.assets.script, Refresh: page.Refresh > 0, Seq: page.Seq,
		View: page.View, Title: page.Title, CSRF: page.CSRF, Return: localPath(page.Return), User: page.User,
		Minutes: minutes(page.RetryAfter),
	}
	switch page.View {
	case ViewSignIn, ViewStep:
		m.step(page, s)
	case ViewMailed:
		m.Mailed = page.Mailed
	case ViewResume:
		m.Resume, m.Host = page.Resume, page.Host
		m.Resume.Action = localPath(m.Resume.Action)
	case ViewSignOut:
		m.Sessions = signedIns(page.Sessions)
	case ViewError:
		m.Problem = ProblemBadRequest
		if slices.Contains(Problems(), page.Problem) {
			m.Problem = page.Problem
		}
	}
	if slices.Contains([]string{NoticeFormLost, NoticeFormKept, NoticeBusy, NoticeUnreachable}, page.Notice) {
		m.Notice = page.Notice
	}
	return m
}

func (m *model) step(page Page, s flows.Step) {
	m.Kind, m.Factor, m.Person, m.Device = s.Kind, s.Factor, s.Person, s.Device
	if page.View == ViewSignIn {
		m.Kind = flows.KindIdentify
	}
	if s.Denied != nil && slices.Contains(contradicted, s.Denied.Reason) {
		s.Messages = nil
	}
	seen := messages{catalogue: m.catalogue, ownFirst: ownWords(s)}
	m.Errors, m.Infos = seen.split(s.Messages)
	m.Fields = fields(s, &seen, len(m.Errors) > 0)
	m.Choices = choices(s)
	if s.Wait != nil {
		m.Number, m.Degraded = s.Wait.Number, s.Wait.Degraded
		m.Completing = s.Wait.Completing || m.Degraded
	}
	if s.Denied != nil {
		m.Reason, m.Final, m.Obstacle, m.Link = s.Denied.Reason, s.Denied.Final, s.Denied.Obstacle, s.Denied.Link
		if _, ok := m.catalogue.texts["obstacle."+string(m.Obstacle)+".do"]; !ok {
			m.Obstacle = ""
		}
	}
	m.Enrolling, m.Topic, m.Polled = s.Enrolling, s.Topic, s.Wait != nil
	m.Setup = newSetup(s.Setup)
	m.WebAuthn = newWebAuthn(s.WebAuthn, page.Host)
	m.Host = page.Host
	if up := page.StepUp; up != nil {
		m.StepUp, m.Stale, m.Limit = ClassAny, up.Stale, up.MaxAge
		if slices.Contains([]Class{ClassPush, ClassNumberChallenge, ClassPhishingResistant}, up.Class) {
			m.StepUp = up.Class
		}
	}
	m.Context.Shown = page.View == ViewSignIn || asksPhone(s)
	m.Context.Browser, m.Context.System = agent(page.Agent)
	m.Context.Address = page.Address
	m.Context.Gateway = page.PhoneShowsGateway
}

// template names the body, "" when there is none.
func (m *model) template() string {
	switch m.View {
	case ViewStep:
		switch m.Kind {
		case flows.KindIdentify:
			return "signin"
		case flows.KindDenied:
			if _, ok := m.catalogue.texts["denied."+string(m.Reason)+".title"]; !ok {
				return ""
			}
			return "denied"
		default:
			return string(m.Kind)
		}
	default:
		return string(m.View)
	}
}

// T is the text for key; the templates' only source of words.
func (m *model) T(key string, pairs ...string) (string, error) {
	return m.catalogue.text(key, pairs...)
}

// Denied is what a refusal says: its title, what happened, or what to do. An obstacle may have words of its own for each.
func (m *model) Denied(part string) (string, error) {
	if key := "obstacle." + string(m.Obstacle) + "." + part; m.catalogue.texts[key] != "" {
		return m.T(key)
	}
	return m.T("denied." + string(m.Reason) + "." + part)
}

// Heading says the state that the page is in; it is the h1 and begins the title.
func (m *model) Heading() (string, error) {
	switch m.View {
	case ViewError:
		return m.T("problem." + string(m.Problem) + ".title")
	case ViewSignIn:
		if len(m.Fields) == 0 {
			return m.T("signin.known.title")
		}
		return m.T("signin.title")
	case ViewSignOut, ViewSignedOut, ViewForbidden, ViewResume:
		return m.T(string(m.View) + ".title")
	case ViewMailed:
		return m.T("mailed." + string(m.Mailed.Kind) + ".title")
	}
	switch m.Kind {
	case flows.KindDenied:
		return m.Denied("title")
	case flows.KindIdentify:
		return m.T("signin.title")
	case flows.KindWait:
		switch {
		case m.Degraded:
			return m.T("wait.title.degraded")
		case m.Completing:
			return m.T("wait.title.completing")
		case m.Enrolling:
			if m.Factor == identity.CustomPush {
				return m.T("enroll.title.custom_push")
			}
			return m.T("enroll.title.push")
		case m.Number != "":
			return m.T("wait.title.number")
		}
	case flows.KindCode:
		return m.T(codeTitle(m.Factor, m.Enrolling))
	case flows.KindForm:
		if m.Enrolling && m.Factor == identity.HardwareOTP && m.topic() == flows.TopicOther {
			return m.T("enroll.title.token")
		}
		return m.T("form." + string(m.topic()) + ".title")
	case flows.KindWebAuthn:
		if m.Enrolling {
			return m.T("webauthn.title.create")
		}
	case flows.KindChoose:
		if m.Enrolling {
			return m.T("choose.title.enroll")
		}
	}
	return m.T(string(m.Kind) + ".title")
}

// topic is the form's, or the general one for what has no words.
func (m *model) topic() flows.Topic {
	if _, ok := m.catalogue.texts["form."+string(m.Topic)+".title"]; ok {
		return m.Topic
	}
	return flows.TopicOther
}

// Lead is what a form is for, in our words; "" where Okta's own have to do.
func (m *model) Lead() string { return m.catalogue.texts["form."+string(m.topic())+".lead"] }

// WebAuthnForeign says that the key belongs to another site.
func (m *model) WebAuthnForeign() (string, error) {
	return m.T("webauthn.foreign", "site", m.WebAuthn.RPID, "host", m.Host)
}

// CredentialFields are the inputs that the script fills.
func (m *model) CredentialFields() []string {
	if m.WebAuthn.Create {
		return []string{flows.WebAuthnClientData, flows.WebAuthnAttestation, flows.WebAuthnTransports}
	}
	return []string{flows.WebAuthnClientData, flows.WebAuthnAuthenticatorData, flows.WebAuthnSignature}
}

// With joins a field with its page, for templates that call themselves.
func (m *model) With(f field) fieldInPage { return fieldInPage{m, f} }

type fieldInPage struct {
	M *model
	F field
}

// Failed is whether something that the person did was wrong: the title says so first.
func (m *model) Failed() bool {
	return len(m.Errors) > 0 || slices.ContainsFunc(m.Fields, func(f field) bool { return len(f.Errors) > 0 })
}

// OffersFactors is whether the choices are ways by themselves and not only a way to the list of them.
func (m *model) OffersFactors() bool {
	return slices.ContainsFunc(m.Choices, func(c choice) bool { return c.Kind == flows.ChoiceFactor || c.Kind == flows.ChoiceChannel })
}

// Label is the text of a choice's button.
func (m *model) Label(c choice) (string, error) {
	if c.Text == "" {
		return c.Okta, nil
	}
	return m.T(c.Text, "device", c.Detail, "label", c.Okta)
}

// FieldLabel is Okta's text for a field, or else our own.
func (m *model) FieldLabel(f field) (string, error) {
	if f.Okta != "" {
		return f.Okta, nil
	}
	return m.T(f.Text)
}

// PhoneShows describes this browser as the phone will: "Chrome on Windows, from 203.0.113.7".
func (m *model) PhoneShows() (string, error) {
	unknown, err := m.T("context.unknown")
	if err != nil {
		return "", err
	}
	c := m.Context
	key := "context.browser"
	if c.System != "" {
		key += ".system"
	}
	if c.Address != "" {
		key += ".address"
	}
	return m.T(key, "browser", cmp.Or(c.Browser, unknown), "system", c.System, "address", c.Address)
}

// Why says what the step-up is for: which factor, and that the last one is too old.
func (m *model) Why() (string, error) {
	what, err := m.T("stepup." + string(m.StepUp))
	if err != nil || !m.Stale || m.Limit <= 0 {
		return what, err
	}
	key, n := "stepup.stale.minutes", minutes(m.Limit)
	switch {
	case n == 1:
		key = "stepup.stale.minute"
	case n%60 == 0 && n > 60:
		key, n = "stepup.stale.hours", n/60
	}
	old, err := m.T(key, "n", strconv.Itoa(n))
	return what + " " + old, err
}

// MinutesText is Minutes in digits.
func (m *model) MinutesText() string { return strconv.Itoa(m.Minutes) }

// minutes rounds up: to be told too long a wait is better than to fail again.
func minutes(d time.Duration) int {
	if d <= 0 {
		return 0
	}
	return int((d + time.Minute - 1) / time.Minute)
}

// localPath returns path, or "/" for what a browser could read as another origin. The gateway has
// checked it before; a link is where such a mistake would be used (immunity S30).
func localPath(path string) string {
	ok := strings.HasPrefix(path, "/") && !strings.HasPrefix(path, "//") &&
		!strings.ContainsFunc(path, func(r rune) bool { return r == '\\' || r < 0x20 || r == 0x7f })
	if !ok {
		return "/"
	}
	return path
}
