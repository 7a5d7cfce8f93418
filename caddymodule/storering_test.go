package caddymodule

import (
	"net/http"
	"strings"
	"testing"

	"sidegate.example/sidegate/gateway/store/storetest"
)

// S45: a replica whose key ring is not that of the others cannot know who has signed out there. It lets nobody in, the log says
// what to do, once, and doing it helps.
func TestReplicaWithAnotherKeyRing_S45(t *testing.T) {
	server := storetest.Redis(t)
	w := newWorld(t)
	w.shared(server.Addr)
	server.CLI("set", "sidegate:{ring}", "another")
	js, file := w.logged(w.gated())
	b := w.browser(w.run(js))
	b.cookies["__Host-okta_mfa"] = strings.TrimPrefix(w.cookie("127.0.0.1", bob()), "__Host-okta_mfa=")
	for range 3 {
		if a := b.get("/payroll"); a.StatusCode != http.StatusServiceUnavailable || strings.Contains(a.body, upstreamBody) {
			t.Errorf("who may have signed out elsewhere gets %d: %s", a.StatusCode, a.body)
		}
	}
	said := func() (times int) {
		lines, text := readLog(t, file)
		for _, l := range lines {
			if l.Msg == "the shared store failed" && l.Level == "warn" {
				times++
			}
		}
		if times > 0 && !strings.Contains(text, "this Redis is used with another key ring") {
			t.Errorf("the log says not why: %s", text)
		}
		return times
	}
	storetest.Eventually(t, "the log says why", func() bool { return said() > 0 })
	server.CLI("del", "sidegate:{ring}")
	storetest.Eventually(t, "they are in", func() bool { return b.get("/payroll").StatusCode == http.StatusOK })
	if n := said(); n > 2 { // of the key ring, and of the subscription that it ended
		t.Errorf("the log said it %d times", n)
	}
	if got := server.CLI("get", "sidegate:{ring}"); len(strings.TrimSpace(got)) < 20 {
		t.Errorf("the Redis is marked as %q", got)
	}
}
