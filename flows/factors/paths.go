package factors

import (
	"net/url"
	"path"
	"strings"
)

const (
	usersPath = "/api/v1/users/"
	// maxID bounds an id of Okta's; real ones have 20 characters, transactions 40.
	maxID = 128
)

// oktaID reports whether s can be an id of Okta's, and so stand in a path.
func oktaID(s string) bool {
	if s == "" || len(s) > maxID {
		return false
	}
	for _, b := range []byte(s) {
		if !('a' <= b && b <= 'z' || 'A' <= b && b <= 'Z' || '0' <= b && b <= '9' || b == '_' || b == '-') {
			return false
		}
	}
	return true
}

func userPath(id string) string { return usersPath + url.PathEscape(id) }

func factorsPath(user string) string { return userPath(user) + "/factors" }

func factorPath(user, id string) string { return factorsPath(user) + "/" + id }

// below reports whether the local path p lies under base as it is spelt: no dots and nothing escaped that a server could
// read as another path.
func below(p, base string) bool {
	p, _, _ = strings.Cut(p, "?")
	return strings.HasPrefix(p, base+"/") && path.Clean(p) == p && !strings.ContainsAny(p, "%\\;")
}

// owned reduces a link of Okta's to its path, and only if that is one below base: our credentials go along with the call
// (immunity S69), and a transaction of somebody else's would sign the wrong person in (immunity S74).
func (e *Engine) owned(href, base string) (string, bool) {
	local, err := e.client.Local(href)
	if err != nil || len(local) > maxText || !below(local, base) {
		return "", false
	}
	return local, true
}
