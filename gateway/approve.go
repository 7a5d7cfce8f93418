package gateway

import (
	"net/http"

	"sidegate.example/sidegate/ui"
)

// approve tells the proxy that asks that a request may go on, and what the upstream is to be sent with it: the identity
// headers, and the Cookie header as it is without our cookies.
func (x *exchange) approve() {
	h := x.w.Header()
	ui.SecurityHeaders(h)
	for _, name := range []string{x.headers.user, x.headers.name, x.headers.email, x.headers.groups, x.headers.assertion, "Cookie"} {
		if values := x.r.Header[name]; name != "" && len(values) > 0 {
			h[name] = values
		}
	}
	x.w.WriteHeader(http.StatusNoContent)
}
