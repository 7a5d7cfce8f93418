package session

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"
)

func TestSecretsThatAreRefused(t *testing.T) {
	short := "hunter2-hunter2-hunter2"
	for name, tt := range map[string]struct {
		secrets []string
		want    string
	}{
		"none":       {nil, "at least one secret"},
		"empty":      {[]string{""}, "secret 1 has 0 bytes"},
		"too short":  {[]string{secretA, short}, "secret 2 has 23 bytes, but at least 32 are needed; make one with: openssl rand -base64 32"},
		"31 bytes":   {[]string{secretA[:31]}, "secret 1 has 31 bytes"},
		"same twice": {[]string{secretA, secretB, secretA}, "secret 3: the same secret is given twice"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := RingFromSecrets(tt.secrets)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Fatalf("error %v, want %q", err, tt.want)
			}
			for _, s := range tt.secrets {
				if s != "" && strings.Contains(err.Error(), s) {
					t.Error("the error shows a secret")
				}
			}
		})
	}
}

// cookie_secret NEW OLD: the old key still opens, the new one seals, and without the old one it is over.
func TestSecretRotation(t *testing.T) {
	claims := ordinary(time.Now())
	old := mustSeal(t, testCodec(t, secretA), testBinding, claims)
	both := testCodec(t, secretB, secretA)
	if _, err := both.Open(t.Context(), testBinding, old); err != nil {
		t.Errorf("old cookie, both keys: %v", err)
	}
	onlyNew := testCodec(t, secretB)
	if _, err := onlyNew.Open(t.Context(), testBinding, mustSeal(t, both, testBinding, claims)); err != nil {
		t.Errorf("the new key did not seal: %v", err)
	}
	if _, err := onlyNew.Open(t.Context(), testBinding, old); err != ErrInvalid {
		t.Errorf("old cookie, new key: %v", err)
	}
}

func TestSealingKeyFollowsTheClock(t *testing.T) {
	now := time.Now()
	r := &Ring{keys: []*key{
		{id: "new", notBefore: now.Add(time.Hour)},
		{id: "mid", notBefore: now},
		{id: "old", notBefore: now.Add(-time.Hour)},
	}}
	for want, at := range map[string]time.Time{
		"new": now.Add(time.Hour),
		"mid": now,
		"old": now.Add(-1),
	} {
		if got := r.sealing(at); got.id != want {
			t.Errorf("at %v: %s, want %s", at.Sub(now), got.id, want)
		}
	}
	if got := r.sealing(now.Add(-48 * time.Hour)); got.id != "old" {
		t.Errorf("a clock far behind: %s", got.id) // all replicas have the oldest key
	}
}

func TestDerivedKeysAreApart(t *testing.T) {
	a, b := testRing(t, secretA).keys[0], testRing(t, secretB).keys[0]
	all := [][]byte{a.hash, a.block, b.hash, b.block, []byte(secretA), []byte(secretB)}
	for i, x := range all {
		if len(x) != 32 {
			t.Errorf("key %d has %d bytes", i, len(x))
		}
		for _, y := range all[:i] {
			if bytes.Equal(x, y) {
				t.Error("two keys are equal")
			}
		}
	}
	if again := testRing(t, secretA).keys[0]; again.id != a.id || !bytes.Equal(again.hash, a.hash) {
		t.Error("two replicas with one secret have different keys")
	}
}

// What is derived for a purpose is the same on every replica, and of no use for another purpose or as the key itself.
func TestDerive(t *testing.T) {
	both := testRing(t, secretB, secretA)
	derive := func(r *Ring, purpose string) [][]byte {
		t.Helper()
		out, err := r.Derive(purpose, 32)
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	one := derive(both, "assertion")
	if again := derive(testRing(t, secretA), "assertion"); len(one) != 2 || !bytes.Equal(one[1], again[0]) {
		t.Error("a replica with the older secret alone derives another one")
	}
	all := [][]byte{one[0], one[1], derive(both, "other")[0], both.keys[0].hash, both.keys[0].block, both.keys[0].prk, []byte(secretB)}
	for i, x := range all {
		for _, y := range all[:i] {
			if bytes.Equal(x, y) {
				t.Error("two purposes share a secret")
			}
		}
	}
	now := time.Now()
	both.keys[0].notBefore = now.Add(time.Hour)
	if before, after := both.InUse(now), both.InUse(now.Add(time.Hour)); before != 1 || after != 0 {
		t.Errorf("in use: %d, then %d, want 1, then 0", before, after)
	}
}

// A ring that is printed by mistake shows no key.
func TestRingPrintsNoKey(t *testing.T) {
	r := testRing(t, secretA)
	for _, verb := range []string{"%v", "%+v", "%#v"} {
		out := fmt.Sprintf(verb, r)
		for _, k := range [][]byte{r.keys[0].hash, r.keys[0].block, r.keys[0].prk} {
			if strings.Contains(out, fmt.Sprint(k)) || strings.Contains(out, fmt.Sprintf("%#v", k)) {
				t.Errorf("%s shows a key", verb)
			}
		}
	}
}
