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
	// Set, because a value that an earlier handler maps would win over one that we map. What takes work to write out is
	// written when somebody asks.
	who := out.Identity
	repl.Set(userPlaceholders+"id", who.Login)
	repl.Set(userPlaceholders+"subject", who.Subject)
	repl.Set(userPlaceholders+"name", who.Name)
	repl.Set(userPlaceholders+"email", who.Email)
	repl.Set(userPlaceholders+"groups", groups(who.Groups))
	repl.Set(userPlaceholders+"session", out.Session) // its text is its handle
}

// groups are written as one text, joined by commas.
type groups []string

func (g groups) String() string { return strings.Join(g, ",") }
