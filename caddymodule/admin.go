package caddymodule

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"time"

	"github.com/caddyserver/caddy/v2"

	"sidegate.example/sidegate/flows/limits"
	"sidegate.example/sidegate/gateway"
	"sidegate.example/sidegate/gateway/store"
	"sidegate.example/sidegate/gateway/transaction"
)

func init() { caddy.RegisterModule(AdminAPI{}) }

// AdminAPI serves /okta_mfa/ on Caddy's admin endpoint, which decides who may reach it:
//
//	GET  /okta_mfa/sessions?user=   the live sessions, of one person or all
//	POST /okta_mfa/revoke           {"user": ...} or {"session": handle} ends them, on every replica, listed or not
//	GET  /okta_mfa/pending          the sign-ins in progress that this replica began or went on with, as it last saw them
//	POST /okta_mfa/unlock           {"user": ...} forgets what the gate counts against a person
//	POST /okta_mfa/enroll_code      {"user": ...} gives out a code with which the person may set up a factor, once, within an hour
//
// A user is an Okta login, user id or e-mail address; for a code, which is for one person alone, not the address. Sessions go by handles, as in the logs; no answer holds a cookie.
type AdminAPI struct{}

// CaddyModule returns the Caddy module information.
func (AdminAPI) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "admin.api.okta_mfa", New: func() caddy.Module { return new(AdminAPI) }}
}

const adminPath = "/okta_mfa/"

// Routes returns the routes, each an exact path (immunity S82).
func (AdminAPI) Routes() []caddy.AdminRoute {
	return []caddy.AdminRoute{
		adminRoute(http.MethodGet, "sessions", listSessions),
		adminRoute(http.MethodPost, "revoke", revokeSessions),
		adminRoute(http.MethodGet, "pending", listPending),
		adminRoute(http.MethodPost, "unlock", unlock),
		adminRoute(http.MethodPost, "enroll_code", giveEnrollCode),
	}
}

func adminRoute(method, name string, serve adminCall) caddy.AdminRoute {
	return caddy.AdminRoute{Pattern: adminPath + name, Handler: adminHandler(method, adminPath+name, serve)}
}

// adminCall answers one request with what is to be sent as JSON.
type adminCall func(app *App, r *http.Request, in adminRequest) (any, error)

// adminRequest is the body of a POST.
type adminRequest struct {
	// User is an Okta login, user id or e-mail address.
	User string `json:"user,omitempty"`
	// Session is a handle.
	Session string `json:"session,omitempty"`
}

// maxAdminBody bounds it.
const maxAdminBody = 4 << 10

// adminHandler guards a route. Caddy has checked Host and Origin; beyond that no page in a browser has any business here
// (immunity S81), and what proves something elsewhere proves nothing here (S59).
func adminHandler(method, path string, serve adminCall) caddy.AdminHandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) error {
		switch {
		case r.URL.Path != path:
			return refuseAdmin(http.StatusNotFound, "there is no such path")
		case r.Header.Get("Sec-Fetch-Mode") != "" || r.Header.Get("Sec-Fetch-Site") != "":
			return refuseAdmin(http.StatusForbidden, "this is not for browsers")
		case r.Header.Get("Cookie") != "" || r.Header.Get("Authorization") != "":
			return refuseAdmin(http.StatusUnauthorized, "cookies and tokens prove nothing here")
		case r.Method != method:
			w.Header().Set("Allow", method)
			return refuseAdmin(http.StatusMethodNotAllowed, "use "+method)
		}
		var in adminRequest
		if method == http.MethodPost {
			if r.Header.Get("Content-Type") != "application/json" {
				return refuseAdmin(http.StatusUnsupportedMediaType, "send application/json")
			}
			d := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxAdminBody))
			d.DisallowUnknownFields()
			if err := d.Decode(&in); err != nil || d.Decode(new(any)) != io.EOF {
				return refuseAdmin(http.StatusBadRequest, `send one object, such as {"user": "pat@example.com"}`)
			}
		}
		loaded, err := caddy.ActiveContext().AppIfConfigured(appID)
		if err != nil {
			return refuseAdmin(http.StatusNotFound, "the configuration has no okta_mfa")
		}
		out, err := serve(loaded.(*App), r, in)
		if err != nil {
			return err
		}
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Cache-Control", "no-store")
		return json.NewEncoder(w).Encode(out)
	}
}

func refuseAdmin(status int, why string) error {
	return caddy.APIError{HTTPStatus: status, Err: errors.New("okta_mfa: " + why)}
}

