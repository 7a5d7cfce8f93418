package identityengine

import (
	"slices"
	"testing"

	"sidegate.example/sidegate/gateway/identity"
)

// A factor's button must not be taken for the way back to the list, or a custom one-time password could not be chosen.
func TestChoiceIDsAreTheirOwn(t *testing.T) {
	seen := []string{choiceResend, choiceOther, choiceSkip}
	var list []factorChoice
	for _, f := range identity.All() {
		list = append(list, factorChoice{Factor: f}, factorChoice{Factor: f}, factorChoice{Factor: f, Enroll: true})
	}
	for len(list) > 0 {
		for _, c := range numbered(list[:3]) {
			if slices.Contains(seen, c.ID) {
				t.Errorf("%s: id %q is that of something else", c.Factor, c.ID)
			}
			seen = append(seen, c.ID)
		}
		list = list[3:]
	}
}
