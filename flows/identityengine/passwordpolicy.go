package identityengine

import (
	"strconv"
	"strings"

	"sidegate.example/sidegate/flows"
)

// keyRequirements is our own message of what a new password needs. Its text is made of Okta's settings, which have none.
const keyRequirements = "sidegate.password_requirements"

// counts are the settings that ask for a number of something (§6.1).
var counts = []struct{ name, one, many string }{
	{"minLowerCase", "a lower-case letter", "lower-case letters"},
	{"minUpperCase", "an upper-case letter", "upper-case letters"},
	{"minNumber", "a number", "numbers"},
	{"minSymbol", "a symbol", "symbols"},
}

// requirements says what Okta's policy wants of a new password; nil when it does not say.
func requirements(at authenticator) *flows.Message {
	complexity := at.node.get("settings").get("complexity")
	var needs []string
	if n := count(complexity.get("minLength")); n > 0 {
		needs = append(needs, "at least "+strconv.Itoa(n)+" characters")
	}
	for _, c := range counts {
		switch n := count(complexity.get(c.name)); {
		case n == 1:
			needs = append(needs, c.one)
		case n > 1:
			needs = append(needs, strconv.Itoa(n)+" "+c.many)
		}
	}
	if complexity.get("excludeUsername").flag(false) {
		needs = append(needs, "no part of your username")
	}
	if complexity.get("excludeFirstName").flag(false) || complexity.get("excludeLastName").flag(false) || len(complexity.get("excludeAttributes").items()) > 0 {
		needs = append(needs, "no part of your name")
	}
	if n := count(at.node.get("settings").get("age").get("historyCount")); n > 0 {
		needs = append(needs, "none of your last "+strconv.Itoa(n)+" passwords")
	}
	if len(needs) == 0 {
		return nil
	}
	return &flows.Message{Key: keyRequirements, Text: "The new password needs: " + strings.Join(needs, ", ") + "."}
}

// count is a small number, 0 for anything else.
func count(n node) int {
	v, err := strconv.Atoi(n.text())
	if err != nil || v < 0 || v > 1000 {
		return 0
	}
	return v
}
