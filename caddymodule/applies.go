package caddymodule

import (
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"sidegate.example/sidegate/gateway/decision"
)

// applying tells which scopes of a site's rules apply to a request. A scope more is never a freedom more, so that whatever
// can be read in two ways is read in both.
type applying struct {
	always   uint64 // the scopes without a matcher
	matchers []matcher
	log      *slog.Logger
}

type matcher struct {
	scope uint64
	sets  caddyhttp.MatcherSets
}

// loadRules makes what the gate needs of the rules; both are nil where there are none.
func loadRules(ctx caddy.Context, rules []Rule) (*decision.Rules, *applying, error) {
	if len(rules) == 0 {
		return nil, nil, nil
	}
	a := &applying{log: ctx.Slogger()}
	var scopes []decision.Scope
	index := map[string]int{}
	for i := range rules {
		r := &rules[i]
		key := r.scope()
		at, ok := index[key]
		if !ok {
			at = len(scopes)
			index[key] = at
			scopes = append(scopes, decision.Scope{})
			if err := a.load(ctx, r, 1<<at); err != nil {
				return nil, nil, err
			}
		}
		r.addTo(&scopes[at])
	}
	out, err := decision.NewRules(scopes)
	if err != nil {
		return nil, nil, fmt.Errorf("okta_mfa: %w", err)
	}
	return out, a, nil
}

// load takes the matcher of a scope, of which r is the first rule.
func (a *applying) load(ctx caddy.Context, r *Rule, scope uint64) error {
	if len(r.MatcherSetsRaw) == 0 {
		a.always |= scope
		return nil
	}
	loaded, err := ctx.LoadModule(r, "MatcherSetsRaw")
	if err != nil {
		return fmt.Errorf("okta_mfa: the matcher of %s: %w", r, err)
	}
	m := matcher{scope: scope}
	if err := m.sets.FromInterface(loaded); err != nil {
		return fmt.Errorf("okta_mfa: the matcher of %s: %w", r, err)
	}
	a.matchers = append(a.matchers, m)
	return nil
}

// addTo makes the rule one of s.
func (r *Rule) addTo(s *decision.Scope) {
	c := decision.Condition{Subject: decision.Subject(r.Subject), Claim: r.Claim, Values: r.Values}
	switch r.Action {
	case actionDeny:
		s.Deny = append(s.Deny, c)
	case actionAllow:
		s.Allow = append(s.Allow, c)
	default:
		s.Require = append(s.Require, decision.Requirement{Class: decision.Class(r.Factor), MaxAge: time.Duration(r.MaxAge)})
	}
}

// to are the scopes that apply to r: those whose matcher takes it as it came to Caddy, as it is now, or as an upstream
// could read either (immunity S01, S02, S05, S11).
func (a *applying) to(r *http.Request) uint64 {
	applies := a.always
	if len(a.matchers) == 0 {
		return applies
	}
	applies |= a.asNow(r)
	if host := plainHost(r.Host); host != r.Host { // Caddy's host matcher takes the dot for a part of the name (S08)
		was := r.Host
		r.Host = host
		defer func() { r.Host = was }()
		applies |= a.asNow(r)
	}
	return applies
}

// plainHost is a host in lower case and without a dot at its end.
func plainHost(host string) string {
	name, port := host, ""
	if i := strings.LastIndexByte(host, ':'); i > strings.LastIndexByte(host, ']') {
		name, port = host[:i], host[i:]
	}
	plain := strings.ToLower(strings.TrimRight(name, "."))
	if plain == name {
		return host
	}
	return plain + port
}

// asNow is for one host: to the request as it is now and as it came.
func (a *applying) asNow(r *http.Request) uint64 {
	applies := a.under(r, r.Method, *r.URL)
	if original, ok := r.Context().Value(caddyhttp.OriginalRequestCtxKey).(http.Request); ok && original.URL != nil {
		if original.Method != r.Method || original.URL.Path != r.URL.Path || original.URL.RawPath != r.URL.RawPath || original.URL.RawQuery != r.URL.RawQuery {
			applies |= a.under(r, original.Method, *original.URL)
		}
	}
	return applies
}

