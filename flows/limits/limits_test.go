package limits_test

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"testing"
	"time"

	"sidegate.example/sidegate/flows"
	"sidegate.example/sidegate/flows/limits"
	"sidegate.example/sidegate/gateway/store"
)

const org = "https://acme.okta.com"

// bench is a counter whose clock stands until a test moves it.
type bench struct {
	*testing.T
	*limits.Counter
	budget *store.Counters
	clock  time.Time
}

func newBench(t *testing.T, cfg limits.Config) *bench {
	t.Helper()
	b := &bench{T: t, clock: time.Now()}
	b.budget = &store.Counters{Now: func() time.Time { return b.clock }}
	var err error
	if b.Counter, err = limits.New(b.budget, cfg, org); err != nil {
		t.Fatal(err)
	}
	return b
}

// password reports whether one for login from an address may be sent on.
func (b *bench) password(from, login string) bool {
	b.Helper()
	wait, err := b.TakePassword(b.Context(), netip.MustParseAddr(from), login)
	if err != nil {
		b.Fatal(err)
	}
	return wait == 0
}

// S63: an IPv6 address stands for its /56, an IPv4 address for itself, and neither for others.
func TestS63Addresses(t *testing.T) {
	for _, c := range []struct {
		from  func(i int) string
		other string
	}{
		{func(int) string { return "203.0.113.7" }, "203.0.113.8"},
		{func(i int) string { return fmt.Sprintf("2001:db8:0:ff%02x::%x", i, i) }, "2001:db8:0:fe00::1"},
	} {
		b := newBench(t, limits.Config{})
		for i := range 50 {
			if !b.password(c.from(i), fmt.Sprintf("name%d", i)) {
				t.Fatalf("%s: refused after %d", c.from(i), i)
			}
		}
		if b.password(c.from(50), "another") {
			t.Errorf("%s: not refused after 50", c.from(50))
		}
		if !b.password(c.other, "another") {
			t.Errorf("%s is refused for what came from %s", c.other, c.from(1))
		}
		b.ForgivePassword(t.Context(), netip.MustParseAddr(c.from(3)), "name3")
		if !b.password(c.from(51), "another") || b.password(c.from(52), "a third") {
			t.Error("a right password gives back more or less than itself")
		}
		b.clock = b.clock.Add(5 * time.Minute)
		if !b.password(c.from(53), "later") {
			t.Error("the window never ends")
		}
	}
}

// S63: what is refused for its name counts for no address, and the other way round.
func TestS63RefusedPasswordsCountNowhere(t *testing.T) {
	b := newBench(t, limits.Config{AddressPasswords: 8})
	for i := range 20 {
		if got, want := b.password("203.0.113.7", "bob"), i < 5; got != want {
			t.Errorf("attempt %d: %v, want %v", i, got, want)
		}
	}
	for i := range 5 {
		if got, want := b.password("203.0.113.7", "alice"), i < 3; got != want {
			t.Errorf("another name, attempt %d: %v, want %v", i, got, want)
		}
	}
	for i := range 3 {
		if got, want := b.password("203.0.113.8", "alice"), i < 2; got != want {
			t.Errorf("another address, attempt %d: %v, want %v", i, got, want)
		}
	}
}

func TestNew(t *testing.T) {
	for cfg, want := range map[limits.Config]string{
		{WrongCodes: 5}:            "5 wrong codes are too many: Okta locks the account at 5",
		{Pushes: -1}:               "a limit is negative",
		{NotMe: -time.Second}:      "a limit is negative",
		{Window: 59 * time.Second}: "the window of the limits is 59s; give 1m0s or more",
		{AddressPasswords: 101}:    "a limit is more than can be counted; give at most 100",
	} {
		if _, err := limits.New(new(store.Counters), cfg, org); err == nil || err.Error() != want {
			t.Errorf("%+v: %v, want %s", cfg, err, want)
		}
	}
	if _, err := limits.New(nil, limits.Config{}, org); err == nil {
		t.Error("no budget is none to count in")
	}
}

