package gateway

import (
	"net"
	"net/http"
	"net/url"
	"strings"
)

// siteOf names the site that a request is for: the host in lower case, without port and without a trailing
// dot, so that every spelling of one host is one site (immunity S08).
func siteOf(r *http.Request) string {
	host := r.Host
	if strings.IndexByte(host, ':') >= 0 { // the error of a host without a port costs more than all the rest
		if h, _, err := net.SplitHostPort(host); err == nil {
			host = h
		}
	}
	host = strings.TrimPrefix(strings.TrimSuffix(host, "]"), "[")
	return strings.ToLower(strings.TrimSuffix(host, "."))
}

// origin is what the browser calls this site: the scheme that it speaks and the host that it asked for.
func origin(r *http.Request, f Facts) string {
	if f.Secure {
		return "https://" + strings.ToLower(r.Host)
	}
	return "http://" + strings.ToLower(r.Host)
}

// maxReturn bounds the return path that a form carries; a longer one returns to the site's root.
const maxReturn = 2048

// returnPath is where a person goes back to: the path and query of the page that was challenged, on this
// origin whatever it contains. Leading slashes and backslashes are folded into one slash, because browsers
// read "//host" and "/\host" as another origin (immunity S30-S32).
func returnPath(u *url.URL) string {
	p := u.EscapedPath()
	p = "/" + strings.TrimLeft(p, "/\\")
	if u.RawQuery != "" {
		p += "?" + u.RawQuery
	}
	if len(p) > maxReturn || !safeReturn(p) {
		return "/"
	}
	return p
}

// safeReturn reports whether p is a path on this origin in every browser's reading: one leading slash, no
// control character or space (browsers drop tabs and newlines before they parse), no backslash, no fragment.
func safeReturn(p string) bool {
	if !strings.HasPrefix(p, "/") || strings.HasPrefix(p, "//") {
		return false
	}
	for i := range len(p) {
		if p[i] <= ' ' || p[i] == 0x7f || p[i] == '\\' || p[i] == '#' {
			return false
		}
	}
	return true
}
