package caddymodule

import (
	"net/http"
	"strings"

	"github.com/caddyserver/caddy/v2"

	"sidegate.example/sidegate/gateway"
)

// userPlaceholders is the prefix under which Caddy's own authentication handlers publish who a person is.
// Caddy's access log takes its user_id from it.
const userPlaceholders = "http.auth.user."

// publish sets the placeholders {http.auth.user.*}: id (the Okta username, as in Remote-User), subject
// (Okta's immutable user id), name, email, groups (joined by commas) and session (a handle for logs).
// What a handler in front of the gate has published is removed first, because a claim that the session
// lacks must be empty and not somebody else's (immunity S18). The values are set, never expanded (S43).
func publish(r *http.Request, out gateway.Outcome) {
	repl, ok := r.Context().Value(caddy.ReplacerCtxKey).(*caddy.Replacer)
	if !ok {
		return
	}
	repl.DeleteByPrefix(userPlaceholders)
	// Values are made when they are asked for: most configurations use none of them.
	repl.Map(func(key string) (any, bool) {
		name, ours := strings.CutPrefix(key, userPlaceholders)
		if !ours {
			return nil, false
		}
		return claim(out, name)
	})
}

// claim is the value of {http.auth.user.<name>}; a claim that the session lacks is empty.
func claim(out gateway.Outcome, name string) (value any, known bool) {
	who := out.Identity
	switch name {
	case "id":
		return who.Login, true
	case "subject":
		return who.Subject, true
	case "name":
		return who.Name, true
	case "email":
		return who.Email, true
	case "groups":
		return strings.Join(who.Groups, ","), true
	case "session":
		return out.Session.Handle(), true
	}
	return nil, false
}
