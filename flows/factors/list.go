package factors

import (
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"sidegate.example/sidegate/gateway/identity"
)

// factor is one way to verify that the person can choose.
type factor struct {
	// IDs are Okta's; more than one for the codes of several Okta Verify accounts, which nothing tells apart.
	IDs    []string        `json:"i"`
	Factor identity.Factor `json:"f"`
	// Detail tells two of a kind apart on the page: a device, a masked number, the question.
	Detail string `json:"d,omitempty"`
	// Credential is the id of a security key.
	Credential string `json:"c,omitempty"`
}

// statusActive is the one status in which a factor, and a person, counts.
const statusActive = "ACTIVE"

// choicesOf makes the choices of a list: ACTIVE factors that are known and that use takes. Okta Verify is up to three
// objects per phone (§3.4): the codes of all phones are one choice, beside a push for each of them.
func choicesOf(list []listed, use func(identity.Factor) bool) []factor {
	var out []factor
	code := -1 // where the codes of Okta Verify are
	for _, l := range list {
		f := kindOf(l.Type, l.Provider)
		if l.Status != statusActive || f == "" || !use(f) || !oktaID(l.ID) || len(out) == maxFactors {
			continue
		}
		if f == identity.TOTP && code >= 0 {
			out[code].IDs = append(out[code].IDs, l.ID)
			continue
		}
		if f == identity.TOTP {
			code = len(out)
		}
		out = append(out, factor{IDs: []string{l.ID}, Factor: f, Detail: l.detail(f), Credential: credential(l, f)})
	}
	slices.SortStableFunc(out, func(a, b factor) int { return rank(a.Factor) - rank(b.Factor) })
	return out
}

// rank is the order of the page, which is that of verifiable: Okta Verify first, what is weaker last.
func rank(f identity.Factor) int { return slices.Index(verifiable, f) }

func credential(l listed, f identity.Factor) string {
	if f != identity.WebAuthn {
		return ""
	}
	return base64url(l.Profile.CredentialID)
}

// detail is what the page says of the factor. It may be shown to who has proved no more than a name, so that numbers and
// addresses are masked (§3.3).
func (l *listed) detail(f identity.Factor) string {
	switch f {
	case identity.Push:
		return line(l.Profile.Name)
	case identity.SMS, identity.Voice:
		return maskPhone(l.Profile.PhoneNumber)
	case identity.Email:
		return maskEmail(l.Profile.Email)
	case identity.SecurityQuestion:
		return line(l.Profile.QuestionText)
	case identity.HardwareOTP:
		return line(l.VendorName)
	case identity.WebAuthn:
		return line(l.Profile.AuthenticatorName)
	}
	return ""
}

// mask stands for what is not shown.
const mask = "•••"

// maskPhone leaves the last four digits, or two of a short number. What Okta has masked already stays as it is.
func maskPhone(s string) string {
	digits := strings.Map(func(r rune) rune {
		if r < '0' || r > '9' {
			return -1
		}
		return r
	}, s)
	switch n := len(digits); {
	case n >= 8:
		return mask + " " + digits[n-4:]
	case n >= 4:
		return mask + " " + digits[n-2:]
	case n > 0:
		return mask
	}
	return ""
}

// maskEmail leaves the first letter and the domain.
func maskEmail(s string) string {
	local, domain, ok := strings.Cut(line(s), "@")
	if !ok || local == "" {
		return ""
	}
	_, n := utf8.DecodeRuneInString(local)
	return local[:n] + mask + "@" + domain
}

// line is a short text on one line.
func line(s string) string {
	s = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || unicode.Is(unicode.Cf, r) {
			return -1
		}
		return r
	}, shorten(s))
	return strings.TrimSpace(s)
}

// choiceID names the button of the factor at i.
func choiceID(i int) string { return "f" + strconv.Itoa(i) }

// choice finds a factor by the ID of its button; -1 for none.
func (s *state) choice(id string) int {
	for i := range s.Factors {
		if choiceID(i) == id {
			return i
		}
	}
	return -1
}
