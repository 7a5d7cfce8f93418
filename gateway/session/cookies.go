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
	var kept []string
	changed := false
	lines := h["Cookie"]
	for i, line := range lines {
		left := cut(line, names)
		if len(left) != len(line) && !changed {
			changed = true
			kept = append(kept, lines[:i]...)
		}
		if changed && left != "" {
			kept = append(kept, left)
		}
	}
	switch {
	case !changed:
	case len(kept) == 0:
		delete(h, "Cookie")
	default:
		h["Cookie"] = kept
	}
}

// cut returns line without the pairs called names; what is left then does not begin with blanks. It takes time linear in
// the line's length (immunity S50), and where the cookies stand at an end of the line, as ours mostly do, what is left
// is a part of it.
func cut(line string, names []string) string {
	var b strings.Builder // for two runs of pairs that stay, and more
	first, begin := "", 0 // the first run; where the one that is being read begins
	keep := func(run string) {
		switch {
		case first == "":
			first = strings.TrimLeft(run, " \t;")
			return
		case b.Len() == 0:
			b.Grow(len(line))
			b.WriteString(first)
		}
		b.WriteByte(';')
		b.WriteString(run)
	}
	for at := 0; at <= len(line); {
		pair, _, _ := strings.Cut(line[at:], ";")
		next := at + len(pair) + 1
		if named(pair, names) {
			if at > begin {
				keep(line[begin : at-1])
			}
			begin = next
		}
		at = next
	}
	switch {
	case begin == 0:
		return line
	case begin <= len(line):
		keep(line[begin:])
	}
	if b.Len() > 0 {
		return b.String()
	}
	return first
}

func named(pair string, names []string) bool {
	n, _, _ := strings.Cut(pair, "=")
	n = textproto.TrimString(n)
	return slices.ContainsFunc(names, func(name string) bool { return strings.EqualFold(n, name) })
}
