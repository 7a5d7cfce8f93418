package session

import (
	"iter"
	"net/http"
	"net/textproto"
	"slices"
	"strings"
)

// Values yields the values of every cookie called name, in the order of the Cookie header lines. It
// scans by hand because net/http's parser costs ten times as much and allocates; it takes time linear in the
// header's length (immunity S50). There may be many: the caller limits how many it tries.
func Values(h http.Header, name string) iter.Seq[string] {
	return func(yield func(string) bool) {
		for _, line := range h["Cookie"] {
			for line != "" {
				var pair string
				pair, line, _ = strings.Cut(line, ";")
				n, value, ok := strings.Cut(pair, "=")
				if ok && textproto.TrimString(n) == name && !yield(unquote(textproto.TrimString(value))) {
					return
				}
			}
		}
	}
}

func unquote(v string) string {
	if len(v) > 1 && v[0] == '"' && v[len(v)-1] == '"' {
		return v[1 : len(v)-1]
	}
	return v
}

// Strip cuts the cookies called names out of the Cookie header and leaves the bytes of all others as they
// are. Case does not matter: browsers treat the prefix __Host- so. A line that becomes empty goes, and so
// does a header that becomes empty. The header's slice is replaced, never written to, because others may
// hold it.
func Strip(h http.Header, names ...string) {
	lines := h["Cookie"]
	if !slices.ContainsFunc(lines, func(l string) bool { return holds(l, names) }) {
		return
	}
	var kept []string
	for _, line := range lines {
		if holds(line, names) {
			line = cut(line, names)
		}
		if line != "" {
			kept = append(kept, line)
		}
	}
	if len(kept) == 0 {
		h.Del("Cookie")
		return
	}
	h["Cookie"] = kept
}

func holds(line string, names []string) bool {
	for line != "" {
		var pair string
		pair, line, _ = strings.Cut(line, ";")
		if named(pair, names) {
			return true
		}
	}
	return false
}

func named(pair string, names []string) bool {
	n, _, _ := strings.Cut(pair, "=")
	n = textproto.TrimString(n)
	return slices.ContainsFunc(names, func(name string) bool { return strings.EqualFold(n, name) })
}

// cut returns line without the pairs called names; what is left does not begin with blanks.
func cut(line string, names []string) string {
	var b strings.Builder
	b.Grow(len(line))
	for more := true; more; {
		var pair string
		pair, line, more = strings.Cut(line, ";")
		if named(pair, names) {
			continue
		}
		if b.Len() > 0 {
			b.WriteByte(';')
		} else {
			pair = strings.TrimLeft(pair, " \t")
		}
		b.WriteString(pair)
	}
	return b.String()
}
