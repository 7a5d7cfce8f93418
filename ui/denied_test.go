package ui

import (
	"slices"
	"strings"
	"testing"

	"sidegate.example/sidegate/flows"
	"sidegate.example/sidegate/gateway/identity"
)

// TestDenied: each reason says what happened and leads on.
func TestDenied(t *testing.T) {
	p := mustNew(t)
	seen := make(map[string]bool)
	for _, r := range reasons {
		final := write(t, p, stepPage(flows.Step{Kind: flows.KindDenied, Denied: &flows.Denied{Reason: r, Final: true},
			Messages: []flows.Message{{Text: "Okta’s words", Error: true}}}))
		if attr(final.all("main")[0], "data-reason") != string(r) || text(final.byID("cancel")) != "Start over" || final.byID("answer") != nil {
			t.Errorf("%s: no way on: %q", r, text(final.doc))
		}
		seen[text(final.all("h1")[0])] = true
		if got, want := attr(final.all("div")[1], "class") == "badge good", r == flows.DeniedRestored; got != want {
			t.Errorf("%s: looks like a success: %t, want %t", r, got, want)
		}
		again := write(t, p, stepPage(flows.Step{Kind: flows.KindDenied, Denied: &flows.Denied{Reason: r},
			Choices: []flows.Choice{{ID: "r", Kind: flows.ChoiceResend, Factor: identity.Push}}}))
		if again.button("data-choice-kind", "resend") == nil || again.byID("cancel") == nil || text(again.byID("context")) != shows {
			t.Errorf("%s: cannot try again: %q", r, text(again.doc))
		}
	}
	if len(seen) != len(reasons) {
		t.Errorf("%d headings for %d reasons", len(seen), len(reasons))
	}
	w := write(t, p, stepPage(flows.Step{Kind: flows.KindDenied, Denied: &flows.Denied{Reason: flows.DeniedOnPhone}}))
	var ways []string
	for _, h := range w.all("h2") {
		ways = append(ways, text(h))
	}
	if !slices.Equal(ways, []string{"It was not me", "That was me"}) || !strings.Contains(text(w.doc), "Change your Okta password now.") {
		t.Errorf("ways %q", ways)
	}
}

// TestDeniedSaysNothingTwice: Okta tells who tapped a wrong number that they "have chosen to reject this login", which
// contradicts our own words; where only Okta knows what is wrong, it is quoted.
func TestDeniedSaysNothingTwice(t *testing.T) {
	p := mustNew(t)
	for _, r := range reasons {
		w := write(t, p, stepPage(flows.Step{Kind: flows.KindDenied, Denied: &flows.Denied{Reason: r, Final: true},
			Messages: []flows.Message{{Text: "Okta’s words", Error: true}}}))
		quoted := strings.Contains(text(w.doc), "Okta says: Okta’s words")
		silent := r == flows.DeniedOnPhone || r == flows.DeniedLocked || r == flows.DeniedTimeout
		if quoted == silent || strings.Contains(w.body, "Okta’s words") != quoted || strings.Contains(w.body, "Okta says") != quoted {
			t.Errorf("%s: quoted is %v: %q", r, quoted, text(w.doc))
		}
	}
}

// Where something can be done about it at Okta, the page leads there, and never to a script.
func TestDeniedLeadsToOkta(t *testing.T) {
	p := mustNew(t)
	for link, want := range map[string]string{
		"https://acme.okta.com/enduser/settings": "https://acme.okta.com/enduser/settings",
		"javascript:alert(1)":                    "#ZgotmplZ",
	} {
		w := write(t, p, stepPage(flows.Step{Kind: flows.KindDenied, Denied: &flows.Denied{Reason: flows.DeniedEnrollment, Final: true, Link: link}}))
		if a := w.byID("there"); a == nil || attr(a, "href") != want || attr(a, "rel") != "noreferrer" {
			t.Errorf("%s: %q", link, text(w.doc))
		}
	}
	if w := write(t, p, stepPage(flows.Step{Kind: flows.KindDenied, Denied: &flows.Denied{Reason: flows.DeniedEnrollment, Final: true}})); w.byID("there") != nil {
		t.Error("a link that leads nowhere")
	}
}

// What several ends share says nothing that holds for one of them only: a set-up that lapses was no push, a mailed code may
// be proved where no factor may be set up, and not everybody has a phone to come back with.
func TestSharedWordsHoldForAll(t *testing.T) {
	p := mustNew(t)
	denied := func(r flows.DeniedReason) Page {
		return stepPage(flows.Step{Kind: flows.KindDenied, Denied: &flows.Denied{Reason: r, Final: true}})
	}
	for name, c := range map[string]struct {
		page  Page
		wrong string
	}{
		"timeout":    {denied(flows.DeniedTimeout), "push"},
		"enrollment": {denied(flows.DeniedEnrollment), "password"},
		"sign out":   {everyPage("x")["signout"], "phone"},
	} {
		if got := text(write(t, p, c.page).all("main")[0]); got == "" || strings.Contains(got, c.wrong) {
			t.Errorf("%s speaks of a %s: %q", name, c.wrong, got)
		}
	}
}
