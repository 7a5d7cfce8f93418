package factors

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"sidegate.example/sidegate/flows/limits"
	"sidegate.example/sidegate/gateway/identity"
)

// maxPassword bounds what is sent on; Okta's own limit is smaller.
const maxPassword = 4096

// readLogin is limits.ReadLogin for a name that goes into a path, where some mean something else.
func readLogin(s string) (string, error) {
	s, err := limits.ReadLogin(s)
	switch {
	case err != nil:
		return "", err
	case strings.ContainsAny(identity.Fold(s), `/\?#%;`):
		return "", badAnswer("the user name holds a character that leads to another path")
	}
	switch identity.Fold(s) {
	case "me", ".", "..":
		return "", badAnswer("the user name has a meaning of its own in Okta's API")
	}
	return s, nil
}

// sameName reports whether the name that was looked up is the one that Okta found: Okta leaves diacritics out of account
// and takes a short name for whoever it is one's of today, a name that a layer in front has proved is one person's only
// (§2.1). The id and the whole login are.
func sameName(asked string, u *user) bool {
	return asked == u.ID || identity.Fold(asked) == identity.Fold(u.Profile.Login)
}

func readPassword(s string) (string, error) {
	if s == "" || len(s) > maxPassword || !utf8.ValidString(s) {
		return "", badAnswer(fmt.Sprintf("the password must have 1 to %d bytes of text", maxPassword))
	}
	return s, nil
}
