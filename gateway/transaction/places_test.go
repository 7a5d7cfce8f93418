package transaction_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"sidegate.example/sidegate/flows"
	"sidegate.example/sidegate/gateway/transaction"
)

// refuse makes the org answer every begin with "wrong password".
func (r *rig) refuse() {
	r.org.script(func(o *org) { o.onStart = func(flows.Answer) (flows.Step, error) { return refused(""), nil } })
}

// push makes the org send a push at once again.
func (r *rig) push() { r.org.script(func(o *org) { o.onStart = nil }) }

func (r *rig) wantBusy(addr string) {
	r.Helper()
	if _, err := r.tryFrom(addr, "eve"); !errors.Is(err, transaction.ErrBusy) {
		r.Fatalf("a sign-in from %s: %v, want ErrBusy", addr, err)
	}
}

func (r *rig) wantGone(v transaction.View) {
	r.Helper()
	if _, ok := r.Get(v.ID, site); ok {
		r.Fatalf("the transaction at %q is still there", v.Step.Kind)
	}
}

// The attack as it was found: one anonymous client that gets 20,000 refusals. It has 100 places to itself, and not
// even its own address is locked out: colleagues behind the same NAT get in.
func TestOneClientCannotLockEverybodyOut(t *testing.T) {
	const office = "203.0.113.66"
	within(t, transaction.Config{}, func(r *rig) {
		r.refuse()
		elsewhere := r.beginFrom("203.0.113.7", "bob")
		for range 20_000 {
			r.beginFrom(office, "eve")
		}
		if r.heard.pending != 101 {
			t.Errorf("pending is %d, want 101: 100 of one address", r.heard.pending)
		}
		r.get(elsewhere)
		r.push()
		for range 100 {
			r.beginFrom(office, "colleague")
		}
		r.wantBusy(office) // nobody is left there who is vain
		r.get(elsewhere)
	})
}

// The same from many addresses: their refusals make room for each other and for everybody.
func TestManyClientsCannotLockEverybodyOut(t *testing.T) {
	within(t, transaction.Config{MaxPending: 1000}, func(r *rig) {
		waits := r.beginFrom(address(5000), "ann")
		r.refuse()
		for i := range 3000 {
			r.beginFrom(address(i), "eve")
		}
		r.push()
		var first transaction.View
		for i := range 999 {
			first = r.beginFrom(address(6000+i), "bob")
		}
		r.wantKind(r.get(waits), flows.KindWait)
		r.wantBusy(address(9000)) // nobody is left who is vain
		r.Cancel(context.Background(), first.ID, site)
		r.beginFrom(address(9000), "cem")
		r.heard.mu.Lock()
		defer r.heard.mu.Unlock()
		if r.heard.pending != 1000 {
			t.Errorf("pending is %d, want 1000", r.heard.pending)
		}
	})
}

// One customer has a whole /56 of IPv6, and another the next one; an IPv4 address is one however it is written.
func TestMaxPerAddressCountsWhatOneCustomerHas(t *testing.T) {
	for name, c := range map[string]struct{ first, same, other string }{
		"IPv4":        {"203.0.113.7", "203.0.113.7", "203.0.113.8"},
		"IPv6":        {"2001:db8:1:200::7", "2001:db8:1:2ff:ffff::9", "2001:db8:1:300::7"},
		"mapped IPv4": {"203.0.113.7", "::ffff:203.0.113.7", "::ffff:203.0.113.8"},
	} {
		t.Run(name, func(t *testing.T) {
			within(t, transaction.Config{MaxPerAddress: 1}, func(r *rig) {
				r.beginFrom(c.first, "ann")
				r.wantBusy(c.same)
				r.beginFrom(c.other, "bob")
			})
		})
	}
}

