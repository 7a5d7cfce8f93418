package ui

import (
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"sidegate.example/sidegate/flows"
	"sidegate.example/sidegate/gateway/identity"
)

const windowsChrome = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/128.0.0.0 Safari/537.36"

func mustNew(t testing.TB) *Pages {
	t.Helper()
	p, err := New(Options{Prefix: "/_mfa"})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// written is one answer of Write, parsed as a browser without script reads it.
type written struct {
	*httptest.ResponseRecorder
	doc      *html.Node
	elements []*html.Node
	body     string
}

func write(t testing.TB, p *Pages, page Page) written {
	t.Helper()
	w := httptest.NewRecorder()
	p.Write(w, 401, page)
	body := w.Body.String()
	if w.Code != 401 {
		t.Fatalf("status %d, want 401: %s", w.Code, body)
	}
	doc, err := html.ParseWithOptions(strings.NewReader(body), html.ParseOptionEnableScripting(false))
	if err != nil {
		t.Fatal(err)
	}
	out := written{ResponseRecorder: w, doc: doc, body: body}
	for n := range doc.Descendants() {
		if n.Type == html.ElementNode {
			out.elements = append(out.elements, n)
		}
	}
	return out
}

func attr(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

func hasAttr(n *html.Node, name string) bool {
	return slices.ContainsFunc(n.Attr, func(a html.Attribute) bool { return a.Key == name })
}

// all returns the elements of a name, "" for every element, in document order.
func (w written) all(name string) []*html.Node {
	if name == "" {
		return w.elements
	}
	var out []*html.Node
	for _, n := range w.elements {
		if n.Data == name {
			out = append(out, n)
		}
	}
	return out
}

func (w written) byID(id string) *html.Node {
	for _, n := range w.all("") {
		if attr(n, "id") == id {
			return n
		}
	}
	return nil
}

// text is what is read of n, with a space where a block begins.
func text(n *html.Node) string {
	if n == nil {
		return ""
	}
	var b strings.Builder
	for d := range n.Descendants() {
		switch {
		case d.Type == html.TextNode:
			b.WriteString(d.Data)
		case slices.Contains([]string{"p", "li", "div", "h1", "h2", "button"}, d.Data):
			b.WriteByte(' ')
		}
	}
	return strings.Join(strings.Fields(b.String()), " ")
}

// everyPage renders each view, kind, reason, problem and notice, with s for every text that comes from outside.
func everyPage(s string) map[string]Page {
	base := Page{Title: s, CSRF: s, Agent: s, Address: s, Return: s, User: s, Lang: s, Refresh: time.Second}
	out := make(map[string]Page)
	add := func(name string, v View, change func(*Page)) {
		page := base
		page.View = v
		if change != nil {
			change(&page)
		}
		out[name] = page
	}
	msgs := []flows.Message{{Key: s, Text: s + "1", Error: true}, {Key: s, Text: s + "2"}}
	fields := []flows.Field{{Name: s, Label: s, Value: s, Messages: []flows.Message{{Key: s, Text: s + "3", Error: true}, {Text: s + "4"}}}, {Name: s + "b", Secret: true}}
	choices := []flows.Choice{
		{ID: s, Kind: flows.ChoiceResend, Factor: identity.Push, Label: s},
		{ID: s, Kind: flows.ChoiceOther, Label: s, Detail: s},
		{ID: s, Kind: flows.ChoiceSkip, Label: s},
		{ID: s, Kind: flows.ChoiceFactor, Label: s, Detail: s},
		{ID: s, Kind: flows.ChoiceKind(s), Factor: identity.Factor(s)},
	}
	for _, f := range identity.All() {
		choices = append(choices, flows.Choice{ID: s, Kind: flows.ChoiceFactor, Factor: f, Label: s, Detail: s},
			flows.Choice{ID: s, Kind: flows.ChoiceEnroll, Factor: f, Label: s})
	}
	for _, c := range channels {
		choices = append(choices, flows.Choice{ID: s, Kind: flows.ChoiceChannel, Channel: c})
	}
	step := flows.Step{Person: s, Device: s, Fields: fields, Choices: choices, Messages: msgs}
	add("signin", ViewSignIn, func(p *Page) { p.Step = step })
	add("signout", ViewSignOut, func(p *Page) {
		p.Sessions = []Session{{Site: s, Agent: s, Address: s, This: true}, {Site: s, Agent: s}}
	})
	add("signout-alone", ViewSignOut, nil)
	add("signedout", ViewSignedOut, nil)
	add("forbidden", ViewForbidden, nil)
	add("resume", ViewResume, func(p *Page) { p.Resume = Resume{Method: s, Action: s} })
	for name, class := range map[string]Class{"any": ClassAny, "push": ClassPush, "number": ClassNumberChallenge, "key": ClassPhishingResistant, "other": Class(s)} {
		add("stepup-"+name, ViewSignIn, func(p *Page) {
			p.Step = flows.Step{Kind: flows.KindIdentify, Person: s}
			p.StepUp = &StepUp{Class: class, Stale: true, MaxAge: 2 * time.Hour}
		})
	}
	for _, notice := range []string{NoticeBusy, NoticeFormLost, NoticeFormKept, NoticeUnreachable} {
		add("notice-"+notice, ViewSignedOut, func(p *Page) { p.Notice = notice })
	}
	for _, problem := range Problems() {
		add("problem-"+string(problem), ViewError, func(p *Page) { p.Problem, p.RetryAfter = problem, 90*time.Second })
	}
	stepPage := func(name string, change func(*flows.Step)) {
		st := step
		change(&st)
		add(name, ViewStep, func(p *Page) { p.Step = st })
	}
	stepPage("identify", func(s *flows.Step) { s.Kind = flows.KindIdentify })
	stepPage("choose", func(s *flows.Step) { s.Kind = flows.KindChoose })
	stepPage("wait", func(s *flows.Step) { s.Kind, s.Wait = flows.KindWait, &flows.Wait{} })
	stepPage("number", func(st *flows.Step) { st.Kind, st.Wait = flows.KindWait, &flows.Wait{Number: s} })
	stepPage("degraded", func(st *flows.Step) { st.Kind, st.Wait = flows.KindWait, &flows.Wait{Degraded: true} })
	stepPage("completing", func(st *flows.Step) { st.Kind, st.Wait = flows.KindWait, &flows.Wait{Completing: true} })
	for _, f := range identity.All() {
		stepPage("code-"+string(f), func(s *flows.Step) { s.Kind, s.Factor = flows.KindCode, f })
	}
	for _, topic := range topics {
		stepPage("form-"+string(topic), func(st *flows.Step) { st.Kind, st.Topic, st.Fields = flows.KindForm, topic, everyField(s) })
	}
	for _, c := range channels {
		stepPage("setup-"+string(c), func(st *flows.Step) {
			st.Kind, st.Enrolling, st.Wait, st.Factor = flows.KindWait, true, &flows.Wait{}, identity.Push
			st.Setup = &flows.Setup{Channel: c, QR: []byte(s), Secret: s, Link: s, SentTo: s, Devices: []string{s}}
		})
	}
	stepPage("setup-google", func(st *flows.Step) {
		st.Kind, st.Enrolling, st.Factor = flows.KindCode, true, identity.GoogleOTP
		st.Setup = &flows.Setup{Channel: flows.ChannelQR, QR: []byte(s), Secret: s}
	})
	stepPage("code-polled", func(st *flows.Step) { st.Kind, st.Factor, st.Wait = flows.KindCode, identity.Email, &flows.Wait{} })
	for _, create := range []bool{false, true} {
		stepPage("webauthn-"+strconv.FormatBool(create), func(st *flows.Step) {
			st.Kind, st.Enrolling, st.Factor = flows.KindWebAuthn, create, identity.WebAuthn
			st.WebAuthn = &flows.WebAuthn{Create: create, Options: []byte(s)}
		})
	}
	stepPage("webauthn-foreign", func(st *flows.Step) { st.Kind, st.WebAuthn = flows.KindWebAuthn, &flows.WebAuthn{RPID: s + "x"} })
	for _, k := range []MailedKind{MailedActivation, MailedRecovery, MailedCode} {
		add("mailed-"+string(k), ViewMailed, func(p *Page) { p.Mailed = Mailed{Kind: k, Field: "x", Value: s} })
	}
	add("mailed-elsewhere", ViewMailed, func(p *Page) { p.Mailed = Mailed{Kind: MailedCode, Value: s} })
	for _, o := range obstacles {
		stepPage("obstacle-"+string(o), func(st *flows.Step) {
			st.Kind, st.Denied = flows.KindDenied, &flows.Denied{Reason: flows.DeniedUnsupported, Obstacle: o}
		})
	}
	for _, r := range reasons {
		stepPage("denied-"+string(r), func(s *flows.Step) { s.Kind, s.Denied = flows.KindDenied, &flows.Denied{Reason: r} })
		stepPage("final-"+string(r), func(s *flows.Step) {
			s.Kind, s.Denied, s.Choices = flows.KindDenied, &flows.Denied{Reason: r, Final: true}, nil
		})
	}
	return out
}

// everyField has each type of input, with s for every text.
func everyField(s string) []flows.Field {
	messages := []flows.Message{{Key: s, Text: s + "5", Error: true}}
	nested := []flows.Field{{Name: s + "e", Label: s, Required: true}, {Name: s + "f", Secret: true}}
	return []flows.Field{
		{Name: s + "a", Label: s, Value: s, Required: true, Messages: messages}, {Name: s + "b", Label: s, Secret: true},
		{Name: flows.FieldConfirm, Secret: true}, {Name: s + "email", Type: flows.FieldEmail, Value: s}, {Name: s + "phoneNumber", Type: flows.FieldTel},
		{Name: s + "c", Label: s, Type: flows.FieldBoolean, Value: "true", Messages: messages},
		{Name: s + "d", Label: s, Type: flows.FieldSelect, Options: []flows.Option{{Value: s, Label: s}}, Messages: messages},
		{Name: s + "g", Label: s, Type: flows.FieldAlternatives, Options: []flows.Option{{Value: "0", Label: s, Fields: nested}, {Value: "1"}}, Messages: messages},
	}
}

var topics = []flows.Topic{flows.TopicNewPassword, flows.TopicPasswordExpired, flows.TopicPasswordExpiring, flows.TopicResetPassword,
	flows.TopicRecover, flows.TopicUnlock, flows.TopicPhone, flows.TopicAddress, flows.TopicQuestion, flows.TopicProfile, flows.TopicConsent,
	flows.TopicOther}

var channels = []flows.Channel{flows.ChannelQR, flows.ChannelEmail, flows.ChannelSMS, flows.ChannelSameDevice, flows.ChannelBootstrap}

var obstacles = []flows.Obstacle{flows.ObstacleFastPass, flows.ObstacleDevice, flows.ObstacleIdentityProvider, flows.ObstacleSmartCard,
	flows.ObstaclePasswordElsewhere, flows.ObstacleCaptcha, flows.ObstacleDuo, flows.ObstacleIdentityVerification, flows.ObstacleWebAuthn,
	flows.ObstacleSelfService}

var reasons = []flows.DeniedReason{flows.DeniedEnrollment, flows.DeniedElsewhere, flows.DeniedOnPhone, flows.DeniedTimeout, flows.DeniedExpired, flows.DeniedLocked,
	flows.DeniedPolicy, flows.DeniedNoFactor, flows.DeniedUnsupported, flows.DeniedUnavailable, flows.DeniedUpdateApp, flows.DeniedRestored,
	flows.DeniedTooMany}
