package identityengine

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strconv"
	"strings"
)

// node is a value somewhere in an answer of Okta. Its accessors never fail: what is absent or of another type
// than expected reads as empty, because recorded answers differ in all of it (identity-engine.md §3.3).
type node struct{ v any }

var errNotOneObject = errors.New("not one JSON object")

// parseJSON reads exactly one JSON object. Numbers keep their spelling, since literals go back as they came.
func parseJSON(b []byte) (node, error) {
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	var m map[string]any
	if err := d.Decode(&m); err != nil || m == nil {
		return node{}, errNotOneObject
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return node{}, errNotOneObject
	}
	return node{m}, nil
}

func (n node) object() (map[string]any, bool) {
	m, ok := n.v.(map[string]any)
	return m, ok
}

func (n node) has(key string) bool {
	m, _ := n.object()
	_, ok := m[key]
	return ok
}

func (n node) get(key string) node {
	m, _ := n.object()
	return node{m[key]}
}

// inner is what Ion wraps as {"type": ..., "value": inner}; a bare value is its own inner.
func (n node) inner() node {
	if n.has("value") {
		return n.get("value")
	}
	return n
}

// items are the entries of a list, wrapped or bare, foreign types included, so that indexes hold.
func (n node) items() []node {
	list, _ := n.inner().v.([]any)
	out := make([]node, len(list))
	for i, v := range list {
		out[i] = node{v}
	}
	return out
}

// text is a string or the spelling of a number.
func (n node) text() string {
	switch v := n.v.(type) {
	case string:
		return v
	case json.Number:
		return v.String()
	}
	return ""
}

// flag is a boolean, also when Okta writes it as a string.
func (n node) flag(fallback bool) bool {
	switch v := n.v.(type) {
	case bool:
		return v
	case string:
		if b, err := strconv.ParseBool(v); err == nil {
			return b
		}
	}
	return fallback
}

// pathLimit bounds a relatesTo: the deepest recorded one has three steps.
const pathLimit = 8

// resolve follows a relatesTo such as "$.authenticatorEnrollments.value[3]" or ["$.currentAuthenticator"]
// from the root n. One that points nowhere gives the empty node (§3.4).
func (n node) resolve(relatesTo node) node {
	if list, ok := relatesTo.v.([]any); ok {
		if len(list) == 0 {
			return node{}
		}
		relatesTo = node{list[0]}
	}
	path := strings.TrimPrefix(relatesTo.text(), "$.")
	if path == "" {
		return node{}
	}
	steps := strings.Split(path, ".")
	if len(steps) > pathLimit {
		return node{}
	}
	for _, step := range steps {
		name, rest, _ := strings.Cut(step, "[")
		n = n.get(name)
		if rest == "" {
			continue
		}
		i, err := strconv.Atoi(strings.TrimSuffix(rest, "]"))
		items := n.items()
		if err != nil || i < 0 || i >= len(items) {
			return node{}
		}
		n = items[i]
	}
	return n.inner()
}