// storeFailed is for what the store could not be asked or told.
func storeFailed(err error) error {
	return caddy.APIError{HTTPStatus: http.StatusServiceUnavailable, Err: fmt.Errorf("okta_mfa: %w", err)}
}

func listSessions(app *App, r *http.Request, _ adminRequest) (any, error) {
	user := r.URL.Query().Get("user")
	found, err := app.state.Sessions(r.Context(), func(i *gateway.SessionInfo) bool { return user == "" || i.Is(user) })
	if err != nil {
		return nil, storeFailed(err)
	}
	return append([]gateway.SessionInfo{}, found...), nil
}

// revoked is the answer to a revocation.
type revoked struct {
	// Sessions is how many of those that are listed it has ended.
	Sessions int `json:"sessions"`
	// Unlisted says that the handle which was given is not among them. Whoever has a cookie of that session is out all the same.
	Unlisted bool `json:"unlisted,omitempty"`
}

// handle is a session's, see session.ID.
var handle = regexp.MustCompile(`^[0-9a-f]{16}$`)

func revokeSessions(app *App, r *http.Request, in adminRequest) (any, error) {
	if (in.User == "") == (in.Session == "") {
		return nil, refuseAdmin(http.StatusBadRequest, "name a user or a session")
	}
	if in.User != "" {
		n, err := app.state.RevokeUser(r.Context(), app.origins(), in.User)
		if err != nil {
			return nil, storeFailed(fmt.Errorf("the sessions that are known here have ended, and perhaps not all: %w", err))
		}
		return revoked{Sessions: n}, nil
	}
	if !handle.MatchString(in.Session) {
		return nil, refuseAdmin(http.StatusBadRequest, "a session goes by its handle, 16 hexadecimal digits")
	}
	// A store that has lost the session's document, or cannot be read, has not ended the session.
	end := store.Revocation{Session: in.Session, Until: time.Now().Add(gateway.MaxLifetime)}
	found, err := app.state.Sessions(r.Context(), func(i *gateway.SessionInfo) bool { return i.Handle == in.Session })
	if len(found) > 0 {
		end.Until = found[0].Expires
	}
	if err := errors.Join(err, app.state.Revoke(r.Context(), end)); err != nil {
		return nil, storeFailed(fmt.Errorf("the session has ended here: %w", err))
	}
	return revoked{Sessions: len(found), Unlisted: len(found) == 0}, nil
}

func listPending(app *App, _ *http.Request, _ adminRequest) (any, error) {
	return append([]transaction.Pending{}, app.state.Pending()...), nil
}

// unlocked is the answer to an unlock.
type unlocked struct {
	// Users are the names that it was for.
	Users []string `json:"users"`
}

func unlock(app *App, r *http.Request, in adminRequest) (any, error) {
	if in.User == "" || in.Session != "" {
		return nil, refuseAdmin(http.StatusBadRequest, "name a user")
	}
	// Codes are counted by user id. Where the login was given, a session that the person has elsewhere tells it.
	found, err := app.state.Sessions(r.Context(), func(i *gateway.SessionInfo) bool { return i.Is(in.User) })
	if err != nil {
		return nil, storeFailed(err)
	}
	names := map[string]bool{in.User: true}
	for _, i := range found {
		names[i.Subject], names[i.Login] = true, true
	}
	for _, org := range app.origins() {
		for name := range names {
			if err := limits.Unlock(r.Context(), app.store.Budget, org, name); err != nil {
				return nil, storeFailed(err)
			}
		}
	}
	return unlocked{slices.Sorted(maps.Keys(names))}, nil
}

// enrollCode is the answer that gives out a code.
type enrollCode struct {
	// Code is the code as people read it out.
	Code string `json:"code"`
	// Expires is when it is good no longer.
	Expires time.Time `json:"expires"`
}

func giveEnrollCode(app *App, r *http.Request, in adminRequest) (any, error) {
	if in.User == "" || in.Session != "" {
		return nil, refuseAdmin(http.StatusBadRequest, "name a user")
	}
	code, err := app.state.IssueEnrollCode(r.Context(), in.User)
	if err != nil {
		return nil, storeFailed(err)
	}
	return enrollCode{code, time.Now().Add(gateway.EnrollCodeLife).UTC().Truncate(time.Second)}, nil
}

// origins are the orgs of the configuration, as gateway.Config.Org has them.
func (a *App) origins() []string {
	var all []string
	for _, client := range a.orgs {
		all = append(all, client.Origin())
	}
	return all
}

var _ caddy.AdminRouter = AdminAPI{}
