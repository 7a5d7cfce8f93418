package session

import (
	"context"
	"errors"
	"reflect"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"sidegate.example/sidegate/gateway/identity"
)

func TestSealOpen(t *testing.T) {
	c, want := testCodec(t, secretA), ordinary(time.Now())
	cookie := mustSeal(t, c, testBinding, want)
	for _, how := range []string{"cold", "from the cache"} {
		got, err := c.Open(t.Context(), testBinding, cookie)
		if err != nil || !reflect.DeepEqual(got.Claims, want) {
			t.Errorf("%s: got %+v, %v", how, got, err)
		}
	}
}

func TestOrdinaryCookieIsAtMost350Bytes(t *testing.T) {
	cookie := mustSeal(t, testCodec(t, secretA), testBinding, ordinary(time.Now()))
	t.Logf("%d bytes", len(cookie))
	if len(cookie) > 350 {
		t.Errorf("%d bytes", len(cookie))
	}
	if strings.ContainsAny(cookie, "\"; ,\\") {
		t.Errorf("not a cookie value: %q", cookie)
	}
}

// S57: at the exact limit. Nothing is left out to make a session fit.
func TestS57LargestCookie(t *testing.T) {
	c := testCodec(t, secretA)
	claims := ordinary(time.Now())
	largest, refused := 0, false
	for n := range 600 {
		claims.Identity.Groups = []string{strings.Repeat("g", n)}
		cookie, err := c.Seal(t.Context(), testBinding, claims)
		if errors.Is(err, ErrTooLarge) {
			refused = true
			continue
		}
		if err != nil || refused {
			t.Fatalf("a group of %d bytes: %v (refused a smaller one: %t)", n, err, refused)
		}
		largest = len(cookie)
		got, err := c.Open(t.Context(), testBinding, cookie)
		if err != nil || !reflect.DeepEqual(got.Claims, claims) {
			t.Fatalf("a group of %d bytes came back as %+v, %v", n, got, err)
		}
	}
	if !refused || largest > MaxCookie || largest < MaxCookie-8 {
		t.Errorf("the largest cookie has %d bytes", largest)
	}
	if total := len(testBinding.Cookie) + 1 + MaxCookie; total >= 1024 {
		t.Errorf("with its name %d bytes", total)
	}
}

// S13, S51: the same cookie under another name, site or policy is nothing, in the cache too.
func TestS13OtherBindingIsInvalid(t *testing.T) {
	c := testCodec(t, secretA)
	cookie := mustSeal(t, c, testBinding, ordinary(time.Now()))
	if _, err := c.Open(t.Context(), testBinding, cookie); err != nil { // now it is cached
		t.Fatal(err)
	}
	for _, b := range []Binding{
		{"__Host-other", testBinding.Site, testBinding.Policy},
		{testBinding.Cookie, "payroll.example.com", testBinding.Policy},
		{testBinding.Cookie, testBinding.Site, "acme/number_challenge"},
		{testBinding.Cookie, testBinding.Site + testBinding.Policy, ""},
		{},
	} {
		if got, err := c.Open(t.Context(), b, cookie); !errors.Is(err, ErrInvalid) || got != nil {
			t.Errorf("%+v: %v, %v", b, got, err)
		}
	}
}

func TestS51TwoSealsDiffer(t *testing.T) {
	c, claims := testCodec(t, secretA), ordinary(time.Now())
	a, b := mustSeal(t, c, testBinding, claims), mustSeal(t, c, testBinding, claims)
	if a[9:60] == b[9:60] || a == b { // past the key id: the IV is there
		t.Errorf("two seals agree:\n%s\n%s", a, b)
	}
	if strings.Contains(a, "ada") {
		t.Error("the cookie can be read")
	}
}

func TestS51PurposesAreNotMixedUp(t *testing.T) {
	ctx, c := t.Context(), testCodec(t, secretA)
	token, err := c.SealToken(ctx, "csrf", []byte("payload"))
	if err != nil {
		t.Fatal(err)
	}
	if got, err := c.OpenToken(ctx, "csrf", time.Minute, token); err != nil || string(got) != "payload" {
		t.Errorf("own purpose: %q, %v", got, err)
	}
	if _, err := c.OpenToken(ctx, "return", time.Minute, token); !errors.Is(err, ErrInvalid) {
		t.Errorf("other purpose: %v", err)
	}
	if _, err := c.Open(ctx, testBinding, token); !errors.Is(err, ErrInvalid) {
		t.Errorf("token as session: %v", err)
	}
	cookie := mustSeal(t, c, testBinding, ordinary(time.Now()))
	for _, purpose := range []string{"csrf", "", testBinding.sealName(), "session"} {
		if _, err := c.OpenToken(ctx, purpose, time.Minute, cookie); !errors.Is(err, ErrInvalid) {
			t.Errorf("session as token %q: %v", purpose, err)
		}
	}
}

