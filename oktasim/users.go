package oktasim

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"time"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// apiState is what the org keeps for the Users, Factors and Authentication API. mu guards it.
type apiState struct {
	usedProofs      expiringSet // thumbprint and jti of DPoP proofs
	nonce, oldNonce string
	nonceMade       time.Time
	transactions    map[string]*factorTransaction
	queue           []*factorTransaction         // oldest first
	setUps          map[string]setUp             // by token
	authn           map[string]*authnTransaction // by state token
}

// apiRoutes adds the API to the mux of Okta's URLs.
func (o *Org) apiRoutes(mux *http.ServeMux) {
	for pattern, op := range map[string]struct {
		scope string
		step  apiStep
	}{
		"GET /api/v1/users/{user}":                   {scopeRead, o.getUser},
		"GET /api/v1/users/{user}/groups":            {scopeGroups, o.getGroups},
		"POST /api/v1/users/{user}/lifecycle/unlock": {scopeManage, o.unlockUser},
	} {
		mux.Handle(pattern, o.operation(op.scope, op.step))
	}
	o.factorRoutes(mux)
	o.authnRoutes(mux)
}

// States of a user (factors-api.md §2.2).
var userStates = []string{"ACTIVE", "STAGED", "PROVISIONED", "RECOVERY", "PASSWORD_EXPIRED", "LOCKED_OUT", "SUSPENDED", "DEPROVISIONED"}

// state is the status that the API shows. Okta looks at the age of a password at sign-in only, so one that has expired
// does not show.
func (a *account) state() string {
	switch {
	case a.Status != "" && a.Status != "ACTIVE":
		return a.Status
	case a.Locked:
		return "LOCKED_OUT"
	}
	return "ACTIVE"
}

func (a *account) active() bool { return a.state() == "ACTIVE" }

// foldLogin takes case and diacritics away: the API takes logins that differ in nothing else for one
// (factors-api.md §2.1).
func foldLogin(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.Is(unicode.Mn, r) {
			return -1
		}
		return unicode.ToLower(r)
	}, norm.NFD.String(normalLogin(s)))
}

// findUser looks a user up by id, login, or the part of the login before the @ where that is clear; nil for none.
func (o *Org) findUser(name string) *account {
	var short *account
	matches := 0
	want := foldLogin(name)
	for _, a := range o.users {
		login := foldLogin(a.Login)
		if a.id == name || login == want {
			return a
		}
		if before, _, _ := strings.Cut(login, "@"); before == want {
			short = a
			matches++
		}
	}
	if matches == 1 {
		return short
	}
	return nil
}

// byID finds a user by the id in the path; the operations below a user take nothing else.
func (o *Org) byID(x *exchange) (*account, *apiReply) {
	id := x.r.PathValue("user")
	for _, a := range o.users {
		if a.id == id {
			return a, nil
		}
	}
	rep := apiNotFound(id, "User")
	return nil, &rep
}

// getUser answers GET /api/v1/users/{id or login}. "me" is the admin behind the token, whoever was meant.
func (o *Org) getUser(x *exchange, c *caller) apiReply {
	name := x.r.PathValue("user")
	a := o.findUser(name)
	if name == "me" {
		a = c.me
	}
	if a == nil || strings.Contains(name, "/") {
		return apiNotFound(name, "User")
	}
	return apiReply{http.StatusOK, x.userObject(a)}
}

// userObject is a user as the API shows it.
func (x *exchange) userObject(a *account) map[string]any {
	profile := map[string]any{"login": a.Login, "email": a.Email, "firstName": a.firstName(), "lastName": a.lastName(), "mobilePhone": nil}
	self := x.cfg.URL + "/api/v1/users/" + a.id
	links := map[string]any{"self": link(self)}
	if a.state() == "LOCKED_OUT" {
		links["unlock"] = map[string]string{"href": self + "/lifecycle/unlock", "method": "POST"}
	}
	return map[string]any{
		"id": a.id, "status": a.state(), "created": apiEpoch, "activated": apiEpoch, "statusChanged": apiEpoch, "lastLogin": nil,
		"lastUpdated": apiEpoch, "passwordChanged": apiEpoch, "type": map[string]string{"id": stableID("oty", "default")}, "profile": profile,
		"credentials": map[string]any{"password": struct{}{}, "provider": map[string]string{"type": "OKTA", "name": "OKTA"}},
		"_links":      links,
	}
}

