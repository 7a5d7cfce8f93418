package replicas

import (
	"net/http"
	"net/url"
	"testing"
)

// A new configuration while the phone is ringing: the browser that waits hears of the approval, and there is one push.
func TestReloadDuringAPush(t *testing.T) {
	w := newWorld(t, setup{replicas: 1})
	pat := w.join("pat")
	b := w.browser(mainSite)
	p := b.askPush(pat, "/report")
	heard := make(chan error, 1)
	go func() { heard <- p.waitFor(t.Context()) }()
	w.all[0].reload()
	w.all[0].reload()
	if got := b.open("/report"); got.shown() != "step/wait" {
		t.Errorf("after the reload the page is %s", got)
	}
	if err := pat.approve(); err != nil {
		t.Fatal(err)
	}
	if err := <-heard; err != nil {
		t.Error(err)
	}
	if err := b.arrive("/report").in(pat); err != nil {
		t.Error(err)
	}
	if n := pat.pushed(); n != 1 {
		t.Errorf("%d pushes", n)
	}
}

// A new configuration in the middle of a step-up: the session goes on, the person proves what was missing, and is not asked
// for the password again.
func TestReloadDuringAStepUp(t *testing.T) {
	w := newWorld(t, setup{replicas: 1, site: "step_up @transfer push", matchers: "@transfer path /transfer/*"})
	pat := w.join("pat")
	b := w.browser(mainSite)
	b.signIn(pat, "/report")
	p := b.open("/transfer/now")
	w.all[0].reload() // between the page and its form
	p = p.want("signin/identify").submit("identify", nil)
	if p.shown() == "step/identify" { // the org's policy asks for the password too
		p = p.submit("answer", map[string]string{"f.password": password})
	}
	if p.shown() == "step/choose" {
		p = p.choose("push")
	}
	p.want("step/wait")
	heard := make(chan error, 1)
	go func() { heard <- p.waitFor(t.Context()) }()
	w.all[0].reload()
	if err := b.open("/report").in(pat); err != nil {
		t.Errorf("meanwhile, elsewhere: %v", err)
	}
	b.open("/transfer/now").want("step/wait")
	if err := pat.approve(); err != nil {
		t.Fatal(err)
	}
	if err := <-heard; err != nil {
		t.Error(err)
	}
	if err := b.arrive("/transfer/now").in(pat); err != nil {
		t.Error(err)
	}
	if n := pat.pushed(); n != 1 {
		t.Errorf("%d pushes", n)
	}
}

// A form that ran into the sign-in outlives new configurations: after the sign-in and a click, the app receives it once, as it
// was.
func TestReloadWithAKeptForm(t *testing.T) {
	w := newWorld(t, setup{replicas: 1})
	w.keptForm(t, func() { w.all[0].reload() }, func() {})
}

// keptForm sends a form without a session and signs in; between comes after every page, atPush while the phone rings.
func (w *world) keptForm(t *testing.T, between, atPush func()) {
	t.Helper()
	pat := w.join("pat")
	b := w.browser(mainSite)
	p, err := b.try(b.url("/order"), url.Values{"item": {"bolts & nuts"}, "count": {"12"}})
	if err != nil {
		t.Fatal(err)
	}
	between()
	p = p.identify(pat)
	between()
	p.choose("push").want("step/wait")
	between()
	atPush()
	if err := pat.approve(); err != nil {
		t.Fatal(err)
	}
	w.eventually("the page that asks whether to send the form", func() bool {
		p = b.open("/_mfa/resume")
		return p.shown() == "resume"
	})
	between()
	if hits := w.app.received(); len(hits) > 0 {
		t.Errorf("before the click the app received %v", hits)
	}
	if err := p.submit("resume", nil).in(pat); err != nil {
		t.Error(err)
	}
	want := hit{http.MethodPost, "/order", pat.login, "count=12&item=bolts+%26+nuts"}
	if hits := w.app.received(); len(hits) != 1 || hits[0] != want {
		t.Errorf("the app received %v, want %v", hits, want)
	}
	if n := pat.pushed(); n != 1 {
		t.Errorf("%d pushes", n)
	}
}
