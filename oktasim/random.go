package oktasim

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"math/big"
	"time"
)

// secretID returns a fresh unguessable id of 32 random bytes (43 characters) behind a prefix.
func secretID(prefix string) string {
	var b [32]byte
	_, _ = rand.Read(b[:]) // never fails (crypto/rand)
	return prefix + base64.RawURLEncoding.EncodeToString(b[:])
}

// stableID derives an id of Okta's form (20 characters) from a name, the same in every run.
func stableID(prefix, name string) string {
	sum := sha256.Sum256([]byte(prefix + "\x00" + normalLogin(name)))
	const alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	id := []byte(prefix)
	for _, b := range sum[:20-len(prefix)] {
		id = append(id, alphabet[int(b)%len(alphabet)])
	}
	return string(id)
}

// randomInt returns a number in [0, n).
func randomInt(n int64) int {
	v, err := rand.Int(rand.Reader, big.NewInt(n))
	if err != nil {
		panic(err) // crypto/rand does not fail
	}
	return int(v.Int64())
}

// expiringSet remembers keys that all live equally long. Adding costs O(1) amortised.
type expiringSet struct {
	until map[string]time.Time
	queue []string // oldest first
}

// add reports whether key was not in the set at time now, and keeps it until now+life.
func (s *expiringSet) add(key string, now time.Time, life time.Duration) bool {
	for len(s.queue) > 0 && !s.until[s.queue[0]].After(now) {
		delete(s.until, s.queue[0])
		s.queue = s.queue[1:]
	}
	if _, dup := s.until[key]; dup {
		return false
	}
	if s.until == nil {
		s.until = map[string]time.Time{}
	}
	s.until[key] = now.Add(life)
	s.queue = append(s.queue, key)
	return true
}
