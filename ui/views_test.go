package ui

import (
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"sidegate.example/sidegate/flows"
	"sidegate.example/sidegate/gateway/identity"
)

const shows = "Your phone will show: Chrome on Windows, from 203.0.113.7. If it shows anything else, choose No."

func stepPage(s flows.Step) Page {
	return Page{View: ViewStep, Title: "payroll.example.com", CSRF: "token", Agent: windowsChrome, Address: "203.0.113.7", Step: s}
}

func (w written) titleIs(t *testing.T, want string) {
	t.Helper()
	if got := text(w.all("title")[0]); got != want {
		t.Errorf("title %q, want %q", got, want)
	}
}

func (w written) button(key, value string) *html.Node {
	for _, b := range w.all("button") {
		if attr(b, key) == value {
			return b
		}
	}
	return nil
}

func (w written) input(name string) *html.Node {
	for _, in := range w.all("input") {
		if attr(in, "name") == name {
			return in
		}
	}
	return nil
}

func attrs(n *html.Node, names ...string) string {
	out := make([]string, len(names))
	for i, name := range names {
		out[i] = attr(n, name)
	}
	return strings.Join(out, " ")
}

func TestSignIn(t *testing.T) {
	page := stepPage(flows.Step{Fields: []flows.Field{{Name: "identifier"}, {Name: "password", Secret: true, Value: "never"}}})
	page.View, page.Notice = ViewSignIn, NoticeFormLost
	w := write(t, mustNew(t), page)
	w.titleIs(t, "Sign in · payroll.example.com")
	if w.byID("identify") == nil || w.byID("cancel") != nil || attrs(w.all("main")[0], "data-view", "data-kind") != "signin identify" {
		t.Errorf("not the first page: %s", w.body)
	}
	name, password := w.input("f.identifier"), w.input("f.password")
	if got := attrs(name, "type", "autocomplete", "autocapitalize"); got != "text username none" || !hasAttr(name, "autofocus") || !hasAttr(name, "required") {
		t.Errorf("identifier: %q", name.Attr)
	}
	if got := attrs(password, "type", "autocomplete"); got != "password current-password" || hasAttr(password, "value") {
		t.Errorf("password: %q", password.Attr)
	}
	if !strings.HasSuffix(text(w.byID("context")), "it will show: Chrome on Windows, from 203.0.113.7. If it shows anything else, choose No.") {
		t.Errorf("context %q", text(w.byID("context")))
	}
	if !strings.Contains(text(w.doc), "What you were sending was not kept.") {
		t.Error("the lost form is not mentioned")
	}
}

// TestWrongCredentials: the words are ours and the same whatever Okta says; the cursor is where to type, and the
// field is described by the error for those who cannot see it.
func TestWrongCredentials(t *testing.T) {
	w := write(t, mustNew(t), stepPage(flows.Step{
		Kind:     flows.KindIdentify,
		Fields:   []flows.Field{{Name: "identifier", Value: "ada"}, {Name: "password", Secret: true}},
		Messages: []flows.Message{{Key: "sidegate.credentials", Text: "no user ada", Error: true}},
	}))
	w.titleIs(t, "Error: Sign in · payroll.example.com")
	if got := text(w.byID("errors")); got != "The user name or the password is not right." || attr(w.byID("errors"), "role") != "alert" {
		t.Errorf("error %q", got)
	}
	if w.byID("answer") == nil || w.byID("identify") != nil || w.byID("cancel") == nil {
		t.Error("a step is answered with #answer and can be cancelled")
	}
	password := w.input("f.password")
	if !hasAttr(password, "autofocus") || attr(password, "aria-describedby") != "errors" || attr(w.input("f.identifier"), "value") != "ada" {
		t.Errorf("password %v", password.Attr)
	}
}

