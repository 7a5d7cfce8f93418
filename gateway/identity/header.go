package identity

import "strings"

// Header is an Identity in the form in which it goes into header fields; "" is an absent claim.
type Header struct {
	User, Name, Email string
	// Groups are joined by commas; a comma inside a name is %2C, so that the group "a,admins" does not read as two.
	Groups string
}

// Header drops control characters, which cannot stand in a header.
func (i *Identity) Header() Header {
	return Header{User: text(i.Login), Name: text(i.Name), Email: text(i.Email), Groups: joined(i.Groups)}
}

func joined(groups []string) string {
	n := 0
	for _, g := range groups {
		n += len(g) + 1
	}
	var b strings.Builder
	b.Grow(n) // one allocation, unless a name has a comma
	for i, g := range groups {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(strings.ReplaceAll(text(g), ",", "%2C"))
	}
	return b.String()
}

func text(s string) string {
	for i := range len(s) {
		if s[i] < 0x20 || s[i] == 0x7f {
			return strings.TrimSpace(strings.Map(func(r rune) rune {
				if r < 0x20 || r == 0x7f {
					return -1
				}
				return r
			}, s))
		}
	}
	return s
}
