package limits_test

import (
	"fmt"
	"testing"
	"time"

	"sidegate.example/sidegate/flows/limits"
)

// S64, S78: who types another domain each time has the phone rung no more often than twice the limit: Okta may take all of these
// names for one person's.
func TestS78UnaskedPushesUnderManyDomains(t *testing.T) {
	b := newBench(t, limits.Config{})
	name := func(i int) string { return fmt.Sprintf("bob@%c.example", 'a'+i) }
	for i := range 6 {
		if wait, err := b.WaitUnasked(t.Context(), name(i)); err != nil || wait != 0 {
			t.Fatalf("after %d: %v, %v", i, wait, err)
		}
		b.Unasked(t.Context(), "00ubob", name(i))
	}
	if wait, err := b.WaitUnasked(t.Context(), name(6)); err != nil || wait != 5*time.Minute {
		t.Errorf("after 6: %v, %v", wait, err)
	}
	if wait, err := b.WaitUnasked(t.Context(), "alice@a.example"); err != nil || wait != 0 {
		t.Errorf("somebody else: %v, %v", wait, err)
	}
	b.Answered(t.Context(), "00ubob", name(0))
	if wait, err := b.WaitUnasked(t.Context(), name(6)); err != nil || wait != 0 {
		t.Errorf("after one was answered: %v, %v", wait, err)
	}
}
