package caddymodule

import (
	"net/http"
	"strings"

	"github.com/caddyserver/caddy/v2"

	"sidegate.example/sidegate/gateway"
	"sidegate.example/sidegate/gateway/identity"
)

// userPlaceholders is the prefix under which Caddy's own authentication handlers publish who a person is.
// Caddy's access log takes its user_id from it.
const userPlaceholders = "http.auth.user."

// publish sets the placeholders {http.auth.user.*}: id (the Okta username, as in Remote-User), subject
// (Okta's immutable user id), name, email, groups (joined by commas) and session (a handle for logs).
// What a handler in front of the gate has published is removed first, because a claim that the session
// lacks must be empty and not somebody else's (immunity S18). The values are given, never expanded (S43).
//
// They are mapped, written out when somebody asks. To set six values allocates seven times and makes the map grow in
// which reverse_proxy sets its own: about 2 % of a request.
func publish(r *http.Request, out gateway.Outcome) {
	repl, ok := r.Context().Value(caddy.ReplacerCtxKey).(*caddy.Replacer)
	if !ok {
		return
	}
	repl.DeleteByPrefix(userPlaceholders)
	said := said{out.Identity, out.Session}
	for _, name := range names {
		if _, taken := repl.Get(name); taken {
			// What an earlier handler maps wins over what we map, but not over what is set.
			for _, name := range names {
				value, _ := said.about(name)
				repl.Set(name, value)
			}
			return
		}
	}
	repl.Map(said.about)
}

// names are the placeholders.
var names = []string{userPlaceholders + "id", userPlaceholders + "subject", userPlaceholders + "name", userPlaceholders + "email",
	userPlaceholders + "groups", userPlaceholders + "session"}

// said is who a request is from.
type said struct {
	*identity.Identity
	session string
}

// about gives the value of a placeholder.
func (s said) about(placeholder string) (any, bool) {
	name, ours := strings.CutPrefix(placeholder, userPlaceholders)
	if !ours {
		return nil, false
	}
	switch name {
	case "id":
		return s.Login, true
	case "subject":
		return s.Subject, true
	case "name":
		return s.Name, true
	case "email":
		return s.Email, true
	case "groups":
		return strings.Join(s.Groups, ","), true
	case "session":
		return s.session, true
	}
	return nil, false
}