// under is for one method and URL, and for what else they could be read as.
func (a *applying) under(r *http.Request, method string, u url.URL) uint64 {
	applies := a.at(r, method, u)
	for _, other := range otherMethods(r.Header, method) {
		applies |= a.at(r, other, u)
	}
	return applies
}

// at is for one method, one URL, and the paths that the URL's could be read as.
func (a *applying) at(r *http.Request, method string, u url.URL) uint64 {
	applies := a.as(r, method, u)
	if plainPath(&u) {
		return applies
	}
	u.Path, u.RawPath = readPath(u.Path), ""
	applies |= a.as(r, method, u)
	if script := scriptOf(u.Path); script != "" {
		u.Path = script
		applies |= a.as(r, method, u)
	}
	if trimmed := strings.TrimRight(u.Path, "/"); trimmed != "" && trimmed != u.Path {
		u.Path = trimmed
		applies |= a.as(r, method, u)
	}
	return applies
}

// overrides are headers in which some frameworks look for the method.
var overrides = [...]string{"X-Http-Method-Override", "X-Http-Method", "X-Method-Override"}

// otherMethods are those that an upstream could take a request's method for: it in capitals, GET for a HEAD, and for the
// CONNECT of a WebSocket over HTTP/2 or 3, of which Caddy makes one, and the first and the last that a header names in its
// place.
func otherMethods(h http.Header, method string) (others []string) {
	add := func(other string) {
		if other != method && !slices.Contains(others, other) {
			others = append(others, other)
		}
	}
	upper := strings.ToUpper(method)
	add(upper)
	if upper == http.MethodHead || upper == http.MethodConnect {
		add(http.MethodGet)
	}
	for _, name := range overrides {
		if values := h[name]; len(values) > 0 {
			add(strings.ToUpper(values[0]))
			add(strings.ToUpper(values[len(values)-1]))
		}
	}
	return others
}

// as asks the matchers. The request is changed for so long and not copied, because Caddy's placeholders, which matchers
// read too, stay with the one that they were made for.
func (a *applying) as(r *http.Request, method string, u url.URL) uint64 {
	was, wasMethod := *r.URL, r.Method
	*r.URL, r.Method = u, method
	defer func() { *r.URL, r.Method = was, wasMethod }()
	var applies uint64
	for i := range a.matchers {
		matched, err := a.matchers[i].sets.AnyMatchWithError(r)
		if err != nil {
			a.log.WarnContext(r.Context(), "a matcher of a rule failed; the rule is applied", slog.Any("error", err))
		}
		if matched || err != nil {
			applies |= a.matchers[i].scope
		}
	}
	return applies
}

// plainPath reports whether nobody reads the path as another one.
func plainPath(u *url.URL) bool {
	p := u.Path
	return u.RawPath == "" && p != "" && !strings.ContainsAny(p, "%\\;?#\x00") && !strings.Contains(p, "//") && !strings.Contains(p, "/.") &&
		(len(p) == 1 || !strings.HasSuffix(p, "/")) && scriptOf(p) == ""
}

// maxDecodings is how often a path is decoded beyond the once that net/http does.
const maxDecodings = 3

// scripts are the extensions of what servers run and hand the rest of the path to, its PATH_INFO.
var scripts = []string{".php", ".phtml", ".cgi", ".fcgi", ".pl", ".py", ".asp", ".aspx", ".cfm"}

// scriptOf is p up to the first script that is not its end, "" where there is none.
func scriptOf(p string) string {
	for i := 1; i < len(p); i++ {
		if p[i] == '/' && slices.Contains(scripts, strings.ToLower(path.Ext(p[:i]))) {
			return p[:i]
		}
	}
	return ""
}

// readPath is p as the most willing upstream reads it: decoded again, up to what it takes for the end, backslashes as
// slashes, without path parameters and dot segments.
func readPath(p string) string {
	for range maxDecodings {
		again, err := url.PathUnescape(p)
		if err != nil || again == p {
			break
		}
		p = again
	}
	if end := strings.IndexAny(p, "?#\x00"); end >= 0 {
		p = p[:end]
	}
	if p == "" {
		return "/"
	}
	segments := strings.Split(strings.ReplaceAll(p, "\\", "/"), "/")
	for i, s := range segments {
		segments[i], _, _ = strings.Cut(s, ";")
	}
	return caddyhttp.CleanPath(strings.Join(segments, "/"), true)
}