// TestChooseSaysWhatThePhoneShows before any push is sent.
func TestChooseSaysWhatThePhoneShows(t *testing.T) {
	p := mustNew(t)
	step := flows.Step{Kind: flows.KindChoose, Person: "ada@example.com", Choices: []flows.Choice{
		{ID: "1", Kind: flows.ChoiceFactor, Factor: identity.Push, Label: "Okta Verify", Detail: "Pixel 7"},
		{ID: "2", Kind: flows.ChoiceFactor, Factor: identity.TOTP, Label: "Okta Verify"},
		{ID: "3", Kind: flows.ChoiceFactor, Factor: identity.SMS, Label: "Phone", Detail: "+1 XXX-1234"},
		{ID: "4", Kind: flows.ChoiceFactor, Factor: identity.HardwareOTP, Label: "RSA SecurID"},
	}}
	w := write(t, p, stepPage(step))
	w.titleIs(t, "Confirm that it is you · payroll.example.com")
	if got := text(w.byID("context")); got != shows {
		t.Errorf("context %q", got)
	}
	for factor, want := range map[string]string{"push": "Send a push to Pixel 7", "totp": "Enter a code from Okta Verify", "sms": "Get a code by text message +1 XXX-1234",
		"hardware_otp": "Enter a code from RSA SecurID"} {
		b := w.button("data-factor", factor)
		if b == nil || text(b) != want || attrs(b, "name", "data-choice-kind") != "choice factor" || hasAttr(b, "autofocus") {
			t.Errorf("%s: %q, want %q (and no focus: Enter must not send a push)", factor, text(b), want)
		}
	}
	if attr(w.button("data-factor", "sms"), "value") != "3" {
		t.Error("choice without its id")
	}
	step.Choices = step.Choices[1:]
	if w := write(t, p, stepPage(step)); w.byID("context") != nil {
		t.Error("speaks of a phone that nothing here asks")
	}
}

func TestWaitForPush(t *testing.T) {
	page := stepPage(flows.Step{Kind: flows.KindWait, Factor: identity.Push, Device: "Pixel 7", Wait: &flows.Wait{}, Choices: []flows.Choice{
		{ID: "r", Kind: flows.ChoiceResend, Factor: identity.Push}, {ID: "o", Kind: flows.ChoiceOther}}})
	page.Seq = 1<<64 - 1
	w := write(t, mustNew(t), page)
	w.titleIs(t, "Check your phone · payroll.example.com")
	status := w.byID("status")
	if attrs(status, "role", "aria-live", "data-events") != "status polite /_mfa/events?seq=18446744073709551615" {
		t.Errorf("status %v", status.Attr)
	}
	if text(w.byID("context")) != shows || w.byID("number") != nil || !strings.Contains(text(w.doc), "We sent a push to Pixel 7.") {
		t.Errorf("page %q", text(w.doc))
	}
	if b := w.button("data-choice-kind", "resend"); attr(b, "value") != "r" || text(b) != "Send the push again" {
		t.Errorf("resend %q", text(b))
	}
	if slices.ContainsFunc(w.all(""), func(n *html.Node) bool { return hasAttr(n, "autofocus") }) {
		t.Error("a page that refreshes itself must not take the focus")
	}
}

// TestCompletingSpeaksOfNoPhone: the answer was accepted, so a page that still asks for it would have people approve
// what they have not asked for. Whatever else the step holds is left out.
func TestCompletingSpeaksOfNoPhone(t *testing.T) {
	page := stepPage(flows.Step{
		Kind: flows.KindWait, Factor: identity.NumberChallenge, Person: "ada@example.com", Device: "Pixel 7",
		Wait:     &flows.Wait{Number: "42", Completing: true},
		Choices:  []flows.Choice{{ID: "r", Kind: flows.ChoiceResend, Factor: identity.Push}},
		Messages: []flows.Message{{Key: "sidegate.accepted", Text: "Okta’s words"}},
	})
	page.Seq = 7
	w := write(t, mustNew(t), page)
	w.titleIs(t, "Almost there · payroll.example.com")
	const want = "Almost there Okta has accepted your answer and is slow to say so. Nothing more is needed from you. " +
		"This page goes on by itself. Cancel and start over"
	if got := text(w.all("main")[0]); got != want {
		t.Errorf("page %q, want %q", got, want)
	}
	status := w.byID("status")
	if attr(status, "data-events") != "/_mfa/events?seq=7" || w.byID("cancel") == nil || w.byID("answer") != nil {
		t.Errorf("status %v", status.Attr)
	}
	for _, a := range status.Attr {
		if lower := strings.ToLower(a.Val); strings.Contains(lower, "phone") || strings.Contains(lower, "push") {
			t.Errorf("%s would say %q", a.Key, a.Val)
		}
	}
}

// TestS75NumberStaysInTheBody: it is in no title (history, tab strip), no attribute and no header.
func TestS75NumberStaysInTheBody(t *testing.T) {
	w := write(t, mustNew(t), stepPage(flows.Step{Kind: flows.KindWait, Factor: identity.NumberChallenge, Wait: &flows.Wait{Number: "0942"}}))
	w.titleIs(t, "Confirm on your phone · payroll.example.com")
	if text(w.byID("number")) != "0942" || text(w.byID("number-label")) != "Tap this number on your phone" {
		t.Errorf("number %q", text(w.byID("number")))
	}
	if strings.Count(w.body, "0942") != 1 {
		t.Errorf("number %d times in the page", strings.Count(w.body, "0942"))
	}
}