func TestTokenAge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, c := t.Context(), testCodec(t, secretA)
		payload := []byte{}
		token, err := c.SealToken(ctx, "csrf", payload)
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Hour)
		if got, err := c.OpenToken(ctx, "csrf", time.Hour, token); err != nil || len(got) != 0 {
			t.Errorf("in time: %q, %v", got, err)
		}
		for _, age := range []time.Duration{0, -time.Hour, time.Millisecond} {
			if _, err := c.OpenToken(ctx, "csrf", age, token); !errors.Is(err, ErrInvalid) {
				t.Errorf("max age %v: %v", age, err)
			}
		}
		time.Sleep(time.Second)
		if _, err := c.OpenToken(ctx, "csrf", time.Hour, token); !errors.Is(err, ErrInvalid) {
			t.Errorf("too late: %v", err)
		}
	})
}

func TestTokenLimit(t *testing.T) {
	c, payload := testCodec(t, secretA), []byte(strings.Repeat("x", 4000))
	token, err := c.SealToken(t.Context(), "return", payload)
	if err != nil {
		t.Fatal(err)
	}
	if string(payload) != strings.Repeat("x", 4000) {
		t.Error("sealing changed the caller's bytes")
	}
	if got, err := c.OpenToken(t.Context(), "return", time.Minute, token); err != nil || string(got) != string(payload) {
		t.Errorf("%d bytes, %v", len(got), err)
	}
	if _, err := c.SealToken(t.Context(), "return", make([]byte, 6000)); !errors.Is(err, ErrTooLarge) {
		t.Errorf("6000 bytes: %v", err)
	}
}

func TestS49BadCookiesAreInvalid(t *testing.T) {
	c := testCodec(t, secretA)
	good := mustSeal(t, c, testBinding, ordinary(time.Now()))
	foreign := mustSeal(t, testCodec(t, secretB), testBinding, ordinary(time.Now()))
	bad := map[string]string{
		"0 bytes":                 "",
		"garbage":                 "!!!!\x00\xff",
		"100 KB":                  strings.Repeat("A", 100<<10),
		"100 KB with a good key":  good[:9] + strings.Repeat("A", 100<<10),
		"good, then 100 KB":       good + strings.Repeat("A", 100<<10),
		"other key":               foreign,
		"other key under our id":  good[:9] + foreign[9:],
		"key id alone":            good[:8],
		"key id and dot":          good[:9],
		"no key id":               good[9:],
		"twice":                   good + good,
		"upper case":              strings.ToUpper(good),
		"base64 of three bars":    good[:9] + "fHx8",
		"base64 of a MAC, no sum": good[:9] + "MTIzfHw=",
	}
	for n := range good {
		bad["truncated"] = good[:n]
		flipped := []byte(good)
		flipped[n] ^= 0x20 // another letter of base64, or none
		bad["flipped"] = string(flipped)
		for name, cookie := range bad {
			if got, err := c.Open(t.Context(), testBinding, cookie); err != ErrInvalid || got != nil {
				t.Fatalf("%s at %d: %v, %v", name, n, got, err)
			}
			if _, err := c.OpenToken(t.Context(), "csrf", time.Minute, cookie); err != ErrInvalid {
				t.Fatalf("%s at %d as token: %v", name, n, err)
			}
		}
	}
}

// S57: what a newer build sealed with our key is refused, not guessed at.
func TestS57WrongVersionUnderAGoodSeal(t *testing.T) {
	c := testCodec(t, secretA)
	claims := ordinary(time.Now())
	payload := mustAppend(t, &claims)
	payload[0] = formatVersion + 1
	k := c.keys.(static).ring.keys[0]
	sealed, err := k.cookies.Encode(testBinding.sealName(), payload)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Open(t.Context(), testBinding, k.id+"."+sealed); err != ErrInvalid {
		t.Errorf("%v", err)
	}
}

type noKeys struct{}

var errNoKeys = errors.New("no keys today")

func (noKeys) Ring(context.Context) (*Ring, error) { return nil, errNoKeys }

