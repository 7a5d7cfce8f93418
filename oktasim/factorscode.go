package oktasim

import (
	"crypto/hmac"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
)

// Codes: how they are sent, judged and counted, for the Factors API and for /api/v1/authn.

// sentCode is the newest code that was sent for a factor.
type sentCode struct {
	code    string
	expires time.Time
	used    bool
}

// codeLife is how long a code that was sent is good.
const codeLife = 5 * time.Minute

// sendIntervals are how soon the next message may go to one address (factors-api.md §8.3), and what an earlier one meets.
var sendIntervals = map[string]struct {
	wait time.Duration
	rep  apiReply
}{
	factorSMS:   {30 * time.Second, apiFail(http.StatusTooManyRequests, "E0000109", "An SMS message was recently sent. Please wait 30 seconds before trying again.")},
	factorCall:  {30 * time.Second, apiFail(http.StatusTooManyRequests, "E0000133", "A call was recently made. Please wait 30 seconds before trying again.")},
	factorEmail: {5 * time.Second, apiFail(http.StatusTooManyRequests, "E0000118", "An email was recently sent. Please wait 5 seconds before trying again.")},
}

// sendCode sends a code for a factor; life is that of the code. The codes before it are void.
func (o *Org) sendCode(x *exchange, a *account, f *factor, life time.Duration) *apiReply {
	to := f.address(a)
	limit := sendIntervals[f.typ]
	if x.now.Sub(a.mfa.sent[f.typ+to]) < limit.wait {
		return &limit.rep
	}
	if a.mfa.sent == nil {
		a.mfa.sent, a.mfa.codes = map[string]time.Time{}, map[string]sentCode{}
	}
	code := fmt.Sprintf("%06d", randomInt(1_000_000))
	mail := Mail{Channel: f.typ, To: to, Subject: "Your one-time code", Code: code}
	if f.typ == factorCall {
		mail.Channel, mail.Code = "voice", code[1:] // five digits
	}
	mail.Text = "Your verification code is " + mail.Code + "."
	if f.typ == factorSMS && strings.HasPrefix(x.r.Header.Get("Accept-Language"), "de") {
		mail.Text = "Ihr Bestätigungscode lautet " + mail.Code + "."
	}
	a.mfa.sent[f.typ+to] = x.now
	a.mfa.codes[f.id] = sentCode{code: mail.Code, expires: x.now.Add(life)}
	o.send(x, a, mail)
	return nil
}

// address is where messages for the factor go.
func (f *factor) address(a *account) string {
	switch {
	case f.typ == factorEmail:
		return a.Email
	case f.phone != "":
		return f.phone
	}
	return a.Phone
}

// verdict is what a code is worth.
type verdict int

const (
	codeWrong verdict = iota
	codeRight
	codeUsed // right, but taken before
	codeLate // right, but too old
	codeNext // right, and the token's next one is wanted
)

// judgeCode judges a code or an answer and uses it up.
func (o *Org) judgeCode(x *exchange, a *account, f *factor, given string) verdict {
	switch {
	case f.typ == factorTOTP && f.provider == "GOOGLE":
		return ofTOTP(judgeTOTP(a.googleKey, &a.lastGoogle, given, x.now))
	case f.typ == factorTOTP:
		return ofTOTP(a.checkTOTP(given, x.now))
	case f.typ == factorQuestion:
		if strings.EqualFold(given, a.Answer) {
			return codeRight
		}
		return codeWrong
	case slices.Contains(tokens, f.key):
		return a.judgeToken(f, given)
	}
	sent := a.mfa.codes[f.id]
	switch {
	case sent.code == "" || !hmac.Equal([]byte(sent.code), []byte(given)):
		return codeWrong
	case sent.used:
		return codeUsed
	case !x.now.Before(sent.expires):
		return codeLate
	}
	sent.used = true
	a.mfa.codes[f.id] = sent
	return codeRight
}

func ofTOTP(v int) verdict {
	return map[int]verdict{totpWrong: codeWrong, totpUsed: codeUsed, totpRight: codeRight}[v]
}

// tokenLead is how far ahead a token may be whose button was pressed without use: its next code has to follow.
const tokenLead = 10

// judgeToken judges a code of a hardware token.
func (a *account) judgeToken(f *factor, given string) verdict {
	for n := a.lastToken - tokenLead; n <= a.lastToken+tokenLead; n++ {
		if given != tokenCode(n) && (f.typ != factorHardware || given != yubiKeyCode(n)) {
			continue
		}
		expected := n == a.lastToken+1
		switch {
		case n <= a.lastToken:
			return codeUsed
		case !expected, a.NextCode && !a.mfa.nextAsked:
			a.lastToken, a.mfa.nextAsked = n, true
			return codeNext
		}
		a.lastToken, a.mfa.nextAsked = n, false
		return codeRight
	}
	return codeWrong
}

// yubiKeyCode is the n-th code of a YubiKey: 44 letters of modhex, of which the first twelve name the key.
func yubiKeyCode(n int) string {
	const modhex = "cbdefghijklnrtuv"
	out := []byte("cccccceukngd" + strings.Repeat("c", 24) + tokenCode(n))
	for i := 36; i < len(out); i++ {
		out[i] = modhex[out[i]-'0']
	}
	return string(out)
}

// YubiKeyCode is what a user's YubiKey types when it is touched next; "" for an unknown login.
func (o *Org) YubiKeyCode(login string) string {
	o.mu.Lock()
	defer o.mu.Unlock()
	if a := o.users[normalLogin(login)]; a != nil {
		return yubiKeyCode(a.lastToken + 1)
	}
	return ""
}

// maxWrongInARow is how many wrong codes lock the account (factors-api.md §5.6).
const maxWrongInARow = 5

// Errors of codes.
var (
	wrongCode      = apiFail(http.StatusForbidden, "E0000068", "Invalid Passcode/Answer", "Your passcode doesn't match our records. Please try again.")
	userLocked     = apiFail(http.StatusForbidden, "E0000069", "User Locked", "Your account is locked. Please contact your administrator.")
	replayedCode   = apiFail(http.StatusForbidden, "E0000082", "The passcode you entered has already been used. Please wait for a new passcode and try again.")
	lateCode       = apiFail(http.StatusForbidden, "E0000083", "Passcode is valid but exceeded time window. Wait for token to change, then enter the new tokencode.")
	emptyCode      = notValid("passCode", "passCode: The field cannot be left blank")
	tooManyTries   = apiFail(http.StatusTooManyRequests, "E0000047", rateLimited)
	wrongUserState = apiFail(http.StatusForbidden, "E0000038", "This operation is not allowed in the user's current status.")
)

// failed is the answer to a code that was not right; nil for one that was. It counts.
func (a *account) failed(p *FactorsPolicy, v verdict) *apiReply {
	result := map[verdict]string{codeUsed: "PASSCODE_REPLAYED", codeLate: "TIME_WINDOW_EXCEEDED", codeNext: "CHALLENGE"}[v]
	switch {
	case v == codeRight:
		a.mfa.wrong = 0
		return nil
	case v == codeNext, result != "" && p.CodeResults:
		return &apiReply{http.StatusOK, map[string]any{"factorResult": result}}
	case v == codeUsed:
		return &replayedCode
	case v == codeLate:
		return &lateCode
	}
	return a.missed()
}

// missed counts a wrong code; the fifth in a row locks the account.
func (a *account) missed() *apiReply {
	if a.mfa.wrong++; a.mfa.wrong < maxWrongInARow {
		return &wrongCode
	}
	a.mfa.wrong, a.Locked = 0, true
	return &userLocked
}