func TestCode(t *testing.T) {
	wrong := flows.Message{Key: "api.authn.error.PASSCODE_INVALID", Text: "Okta’s words", Error: true}
	for name, c := range map[string]struct {
		factor  identity.Factor
		message flows.Message
		attrs   string
		error   string
	}{
		"totp":              {identity.TOTP, wrong, "text one-time-code numeric", "The code is not right. Check it and try again."},
		"totp, unknown key": {identity.TOTP, flows.Message{Key: "new.key", Text: "Okta’s words", Error: true}, "text one-time-code numeric", "Okta’s words"},
		"totp, no text":     {identity.TOTP, flows.Message{Key: wrong.Key, Error: true}, "text one-time-code numeric", "The code is not right. Check it and try again."},
		"code format":       {identity.TOTP, flows.Message{Key: "sidegate.code_format", Error: true}, "text one-time-code numeric", "That cannot be the code. Type it as it was sent or as the app shows it."},
		"password":          {identity.Password, wrong, "password current-password ", "Okta’s words"},
		"hardware":          {identity.HardwareOTP, wrong, "text one-time-code ", "Okta’s words"},
		"security question": {identity.SecurityQuestion, wrong, "password off ", "Okta’s words"},
		"something secret":  {identity.Other, wrong, "password off ", "Okta’s words"},
		"factor out of set": {"x", wrong, "password off ", "Okta’s words"},
		"sms":               {identity.SMS, wrong, "text one-time-code numeric", "Okta’s words"},
		"google":            {identity.GoogleOTP, wrong, "text one-time-code numeric", "Okta’s words"},
	} {
		w := write(t, mustNew(t), stepPage(flows.Step{Kind: flows.KindCode, Factor: c.factor, Fields: []flows.Field{
			{Name: "passcode", Secret: true, Value: "123456", Messages: []flows.Message{c.message}}}, Messages: []flows.Message{c.message}}))
		in := w.input("f.passcode")
		if got := attrs(in, "type", "autocomplete", "inputmode"); got != c.attrs {
			t.Errorf("%s: input %q, want %q", name, got, c.attrs)
		}
		if strings.Contains(w.body, "123456") || !hasAttr(in, "autofocus") {
			t.Errorf("%s: input %v", name, in.Attr)
		}
		if got := strings.Count(text(w.doc), c.error); got != 1 || strings.Contains(w.body, c.message.Key) {
			t.Errorf("%s: the message is told %d times", name, got)
		}
	}
}

// TestFieldErrorBelongsToItsField: a screen reader that enters the field reads what is wrong with it.
func TestFieldErrorBelongsToItsField(t *testing.T) {
	w := write(t, mustNew(t), stepPage(flows.Step{Kind: flows.KindCode, Factor: identity.TOTP, Fields: []flows.Field{
		{Name: "totp", Messages: []flows.Message{{Text: "Invalid code.", Error: true}, {Text: "Two tries left."}}}}}))
	w.titleIs(t, "Error: Enter the code from your phone · payroll.example.com")
	in := w.input("f.totp")
	if attr(in, "aria-invalid") != "true" || text(w.byID(attr(in, "aria-describedby"))) != "Invalid code. Two tries left." {
		t.Errorf("input %v", in.Attr)
	}
	if got := text(w.all("label")[0]); got != "Code from Okta Verify" {
		t.Errorf("label %q", got)
	}
}

// TestTOTPFieldIsNamedByUs: Okta calls it "Enter code", which does not say of which app.
func TestTOTPFieldIsNamedByUs(t *testing.T) {
	for factor, want := range map[identity.Factor]string{identity.TOTP: "Code from Okta Verify", identity.GoogleOTP: "Enter code"} {
		w := write(t, mustNew(t), stepPage(flows.Step{Kind: flows.KindCode, Factor: factor, Fields: []flows.Field{{Name: "passcode", Label: "Enter code"}}}))
		if got := text(w.all("label")[0]); got != want {
			t.Errorf("%s: label %q, want %q", factor, got, want)
		}
	}
}

