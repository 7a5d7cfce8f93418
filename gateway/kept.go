package gateway

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"sidegate.example/sidegate/flows"
	"sidegate.example/sidegate/gateway/decision"
	"sidegate.example/sidegate/gateway/session"
	"sidegate.example/sidegate/gateway/store"
	"sidegate.example/sidegate/ui"
)

// A form that runs into a challenge is kept, so that nobody loses what they typed. After the sign-in a page shows what it is
// and asks whether to send it: that sends a form of ours to the original address, which is exchanged here for what was kept.

const (
	// maxKept bounds the body of what is kept.
	maxKept = 64 << 10
	// keptFor is how long it is: a sign-in, and the time to read a page.
	keptFor = 15 * time.Minute
	// keptPerAddress is how many one address may have kept in that time. Nobody has proved anything yet.
	keptPerAddress = 20
	// maxKeptBytes bounds what all addresses together have this process keep in that time, wherever it is kept.
	maxKeptBytes = 64 << 20
	// resumeRoute is where the sign-in leads that follows, and the page that asks.
	resumeRoute = "/resume"
	// resumeField is the only field of the form that sends it on. No other form's first field is called so.
	resumeField = "_mfa_resume"
	// maxResume bounds that form.
	maxResume = len(resumeField) + 16<<10
)

// keptTypes can be sent on by a program that does not know what is in them.
var keptTypes = []string{"application/x-www-form-urlencoded", "application/json"}

// kept is a request that waits for its person.
type kept struct {
	// Home is the site and the policy, which is of one org, and Subject whose request it is; "" where nobody was known, then it is
	// of the first whom a confirmPage asks in the browser that has the cookie.
	Home    string `json:"home"`
	Subject string `json:"subject,omitempty"`

	Method string `json:"method"`
	URI    string `json:"uri"`
	Type   string `json:"type"`
	Body   []byte `json:"body"`

	// Rules are the fingerprints of those that held for it where it was kept. It is sent on only where all of them hold.
	Rules []string `json:"rules,omitempty"`

	// Lacking is what a step-up has to prove, for the page.
	Lacking decision.Verdict `json:"lacking"`
}

// keep keeps the request if it can be, for the sign-in page that answers it. Whatever else it is, the page says that it is
// lost (immunity S55).
func (x *exchange) keep() bool {
	k, ok := x.keepable()
	if !ok || x.tooMany() {
		return false
	}
	if k.Body, ok = x.readBody(maxKept); !ok {
		return false
	}
	k.Rules = x.rules()
	doc, err := json.Marshal(k)
	if err != nil {
		return false
	}
	id := newID()
	if err := x.cfg.State.documents.Put(x.r.Context(), store.Posts, id, doc, keptFor); err != nil {
		x.log.WarnContext(x.r.Context(), "a form was not kept", slog.Any("error", err))
		return false
	}
	if old := x.keptID(); old != "" {
		x.forget(old)
	}
	x.setCookie(x.cookies.kept, id, keptFor)
	return true
}

// keepable is all but the body. The browser has to say that the request is from a page of this very site: nobody else's form is
// ever sent on for a person.
func (x *exchange) keepable() (kept, bool) {
	h, uri := x.r.Header, x.facts.URL.RequestURI()
	media, _, _ := strings.Cut(h.Get("Content-Type"), ";")
	switch {
	case x.facts.Ask != AskNothing, // the proxy has the body, and the app is behind it
		x.r.Method != http.MethodPost && x.r.Method != http.MethodPut && x.r.Method != http.MethodPatch,
		!slices.Contains(keptTypes, strings.ToLower(strings.TrimSpace(media))), len(h["Content-Type"]) != 1, len(h["Content-Encoding"]) > 0, len(h["Expect"]) > 0,
		x.r.ContentLength < 0, x.r.ContentLength > maxKept,
		len(h["Origin"]) == 0 && h.Get("Sec-Fetch-Site") == "", !sameOrigin(x.r, origin(x.r, x.facts)),
		len(uri) > maxReturn, !safeReturn(uri):
		return kept{}, false
	}
	k := kept{Home: x.home(), Method: x.r.Method, URI: uri, Type: h.Get("Content-Type"), Lacking: x.lacking}
	if x.known != nil {
		k.Subject = x.known.Identity.Subject
	}
	return k, true
}

// rules are the fingerprints of those that hold for the request.
func (x *exchange) rules() []string {
	if x.cfg.Rules == nil {
		return nil
	}
	return x.cfg.Rules.Fingerprints(x.cfg.Applies(x.r))
}

