package store

import (
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

const window = 5 * time.Minute

func take(t *testing.T, b *Counters, key string, want time.Duration) {
	t.Helper()
	if wait, err := b.Take(t.Context(), key, 3, window); err != nil || wait != want {
		t.Errorf("Take(%.40q) is %v, %v, want %v", key, wait, err, want)
	}
}

// S63: no three events follow each other within a window, wherever windows are thought to begin.
func TestS63BudgetSlides(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := new(Counters)
		take(t, b, "code/a", 0)
		time.Sleep(4 * time.Minute)
		take(t, b, "code/a", 0)
		take(t, b, "code/a", 0)
		take(t, b, "code/a", time.Minute)
		take(t, b, "code/b", 0) // somebody else
		take(t, b, "push/a", 0) // something else
		time.Sleep(time.Minute)
		take(t, b, "code/a", 0)
		take(t, b, "code/a", 4*time.Minute)
		if wait, _ := b.Wait(t.Context(), "code/a", 3, window); wait != 4*time.Minute {
			t.Errorf("Wait is %v", wait)
		}
		if err := b.Return(t.Context(), "code/a"); err != nil {
			t.Fatal(err)
		}
		if wait, _ := b.Wait(t.Context(), "code/a", 3, window); wait != 0 {
			t.Errorf("after Return Wait is %v", wait)
		}
		take(t, b, "code/a", 0)
		if err := b.Reset(t.Context(), "code/a"); err != nil {
			t.Fatal(err)
		}
		for range 3 {
			take(t, b, "code/a", 0) // as if nothing had been
		}
		take(t, b, "code/a", window)
	})
}

// S63: guesses that come at once share the budget too.
func TestS63ConcurrentGuesses(t *testing.T) {
	b := new(Counters)
	var granted atomic.Int32
	var wg sync.WaitGroup
	for range 50 {
		wg.Go(func() {
			if wait, _ := b.Take(t.Context(), "code/a", 3, window); wait == 0 {
				granted.Add(1)
			}
		})
	}
	wg.Wait()
	if granted.Load() != 3 {
		t.Errorf("%d of 50 guesses at once were let through, want 3", granted.Load())
	}
}

// S72: keys are told apart to their last byte.
func TestS72LongKeys(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := new(Counters)
		for _, n := range []int{60, 72, 300} {
			name := "password/" + strings.Repeat("x", n)
			for range 3 {
				take(t, b, name+"1", 0)
			}
			take(t, b, name+"1", window)
			take(t, b, name+"2", 0)
		}
	})
}

// A flood of names neither grows without end nor makes forget what was counted for a person.
func TestBudgetIsBounded(t *testing.T) {
	b := &Counters{max: 100}
	for range 3 {
		take(t, b, "code/a", 0)
	}
	for i := range 1000 {
		take(t, b, fmt.Sprintf("name/%d", i), 0)
	}
	if n := len(b.classes["name"].byKey); n != 100 || b.classes["name"].order.Len() != n {
		t.Errorf("%d names are kept, %d in the queue, want 100", n, b.classes["name"].order.Len())
	}
	if wait, _ := b.Take(t.Context(), "code/a", 3, window); wait <= 0 {
		t.Error("a flood of names made the wrong codes of a person forgotten")
	}
	for range 10 {
		take(t, b, "name/999", 0)
		if err := b.Return(t.Context(), "name/999"); err != nil {
			t.Fatal(err)
		}
	}
	if wait, _ := b.Take(t.Context(), "name/0", 0, window); wait != window {
		t.Errorf("a limit of nothing waits %v", wait)
	}
}

// S63: a site with a lower limit and a shorter window makes a site with others forget nothing.
func TestS63SitesThatShareAKey(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := new(Counters)
		for range 3 {
			take(t, b, "send/a", 0)
		}
		for range 10 {
			time.Sleep(10 * time.Second)
			if wait, _ := b.Take(t.Context(), "send/a", 1, time.Second); wait != 0 {
				t.Fatalf("the other site waits %v", wait)
			}
			if wait, _ := b.Wait(t.Context(), "send/a", 3, window); wait <= 0 {
				t.Fatal("the first site's events were forgotten")
			}
		}
	})
}

// What is kept of one key is bounded in time and in number, and no limit is beyond it.
func TestBudgetKeepsWhatMatters(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := new(Counters)
		kept := func() int { return len(b.classes["code"].byKey[digestOf("code/a")].Value.(*events).at) }
		for range 20 {
			take(t, b, "code/a", 0)
			time.Sleep(2 * time.Minute)
		}
		if n := kept(); n != 3 {
			t.Errorf("%d times are kept, want those of one window, 3", n)
		}
		time.Sleep(window)
		counted := 0
		for range 10 * MaxEvents {
			if wait, _ := b.Take(t.Context(), "code/a", 1_000_000, window); wait == 0 {
				counted++
			}
		}
		if n := kept(); n != MaxEvents || counted != MaxEvents {
			t.Errorf("%d times are kept and %d were counted, want %d", n, counted, MaxEvents)
		}
	})
}
