package factors

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"sidegate.example/sidegate/gateway/identity"
)

const (
	// maxIdentifier and maxPassword bound what is sent on; Okta's own limits are smaller.
	maxIdentifier = 320
	maxPassword   = 4096
	// maxRune is the longest character that Okta takes, in bytes (§1.1).
	maxRune = 3
)

// readLogin trims what was typed and refuses what cannot name one person: it goes into a path, and other systems read
// parts of it (immunity S65).
func readLogin(s string) (string, error) {
	s = strings.TrimSpace(s)
	normal := norm.NFKC.String(s) // as others may read it
	switch {
	case s == "" || max(len(s), len(normal)) > maxIdentifier || !utf8.ValidString(s):
		return "", badAnswer(fmt.Sprintf("the user name must have 1 to %d bytes of text", maxIdentifier))
	case strings.Count(normal, "@") > 1:
		return "", badAnswer("the user name has two @")
	case strings.ContainsFunc(s, odd) || strings.ContainsFunc(normal, odd) || strings.ContainsFunc(normal, mark):
		return "", badAnswer("the user name holds a character that no user name has")
	}
	switch fold(s) {
	case "me", ".", "..":
		return "", badAnswer("the user name has a meaning of its own in Okta's API")
	}
	return s, nil
}

// odd are characters that hide, that quote, or that lead to another path: control and format characters (right-to-left
// marks among them), fillers without a shape, white space, quotes, slashes.
func odd(r rune) bool {
	return unicode.IsControl(r) || unicode.In(r, unicode.Cf, unicode.Zl, unicode.Zp, unicode.Co, unicode.Other_Default_Ignorable_Code_Point) || unicode.IsSpace(r) && r != ' ' ||
		strings.ContainsRune("\"`/\\<>?#%;", r) || r == utf8.RuneError || utf8.RuneLen(r) > maxRune
}

// mark are marks on a letter, variation selectors among them. What of them is left when letters are composed only makes
// one name look like another, or the same name count as another.
func mark(r rune) bool { return unicode.In(r, unicode.Mn, unicode.Me) }

// fold makes spellings of one name alike (immunity S64).
func fold(s string) string { return identity.Fold(s) }

// counted is what wrong passwords are counted under, which Okta may read more spellings alike than fold does: it leaves
// diacritics out of account (§2.1).
func counted(s string) string {
	letters := strings.Map(func(r rune) rune {
		if mark(r) {
			return -1
		}
		return r
	}, norm.NFKD.String(fold(s)))
	return fold(letters)
}

// short is counted of what stands before the @, which Okta may take for the whole name.
func short(s string) string {
	local, _, _ := strings.Cut(counted(s), "@")
	return local
}

// sameName reports whether the name that was looked up is the one that Okta found: Okta leaves diacritics out of account
// and takes a short name for whoever it is one's of today, a name that a layer in front has proved is one person's only
// (§2.1). The id and the whole login are.
func sameName(asked string, u *user) bool {
	return asked == u.ID || fold(asked) == fold(u.Profile.Login)
}

func readPassword(s string) (string, error) {
	if s == "" || len(s) > maxPassword || !utf8.ValidString(s) {
		return "", badAnswer(fmt.Sprintf("the password must have 1 to %d bytes of text", maxPassword))
	}
	return s, nil
}
