package e2e

import (
	"testing"
	"time"
)

// Caddy waits for ever for a response that is still being written (caddy-notes T4): open streams must end
// with the server.
func TestSIGTERMWithOpenStreams(t *testing.T) {
	b := newBrowser(t, startDemo(t))
	first, second := b.tab(), b.tab()
	first.askPush(b.d.person("pat"), "/")
	second.open("/")
	second.see(onWait)
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for deadline := time.Now().Add(patience); b.openedStreams() < 2; <-tick.C {
		if time.Now().After(deadline) {
			t.Fatalf("%d event streams were opened by two waiting tabs, want 2", b.openedStreams())
		}
	}
	b.d.stop()
}

func (b *browser) openedStreams() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.streams
}