// tooMany counts what is kept for an address; an IPv6 customer has a /56.
func (x *exchange) tooMany() bool {
	addr, err := netip.ParseAddr(x.facts.ClientIP)
	if err != nil {
		return true
	}
	if addr = addr.Unmap().WithZone(""); addr.Is6() {
		addr = netip.PrefixFrom(addr, 56).Masked().Addr()
	}
	wait, err := x.cfg.State.budget.Take(x.r.Context(), "kept/"+addr.String(), keptPerAddress, keptFor)
	return err != nil || wait > 0 || !x.cfg.State.room.take(x.r.ContentLength)
}

// room bounds what is kept for strangers, who can come from any number of addresses.
type room struct {
	mu    sync.Mutex
	since time.Time
	used  int64
}

// take reports whether there is room for n bytes more.
func (r *room) take(n int64) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if now := time.Now(); now.Sub(r.since) >= keptFor {
		r.since, r.used = now, 0
	}
	if r.used+n > maxKeptBytes {
		return false
	}
	r.used += n
	return true
}

// readBody reads the whole body, within its bounds of size and time.
func (x *exchange) readBody(most int64) ([]byte, bool) {
	rc := http.NewResponseController(x.w)
	if rc.SetReadDeadline(time.Now().Add(formRead)) == nil { // a server that cannot keeps its own
		defer rc.SetReadDeadline(time.Time{}) //nolint:errcheck // as above
	}
	body, err := io.ReadAll(http.MaxBytesReader(x.w, x.r.Body, most))
	return body, err == nil && int64(len(body)) == x.r.ContentLength
}

// keptID is the id of what is kept for this browser, "" for nothing.
func (x *exchange) keptID() string {
	for id := range session.Values(x.r.Header, x.cookies.kept) {
		if validID(id) {
			return id
		}
	}
	return ""
}

// dropKept forgets what is kept for this browser, where anything is.
func (x *exchange) dropKept() {
	if id := x.keptID(); id != "" {
		x.forget(id)
		x.setCookie(x.cookies.kept, "", -1)
	}
}

func (x *exchange) forget(id string) {
	if err := x.cfg.State.documents.Delete(x.r.Context(), store.Posts, id); err != nil {
		x.log.WarnContext(x.r.Context(), "a kept form stays until its time is over", slog.Any("error", err))
	}
}

// read makes of a document what may be sent on here by the person of s; nil when that is nothing.
func (x *exchange) read(doc []byte, s *session.Opened) *kept {
	k := new(kept)
	if json.Unmarshal(doc, k) != nil || k.Home != x.home() || !safeReturn(k.URI) {
		return nil
	}
	if s != nil && k.Subject != "" && k.Subject != s.Identity.Subject {
		return nil
	}
	return k
}

// resumePage is where a sign-in goes on that a kept request needs, and then asks whether to send it.
func (x *exchange) resumePage() {
	s, ok := x.current()
	if !ok {
		return
	}
	id := x.keptID()
	var k *kept
	doc, err := x.cfg.State.documents.Get(x.r.Context(), store.Posts, id)
	switch {
	case err == nil:
		k = x.read(doc, s)
	case !errors.Is(err, store.ErrNotFound):
		x.failed(err)
		return
	}
	if s == nil {
		x.challenge(decision.WhyAnonymous)
		return
	}
	x.session = s
	if v, err := x.cfg.State.transactions.Get(x.r.Context(), x.signIn, x.realm()); err == nil && (v.Step.Kind != flows.KindDone || k != nil) {
		if k != nil {
			x.lacking = k.Lacking
		}
		x.signInPage()
		return
	}
	x.session = nil
	if k == nil {
		if err == nil {
			x.forget(id) // somebody else's
		}
		x.setCookie(x.cookies.kept, "", -1)
		x.problem(http.StatusGone, ui.ProblemNotKept, form{back: "/"})
		return
	}
	x.confirmPage(s, id, k)
}

// confirmPage makes what is kept its reader's, where it was nobody's: who signs in here afterwards is not shown it.
func (x *exchange) confirmPage(s *session.Opened, id string, k *kept) {
	if k.Subject == "" {
		k.Subject = s.Identity.Subject
		doc, err := json.Marshal(k)
		if err == nil {
			err = x.cfg.State.documents.Put(x.r.Context(), store.Posts, id, doc, keptFor)
		}
		if err != nil {
			x.failed(err)
			return
		}
	}
	token, err := x.sealForm(formResume, form{browser: id, back: "/", class: s.Handle})
	if err != nil {
		x.failed(err)
		return
	}
	x.page(http.StatusOK, ui.Page{View: ui.ViewResume, CSRF: token, User: orDefault(s.Identity.Name, s.Identity.Login),
		Resume: ui.Resume{Method: k.Method, Action: k.URI}})
}