// TestProblems: each says what happened, what to do, and leads back.
func TestProblems(t *testing.T) {
	p := mustNew(t)
	seen := make(map[string]bool)
	for _, problem := range Problems() {
		w := write(t, p, Page{View: ViewError, Problem: problem, Return: "/reports?q=1&r=2"})
		if attr(w.all("main")[0], "data-problem") != string(problem) || attr(w.all("a")[0], "href") != "/reports?q=1&r=2" {
			t.Errorf("%s: %s", problem, w.body)
		}
		seen[text(w.all("h1")[0])] = true
	}
	if len(seen) != len(Problems()) {
		t.Errorf("%d headings for %d problems", len(seen), len(Problems()))
	}
	for wait, want := range map[time.Duration]string{time.Second: "Please wait a minute, then try again.", time.Minute: "Please wait a minute, then try again.",
		61 * time.Second: "Please wait 2 minutes, then try again.", 0: "", -time.Second: ""} {
		w := write(t, p, Page{View: ViewError, Problem: ProblemRateLimited, RetryAfter: wait})
		if got := text(w.doc); strings.Contains(got, "Please wait") != (want != "") || !strings.Contains(got, want) {
			t.Errorf("%v: %q", wait, got)
		}
	}
}

// TestS38UnknownCodesAreNotShown: no code that came from outside becomes a text on the page.
func TestS38UnknownCodesAreNotShown(t *testing.T) {
	p := mustNew(t)
	const call = "Call555"
	w := write(t, p, Page{View: ViewError, Problem: call, Notice: call})
	if strings.Contains(w.body, call) || attr(w.all("main")[0], "data-problem") != "bad_request" {
		t.Errorf("page %s", w.body)
	}
	w = write(t, p, stepPage(flows.Step{Kind: flows.KindChoose, Messages: []flows.Message{{Key: call, Error: true}, {Key: "footer", Error: true}}}))
	if strings.Contains(w.body, call) || w.byID("errors") != nil {
		t.Errorf("page %s", w.body)
	}
}

// TestS30Return: a way back never leaves the origin, whoever forgot to check it.
func TestS30Return(t *testing.T) {
	p := mustNew(t)
	for in, want := range map[string]string{"": "/", "/a/b?c=d": "/a/b?c=d", "//evil.test": "/", `/\evil.test`: "/", "/\t/evil.test": "/",
		"https://evil.test": "/", "javascript:alert(1)": "/", "evil": "/"} {
		if got := attr(write(t, p, Page{View: ViewError, Problem: ProblemStale, Return: in}).all("a")[0], "href"); got != want {
			t.Errorf("%q leads to %q, want %q", in, got, want)
		}
	}
}

func TestSignOut(t *testing.T) {
	p := mustNew(t)
	w := write(t, p, Page{View: ViewSignOut, User: "ada@example.com", Return: "/reports", CSRF: "token"})
	if w.byID("signout") == nil || !strings.Contains(text(w.doc), "You are signed in as ada@example.com") || attr(w.all("a")[0], "href") != "/reports" {
		t.Errorf("page %q", text(w.doc))
	}
	since := time.Date(2026, 11, 26, 0, 15, 0, 0, time.FixedZone("", 3600))
	w = write(t, p, Page{View: ViewSignOut, CSRF: "token", Sessions: []Session{{Site: "payroll.example.com", Agent: "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36", Address: "203.0.113.7", Since: since, This: true}, {Site: "x.example.com", Agent: "curl/8", Since: since}}})
	want := []string{"payroll.example.com Chrome on Windows, 203.0.113.7, since 2026-11-25 23:15 UTC This session", "x.example.com An unknown browser, since 2026-11-25 23:15 UTC"}
	for i, li := range w.all("li") {
		if text(li) != want[i] {
			t.Errorf("session %q, want %q", text(li), want[i])
		}
	}
	if all := w.all("button"); len(w.all("li")) != 2 || len(all) != 2 || attr(all[1], "name") != "choice" || attr(all[1], "value") != SignOutEverywhere {
		t.Errorf("page %q", text(w.doc))
	}
	w = write(t, p, Page{View: ViewSignedOut})
	if len(w.all("form")) != 0 || attr(w.all("a")[0], "href") != "/" || text(w.all("a")[0]) != "Sign in again" {
		t.Errorf("page %q", text(w.doc))
	}
}

// TestSafeModeSaysWhoIsWaitedFor: nobody is sent to a phone, and nothing is said to have been accepted.
func TestSafeModeSaysWhoIsWaitedFor(t *testing.T) {
	w := write(t, mustNew(t), stepPage(flows.Step{Kind: flows.KindWait, Wait: &flows.Wait{Degraded: true}}))
	const want = "Okta is out of order Okta asks everybody to wait. You can leave this page open; you may be asked for your " +
		"password again. This page goes on by itself. Cancel and start over"
	if got := text(w.all("main")[0]); got != want {
		t.Errorf("page %q, want %q", got, want)
	}
}