func (a *account) firstName() string {
	first, _, _ := strings.Cut(a.Name, " ")
	return first
}

func (a *account) lastName() string {
	_, last, _ := strings.Cut(a.Name, " ")
	return last
}

// apiEpoch is when everything that the configuration brings was made.
const apiEpoch = "2026-01-01T00:00:00.000Z"

// apiTime is a time on the wire.
func apiTime(t time.Time) string { return t.UTC().Format(timestampLayout) }

// link is a link object; allow are its methods, GET without any.
func link(href string, allow ...string) map[string]any {
	if len(allow) == 0 {
		allow = []string{"GET"}
	}
	return map[string]any{"href": href, "hints": map[string]any{"allow": allow}}
}

func (o *Org) getGroups(x *exchange, _ *caller) apiReply {
	a, rep := o.byID(x)
	if rep != nil {
		return *rep
	}
	groups := []any{}
	for _, name := range a.Groups {
		groups = append(groups, map[string]any{
			"id": stableID("00g", name), "created": apiEpoch, "lastUpdated": apiEpoch, "lastMembershipUpdated": apiEpoch,
			"objectClass": []string{"okta:user_group"}, "type": "OKTA_GROUP", "profile": map[string]any{"name": name, "description": nil},
		})
	}
	return apiReply{http.StatusOK, groups}
}

// unlockUser ends a lock-out; it is no way out of any other state.
func (o *Org) unlockUser(x *exchange, _ *caller) apiReply {
	a, rep := o.byID(x)
	if rep != nil {
		return *rep
	}
	if a.state() != "LOCKED_OUT" {
		return apiFail(http.StatusForbidden, "E0000032", "Unlock is not allowed for this user.")
	}
	a.unlock()
	return apiReply{http.StatusOK, struct{}{}}
}

func (a *account) unlock() {
	a.Locked = false
	if a.Status == "LOCKED_OUT" {
		a.Status = ""
	}
}

// SetStatus puts a user into a state, as an admin does in the console; "ACTIVE" unlocks too. It reports whether there is
// that user and that state.
func (o *Org) SetStatus(login, state string) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	a := o.users[normalLogin(login)]
	if a == nil || !slices.Contains(userStates, state) {
		return false
	}
	a.unlock()
	a.Status = state
	return true
}

// SetGroups puts a user into groups and out of all others. It reports whether there is that user.
func (o *Org) SetGroups(login string, groups ...string) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	a := o.users[normalLogin(login)]
	if a == nil {
		return false
	}
	a.Groups = groups
	return true
}

// simStatus is the control port's twin of SetStatus.
func (o *Org) simStatus(w http.ResponseWriter, r *http.Request) {
	var in struct{ Login, Status string }
	if !readJSON(w, r, &in) {
		return
	}
	if !o.SetStatus(in.Login, in.Status) {
		http.Error(w, "no such user or status", http.StatusNotFound)
		return
	}
	done(w, nil)
}

// apiBody is the JSON object that a call brought, by exact names: a misspelt one is not there.
type apiBody map[string]any

// readBody decodes the body; none is an empty object. False when it is anything else.
func (x *exchange) readBody() (apiBody, bool) {
	b := apiBody{}
	if len(x.body) == 0 {
		return b, true
	}
	err := json.Unmarshal(x.body, &b)
	return b, err == nil && b != nil
}

// text is a member that must be a string; ok is false when it is something else.
func (b apiBody) text(name string) (s string, ok bool) {
	v, present := b[name]
	if !present || v == nil {
		return "", true
	}
	s, ok = v.(string)
	return s, ok
}

// object is a member that must be an object; nil when it is not.
func (b apiBody) object(name string) apiBody {
	m, _ := b[name].(map[string]any)
	return m
}