// discard forgets what is kept.
func (x *exchange) discard() {
	id := x.keptID()
	if _, ok := x.readForm(formResume, id); !ok {
		return
	}
	x.dropKept()
	x.seeOther("/")
}

// resume makes of the form of a confirmPage the request that was kept, for everything that follows to judge. When it cannot, it
// answers and returns false. A request that is no such form stays as it is; only one of a browser for which something is kept is
// looked at.
func (x *exchange) resume(now time.Time) bool {
	id := x.keptID()
	if id == "" {
		return true
	}
	token, ok := x.resumeToken()
	if !ok {
		return true
	}
	s, _, err := x.open(now, nil)
	if err != nil {
		x.failed(err)
		return false
	}
	raw, err := x.codec.OpenToken(x.r.Context(), x.purpose(formResume), keptFor, token)
	f, ferr := decodeForm(raw)
	switch {
	case !sameOrigin(x.r, origin(x.r, x.facts)):
		x.problem(http.StatusForbidden, ui.ProblemCrossOrigin, form{})
		return false
	case err != nil && !errors.Is(err, session.ErrInvalid):
		x.failed(err)
		return false
	case err != nil || ferr != nil || f.browser != id || s == nil || f.class != s.Handle:
		x.seeOther(x.cfg.Prefix + resumeRoute) // to sign in, or to be asked again
		return false
	}
	doc, err := x.cfg.State.documents.Take(x.r.Context(), store.Posts, id)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		x.failed(err)
		return false
	}
	k := x.read(doc, s) // the cookie stays for its time: a second click must find its way here and not to the app
	if err != nil || k == nil || k.URI != x.facts.URL.RequestURI() {
		x.problem(http.StatusGone, ui.ProblemNotKept, form{back: "/"})
		return false
	}
	x.become(k)
	// The form comes as a POST, to another gate perhaps than the PUT that was kept; that one's rules would not be asked.
	hold := x.rules()
	if slices.ContainsFunc(k.Rules, func(rule string) bool { return !slices.Contains(hold, rule) }) {
		x.log.WarnContext(x.r.Context(), "a kept form is not sent on: rules that held where it was kept do not hold here", slog.String("method", k.Method), slog.String("session", s.Handle))
		x.problem(http.StatusGone, ui.ProblemNotKept, form{back: "/"})
		return false
	}
	x.log.InfoContext(x.r.Context(), "a kept form is sent on", slog.String("method", k.Method), slog.String("session", s.Handle))
	return true
}

// resumeToken is what the form of a confirmPage carries. Of any other request the body is put back as it was.
func (x *exchange) resumeToken() (string, bool) {
	r := x.r
	media, _, _ := strings.Cut(r.Header.Get("Content-Type"), ";")
	if r.ContentLength <= int64(len(resumeField)) || r.ContentLength > int64(maxResume) || len(r.Header["Expect"]) > 0 ||
		!strings.EqualFold(strings.TrimSpace(media), keptTypes[0]) {
		return "", false
	}
	head := make([]byte, len(resumeField)+1)
	n, err := io.ReadFull(r.Body, head)
	if err != nil || string(head) != resumeField+"=" {
		r.Body = putBack{io.MultiReader(bytes.NewReader(head[:n]), r.Body), r.Body}
		return "", false
	}
	rest, err := io.ReadAll(http.MaxBytesReader(x.w, r.Body, int64(maxResume)))
	if err != nil {
		return "", true // cut off: no token
	}
	token, err := url.QueryUnescape(string(rest))
	if err != nil {
		return "", true
	}
	return token, true
}

// putBack is a body of which some was read.
type putBack struct {
	io.Reader
	io.Closer
}

// become makes the request the one that was kept.
func (x *exchange) become(k *kept) {
	r := x.r
	r.Method, r.ContentLength, r.TransferEncoding, r.Form, r.PostForm = k.Method, int64(len(k.Body)), nil, nil, nil
	r.Body = io.NopCloser(bytes.NewReader(k.Body))
	r.Header.Set("Content-Type", k.Type)
	if len(r.Header["Content-Length"]) > 0 {
		r.Header.Set("Content-Length", strconv.Itoa(len(k.Body)))
	}
}