// S64: until Okta has said who it is, these are one person: case, width, marks and outer space do not count.
func TestS64Names(t *testing.T) {
	b := newBench(t, limits.Config{})
	for _, alike := range [][]string{
		{"bob@corp", "BOB@corp", " bob@corp ", "ｂｏｂ@corp", "bób@corp", "bo\u0301b@corp"},
		{"strasse", "straße", "STRASSE"},
	} {
		for _, name := range alike[1:] {
			if b.Name(name) != b.Name(alike[0]) {
				t.Errorf("%q is counted apart from %q", name, alike[0])
			}
		}
	}
	if b.Name("bob") == b.Name("rob") {
		t.Error("two names are one")
	}
	if other, err := limits.New(b.budget, limits.Config{}, "https://other.okta.com"); err != nil || other.Name("bob") == b.Name("bob") {
		t.Error("a name is one person's in two orgs")
	}
}

// S65: what can be read as another name, or as a part of one, is refused; names that people have are not.
func TestS65Logins(t *testing.T) {
	for _, ok := range []string{
		"bob", "bob@example.com", "o'brien@example.com", "josé@example.com", "jose\u0301@example.com", "李雷@example.cn", "Łukasz Żak", "CN=bob,O=x", "a+b@c",
		"สมชาย@example.com", "กิตติ@example.com", "ร\u0e34\u0e48@example.com", "हिन्दी@example.com", "राजेश", "தமிழ்", "مُحَمَّد@example.com", "שָׁלוֹם", "김철수",
	} {
		if got, err := limits.ReadLogin(ok); err != nil || got != ok {
			t.Errorf("%q: %q, %v", ok, got, err)
		}
	}
	for _, bad := range []string{
		"", " ", "a@evil@corp", "a＠evil@corp", "bob\x00", "bob\u202e@corp", "\u200fbob", "bo\u200bb", "bo\u200db", "b\u00adob", "bob\ufe0f@corp", "สม\ufe0eชาย",
		`"bob"@corp`, "bob`", "<bob>", "bo\nb", "bo\u2028b", "b\u3164b", "b\u034fb", "b\u20dd", "q\u0307@corp", "\u0301bob", "1\u0e34", "bob\xff", "😀",
	} {
		if got, err := limits.ReadLogin(bad); err == nil {
			t.Errorf("%q is taken, as %q", bad, got)
		} else if failed := new(flows.Error); !errors.As(err, &failed) || failed.Reason != flows.ReasonBadAnswer {
			t.Errorf("%q: %v is no bad answer", bad, err)
		}
	}
}

// Whatever keeps a person out by name ends with an unlock of the whole login, however the name was typed.
func TestUnlockByLogin(t *testing.T) {
	b := newBench(t, limits.Config{Passwords: 1, Pushes: 1})
	kept := func(name string) (out []string) {
		t.Helper()
		for what, wait := range map[string]func() (time.Duration, error){
			"restore": func() (time.Duration, error) { return b.TakeRestore(t.Context(), name) },
			"unasked": func() (time.Duration, error) { return b.WaitUnasked(t.Context(), name) },
			"password": func() (time.Duration, error) {
				return b.TakePassword(t.Context(), netip.MustParseAddr("203.0.113.7"), name)
			},
		} {
			if d, err := wait(); err != nil {
				t.Fatal(err)
			} else if d > 0 {
				out = append(out, what)
			}
		}
		slices.Sort(out)
		return out
	}
	fill := func() {
		t.Helper()
		for _, name := range []string{"bob@example.net", "bob@example.com", "bob"} {
			kept(name)
			for range 2 {
				b.Unasked(t.Context(), "00ubob", name)
			}
		}
	}
	for _, name := range []string{"bob@example.com", "bob"} {
		fill()
		if got := kept(name); len(got) != 3 {
			t.Fatalf("%s is kept out by %v", name, got)
		}
		if err := limits.Unlock(t.Context(), b.budget, org, "Bob@example.com"); err != nil {
			t.Fatal(err)
		}
		if got := kept(name); len(got) != 0 {
			t.Errorf("%s is still kept out by %v", name, got)
		}
	}
	fill()
	if err := limits.Unlock(t.Context(), b.budget, org, "Bob@example.com"); err != nil {
		t.Fatal(err)
	}
	if got := kept("bob@example.net"); len(got) != 3 {
		t.Errorf("another login is kept out by %v alone", got)
	}
}

