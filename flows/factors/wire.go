package factors

import (
	"encoding/json"
	"strings"
	"time"
	"unicode/utf8"
)

const (
	// maxText bounds a text or a link that is kept or shown, maxFactors the factors of one person.
	maxText    = 1024
	maxFactors = 32
)

// link is one hypermedia link; links is one or several, as Okta likes (§1.1).
type link struct {
	Name string `json:"name"`
	Href string `json:"href"`
}

type links []link

// UnmarshalJSON takes one object or a list of them.
func (l *links) UnmarshalJSON(b []byte) error {
	if len(b) > 0 && b[0] == '[' {
		var list []link
		err := json.Unmarshal(b, &list)
		*l = list
		return err
	}
	var one link
	err := json.Unmarshal(b, &one)
	*l = links{one}
	return err
}

// first is the href of the first link; "" for none.
func (l links) first() string {
	if len(l) == 0 {
		return ""
	}
	return l[0].Href
}

// named is the href of the link of that name; "" for none.
func (l links) named(name string) string {
	for _, one := range l {
		if one.Name == name {
			return one.Href
		}
	}
	return ""
}

// user is a person at Okta (§2.1).
type user struct {
	ID      string `json:"id"`
	Status  string `json:"status"`
	Profile struct {
		Login       string `json:"login"`
		Email       string `json:"email"`
		DisplayName string `json:"displayName"`
		FirstName   string `json:"firstName"`
		LastName    string `json:"lastName"`
	} `json:"profile"`
}

func (u *user) name() string {
	if name := shorten(u.Profile.DisplayName); name != "" {
		return name
	}
	return shorten(strings.TrimSpace(u.Profile.FirstName + " " + u.Profile.LastName))
}

// listed is one factor as Okta lists it (§3.2), to be enrolled or enrolled.
type listed struct {
	ID         string  `json:"id"`
	Type       string  `json:"factorType"`
	Provider   string  `json:"provider"`
	VendorName string  `json:"vendorName"`
	Status     string  `json:"status"`
	Profile    profile `json:"profile"`
	Links      struct {
		Poll links `json:"poll"`
	} `json:"_links"`
	Embedded struct {
		Activation activation `json:"activation"`
		Challenge  *challenge `json:"challenge"`
		Links      struct {
			QRCode links `json:"qrcode"`
		} `json:"_links"`
	} `json:"_embedded"`
}

type profile struct {
	CredentialID      string `json:"credentialId"`
	Name              string `json:"name"`
	PhoneNumber       string `json:"phoneNumber"`
	Email             string `json:"email"`
	QuestionText      string `json:"questionText"`
	AuthenticatorName string `json:"authenticatorName"`
}

// activation is what setting a factor up needs (§4.2, §4.3).
type activation struct {
	ExpiresAt    string `json:"expiresAt"`
	FactorResult string `json:"factorResult"`
	SharedSecret string `json:"sharedSecret"`
	Encoding     string `json:"encoding"`
	Links        struct {
		QRCode links `json:"qrcode"`
		Send   links `json:"send"`
		Poll   links `json:"poll"`
	} `json:"_links"`
}

// challenge is what a pending factor shows or asks: the number of a push, or what a security key has to sign.
type challenge struct {
	// CorrectAnswer may be 0; a missing one means that there is no number (§5.4).
	CorrectAnswer *number `json:"correctAnswer"`
	Challenge     string  `json:"challenge"`
	UserVerify    string  `json:"userVerification"`
	RPID          string  `json:"rpId"`
}

// number is a number to tap. Examples have integers; a text may have leading zeros.
type number string

// UnmarshalJSON takes up to four digits, as a number or as a text; anything else is no number to tap and is left out.
func (n *number) UnmarshalJSON(b []byte) error {
	s := strings.Trim(string(b), `"`)
	if len(s) <= 4 && !strings.ContainsFunc(s, func(r rune) bool { return r < '0' || r > '9' }) {
		*n = number(s)
	}
	return nil
}

func (c *challenge) number() string {
	if c == nil || c.CorrectAnswer == nil {
		return ""
	}
	return string(*c.CorrectAnswer)
}

// lifeOf is how long something is good that ends at expires, by Okta's own clock at, at most limit; limit where Okta does
// not say.
func lifeOf(expires string, at time.Time, limit time.Duration) time.Duration {
	end, err := time.Parse(time.RFC3339, expires)
	if err != nil || at.IsZero() {
		return limit
	}
	return min(max(end.Sub(at), 0), limit)
}

// shorten cuts a text of Okta's to what a page can bear, on a rune boundary.
func shorten(s string) string {
	if len(s) > maxText {
		s = s[:maxText]
	}
	for len(s) > 0 && !utf8.ValidString(s) {
		s = s[:len(s)-1]
	}
	return s
}