// Every end of a sign-in gives its place back, to the address that began it.
func TestEveryEndGivesThePlaceBack(t *testing.T) {
	const addr = "203.0.113.7"
	ctx := context.Background()
	for name, end := range map[string]func(r *rig){
		"cancelled": func(r *rig) { r.Cancel(ctx, r.begin("ann").ID, site) },
		"cancelled after a gesture from elsewhere": func(r *rig) {
			v := r.begin("ann")
			_, _ = r.Answer(ctx, v.ID, site, v.Seq, client(r, "198.51.100.99"), choose("totp"))
			r.Cancel(ctx, v.ID, site)
			r.beginFrom("198.51.100.99", "bob")
			r.wantBusy("198.51.100.99")
		},
		"expired": func(r *rig) { r.begin("ann"); time.Sleep(10 * time.Minute) },
		"redeemed": func(r *rig) {
			_, _, _ = r.Redeem(r.done().ID, site, bySubject)
			time.Sleep(10 * time.Second)
		},
		"never begun": func(r *rig) {
			r.org.onStart = func(flows.Answer) (flows.Step, error) {
				return flows.Step{}, &flows.Error{Reason: flows.ReasonUnavailable, Err: errors.New("502")}
			}
			_, _ = r.tryFrom(addr, "ann")
			r.push()
		},
	} {
		t.Run(name, func(t *testing.T) {
			within(t, transaction.Config{MaxPerAddress: 1}, func(r *rig) {
				end(r)
				synctest.Wait()
				r.beginFrom(addr, "ann")
				r.wantBusy(addr)
			})
		})
	}
}

// What is worth nothing is not kept for long, and what a person goes on with is.
func TestForgottenAfterTwoMinutes(t *testing.T) {
	ctx := context.Background()
	for name, reach := range map[string]func(r *rig) transaction.View{
		"wrong password": func(r *rig) transaction.View { r.refuse(); return r.begin("ann") },
		"wrong password again": func(r *rig) transaction.View {
			r.refuse()
			v := r.begin("ann")
			time.Sleep(time.Minute)
			v, _ = r.answer(v, typed("ann"))
			return v
		},
		"final refusal": func(r *rig) transaction.View {
			r.org.onStart = func(flows.Answer) (flows.Step, error) { return refusal(flows.DeniedLocked, true), nil }
			return r.begin("ann")
		},
		"approved and not redeemed": func(r *rig) transaction.View { return r.done() },
		"approved by a poll and not redeemed": func(r *rig) transaction.View {
			v := r.begin("ann")
			w := r.watch(v)
			defer w.Close()
			changed := w.Changed()
			r.org.approve(v)
			<-changed
			return r.get(v)
		},
	} {
		t.Run(name, func(t *testing.T) {
			within(t, transaction.Config{}, func(r *rig) {
				v := reach(r)
				changed := r.watch(v).Changed()
				time.Sleep(2*time.Minute - time.Nanosecond)
				r.get(v)
				time.Sleep(time.Nanosecond)
				r.wantNoRedemption(v.ID, transaction.ErrGone)
				synctest.Wait()
				if !isTold(changed) {
					t.Error("it was not swept")
				}
				r.heard.mu.Lock()
				defer r.heard.mu.Unlock()
				if r.heard.pending != 0 {
					t.Errorf("pending is %d", r.heard.pending)
				}
			})
		})
	}
	t.Run("never after the lifetime", func(t *testing.T) {
		within(t, transaction.Config{Lifetime: time.Minute}, func(r *rig) {
			r.refuse()
			v := r.begin("ann")
			time.Sleep(time.Minute)
			r.wantGone(v)
		})
	})
	t.Run("a right password is in time for all that follows", func(t *testing.T) {
		within(t, transaction.Config{}, func(r *rig) {
			r.refuse()
			v := r.begin("ann")
			v, _ = r.answer(v, choose("totp"))
			time.Sleep(10*time.Minute - time.Nanosecond)
			r.wantKind(r.get(v), flows.KindCode)
		})
	})
	t.Run("a refusal that leads on stays", func(t *testing.T) {
		within(t, transaction.Config{}, func(r *rig) {
			r.org.onStart = func(flows.Answer) (flows.Step, error) { return refusal(flows.DeniedOnPhone, false), nil }
			v := r.begin("ann")
			time.Sleep(9 * time.Minute)
			r.wantKind(r.get(v), flows.KindDenied)
			r.Cancel(ctx, v.ID, site)
		})
	})
}

