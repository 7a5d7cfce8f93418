package ui

import (
	"strings"

	"sidegate.example/sidegate/flows"
	"sidegate.example/sidegate/gateway/identity"
)

// ownKeys are the messages whose words are ours whatever Okta says: wrong user and wrong password must
// read alike.
const ownKeys = "sidegate."

// messages turns Okta's messages into lines, each told once in a page. Keys are never shown: a
// message with neither a text of Okta's nor one of ours is left out (immunity S38).
type messages struct {
	catalogue *catalogue
	// ownFirst prefers our words for every key that we know.
	ownFirst bool
	told     map[string]bool
}

// contradicted are the refusals that our own page explains in full, and for which Okta's words mislead: it says "You
// have chosen to reject this login" to who tapped a wrong number.
var contradicted = []flows.DeniedReason{flows.DeniedOnPhone, flows.DeniedLocked, flows.DeniedTimeout}

// ownWords is whether our texts for this step are better than Okta's: its label and errors for the code of the app
// say nothing of where to find it.
func ownWords(s flows.Step) bool {
	return s.Kind == flows.KindCode && s.Factor == identity.TOTP
}

func (m *messages) split(in []flows.Message) (errs, infos []string) {
	for _, msg := range in {
		line := m.line(msg)
		if line == "" || m.told[line] {
			continue
		}
		if m.told == nil {
			m.told = make(map[string]bool)
		}
		m.told[line] = true
		if msg.Error {
			errs = append(errs, line)
		} else {
			infos = append(infos, line)
		}
	}
	return errs, infos
}

func (m *messages) line(msg flows.Message) string {
	own := m.catalogue.texts["message."+msg.Key]
	if (m.ownFirst || strings.HasPrefix(msg.Key, ownKeys)) && own != "" {
		return own
	}
	if text := strings.TrimSpace(msg.Text); text != "" {
		return text
	}
	return own
}
