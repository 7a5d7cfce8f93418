package replicas

import (
	"testing"
	"time"
)

// A replica dies between the push and the approval: the browser, which waited there, comes back to another one and is in,
// with one push and the same rules.
func TestReplicaDiesDuringAPush(t *testing.T) {
	w := newRedisWorld(t, setup{}, durable...)
	pat := w.join("pat")
	b := w.browser(mainSite).on(w.all[0])
	p := b.askPush(pat, "/report")
	waiting, err := p.listen(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	w.all[0].kill()
	if waiting.changed() {
		t.Error("news from a dead replica")
	}
	b.on(nil)
	heard := make(chan error, 1)
	go func() { heard <- p.waitFor(t.Context()) }()
	if got := b.open("/report"); got.shown() != "step/wait" {
		t.Fatalf("on another replica the page is %s", got)
	}
	killed := time.Now()
	if err := pat.approve(); err != nil {
		t.Fatal(err)
	}
	if err := <-heard; err != nil {
		t.Error(err)
	}
	if err := b.arrive("/report").in(pat); err != nil {
		t.Error(err)
	}
	t.Logf("in %s after the replica was killed", time.Since(killed).Round(time.Millisecond))
	if n := pat.pushed(); n != 1 {
		t.Errorf("%d pushes", n)
	}
	b.refusedNowhere(pat)
	if n := len(b.jar.Cookies(b.url("/"))); n != 2 {
		t.Errorf("%d cookies, want those of the session and of the device", n)
	}
}

// Two tabs of one browser wait on two replicas: Okta is asked as often as it allows and no more, and both hear of the approval.
func TestTwoTabsOnTwoReplicas(t *testing.T) {
	w := newRedisWorld(t, setup{}, durable...)
	pat := w.join("pat")
	b := w.browser(mainSite)
	b.on(w.all[0]).askPush(pat, "/report")
	heard := make(chan error, 2)
	for _, r := range w.all[1:] {
		tab := b.copied().on(r)
		p := tab.open("/report").want("step/wait")
		go func() { heard <- p.waitFor(t.Context()) }()
	}
	polls := "/idp/idx/authenticators/poll"
	began, before := time.Now(), w.asked(polls, 0)
	w.eventually("twelve polls", func() bool { return w.asked(polls, 0) >= before+12 })
	took := time.Since(began)
	if n := w.asked(polls, 429); n > 0 {
		t.Errorf("%d polls came too early", n)
	}
	if least := 11 * refresh; took < least {
		t.Errorf("12 polls in %s, want one per %s", took, refresh)
	}
	t.Logf("12 polls in %s", took.Round(time.Millisecond))
	if err := pat.approve(); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := <-heard; err != nil {
			t.Error(err)
		}
	}
	if err := b.on(nil).arrive("/report").in(pat); err != nil {
		t.Error(err)
	}
	if n := pat.pushed(); n != 1 {
		t.Errorf("%d pushes", n)
	}
}
