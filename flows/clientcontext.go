package flows

import (
	"cmp"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"unicode/utf8"
	"unique"
)

// Limits of what is forwarded to Okta.
const (
	maxUserAgent      = 1024
	maxAcceptLanguage = 256
	// maxDeviceToken is Okta's own limit (core-okta-api, X-Device-Token).
	maxDeviceToken = 32
	// absentUserAgent stands in where the browser sent none: Okta requires one to verify a push,
	// and an empty header would make net/http send its own (immunity S73).
	absentUserAgent = "unknown"
)

// ErrNoClientContext is wrapped by what an engine returns when it is called with the zero
// ClientContext.
var ErrNoClientContext = errors.New("no client context: every call to Okta must carry the browser's address and User-Agent")

// ClientContext is the browser as Okta is to see it: one validated address, the User-Agent, the
// languages, and a token that names the device. Its fields are unexported so that NewClientContext is the
// only way to a usable value. Thousands of people who wait have few User-Agents and languages among them, of which each is kept
// once.
type ClientContext struct {
	addr           netip.Addr
	userAgent      unique.Handle[string]
	acceptLanguage unique.Handle[string]
	deviceToken    string
}

// NewClientContext checks and cleans what came from one browser. clientIP is the address that the
// server decided on (Caddy's client_ip), never a header that the browser sent; a zone or an IPv4-mapped
// form is normalised. Control characters are cut from the texts and they are shortened to what Okta takes;
// an empty User-Agent becomes "unknown"; a device token that is not 1..32 URL-safe characters is dropped.
// The error says which address was unusable.
func NewClientContext(clientIP, userAgent, acceptLanguage, deviceToken string) (ClientContext, error) {
	addr, err := netip.ParseAddr(clientIP)
	if err != nil {
		return ClientContext{}, fmt.Errorf("client address %q is not an IP address", clientIP)
	}
	c := ClientContext{
		addr:           addr.Unmap().WithZone(""),
		userAgent:      unique.Make(cmp.Or(clean(userAgent, maxUserAgent), absentUserAgent)),
		acceptLanguage: unique.Make(clean(acceptLanguage, maxAcceptLanguage)),
	}
	if deviceTokenOK(deviceToken) {
		c.deviceToken = strings.Clone(deviceToken) // out of a line of cookies that would be kept with it
	}
	return c, nil
}

// Valid reports whether c came from NewClientContext.
func (c ClientContext) Valid() bool { return c.addr.IsValid() }

// Addr is the browser's address, the one value of X-Forwarded-For.
func (c ClientContext) Addr() netip.Addr { return c.addr }

// UserAgent is never empty on a valid context.
func (c ClientContext) UserAgent() string { return text(c.userAgent) }

// AcceptLanguage may be empty.
func (c ClientContext) AcceptLanguage() string { return text(c.acceptLanguage) }

// DeviceToken may be empty.
func (c ClientContext) DeviceToken() string { return c.deviceToken }

// text is "" for the zero Handle, which has no Value.
func text(h unique.Handle[string]) string {
	if h == (unique.Handle[string]{}) {
		return ""
	}
	return h.Value()
}

// clean drops control characters and invalid UTF-8 and cuts s to at most limit bytes on a rune boundary.
func clean(s string, limit int) string {
	s = strings.Map(func(r rune) rune {
		if r < 0x20 || r == 0x7f || r == utf8.RuneError {
			return -1
		}
		return r
	}, s)
	if len(s) > limit {
		s = s[:limit]
		for !utf8.ValidString(s) {
			s = s[:len(s)-1]
		}
	}
	return strings.TrimSpace(s)
}

func deviceTokenOK(s string) bool {
	if s == "" || len(s) > maxDeviceToken {
		return false
	}
	for _, b := range []byte(s) {
		if !('a' <= b && b <= 'z' || 'A' <= b && b <= 'Z' || '0' <= b && b <= '9' || b == '-' || b == '_') {
			return false
		}
	}
	return true
}
