package upstream

import (
	"errors"
	"fmt"
	"net/http"
	"net/textproto"
	"strings"
	"time"

	"github.com/gorilla/securecookie"
	"golang.org/x/net/http/httpguts"

	"sidegate.example/sidegate/gateway/session"
)

const (
	// CookieLife is how long a signed cookie is good for: it is made anew for each request.
	CookieLife = time.Minute
	// minCookieSecret is the least length of the secret in bytes.
	minCookieSecret = 32
	// maxCookie is the greatest length of the value, which is securecookie's own limit for who opens it.
	maxCookie = 4096
)

// Cookie is the signed cookie that tells an app who sends a request. The app shares its secret. It is a securecookie
// without encryption: base64url(time "|" base64url(JSON of Person) "|" HMAC-SHA256(name "|" time "|" base64url(JSON))).
type Cookie struct {
	name   string
	folded string
	codec  *securecookie.SecureCookie
}

// Person is what the cookie says. The names are those of the assertion.
type Person struct {
	Site     string   `json:"aud"` // the site's origin
	Subject  string   `json:"sub"` // Okta's user id
	Username string   `json:"preferred_username"`
	Name     string   `json:"name,omitempty"`
	Email    string   `json:"email,omitempty"`
	Groups   []string `json:"groups,omitempty"`
	Session  string   `json:"sid"` // the session's handle
}

// ErrCookie is the one answer to a cookie that is not there, forged, too old or another site's.
var ErrCookie = errors.New("the request has no valid signed cookie")

// ErrTooLarge means that a person does not fit into the cookie. Nothing is left out to make them fit: an app must never see half of
// somebody's groups, and none for all of them neither.
var ErrTooLarge = errors.New("upstream_cookie: the person does not fit into 4096 bytes")

// NewCookie makes a Cookie of its name and of the secret, of 32 bytes or more, that the app shares. Gate and apps in Go
// use it alike.
func NewCookie(name, secret string) (*Cookie, error) {
	if err := CheckCookieName(name); err != nil {
		return nil, err
	}
	if len(secret) < minCookieSecret {
		return nil, fmt.Errorf("upstream_cookie: the secret has %d bytes, but at least %d are needed; make one with: openssl rand -base64 32", len(secret), minCookieSecret)
	}
	codec := securecookie.New([]byte(secret), nil).SetSerializer(securecookie.JSONEncoder{}).MaxLength(maxCookie).MaxAge(int(CookieLife / time.Second))
	return &Cookie{name: name, folded: fold(name), codec: codec}, nil
}

// CheckCookieName reports whether name can be the name of a signed cookie.
func CheckCookieName(name string) error {
	if !httpguts.ValidHeaderFieldName(name) {
		return fmt.Errorf("upstream_cookie %q is no cookie name; use letters, digits, hyphens and underscores", name)
	}
	return nil
}

// Is reports whether the cookie called name would be taken for this one by some server.
func (c *Cookie) Is(name string) bool { return fold(name) == c.folded }

// Set puts the cookie first into the Cookie header of a request that goes on, in place of whatever the client sent under its
// name. The error is ErrTooLarge.
func (c *Cookie) Set(h http.Header, s *session.Opened, site string) error {
	who := &s.Identity
	value, err := c.codec.Encode(c.name, Person{Site: site, Subject: who.Subject, Username: who.Login, Name: who.Name, Email: who.Email,
		Groups: who.Groups, Session: s.Handle})
	if err != nil {
		return fmt.Errorf("%w: %w", ErrTooLarge, err)
	}
	line := c.name + "=" + value
	for _, had := range h["Cookie"] {
		for pair := range strings.SplitSeq(had, ";") {
			name, _, _ := strings.Cut(pair, "=")
			if pair = textproto.TrimString(pair); pair != "" && !c.Is(textproto.TrimString(name)) {
				line += "; " + pair
			}
		}
	}
	h["Cookie"] = []string{line}
	return nil
}

// Read says who sends r, for an app whose site has this origin, such as https://legacy.example.com. The error is ErrCookie.
func (c *Cookie) Read(r *http.Request, site string) (Person, error) {
	var who Person
	cookie, err := r.Cookie(c.name)
	if err != nil || c.codec.Decode(c.name, cookie.Value, &who) != nil || who.Site != site || who.Subject == "" {
		return Person{}, ErrCookie
	}
	return who, nil
}

// fold brings all spellings of a cookie's name into one that some server or language takes for the same: PHP reads dots,
// spaces and brackets as underscores and makes a[b] a part of a.
func fold(name string) string {
	name, _, _ = strings.Cut(name, "[")
	return strings.Map(func(r rune) rune {
		switch {
		case 'A' <= r && r <= 'Z':
			return r + 'a' - 'A'
		case 'a' <= r && r <= 'z', '0' <= r && r <= '9':
			return r
		}
		return '_'
	}, name)
}
