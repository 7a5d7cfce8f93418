package replicas

import "testing"

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