// S78: where a denial counts for longer than pushes do, the phone is left in peace for all that time, also with a budget that
// keeps an event for its own window alone.
func TestS78CoolDownLongerThanTheWindow(t *testing.T) {
	b := newBench(t, limits.Config{})
	c, err := limits.New(forgetful{b.budget, map[string]time.Time{}}, limits.Config{Window: time.Minute, CoolDown: time.Hour}, org)
	if err != nil {
		t.Fatal(err)
	}
	c.Unasked(t.Context(), "00ubob", "bob")
	c.Denied(t.Context(), c.Name("bob"))
	b.clock = b.clock.Add(10 * time.Minute)
	if wait, err := c.WaitUnasked(t.Context(), "bob"); err != nil || wait != 50*time.Minute {
		t.Errorf("the wait is %v, %v", wait, err)
	}
	b.clock = b.clock.Add(50 * time.Minute)
	if wait, err := c.WaitUnasked(t.Context(), "bob"); err != nil || wait != 0 {
		t.Errorf("an hour later the wait is %v, %v", wait, err)
	}
}

// forgetful is a budget that keeps the events of a key, as a shared store does, until the window of the latest has passed.
type forgetful struct {
	*store.Counters
	until map[string]time.Time
}

func (f forgetful) Take(ctx context.Context, key string, limit int, window time.Duration) (time.Duration, error) {
	f.until[key] = f.Now().Add(window)
	return f.Counters.Take(ctx, key, limit, window)
}

func (f forgetful) Wait(ctx context.Context, key string, limit int, window time.Duration) (time.Duration, error) {
	if !f.Now().Before(f.until[key]) {
		return 0, nil
	}
	return f.Counters.Wait(ctx, key, limit, window)
}

// An operator's unlock forgets what is counted against one person, by name and by id, and nothing of anybody else.
func TestUnlock(t *testing.T) {
	b := newBench(t, limits.Config{WrongCodes: 1, Passwords: 1, Pushes: 1})
	full := func() (n int) {
		t.Helper()
		for _, take := range []func() (time.Duration, error){
			func() (time.Duration, error) { return b.TakeCode(t.Context(), "00ubob") },
			func() (time.Duration, error) { return b.TakeSend(t.Context(), "00ubob") },
			func() (time.Duration, error) { return b.TakeAdmin(t.Context(), "00ubob") },
			func() (time.Duration, error) { return b.WaitDenied(t.Context(), "00ubob") },
			func() (time.Duration, error) { return b.TakeCode(t.Context(), "00uann") },
		} {
			wait, err := take()
			if err != nil {
				t.Fatal(err)
			}
			if wait > 0 {
				n++
			}
		}
		return n
	}
	if n := full(); n != 0 {
		t.Errorf("%d are full at the start", n)
	}
	b.Denied(t.Context(), "00ubob")
	if n := full(); n != 5 {
		t.Errorf("%d of 5 are full", n)
	}
	if err := limits.Unlock(t.Context(), b.budget, org, "00ubob"); err != nil {
		t.Fatal(err)
	}
	if n := full(); n != 1 {
		t.Errorf("%d are full after the unlock, want that of the other person", n)
	}
	if !b.password("203.0.113.7", "ann@example.com") || b.password("203.0.113.7", "ann@example.com") {
		t.Error("one password is allowed")
	}
	if err := limits.Unlock(t.Context(), b.budget, org, "Ann@Example.com"); err != nil {
		t.Fatal(err)
	}
	if !b.password("203.0.113.7", "ann@example.com") {
		t.Error("unlocked by name, and still refused")
	}
}
