package replicas

import (
	"net/http"
	"net/url"
	"slices"
	"testing"
)

// A new configuration while the phone is ringing: the browser that waits hears of the approval, and there is one push.
func TestReloadDuringAPush(t *testing.T) {
	w := newWorld(t, setup{replicas: 1})
	w.reloadDuringAPush(w.join("pat"))
}

// A new configuration in the middle of a step-up: the session goes on, the person proves what was missing, and is not asked
// for the password again.
func TestReloadDuringAStepUp(t *testing.T) {
	w := newWorld(t, setup{replicas: 1, site: "step_up @transfer push", matchers: "@transfer path /transfer/*"})
	w.reloadDuringAStepUp(w.join("pat"))
}

// A form that ran into the sign-in outlives new configurations: after the sign-in and a click, the app receives it once, as it
// was.
func TestReloadWithAKeptForm(t *testing.T) {
	w := newWorld(t, setup{replicas: 1})
	w.reloadWithAKeptForm(w.join("pat"))
}

// The same on one of three replicas that share a Redis, while people ask the other two without a pause: those notice nothing, and
// whoever is in the middle of something goes on at any replica.
func TestReloadOfOneReplica(t *testing.T) {
	w := newRedisWorld(t, setup{site: "step_up @transfer push", matchers: "@transfer path /transfer/*"}, durable...)
	var people []person
	var browsers []*browser
	for i, name := range []string{"quinn", "ruth"} {
		people = append(people, w.join(name))
		b := w.browser(mainSite).on(w.all[i+1])
		b.signIn(people[i], "/")
		browsers = append(browsers, b)
	}
	tr := new(traffic)
	tr.begin(people, browsers)
	w.reloadDuringAPush(w.join("pat"))
	w.reloadDuringAStepUp(w.join("sam"))
	w.reloadWithAKeptForm(w.join("tess"))
	tr.end(t)
	for i, b := range browsers {
		b.on(nil).refusedNowhere(people[i])
	}
}

// reloadDuringAPush gives replica 1 new configurations while it waits for the person's phone, with a tab open at each replica.
func (w *world) reloadDuringAPush(who person) {
	w.t.Helper()
	b := w.browser(mainSite).on(w.all[0])
	b.askPush(who, "/report")
	heard := make(chan error, len(w.all))
	for _, r := range w.all {
		p := b.copied().on(r).open("/report").want("step/wait")
		go func() { heard <- p.waitFor(w.t.Context()) }()
	}
	w.all[0].reload()
	w.all[0].reload()
	if got := b.open("/report"); got.shown() != "step/wait" {
		w.t.Errorf("after the reload the page is %s", got)
	}
	if err := who.approve(); err != nil {
		w.t.Fatal(err)
	}
	for range w.all {
		if err := <-heard; err != nil {
			w.t.Error(err)
		}
	}
	b.on(nil).arrivedWithOnePush(who, "/report")
}

// arrivedWithOnePush wants the person let in to a page.
func (b *browser) arrivedWithOnePush(who person, path string) {
	b.w.t.Helper()
	if err := b.arrive(path).in(who); err != nil {
		b.w.t.Error(err)
	}
	if n := who.pushed(); n != 1 {
		b.w.t.Errorf("%d pushes", n)
	}
}

// reloadDuringAStepUp gives replica 1 new configurations before somebody who is signed in there says what to prove, and while
// the phone rings.
func (w *world) reloadDuringAStepUp(who person) {
	w.t.Helper()
	b := w.browser(mainSite).on(w.all[0])
	b.signIn(who, "/report")
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
	go func() { heard <- p.waitFor(w.t.Context()) }()
	w.all[0].reload()
	b.on(nil).refusedNowhere(who) // meanwhile, elsewhere
	b.open("/transfer/now").want("step/wait")
	if err := who.approve(); err != nil {
		w.t.Fatal(err)
	}
	if err := <-heard; err != nil {
		w.t.Error(err)
	}
	b.arrivedWithOnePush(who, "/transfer/now")
}

// reloadWithAKeptForm sends a form without a session and signs in, at all replicas in turn, of which the first gets a new
// configuration after every page.
func (w *world) reloadWithAKeptForm(who person) {
	w.t.Helper()
	b := w.browser(mainSite)
	p, err := b.try(b.url("/order"), url.Values{"item": {"bolts & nuts"}, "count": {"12"}})
	if err != nil {
		w.t.Fatal(err)
	}
	w.all[0].reload()
	p = p.identify(who)
	w.all[0].reload()
	p.choose("push").want("step/wait")
	w.all[0].reload()
	if err := who.approve(); err != nil {
		w.t.Fatal(err)
	}
	w.eventually("the page that asks whether to send the form", func() bool {
		p = b.open("/_mfa/resume")
		return p.shown() == "resume"
	})
	w.all[0].reload()
	orders := func() []hit {
		return slices.DeleteFunc(w.app.received(), func(h hit) bool { return h.path != "/order" })
	}
	if hits := orders(); len(hits) > 0 {
		w.t.Errorf("before the click the app received %v", hits)
	}
	if err := p.submit("resume", nil).in(who); err != nil {
		w.t.Error(err)
	}
	want := hit{http.MethodPost, "/order", who.login, "count=12&item=bolts+%26+nuts"}
	if hits := orders(); len(hits) != 1 || hits[0] != want {
		w.t.Errorf("the app received %v, want %v", hits, want)
	}
	if n := who.pushed(); n != 1 {
		w.t.Errorf("%d pushes", n)
	}
}
