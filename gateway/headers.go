package gateway

import (
	"io"
	"net/http"
	"net/textproto"
	"slices"
	"strings"

	"sidegate.example/sidegate/gateway/identity"
)

// identityHeaders scrubs what a client says about who it is, and says what the session says.
type identityHeaders struct {
	user, name, email, groups, assertion string // canonical names; "" is off
	// folded holds every name that must never come from a client, as fold leaves it.
	folded []string
}

func newIdentityHeaders(h Headers) identityHeaders {
	canon := textproto.CanonicalMIMEHeaderKey
	ih := identityHeaders{user: canon(h.User), name: canon(h.Name), email: canon(h.Email), groups: canon(h.Groups), assertion: canon(h.Assertion)}
	for _, n := range slices.Concat(h.names(), DefaultHeaders.names(), []string{DefaultAssertionHeader}) {
		if f := fold(n); f != "" && !slices.Contains(ih.folded, f) {
			ih.folded = append(ih.folded, f)
		}
	}
	return ih
}

// scrub removes every inbound spelling of our headers, from the trailers too, and takes their names out of
// Connection, where they would make a reverse proxy remove the header that we set (immunity S16-S21; caddy-notes
// T2, T3). Names are compared as CGI servers fold them: case and every separator ignored.
func (ih *identityHeaders) scrub(r *http.Request) {
	scrubNames(r.Header, ih.folded)
	if r.Trailer != nil {
		// The announced names go now, the values when they have come, which is after the body.
		scrubNames(r.Trailer, ih.folded)
		r.Body = &trailerScrubber{ReadCloser: r.Body, trailer: r.Trailer, folded: ih.folded}
	}
	lines := r.Header["Connection"]
	for i, line := range lines {
		if !strings.EqualFold(line, "keep-alive") && !strings.EqualFold(line, "close") && !strings.EqualFold(line, "upgrade") {
			ih.scrubConnection(r.Header, lines, i)
		}
	}
}

// trailerScrubber removes identity headers from the trailers that net/http puts into the request when the body has
// been read: announced or not, they arrive in the map that a proxy copies.
type trailerScrubber struct {
	io.ReadCloser
	trailer http.Header
	folded  []string
}

func (t *trailerScrubber) Read(p []byte) (int, error) {
	n, err := t.ReadCloser.Read(p)
	if err != nil {
		scrubNames(t.trailer, t.folded)
	}
	return n, err
}

func (t *trailerScrubber) Close() error {
	err := t.ReadCloser.Close()
	scrubNames(t.trailer, t.folded)
	return err
}

func (ih *identityHeaders) scrubConnection(h http.Header, lines []string, i int) {
	kept := make([]string, 0, 4)
	for token := range strings.SplitSeq(lines[i], ",") {
		if token = textproto.TrimString(token); token != "" && !ih.ours(token) {
			kept = append(kept, token)
		}
	}
	lines[i] = strings.Join(kept, ", ")
}

// forgetLink takes the query off a Referer that is an address of ours, because those of mailed links hold a secret.
// Our pages tell browsers to send none (immunity S27).
func forgetLink(h http.Header, prefix string) {
	for i, referer := range h["Referer"] {
		if page, _, found := strings.Cut(referer, "?"); found && strings.Contains(page, prefix) {
			h["Referer"][i] = page
		}
	}
}

func scrubNames(h http.Header, folded []string) {
	for name := range h {
		for _, f := range folded {
			if foldEqual(name, f) {
				delete(h, name)
				break
			}
		}
	}
}

func (ih *identityHeaders) ours(name string) bool {
	for _, f := range ih.folded {
		if foldEqual(name, f) {
			return true
		}
	}
	return false
}

// set gives the upstream the identity. An absent claim leaves the header absent (immunity S18). The values get
// an array of their own for each request, because a later handler may rewrite them in place.
func (ih *identityHeaders) set(h http.Header, who *identity.Header) {
	values := &[4]string{who.User, who.Name, who.Email, who.Groups}
	for i, name := range [...]string{ih.user, ih.name, ih.email, ih.groups} {
		if name != "" && values[i] != "" {
			h[name] = values[i : i+1 : i+1]
		}
	}
}

// fold lower-cases a header name and turns every separator into '-'.
func fold(name string) string {
	b := []byte(name)
	for i := range b {
		b[i] = foldByte(b[i])
	}
	return string(b)
}

func foldEqual(name, folded string) bool {
	if len(name) != len(folded) {
		return false
	}
	for i := range len(name) {
		if foldByte(name[i]) != folded[i] {
			return false
		}
	}
	return true
}

func foldByte(b byte) byte {
	switch {
	case 'A' <= b && b <= 'Z':
		return b + 'a' - 'A'
	case 'a' <= b && b <= 'z', '0' <= b && b <= '9':
		return b
	}
	return '-'
}
