package limits

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"sidegate.example/sidegate/flows"
	"sidegate.example/sidegate/gateway/identity"
)

const (
	// maxIdentifier bounds what is sent on; Okta's own limit is smaller.
	maxIdentifier = 320
	// maxRune is the longest character that Okta takes, in bytes (§1.1).
	maxRune = 3
)

// ReadLogin trims what was typed and refuses what cannot name one person, because other systems read parts of it, or show
// it (immunity S65).
func ReadLogin(s string) (string, error) {
	s = strings.TrimSpace(s)
	normal := norm.NFKC.String(s) // as others may read it
	switch {
	case s == "" || max(len(s), len(normal)) > maxIdentifier || !utf8.ValidString(s):
		return "", badLogin("the user name must have 1 to %d bytes of text", maxIdentifier)
	case strings.Count(normal, "@") > 1:
		return "", badLogin("the user name has two @")
	case strings.ContainsFunc(s, odd) || strings.ContainsFunc(normal, odd) || strayMark(normal):
		return "", badLogin("the user name holds a character that no user name has")
	}
	return s, nil
}

func badLogin(format string, args ...any) error {
	return &flows.Error{Reason: flows.ReasonBadAnswer, Err: fmt.Errorf(format, args...)}
}

// odd are characters that hide or that quote: control and format characters (right-to-left marks among them), fillers
// without a shape, variants of a shape, white space, quotes.
func odd(r rune) bool {
	return unicode.IsControl(r) || unicode.IsSpace(r) && r != ' ' || strings.ContainsRune("\"`<>", r) || r == utf8.RuneError || utf8.RuneLen(r) > maxRune ||
		unicode.In(r, unicode.Cf, unicode.Zl, unicode.Zp, unicode.Co, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector, unicode.Me)
}

// strayMark reports whether a mark stands where no writing has one. Thai or Hindi cannot be written without marks. In the
// alphabets that compose letters with theirs, what is left when that is done only makes one name look like another.
func strayMark(normal string) bool {
	bare := true // nothing yet, or a letter of an alphabet that needs no marks of its own
	for _, r := range normal {
		switch {
		case !unicode.In(r, unicode.Mn, unicode.Mc):
			bare = !unicode.IsLetter(r) || unicode.In(r, unicode.Latin, unicode.Greek, unicode.Cyrillic)
		case bare:
			return true
		}
	}
	return false
}

// mark are marks on a letter.
func mark(r rune) bool { return unicode.In(r, unicode.Mn, unicode.Me) }

// counted is what wrong passwords are counted under, which Okta may read more spellings alike than identity.Fold does: it leaves
// diacritics out of account (§2.1).
func counted(s string) string {
	letters := strings.Map(func(r rune) rune {
		if mark(r) {
			return -1
		}
		return r
	}, norm.NFKD.String(identity.Fold(s)))
	return identity.Fold(letters)
}

// short is counted of what stands before the @, which Okta may take for the whole name.
func short(s string) string {
	local, _, _ := strings.Cut(counted(s), "@")
	return local
}
