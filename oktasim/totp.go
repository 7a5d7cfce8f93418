package oktasim

import (
	"crypto/hmac"
	"crypto/sha1"
	"encoding/base32"
	"encoding/binary"
	"fmt"
	"strings"
	"time"
)

// totpPeriod is RFC 6238's time step.
const totpPeriod = 30 * time.Second

// totpSkew is how many steps early or late a code is taken.
const totpSkew = 1

func decodeTOTPSecret(s string) ([]byte, error) {
	s = strings.TrimRight(strings.ToUpper(strings.ReplaceAll(s, " ", "")), "=")
	return base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(s)
}

func totpStep(t time.Time) int64 { return t.Unix() / int64(totpPeriod/time.Second) }

// totpCode is RFC 4226 HOTP over a time step: SHA-1, six digits.
func totpCode(key []byte, step int64) string {
	mac := hmac.New(sha1.New, key)
	_ = binary.Write(mac, binary.BigEndian, step) // a hash does not fail
	sum := mac.Sum(nil)
	n := binary.BigEndian.Uint32(sum[sum[len(sum)-1]&0xf:]) & 0x7fffffff
	return fmt.Sprintf("%06d", n%1_000_000)
}

// verdicts on a code.
const (
	totpWrong = iota
	totpUsed
	totpRight
)

// checkTOTP judges a code and uses it up. The caller holds the org's mu.
func (a *account) checkTOTP(code string, now time.Time) int {
	current := totpStep(now)
	for step := current - totpSkew; step <= current+totpSkew; step++ {
		if !hmac.Equal([]byte(totpCode(a.totpKey, step)), []byte(code)) {
			continue
		}
		if step <= a.lastTOTPStep {
			return totpUsed
		}
		a.lastTOTPStep = step
		return totpRight
	}
	return totpWrong
}

// TOTP returns a code of the user's authenticator that the org takes now: the current one, or the next
// one (within the clock skew allowed) when the current one is used up. "" for an unknown login.
func (o *Org) TOTP(login string) string {
	o.mu.Lock()
	defer o.mu.Unlock()
	a := o.users[normalLogin(login)]
	if a == nil {
		return ""
	}
	return totpCode(a.totpKey, max(totpStep(o.now()), a.lastTOTPStep+1))
}

func (o *Org) now() time.Time { return o.cfg.Load().Now() }
