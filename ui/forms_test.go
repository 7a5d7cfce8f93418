package ui

import (
	"strings"
	"testing"

	"sidegate.example/sidegate/flows"
	"sidegate.example/sidegate/gateway/identity"
)

// Each topic, obstacle, channel and factor that can be set up has words of its own: a person must never read a key, or
// the same page for two things.
func TestClosedSetsHaveWords(t *testing.T) {
	p, titles := mustNew(t), map[string]flows.Topic{}
	for _, topic := range topics {
		w := write(t, p, stepPage(flows.Step{Kind: flows.KindForm, Topic: topic}))
		title := text(w.all("h1")[0])
		if other, twice := titles[title]; twice || title == "" {
			t.Errorf("%s: the heading %q is also that of %s", topic, title, other)
		}
		titles[title] = topic
	}
	todo := map[string]flows.Obstacle{}
	for _, o := range obstacles {
		w := write(t, p, stepPage(flows.Step{Kind: flows.KindDenied, Denied: &flows.Denied{Reason: flows.DeniedUnsupported, Obstacle: o}}))
		all := w.all("p")
		key := ""
		for _, n := range all {
			key += text(n)
		}
		if other, twice := todo[key]; twice || attr(w.all("main")[0], "data-obstacle") != string(o) {
			t.Errorf("%s reads as %s does", o, other)
		}
		todo[key] = o
	}
	for _, c := range channels {
		b := write(t, p, stepPage(flows.Step{Kind: flows.KindWait, Enrolling: true, Wait: &flows.Wait{},
			Choices: []flows.Choice{{ID: "c", Kind: flows.ChoiceChannel, Channel: c}}})).button("value", "c")
		if text(b) == "" || strings.Contains(text(b), "choice.") {
			t.Errorf("%s: button %q", c, text(b))
		}
	}
}

// An obstacle that is not of the set shows the general text and no name.
func TestUnknownObstacleIsNotShown(t *testing.T) {
	w := write(t, mustNew(t), stepPage(flows.Step{Kind: flows.KindDenied, Denied: &flows.Denied{Reason: flows.DeniedUnsupported, Obstacle: "<b>"}}))
	if hasAttr(w.all("main")[0], "data-obstacle") || !strings.Contains(text(w.doc), "Otherwise open your Okta dashboard") {
		t.Errorf("page %q", text(w.doc))
	}
}

