package session

import (
	"strings"
	"testing"
	"time"

	"sidegate.example/sidegate/gateway/identity"
)

var (
	testBinding = Binding{Cookie: "__Host-okta_mfa", Site: "legacy.example.com", Policy: "acme/0oa1"}
	secretA     = strings.Repeat("a1B2", 8)
	secretB     = strings.Repeat("c3D4", 8)
)

// ordinary is the user of whom performance.md says that 350 bytes must do.
func ordinary(now time.Time) Claims {
	now = now.Truncate(time.Second).UTC()
	return Claims{
		ID: NewID(),
		Identity: identity.Identity{
			Subject: "00u1a2b3c4d5e6f7g8h9",
			Login:   "ada.lovelace@example.com.",
			Email:   "ada.lovelace@example.com.",
			Name:    "Augusta Ada Lovelace",
			Groups:  []string{"finance-ops1", "engineering2"},
			Proofs: []identity.Proof{
				{Factor: identity.Password, At: now.Add(-20 * time.Second)},
				{Factor: identity.Push, At: now},
			},
		},
		IssuedAt:  now,
		SeenAt:    now,
		ExpiresAt: now.Add(12 * time.Hour),
	}
}

func testRing(t testing.TB, secrets ...string) *Ring {
	t.Helper()
	r, err := RingFromSecrets(secrets)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func testCodec(t testing.TB, secrets ...string) *Codec {
	t.Helper()
	return NewCodec(Static(testRing(t, secrets...)), NewCache())
}

func mustSeal(t testing.TB, c *Codec, b Binding, claims Claims) string {
	t.Helper()
	cookie, err := c.Seal(t.Context(), b, claims)
	if err != nil {
		t.Fatal(err)
	}
	return cookie
}

// S53: an id is 128 bits long and drawn anew each time; S46 builds on it.
func TestS53IDsAreRandom(t *testing.T) {
	seen := map[ID]bool{}
	var ones [128]int
	const n = 2000
	for range n {
		id := NewID()
		if seen[id] {
			t.Fatal("an id came twice")
		}
		seen[id] = true
		for bit := range ones {
			ones[bit] += int(id[bit/8] >> (bit % 8) & 1)
		}
	}
	for bit, count := range ones { // 9 standard deviations either side of a half
		if count < n/2-200 || count > n/2+200 {
			t.Errorf("bit %d is set in %d of %d ids", bit, count, n)
		}
	}
}

func TestHandleIsNotTheID(t *testing.T) {
	id := ID{1, 2, 3}
	if id.Handle() != (ID{1, 2, 3}).Handle() || id.Handle() == (ID{1, 2, 4}).Handle() {
		t.Error("the handle does not follow the id")
	}
	if len(id.Handle()) != 16 || strings.Contains(id.Handle(), "010203") || id.String() != id.Handle() {
		t.Errorf("handle %q, string %q", id.Handle(), id.String())
	}
}

func TestSlide(t *testing.T) {
	seen := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for _, tt := range []struct {
		name      string
		idle, age time.Duration
		want      bool
	}{
		{"a tenth of the idle time", time.Hour, 6 * time.Minute, true},
		{"less than a tenth", time.Hour, 6*time.Minute - time.Second, false},
		{"not within a minute", 5 * time.Minute, 59 * time.Second, false},
		{"after a minute", 5 * time.Minute, time.Minute, true},
		{"idle time shorter than the least step", 30 * time.Second, 15 * time.Second, true},
		{"half of that has not passed", 30 * time.Second, 14 * time.Second, false},
		{"seen in the future", time.Hour, -time.Minute, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := Slide(&Claims{SeenAt: seen}, seen.Add(tt.age), tt.idle); got != tt.want {
				t.Errorf("Slide = %t, want %t", got, tt.want)
			}
		})
	}
}