// S53: without a key nothing is sealed or opened, and it is not called the client's fault.
func TestS53NoKeyIsAnError(t *testing.T) {
	ctx, c := t.Context(), NewCodec(noKeys{}, nil)
	_, seal := c.Seal(ctx, testBinding, ordinary(time.Now()))
	_, open := c.Open(ctx, testBinding, "x.y")
	_, sealToken := c.SealToken(ctx, "csrf", nil)
	_, openToken := c.OpenToken(ctx, "csrf", time.Minute, "x.y")
	for name, err := range map[string]error{"Seal": seal, "Open": open, "SealToken": sealToken, "OpenToken": openToken} {
		if !errors.Is(err, errNoKeys) || errors.Is(err, ErrInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A key that was taken away opens nothing any more, not even what is in the cache.
func TestCachedCookieDiesWithItsKey(t *testing.T) {
	cache, claims := NewCache(), ordinary(time.Now())
	before := NewCodec(Static(testRing(t, secretA)), cache)
	cookie := mustSeal(t, before, testBinding, claims)
	if _, err := before.Open(t.Context(), testBinding, cookie); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]error{secretA: nil, secretB: ErrInvalid} {
		after := NewCodec(Static(testRing(t, name)), cache)
		if _, err := after.Open(t.Context(), testBinding, cookie); err != want {
			t.Errorf("%v, want %v", err, want)
		}
	}
}

func TestCacheIsBounded(t *testing.T) {
	cache, to, payload := NewCache(), testBinding.bound(), strings.Repeat("p", 300)
	const sessions = 3 * maxOpened << 20 / 1024
	last := ""
	for range sessions {
		last = NewID().Handle() + strings.Repeat("c", 300)
		cache.put(to, last, payload, &Opened{})
	}
	if n := cache.opened.Capacity(); n > maxOpened<<20 {
		t.Errorf("%d bytes", n)
	}
	if n := cache.opened.Len(); n < sessions/4 || n > sessions/2 {
		t.Errorf("%d of %d sessions are kept", n, sessions)
	}
	if entry, err := cache.opened.Get(last); err != nil || !strings.HasSuffix(string(entry), payload) {
		t.Errorf("the last one: %v", err)
	}
	for i := range byte(250) {
		many := &Bulk{Groups: make([]string, 5000)}
		for i := range many.Groups {
			many.Groups[i] = "a group with a name of some length"
		}
		cache.putBulk(Digest{i}, many)
	}
	cache.bulks.CleanUp()
	if n := cache.bulks.EstimatedSize(); n > 150 {
		t.Errorf("%d with 5000 groups each", n)
	}
}

// What is kept is what was opened, to the last field, and is nobody else's to change.
func TestCachedSessionIsTheOpenedOne(t *testing.T) {
	c, rules := testCodec(t, secretA), 0
	c.Entitled = func(*identity.Identity) uint64 { rules++; return 1<<63 | 5 }
	claims := ordinary(time.Now())
	claims.Family = NewID()
	claims.Identity.Login, claims.Identity.Groups = "ann\x00o", []string{"a,b", "c"}
	cookie := mustSeal(t, c, testBinding, claims)
	first, err := c.Open(t.Context(), testBinding, cookie)
	if err != nil || first.Kin == "" || first.Header.Groups != "a%2Cb,c" {
		t.Fatalf("%+v, %v", first, err)
	}
	again, err := c.Open(t.Context(), testBinding, cookie)
	if err != nil || !reflect.DeepEqual(first, again) || rules != 1 {
		t.Errorf("%+v, %v, want %+v; the rules were asked %d times", again, err, first, rules)
	}
	again.Identity.Groups[0], again.Identity.Proofs[0].Factor = "admins", identity.WebAuthn
	if third, err := c.Open(t.Context(), testBinding, cookie); err != nil || !reflect.DeepEqual(first, third) {
		t.Errorf("what one request changed, the next sees: %+v, %v", third, err)
	}
}

// S48: many users at once, one codec; nobody gets another's claims.
func TestS48ManyUsersAtOnce(t *testing.T) {
	c := testCodec(t, secretA)
	var wg sync.WaitGroup
	for range 50 {
		wg.Go(func() {
			want := ordinary(time.Now())
			want.Identity.Subject = want.ID.Handle()
			for range 10 {
				cookie, err := c.Seal(t.Context(), testBinding, want)
				if err != nil {
					t.Error(err)
					return
				}
				for range 2 {
					got, err := c.Open(t.Context(), testBinding, cookie)
					if err != nil || !reflect.DeepEqual(got.Claims, want) {
						t.Errorf("got %+v, %v", got, err)
					}
				}
			}
		})
	}
	wg.Wait()
}
