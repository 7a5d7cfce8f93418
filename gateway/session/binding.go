package session

import (
	"strconv"
	"strings"
)

// Binding says what a session is good for. A cookie sealed under one Binding is invalid under any
// other (immunity S13, S51). It goes into the seal and costs no byte of the cookie.
type Binding struct {
	// Cookie is the name of the cookie.
	Cookie string
	// Site is the host for which the session was made.
	Site string
	// Policy names the rules under which the person signed in (Okta org, client, required factors).
	Policy string
}

// Kinds of sealed things: what was sealed as one kind never opens as another.
const (
	kindSession = "session"
	kindToken   = "token"
)

// sealName joins fields into the name that securecookie seals. Each field has its length in front, so
// that no two lists of fields share a name and none is the beginning of another (immunity S52).
func sealName(fields ...string) string {
	n := 0
	for _, f := range fields {
		n += len(f) + 4
	}
	b := make([]byte, 0, n)
	for _, f := range fields {
		b = strconv.AppendInt(b, int64(len(f)), 10)
		b = append(b, ':')
		b = append(b, f...)
	}
	return string(b)
}

func (b Binding) sealName() string { return sealName(kindSession, b.Cookie, b.Site, b.Policy) }

// bound is a Binding that may be kept for long, and its sealName.
type bound struct {
	Binding
	sealName string
}

// bound clones the strings: parts of a request's header would keep the whole header in memory.
func (b Binding) bound() *bound {
	return &bound{Binding{strings.Clone(b.Cookie), strings.Clone(b.Site), strings.Clone(b.Policy)}, b.sealName()}
}