// Who makes room is who has been at a vain step for the longest time, and never somebody with more than that.
func TestTheOldestVainMakesRoom(t *testing.T) {
	within(t, transaction.Config{MaxPending: 4}, func(r *rig) {
		r.refuse()
		wentOn, again, next := r.begin("ann"), r.begin("bob"), r.begin("cem")
		wentOn, _ = r.answer(wentOn, passwordAnd("totp"))
		again, _ = r.answer(again, typed("bob")) // wrong again: now the youngest
		locked := func(flows.Answer) (flows.Step, error) { return refusal(flows.DeniedLocked, true), nil }
		r.org.script(func(o *org) { o.onStart = locked })
		denied := r.begin("dan")
		r.push()
		for _, victim := range []transaction.View{next, again, denied} {
			r.get(victim)
			changed := r.watch(victim).Changed()
			r.begin("eve")
			r.wantGone(victim)
			if !isTold(changed) {
				t.Error("a watcher was not told")
			}
		}
		r.wantKind(r.get(wentOn), flows.KindCode)
		r.wantBusy("203.0.113.7")
	})
}

// Who is just sending the right password is not vain; if it was wrong after all, it can make room later.
func TestEvictionSparesTheGestureInFlight(t *testing.T) {
	for name, c := range map[string]struct {
		a    flows.Answer
		want flows.Kind
	}{
		"right":           {choose("push"), flows.KindWait},
		"wrong again":     {typed("ann"), flows.KindIdentify},
		"without answer":  {choose("malformed"), flows.KindIdentify},
		"Okta is unaware": {choose("unknown"), flows.KindIdentify},
	} {
		t.Run(name, func(t *testing.T) {
			within(t, transaction.Config{MaxPending: 1}, func(r *rig) {
				r.refuse()
				v := r.begin("ann")
				r.push()
				r.org.slow(time.Second)
				answered := make(chan transaction.View, 1)
				go func() {
					now, _ := r.answer(v, c.a)
					answered <- now
				}()
				synctest.Wait()
				r.wantBusy("203.0.113.7")
				now := <-answered
				r.wantKind(now, c.want)
				if c.want == flows.KindWait {
					r.wantBusy("203.0.113.7")
					return
				}
				r.begin("bob")
				r.wantGone(now)
			})
		})
	}
}

// Under a rush that mixes all of it the places are never overrun, and in the end all are free.
func TestPlacesUnderARush(t *testing.T) {
	within(t, transaction.Config{MaxPending: 20, MaxPerAddress: 5}, func(r *rig) {
		r.refuse()
		var rush sync.WaitGroup
		for i := range 200 {
			rush.Go(func() {
				v, err := r.tryFrom(address(i%8), fmt.Sprint("user", i))
				if err != nil {
					return
				}
				if i%3 == 0 {
					v, _ = r.answer(v, choose("push"))
				}
				if i%2 == 0 {
					r.Cancel(context.Background(), v.ID, site)
				}
				r.heard.mu.Lock()
				defer r.heard.mu.Unlock()
				if r.heard.pending > 20 {
					t.Errorf("%d are pending, want at most 20", r.heard.pending)
				}
			})
		}
		rush.Wait()
		time.Sleep(time.Hour)
		r.push()
		for i := range 20 {
			r.beginFrom(address(i/5), "ann")
			if i%5 == 4 {
				r.wantBusy(address(i / 5))
			}
		}
		r.wantBusy(address(9))
	})
}

func TestBusyAtMaxPending(t *testing.T) {
	within(t, transaction.Config{MaxPending: 2}, func(r *rig) {
		first := r.begin("ann")
		r.begin("bob")
		r.wantBusy("203.0.113.7")
		r.wantSeen(counts{starts: 2})
		r.Cancel(context.Background(), first.ID, site)
		r.begin("eve")
	})
}

// The places are counted while Okta is still asked, or a rush would overrun the limit.
func TestBusyCountsSignInsThatAreJustStarting(t *testing.T) {
	within(t, transaction.Config{MaxPending: 10}, func(r *rig) {
		r.org.slow(time.Second)
		var rush sync.WaitGroup
		for range 50 {
			rush.Go(func() {
				_, _ = r.tryFrom("203.0.113.7", "eve")
			})
		}
		rush.Wait()
		r.wantSeen(counts{starts: 10})
	})
}
