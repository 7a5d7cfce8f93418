package gateway

import (
	"net/http"
	"strings"

	"sidegate.example/sidegate/ui"
)

const (
	// assets is where the stylesheet, the script and the icons of the pages are.
	assets = "/assets/"
	// keySet is where the public keys of the assertions are.
	keySet = "/jwks.json"
	// eventsRoute is where pages wait.
	eventsRoute = "/events"
)

// public reports whether a route is the same for everybody, or for a server that is no person.
func public(route string) bool {
	return route == keySet || route == revocationRoute || route == logoutRoute || strings.HasPrefix(route, assets)
}

// serveOwn answers the gate's own routes. Nothing of it ever goes on to the upstream.
func (x *exchange) serveOwn(route string) {
	switch route {
	case "/identify":
		x.only(http.MethodPost, x.whileSignedIn(x.identify))
	case "/answer":
		x.only(http.MethodPost, x.whileSignedIn(x.answer))
	case "/cancel":
		x.only(http.MethodPost, x.whileSignedIn(x.cancel))
	case eventsRoute:
		x.only(http.MethodGet, x.whileSignedIn(x.events))
	case "/signout":
		if x.r.Method == http.MethodPost {
			x.signOut()
			return
		}
		x.only(http.MethodGet, x.signOutPage)
	case "/activate", "/recover", "/email":
		x.only(http.MethodGet, func() { x.mailedPage(route) })
	case resumeRoute:
		if x.r.Method == http.MethodPost {
			x.discard()
			return
		}
		x.only(http.MethodGet, x.resumePage)
	case "/signed-out":
		x.only(http.MethodGet, x.signedOutPage)
	case keySet:
		x.only(http.MethodGet, x.jwks)
	case "/session":
		if x.r.Method == http.MethodPost {
			x.staySignedIn()
			return
		}
		x.only(http.MethodGet, x.tellEnd)
	case handOverRoute:
		x.only(http.MethodGet, x.handOver)
	case takeOverRoute:
		x.only(http.MethodGet, x.takeOver)
	case "/whoami":
		x.only(http.MethodGet, x.whoami)
	case revocationRoute, logoutRoute:
		switch {
		case x.cfg.Logouts == nil:
			x.problem(http.StatusNotFound, ui.ProblemNotFound, form{})
		case route == revocationRoute:
			x.only(http.MethodPost, x.globalTokenRevocation)
		default:
			x.only(http.MethodPost, x.backChannelLogout)
		}
	default:
		if strings.HasPrefix(route, assets) {
			ui.SecurityHeaders(x.w.Header())
			asked := x.r.WithContext(x.r.Context()) // a copy: assets are found by the URL that the browser asked for
			asked.URL = x.facts.URL
			x.pages.ServeAsset(x.w, asked)
			return
		}
		x.problem(http.StatusNotFound, ui.ProblemNotFound, form{})
	}
}

// only serves one method, and HEAD where that is GET.
func (x *exchange) only(method string, serve func()) {
	if x.r.Method == method || method == http.MethodGet && x.r.Method == http.MethodHead {
		serve()
		return
	}
	x.w.Header().Set("Allow", method)
	x.problem(http.StatusMethodNotAllowed, ui.ProblemMethod, form{})
}
