package gateway

import (
	"crypto/rand"
	"encoding/binary"
	"errors"
	"net/http"
	"strings"
	"time"

	"sidegate.example/sidegate/gateway/session"
	"sidegate.example/sidegate/ui"
)

const (
	// maxForm bounds the body of a form post.
	maxForm = 64 << 10
	// formAge is how long a page may stay open before its form is refused.
	formAge = 12 * time.Hour
	// formRead is how long a browser may take to send a form.
	formRead = 10 * time.Second
	// idLength is the length of the ids in our cookies (crypto/rand.Text, as package transaction makes them).
	idLength = 26
	// csrfField is the hidden field of every form.
	csrfField = "csrf"
)

// newID makes an unguessable id for a cookie: 26 characters of base32, 130 bits.
func newID() string { return rand.Text() }

// validID keeps what cannot be an id of ours out of forms, look-ups and headers.
func validID(s string) bool {
	return len(s) == idLength && strings.Trim(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567") == ""
}

// form is what a page seals into its form, so that a post proves that we drew the page, for this browser, at
// this state of this sign-in, and where it came from. It is the CSRF token.
type form struct {
	// browser is the id in the browser's sign-in cookie (or the session's handle, to sign out).
	browser string
	// seq is the state of the sign-in that the page showed; 0 is the first page.
	seq uint64
	// back is the path of the page.
	back string
	// session is the handle of the session that a step-up raises, class what it has to prove (of a formResume the handle of the
	// session that it is drawn for) and from where who cancels it goes back to; "" for all else.
	session, class, from string
}

var errForm = errors.New("not a form of ours")

func (f form) encode() []byte {
	b := binary.AppendUvarint(nil, f.seq)
	for _, text := range []string{f.browser, f.back, f.session, f.class, f.from} {
		b = append(binary.AppendUvarint(b, uint64(len(text))), text...)
	}
	return b
}

func decodeForm(b []byte) (form, error) {
	seq, n := binary.Uvarint(b)
	if n <= 0 {
		return form{}, errForm
	}
	f, b := form{seq: seq}, b[n:]
	for _, text := range []*string{&f.browser, &f.back, &f.session, &f.class, &f.from} {
		size, n := binary.Uvarint(b)
		if n <= 0 || size > uint64(len(b)-n) {
			return form{}, errForm
		}
		*text, b = string(b[n:n+int(size)]), b[n+int(size):]
	}
	if len(b) > 0 || !safeReturn(f.back) || f.from != "" && !safeReturn(f.from) {
		return form{}, errForm
	}
	return f, nil
}

// purpose separates tokens from sessions, one kind of form from another, and what one gate draws for one site
// from all others.
func (x *exchange) purpose(kind string) string { return kind + "|" + x.home() }

func (x *exchange) sealForm(kind string, f form) (string, error) {
	f.session = x.raising()
	return x.codec.SealToken(x.r.Context(), x.purpose(kind), f.encode())
}

// Kinds of form, each with its own seal.
const (
	formSignIn  = "sign-in"
	formSignOut = "sign-out"
	formResume  = "resume"
)

// readForm checks that a post comes from a page of this site and this browser, before anything else looks at
// it: origin, size, seal, and the cookie that the page was drawn for. When it does not, it answers and returns
// false, and nothing has changed (immunity S39, S40).
func (x *exchange) readForm(kind, browser string) (form, bool) {
	if !sameOrigin(x.r, origin(x.r, x.facts)) {
		x.problem(http.StatusForbidden, ui.ProblemCrossOrigin, form{})
		return form{}, false
	}
	if p := x.parse(); p != "" {
		status := http.StatusBadRequest
		if p == ui.ProblemTooLarge {
			status = http.StatusRequestEntityTooLarge
		}
		x.problem(status, p, form{})
		return form{}, false
	}
	raw, err := x.codec.OpenToken(x.r.Context(), x.purpose(kind), formAge, x.r.PostForm.Get(csrfField))
	if err != nil && !errors.Is(err, session.ErrInvalid) {
		x.failed(err)
		return form{}, false
	}
	f, ferr := decodeForm(raw)
	if err != nil || ferr != nil {
		x.problem(http.StatusForbidden, ui.ProblemCSRF, form{})
		return form{}, false
	}
	if f.browser == "" || f.browser != browser || f.session != x.raising() {
		x.problem(http.StatusForbidden, ui.ProblemStale, f)
		return form{}, false
	}
	return f, true
}

// parse reads the body as a form, within its bounds of size and time.
func (x *exchange) parse() ui.Problem {
	media, _, _ := strings.Cut(x.r.Header.Get("Content-Type"), ";")
	if !strings.EqualFold(strings.TrimSpace(media), "application/x-www-form-urlencoded") {
		return ui.ProblemBadRequest
	}
	rc := http.NewResponseController(x.w)
	// A server that cannot set deadlines keeps its own; Caddy can.
	if rc.SetReadDeadline(time.Now().Add(formRead)) == nil {
		defer rc.SetReadDeadline(time.Time{}) //nolint:errcheck // as above
	}
	x.r.Body = http.MaxBytesReader(x.w, x.r.Body, maxForm)
	err := x.r.ParseForm()
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return ui.ProblemTooLarge
	case err != nil:
		return ui.ProblemBadRequest
	}
	return ""
}

// sameOrigin reports whether the browser says that the post comes from a page of this very origin. A browser
// that says nothing (old, or not a browser) is left to the form's seal.
func sameOrigin(r *http.Request, own string) bool {
	if site := r.Header.Get("Sec-Fetch-Site"); site != "" && site != "same-origin" {
		return false
	}
	if len(r.Header["Origin"]) == 0 {
		return true
	}
	for _, o := range r.Header["Origin"] {
		if !strings.EqualFold(o, own) {
			return false
		}
	}
	return true
}