// Every type of field is an input that a browser without script can fill and send.
func TestFieldTypes(t *testing.T) {
	w := write(t, mustNew(t), stepPage(flows.Step{Kind: flows.KindForm, Topic: flows.TopicQuestion, Fields: []flows.Field{
		{Name: "agree", Label: "I agree", Type: flows.FieldBoolean, Required: true},
		{Name: "kind", Label: "Kind", Type: flows.FieldSelect, Required: true, Options: []flows.Option{{Value: "0", Label: "One"}}},
		{Name: "q", Label: "Question", Type: flows.FieldAlternatives, Required: true, Options: []flows.Option{
			{Value: "0", Label: "Choose", Fields: []flows.Field{{Name: "q.0.answer", Label: "Answer", Required: true, Secret: true}}},
			{Value: "1", Label: "Own"},
		}},
		{Name: "mail", Type: flows.FieldEmail}, {Name: "phoneNumber", Type: flows.FieldTel, Label: "Okta’s"},
	}}))
	for name, want := range map[string]string{
		"f.agree": "checkbox true", "f.q": "radio 0", "f.q.0.answer": "password ", "f.mail": "email ", "f.phoneNumber": "tel ",
	} {
		if got := attrs(w.input(name), "type", "value"); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	if hasAttr(w.input("f.agree"), "required") {
		t.Error("a check box that must be ticked could not be left alone")
	}
	if s := w.all("select"); len(s) != 1 || attr(s[0], "name") != "f.kind" || !hasAttr(s[0], "required") || len(w.all("option")) != 2 {
		t.Error("no list of answers")
	}
	if hasAttr(w.input("f.q.0.answer"), "required") {
		t.Error("a field of an alternative that was not chosen keeps the form from being sent")
	}
	if got := text(w.doc); !strings.Contains(got, "Phone number, with the country code") || strings.Contains(got, "Okta’s") {
		t.Errorf("labels: %q", got)
	}
}

// Alternatives hide their fields until they are chosen: the one with a mistake comes chosen, or nobody would see it.
func TestAlternativeWithAMistakeIsShown(t *testing.T) {
	answer := func(name string, m ...flows.Message) []flows.Field {
		return []flows.Field{{Name: name, Label: "My own", Messages: m}}
	}
	for _, tc := range []struct {
		messages []flows.Message
		want     bool
	}{{nil, false}, {[]flows.Message{{Key: "sidegate.required", Error: true}}, true}} {
		w := write(t, mustNew(t), stepPage(flows.Step{Kind: flows.KindForm, Topic: flows.TopicQuestion, Fields: []flows.Field{
			{Name: "q", Type: flows.FieldAlternatives, Required: true, Options: []flows.Option{
				{Value: "0", Label: "Listed", Fields: answer("q.0.a")}, {Value: "1", Label: "My own", Fields: answer("q.1.a", tc.messages...)},
			}}}}))
		listed, own := w.byID("f0o0"), w.byID("f0o1")
		if hasAttr(listed, "checked") || hasAttr(own, "checked") != tc.want {
			t.Errorf("messages %v: the second is chosen: %t, want %t and never the first", tc.messages, hasAttr(own, "checked"), tc.want)
		}
		for _, l := range w.all("label") {
			if got, want := attr(l, "class") == "unseen", attr(l, "for") == "f0o1f0"; got != want {
				t.Errorf("the label %q of %s is hidden: %t, want %t: its alternative says the same", text(l), attr(l, "for"), got, want)
			}
		}
	}
}

// How a phone is told the code comes chosen, as on Okta's own page.
// Where Okta has a default, that is chosen, in any form.
func TestWhatAListComesWith(t *testing.T) {
	for _, c := range []struct {
		topic                     flows.Topic
		value, label, want, words string
	}{
		{flows.TopicPhone, "", "", "SMS", "How to get the code"},
		{flows.TopicPhone, "1", "", "Voice call", "How to get the code"},
		{flows.TopicOther, "", "Method", "", "Method"},
		{flows.TopicOther, "1", "Method", "Voice call", "Method"},
	} {
		w := write(t, mustNew(t), stepPage(flows.Step{Kind: flows.KindForm, Topic: c.topic, Fields: []flows.Field{{Name: "methodType", Label: c.label, Value: c.value,
			Type: flows.FieldSelect, Required: true, Options: []flows.Option{{Value: "0", Label: "SMS"}, {Value: "1", Label: "Voice call"}}}}}))
		var chosen []string
		for _, o := range w.all("option") {
			if hasAttr(o, "selected") {
				chosen = append(chosen, text(o))
			}
		}
		if strings.Join(chosen, ",") != c.want || !strings.Contains(text(w.doc), c.words) {
			t.Errorf("%+v: chosen %q on %q", c, chosen, text(w.doc))
		}
	}
}

// New passwords are typed twice, and password managers offer one.
func TestNewPassword(t *testing.T) {
	w := write(t, mustNew(t), stepPage(flows.Step{Kind: flows.KindForm, Topic: flows.TopicPasswordExpired, Factor: identity.Password, Person: "ada",
		Fields:   []flows.Field{{Name: "credentials.passcode", Secret: true, Required: true}, {Name: flows.FieldConfirm, Secret: true, Required: true}},
		Messages: []flows.Message{{Key: "sidegate.password_requirements", Text: "The new password needs: at least 8 characters."}}}))
	for _, name := range []string{"f.credentials.passcode", "f.confirm"} {
		if got := attrs(w.input(name), "type", "autocomplete"); got != "password new-password" {
			t.Errorf("%s: %q", name, got)
		}
	}
	if got := text(w.doc); !strings.Contains(got, "at least 8 characters") || !strings.Contains(got, "The new password again") {
		t.Errorf("page %q", got)
	}
}

// What is to be scanned can also be typed, or had in another way, and the page speaks of no push.
func TestSetUp(t *testing.T) {
	p := mustNew(t)
	w := write(t, p, stepPage(flows.Step{Kind: flows.KindCode, Factor: identity.GoogleOTP, Enrolling: true,
		Fields: []flows.Field{{Name: "passcode"}}, Setup: &flows.Setup{Channel: flows.ChannelQR, QR: []byte("png"), Secret: "ZR74DHZTG43NBULV"}}))
	if attr(w.byID("qr"), "src") != "data:image/png;base64,cG5n" || attr(w.byID("qr"), "alt") == "" || text(w.byID("secret")) != "ZR74 DHZT G43N BULV" {
		t.Errorf("nothing to scan or to type: %s", w.body)
	}
	w = write(t, p, stepPage(flows.Step{Kind: flows.KindWait, Factor: identity.Push, Enrolling: true, Wait: &flows.Wait{},
		Setup: &flows.Setup{Channel: flows.ChannelSameDevice, Link: "https://acme.okta.com/setup"}}))
	if attr(w.byID("samedevice"), "href") != "https://acme.okta.com/setup" || w.byID("context") != nil || attr(w.byID("status"), "data-events") == "" {
		t.Errorf("page %s", w.body)
	}
	w = write(t, p, stepPage(flows.Step{Kind: flows.KindWait, Factor: identity.Push, Enrolling: true, Wait: &flows.Wait{},
		Setup:   &flows.Setup{Channel: flows.ChannelEmail, SentTo: "ada@acme.test"},
		Choices: []flows.Choice{{ID: "r", Kind: flows.ChoiceResend, Factor: identity.Push}}}))
	if got := text(w.button("value", "r")); got != "Send the link again" || !strings.Contains(text(w.doc), "sent a link to ada@acme.test") {
		t.Errorf("button %q on %q", got, text(w.doc))
	}
	w = write(t, p, stepPage(flows.Step{Kind: flows.KindWait, Factor: identity.CustomPush, Enrolling: true, Wait: &flows.Wait{},
		Setup: &flows.Setup{Channel: flows.ChannelQR, QR: []byte("png")}}))
	if got := text(w.doc); !strings.Contains(got, "Set up your organisation’s app") || strings.Contains(w.body, "Okta Verify") {
		t.Errorf("the organisation's own app: page %q", got)
	}
	for _, kind := range []flows.Kind{flows.KindCode, flows.KindForm} {
		step := flows.Step{Kind: kind, Factor: identity.HardwareOTP, Enrolling: true, Fields: []flows.Field{{Name: "passcode"}}}
		if kind == flows.KindForm {
			step.Topic = flows.TopicOther
		}
		if got := text(write(t, p, stepPage(step)).all("h1")[0]); got != "Set up your token" {
			t.Errorf("a token is set up under the heading %q", got)
		}
	}
	w = write(t, p, stepPage(flows.Step{Kind: flows.KindWait, Factor: identity.Push, Enrolling: true, Wait: &flows.Wait{},
		Setup: &flows.Setup{Channel: flows.ChannelSameDevice, Link: "javascript:alert(1)"}}))
	if w.byID("samedevice") != nil {
		t.Error("links to a script")
	}
}

// The code page beside a mailed link listens, and without script asks only when told to: a reload would empty the field.
func TestCodeBesideALink(t *testing.T) {
	page := stepPage(flows.Step{Kind: flows.KindCode, Factor: identity.Email, Device: "a***@acme.test", Fields: []flows.Field{{Name: "passcode"}}, Wait: &flows.Wait{}})
	page.Return, page.Seq = "/app?x=1", 7
	w := write(t, mustNew(t), page)
	if attr(w.byID("status"), "data-events") != "/_mfa/events?seq=7" || attr(w.byID("opened"), "href") != "/app?x=1" || strings.Contains(w.body, "http-equiv=\"refresh\"") {
		t.Errorf("page %s", w.body)
	}
	if !strings.Contains(text(w.doc), "Sent to a***@acme.test.") {
		t.Errorf("page %q", text(w.doc))
	}
}

// A key of another site is not asked for: no browser would use it here.
func TestWebAuthnOfAnotherSite(t *testing.T) {
	p := mustNew(t)
	for host, want := range map[string]bool{
		"acme.example": true, "app.acme.example": true, "evilacme.example": false, "acme.example.evil.test": false, "127.0.0.1": false,
	} {
		page := stepPage(flows.Step{Kind: flows.KindWebAuthn, WebAuthn: &flows.WebAuthn{RPID: "ACME.example", Options: []byte(`{"challenge":"YQ"}`)}})
		page.Host = host
		w := write(t, p, page)
		if offered := w.byID("credential") != nil; offered != want || (w.byID("foreign") != nil) == want {
			t.Errorf("%s: offered %v, want %v", host, offered, want)
		}
	}
	page := stepPage(flows.Step{Kind: flows.KindWebAuthn, WebAuthn: &flows.WebAuthn{Create: true, Options: []byte(`{"challenge":"YQ"}`)}})
	w := write(t, p, page)
	form := w.byID("credential")
	if attrs(form, "data-create", "data-options") != `true {"challenge":"YQ"}` || w.input("f.attestation") == nil || w.input("f.clientData") == nil {
		t.Errorf("form %v", form.Attr)
	}
}
