package gateway

import (
	"fmt"
	"path"
	"slices"
	"strings"
)

// CheckGroups reports whether globs can be Config.Groups.
func CheckGroups(globs []string) error {
	for _, g := range globs {
		if _, err := path.Match(g, ""); err != nil || g == "" {
			return fmt.Errorf("groups %q is no pattern; * is any text, ? a character, [a-c] one of several, and \\ takes the meaning from what follows", g)
		}
	}
	return nil
}

// wanted are the groups that the configuration has a use for: all, or those that it lists and those that a rule names.
func (g *Gate) wanted(groups []string) []string {
	if len(g.cfg.Groups) == 0 {
		return groups
	}
	var out []string
	for _, name := range groups {
		if g.cfg.Rules.NamesGroup(name) || slices.ContainsFunc(g.cfg.Groups, func(glob string) bool { return matchGroup(glob, name) }) {
			out = append(out, name)
		}
	}
	return out
}

// matchGroup is path.Match with a slash as a character like any other.
func matchGroup(glob, name string) bool {
	flat := strings.NewReplacer("/", "\x00")
	ok, err := path.Match(flat.Replace(glob), flat.Replace(name))
	return ok && err == nil
}
