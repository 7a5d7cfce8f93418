package oktasim

import (
	"crypto/hmac"
	"encoding/base32"
	"strings"
	"time"

	"github.com/pquerna/otp/hotp"
)

// totpPeriod is RFC 6238's time step.
const totpPeriod = 30 * time.Second

// totpSkew is how many steps early or late a code is taken.
const totpSkew = 1

var unpaddedBase32 = base32.StdEncoding.WithPadding(base32.NoPadding)

func decodeTOTPSecret(s string) ([]byte, error) {
	s = strings.TrimRight(strings.ToUpper(strings.ReplaceAll(s, " ", "")), "=")
	return unpaddedBase32.DecodeString(s)
}

func totpStep(t time.Time) int64 { return t.Unix() / int64(totpPeriod/time.Second) }

// totpCode is the code of a time step (RFC 6238 with SHA-1 and six digits: HOTP over the step).
func totpCode(key []byte, step int64) string {
	code, err := hotp.GenerateCode(unpaddedBase32.EncodeToString(key), uint64(step))
	if err != nil {
		panic(err) // the key is in base32
	}
	return code
}

// verdicts on a code.
const (
	totpWrong = iota
	totpUsed
	totpRight
)

// checkTOTP judges a code of Okta Verify and uses it up. The caller holds the org's mu.
func (a *account) checkTOTP(code string, now time.Time) int {
	return judgeTOTP(a.totpKey, &a.lastTOTPStep, code, now)
}

// judgeTOTP judges a code; last is the newest step that was accepted with the key.
func judgeTOTP(key []byte, last *int64, code string, now time.Time) int {
	current := totpStep(now)
	for step := current - totpSkew; step <= current+totpSkew; step++ {
		if !hmac.Equal([]byte(totpCode(key, step)), []byte(code)) {
			continue
		}
		if step <= *last {
			return totpUsed
		}
		*last = step
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
