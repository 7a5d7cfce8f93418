package gateway

import (
	"net/http"
	"net/textproto"
	"strings"
)

// wantsPage reports whether the answer may be a page of ours.
func (x *exchange) wantsPage() bool { return x.facts.Ask != AskDecision && navigates(x.r) }

// navigates reports whether a request that may not go on is a person's navigation, which gets the sign-in
// page in place, or anything else, which gets a problem document: API calls, XHR, preflights, WebSockets.
// Fetch metadata decides where the browser sends it, because it cannot be forged by a page; then
// X-Requested-With, then Accept. None of it decides whether the request may go on.
func navigates(r *http.Request) bool {
	h := r.Header
	if r.Method == http.MethodOptions || h.Get("Upgrade") != "" {
		return false
	}
	if mode := h.Get("Sec-Fetch-Mode"); mode != "" {
		return mode == "navigate" && documentDest(h.Get("Sec-Fetch-Dest"))
	}
	if h.Get("X-Requested-With") != "" {
		return false
	}
	return acceptsHTML(h["Accept"])
}

// documentDest reports whether the browser will show the answer as a document. Frames are included: they
// cannot show our pages (frame-ancestors 'none'), but a problem document in a frame helps nobody.
func documentDest(dest string) bool {
	switch dest {
	case "", "document", "frame", "iframe":
		return true
	}
	return false
}

func acceptsHTML(accept []string) bool {
	for _, line := range accept {
		for item := range strings.SplitSeq(line, ",") {
			media, params, _ := strings.Cut(item, ";")
			switch strings.ToLower(textproto.TrimString(media)) {
			case "text/html", "application/xhtml+xml":
				return !zeroQuality(params)
			}
		}
	}
	return false
}

func zeroQuality(params string) bool {
	q := strings.ReplaceAll(strings.ToLower(params), " ", "")
	_, value, ok := strings.Cut(q, "q=")
	return ok && strings.Trim(value, "0.") == ""
}
